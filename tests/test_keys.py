"""The keyboard in a real browser: tabs by arrows and digits, shortcuts, the dialog of shortcuts, and where the focus goes."""

from __future__ import annotations

import pytest

from tests.test_browser import LABELS, WAIT, Visitor, browser, kept, pytestmark, sync_api  # noqa: F401 - fixtures and a mark

expect = sync_api.expect
FOCUS = "document.activeElement.id"


@pytest.fixture
def visitor(request, kept):  # noqa: F811
    """A visitor who stays from test to test, in the Text tab with the focus nowhere."""
    one = kept.open()
    one.tab("Text")
    one.page.locator("#text_generation-go:enabled").wait_for(timeout=WAIT)
    one.page.evaluate("() => { document.activeElement.blur(); scrollTo(0, 0); }")
    yield from kept.lend(request.session)


def tab(visitor: Visitor, label: str):
    return visitor.page.get_by_role("tab", name=label, exact=True)


def opened(visitor: Visitor, label: str) -> None:
    """Waits until a tab is the chosen one, and the only one that the Tab key stops at."""
    expect(tab(visitor, label)).to_have_attribute("aria-selected", "true", timeout=WAIT)
    expect(tab(visitor, label)).to_have_js_property("tabIndex", 0)
    expect(visitor.page.locator("#pg-tabs [role=tab][tabindex='-1']")).to_have_count(len(LABELS) - 1)


def choose_long_story(visitor: Visitor) -> None:
    visitor.set("text_generation-max_new_tokens", 800)


def test_arrows_go_from_tab_to_tab(visitor):
    opened(visitor, "Text")
    tab(visitor, "Text").focus()
    for key, label in (
        ("ArrowRight", "Image"), ("ArrowRight", "Image to image"), ("ArrowLeft", "Image"), ("End", "Speech"),
        ("ArrowRight", "Text"), ("ArrowLeft", "Speech"), ("Home", "Text"),
    ):
        visitor.page.keyboard.press(key)
        opened(visitor, label)
        expect(tab(visitor, label)).to_be_focused()


def test_digits_open_the_tabs_but_not_while_typing(visitor):
    for digit, label in reversed(list(enumerate(LABELS, start=1))):
        visitor.page.keyboard.press(str(digit))
        opened(visitor, label)
    prompt = visitor.page.locator("#text_generation-prompt textarea")
    prompt.fill("")
    prompt.press_sequentially("2 of 3? 1/2")
    expect(prompt).to_have_value("2 of 3? 1/2")
    opened(visitor, "Text")
    assert visitor.page.locator("dialog[open]").count() == 0


def test_slash_goes_to_the_prompt_and_control_enter_runs(visitor):
    visitor.page.keyboard.press("2")
    prompt = visitor.page.locator("#text_to_image-prompt textarea")
    prompt.wait_for(timeout=WAIT)
    before = prompt.input_value()
    visitor.page.keyboard.press("/")
    expect(prompt).to_be_focused()
    expect(prompt).to_have_value(before)
    prompt.fill("a panda")
    visitor.page.keyboard.press("Control+Enter")
    visitor.done("text_to_image")
    expect(prompt).to_have_value("a panda")
    expect(prompt).to_be_focused()
    expect(visitor.page.locator("#text_to_image-result").get_by_alt_text("a panda")).to_be_visible()


def test_the_focus_waits_on_stop_while_a_run_works(visitor):
    page = visitor.page
    choose_long_story(visitor)
    page.locator("#text_generation-go").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#text_generation-stop")).to_be_focused(timeout=WAIT)
    page.keyboard.press("Escape")
    page.get_by_text("Stopped").locator("visible=true").first.wait_for(timeout=WAIT)
    expect(page.locator("#text_generation-go")).to_be_focused(timeout=WAIT)


def test_a_focus_that_was_moved_elsewhere_is_left_alone(visitor):
    page = visitor.page
    visitor.set("text_generation-max_new_tokens", 60)
    page.locator("#text_generation-go").click()
    page.locator("#text_generation-prompt textarea").focus()
    visitor.done("text_generation")
    page.locator("#text_generation-go:enabled").wait_for(timeout=WAIT)
    expect(page.locator("#text_generation-prompt textarea")).to_be_focused()


@pytest.mark.parametrize("way", ["Escape", "button", "outside"])
def test_help_is_a_dialog_and_gives_the_focus_back(visitor, way):
    page = visitor.page
    page.locator("#text_generation-go").focus()
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(dialog).to_be_visible()
    assert dialog.locator("kbd").all_inner_texts() == ["1", "6", "←", "→", "Home", "End", "Ctrl", "Enter", "Esc", "/", "?"]
    page.keyboard.press("3")
    if way == "Escape":
        page.keyboard.press("Escape")
    elif way == "button":
        dialog.get_by_role("button", name="Close").click()
    else:
        page.mouse.click(10, 10)
    expect(dialog).to_have_count(0)
    assert page.evaluate(FOCUS) == "text_generation-go"
    opened(visitor, "Text")


def test_the_hero_opens_help_where_single_keys_can_be_switched_off(visitor):
    page = visitor.page
    page.locator("#pg-help").click()
    page.get_by_label("Keys pressed alone").uncheck()
    page.keyboard.press("Escape")
    expect(page.locator("#pg-help")).to_be_focused()
    page.keyboard.press("2")
    page.keyboard.press("?")
    opened(visitor, "Text")
    assert page.locator("dialog[open]").count() == 0
    page.reload()
    page.locator("#text_generation-go:enabled").wait_for(timeout=WAIT)
    page.keyboard.press("2")
    page.locator("#pg-help").click()
    page.get_by_label("Keys pressed alone").check()
    page.keyboard.press("Escape")
    opened(visitor, "Text")
    page.keyboard.press("2")
    opened(visitor, "Image")


def test_a_list_closes_when_tab_leaves_it(visitor):
    page = visitor.page
    page.keyboard.press("6")
    voice = page.locator("#text_to_speech-voice input")
    voice.focus()
    expect(voice).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Tab")
    expect(voice).not_to_be_focused()
    page.wait_for_timeout(300)  # Gradio would open it anew a moment later
    expect(voice).to_have_attribute("aria-expanded", "false")
    assert page.get_by_role("listbox").count() == 0


def test_an_emptied_number_keeps_what_it_was(visitor):
    block = visitor.page.locator("#text_generation-max_new_tokens")
    number, handle = block.locator("input[type=number]"), block.locator("input[type=range]")
    number.fill("50")
    number.press("Tab")
    number.fill("")
    expect(number).to_have_value("")
    number.press("Tab")
    expect(number).to_have_value("50")
    expect(handle).to_have_value("50")
    number.fill("")
    number.press_sequentially("70")
    number.press("Tab")
    expect(number).to_have_value("70")
    expect(handle).to_have_value("70")
