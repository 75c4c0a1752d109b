"""The Text tab without a browser: prompts as page, turns of a chat, going on, regenerating, editing."""

from __future__ import annotations

import dataclasses
from html.parser import HTMLParser
from types import SimpleNamespace

import gradio as gr
import pytest

from playground.catalog import cards
from playground.events import Done, Text, TextResult
from playground.requests import TextGenerationRequest
from playground.tabs import frame, text
from playground.wording import say
from tests.fake_site import site_of
from tests.fakes import FakeModel, engine_of

WORDS = next(card for card in cards() if card.id == "words")
CHATTER = dataclasses.replace(WORDS, id="chatter", chat=True)
HOSTILE = ["<script>alert(1)</script>", "${alert(1)}", "{{alert(1)}}", '"><img src=x onerror=alert(1)>', "a & b < c", "</div>"]


class Reader(HTMLParser):
    """The tags and the text of some HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.text += data


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    return reader


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_prompt_is_text_on_the_page_and_nothing_else(hostile):
    for page in (text.page(hostile, "and so on"), text.page("once", hostile)):
        reader = read(page)
        assert reader.tags == ["div", "span"]
        assert hostile in reader.text


def test_the_cursor_is_there_while_it_writes():
    assert "pg-cursor" in text.page("a", "b", writing=True)
    assert "pg-cursor" not in text.page("a", "b")


@pytest.mark.parametrize(("content", "plain"), [
    ("hello", "hello"), ("", ""), ([{"type": "text", "text": "hel"}, {"type": "text", "text": "lo"}], "hello"),
    (["hel", "lo"], "hello"), ([{"type": "file", "file": {"path": "x"}}], ""), ([], ""),
])
def test_text_of_a_turn(content, plain):
    assert text.text_of({"role": "user", "content": content}) == plain


@pytest.mark.parametrize("words", [*HOSTILE, "a & b &amp; c &lt;", "`<b>` and <b>", "```\n<b>\n``` <i>", "```\n<b> & `", "> so"])
def test_a_tag_in_a_chat_is_text_and_comes_back_as_it_was(words):
    escaped = text.with_escapes(words)
    assert text.text_of({"role": "user", "content": escaped}) == words
    assert "<" not in "".join(text.CODE.split(escaped)[::2])


def test_a_tag_in_markdowns_code_is_left_to_markdown():
    assert text.with_escapes("`<b>` <b>") == "`<b>` &lt;b>"
    assert text.with_escapes("```\n<b> not closed yet") == "```\n<b> not closed yet"


def test_a_story_goes_on_with_all_that_was_written():
    assert text.go_on(False, "once there was", "once") == "once there was"
    assert text.go_on(False, "", "once") == "once"
    long = "x" * 5_000 + "end"
    assert TextGenerationRequest(prompt=text.go_on(False, long, "once")).prompt.endswith("end")


def test_a_chat_goes_on_with_an_empty_message():
    assert text.go_on(True, "whatever", "typed") == ""


TURNS = [
    {"role": "user", "content": "one"}, {"role": "assistant", "content": "eins"},
    {"role": "user", "content": [{"type": "text", "text": "two"}]}, {"role": "assistant", "content": "zwei"},
]


def test_regenerate_asks_the_last_question_again():
    assert text.from_turn(TURNS) == (TURNS[:2], "two")
    assert text.from_turn(TURNS[:1]) == ([], "one")
    assert text.from_turn([]) == ([], "")


@pytest.mark.parametrize("index", [2, (2, 0), [2, 0]])
def test_an_edited_turn_is_asked_anew_without_what_came_after(index):
    assert text.from_edit(TURNS, SimpleNamespace(index=index, value="three")) == (TURNS[:2], "three")


def values(**changes):
    return {"model": "chatter", "prompt": "hi", "history": TURNS} | changes


def test_a_model_that_does_not_chat_gets_no_turns():
    assert text.prepare(values(), WORDS) == {"model": "chatter", "prompt": "hi"}


def test_a_chat_keeps_its_turns():
    made = text.prepare(values(), CHATTER)
    assert made["history"] == (("user", "one"), ("assistant", "eins"), ("user", "two"), ("assistant", "zwei"))
    assert made["prompt"] == "hi" and not TextGenerationRequest(**made).continues


@pytest.mark.parametrize("empty", ["", "  ", None])
def test_an_empty_message_continues_the_last_answer(empty):
    request = TextGenerationRequest(**text.prepare(values(prompt=empty), CHATTER))
    assert request.prompt == "two" and request.continues


@pytest.mark.parametrize("history", [None, [], TURNS[:1]])
def test_an_empty_message_with_no_answer_before_it_stays_empty(history):
    assert text.prepare(values(prompt="", history=history), CHATTER)["prompt"] == ""


@pytest.fixture
def page(tmp_path):
    """The tab's site and what its runs update."""
    site = site_of(engine_of(lambda card: FakeModel(), cards=(WORDS, CHATTER)), tmp_path)
    with site.demo:
        views = text.result_views(site, gr.Textbox(), chats=False)
    return SimpleNamespace(site=site, views=views, show=text.shown(site, views))


TURNS_AS_PAIRS = tuple((turn["role"], text.text_of(turn)) for turn in TURNS)


def test_a_new_answer_is_a_new_turn(page):
    request = TextGenerationRequest(model="chatter", prompt="hi", history=TURNS_AS_PAIRS)
    turns = page.show(Text(text="hello", tokens=1), request)[page.views.chat]
    assert [t["content"] for t in turns] == ["one", "eins", "two", "zwei", "hi", "hello"]


def test_an_answer_that_goes_on_grows_in_its_turn(page):
    request = TextGenerationRequest(model="chatter", prompt="two", history=TURNS_AS_PAIRS)
    assert request.continues
    turns = page.show(Text(text=" und mehr", tokens=1), request)[page.views.chat]
    assert [t["content"] for t in turns] == ["one", "eins", "two", "zwei und mehr"]


def done(words: str, model: str) -> Done:
    """The end of a run that wrote so much."""
    return Done(
        result=TextResult(text=words, tokens=3), model=model, seed=1, timings={}, device="CPU", dtype="float32", threads=1,
        peak_memory=1,
    )


def test_a_story_is_shown_behind_its_prompt(page):
    request = TextGenerationRequest(model="words", prompt="Once ")
    updates = page.show(Text(text=" there was", tokens=2), request)
    assert list(updates) == [page.views.result] and read(updates[page.views.result]).text == "Once there was"


def test_a_story_that_is_done_can_be_gone_on_with_and_used_elsewhere(page):
    views = page.views
    updates = page.show(done(" there was ", "words"), TextGenerationRequest(model="words", prompt="Once "))
    assert updates[views.written] == "Once there was "
    assert updates[views.story] == updates[views.offers.made].words == "Once there was"
    assert "pg-cursor" not in updates[views.result] and set(updates) <= set(views.outputs())


def test_a_chats_answer_alone_is_used_elsewhere_and_the_prompt_is_free_again(page):
    views = page.views
    updates = page.show(done("hello", "chatter"), TextGenerationRequest(model="chatter", prompt="hi"))
    assert updates[views.story] == updates[views.offers.made].words == "hello" and updates[views.prompt] == ""
    assert views.written not in updates and views.result not in updates


@pytest.mark.parametrize("first", [WORDS, CHATTER])
def test_the_tab_is_built_for_any_first_model(tmp_path, first):
    second = CHATTER if first is WORDS else WORDS
    site = site_of(engine_of(lambda card: FakeModel(), cards=(first, second)), tmp_path)
    with site.demo:
        text.build(site)
    assert site.kept[text.TASK].controls["model"].value == first.id and text.TASK in site.doors
    assert any(getattr(fn.fn, "costly", False) for fn in site.demo.fns.values())


@pytest.fixture
def begun(tmp_path):
    """What happens to the Text tab's prompt when a model is chosen."""
    site = site_of(engine_of(lambda card: FakeModel(), cards=(WORDS, CHATTER)), tmp_path)
    with site.demo:
        model, prompt = gr.Dropdown(value="words"), gr.Textbox()
        text.begin_anew(site, model, prompt)
    (fn,) = [fn for fn in site.demo.fns.values() if prompt in fn.outputs]
    return lambda *values: fn.fn(*values).get(prompt)


def test_the_example_leaves_the_prompt_when_a_model_chats_and_comes_back(begun):
    example = text.examples.of("text_generation")[0].request["prompt"]
    assert begun("chatter", "words", example) == "" and begun("words", "chatter", " ") == example
    assert begun("chatter", "words", "my own words") is None and begun("words", "chatter", "my own words") is None
    assert begun("words", "words", "") is None and begun("gone", "words", example) is None


def test_the_words_around_a_prompt_are_those_of_the_model_that_is_chosen():
    other = dataclasses.replace(WORDS, folder=None, repository="a/b", chat=True)
    assert "pg-how" in frame.headline("text_generation", WORDS)
    assert say("text_generation.chats") in frame.headline("text_generation", other)
    assert "pg-how" not in frame.headline("text_generation", other)
    assert frame.asked("text_generation", WORDS) == say("text_generation.prompt_help")
    assert frame.asked("text_generation", other) == say("help.message")
    pictures = dataclasses.replace(other, chat=False)
    assert frame.asked("text_to_image", pictures) == say("help.picture")
    edits = dataclasses.replace(pictures, options={"edits_by_instruction": True})
    assert frame.asked("image_to_image", edits) == say("help.instruction")
    assert "German" in frame.asked("text_to_speech", dataclasses.replace(pictures, languages=("German",)))


@pytest.mark.parametrize(("typed", "taken"), [(100, 96), (104, 104), (2048, 2048), (30, 30), (5000, 5000), (None, None)])
def test_a_typed_number_between_two_steps_is_the_nearer_one(typed, taken):
    assert frame.Slide(64, 2048, value=64, step=8).preprocess(typed) == taken
    assert frame.Slide(0, 2048, value=64, step=0.5).preprocess(typed) == typed


@pytest.mark.parametrize(("count", "words"), [
    (1, "1 kB"), (1_200_000, "1.2 MB"), (2_000_000, "2 MB"), (12_400_000, "12 MB"), (1_250_000_000, "1.2 GB"),
])
def test_bytes_in_words(count, words):
    assert frame.size(count) == words
