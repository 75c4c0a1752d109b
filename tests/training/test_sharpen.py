"""The recipe of the starter that enlarges pictures, on packs made here."""

import csv
import io
import json
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open

from playground.networks import srvgg
from playground.training.sharpen import data, evaluate
from playground.training.sharpen.__main__ import main


def picture(rng, *, width, height, mode="RGB"):
    coarse = rng.integers(0, 256, (height // 8, width // 8, len(mode)), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def archive(path, names, rng):
    with zipfile.ZipFile(path, "w") as file:
        for name in names:
            buffer = io.BytesIO()
            picture(rng, width=256, height=256, mode="RGBA").save(buffer, "WEBP", lossless=True)
            file.writestr(name, buffer.getvalue())


@pytest.fixture
def packs(tmp_path):
    """A folder with two photos, two emoji (one of them outside `core`) and one drawing."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "data"
    for name in ("photos/train", "emoji", "clipart"):
        (folder / name).mkdir(parents=True)
    for name in "ab":
        picture(rng, width=322, height=299).save(folder / "photos" / "train" / f"{name}.jpg")
    archive(folder / "emoji" / "emoji256.zip", ["noto/1.webp", "noto/2.webp"], rng)
    with open(folder / "emoji" / "index.csv", "w", newline="") as file:
        csv.writer(file).writerows([("file", "subset"), ("noto/1.webp", "core"), ("noto/2.webp", "avoid")])
    archive(folder / "clipart" / "clipart256.zip", ["art/1.webp"], rng)
    return folder


@pytest.fixture
def run(packs, tmp_path):
    def recipe(*more):
        main(["--data", str(packs), "--work", str(tmp_path / "work"), "--smoke", "--device", "cpu", *more])
        return tmp_path / "work" / "out"

    return recipe


def test_the_recipe_writes_weights_config_and_facts(run, capsys):
    out = run()
    network = srvgg.load(out)
    assert json.loads((out / "config.json").read_text()) == {
        "num_feat": network.num_feat, "num_conv": network.num_conv, "upscale": 4,
    }
    with safe_open(out / "model.safetensors", framework="pt") as file:
        assert file.get_tensor("body.0.weight").dtype == torch.float16
    facts = json.loads((out / "facts.json").read_text())
    assert facts["licence"] == "Apache-2.0" and facts["steps"] == 3 and facts["loss"] > 0
    assert facts["parameters"] == sum(p.numel() for p in network.parameters())
    assert {"title", "data", "credits", "seed", "hardware", "date", "minutes"} <= facts.keys()
    assert any("Aitzol Berasategi" in line for line in facts["credits"])
    assert "measures" not in facts
    assert "evaluate skipped: there is no picture in" in capsys.readouterr().out


def test_the_same_command_goes_on_from_the_checkpoint(run):
    run("--stages", "train")
    out = run("--stages", "train")
    assert json.loads((out / "facts.json").read_text())["steps"] == 6


def test_a_spent_budget_trains_no_further_and_keeps_the_loss(run):
    run("--stages", "train")
    out = run("--stages", "train", "--minutes", "0.0001")
    facts = json.loads((out / "facts.json").read_text())
    assert facts["steps"] == 3 and facts["loss"] > 0


def test_evaluate_alone_adds_its_measures(run, packs):
    run("--stages", "train")
    (packs / "sr-eval" / "Set14").mkdir(parents=True)
    picture(np.random.default_rng(5), width=90, height=70).save(packs / "sr-eval" / "Set14" / "1.png")
    facts = json.loads((run("--stages", "evaluate") / "facts.json").read_text())
    assert set(facts["measures"]) == {"set14_x4_psnr", "bicubic_x4_psnr", "set14_x2_psnr", "bicubic_x2_psnr"}
    assert facts["steps"] == 3


def test_the_packs_are_read_without_what_stands_outside_core(packs):
    pack = data.load_pack(packs)
    assert len(pack.pictures) == 2 * 2 + 1 + 1
    assert pack.odds[-1] == pytest.approx(1)
    for large, small in pack.pictures:
        assert large.shape == (small.shape[0] * 4, small.shape[1] * 4, 3)


def test_small_patches_are_the_large_ones_made_smaller(packs):
    large, small = data.batch(data.load_pack(packs), np.random.default_rng(0), 12)
    assert large.shape == (12, 3, 128, 128) and small.shape == (12, 3, 32, 32)
    averaged = torch.nn.functional.avg_pool2d(large, 4)
    assert (averaged - small).abs().mean() < 0.02


def test_patches_reach_the_edges_but_not_beyond(packs):
    pack = data.load_pack(packs)
    reached = set()
    for number, top, left in pack.spots:
        height, width = pack.pictures[number][1].shape[:2]
        assert top + data.PATCH <= height and left + data.PATCH <= width
        reached.add(int(number))
    assert reached == set(range(len(pack.pictures)))


def test_psnr_of_a_known_difference():
    dark = torch.zeros(3, 20, 20)
    assert evaluate.psnr(dark + 1 / 219, dark, border=4) == pytest.approx(48.13, abs=0.01)
