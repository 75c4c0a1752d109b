"""Many clicks, many pages and greedy clients against the real page with a slow fake model: one run at a time, in turns."""

from __future__ import annotations

import os

import httpx
import pytest

from tests.fakes import CPU, FakeModel, Gauge, wait_until

EXECUTABLE = os.environ.get("PLAYGROUND_CHROMIUM")
needs_browser = pytest.mark.skipif(EXECUTABLE is None, reason="no browser: start the tests with tests/run.sh")
SLOW = {"steps": 4_000, "seconds": 0.05}  # a run of minutes, which nobody lets end


# Fourteen clicks on Go and on Stop, by the page itself: all pages click at the same time.
STORM = """task => {
    const pause = milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds));
    const press = which => document.getElementById(`${task}-${which}`).click();
    window.storm = (async () => {
        for (let count = 0; count < 14; count++) {
            press('go');
            await pause(100);
            press('stop');
            await pause(60);
        }
    })();
}"""


@pytest.fixture(scope="module")
def gauge() -> Gauge:
    return Gauge()


class ByPrompt(FakeModel):
    """Short for a prompt that says so, else slow."""

    def length(self, request) -> int:
        return 10 if "short" in request.prompt else super().length(request)


@pytest.fixture(scope="module")
def served(tmp_path_factory, gauge):
    from playground.catalog import cards
    from tests.served import serving

    folder = tmp_path_factory.mktemp("storm")
    with serving(cards(), folder, load=lambda card, device: ByPrompt(**SLOW, gauge=gauge), port=49_950) as page:
        page.engine.pool.__dict__["device"] = CPU
        yield page


@pytest.fixture(scope="module")
def pages(browser, served):
    """Three pages, each of a visitor of its own."""
    opened = [browser.new_context().new_page() for _ in range(3)]
    for page in opened:
        page.goto(served.address)
    for page in opened:
        page.locator("#text_generation-go:enabled").wait_for(timeout=90_000)
    return opened


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=EXECUTABLE or None, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield running
        running.close()


def click(page, which: str) -> None:
    """Clicks as fast as a machine can; a button that is switched off hears nothing."""
    page.evaluate("id => document.getElementById(id).click()", f"text_generation-{which}")


def calm(served) -> None:
    """Waits until nothing runs or waits."""
    wait_until(lambda: served.engine.in_flight == 0, what="an idle engine")


@needs_browser
def test_forty_times_go_and_stop_from_three_pages_never_run_two_at_once(pages, served, gauge):
    for page in pages:
        page.evaluate(STORM, "text_generation")
    for page in pages:
        page.evaluate("window.storm")

    def calmed() -> bool:
        for page in pages:
            click(page, "stop")  # which may come too early for a run that is only about to begin
        return served.engine.in_flight == 0

    wait_until(calmed, what="an idle engine")
    assert gauge.steps > 0 and gauge.most == 1
    pages[0].locator("#text_generation-prompt textarea").fill("a short one")
    click(pages[0], "go")
    pages[0].locator("#text_generation-status .pg-done").wait_for(timeout=60_000)
    assert gauge.most == 1
    calm(served)


@needs_browser
def test_the_run_of_a_page_that_is_closed_goes_on_until_another_waits(pages, served, gauge):
    *_, page, other = pages
    before = gauge.steps
    click(page, "go")
    wait_until(lambda: gauge.steps > before, what="a step")
    page.context.close()
    closed = gauge.steps
    wait_until(lambda: gauge.steps > closed + 20, what="a step that nobody sees")
    other.locator("#text_generation-prompt textarea").fill("a short one")
    click(other, "go")
    other.locator("#text_generation-status .pg-done").wait_for(timeout=60_000)
    calm(served)
    assert gauge.steps < before + SLOW["steps"], "it went on to its end although another waited"
    assert gauge.most == 1


def test_a_greedy_client_does_not_keep_another_waiting(served, gauge):
    with httpx.Client(base_url=served.address) as greedy, httpx.Client(base_url=served.address) as modest:
        for client in (greedy, modest):
            client.get("/").raise_for_status()
        first = len(gauge.prompts)
        for number in range(10):
            post(greedy, f"greedy {number}, short")
        wait_until(lambda: len(gauge.prompts) > first, what="the first run")
        begun = len(gauge.prompts)
        post(modest, "modest, short")
        wait_until(lambda: len(gauge.prompts) == first + 11, what="eleven runs")
        calm(served)
        assert gauge.prompts[begun:].index("modest, short") <= 3, gauge.prompts[first:]
    assert gauge.most == 1


def post(client: httpx.Client, prompt: str) -> None:
    """Starts a run by raw HTTP and never reads its stream."""
    names = client.get("/gradio_api/info").json()["named_endpoints"]["/text_generation"]["parameters"]
    values = {"model": "words", "seed": 1, "prompt": prompt, "history": []}
    data = [values.get(parameter["parameter_name"]) for parameter in names]
    client.post("/gradio_api/call/text_generation", json={"data": data}).raise_for_status()
