"""Every tab checked by axe-core in a real browser: light and dark, Simple and Expert, desktop and phone, also after a run."""

from __future__ import annotations

import pytest

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


def faults_of_every_tab(visitor: Visitor) -> list[str]:
    """The faults of all tabs, each opened with its folded parts."""
    found = []
    for label in LABELS:
        visitor.tab(label)
        visitor.page.locator(".pg-head h2").locator("visible=true").wait_for(timeout=WAIT)
        for part in visitor.page.get_by_text("More control").locator("visible=true").all():
            part.click()
        settled(visitor)
        found += [f"{label}: {fault}" for fault in faults(visitor.page)]
    return found


def opened(browser, server: str, *, theme: str, width: int = 1280, height: int = 800) -> Visitor:  # noqa: F811
    visitor = Visitor(browser, server, width=width, height=height, address=f"{server}/?__theme={theme}")
    visitor.page.emulate_media(reduced_motion="reduce")
    return visitor


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("expert", [False, True], ids=["simple", "expert"])
@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
def test_no_tab_has_a_grave_fault_before_a_run(browser, server, theme, expert, width, height):  # noqa: F811
    visitor = opened(browser, server, theme=theme, width=width, height=height)
    if expert:
        visitor.expert()
    found = faults_of_every_tab(visitor)
    visitor.close()
    assert not found, "\n".join(found)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_result_has_a_grave_fault(browser, server, theme):  # noqa: F811
    visitor, found = opened(browser, server, theme=theme), []
    for label, task in (("Text", "text_generation"), ("Image", "text_to_image")):
        visitor.tab(label)
        visitor.go(task)
        visitor.done(task)
        settled(visitor)
        found += [f"{label}: {fault}" for fault in faults(visitor.page)]
    visitor.close()
    assert not found, "\n".join(found)
