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
from playground.requests import Limits
from tests import tiny_speech, tiny_text
from tests.test_browser import WAIT, Kept, Visitor, browser, pytestmark, regular, sync_api  # noqa: F401 - fixtures and a mark

HOSTILE = "a fox <img src=x onerror=\"window.fired=1\"> <script>window.fired=1</script> ${window.fired=1} {{7*7}}"
CHAT = "#text_generation-chat"
TEN = "one two. three four. five six. seven. eight nine. ten. eleven. twelve. thirteen. fourteen."
SLOWLY = 1.2  # seconds a sentence
RESULT = "#text_to_speech-result"
# asked in the page itself, since on a busy machine a question from outside comes late: how many sentences were there when
# sound began, every word that was lit, and every sentence that was marked
LISTEN = """() => {
    const result = document.querySelector('#text_to_speech-result');
    for (const audio of result.querySelectorAll('audio.pg-voice')) audio.addEventListener('timeupdate', () => {
        if (audio.currentTime > 0) window.heard ??= result.querySelectorAll('li').length;
    });
    window.lit = []; window.marked = [];
    new MutationObserver(() => {
        const word = result.querySelector('.pg-sentences .pg-lit')?.textContent;
        if (word && window.lit.at(-1) !== word) window.lit.push(word);
        const sentence = result.querySelector('li [aria-current=true]')?.textContent;
        if (sentence && window.marked.at(-1) !== sentence) window.marked.push(sentence);
    }).observe(result, { subtree: true, attributes: true, childList: true });
}"""
PLAYING = f"[...document.querySelectorAll('{RESULT} audio.pg-voice')].filter(a => !a.paused && !a.ended)"


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
    """A page like `server` with a tiny chat model and two tiny voices, of which one takes recordings."""
    from tests.served import serving

    folder = tmp_path_factory.mktemp("served")
    chatter = ModelCard(
        id="chatter", title="Chatter", sentence="Says random words.", bad_at="everything", adapter="text", chat=True,
        tasks=frozenset({"text_generation"}), licence="none", training_data="none", memory=1_000_000,
        folder=chat_in_words(folder / "chatter"),
        defaults={"max_new_tokens": 8, "temperature": 0.0, "top_p": 1.0, "top_k": 0, "repetition_penalty": 1.0},
    )
    voice = ModelCard(
        id="voice", title="Hummer", sentence="Hums.", bad_at="Words.", tasks=frozenset({"text_to_speech"}), adapter="speech",
        licence="none", training_data="none", memory=1_000_000, folder=tiny_speech.vits(folder / "voice"), voices=("Ann",),
    )
    copier = dataclasses.replace(
        voice, id="copier", title="Copier", voices=("Ann", "Bea"), options={"clones": True},
        limits={"pitch": Limits(low=0, high=0, step=0.5)},
    )
    known = tuple(c for c in cards() if c.id != "voice")
    with serving((voice, copier, *known, chatter), folder, load=load, port=49_800) as running:
        yield running.address


@pytest.fixture
def visitor(browser, address):  # noqa: F811
    one = Visitor(browser, address)
    yield one
    one.close()


@pytest.fixture(scope="module")
def kept(browser, address):  # noqa: F811
    one = Kept(browser, address)
    yield one
    one.drop()


def choose_chatter(visitor: Visitor) -> None:
    visitor.expert()
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


def read_aloud(visitor: Visitor, text: str) -> None:
    visitor.tab("Speech")
    visitor.page.locator("#text_to_speech-text textarea").fill(text)
    visitor.go("text_to_speech")


def test_the_first_sentences_are_heard_before_the_last_is_made(visitor):
    page = visitor.page
    visitor.tab("Speech")
    page.evaluate(LISTEN)
    read_aloud(visitor, TEN)
    page.wait_for_function("() => window.heard !== undefined", timeout=WAIT)
    assert 1 <= page.evaluate("window.heard") < 10, "nothing was heard before the last sentence was made"
    visitor.shot("speech-running")
    visitor.done("text_to_speech")
    assert page.locator(f"{RESULT} li").all_inner_texts() == [part.strip() + "." for part in TEN.split(".")[:-1]]
    page.wait_for_function("() => window.marked.length === 10 && window.lit.length === 14", timeout=WAIT)
    lit = [word.strip(".") for word in page.evaluate("window.lit")]
    assert lit == TEN.replace(".", "").split(), "not every word was lit in its turn"
    assert page.evaluate("window.marked") == page.locator(f"{RESULT} li").all_inner_texts()
    page.wait_for_function(f"() => {PLAYING}.length === 0", timeout=WAIT)
    assert page.locator(f"{RESULT} .pg-lit, {RESULT} [aria-current=true]").count() == 0
    audio = page.locator(f"{RESULT} audio").locator("visible=true")
    assert audio.count() == 1 and audio.get_attribute("src").endswith("/speech.wav")
    visitor.shot("speech-done")


def test_downloads_of_every_kind(visitor):
    import soundfile

    from playground.sounds import CODECS

    page = visitor.page
    read_aloud(visitor, "one two. three.")
    visitor.done("text_to_speech")
    for ending, (container, _) in CODECS.items():
        with page.expect_download(timeout=WAIT) as download:
            page.get_by_role("link", name=f"Download {ending.upper()}").click()
        assert download.value.suggested_filename == f"speech.{ending}"
        with soundfile.SoundFile(download.value.path()) as file:
            assert file.format == container and file.samplerate == 16_000 and file.frames > 8_000
            assert file.copy_metadata()["title"] == "one two. three."
    with page.expect_download(timeout=WAIT) as download:
        page.get_by_role("link", name="Download Subtitles (VTT)").click()
    captions = Path(download.value.path()).read_text(encoding="utf8")
    assert download.value.suggested_filename == "speech.vtt"
    assert captions.startswith("WEBVTT\n\n") and "three" in captions and captions.count(" --> ") == 2


def test_the_sound_is_shown_as_a_picture(visitor):
    page = visitor.page
    read_aloud(visitor, "one two. three.")
    visitor.done("text_to_speech")
    image = page.locator(f"{RESULT} .pg-spectrogram img")
    page.wait_for_function(f"() => document.querySelector('{RESULT} .pg-spectrogram img').naturalWidth >= 800", timeout=WAIT)
    assert "Mel spectrogram of" in image.get_attribute("alt")
    assert page.locator(f"{RESULT} .pg-hertz").all_inner_texts() == ["0.5", "1", "2", "4", "8"]
    assert page.locator(f"{RESULT} .pg-times span").first.inner_text() == "0"
    assert [w.strip(".") for w in page.locator(f"{RESULT} .pg-labels span").all_inner_texts()] == ["one", "two", "three"]
    box = image.bounding_box()
    image.click(position={"x": box["width"] * 0.7, "y": 20})
    heard = f"() => {{ const [a] = {PLAYING}; const share = a && a.currentTime / a.duration; return share > 0.69 && share; }}"
    share = page.wait_for_function(heard, timeout=WAIT).json_value()  # a length not known yet is NaN, above nothing
    assert share < 0.9, "a click on the picture does not play from there"


def test_a_click_on_a_word_or_a_sentence_plays_from_there(visitor):
    page = visitor.page
    read_aloud(visitor, "one two three four. five six seven. eight nine.")
    visitor.done("text_to_speech")
    times = page.evaluate(
        f"[...document.querySelectorAll('{RESULT} .pg-word')].map(word => [word.textContent.replace('.', ''), word.start])"
    )
    starts = dict(times)
    for word in ("seven", "three"):
        page.locator(f"{RESULT} .pg-sentences .pg-word", has_text=word).click()
        now = page.evaluate(f"{PLAYING}[0]?.currentTime")
        assert starts[word] - 0.01 <= now < starts[word] + 1, f"{word} is at {starts[word]}, the sound at {now}"
    page.locator(f"{RESULT} li button").nth(1).focus()
    page.keyboard.press("Enter")
    assert starts["five"] - 0.2 <= page.evaluate(f"{PLAYING}[0]?.currentTime") < starts["five"] + 1
    assert page.locator(f"{RESULT} li button").nth(1).get_attribute("aria-current") == "true"


def test_stop_keeps_what_was_made(visitor):
    page = visitor.page
    read_aloud(visitor, TEN)
    page.wait_for_function(f"() => document.querySelectorAll('{RESULT} li').length >= 2", timeout=WAIT)
    page.locator("#text_to_speech-stop").click()
    visitor.stopped("text_to_speech")
    page.wait_for_timeout(500)
    assert page.evaluate(f"{PLAYING}.length") == 0, "Stop did not stop the sound"
    count = page.locator(f"{RESULT} li").count()
    assert 2 <= count < 10 and page.get_by_role("link", name="Download WAV").count() == 0
    page.locator(f"{RESULT} li button").nth(1).click()
    page.wait_for_function(f"() => {PLAYING}[0]?.currentTime > 0", timeout=WAIT)
    assert page.locator(f"{RESULT} li button").nth(1).get_attribute("aria-current") == "true"
    visitor.shot("speech-stopped")
    read_aloud(visitor, "fifteen.")
    visitor.done("text_to_speech")
    assert page.locator(f"{RESULT} li").all_inner_texts() == ["fifteen."]


def test_a_browser_that_refuses_to_play_by_itself_is_said(visitor):
    page = visitor.page
    visitor.tab("Speech")
    page.evaluate("""() => {
        const media = HTMLMediaElement.prototype, play = media.play;
        media.play = () => Promise.reject(new DOMException('no', 'NotAllowedError'));
        window.allow = () => { media.play = play; };
    }""")
    read_aloud(visitor, "one two. three.")
    page.locator(RESULT).get_by_text("Press play to listen.").wait_for(timeout=WAIT)
    visitor.done("text_to_speech")
    page.evaluate("window.allow()")
    page.evaluate(f"[...document.querySelectorAll('{RESULT} audio.pg-voice')].find(a => !a.hidden).play()")
    page.wait_for_function(f"() => {PLAYING}[0]?.currentTime > 0", timeout=WAIT)
    assert not page.locator(f"{RESULT} .pg-hint").is_visible()


@pytest.mark.parametrize(("theme", "width", "height"), [("light", 1280, 800), ("dark", 390, 844)])
def test_the_player_fits_the_screen(browser, address, width, height, theme):  # noqa: F811
    visitor = Visitor(browser, address, width=width, height=height, address=f"{address}/?__theme={theme}")
    read_aloud(visitor, "one two three. four five.\n" + "eleven" * 40)
    visitor.done("text_to_speech")
    visitor.page.get_by_role("link", name="Download WAV").wait_for(timeout=WAIT)
    visitor.page.wait_for_timeout(700)
    for shade in (theme, "dark" if theme == "light" else "light"):
        assert (visitor.page.locator("body.dark").count() == 1) == (shade == "dark")
        assert visitor.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1")
        targets = visitor.page.locator(f"{RESULT} li button, {RESULT} .pg-downloads a").all()
        assert len(targets) > 3
        for target in targets:
            box = target.bounding_box()
            assert box["height"] >= 40 and box["x"] >= 0 and box["x"] + box["width"] <= width
        visitor.shot(f"speech-done-{width}-{shade}")
        visitor.page.locator("#pg-shade").click()
    visitor.close()


def test_what_a_model_cannot_do_is_hidden(visitor):
    page = visitor.page
    visitor.tab("Speech")
    visitor.more_control()
    page.locator("#text_to_speech-pitch").wait_for(timeout=WAIT)
    assert page.locator("#text_to_speech-speed").is_visible() and not page.locator("#text_to_speech-own").is_visible()
    page.locator("#text_to_speech-model input").click()
    page.get_by_role("option", name="Copier").click()
    page.locator("#text_to_speech-own").wait_for(timeout=WAIT)
    sync_api.expect(page.locator("#text_to_speech-pitch")).not_to_be_visible()
    assert page.locator("#text_to_speech-voice").is_visible()


def test_a_recording_needs_consent(visitor, tmp_path):
    import numpy as np

    from playground.sounds import encode

    (tmp_path / "me.flac").write_bytes(encode(np.sin(np.arange(32_000) / 9) / 2, 16_000, "flac"))
    page = visitor.page
    visitor.tab("Speech")
    visitor.expert()
    page.locator("#text_to_speech-model input").click()
    page.get_by_role("option", name="Copier").click()
    page.get_by_text("Speak in your own voice").click()
    page.locator("#text_to_speech-reference input[type=file]").set_input_files(tmp_path / "me.flac")
    page.locator("#text_to_speech-reference").get_by_text("me").first.wait_for(timeout=WAIT)
    visitor.go("text_to_speech")
    page.locator("#text_to_speech-status .pg-error").get_by_text("Tick that").wait_for(timeout=WAIT)
    page.get_by_label("This is my own voice").check()
    visitor.go("text_to_speech")
    visitor.done("text_to_speech")


def test_a_sentence_can_be_heard_again_and_a_new_run_begins_anew(visitor):
    page = visitor.page
    for text, count in (("one. two.", 2), ("three.", 1)):
        read_aloud(visitor, text)
        page.wait_for_function(f"n => document.querySelectorAll('{RESULT} li').length === n", arg=count, timeout=WAIT)
        visitor.done("text_to_speech")
        page.get_by_role("link", name="Download WAV").wait_for(timeout=WAIT)
    button = page.locator(f"{RESULT} li button").first
    button.click()
    assert button.get_attribute("aria-current") == "true" and button.inner_text() == "three."


def is_harmless(visitor: Visitor) -> bool:
    visitor.page.wait_for_timeout(500)
    return visitor.page.evaluate("window.fired === undefined")


def test_a_hostile_prompt_is_text_in_a_story(regular):  # noqa: F811
    visitor = regular
    visitor.tab("Text")
    say(visitor, HOSTILE)
    visitor.done("text_generation")
    assert visitor.page.locator("#text_generation-result .pg-given").inner_text() == HOSTILE
    assert visitor.page.locator("#text_generation-result img").count() == 0
    assert is_harmless(visitor)


def test_a_hostile_prompt_is_text_beside_a_picture(regular):  # noqa: F811
    visitor = regular
    visitor.tab("Image")
    visitor.page.locator("#text_to_image-prompt textarea").fill(HOSTILE)
    visitor.go("text_to_image")
    visitor.done("text_to_image")
    image = visitor.page.locator("#text_to_image-result a img")
    assert image.count() == 1 and image.get_attribute("alt") == HOSTILE
    assert is_harmless(visitor)


def test_a_hostile_text_is_text_in_the_player(regular):  # noqa: F811
    visitor = regular
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
