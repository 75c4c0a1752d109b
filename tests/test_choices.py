"""What a tab's choice of a model offers: what is ready, the best marked, and the way to more for who may fetch."""

from __future__ import annotations

import dataclasses

import pytest

from playground import choices
from playground.catalog import cards
from playground.device import Device
from playground.site import Models
from playground.wording import say
from tests.fake_downloads import FakeDownloads, FakeStore
from tests.fake_site import site_of
from tests.fakes import FakeModel, card, engine_of

TASK = "text_generation"
SMALL = dataclasses.replace(card("small", memory=1_000_000_000), repository="a/small", on_cpu=True)
LARGE = dataclasses.replace(card("large", memory=2_000_000_000), repository="a/large", on_cpu=True)
HUGE = dataclasses.replace(card("huge", memory=9_000_000_000), repository="a/huge", on_cpu=True)
FIRST = next(one for one in cards() if one.id == "words")


@pytest.fixture
def made(tmp_path):
    """Makes sites whose store holds some of the models."""

    def make(*here: str, shared: bool = False):
        store = FakeStore(here)
        engine = engine_of(lambda card: FakeModel(), cards=(FIRST, SMALL, LARGE, HUGE), shared=shared)
        return site_of(engine, tmp_path, shared=shared, models=Models(store=store, downloads=FakeDownloads(store)))

    return make


def ids(site) -> list[str]:
    return [name for _, name in choices.listed(site, TASK)]


def test_only_what_is_ready_is_offered_and_the_way_to_more(made):
    assert ids(made()) == ["words", choices.MORE]
    assert ids(made("large")) == ["words", "large", choices.MORE]


def test_strangers_are_not_offered_to_get_more(made):
    assert ids(made("large", shared=True)) == ["words", "large"]


def test_without_a_store_everything_is_ready(tmp_path):
    assert ids(site_of(engine_of(lambda card: FakeModel(), cards=(FIRST, SMALL)), tmp_path)) == ["words", "small"]


def test_the_best_that_fits_is_marked_once_the_device_is_known(made):
    site = made("small", "large", "huge")
    before = choices.signature(site)
    assert all(title == title.partition(" (best")[0] for title, _ in choices.listed(site, TASK)[1:])
    assert site.engine.pool.device.budget == 4_000_000_000
    marked = {name: title for title, name in choices.listed(site, TASK)}
    assert marked["large"] == say("models.marked", model="Large") and marked["huge"] == "Huge"
    assert choices.signature(site) != before


def test_the_best_is_told_where_it_is_not_here_too(made):
    site = made("small")
    site.engine.pool.__dict__["device"] = Device(name="cpu", title="CPU", free_memory=8 * 10**9, dtype="float32", threads=1)
    assert choices.best(site, TASK) == LARGE
    assert not any(say("models.marked", model="Small") == title for title, _ in choices.listed(site, TASK))


def test_whatever_a_browser_sends_only_a_ready_model_of_the_tab_serves(made):
    site = made("small")
    assert choices.serves(site, "small", TASK) and choices.serves(site, "words", TASK)
    for wrong in ("large", "gone", choices.MORE, "", None, 3, ["small"], {"small": 1}):
        assert not choices.serves(site, wrong, TASK)
    assert not choices.serves(site, "small", "text_to_image")
