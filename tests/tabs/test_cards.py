"""The example cards without a browser: what a card shows and says, what is served, and which click is taken."""

from __future__ import annotations

import dataclasses
from html.parser import HTMLParser

import gradio as gr
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from playground.errors import BadRequest
from playground.requests import REQUESTS
from playground.tabs import cards
from playground.tabs.cards import Example

TASKS = [request.task for request in REQUESTS]
HOSTILE = "\"><script>alert(1)</script><img src=x onerror='alert(1)'>"


class Page(HTMLParser):
    """The elements of some HTML with their attributes, and its text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of each element of a kind."""
        return [attributes for name, attributes in self.elements if name == tag]


def page(task: str) -> Page:
    return Page(cards.cards(task, cards.of(task)))


def click(index: object) -> gr.EventData:
    return gr.EventData(None, {"index": index})


@pytest.mark.parametrize("task", TASKS)
def test_each_example_is_a_button_that_says_what_it_does(task):
    examples, buttons = cards.of(task), page(task).all("button")
    assert len(buttons) == len(examples) == len(page(task).all("li")) > 0
    for index, (example, button) in enumerate(zip(examples, buttons, strict=True)):
        assert button["type"] == "button" and button["data-index"] == str(index)
        assert button["aria-label"] == f"Run this example: {example.title}"
        assert example.title in page(task).text


@pytest.mark.parametrize("task", [task for task in TASKS if task != "text_generation"])
def test_each_picture_has_its_place_its_words_and_waits(task):
    pictures = page(task).all("img")
    assert len(pictures) >= len(cards.of(task))
    for picture in pictures:
        assert int(picture["width"]) > 0 and int(picture["height"]) > 0
        assert picture["alt"] and picture["loading"] == "lazy"
        assert (cards.FOLDER / picture["src"].removeprefix("examples/")).is_file()


def test_a_text_card_shows_how_it_begins_and_goes_on():
    text = page("text_generation").text
    for example in cards.of("text_generation"):
        assert example.request["prompt"] + example.text in text


def test_the_repainted_box_is_marked_where_it_was():
    marks = [element["style"] for element in page("inpainting").all("i")]
    sides = [[example.request[side] for side in ("left", "top", "right", "bottom")] for example in cards.of("inpainting")]
    assert marks == [f"inset:{top}% {100 - right}% {100 - bottom}% {left}%" for left, top, right, bottom in sides]
    assert not page("image_to_image").all("i")


@pytest.mark.parametrize("task", TASKS)
def test_words_of_an_example_cannot_break_out_of_its_card(task):
    example = cards.of(task)[0]
    words = {name: HOSTILE for name in ("prompt", "text") if name in example.request}
    hostile = dataclasses.replace(
        example, title=HOSTILE, text=HOSTILE, picture=HOSTILE, request={**example.request, **words},
    )
    harmless, found = Page(cards.card(0, example)), Page(cards.card(0, hostile))
    assert [tag for tag, _ in found.elements] == [tag for tag, _ in harmless.elements]
    assert "onerror" not in {name for _, attributes in found.elements for name in attributes}


def test_the_row_is_found_by_its_task_and_tells_of_clicks():
    with gr.Blocks():
        row = cards.row("text_to_image")
    assert row.elem_id == "text_to_image-cards" and 'trigger("select"' in row.js_on_load
    assert row.value == cards.cards("text_to_image", cards.of("text_to_image"))


@pytest.mark.parametrize("task", TASKS)
def test_a_click_finds_its_example(task):
    assert [cards.chosen(task, click(i)) for i in range(len(cards.of(task)))] == list(cards.of(task))


@pytest.mark.parametrize("index", [-1, 99, "0", None, True, 0.0, [0]])
def test_a_click_on_no_card_is_refused(index):
    with pytest.raises(BadRequest, match="no such example"):
        cards.chosen("text_to_image", click(index))


def test_a_task_without_examples_has_none():
    assert cards.of("no_such_task") == ()


def every_file(example: Example) -> list[str]:
    names = (example.picture, example.before, example.mask, example.sound, example.spectrogram)
    return [name for name in names if name]


def test_the_files_are_served_as_what_they_are():
    kinds = {".webp": "image/webp", ".png": "image/png", ".ogg": "audio/ogg"}
    with TestClient(Starlette(routes=[cards.route()])) as visitor:
        for name in sorted({name for task in TASKS for example in cards.of(task) for name in every_file(example)}):
            answer = visitor.get("/" + cards.address(name))
            assert answer.status_code == 200 and answer.content == (cards.FOLDER / name).read_bytes()
            assert answer.headers["content-type"] == kinds["." + name.rpartition(".")[2]]


@pytest.mark.parametrize("address", [
    "/examples/", "/examples/nothing.webp", "/examples/..%2fwording/en.toml", "/examples/%2e%2e/wording/en.toml",
])
def test_nothing_else_is_served(address):
    with TestClient(Starlette(routes=[cards.route()])) as visitor:
        assert visitor.get(address).status_code == 404
