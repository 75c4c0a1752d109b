"""--doctor: one line for each thing, FAILED where something does not work, and the exit code that says so."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from playground import doctor
from playground.catalog import Catalog
from playground.engine import Engine
from playground.errors import ModelBroken, PlaygroundError
from playground.pool import ModelPool
from playground.requests import REQUESTS
from tests.fakes import FakeModel, ask, card, engine_of


@pytest.fixture(autouse=True)
def no_token(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    importlib.import_module("huggingface_hub.constants")
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "token"))


def looked(tmp_path: Path, engine: Engine, *, reachable: bool = True, requirements: str = "", **options) -> tuple[int, list[str]]:
    """The exit code and the lines."""
    lines: list[str] = []
    (tmp_path / "requirements.txt").write_text(requirements or "# tested\n")
    code = doctor.doctor(
        engine, (ask(),), folder=tmp_path / "hub", tell=lines.append, reachable=lambda: reachable,
        requirements=tmp_path / "requirements.txt", **options,
    )
    return code, lines


def starting(lines: list[str], word: str) -> list[str]:
    """The lines of a verdict, without it."""
    return [line[8:] for line in lines if line.startswith(word)]


def test_where_all_is_well_each_thing_has_its_line(tmp_path: Path) -> None:
    code, lines = looked(tmp_path, engine_of(lambda card: FakeModel()), told=["Left out."])
    assert code == 0 and lines[-1] == "Everything works." and not starting(lines, "FAILED")
    known = starting(lines, "OK")
    assert known[0].startswith(f"Python {sys.version_info.major}.")
    assert any(line.startswith("torch 2.") for line in known)
    assert "CPU (cpu), computes in float32, 8.0 GB of memory, 1 threads" in known
    assert any(line.startswith("Text: Slow, loaded in 0.0 s, run in 0.0 s") for line in known)
    notes = starting(lines, "NOTE")
    assert "Left out." in notes
    assert any(line.startswith("No token for the hub") for line in notes)


def test_what_is_missing_is_told_with_what_to_do(tmp_path: Path) -> None:
    code, lines = looked(
        tmp_path, engine_of(lambda card: FakeModel(error=ModelBroken("Its files are damaged. Get it again."))),
        requirements="not-a-package-of-ours==1.0\n", reachable=False,
    )
    assert code == 1 and lines[-1] == "2 things do not work."
    assert starting(lines, "FAILED") == [
        "not-a-package-of-ours is not installed. Install it: pip install -r requirements.txt.",
        "Text: Slow: Its files are damaged. Get it again.",
    ]
    assert any("does not answer" in line for line in starting(lines, "NOTE")), "without a network all that is here works"


def test_a_version_that_is_not_the_one_of_the_tests_counts_whatever_stands_behind_it(tmp_path: Path) -> None:
    import numpy

    pins = f"numpy=={numpy.__version__}  # the same\nplatformdirs[x] == 0.1 ; python_version > '3'\n# torch==0.1\n-r other.txt\n"
    code, lines = looked(tmp_path, engine_of(lambda card: FakeModel()), requirements=pins)
    (sentence,) = starting(lines, "FAILED")
    assert code == 1 and sentence.startswith("platformdirs is ") and "it is tested with 0.1." in sentence
    assert "1 package as in requirements.txt" in starting(lines, "OK") and lines[-1] == "1 thing does not work."


def test_a_device_that_is_not_there_ends_it(tmp_path: Path) -> None:
    def choose():
        raise PlaygroundError("There is no such device.")

    engine = Engine(catalog=Catalog((card(),)), pool=ModelPool(choose=choose, load=lambda card, device: FakeModel()))
    code, lines = looked(tmp_path, engine)
    assert code == 1 and lines[-2:] == ["FAILED  There is no such device.", "1 thing does not work."]


def test_the_token_is_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    _, lines = looked(tmp_path, engine_of(lambda card: FakeModel()))
    assert "A token for the hub is there" in starting(lines, "OK") and "hf_secret" not in "\n".join(lines)
    assert "The hub is not asked, because HF_HUB_OFFLINE is set" in starting(lines, "NOTE")


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "LITTLE", 1e30)
    _, lines = looked(tmp_path, engine_of(lambda card: FakeModel()))
    assert any(line.startswith("Only ") and str(tmp_path / "hub") in line for line in starting(lines, "NOTE"))


def test_every_tab_is_tried_with_its_starter() -> None:
    tried = doctor.tried()
    assert [request.task for request in tried] == [request.task for request in REQUESTS]
    assert {request.model for request in tried} == {"words", "pictures", "sharpen", "voice"}
