"""The panel of models in a real browser, over downloads that the test lets go on: found, fetched, used, removed; on a phone."""

from __future__ import annotations

import dataclasses
import os

import pytest

from playground.catalog import cards
from playground.wording import say
from tests.fake_downloads import BYTES, FakeDownloads, FakeStore, planned
from tests.fakes import FakeModel, card
from tests.served import serving
from tests.test_accessibility import faults, settled
from tests.test_browser import WAIT, Visitor, browser, pytestmark, sync_api  # noqa: F401 - a fixture and a mark

expect = sync_api.expect
STARTERS = tuple(one for one in cards() if one.starter)
HUB = dataclasses.replace(
    card("hub", memory=1_000_000), repository="owner/hub", download=BYTES, languages=("Welsh",), sentence="Counts on.",
)
MODEL = "#text_generation-model input"


@pytest.fixture(scope="module")
def downloads():
    return FakeDownloads(FakeStore())


@pytest.fixture(autouse=True)
def nothing_fetched(downloads):
    """Each test begins with nothing on this computer and nothing on its way."""
    downloads.store.here.clear()
    for one in downloads.fetches():
        downloads.clear(one.id)


@pytest.fixture(scope="module")
def address(downloads, tmp_path_factory):
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
    parts = {"store": downloads.store, "downloads": downloads, "look_up": planned, "find_own": lambda name: HUB}
    folder, port = tmp_path_factory.mktemp("models"), 49_700 + 20 * worker
    with serving((*STARTERS, HUB), folder, load=lambda card, device: FakeModel(), port=port, **parts) as page:
        assert page.engine.pool.device
        yield page.address


def row(visitor: Visitor, model: str = "hub"):
    """A model's row in the open panel."""
    return visitor.page.locator(f'dialog [data-id="{model}"]')


def press(visitor: Visitor, name: str) -> None:
    """Presses a button of the hub model's row."""
    row(visitor).get_by_role("button", name=name).click()


def offered(visitor: Visitor) -> list[str]:
    """What the Text tab's choice of a model offers."""
    visitor.page.locator(MODEL).click()
    visitor.page.get_by_role("option").last.wait_for(timeout=WAIT)
    made = [words.removeprefix("✓").strip() for words in visitor.page.get_by_role("option").all_inner_texts()]
    visitor.page.locator(MODEL).blur()
    return made


def test_it_opens_for_the_tab_by_keyboard_finds_and_gives_the_focus_back(browser, address):  # noqa: F811
    visitor = Visitor(browser, address)
    page = visitor.page
    visitor.expert()
    page.locator(MODEL).focus()
    page.get_by_role("option", name=say("models.more")).wait_for(timeout=WAIT)
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    row(visitor).wait_for(timeout=WAIT)
    expect(page.locator(MODEL)).to_have_value("Words (starter)")
    assert page.locator("dialog [data-filter=tasks]").input_value() == "text_generation"
    expect(row(visitor, "pictures")).to_be_hidden()
    page.keyboard.type("welsh", delay=10)
    expect(row(visitor, "words")).to_be_hidden()
    expect(row(visitor)).to_be_visible()
    page.locator("dialog [data-filter=here]").select_option("yes")
    expect(page.get_by_text(say("models.nothing_found"))).to_be_visible()
    for _ in range(12):
        page.keyboard.press("Tab")
        assert page.evaluate("document.querySelector('dialog').contains(document.activeElement) || !document.hasFocus()"
                             " || document.activeElement === document.body"), "the focus left the panel"
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_be_hidden()
    page.locator("#pg-models").focus()
    page.keyboard.press("Enter")
    expect(row(visitor, "pictures")).to_be_visible(timeout=WAIT)
    page.keyboard.press("Escape")
    expect(page.locator("#pg-models")).to_be_focused()
    visitor.close()


def test_a_model_is_fetched_used_and_removed(browser, address, downloads):  # noqa: F811
    visitor, other = Visitor(browser, address), Visitor(browser, address)
    page = visitor.page
    for one in (visitor, other):
        one.expert()
    other.page.locator("#text_generation-prompt textarea").fill("my own words")
    assert offered(other) == ["Words (starter)", say("models.more")]
    page.locator("#pg-models").click()
    press(visitor, say("models.get"))
    expect(row(visitor).get_by_role("button", name=say("models.download"))).to_be_focused(timeout=WAIT)
    press(visitor, say("models.download"))
    row(visitor).get_by_text(say("models.looking")).wait_for(timeout=WAIT)
    downloads.move("hub", state="fetching", done=BYTES // 4, total=BYTES, speed=1e6, seconds_left=3.0)
    expect(row(visitor).get_by_role("progressbar")).to_have_attribute("aria-valuenow", "25", timeout=WAIT)
    press(visitor, say("models.cancel"))
    press(visitor, say("models.resume"))
    row(visitor).get_by_text(say("models.looking")).wait_for(timeout=WAIT)
    downloads.move("hub", state="failed", error="The line was cut.")
    row(visitor).get_by_text("The line was cut.").wait_for(timeout=WAIT)
    press(visitor, say("models.retry"))
    row(visitor).get_by_text(say("models.looking")).wait_for(timeout=WAIT)
    visitor.shot("models-fetching")
    downloads.move("hub", state="done")
    press(visitor, "Use Hub in Text")
    expect(page.locator(MODEL)).to_have_value("Hub", timeout=WAIT)
    expect(page.locator("#text_generation-status")).to_contain_text("Hub is chosen here now.")
    visitor.go("text_generation")
    visitor.done("text_generation")
    expect(page.locator("#text_generation-made")).to_contain_text("Made by Hub")
    page.wait_for_timeout(5000)  # as long as an open page may take to hear of it
    assert offered(other) == ["Words (starter)", "Hub", say("models.more")]
    expect(other.page.locator(MODEL)).to_have_value("Words (starter)")
    expect(other.page.locator("#text_generation-prompt textarea")).to_have_value("my own words")
    visitor.reload()
    expect(page.locator(MODEL)).to_have_value("Hub", timeout=WAIT)
    page.locator(".pg-chip-memory button").click()
    expect(page.locator("dialog .pg-models-memory")).to_contain_text("Hub", timeout=WAIT)
    press(visitor, "Remove Hub")
    row(visitor).get_by_text("Take Hub off this computer?").wait_for(timeout=WAIT)
    assert downloads.store.here == {"hub"}
    press(visitor, "Remove and free")
    row(visitor).get_by_text(say("models.removed", size="2 MB")).wait_for(timeout=WAIT)
    assert not downloads.store.here
    page.keyboard.press("Escape")
    expect(page.locator(MODEL)).to_have_value("Words (starter)", timeout=WAIT)
    visitor.close()
    other.close()


def test_the_button_is_marked_while_something_is_fetched_or_has_failed(browser, address, downloads):  # noqa: F811
    visitor = Visitor(browser, address)
    button = visitor.page.locator("#pg-models")
    expect(visitor.page.locator(".pg-chip-memory")).to_be_visible(timeout=WAIT)
    expect(button).to_have_accessible_name(say("page.models"))
    downloads.start(HUB)
    downloads.move("hub", state="fetching", done=BYTES // 4, total=BYTES)
    expect(button).to_have_attribute("data-mark", "busy", timeout=WAIT)
    expect(button).to_have_accessible_name("Models (Fetching Hub: 25 %)")
    downloads.move("hub", state="failed", error="The line was cut.")
    visitor.reload()
    expect(button).to_have_attribute("data-mark", "failed", timeout=WAIT)
    expect(button).to_have_accessible_name("Models (Hub was not fetched)")
    visitor.shot("models-marked")
    downloads.clear("hub")
    expect(button).to_have_accessible_name(say("page.models"), timeout=WAIT)
    visitor.close()


def test_the_search_and_the_way_out_stay_in_sight(browser, address):  # noqa: F811
    visitor = Visitor(browser, address, width=390, height=500)
    page = visitor.page
    page.locator("#pg-models").click()
    row(visitor).wait_for(timeout=WAIT)
    page.locator("dialog .pg-model").last.scroll_into_view_if_needed()
    assert page.evaluate("document.querySelector('.pg-models-box').scrollTop > 300")
    for name in "input[type=search]", "[data-do=shut]":
        box = page.locator(f"dialog {name}").bounding_box()
        assert 0 <= box["y"] < 60 and box["x"] + box["width"] <= 390
    page.locator("dialog [data-do=shut]").click()
    expect(page.locator("dialog")).to_be_hidden()
    visitor.close()


@pytest.mark.parametrize(("theme", "width", "height"), [("light", 1280, 800), ("dark", 390, 844)])
def test_it_fits_every_screen_and_has_no_grave_fault(browser, address, downloads, theme, width, height):  # noqa: F811
    visitor = Visitor(browser, address, width=width, height=height, address=f"{address}/?__theme={theme}")
    page = visitor.page
    page.emulate_media(reduced_motion="reduce")
    downloads.start(HUB)
    downloads.move("hub", state="failed", error="The line was cut.")
    page.locator("#pg-models").click()
    row(visitor).get_by_text("The line was cut.").wait_for(timeout=WAIT)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1")
    for button in page.locator("dialog button").all():
        box = button.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= width
    settled(visitor)
    found = faults(page)
    visitor.shot(f"models-{theme}-{width}")
    assert not found, "\n".join(found)
    visitor.close()
