"""In a real browser: what a reload brings back, the strip of running jobs, and a result that goes from tab to tab by clicks."""

from __future__ import annotations

import dataclasses
import threading
from typing import Any

import pytest

from playground import pipelines
from playground.catalog import ModelCard, cards
from playground.events import Audio, Event, Step, Text
from playground.requests import REQUESTS
from tests.test_browser import WAIT, Visitor, browser, pytestmark, sync_api  # noqa: F401 - a fixture and a mark

expect = sync_api.expect
SEEN = (Step, Text, Audio)
BRIEF = {"max_new_tokens": 40, "steps": 4}  # what is made here is not looked at closely
TAG = "<img src=x onerror=\"window.fired=1\">"
TOAST = "[data-testid=toast-body], .toast-body, .toast-wrap > *"


class Pace:
    """Holds every run up behind the first event that can be seen, while the gate is shut. runs: begun so far."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.runs = 0

    def load(self, card: ModelCard, device) -> Paced:
        """The card's model, paced."""
        return Paced(pipelines.load(card, device), self)


class Paced:
    """A model that waits at the gate behind each step, text and sentence."""

    def __init__(self, model: Any, pace: Pace) -> None:
        self.model, self.pace = model, pace
        self.nbytes, self.dtype, self.close = model.nbytes, model.dtype, model.close

    def run(self, request, emit):
        self.pace.runs += 1

        def held(event: Event) -> None:
            emit(event)
            if isinstance(event, SEEN):
                assert self.pace.gate.wait(WAIT / 1000), "nobody opened the gate"

        return self.model.run(request, held)


@pytest.fixture(scope="module")
def paced() -> Pace:
    return Pace()


@pytest.fixture(scope="module")
def address(server, paced, tmp_path_factory):
    """A page like `server` with the paced starters, which make less than they do by themselves."""
    from tests.served import serving

    brief = tuple(
        dataclasses.replace(card, defaults={**card.defaults, **{name: BRIEF[name] for name in BRIEF if name in card.defaults}})
        for card in cards() if card.starter
    )
    with serving(brief, tmp_path_factory.mktemp("reload"), load=paced.load, port=7930) as running:
        yield running.address


@pytest.fixture
def pace(paced):
    """The pace of the runs; the gate is open behind the test whatever happened in it."""
    yield paced
    paced.gate.set()


@pytest.fixture
def visitor(browser, address, pace):  # noqa: F811
    one = Visitor(browser, address)
    yield one
    pace.gate.set()
    one.close()


def status(visitor: Visitor, task: str, kind: str):
    return visitor.page.locator(f"#{task}-status .pg-{kind}")


def row(visitor: Visitor, task: str):
    """The strip's line of a task."""
    return visitor.page.locator(f'#pg-strip .pg-run[data-task="{task}"]')


def words(visitor: Visitor, task: str, name: str = "prompt"):
    return visitor.page.locator(f"#{task}-{name} textarea")


def chosen(visitor: Visitor):
    return visitor.page.locator("#pg-tabs [role=tab][aria-selected=true]")


def begun(visitor: Visitor, pace: Pace, label: str, task: str, busy: str) -> None:
    """Starts a run of a tab and waits until it is held up behind what can be seen of it."""
    pace.gate.clear()
    visitor.tab(label)
    visitor.go(task)
    status(visitor, task, "busy").get_by_text(busy).wait_for(timeout=WAIT)


def complete(visitor: Visitor, selector: str) -> None:
    """Waits until every picture that matches is there."""
    visitor.page.wait_for_function(
        "selector => { const all = [...document.querySelectorAll(selector)];"
        " return all.length && all.every(one => one.complete && one.naturalWidth); }", arg=selector, timeout=WAIT,
    )


def test_a_run_under_way_goes_on_and_is_shown_again_after_a_reload(visitor, pace):
    before = pace.runs
    begun(visitor, pace, "Image", "text_to_image", "Step 1 of")
    visitor.reload()
    status(visitor, "text_to_image", "busy").get_by_text("Step 1 of").wait_for(timeout=WAIT)
    assert visitor.page.locator("#text_to_image-status [role=progressbar]").get_attribute("aria-valuenow") != "0"
    visitor.page.locator("#text_to_image-result .pg-drawing").wait_for(timeout=WAIT)
    expect(visitor.page.locator("#text_to_image-go")).to_be_disabled(timeout=WAIT)
    expect(visitor.page.locator("#text_to_image-stop")).to_be_enabled(timeout=WAIT)
    pace.gate.set()
    visitor.done("text_to_image")
    complete(visitor, "#text_to_image-result a img")
    expect(visitor.page.locator("#text_to_image-go")).to_be_enabled(timeout=WAIT)
    assert pace.runs == before + 1, "the reload started another run"


def test_a_run_is_stopped_and_the_next_one_works(visitor, pace):
    before = pace.runs
    begun(visitor, pace, "Image", "text_to_image", "Step 1 of")
    visitor.page.locator("#text_to_image-result .pg-drawing").wait_for(timeout=WAIT)
    visitor.page.locator("#text_to_image-stop").click()
    visitor.stopped("text_to_image")
    assert visitor.page.locator("#text_to_image-result .pg-drawing").count() == 1, "what was made so far is gone"
    visitor.shot("image-stopped")
    pace.gate.set()
    visitor.go("text_to_image")
    visitor.done("text_to_image")
    complete(visitor, "#text_to_image-result a img")
    assert pace.runs == before + 2


def test_a_run_that_was_taken_up_again_can_be_stopped_from_another_tab(visitor, pace):
    begun(visitor, pace, "Image", "text_to_image", "Step 1 of")
    visitor.reload()
    visitor.tab("Upscale")
    row(visitor, "text_to_image").get_by_role("button", name="Stop").click()
    expect(row(visitor, "text_to_image")).to_have_count(0, timeout=WAIT)
    visitor.tab("Image")
    visitor.stopped("text_to_image")
    pace.gate.set()
    visitor.go("text_to_image")
    visitor.done("text_to_image")


def test_a_run_that_ended_while_the_page_was_away_is_shown(visitor, pace):
    begun(visitor, pace, "Text", "text_generation", "Writing")
    visitor.page.goto("about:blank")
    visitor.wrong.clear()
    pace.gate.set()
    visitor.page.goto(visitor.server)
    visitor.done("text_generation")
    assert "Made by Words" in visitor.page.locator("#text_generation-made").inner_text()


def test_results_are_there_after_a_reload(visitor):
    page = visitor.page
    visitor.go("text_generation")
    visitor.done("text_generation")
    story, line = page.locator("#text_generation-result").inner_text(), page.locator("#text_generation-made").inner_text()
    visitor.tab("Image")
    visitor.go("text_to_image")
    visitor.done("text_to_image")
    visitor.reload()
    visitor.done("text_to_image")
    complete(visitor, "#text_to_image-result a img")
    page.locator("#text_to_image-variations").wait_for(timeout=WAIT)
    visitor.tab("Text")
    expect(page.locator("#text_generation-made")).to_have_text(line, use_inner_text=True, timeout=WAIT)
    assert page.locator("#text_generation-result").inner_text() == story
    page.locator("#text_generation-use-text_to_speech").click()
    expect(words(visitor, "text_to_speech", "text")).to_have_value(story.strip(), timeout=WAIT)


def test_what_was_set_is_there_after_a_reload(visitor):
    page = visitor.page
    visitor.expert()
    page.locator("#pg-shade").click()
    expect(page.locator("body.dark")).to_have_count(1)
    words(visitor, "text_generation").fill("It was a dark night")
    visitor.tab("Image")
    words(visitor, "text_to_image").fill("a \"blue\" <b>heart</b>")
    page.get_by_text("More control").locator("visible=true").click()
    visitor.set("text_to_image-steps", 5)
    visitor.tab("Upscale")
    page.get_by_label("2 times").check()
    page.wait_for_timeout(3_000)  # what changed is kept a moment later, on a busy machine much later
    visitor.reload()
    expect(chosen(visitor)).to_have_text("Upscale", timeout=WAIT)
    expect(page.locator("html.pg-expert")).to_have_count(1)
    expect(page.locator("#pg-mode")).to_have_attribute("aria-checked", "true", timeout=WAIT)
    expect(page.locator("body.dark")).to_have_count(1)
    expect(page.get_by_label("2 times")).to_be_checked(timeout=WAIT)
    visitor.tab("Image")
    expect(words(visitor, "text_to_image")).to_have_value("a \"blue\" <b>heart</b>", timeout=WAIT)
    page.get_by_text("More control").locator("visible=true").click()
    expect(page.locator("#text_to_image-steps input[type=number]")).to_have_value("5", timeout=WAIT)
    visitor.tab("Text")
    expect(words(visitor, "text_generation")).to_have_value("It was a dark night", timeout=WAIT)
    page.locator("#pg-shade").click()
    page.locator("#pg-mode").click()
    visitor.reload()
    expect(page.locator("#pg-mode")).to_have_attribute("aria-checked", "false", timeout=WAIT)
    expect(page.locator("body.dark")).to_have_count(0)
    expect(page.locator("#text_generation-model")).not_to_be_visible()


def test_beginning_anew_forgets_everything(visitor):
    page = visitor.page
    given = words(visitor, "text_generation").input_value()
    words(visitor, "text_generation").fill("It was a dark night")
    visitor.go("text_generation")
    visitor.done("text_generation")
    before = len(visitor.wrong)
    with page.expect_navigation(timeout=WAIT):
        page.evaluate("window.pgReset()")
    page.locator("#text_generation-result .pg-earlier").wait_for(timeout=WAIT)
    visitor.wrong[before:] = [said for said in visitor.wrong[before:] if "AbortError" not in said]
    expect(words(visitor, "text_generation")).to_have_value(given, timeout=WAIT)
    status(visitor, "text_generation", "calm").wait_for(timeout=WAIT)


def test_runs_of_other_tabs_are_in_the_strip_which_leads_to_them(visitor, pace):
    begun(visitor, pace, "Text", "text_generation", "Writing")
    visitor.tab("Image")
    visitor.go("text_to_image")
    status(visitor, "text_to_image", "busy").get_by_text("one run is before yours").wait_for(timeout=WAIT)
    visitor.tab("Speech")
    text, image = row(visitor, "text_generation"), row(visitor, "text_to_image")
    expect(text.get_by_text("Writing")).to_be_visible(timeout=WAIT)
    expect(image.get_by_text("one run is before yours")).to_be_visible(timeout=WAIT)
    text.get_by_role("button", name="Text").click()
    expect(chosen(visitor)).to_have_text("Text", timeout=WAIT)
    visitor.tab("Speech")
    pace.gate.set()
    for line in (text, image):
        expect(line.get_by_text("Done in")).to_be_visible(timeout=WAIT)
        assert line.get_by_role("button", name="Stop").count() == 0
    image.get_by_role("button", name="Image").click()
    expect(chosen(visitor)).to_have_text("Image", timeout=WAIT)
    expect(image).not_to_be_visible(timeout=WAIT)


def test_nobody_sees_anothers_runs(browser, address, pace, visitor):  # noqa: F811
    begun(visitor, pace, "Image", "text_to_image", "Step 1 of")
    other = Visitor(browser, address)
    other.tab("Image")
    status(other, "text_to_image", "calm").wait_for(timeout=WAIT)
    assert other.page.locator("#pg-strip .pg-run").count() == 0
    pace.gate.set()
    visitor.done("text_to_image")
    other.reload()
    expect(chosen(other)).to_have_text("Image", timeout=WAIT)
    other.page.wait_for_timeout(1000)
    assert status(other, "text_to_image", "calm").count() == 1
    assert other.page.locator("#text_to_image-result .pg-earlier").count() == 1
    other.close()


def test_an_error_leaves_the_last_good_result_and_pops_nothing_up(visitor):
    page = visitor.page
    visitor.go("text_generation")
    visitor.done("text_generation")
    story, line = page.locator("#text_generation-result").inner_text(), page.locator("#text_generation-made").inner_text()
    words(visitor, "text_generation").fill("")
    visitor.go("text_generation")
    status(visitor, "text_generation", "error").get_by_text("There is no text yet.").wait_for(timeout=WAIT)
    page.wait_for_timeout(500)
    assert page.locator(TOAST).count() == 0
    assert page.locator("#text_generation-result").inner_text() == story
    assert page.locator("#text_generation-made").inner_text() == line
    expect(page.locator("#text_generation-go")).to_be_enabled(timeout=WAIT)


@pytest.mark.parametrize(("label", "task"), [("Image", "text_to_image"), ("Inpaint", "inpainting")])
def test_a_click_on_an_example_runs_it(visitor, label, task):
    from playground.tabs.cards import of

    example = of(task)[1]
    visitor.tab(label)
    visitor.page.locator(f'#{task}-cards [data-index="1"]').click()
    visitor.done(task)
    complete(visitor, f"#{task}-result img")
    assert visitor.page.locator(f"#{task}-result .pg-earlier").count() == 0
    expect(words(visitor, task)).to_have_value(example.request["prompt"], timeout=WAIT)
    if "image" in example.request:
        complete(visitor, f"#{task}-image img")


def test_a_story_becomes_a_picture_that_is_changed_enlarged_and_read_by_clicks_alone(visitor):
    page = visitor.page
    visitor.go("text_generation")
    visitor.done("text_generation")
    story = page.locator("#text_generation-result").inner_text().strip()

    page.locator("#text_generation-use-text_to_image").click()
    expect(chosen(visitor)).to_have_text("Image", timeout=WAIT)
    visitor.go("text_to_image")
    visitor.done("text_to_image")
    complete(visitor, "#text_to_image-result a img")

    page.locator("#text_to_image-use-inpainting").click()
    expect(chosen(visitor)).to_have_text("Inpaint", timeout=WAIT)
    complete(visitor, "#inpainting-image img")
    page.get_by_label("Middle").check()
    visitor.go("inpainting")
    assert "0 pixels changed outside" in visitor.done("inpainting")
    complete(visitor, "#inpainting-result img")

    page.locator("#inpainting-use-super_resolution").click()
    expect(chosen(visitor)).to_have_text("Upscale", timeout=WAIT)
    complete(visitor, "#super_resolution-image img")
    visitor.go("super_resolution")
    visitor.done("super_resolution")
    assert "512 x 512" in page.locator("#super_resolution-result").inner_text()

    page.locator("#super_resolution-use-text_to_speech").click()
    expect(chosen(visitor)).to_have_text("Speech", timeout=WAIT)
    expect(words(visitor, "text_to_speech", "text")).to_have_value(story, timeout=WAIT)
    visitor.go("text_to_speech")
    visitor.done("text_to_speech")
    assert page.get_by_role("link", name="Download WAV").count() == 1
    visitor.shot("chain-speech")


FORGED = """([names, values]) => {
    names.forEach((name, i) => localStorage.setItem(`playground-${name}`, values[i % values.length]));
}"""
EXCHANGED = """names => {
    const kept = names.map(name => localStorage.getItem(`playground-${name}`));
    names.forEach((name, i) => localStorage.setItem(`playground-${name}`, kept[(i + 1) % kept.length]));
}"""
TASKS = [request.task for request in REQUESTS]


def test_what_another_wrote_into_the_browser_does_no_harm(visitor, pace):
    values = [TAG, "{}", "null", "[[[", '{"prompt": 3, "model": {"__proto__": 1}}', "dark" * 100_000]
    forged(visitor, FORGED, [["mode", "shade", "tab", *TASKS], values])
    expect(visitor.page.locator("#pg-mode")).to_have_attribute("aria-checked", "false")


def test_values_of_other_tabs_do_no_harm(visitor, pace):
    words(visitor, "text_generation").fill("It was a dark night")
    visitor.tab("Image")
    words(visitor, "text_to_image").fill(TAG)
    visitor.page.wait_for_timeout(700)  # what changed is kept a moment later
    forged(visitor, EXCHANGED, ["text_generation", "text_to_image"])
    expect(words(visitor, "text_to_image")).to_have_value("It was a dark night")
    visitor.tab("Text")
    expect(words(visitor, "text_generation")).to_have_value(TAG)


def forged(visitor: Visitor, script: str, *values: Any) -> None:
    """Loads the page anew with what a script leaves in the browser's storage, which Gradio calls an error where it
    cannot read it, and draws a picture there."""
    visitor.page.evaluate(script, *values)
    visitor.reload()
    visitor.page.wait_for_timeout(1000)
    visitor.wrong[:] = [said for said in visitor.wrong if not said.startswith("Error reading from localStorage: ")]
    assert visitor.page.evaluate("window.fired === undefined")
    visitor.tab("Image")
    visitor.go("text_to_image")
    visitor.done("text_to_image")
