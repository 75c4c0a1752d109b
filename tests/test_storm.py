"""Many clicks, many pages and greedy clients against the real page with a slow fake model: one run at a time, in turns."""

from __future__ import annotations

import os

import httpx
import pytest

from tests.fakes import CPU, FakeModel, Gauge, wait_until

EXECUTABLE = os.environ.get("PLAYGROUND_CHROMIUM")
needs_browser = pytest.mark.skipif(EXECUTABLE is None, reason="no browser: start the tests with tests/run.sh")
SLOW = {"steps": 400, "seconds": 0.05}  # a run of twenty seconds, which nobody lets end


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


@pytest.fixture
def browser():
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=EXECUTABLE or None, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield running
        running.close()


def opened(browser, served):
    """A page of a visitor of its own."""
    page = browser.new_context().new_page()
    page.goto(served.address)
    page.locator("#text_generation-go").wait_for(timeout=90_000)
    return page


def click(page, which: str) -> None:
    """Clicks as fast as a machine can; a button that is switched off hears nothing."""
    page.evaluate("id => document.getElementById(id).click()", f"text_generation-{which}")


def calm(served) -> None:
    """Waits until nothing runs or waits."""
    wait_until(lambda: served.engine.in_flight == 0, what="an idle engine")


@needs_browser
def test_forty_times_go_and_stop_from_five_pages_never_run_two_at_once(browser, served, gauge):
    pages = [opened(browser, served) for _ in range(5)]
    for _ in range(8):
        for page in pages:
            click(page, "go")
        pages[0].wait_for_timeout(100)
        for page in pages:
            click(page, "stop")
        pages[0].wait_for_timeout(60)
    for page in pages:
        page.wait_for_timeout(200)
        click(page, "stop")
    calm(served)
    assert gauge.steps > 0 and gauge.most == 1
    pages[0].locator("#text_generation-prompt textarea").fill("a short one")
    click(pages[0], "go")
    pages[0].locator("#text_generation-status .pg-done").wait_for(timeout=60_000)
    assert gauge.most == 1
    calm(served)


@needs_browser
def test_the_run_of_a_page_that_is_closed_goes_on_until_another_waits(browser, served, gauge):
    page, other = opened(browser, served), opened(browser, served)
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
