"""The pictures recipe on a made-up pack: it runs, resumes, and its folder loads as a StableDiffusionPipeline."""

from __future__ import annotations

import csv
import functools
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from playground.training.pictures import (
    autoencoder,
    colours,
    data,
    diffusion,
    distil,
    examples,
    judge,
    measures,
    scenes,
    things,
    words,
)
from playground.training.pictures.__main__ import main
from playground.training.pictures.start import start_as_thumbnail

STYLES = sorted({*things.STYLES.values(), *judge.STYLES.values(), *judge.UNSEEN.values()})
FOREIGN = ("tractor", "trumpet", "camel")


@pytest.fixture(scope="module")
def packs(tmp_path_factory) -> Path:
    """An emoji pack of coloured ellipses under the real names, in all styles."""
    folder = tmp_path_factory.mktemp("packs") / "emoji"
    folder.mkdir()
    rng = np.random.default_rng(0)
    names = [*dict.fromkeys(n for pictures, _ in things.THINGS.values() for n in pictures), *FOREIGN]
    columns = ["file", "style", "name", "keywords", "group", "subset"]
    with zipfile.ZipFile(folder / "emoji256.zip", "w") as archive, open(folder / "index.csv", "w", newline="") as index:
        table = csv.DictWriter(index, columns)
        table.writeheader()
        for number, (name, style) in enumerate((n, s) for n in names for s in STYLES):
            picture = Image.new("RGBA", (64, 64))
            left, top = rng.integers(2, 20, 2).tolist()
            colour = (*rng.integers(0, 255, 3).tolist(), 255)
            ImageDraw.Draw(picture).ellipse((left, top, left + 36, top + 36), fill=colour)
            buffer = io.BytesIO()
            picture.save(buffer, format="PNG", compress_level=1)
            archive.writestr(f"{number}.png", buffer.getvalue())
            row = {"file": f"{number}.png", "style": style, "name": name, "keywords": "thing|other", "group": "Objects"}
            table.writerow(row | {"subset": "core"})
    return folder.parent


@pytest.fixture(scope="module")
def pack(packs) -> data.Pack:
    return data.load_pack(packs, limit=24)


@pytest.fixture(scope="module")
def trained(packs, tmp_path_factory) -> Path:
    work = tmp_path_factory.mktemp("work")
    with pytest.MonkeyPatch.context() as patch:  # fewer pictures in fewer steps, which nobody looks at
        patch.setattr(measures, "SEEDS", 2)
        patch.setattr(measures, "draw", functools.partial(measures.draw, steps=2))
        main(["--data", str(packs), "--work", str(work), "--smoke", "--device", "cpu"])
    return work


def test_the_folder_loads_and_draws(trained):
    import torch
    from diffusers import DiffusionPipeline

    pipeline = DiffusionPipeline.from_pretrained(trained / "out", dtype=torch.float32, local_files_only=True)
    assert type(pipeline).__name__ == "StableDiffusionPipeline"
    calls = []
    pipeline.unet.register_forward_pre_hook(lambda _, inputs: calls.append(len(inputs[0])))
    noise = torch.Generator().manual_seed(1)
    picture = pipeline(prompt="a fox", num_inference_steps=3, guidance_scale=3.0, generator=noise).images[0]
    assert picture.size == (data.SIZE, data.SIZE)
    assert calls == [1, 1, 1]  # the distilled denoiser is asked once a step


def test_the_folder_names_no_path_of_the_machine(trained):
    assert not [p for p in (trained / "out").rglob("*.json") if str(trained) in p.read_text(encoding="utf8")]


def test_files_are_small_and_facts_are_told(trained):
    assert all(p.stat().st_size < 12_000_000 for p in (trained / "out").rglob("*") if p.is_file())
    weights = sum(p.stat().st_size for p in (trained / "out").rglob("*.safetensors"))
    assert weights < 32_000_000
    facts = json.loads((trained / "out" / "facts.json").read_text())
    told = {"data", "credits", "licence", "seed", "hardware", "minutes", "autoencoder", "diffusion", "distil", "objects"}
    assert told <= set(facts)
    assert {"ceiling", "drawn", "obeyed", "both_found", "held_out", "diversity", "copies"} <= set(facts["measured"])
    assert "panda" in facts["vocabulary"] or "dog" in facts["vocabulary"]
    assert facts["diffusion"]["steps"] == 3


def test_the_preview_layer_turns_latents_into_the_picture(trained, pack):
    import torch
    import torch.nn.functional as F
    from diffusers import AutoencoderKL
    from safetensors.torch import load_file

    layer = load_file(trained / "out" / "preview.safetensors")
    assert layer["weight"].shape == (48, 4, 3, 3) and layer["bias"].shape == (48,)
    vae = AutoencoderKL.from_pretrained(trained / "out" / "vae", torch_dtype=torch.float32)
    pixels = measures.pixels_of(measures.singles(pack, range(4)))
    with torch.inference_mode():
        latents = vae.encode(pixels).latent_dist.mode() * vae.config.scaling_factor
    guess = F.pixel_shuffle(F.conv2d(F.pad(latents, (1, 1, 1, 1), mode="replicate"), **layer), 4)
    wanted = F.interpolate(pixels, (64, 64), mode="area")
    assert (guess - wanted).square().mean() < 0.5 * wanted.var()


def test_it_resumes_instead_of_beginning_again(trained, packs):
    before = json.loads((trained / "facts.json").read_text())
    main(["--data", str(packs), "--work", str(trained), "--smoke", "--device", "cpu", "--stages", "diffusion"])
    after = json.loads((trained / "facts.json").read_text())
    assert (before["diffusion"]["steps"], after["diffusion"]["steps"]) == (3, 6)
    assert before["distil"] == after["distil"]


def test_the_head_start_hands_on_a_thumbnail(pack):
    import torch

    torch.manual_seed(0)
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


def test_a_resumed_run_keeps_its_tokenizer(tmp_path):
    first = words.kept_tokenizer(tmp_path / "tokenizer", ["fox", "red apple", "a cat", "on"])
    again = words.kept_tokenizer(tmp_path / "tokenizer", ["other", "words"])
    assert again.get_vocab() == first.get_vocab()
    assert again("a red apple").input_ids == first("a red apple").input_ids


def test_a_run_begun_with_earlier_weights_takes_up_those_that_fit(trained):
    import torch
    from diffusers import UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTokenizer

    folder = trained / "out"
    old = CLIPTokenizer.from_pretrained(folder / "tokenizer")
    tokenizer = words.build_tokenizer(["background", "fox", "blue", "zeppelin"])
    networks = torch.nn.ModuleDict({"unet": diffusion.build_denoiser(), "text": words.build_text_encoder(tokenizer)})
    words.begin_with(networks, tokenizer, folder)
    unet = UNet2DConditionModel.from_pretrained(folder / "unet", torch_dtype=torch.float32)
    text = CLIPTextModel.from_pretrained(folder / "text_encoder", dtype=torch.float32)
    assert torch.equal(networks["unet"].conv_in.weight, unet.conv_in.weight)
    piece = "blue</w>"
    rows = networks["text"].get_input_embeddings().weight, text.get_input_embeddings().weight
    assert torch.equal(rows[0][tokenizer.get_vocab()[piece]], rows[1][old.get_vocab()[piece]])


def test_the_student_begins_as_its_teacher():
    import torch

    torch.manual_seed(0)
    teacher = diffusion.build_denoiser().eval()
    student = distil.begin_student(teacher).eval()
    latents, text = torch.randn(2, 4, 16, 16), torch.randn(2, 8, words.WIDTH)
    scales = torch.tensor([1.0, 5.0])
    with torch.inference_mode():
        asked = teacher(latents, 500, text).sample
        given = student(latents, 500, text, timestep_cond=distil.told(scales)).sample
    torch.testing.assert_close(asked, given)


def test_the_guidance_scale_is_told_as_the_pipeline_tells_it(trained):
    import torch
    from diffusers import DiffusionPipeline

    pipeline = DiffusionPipeline.from_pretrained(trained / "out", dtype=torch.float32, local_files_only=True)
    told = []
    pipeline.unet.register_forward_pre_hook(
        lambda _, inputs, named: told.append(named["timestep_cond"]), with_kwargs=True
    )
    pipeline(prompt="a fox", num_inference_steps=1, guidance_scale=4.0, output_type="latent")
    torch.testing.assert_close(told[0], distil.told(torch.tensor([4.0])))


def test_captions_tell_what_was_drawn(pack):
    rng = np.random.default_rng(3)
    kinds = set()
    for _ in range(150):
        scene = scenes.compose(pack, rng)
        kinds.add(len(scene.things))
        corner = scene.pixels[0, 0].astype(int)
        top = scene.ground[0] if scene.ground else "white"
        assert np.abs(corner - things.GROUNDS[top]).max() < 30
        assert all(f"{ground}" in scene.caption for ground in scene.ground)
        for name, colour, _ in scene.things:
            called = next(n for n in (name, *sorted(pack.synonyms[name], key=len, reverse=True)) if n in scene.caption)
            assert colour is None or f"{colour} {called}" in scene.caption
            assert (name, scene.style) not in pack.held_out
        if len(scene.ground) == 1 and len(scene.things) == 1 and scene.things[0][1] in things.PAINTS:
            kinds.add("coloured")
    assert kinds == {1, 2, 3, "coloured"}


def test_a_caption_s_places_are_the_places(pack):
    rng = np.random.default_rng(5)
    seen = 0
    for _ in range(60):
        scene = scenes.compose(pack, rng, kind="placed")
        left, top, right, bottom = scene.things[0][2]
        x, y = (left + right) / 2 / data.SIZE, (top + bottom) / 2 / data.SIZE
        before_ground = scene.caption.split(" on a")[0]
        for word, place in (("left", x), ("right", 1 - x), ("top", y), ("bottom", 1 - y)):
            if f" {word}" in before_ground:
                seen += 1
                assert place < 0.42
    assert seen > 20


def test_the_held_out_pairs_are_the_same_at_every_call_and_never_the_own_style(packs):
    first, again = data.load_pack(packs), data.load_pack(packs)
    assert first.held_out == again.held_out and len(first.held_out) == data.HELD_OUT
    assert all(style != things.OWN_STYLE for _, style in first.held_out)
    assert not data.load_pack(packs, keep_all=True).held_out


@pytest.mark.parametrize("paint", things.PAINTS)
def test_a_thing_repainted_has_the_colour_and_its_other_hues_stay(paint):
    thing = np.zeros((64, 64, 4), np.uint8)
    thing[8:56, 8:56] = (210, 40, 40, 255)
    thing[8:16, 24:40] = (60, 170, 80, 255)  # a leaf
    thing[30:34, 30:34] = (20, 20, 20, 255)
    painted = colours.repaint(thing, paint)
    assert colours.colour_of(painted) == paint
    assert np.abs(painted[10, 30].astype(int) - thing[10, 30]).max() < 12
    assert np.abs(painted[32, 32].astype(int) - thing[32, 32]).max() < 12
    assert (painted[..., 3] == thing[..., 3]).all()


def test_every_ground_is_named_by_its_pixels():
    for name, value in things.GROUNDS.items():
        assert colours.main_colour(np.array([value], np.uint8))[0] == measures.PLAIN.get(name, name), name


def test_colours_go_to_hue_and_back():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (500, 3)).astype(np.uint8)
    assert np.abs(colours.rgb(colours.hsv(pixels)).astype(int) - pixels).max() <= 1


def test_obeyed_counts_what_is_there(pack):
    wanted = measures.composed(pack, np.random.default_rng(1), 30)
    real = measures.truly_composed(pack, wanted)
    assert np.mean([measures.obeyed(p, c, g) == (True, True) for p, (_, c, g, _) in zip(real, wanted, strict=True)]) > 0.8
    other = {"red": "blue"}
    assert not any(all(measures.obeyed(p, other.get(c, "red"), g)) for p, (_, c, g, _) in zip(real, wanted, strict=True))


def test_ranks_and_both_found_know_a_judge_that_is_right_from_one_that_is_wrong(pack):
    import torch

    class Colour:
        """Sees the mean colour; reads a name as the mean colour of its sprite."""

        scale = torch.zeros(1)

        def look(self, pixels):
            return torch.nn.functional.normalize(pixels.mean((2, 3)) - 1, dim=-1)

        def read(self, names):
            return self.look(measures.pixels_of(measures.singles(pack, [pack.names.index(n) for n in names])))

    gallery = pack.things[:6]
    rows = [pack.names.index(n) for n in gallery]
    shots = measures.singles(pack, rows)
    assert measures.recall(measures.ranks(Colour(), shots, list(gallery), gallery)) == {"r1": 1.0, "r5": 1.0}
    turned = measures.ranks(Colour(), shots, [*gallery[1:], gallery[0]], gallery)
    assert measures.recall(turned)["r1"] == 0.0


def test_halves_cut_each_picture_in_two():
    picture = np.zeros((1, data.SIZE, data.SIZE, 3), np.uint8)
    picture[:, :, data.SIZE // 2:] = 255
    left, right = measures.halves(picture)
    assert left.shape == picture.shape[1:] and left.max() == 0 and right.min() == 255


def test_a_pack_without_an_object_is_refused_in_words(tmp_path):
    (tmp_path / "emoji").mkdir()
    (tmp_path / "emoji" / "index.csv").write_text("file,style,name,subset\n")
    with pytest.raises(ValueError, match="the pack has no picture called"):
        data.load_pack(tmp_path)


def test_the_unseen_style_may_lack_things(packs, tmp_path):
    (tmp_path / "emoji").mkdir()
    lines = (packs / "emoji" / "index.csv").read_text().splitlines(keepends=True)
    kept = [line for line in lines if ",panda," not in line]
    (tmp_path / "emoji" / "index.csv").write_text("".join(kept))
    (tmp_path / "emoji" / "emoji256.zip").symlink_to(packs / "emoji" / "emoji256.zip")
    unseen = data.load_pack(tmp_path, styles=judge.UNSEEN, keep_all=True)
    assert "panda" not in unseen.things and len(unseen.things) == len(things.THINGS) - 1


def test_a_pack_with_everything_calls_other_concepts_by_their_names(packs):
    pack = data.load_pack(packs, everything=True)
    assert set(FOREIGN) <= set(pack.things) and set(things.THINGS) <= set(pack.things)
    assert not any(thing in FOREIGN for thing, _ in pack.held_out)


def test_example_prompts_use_known_words(packs):
    known = {word for name in scenes.known_words(data.load_pack(packs)) for word in name.split()}
    for prompt in examples.PROMPTS.values():
        assert set(prompt.split()) <= known, prompt
