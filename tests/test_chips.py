"""The line of chips: what is known of this computer before, while and after models are used, and what strangers see."""

from __future__ import annotations

import dataclasses
from html.parser import HTMLParser

import pytest

from playground.chips import chip, chips
from playground.site import Models
from playground.wording import say
from tests.fake_downloads import FakeDownloads, FakeStore
from tests.fake_site import site_of
from tests.fakes import FakeModel, ask, card, engine_of, events_of


class Chips(HTMLParser):
    """The chips of a line by kind, each with its words and what is shown when it is pointed at."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.kinds: list[str] = []
        self.texts: dict[str, str] = {}
        self.whys: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        if tag == "li":
            self.kinds.append(dict(attrs)["class"].split()[-1].removeprefix("pg-chip-"))
            self.whys.append(dict(attrs)["title"])

    def handle_data(self, data):
        self.texts[self.kinds[-1]] = data


@pytest.fixture
def engine():
    running = engine_of(lambda card: FakeModel(), cards=(card("first"), card("second")), shared=True)
    yield running
    running.close()


@pytest.fixture
def site(engine, tmp_path):
    return site_of(engine, tmp_path)


def run(engine, model: str) -> None:
    events_of(engine.run(ask(model=model), "me"))


def test_before_the_device_is_known_it_is_said_and_not_asked_for(site):
    line = Chips(chips(site))
    assert line.kinds == ["device", "offline"] and line.texts["device"] == say("chips.waking")
    assert site.engine.pool.known_device is None


def test_the_device_the_models_and_the_memory_are_said(site):
    assert site.engine.pool.device.name == "cpu"
    line = Chips(chips(site))
    assert line.kinds == ["device", "offline", "model", "memory"] and line.texts["model"] == say("chips.no_model")
    assert line.texts["device"] == "CPU, 1 thread"


def test_the_model_that_was_used_last_stands_first(site, engine):
    run(engine, "first")
    assert Chips(chips(site)).texts["model"] == "First"
    run(engine, "second")
    assert Chips(chips(site)).texts["model"] == "Second, First"
    run(engine, "first")
    assert Chips(chips(site)).texts["model"] == "First, Second"


def test_strangers_are_not_told_of_this_computers_memory(site, engine):
    run(engine, "first")
    assert Chips(chips(dataclasses.replace(site, shared=True))).kinds == ["device", "offline", "model"]


def test_a_graphics_card_is_called_by_its_name(site, engine):
    from playground.device import Device

    engine.pool.__dict__["device"] = Device(name="xpu", title="Arc <b>", free_memory=1, dtype="float32", threads=8)
    assert Chips(chips(site)).texts["device"] == "Arc <b>"


def test_every_chip_says_what_it_means(site, engine):
    run(engine, "first")
    line = Chips(chips(site))
    assert all(why.endswith(".") for why in line.whys) and len(set(line.whys)) == len(line.kinds)


def test_a_chips_words_are_text():
    assert chip("model", "<b>", 'a "why"') == '<li class="pg-chip pg-chip-model" title="a &quot;why&quot;">&lt;b&gt;</li>'


def test_what_is_being_fetched_is_said_to_the_host_only(engine, tmp_path):
    store = FakeStore()
    site = site_of(engine, tmp_path, models=Models(store=store, downloads=FakeDownloads(store)))
    assert engine.pool.device
    site.models.downloads.start(card("first"))
    site.models.downloads.move("first", state="fetching", done=30, total=120)
    assert Chips(chips(site)).texts["fetch"] == say("chips.fetching", model="First", share=25)
    assert "fetch" not in Chips(chips(dataclasses.replace(site, shared=True))).kinds
    assert 'data-mark="busy"' in chips(site) and "data-mark" not in chips(dataclasses.replace(site, shared=True))
    site.models.downloads.move("first", state="failed")
    line = Chips(chips(site))
    assert "fetch" not in line.kinds and line.texts["failed"] == say("chips.failed", model="First")
    assert 'data-mark="failed"' in chips(site) and say("chips.mark", news=line.texts["failed"]) in chips(site)
    site.models.downloads.move("first", state="done")
    assert "data-mark" not in chips(site)


def test_what_is_being_fetched_is_said_before_the_device_is_known(engine, tmp_path):
    store = FakeStore()
    site = site_of(engine, tmp_path, models=Models(store=store, downloads=FakeDownloads(store)))
    site.models.downloads.start(card("first"))
    assert site.engine.pool.known_device is None and "fetch" in Chips(chips(site)).kinds
