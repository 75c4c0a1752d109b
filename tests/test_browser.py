"""The page in a real browser, as a visitor uses it: six tabs, a mask, Stop, two pages, desktop and phone.

Fails on any console error and on any request to another host; screenshots are kept under screenshots/.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from playground.requests import REQUESTS
from playground.wording import say

sync_api = pytest.importorskip("playwright.sync_api")
SHOTS = Path(__file__).parents[1] / "screenshots"
EXECUTABLE = os.environ.get("PLAYGROUND_CHROMIUM")
LABELS = [say(f"{request.task}.tab") for request in REQUESTS]
CUT_OFF = ("AbortError", "Connection errored out")
SIZES = ((1280, 800), (390, 844))  # a desktop's and a phone's, in pixels
WAIT = 90_000  # milliseconds; the first click also waits for the heavy imports

sync_api.expect.set_options(timeout=WAIT)
pytestmark = pytest.mark.skipif(EXECUTABLE is None, reason="no browser: start the tests with tests/run.sh")


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=EXECUTABLE or None,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield running
        running.close()


class Visitor:
    """One page of its own, which remembers what it should not have seen."""

    def __init__(
        self, browser, server: str, *, width: int = 1280, height: int = 800, address: str | None = None, script: str = "",
    ) -> None:
        self.context = browser.new_context(viewport={"width": width, "height": height})
        if script:
            self.context.add_init_script(script)
        self.context.set_default_timeout(WAIT)
        self.page = self.context.new_page()
        self.server = server
        self.wrong: list[str] = []
        self.page.on("console", lambda m: self.wrong.append(m.text) if m.type == "error" else None)
        self.page.on("pageerror", lambda e: self.wrong.append(str(e)))
        self.page.on("request", self._asked)
        self.page.goto(address or server)
        self.page.get_by_role("tab", name="Text", exact=True).wait_for(timeout=WAIT)

    def _asked(self, request) -> None:
        if not request.url.startswith((self.server, "data:", "blob:")):
            self.wrong.append(f"asked another host: {request.url}")

    def tab(self, label: str) -> None:
        self.page.get_by_role("tab", name=label, exact=True).click()

    def expert(self) -> None:
        """Shows every setting: in Simple, where a page begins, most are hidden."""
        switch = self.page.locator("#pg-mode")
        if switch.get_attribute("aria-checked") == "false":
            switch.click()
        self.page.locator("html.pg-expert").wait_for(timeout=WAIT)

    def more_control(self) -> None:
        """Unfolds the rest of the open tab's settings."""
        self.expert()
        self.page.get_by_text("More control").locator("visible=true").click()

    def set(self, block: str, number: int) -> None:
        """Sets a slider's number, and again where its part, which may only just have unfolded, took its first value back."""
        box = self.page.locator(f"#{block} input[type=number]")
        for _ in range(20):
            box.fill(str(number))
            box.press("Tab")
            self.page.wait_for_timeout(300)
            if box.input_value() == str(number):
                return
        raise AssertionError(f"{block} does not keep {number}")

    def go(self, task: str) -> None:
        self.page.locator(f"#{task}-go").click()

    def done(self, task: str) -> str:
        status = self.page.locator(f"#{task}-status .pg-done")
        status.wait_for(timeout=WAIT)
        return status.inner_text()

    def stopped(self, task: str) -> None:
        self.page.locator(f"#{task}-status .pg-calm").get_by_text("Stopped. What was made so far stays.").wait_for(timeout=WAIT)

    def shot(self, name: str) -> None:
        SHOTS.mkdir(exist_ok=True)
        self.page.screenshot(path=SHOTS / f"{name}.png", full_page=True)

    def upload(self, task: str, path: Path) -> None:
        self.page.locator(f"#{task}-image input[type=file]").set_input_files(path)
        self.page.locator(f"#{task}-image img").first.wait_for(timeout=WAIT)

    def reload(self) -> None:
        """Loads the page anew. The browser calls it an error that what was under way on the old one is cut off."""
        before = len(self.wrong)
        self.page.reload()
        self.page.get_by_role("tab", name="Text", exact=True).wait_for(timeout=WAIT)
        self.wrong[before:] = [said for said in self.wrong[before:] if not any(cut in said for cut in CUT_OFF)]

    def close(self) -> None:
        self.context.close()
        assert not self.wrong


@pytest.fixture
def visitor(browser, server):
    one = Visitor(browser, server)
    yield one
    one.close()


class Kept:
    """A page that test after test goes on with; behind one that fails, the next finds a new one."""

    def __init__(self, browser, server: str) -> None:
        self.browser, self.server = browser, server
        self.visitor: Visitor | None = None

    def open(self) -> Visitor:
        if self.visitor is None:
            self.visitor = Visitor(self.browser, self.server)
        return self.visitor

    def drop(self) -> None:
        if self.visitor is not None:
            self.visitor.context.close()
            self.visitor = None

    def lend(self, session: pytest.Session) -> Iterator[Visitor]:
        """The page for one test, which must not have seen anything wrong."""
        failed = session.testsfailed
        one = self.open()
        yield one
        wrong = list(one.wrong)
        if wrong or session.testsfailed > failed:
            self.drop()
        assert not wrong


@pytest.fixture(scope="module")
def kept(browser, server):
    one = Kept(browser, server)
    yield one
    one.drop()


@pytest.fixture
def regular(request, kept):
    """A visitor who stays: for tests that each run something in another tab, so that none meets what another left."""
    yield from kept.lend(request.session)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    from PIL import Image, ImageDraw

    picture = Image.new("RGB", (200, 150), "white")
    ImageDraw.Draw(picture).ellipse((50, 30, 150, 130), fill=(220, 40, 40))
    picture.save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def test_text_is_written(regular):
    visitor = regular
    visitor.tab("Text")
    visitor.go("text_generation")
    assert re.search(r"Done in [\d.]+ s", visitor.done("text_generation"))
    story = visitor.page.locator("#text_generation-result .pg-page").inner_text()
    given = visitor.page.locator("#text_generation-result .pg-given").inner_text()
    assert story.startswith(given) and len(story) > len(given) + 40
    assert "Made by Words (starter)" in visitor.page.locator("#text_generation-made").inner_text()
    visitor.shot("text-done")
    visitor.page.locator("#text_generation-onward").click()
    visitor.page.wait_for_function(
        "n => document.querySelector('#text_generation-result .pg-page').innerText.length > n", arg=len(story) + 40, timeout=WAIT
    )


def test_a_picture_is_drawn(regular):
    visitor = regular
    visitor.tab("Image")
    visitor.go("text_to_image")
    visitor.done("text_to_image")
    image = visitor.page.locator("#text_to_image-result a img")
    assert image.count() == 1 and image.get_attribute("alt")
    visitor.page.wait_for_function("() => document.querySelector('#text_to_image-result a img').naturalWidth === 128")
    visitor.shot("image-done")


def few_steps(visitor) -> None:
    """Sets the steps of the Image tab, so that its runs are short."""
    visitor.more_control()
    visitor.set("text_to_image-steps", 3)


def shows(visitor, condition: str) -> None:
    """Waits until a condition holds for `images`, the pictures of the Image tab's finished result."""
    visitor.page.wait_for_function(
        "() => { const images = [...document.querySelectorAll('#text_to_image-result figure a img')];"
        f" return images.every(i => i.complete) && ({condition}); }}", timeout=WAIT,
    )
    visitor.page.locator("#text_to_image-go:enabled").wait_for(timeout=WAIT)


def test_a_surprise_is_one_click(visitor):
    visitor.tab("Image")
    few_steps(visitor)
    assert "It knows" in visitor.page.locator("#text_to_image-ideas").inner_text()
    visitor.page.locator("#text_to_image-prompt textarea").fill("nothing of this kind")
    visitor.page.locator("#text_to_image-surprise").click()
    visitor.done("text_to_image")
    prompt = visitor.page.locator("#text_to_image-prompt textarea").input_value()
    assert prompt and prompt != "nothing of this kind"
    assert visitor.page.locator("#text_to_image-result a img").get_attribute("alt") == prompt


def test_what_it_can_draw_is_found_by_typing(regular):
    visitor = regular
    visitor.tab("Image")
    visitor.page.locator("#text_to_image-ideas input").click()
    visitor.page.get_by_role("option").first.wait_for(timeout=WAIT)
    visitor.page.keyboard.type("panda", delay=30)
    visitor.page.get_by_role("option", name="panda", exact=True).click()
    sync_api.expect(visitor.page.locator("#text_to_image-prompt textarea")).to_have_value("a panda", timeout=WAIT)


# watched in the page itself, since a run may be over before a question from outside comes
WATCH_SURPRISE = """() => {
    window.off = false;
    new MutationObserver(() => { window.off ||= document.querySelector('#text_to_image-surprise').disabled; })
        .observe(document.body, { subtree: true, attributes: true, attributeFilter: ['disabled'], childList: true });
}"""


def test_variations_and_a_larger_one_of_them(visitor):
    page = visitor.page
    visitor.tab("Image")
    few_steps(visitor)
    assert not page.locator("#text_to_image-variations").is_visible()
    visitor.go("text_to_image")
    shows(visitor, "images.length === 1")
    page.evaluate(WATCH_SURPRISE)
    page.locator("#text_to_image-variations").click()
    shows(visitor, "images.length === 4")
    assert page.evaluate("window.off"), "another run could have been started meanwhile"
    page.locator("#text_to_image-which").get_by_text("3", exact=True).click()
    page.locator("#text_to_image-enlarge").click()
    shows(visitor, "images.length === 4 && images[2].naturalWidth === 256 && images[3].naturalWidth === 128")
    assert page.locator("#text_to_image-enlarge").inner_text() == "Enlarge to 512 x 512"
    assert "Made by Sharpen" in page.locator("#text_to_image-made").inner_text()
    visitor.shot("image-variations")


def test_a_walk_is_a_strip(visitor):
    page = visitor.page
    visitor.tab("Image")
    few_steps(visitor)
    page.get_by_text("Walk between two pictures").locator("visible=true").click()
    page.wait_for_timeout(1000)  # a box that has just unfolded takes its first words back
    page.get_by_label("To these words").fill("")
    page.locator("#text_to_image-walk-go").click()
    page.locator("#text_to_image-status .pg-error").get_by_text("nowhere to walk to").wait_for(timeout=WAIT)
    page.get_by_label("To these words").fill("a fox")
    page.locator("#text_to_image-walk-go").click()
    shows(visitor, "images.length === 5")
    assert page.locator("#text_to_image-result figcaption span").all_inner_texts() == ["start", "2", "3", "4", "end"]
    assert not page.locator("#text_to_image-variations").is_visible()
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        tops = {round(page.locator("#text_to_image-result img").nth(i).bounding_box()["y"]) for i in range(5)}
        assert len(tops) == 1, "the strip is no row"
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1")
        visitor.shot(f"image-walk-{width}")


def test_a_file_that_is_no_picture_is_said_at_once_and_at_a_click(visitor, tmp_path):
    (tmp_path / "text.png").write_text("hello")
    for task, label in (("image_to_image", "Image to image"), ("inpainting", "Inpaint"), ("super_resolution", "Upscale")):
        visitor.tab(label)
        visitor.page.locator(f"#{task}-image input[type=file]").set_input_files(tmp_path / "text.png")
        error = visitor.page.locator(f"#{task}-status .pg-error").get_by_text("is not a picture")
        error.wait_for(timeout=WAIT)
        visitor.page.locator(f"#{task}-which").get_by_text("Middle", exact=True).click() if task == "inpainting" else None
        visitor.go(task)
        error.wait_for(timeout=WAIT)
        visitor.page.locator(f"#{task}-go:enabled").wait_for(timeout=WAIT)


def test_a_picture_is_redrawn(regular, photo):
    visitor = regular
    visitor.tab("Image to image")
    visitor.upload("image_to_image", photo)
    visitor.go("image_to_image")
    visitor.done("image_to_image")
    slider = visitor.page.locator("#image_to_image-result input[type=range]")
    slider.focus()
    visitor.page.keyboard.press("End")
    assert "100%" in visitor.page.locator("#image_to_image-result .pg-compare").get_attribute("style")
    visitor.shot("image-to-image-done")


def test_nothing_painted_is_said_in_words_and_a_painted_part_is_replaced_and_nothing_else(regular, photo):
    visitor = regular
    visitor.tab("Inpaint")
    visitor.upload("inpainting", photo)
    visitor.go("inpainting")
    error = visitor.page.locator("#inpainting-status .pg-error")
    error.wait_for(timeout=WAIT)
    assert "Paint over the part" in error.inner_text()
    visitor.shot("inpaint-error")
    canvas = visitor.page.locator("#inpainting-editor canvas").first
    canvas.wait_for(timeout=WAIT)
    canvas.scroll_into_view_if_needed()  # the error has scrolled it away
    visitor.page.wait_for_timeout(1500)
    box = canvas.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    visitor.page.mouse.move(x - 40, y)
    visitor.page.mouse.down()
    visitor.page.mouse.move(x + 40, y, steps=8)
    visitor.page.mouse.up()
    visitor.page.wait_for_timeout(800)
    visitor.go("inpainting")
    assert "0 pixels changed outside" in visitor.done("inpainting")
    visitor.shot("inpaint-done")


def test_a_part_can_be_chosen_without_a_brush(visitor, photo):
    visitor.tab("Inpaint")
    visitor.upload("inpainting", photo)
    visitor.page.get_by_label("A box", exact=True).check()
    visitor.page.locator("#inpainting-left").wait_for(timeout=WAIT)
    visitor.go("inpainting")
    assert "0 pixels changed outside" in visitor.done("inpainting")


def test_a_picture_is_enlarged(regular, photo):
    visitor = regular
    visitor.tab("Upscale")
    visitor.upload("super_resolution", photo)
    visitor.go("super_resolution")
    visitor.done("super_resolution")
    assert "800 x 600" in visitor.page.locator("#super_resolution-result").inner_text()
    visitor.shot("upscale-done")


def test_two_pages_get_their_own_results(browser, server):
    first, second = Visitor(browser, server), Visitor(browser, server)
    for one, prompt in ((first, "a fox"), (second, "a red apple")):
        one.tab("Image")
        one.page.locator("#text_to_image-prompt textarea").fill(prompt)
        one.go("text_to_image")
    for one, prompt in ((first, "a fox"), (second, "a red apple")):
        one.done("text_to_image")
        assert one.page.locator("#text_to_image-result a img").get_attribute("alt") == prompt
        one.close()


def test_the_speech_tab_says_what_it_needs(regular):
    from playground.catalog import Catalog, cards

    visitor = regular
    visitor.tab("Speech")
    visitor.expert()
    first = Catalog(cards()).serving("text_to_speech")[0]
    needs = "About this model" if first.starter else "downloaded when it is first used"
    visitor.page.get_by_text(needs).locator("visible=true").first.wait_for(timeout=WAIT)
    visitor.shot("speech-empty")


def test_all_six_labels_are_in_sight(visitor):
    for width, height in SIZES:
        visitor.page.set_viewport_size({"width": width, "height": height})
        for label in LABELS:
            tab = visitor.page.get_by_role("tab", name=label, exact=True)
            box = tab.bounding_box()
            assert box and box["x"] >= 0 and box["x"] + box["width"] <= width
            tab.click()
            heading = visitor.page.locator(".pg-head h2").locator("visible=true")
            sync_api.expect(heading).to_have_count(1, timeout=WAIT)
            visitor.shot(f"{label.lower().replace(' ', '-')}-{width}")
            assert visitor.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1")


def test_every_slider_stands_where_its_number_says(visitor):
    visitor.expert()
    for label in LABELS:
        visitor.tab(label)
        for more in visitor.page.get_by_text("More control").locator("visible=true").all():
            more.click()
        visitor.page.wait_for_timeout(500)
        pairs = visitor.page.evaluate(
            "[...document.querySelectorAll('input[type=range]')].filter(e => e.offsetParent && e.id)"
            ".map(e => [e.value, e.parentNode.parentNode.querySelector('input[type=number]').value])"
        )
        assert pairs or label == "Upscale"
        assert all(float(handle) == float(number) for handle, number in pairs), (label, pairs)
