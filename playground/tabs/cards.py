"""The example cards that a tab opens with: results made earlier by the starters, each run live by one click.

The files and their manifest are made by `python -m playground.examples`.
"""

from __future__ import annotations

import html
import json
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import gradio as gr
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from playground.catalog import ASSETS
from playground.errors import BadRequest
from playground.wording import say

FOLDER = ASSETS / "examples"
MANIFEST = FOLDER / "examples.json"
MEDIA = {".webp": "image/webp", ".ogg": "audio/ogg"}
ON_CLICK = """
element.addEventListener("click", (event) => {
  const card = event.target.closest("[data-index]");
  if (card) trigger("select", {index: Number(card.dataset.index)});
});
"""


@dataclass(frozen=True, kw_only=True)
class Example:
    """One card. request: the values of the tab's controls, pictures by file name, for inpainting the sides of a box
    (left, top, right, bottom in percent) for the mask; what it does not name is at the model's default.

    picture, before, mask, sound, spectrogram: names of files, "" where a task has none; text: what was written, without
    the prompt; size: width and height of the picture in pixels; seconds: the run took, or the sound lasts.
    """

    task: str
    title: str
    request: Mapping[str, Any]
    seconds: float
    picture: str = ""
    before: str = ""
    mask: str = ""
    sound: str = ""
    spectrogram: str = ""
    text: str = ""
    size: tuple[int, int] = (0, 0)


@cache
def manifest() -> dict[str, tuple[Example, ...]]:
    """All examples by task."""
    listed = json.loads(MANIFEST.read_text(encoding="utf8"))
    return {
        task: tuple(Example(**entry | {"task": task, "size": tuple(entry.get("size", (0, 0)))}) for entry in entries)
        for task, entries in listed.items()
    }


def of(task: str) -> tuple[Example, ...]:
    """The examples of a task, in the order of their cards."""
    return manifest().get(task, ())


def address(name: str) -> str:
    """Where the page finds a file of the examples."""
    return f"examples/{name}"


def route() -> Mount:
    """The web route that serves the addresses."""
    for suffix, media in MEDIA.items():  # not every system's list has them, and a browser is told not to guess
        mimetypes.add_type(media, suffix)
    return Mount("/examples", StaticFiles(directory=FOLDER))


def row(task: str) -> gr.HTML:
    """The cards of a task. Its `select` event says which was clicked; `chosen` reads it."""
    return gr.HTML(cards(task, of(task)), js_on_load=ON_CLICK, elem_id=f"{task}-cards")


def chosen(task: str, event: gr.EventData) -> Example:
    """The example whose card was clicked; BadRequest for an index that no card has."""
    index, examples = event._data.get("index"), of(task)
    if type(index) is not int or not 0 <= index < len(examples):
        raise BadRequest(say("cards.unknown"))
    return examples[index]


def cards(task: str, examples: tuple[Example, ...]) -> str:
    """A heading and a list of buttons."""
    heading = html.escape(say("cards.heading"))
    items = "".join(f"<li>{card(index, example)}</li>" for index, example in enumerate(examples))
    return (
        f'<section class="pg-cards pg-cards-{task}" aria-label="{heading}"><p>{heading}</p>'
        f'<ul role="list">{items}</ul></section>'
    )


def card(index: int, example: Example) -> str:
    """One button: its face shows the result, under it stands the title."""
    label, title = html.escape(say("cards.run", title=example.title)), html.escape(example.title)
    return (
        f'<button type="button" class="pg-card pg-card-{example.task}" data-index="{index}" aria-label="{label}">'
        f'<span class="pg-card-face">{face(example)}</span><span class="pg-card-title">{title}</span></button>'
    )


def face(example: Example) -> str:
    """The result as it looks on a card."""
    match example.task:
        case "text_generation":
            return f"<b>{html.escape(example.request['prompt'])}</b>{html.escape(example.text)}"
        case "text_to_speech":
            alt = say("cards.spectrogram", seconds=f"{example.seconds:.0f}")
            play = '<span class="pg-card-play" aria-hidden="true"></span>'
            said = f'<span class="pg-card-said">{html.escape(example.request["text"])}</span>'
            return f'<span class="pg-card-sound">{image(example.spectrogram, alt, (320, 96))}{play}</span>{said}'
        case "text_to_image":
            return image(example.picture, example.request["prompt"], example.size)
        case "super_resolution":
            before = image(example.before, say("cards.stretched"), example.size)
            return before + image(example.picture, say("cards.enlarged"), example.size)
    after = image(example.picture, example.request["prompt"], example.size)
    return f'{after}<span class="pg-card-before">{image(example.before, say("cards.before"), example.size)}{box(example)}</span>'


def image(name: str, alt: str, size: tuple[int, int]) -> str:
    """A picture that is fetched when it comes near the screen and whose place is kept until then."""
    return (
        f'<img src="{html.escape(address(name))}" alt="{html.escape(alt)}" width="{size[0]}" height="{size[1]}"'
        ' loading="lazy" decoding="async">'
    )


def box(example: Example) -> str:
    """The frame around the part that was repainted; nothing for other tasks."""
    if "left" not in example.request:
        return ""
    return framed(*(example.request[side] for side in ("left", "top", "right", "bottom")))


def framed(left: float, top: float, right: float, bottom: float) -> str:
    """A frame over a picture, its sides in percent of it."""
    return f'<i style="inset:{top}% {100 - right}% {100 - bottom}% {left}%"></i>'
