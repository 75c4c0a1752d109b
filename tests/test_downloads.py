"""Downloads with the real client against a hub of this machine: slow, cut, refused, gone, damaged, and what is left then."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from playground.calls import PIECE
from playground.downloads import Pace
from tests import tiny_diffusion, tiny_text
from tests.fake_hub import Hub

ROOT = Path(__file__).parents[1]
SIZE = 1_000_000  # bytes of the weights that are only fetched


def weights(folder: Path, *, name: str = "model.safetensors", size: int = SIZE) -> Path:
    """A repository whose weights nobody loads."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text("{}")
    (folder / name).write_bytes(random.Random(str(folder)).randbytes(size))
    return folder


def words(folder: Path) -> Path:
    """A language model with what lies beside one in a repository."""
    tiny_text.llama(folder)
    for name in ("pytorch_model.bin", "tf_model.h5", "modeling_words.py", "README.md", "training_args.bin", "onnx/model.onnx"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"not wanted")
    return folder


def pictures(folder: Path) -> Path:
    """A picture model in both precisions, with its twins and a copy in one file."""
    import torch

    tiny_diffusion.stable_diffusion(folder)
    half = tiny_diffusion.stable_diffusion(folder.with_name("half"), dtype=torch.float16)
    for path in half.rglob("*.safetensors"):
        beside = folder / path.relative_to(half)
        beside.with_suffix(".fp16.safetensors").write_bytes(path.read_bytes())
        beside.with_suffix(".bin").write_bytes(b"not wanted")
    training = "unet/diffusion_pytorch_model.non_ema.safetensors"
    for name in ("whole.safetensors", "whole.ckpt", "README.md", "unet/model.py", training):
        (folder / name).write_bytes(b"not wanted")
    return folder


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    """What all scenarios came to, and the hub with what it was asked."""
    base = tmp_path_factory.mktemp("downloads")
    with Hub() as hub:
        hub.serve("acme/words", words(base / "words"), licence="apache-2.0")
        hub.serve("acme/pictures", pictures(base / "pictures"))
        for name, manners in {
            "gated": {"gated": True}, "waiting": {"gated": True, "status": 403}, "private": {"private": True},
            "slow": {"slow": 700_000, "only": "model.safetensors"}, "cut": {"cut": 400_000, "times": 1},
            "reset": {"reset": 400_000, "times": 1}, "busy": {"status": 429, "times": 1, "only": "model.safetensors"},
            "trouble": {"status": 503, "times": 1, "only": "model.safetensors"}, "wrong": {"wrong": 1, "only": ".safetensors"},
            "silent": {"silent": 300_000, "times": 1}, "unready": {"slow": 300_000}, "full": {}, "bare": {},
            "extra": {}, "gone": {"gone": 300_000},
            "first": {"slow": 900_000}, "second": {}, "third": {}, "voice": {}, "vocoder": {},
        }.items():
            hub.serve(f"acme/{name}", weights(base / name), **manners)
        hub.serve("acme/pickle", weights(base / "pickle", name="pytorch_model.bin"))
        hub.serve("acme/halves", weights(base / "halves", name="model.fp16.safetensors"))
        weights(base / "vectors", name="a.npy", size=100)
        hub.serve("datasets/acme/vectors", weights(base / "vectors", name="load.py", size=100))
        theirs = ("HF_", "HUGGINGFACE", "HUGGING_FACE", "TRANSFORMERS", "DIFFUSERS")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(theirs) and "proxy" not in k.lower()}
        done = subprocess.run(
            [sys.executable, "-m", "tests.download_scenarios", str(base)], cwd=ROOT, capture_output=True, text=True, timeout=300,
            env=kept | {"HF_ENDPOINT": hub.url, "HF_HOME": str(base / "cache"), "HF_HUB_DOWNLOAD_TIMEOUT": "600"},
        )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1]) | {"hub": hub, "base": base}


def fetched(outcome, name: str) -> list[str]:
    """The files of a repository that were asked for by GET, as often as they were."""
    parts = [a.path.partition(f"/acme/{name}/resolve/") for a in outcome["hub"].asked if a.method == "GET"]
    return [rest.partition("/")[2] for _, found, rest in parts if found]


def complete(made: dict, *, files: list[str] | None = None) -> bool:
    """Whether a download ended well, and left nothing but its files."""
    assert made["state"] == "done", made
    assert made["ready"] and made["left"] in ([], 0) and made["error"] == "" and made["done"] == made["total"] > 0
    return made["files"] == (files or ["config.json", "model.safetensors"])


def test_a_language_model_is_told_before_and_fetched_without_what_nobody_reads(outcome):
    made, folder = outcome["words"], outcome["base"] / "words"
    files = ["config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]
    assert complete(made, files=files)
    size = sum((folder / name).stat().st_size for name in files)
    assert made["planned"] == made["to_fetch"] == made["size"] == size
    assert made["left"] == 0, "what is here is not fetched again"
    assert made["licence"] == "apache-2.0" and made["free"] > size
    assert made["commit"] == made["kept"] == outcome["hub"].repositories["acme/words"].commit
    assert sorted(fetched(outcome, "words")) == files


def test_a_picture_model_is_fetched_in_the_card_s_precision_and_nothing_beside_it(outcome):
    made = outcome["pictures"]
    assert made["state"] == "done" and made["variant"] == made["resolved"] == "fp16"
    assert {name for name in made["files"] if name.endswith(".safetensors")} == {
        f"{part}/{stem}.fp16.safetensors" for part, stem in
        (("unet", "diffusion_pytorch_model"), ("vae", "diffusion_pytorch_model"), ("text_encoder", "model"))
    }
    assert {"model_index.json", "unet/config.json", "scheduler/scheduler_config.json"} <= set(made["files"])
    assert not any(name.endswith((".bin", ".py", ".ckpt", ".md")) or name.startswith("whole") for name in made["files"])
    assert made["planned"] == sum((outcome["base"] / "pictures" / name).stat().st_size for name in made["files"])


def test_what_was_fetched_is_loaded_and_works_when_the_hub_is_gone(outcome):
    assert outcome["gone"]["words"]
    assert outcome["gone"]["pictures"] == [64, 64]


def test_gated_and_private_repositories_are_explained(outcome):
    made, address = outcome["rights"], outcome["hub"].url
    assert "must be unlocked" in made["gated"] and f"{address}/acme/gated" in made["gated"] and "HF_TOKEN" in made["gated"]
    assert "acme/private" in made["private"] and "hf auth login" in made["private"]
    assert made["nothing"] == made["private"].replace("private ", "nothing ").replace("acme/private", "acme/nothing")
    assert made["fetched"]["state"] == "failed" and "must be unlocked" in made["fetched"]["error"]
    assert "does not know this computer's token" in made["bad"]
    assert "has not let this token in yet" in made["waiting"]
    assert "acme/missing" in made["missing"]
    assert made["let_in"] == ["done", "done"] and made["asks"]
    assert all(made[name].startswith("NotInstalled: ") for name in ("gated", "private", "nothing", "bad", "waiting", "missing"))


def test_progress_is_counted_in_small_pieces_with_speed_and_time(outcome):
    made = outcome["slow"]
    assert complete(made)
    assert len(made["counts"]) > 8 and max(made["counts"]) <= made["total"]
    assert made["speeds"] and all(speed > 0 for speed in made["speeds"])
    assert made["seconds"] and min(made["seconds"]) < max(made["seconds"])
    assert made["states"] in (["looking", "fetching", "checking", "done"], ["looking", "fetching", "done"])


@pytest.mark.parametrize("name", ["cut", "reset"])
def test_a_broken_connection_goes_on_where_it_broke(outcome, name):
    assert complete(outcome[name])
    first, second = outcome["hub"].ranges(f"acme/{name}/resolve/{outcome['hub'].repositories[f'acme/{name}'].commit}/model")
    assert first == 0 and second >= PIECE and second % PIECE == 0
    assert any("goes on where it stopped" in note for note in outcome[name]["notes"])


@pytest.mark.parametrize(("name", "note"), [("busy", "asks for a pause"), ("trouble", "is busy")])
def test_a_busy_hub_is_asked_again_and_that_is_told(outcome, name, note):
    assert complete(outcome[name])
    assert any(note in told for told in outcome[name]["notes"])


def test_a_file_with_another_checksum_is_deleted_and_fetched_again(outcome):
    first, second = outcome["wrong"]["first"], outcome["wrong"]["second"]
    assert first["state"] == "failed" and "did not arrive as it left the hub" in first["error"]
    assert not first["ready"] and first["files"] == ["config.json"]
    assert complete(second)
    assert sorted(fetched(outcome, "wrong")) == ["config.json", "model.safetensors", "model.safetensors"]


def test_a_cancel_is_heard_while_the_server_is_silent_and_a_retry_goes_on(outcome):
    made = outcome["silent"]
    assert made["at_once"] == made["first"]["state"] == "cancelled"
    assert made["first"]["files"] == ["config.json"] and made["first"]["left"] == [] and not made["first"]["ready"]
    assert complete(made["second"])
    assert sorted(fetched(outcome, "silent")) == ["config.json", "model.safetensors", "model.safetensors"]


def test_what_a_cancelled_download_left_can_be_removed(outcome):
    assert outcome["unready"] == {"there": True, "freed": 2, "gone": True}


def test_a_full_disk_is_told_before_and_in_the_middle(outcome):
    made = outcome["full"]
    assert "needs 1.0 MB and only 1.0 MB are free" in made["before"]
    assert made["first"]["state"] == "failed" and "disk became full" in made["first"]["error"]
    assert not made["first"]["ready"] and made["first"]["left"] == [] and "model.safetensors" not in made["first"]["files"]
    assert complete(made["second"])


def test_weights_that_can_hide_programs_are_refused(outcome):
    made = outcome["pickle"]
    assert made["refused"].startswith("NotInstalled: ") and "no complete weights in safetensors" in made["refused"]
    assert made["state"] == "failed" and made["error"] in made["refused"]
    assert fetched(outcome, "pickle") == []


def test_a_variant_is_chosen_by_what_the_repository_has(outcome):
    assert complete(outcome["bare"]) and outcome["bare"]["resolved"] == ""
    assert complete(outcome["halves"], files=["config.json", "model.fp16.safetensors"])


def test_what_else_a_model_needs_comes_with_it(outcome):
    made, own = outcome["voice"], ["config.json", "model.safetensors"]
    assert made["state"] == "done"
    assert made["parts"] == [
        ["acme/voice", "model", own], ["acme/vocoder", "model", own], ["acme/vectors", "dataset", ["a.npy"]],
    ]
    assert made["there"] == {"acme/voice": own, "acme/vocoder": own, "acme/vectors": ["a.npy"]}


def test_what_is_dispensable_does_not_hold_a_download_up(outcome):
    made = outcome["extra"]
    assert made["parts"] == {name: ["acme/extra"] for name in ("nowhere", "pickle", "waiting")}
    assert made["needed"].startswith("NotInstalled: ") and "acme/nowhere" in made["needed"]
    assert made["state"] == "done" and made["ready"] and made["there"] == ["acme/extra"]


def test_downloads_take_turns(outcome):
    made = outcome["queue"]
    assert made["states"] == ["fetching", "waiting", "waiting"]
    assert made["ends"] == ["done", "cancelled", "done"] and made["most"] == 1
    assert made["list"] == ["first", "third"]
    assert fetched(outcome, "second") == []


def test_a_hub_that_goes_away_leaves_nothing_that_looks_ready(outcome):
    made = outcome["gone"]
    assert made["state"] == "failed" and "link to the hub broke" in made["error"]
    assert not made["ready"] and made["left"] == [] and "model.safetensors" not in made["files"]
    assert made["offline"].startswith("NoNetwork: ")


def test_the_speed_is_that_of_the_last_seconds():
    now = [0.0]
    pace = Pace(clock=lambda: now[0])
    assert pace.speed(0) == 0
    for second in range(20):
        now[0] = float(second)
        pace.tell(second * 1000)
    assert pace.speed(19_000) == pytest.approx(1000)
    now[0] = 23.0  # four seconds without a byte
    assert 0 < pace.speed(19_000) < 1000
    now[0] = 60.0
    assert pace.speed(19_000) == 0
