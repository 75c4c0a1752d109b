"""The stored examples: they are those of the table, their requests can be run, and a run gives the same again."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from playground import drawings, examples
from playground.catalog import Catalog, cards
from playground.engine import Engine
from playground.examples import FOLDER, PLANS, REDUCED, Plan
from playground.requests import REQUESTS
from playground.tabs import inpaint
from playground.tabs.cards import Example, of

MOST_BYTES = 1_500_000
SAME = 3.0  # of 255, mean absolute difference: other processors round otherwise
STORED = {(example.task, example.title): example for request in REQUESTS for example in of(request.task)}
FILES = ("picture", "before", "mask", "sound", "spectrogram")


def stored(plan: Plan) -> Example:
    return STORED[plan.task, plan.title]


def named(example: Example) -> set[str]:
    """The files that an example names."""
    names = {getattr(example, field) for field in FILES} | {example.request.get("image", "")}
    return names - {""}


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"), np.float32)


def by_name(plan: Plan) -> str:
    return plan.name


def test_the_stored_examples_are_those_of_the_table_in_its_order():
    listed = [(example.task, example.title, dict(example.request)) for r in REQUESTS for example in of(r.task)]
    assert listed == [(plan.task, plan.title, dict(plan.request)) for plan in PLANS]
    assert len({plan.name for plan in PLANS}) == len(PLANS)


@pytest.mark.parametrize("task", [request.task for request in REQUESTS])
def test_a_task_has_six_to_eight_examples_with_short_names(task):
    titles = [example.title for example in of(task)]
    assert 6 <= len(titles) <= 8 and len(set(titles)) == len(titles)
    assert all(1 <= len(title.split()) <= 4 for title in titles)


def test_all_files_are_named_and_there_and_small_together():
    wanted = set().union(*map(named, STORED.values()))
    assert all((FOLDER / name).is_file() for name in wanted)
    made = {path.name for path in FOLDER.iterdir() if path.suffix in (".webp", ".ogg")}
    assert made == {name for name in wanted if not name.endswith(".png")}
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < MOST_BYTES


@pytest.mark.parametrize("plan", PLANS, ids=by_name)
def test_a_request_passes_its_cards_check(plan):
    request = examples.asked(plan)
    checked = Catalog(cards()).find(request.model).complete(request)
    assert checked.task == plan.task and all(
        getattr(checked, name) == value for name, value in plan.request.items() if name not in ("image", *inpaint.SIDES)
    )


@pytest.mark.parametrize("plan", [plan for plan in PLANS if "image" in plan.request], ids=by_name)
def test_before_mask_and_result_are_of_one_size(plan):
    example = stored(plan)
    for name in {example.picture, example.before, example.mask} - {""}:
        assert pixels(FOLDER / name).shape == (*example.size[::-1], 3), name


@pytest.mark.parametrize("plan", examples.REPAINTED, ids=by_name)
def test_outside_the_mask_nothing_was_changed(plan):
    example = stored(plan)
    outside = pixels(FOLDER / example.mask)[..., 0] < 128
    assert outside.any() and not outside.all()
    changed = pixels(FOLDER / example.before) != pixels(FOLDER / example.picture)
    assert not changed[outside].any() and changed[~outside].any()


@pytest.mark.parametrize("plan", examples.TEXTS, ids=by_name)
def test_a_text_ends_with_a_sentence(plan):
    assert stored(plan).text.rstrip().rstrip("\"'").endswith((".", "!", "?"))


@pytest.mark.parametrize("plan", examples.SPOKEN, ids=by_name)
def test_a_sound_lasts_as_long_as_is_said(plan):
    example = stored(plan)
    assert soundfile.info(FOLDER / example.sound).duration == pytest.approx(example.seconds, abs=0.05)
    assert pixels(FOLDER / example.spectrogram).shape == (*examples.SPECTROGRAM[::-1], 3)


def test_a_drawing_comes_out_as_it_is_stored():
    for name, draw in drawings.all_drawings().items():
        drawn = np.asarray(draw(), np.float32)
        assert np.abs(drawn - pixels(FOLDER / name)).mean() < SAME, name


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    made = examples.starters()
    yield made
    made.close()


@pytest.mark.parametrize(
    "plan", [examples.TEXTS[0], examples.DRAWN[0], examples.REPAINTED[0], examples.ENLARGED[-1], examples.SPOKEN[0]], ids=by_name,
)
def test_a_run_gives_what_is_stored(engine, plan, tmp_path):
    start = plan.request.get("image")
    if start:
        source = REDUCED.get(start, (start,))[0]
        shutil.copy(FOLDER / source, tmp_path / source)
    entry = examples.make(engine, plan, folder=tmp_path)
    again = Example(**entry | {"task": plan.task, "size": tuple(entry.get("size", (0, 0)))})
    assert dataclasses.replace(again, seconds=0) == dataclasses.replace(stored(plan), seconds=0)
    for name in {again.picture, again.mask, again.spectrogram} - {""}:
        assert np.abs(pixels(tmp_path / name) - pixels(FOLDER / name)).mean() < SAME, name
    if again.sound:
        assert again.seconds == pytest.approx(stored(plan).seconds, abs=0.1)
