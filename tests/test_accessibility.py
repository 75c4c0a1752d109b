"""Every tab checked by axe-core in a real browser: light and dark, Simple and Expert, desktop and phone, also after a run."""

from __future__ import annotations

import pytest

from playground.requests import REQUESTS, InpaintingRequest
from tests.test_browser import LABELS, WAIT, Visitor, browser, pytestmark, sync_api  # noqa: F401 - a fixture and a mark

axe = pytest.importorskip("axe_playwright_python.sync_playwright")
GRAVE = ("serious", "critical")


def faults(page) -> list[str]:
    """What axe-core finds grave on the page as it is now: the rule, the element, and what is wrong with it."""
    found = axe.Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{fault['id']}: {' '.join(map(str, node['target']))}: {' '.join(node['failureSummary'].split())}"
        for fault in found if fault["impact"] in GRAVE for node in fault["nodes"]
    ]


def settled(visitor: Visitor) -> None:
    """Waits until what fades in has its colour, which is what axe-core measures."""
    visitor.page.wait_for_function("() => document.getAnimations().every(a => a.playState !== 'running')", timeout=WAIT)


def faults_now(visitor: Visitor, shades: tuple[str, ...]) -> list[str]:
    """The faults of what is shown, in each of some shades: one, or both."""
    found = []
    for shade in shades:
        if (visitor.page.locator("body.dark").count() == 1) != (shade == "dark"):
            visitor.page.locator("#pg-shade").click()
            visitor.page.locator("body.dark").wait_for(state="attached" if shade == "dark" else "detached", timeout=WAIT)
        settled(visitor)
        found += [f"{shade}: {fault}" for fault in faults(visitor.page)]
    return found


def faults_of_every_tab(visitor: Visitor, *shades: str) -> list[str]:
    """The faults of all tabs in some shades, each opened with its folded parts."""
    found = []
    for label in LABELS:
        visitor.tab(label)
        visitor.page.locator(".pg-head h2").locator("visible=true").wait_for(timeout=WAIT)
        for part in visitor.page.get_by_text("More control").locator("visible=true").all():
            part.click()
        found += [f"{label}, {fault}" for fault in faults_now(visitor, shades)]
    return found


@pytest.fixture
def visited(browser, server):  # noqa: F811
    """Opens pages in light or dark."""
    opened = []

    def visit(theme: str, *, width: int = 1280, height: int = 800) -> Visitor:
        visitor = Visitor(browser, server, width=width, height=height, address=f"{server}/?__theme={theme}")
        visitor.page.emulate_media(reduced_motion="reduce")
        opened.append(visitor)
        return visitor

    yield visit
    for visitor in opened:
        visitor.close()


def test_no_tab_has_a_grave_fault_before_a_run(visited):
    visitor = visited("light")
    found = faults_of_every_tab(visitor, "light")
    visitor.expert()  # shows all that Simple shows, and more
    found += [f"Expert: {fault}" for fault in faults_of_every_tab(visitor, "light", "dark")]
    assert not found, "\n".join(found)


def test_no_tab_has_a_grave_fault_on_a_phone(visited):
    visitor = visited("dark", width=390, height=844)
    visitor.expert()
    found = faults_of_every_tab(visitor, "dark")
    assert not found, "\n".join(found)


def test_no_result_has_a_grave_fault(visited):
    visitor, found = visited("light"), []
    for label, request in zip(LABELS, REQUESTS, strict=True):
        visitor.tab(label)
        visitor.page.locator(f'#{request.task}-cards [data-index="0"]').click()
        visitor.done(request.task)
        if request is InpaintingRequest:
            visitor.page.locator("#inpainting-editor canvas").first.wait_for(timeout=WAIT)
        found += [f"{label}, {fault}" for fault in faults_now(visitor, ("light", "dark"))]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_neither_help_nor_tour_has_a_grave_fault(visited, theme):
    visitor, found = visited(theme), []
    for button in ("#pg-help", "#pg-tour"):
        visitor.page.locator(button).click()
        visitor.page.get_by_role("dialog").wait_for(timeout=WAIT)
        found += [f"{button}, {fault}" for fault in faults_now(visitor, (theme,))]
        visitor.page.keyboard.press("Escape")
        visitor.page.get_by_role("dialog").wait_for(state="detached", timeout=WAIT)
    assert not found, "\n".join(found)
