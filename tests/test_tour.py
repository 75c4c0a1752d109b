"""The tour and the demo in a real browser, with the starters: forward by keyboard, tried, left, paused, and round again."""

from __future__ import annotations

import pytest

from tests.test_browser import WAIT, Visitor, browser, pytestmark, sync_api  # noqa: F401 - a fixture and a mark
from tests.test_keys import kept, visitor  # noqa: F401 - fixtures

expect = sync_api.expect
COVERED = """() => {
    const ring = document.querySelector('.pg-spot').getBoundingClientRect();
    const card = document.querySelector('.pg-tour-card').getBoundingClientRect();
    const wide = Math.min(ring.right, card.right) - Math.max(ring.left, card.left);
    const high = Math.min(ring.bottom, card.bottom) - Math.max(ring.top, card.top);
    return ring.width === 0 || wide > 0 && high > 0 || card.left < 0 || card.right > innerWidth || card.bottom > innerHeight;
}"""


# the ring stands still and shows where it is
SETTLED = """() => {
    const spot = document.querySelector('.pg-spot');
    const still = spot.getAnimations().every(one => one.playState !== 'running');
    const before = window.stood, now = JSON.stringify(spot.getBoundingClientRect());
    window.stood = now;
    return still && now === before;
}"""
# The page's clock goes faster while no run works. A step may then seem to last longer to the page, never shorter.
HASTE = """(() => {
    const slow = window.setTimeout;
    const busy = () => document.querySelector('#pg-tabs [id$=-go]:disabled, #pg-tabs .pg-busy');
    window.setTimeout = (act, milliseconds, ...more) => slow(act, busy() ? milliseconds : milliseconds / 6, ...more);
})()"""


def begin(visitor: Visitor):  # noqa: F811
    visitor.page.locator("#text_generation-go:enabled").wait_for(timeout=WAIT)
    visitor.page.locator("#pg-tour").click()
    tour = visitor.page.get_by_role("dialog", name="Welcome")
    tour.wait_for(timeout=WAIT)
    return visitor.page.locator(".pg-tour")


def onward(visitor: Visitor, key: str) -> str:  # noqa: F811
    """Presses a key of the tour and waits for another step; its title, or "" where the tour is over."""
    title = visitor.page.locator("#pg-tour-title")
    before = title.inner_text()
    visitor.page.keyboard.press(key)
    visitor.page.wait_for_function(
        "before => document.querySelector('#pg-tour-title')?.textContent !== before", arg=before, timeout=WAIT
    )
    return title.inner_text() if title.count() else ""


def chosen(visitor: Visitor) -> str:  # noqa: F811
    return visitor.page.locator("#pg-tabs [role=tab][aria-selected=true]").inner_text().strip()


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
def test_the_tour_goes_through_all_tabs_by_keyboard(browser, server, width, height):  # noqa: F811
    visitor = Visitor(browser, server, width=width, height=height)  # noqa: F811
    begin(visitor)
    seen, titles = [chosen(visitor)], ["Welcome"]
    while title := onward(visitor, "Enter" if len(titles) % 2 else "ArrowRight"):
        titles.append(title)
        if chosen(visitor) != seen[-1]:
            seen.append(chosen(visitor))
        visitor.page.wait_for_function(SETTLED, timeout=WAIT)
        assert not visitor.page.evaluate(COVERED), title
        assert visitor.page.evaluate("document.activeElement.closest('.pg-tour-card') !== null")
        assert visitor.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1")
    assert seen == ["Text", "Image", "Image to image", "Inpaint", "Upscale", "Speech"]
    assert len(titles) >= 12 and titles[-1] == "Now it is yours"
    expect(visitor.page.locator("#pg-tour")).to_be_focused()
    visitor.close()


def test_the_tour_goes_back_and_ends_by_escape(visitor):  # noqa: F811
    tour = begin(visitor)
    assert onward(visitor, "ArrowRight") == "Text: begin a story"
    assert onward(visitor, "ArrowLeft") == "Welcome"
    visitor.page.keyboard.press("ArrowLeft")
    for _ in range(4):
        visitor.page.keyboard.press("Tab")
        assert visitor.page.evaluate("document.activeElement.closest('.pg-tour-card') !== null")
    visitor.page.keyboard.press("Escape")
    expect(tour).to_have_count(0)
    expect(visitor.page.locator("#pg-tour")).to_be_focused()


def test_a_step_can_be_tried(visitor):  # noqa: F811
    tour = begin(visitor)
    onward(visitor, "ArrowRight")
    assert onward(visitor, "ArrowRight") == "Watch it write"
    tour.get_by_role("button", name="Try it").click()
    tour.get_by_text("It was made up just now.").wait_for(timeout=WAIT)
    visitor.done("text_generation")
    assert not tour.get_by_role("button", name="Try it").is_visible()
    assert not visitor.page.evaluate(COVERED)
    assert onward(visitor, "Enter") == "Image: say what to draw"


def test_a_step_without_its_control_is_left_out(browser, server):  # noqa: F811
    visitor = Visitor(browser, server)  # noqa: F811
    visitor.page.add_style_tag(content="#text_generation-prompt, #pg-mode { display: none !important; }")
    tour = begin(visitor)
    assert onward(visitor, "ArrowRight") == "Watch it write"
    assert tour.get_by_text("Step 2 of").is_visible()
    visitor.close()


def test_the_demo_goes_from_tab_to_tab_and_rests_when_asked(browser, server):  # noqa: F811
    visitor = Visitor(browser, server, script=HASTE)  # noqa: F811
    page = visitor.page
    page.locator("#text_generation-go:enabled").wait_for(timeout=WAIT)
    page.locator("#pg-demo").click()
    bar = page.locator(".pg-demo")
    expect(bar.get_by_role("button", name="Pause")).to_be_focused()
    visitor.done("text_generation")
    bar.get_by_text("It chose every word just now").wait_for(timeout=WAIT)
    bar.get_by_text("Image: a picture is drawn").wait_for(timeout=WAIT)
    assert chosen(visitor) == "Image"
    visitor.done("text_to_image")
    bar.get_by_role("button", name="Next").click()
    bar.get_by_text("Image to image:").wait_for(timeout=WAIT)
    assert chosen(visitor) == "Image to image"
    page.locator(".pg-hero h1").click()
    resume = bar.get_by_role("button", name="Go on")
    expect(resume).to_be_visible()
    said = bar.locator("p").inner_text()
    page.wait_for_timeout(2_000)  # twelve of the page's hasty seconds: longer than a tab is announced
    assert bar.locator("p").inner_text() == said and chosen(visitor) == "Image to image"
    page.keyboard.press(" ")
    expect(bar.get_by_role("button", name="Pause")).to_be_visible()
    page.keyboard.press("ArrowRight")
    bar.get_by_text("Inpaint:").wait_for(timeout=WAIT)
    page.keyboard.press("Escape")
    expect(bar).to_have_count(0)
    assert not page.evaluate("document.documentElement.classList.contains('pg-stage')")
    visitor.close()


def test_a_round_of_the_demo_ends_with_a_clean_page_that_begins_it_again(browser, server):  # noqa: F811
    visitor = Visitor(browser, server)  # noqa: F811
    page = visitor.page
    page.locator("#text_generation-go:enabled").wait_for(timeout=WAIT)
    page.locator("#pg-demo").click()
    page.locator(".pg-demo").get_by_text("everything is made anew").wait_for(timeout=WAIT)
    for words in ("Text:", "Image:", "Image to image:", "Inpaint:", "Upscale:", "Speech:", "That was all six."):
        page.keyboard.press("ArrowRight")
        page.locator(".pg-demo").get_by_text(words).wait_for(timeout=WAIT)
        for width, height in ((1920, 1080), (1280, 800)):
            page.set_viewport_size({"width": width, "height": height})
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1"), (words, width)
    with page.expect_navigation(timeout=WAIT):
        page.keyboard.press("ArrowRight")
    page.locator(".pg-demo").get_by_text("everything is made anew").wait_for(timeout=WAIT)
    assert "demo" in page.url and chosen(visitor) == "Text"
    page.keyboard.press("Escape")
    expect(page.locator(".pg-demo")).to_have_count(0)
    assert "demo" not in page.url
    visitor.close()
