"""The panel of models without a browser: what its rows say, what a click does, and what strangers are refused."""

from __future__ import annotations

import dataclasses
import re

import pytest

from playground.catalog import PICTURE_TASKS, cards
from playground.errors import NotInstalled
from playground.events import Done
from playground.panel import live, rows, wire
from playground.site import Models
from playground.tabs import TABS, frame
from playground.wording import say
from tests.fake_downloads import BYTES, FakeDownloads, FakeStore, planned
from tests.fake_site import site_of
from tests.fakes import FakeModel, ask, card, engine_of, events_of

HUB = dataclasses.replace(
    card("hub", memory=1_500_000_000), repository="owner/hub", licence="CC-BY-NC-4.0", commercial=False, gated=True,
    languages=("English", "Welsh"), needs=("a_package_that_is_not_there",), download=5_000_000_000, sentence="Counts <b>.",
    bits=16,
)
OWN = dataclasses.replace(HUB, id="me/own", title="Own", repository="me/own")
STARTERS = tuple(one for one in cards() if one.starter)


def found(repository: str):
    """The card of an own repository; only one is there."""
    if repository != OWN.repository:
        raise NotInstalled(say("own.no_repository"))
    return OWN


@pytest.fixture
def store():
    return FakeStore()


@pytest.fixture
def site(store, tmp_path):
    return made(store, tmp_path)


def made(store, folder, *, shared: bool = False, look_up=planned):
    engine = engine_of(lambda card: FakeModel(nbytes=1_500_000_000), cards=(*STARTERS, HUB), shared=shared, ready=store.ready)
    models = Models(store=store, downloads=FakeDownloads(store), look_up=look_up, find_own=found)
    return site_of(engine, folder, shared=shared, models=models)


def row(site, model: str) -> str:
    """A model's row."""
    row = rf'<li class="pg-model" data-id="{re.escape(model)}".*?data-slot.*?</div></li>'
    (found,) = re.findall(row, rows.listing(site), re.DOTALL)
    return found


def act(site, do: str, model: str = "", repository: str = "") -> str:
    return wire.answered(site, do=do, model=model, repository=repository)


def test_a_row_says_all_that_decides_whether_one_wants_a_model(site):
    assert site.engine.pool.device.budget == 4_000_000_000
    said = row(site, "hub")
    for words in ("Counts &lt;b&gt;.", "everything", "5.0 GB", "3.0 GB", "CC-BY-NC-4.0", say("models.not_commercial"),
                  "English, Welsh", say("models.gated"), "a_package_that_is_not_there", "owner/hub", say("models.slow_on_cpu")):
        assert words in said, words
    for state in ("tasks", "text_generation"), ("fits", "slowly"), ("here", "no"), ("licence", "private"), ("do", "plan"):
        assert 'data-{}="{}"'.format(*state) in said, state
    assert 'data-do="use"' not in said and 'data-do="ask"' not in said


def test_a_model_that_does_not_fit_says_what_it_needs_and_what_is_there(site):
    site.engine.catalog.add(dataclasses.replace(HUB, memory=10_500_000_000))
    assert site.engine.pool.device
    assert 'data-fits="no"' in row(site, "hub") and say("models.too_large", needed="21.0 GB", there="4.0 GB") in row(site, "hub")


def test_a_model_that_is_here_can_be_used_and_removed_and_shows_its_commit(site, store):
    store.here.add("hub")
    said = row(site, "hub")
    assert 'data-do="use"' in said and 'data-do="ask"' in said and 'data-do="plan"' not in said and "0123456789ab" in said
    assert 'data-do="ask"' not in row(site, "words") and 'data-do="use"' in row(site, "words")
    assert row(site, "pictures").count('data-do="use"') == len(PICTURE_TASKS)


def test_the_list_is_new_when_something_is_ready(site, store):
    before = rows.seen(site)
    assert f'data-seen="{before}"' in rows.listing(site)
    store.here.add("hub")
    assert rows.seen(site) != before


def test_a_click_on_get_asks_first_and_download_fetches(site):
    plan = act(site, "plan", "hub")
    assert "2 MB" in plan and "10.0 GB" in plan and 'data-do="get"' in plan and say("models.plan_terms") in plan
    assert site.models.downloads.fetches() == ()
    act(site, "get", "hub")
    assert [one.id for one in site.models.downloads.fetches()] == ["hub"]
    assert say("models.looking") in live.live(site)


def test_a_download_says_how_far_it_is_and_how_it_ends(site):
    act(site, "get", "hub")
    site.models.downloads.move("hub", state="fetching", done=500_000, total=BYTES, speed=250_000.0, seconds_left=6.0)
    said = live.live(site)
    assert 'aria-valuenow="25"' in said and "500 kB of 2 MB, 250 kB a second, about 6 seconds left" in said
    assert 'data-do="cancel"' in said
    site.models.downloads.move("hub", state="failed", error="The disk <b> is full.")
    assert "The disk &lt;b&gt; is full." in live.live(site) and 'data-do="get"' in live.live(site)
    act(site, "clear", "hub")
    assert "data-work" not in live.live(site)


def test_a_plan_that_fails_says_why(store, tmp_path):
    def refuse(card):
        raise NotInstalled(say("own.no_repository"))

    def break_down(card):
        raise ZeroDivisionError("secret")

    assert say("own.no_repository") in act(made(store, tmp_path, look_up=refuse), "plan", "hub")
    said = act(made(store, tmp_path, look_up=break_down), "plan", "hub")
    assert "pg-error" in said and "secret" not in said


def test_a_model_is_removed_only_after_a_second_click_and_not_while_it_works(site, store):
    store.here.add("hub")
    asked = act(site, "ask", "hub")
    assert 'data-do="remove"' in asked and store.here == {"hub"}
    with site.engine.pool.lease(HUB, lambda event: None):
        assert say("models.works", model="Hub") in act(site, "remove", "hub") and store.here == {"hub"}
    assert say("models.removed", size="2 MB") in act(site, "remove", "hub")
    assert store.here == set() and "hub" not in site.engine.pool.loaded()


def test_an_own_repository_is_looked_up_and_added(site):
    assert say("own.no_repository") in act(site, "own", repository="no/such")
    plan = act(site, "own", repository=" me/own ")
    assert 'data-for="own"' in plan and 'data-do="get" data-model="me/own"' in plan
    assert site.engine.catalog.find("me/own") == OWN
    act(site, "get", "me/own")
    assert [one.id for one in site.models.downloads.fetches()] == ["me/own"]


def test_an_own_repository_that_is_here_is_offered_for_use(site, store):
    store.here.add("hub")
    said = act(site, "own", repository="https://huggingface.co/owner/HUB/tree/main?x=1#y")
    assert say("models.nothing_to_fetch", model="Hub") in said and 'data-do="use" data-model="hub"' in said
    assert 'data-do="get"' not in said
    store.here.add("me/own")
    assert 'data-do="use" data-model="me/own"' in act(site, "own", repository="hf.co/me/own")
    assert site.engine.catalog.find("me/own") == OWN


@pytest.mark.parametrize(("given", "name"), [
    (" me/own ", "me/own"), ("https://huggingface.co/me/own", "me/own"), ("huggingface.co/me/own/", "me/own"),
    ("http://www.HuggingFace.co/me/own/blob/main/config.json", "me/own"), ("https://elsewhere.org/me/own",) * 2, ("", ""),
])
def test_an_address_names_its_repository(given, name):
    assert wire.named(given) == name


def test_a_model_of_many_languages_is_found_by_a_common_one(site):
    site.engine.catalog.add(dataclasses.replace(HUB, id="many", languages=("201 languages",)))
    assert "chinese" in row(site, "many") and "german" in row(site, "many") and "chinese" not in row(site, "hub")


def test_a_licence_that_allows_commerce_is_not_said_to_allow_all_uses(site):
    site.engine.catalog.add(dataclasses.replace(HUB, licence="OpenRAIL++-M", commercial=True))
    assert "commercial use allowed" in row(site, "hub") and "all uses" not in row(site, "hub") + live.shell(site)


def test_the_memory_bar_says_which_model_holds_how_much_and_gives_it_back(site, store):
    assert "data-memory" not in live.live(site)
    store.here.add("hub")
    assert isinstance(events_of(site.engine.run(ask(model="hub"), "me"))[-1], Done)
    said = live.memory(site)
    assert "<b>Hub</b>" in said and "1.5 GB" in said and say("memory.free", free="2.5 GB", total="4.0 GB") in said
    assert say("memory.freed", size="1.5 GB") in act(site, "free")
    assert not site.engine.pool.loaded() and say("memory.nothing") in live.memory(site)


@pytest.mark.parametrize("do", ["plan", "get", "cancel", "clear", "ask", "remove", "free", "own"])
def test_strangers_are_refused_everything(store, tmp_path, do):
    site = made(store, tmp_path, shared=True)
    store.here.add("hub")
    said = act(site, do, "hub", "me/own")
    assert say("models.only_ready") in said
    assert store.here == {"hub"} and not site.models.downloads.fetches() and len(site.engine.catalog.cards) == len(STARTERS) + 1


def test_strangers_see_what_is_ready_and_nothing_of_this_computer(store, tmp_path):
    site = made(store, tmp_path, shared=True)
    assert site.engine.pool.device
    assert 'data-id="hub"' not in rows.listing(site)
    store.here.add("hub")
    said = row(site, "hub")
    assert 'data-do="use"' in said and 'data-do="ask"' not in said and "in memory" not in said and 'data-fits=""' in said
    assert "2 MB" not in said and "0123456789ab" not in said and "owner/hub" in said
    assert "2 MB" not in frame.about(site, HUB) and "0123456789ab" not in frame.about(site, HUB)
    site.models.downloads.start(HUB)
    assert live.live(site) == "<div></div>"
    assert "data-own" not in live.shell(site) and 'data-filter="fits"' not in live.shell(site)


@pytest.mark.parametrize(("do", "model"), [("get", "gone"), ("dance", "hub"), ("", ""), ("remove", "<b>")])
def test_whatever_a_browser_sends_is_answered_in_words(site, do, model):
    said = act(site, do, model)
    assert "pg-error" in said and "<b>" not in said


def test_strangers_see_only_the_title_of_a_model_that_the_host_brought_along(store, tmp_path):
    own = dataclasses.replace(HUB, id="own-mine", title="Mine", repository="", folder=tmp_path, sentence=say("own.from_folder"))
    for shared in (True, False):
        site = made(store, tmp_path, shared=shared)
        site.engine.catalog.add(own)
        assert "Mine" in row(site, "own-mine")
        assert (own.sentence in row(site, "own-mine") + frame.about(site, own)) is not shared
        assert (own.licence in row(site, "own-mine") + frame.about(site, own)) is not shared


def test_use_opens_the_tab_with_the_model_chosen(site, store):
    with site.demo:
        for tab in TABS:
            tab.build(site)
    store.here.add("hub")
    updates = wire.used(site, "hub", "text_generation")
    chosen = updates[site.kept["text_generation"].model]
    assert chosen["value"] == "hub" and "hub" in [name for _, name in chosen["choices"]]
    assert updates[site.tabs].selected == "text_generation" and "Hub" in updates[site.doors["text_generation"].status]
    for wrong in (("hub", "text_to_image"), ("gone", "text_generation"), ("hub", "nothing")):
        assert site.kept["text_generation"].model not in wire.used(site, *wrong)
