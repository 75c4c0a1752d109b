"""In a real browser, with models that are not starters: a chat, a slow voice, and prompts that would like to be HTML."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Any

import pytest

from playground import pipelines
from playground.catalog import ModelCard, cards
from playground.events import Audio, Event
from tests import tiny_speech, tiny_text
from tests.test_browser import WAIT, Visitor, browser, pytestmark, sync_api  # noqa: F401 - a fixture and a mark

HOSTILE = "a fox <img src=x onerror=\"window.fired=1\"> <script>window.fired=1</script> ${window.fired=1} {{7*7}}"
CHAT = "#text_generation-chat"
FIVE = "one. two. three. four. five."
SLOWLY = 1.5  # seconds a sentence
# asked in the page itself, since on a busy machine a question from outside comes late: sentences there when sound began
LISTEN = """() => {
    const audio = document.querySelector('#text_to_speech-result audio');
    audio.addEventListener('timeupdate', () => {
        if (audio.currentTime > 0) window.heard ??= document.querySelectorAll('#text_to_speech-result li').length;
    });
}"""


class SlowVoice:
    """A voice that takes its time for each sentence."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.nbytes, self.dtype, self.close = model.nbytes, model.dtype, model.close

    def run(self, request, emit):
        def late(event: Event) -> None:
            if isinstance(event, Audio):
                time.sleep(SLOWLY)
            emit(event)

        return self.model.run(request, late)


def load(card: ModelCard, device) -> Any:
    model = pipelines.load(card, device)
    return SlowVoice(model) if card.adapter == "speech" else model


def chat_in_words(folder: Path) -> Path:
    """A chat model of whole words: what the byte models say has control characters, which no history keeps."""
    tokenizer = tiny_text.metaspace_tokenizer()
    tokenizer.chat_template = tiny_text.CHAT
    return tiny_text.llama(folder, tokenizer=tokenizer)


@pytest.fixture(scope="module")
def address(server, tmp_path_factory):
    """A page like `server` with a tiny chat model and a tiny voice."""
    from tests.served import serving

    folder = tmp_path_factory.mktemp("served")
    chatter = ModelCard(
        id="chatter", title="Chatter", sentence="Says random words.", bad_at="everything", adapter="text", chat=True,
        tasks=frozenset({"text_generation"}), licence="none", training_data="none", memory=1_000_000,
        folder=chat_in_words(folder / "chatter"),
        defaults={"max_new_tokens": 8, "temperature": 0.0, "top_p": 1.0, "top_k": 0, "repetition_penalty": 1.0},
    )
    voice = {"folder": tiny_speech.vits(folder / "voice"), "repository": "", "memory": 1_000_000}
    known = tuple(dataclasses.replace(c, **voice) if c.id == "mms-tts-eng" else c for c in cards())
    with serving((*known, chatter), folder, load=load, port=49_800) as running:
        yield running.address


@pytest.fixture
def visitor(browser, address):  # noqa: F811
    one = Visitor(browser, address)
    yield one
    one.close()


def choose_chatter(visitor: Visitor) -> None:
    visitor.page.locator("#text_generation-model input").click()
    visitor.page.get_by_role("option", name="Chatter").click()
    visitor.page.locator("#text_generation-chat").wait_for(timeout=WAIT)
    visitor.page.get_by_label("Your message (prompt)").wait_for(timeout=WAIT)


def say(visitor: Visitor, words: str) -> None:
    visitor.page.locator("#text_generation-prompt textarea").fill(words)
    visitor.go("text_generation")


def bubbles(visitor: Visitor, role: str) -> Any:
    """The bubbles of a role, which is user or bot."""
    return visitor.page.locator(f"{CHAT} [data-testid={role}]")


def answered(visitor: Visitor, before: str = "") -> str:
    """Waits until the line under the result is no longer `before`, that is another run's; returns the line."""
    visitor.page.wait_for_function(
        "before => document.querySelector('#text_generation-made').innerText !== before", arg=before, timeout=WAIT
    )
    visitor.page.locator("#text_generation-status .pg-done").wait_for(timeout=WAIT)
    visitor.page.wait_for_timeout(700)  # the bubbles are drawn a moment later
    return visitor.page.locator("#text_generation-made").inner_text()


def test_a_chat(visitor):
    page, user, bot = visitor.page, bubbles(visitor, "user"), bubbles(visitor, "bot")
    choose_chatter(visitor)
    say(visitor, "first question")
    line = answered(visitor)
    sync_api.expect(user).to_have_text(["first question"])
    sync_api.expect(bot).to_have_count(1)
    sync_api.expect(page.locator("#text_generation-prompt textarea")).to_have_value("")

    say(visitor, "second question")
    line = answered(visitor, line)
    sync_api.expect(user).to_have_text(["first question", "second question"])
    sync_api.expect(bot).to_have_count(2)
    answer = bot.nth(1).inner_text()
    assert answer.strip()
    visitor.shot("chat")

    page.get_by_role("button", name="Go on from here").click()
    line = answered(visitor, line)
    sync_api.expect(user).to_have_text(["first question", "second question"])
    sync_api.expect(bot.nth(1)).not_to_have_text(answer)
    assert bot.nth(1).inner_text().startswith(answer.rstrip())

    page.locator(CHAT).get_by_label("Retry").last.click()  # likeliest tokens only: the same answer again
    line = answered(visitor, line)
    sync_api.expect(user).to_have_text(["first question", "second question"])
    sync_api.expect(bot.nth(1)).to_have_text(answer)

    page.locator(CHAT).get_by_label("Edit").first.click()
    page.locator(f"{CHAT} textarea").first.fill("another question")
    page.locator(CHAT).get_by_label("Submit").first.click()
    answered(visitor, line)
    sync_api.expect(user).to_have_text(["another question"])
    sync_api.expect(bot).to_have_count(1)


def test_the_first_sentences_are_heard_before_the_last_is_made(visitor):
    page = visitor.page
    visitor.tab("Speech")
    page.evaluate(LISTEN)
    page.locator("#text_to_speech-text textarea").fill(FIVE)
    visitor.go("text_to_speech")
    page.wait_for_function("() => window.heard !== undefined", timeout=WAIT)
    assert 1 <= page.evaluate("window.heard") < 5, "nothing was heard before the last sentence was made"
    visitor.shot("speech-running")
    visitor.done("text_to_speech")
    assert page.locator("#text_to_speech-result li").all_inner_texts() == ["one.", "two.", "three.", "four.", "five."]
    with page.expect_download(timeout=WAIT) as download:
        page.get_by_role("link", name="Download WAV").click()
    import soundfile

    assert download.value.suggested_filename == "speech.wav"
    samples, rate = soundfile.read(download.value.path())
    assert rate == 16_000 and len(samples) > rate  # four pauses of a quarter of a second
    visitor.shot("speech-done")


def test_a_sentence_can_be_heard_again_and_a_new_run_begins_anew(visitor):
    page = visitor.page
    visitor.tab("Speech")
    for text, count in (("one. two.", 2), ("three.", 1)):
        page.locator("#text_to_speech-text textarea").fill(text)
        visitor.go("text_to_speech")
        page.wait_for_function(
            "n => document.querySelectorAll('#text_to_speech-result li').length === n", arg=count, timeout=WAIT
        )
        visitor.done("text_to_speech")
        page.get_by_role("link", name="Download WAV").wait_for(timeout=WAIT)
    button = page.locator("#text_to_speech-result li button").first
    button.click()
    assert button.get_attribute("aria-current") == "true" and button.inner_text() == "three."


def is_harmless(visitor: Visitor) -> bool:
    visitor.page.wait_for_timeout(500)
    return visitor.page.evaluate("window.fired === undefined")


def test_a_hostile_prompt_is_text_in_a_story(visitor):
    say(visitor, HOSTILE)
    visitor.done("text_generation")
    assert visitor.page.locator("#text_generation-result .pg-given").inner_text() == HOSTILE
    assert visitor.page.locator("#text_generation-result img").count() == 0
    assert is_harmless(visitor)


def test_a_hostile_prompt_is_text_beside_a_picture(visitor):
    visitor.tab("Image")
    visitor.page.locator("#text_to_image-prompt textarea").fill(HOSTILE)
    visitor.go("text_to_image")
    visitor.done("text_to_image")
    image = visitor.page.locator("#text_to_image-result img")
    assert image.count() == 1 and image.get_attribute("alt") == HOSTILE
    assert is_harmless(visitor)


def test_a_hostile_text_is_text_in_the_player(visitor):
    visitor.tab("Speech")
    visitor.page.locator("#text_to_speech-text textarea").fill(HOSTILE)
    visitor.go("text_to_speech")
    visitor.done("text_to_speech")
    assert visitor.page.locator("#text_to_speech-result li").all_inner_texts() == [HOSTILE]
    assert is_harmless(visitor)


def test_a_hostile_message_is_harmless_in_a_chat(visitor):
    choose_chatter(visitor)
    say(visitor, HOSTILE)
    answered(visitor)
    sync_api.expect(bubbles(visitor, "user")).to_have_text([HOSTILE])
    assert visitor.page.locator(f"{CHAT} .message img").count() == 0
    assert is_harmless(visitor)
