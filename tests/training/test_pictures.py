"""The pictures recipe on a made-up pack: it runs, resumes, and its folder loads as a StableDiffusionPipeline."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from playground.training.pictures import autoencoder, data, evaluate, examples, words
from playground.training.pictures.__main__ import main
from playground.training.pictures.start import start_as_thumbnail


@pytest.fixture(scope="module")
def packs(tmp_path_factory) -> Path:
    """An emoji pack of coloured ellipses under the real names."""
    folder = tmp_path_factory.mktemp("packs") / "emoji"
    folder.mkdir()
    rng = np.random.default_rng(0)
    with zipfile.ZipFile(folder / "emoji256.zip", "w") as archive, open(folder / "index.csv", "w", newline="") as index:
        table = csv.DictWriter(index, ["file", "style", "name"])
        table.writeheader()
        for number, (name, origin) in enumerate(data.OBJECTS.items()):
            picture = Image.new("RGBA", (256, 256))
            left, top = rng.integers(10, 100, 2).tolist()
            colour = (*rng.integers(0, 255, 3).tolist(), 255)
            ImageDraw.Draw(picture).ellipse((left, top, left + 130, top + 130), fill=colour)
            buffer = io.BytesIO()
            picture.save(buffer, format="PNG", compress_level=1)
            archive.writestr(f"{number}.png", buffer.getvalue())
            table.writerow({"file": f"{number}.png", "style": data.STYLE, "name": origin or name})
    return folder.parent


@pytest.fixture(scope="module")
def trained(packs, tmp_path_factory) -> Path:
    work = tmp_path_factory.mktemp("work")
    main(["--data", str(packs), "--work", str(work), "--smoke", "--device", "cpu"])
    return work


def test_the_folder_loads_and_draws(trained):
    import torch
    from diffusers import DiffusionPipeline

    pipeline = DiffusionPipeline.from_pretrained(trained / "out", dtype=torch.float32, local_files_only=True)
    assert type(pipeline).__name__ == "StableDiffusionPipeline"
    noise = torch.Generator().manual_seed(1)
    picture = pipeline(prompt="a fox", num_inference_steps=2, guidance_scale=2.0, generator=noise).images[0]
    assert picture.size == (data.SIZE, data.SIZE)


def test_files_are_small_and_facts_are_told(trained):
    assert all(p.stat().st_size < 12_000_000 for p in (trained / "out").rglob("*") if p.is_file())
    facts = json.loads((trained / "out" / "facts.json").read_text())
    assert {"data", "credits", "licence", "seed", "hardware", "minutes", "autoencoder", "diffusion", "objects"} <= set(facts)
    assert facts["diffusion"]["steps"] == 3


def test_it_resumes_instead_of_beginning_again(trained, packs):
    main(["--data", str(packs), "--work", str(trained), "--smoke", "--device", "cpu"])
    assert json.loads((trained / "out" / "facts.json").read_text())["diffusion"]["steps"] == 3


def test_the_head_start_hands_on_a_thumbnail(packs):
    import torch

    torch.manual_seed(0)
    pack = data.load_pack(packs, limit=32)
    network = autoencoder.build()
    before = autoencoder.psnr(network, pack, device="cpu", count=8)
    start_as_thumbnail(network, autoencoder.crops(pack, np.random.default_rng(0), 16))
    assert autoencoder.psnr(network, pack, device="cpu", count=8) > max(before + 5, 15)


def test_the_tokenizer_keeps_known_words_whole_and_swallows_anything():
    tokenizer = words.build_tokenizer(["fox", "red apple", "on", "a", "blue", "background"])
    tokens = tokenizer.tokenize("a FOX on a blue background")
    assert tokens == [f"{word}</w>" for word in "a fox on a blue background".split()]
    ids = words.encode(tokenizer, ["Straße 東京 🙂", ""])
    assert ids.shape == (2, words.MAX_TOKENS) and ids.max() < len(tokenizer)
    assert ids[1, 0] == tokenizer.bos_token_id and ids[1, 1] == tokenizer.eos_token_id


def test_captions_tell_the_ground_that_was_drawn(packs):
    pack = data.load_pack(packs, limit=8)
    rng = np.random.default_rng(3)
    for _ in range(60):
        picture, caption = data.sample(pack, rng)
        corner = picture[0, 0].astype(int)
        ground = next((g for g in sorted(data.GROUNDS, key=len, reverse=True) if f" {g} background" in caption), "white")
        assert np.abs(corner - data.GROUNDS[ground]).max() < 30


def test_a_pack_without_an_object_is_refused_in_words(packs, tmp_path):
    (tmp_path / "emoji").mkdir()
    (tmp_path / "emoji" / "index.csv").write_text("file,style,name\n")
    with pytest.raises(ValueError, match="the pack has no fluent3d picture called"):
        data.load_pack(tmp_path)


def test_example_prompts_use_known_words(packs):
    pack = data.load_pack(packs)
    assert len(evaluate.examples(pack)) == 24
    known = {word for name in pack.names for word in name.split()} | set("a an on background".split())
    known |= {word for ground in data.GROUNDS for word in ground.split()}
    for prompt in (*examples.PROMPTS.values(), *evaluate.examples(pack)):
        assert set(prompt.split()) <= known, prompt


def test_a_resumed_run_keeps_its_tokenizer(tmp_path):
    first = words.kept_tokenizer(tmp_path / "tokenizer", ["fox", "red apple", "a cat", "on"])
    again = words.kept_tokenizer(tmp_path / "tokenizer", ["other", "words"])
    assert again.get_vocab() == first.get_vocab()
    assert again("a red apple").input_ids == first("a red apple").input_ids
