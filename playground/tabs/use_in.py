"""What can be done with a result in another tab: the row of buttons under it, and the ways that they lead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from playground.site import QUIET, Site, Updates
from playground.status import Said
from playground.wording import say

PICTURES = ("image_to_image", "inpainting", "super_resolution", "text_to_speech")
WAYS = {
    "text_generation": ("text_to_speech", "text_to_image"),
    "text_to_image": PICTURES,
    "image_to_image": ("inpainting", "super_resolution", "text_to_speech"),
    "inpainting": ("image_to_image", "super_resolution", "text_to_speech"),
    "super_resolution": ("image_to_image", "inpainting", "text_to_speech"),
}


@dataclass(frozen=True, kw_only=True)
class Made:
    """A result that can be handed on. pictures: addresses on the shelf; words: the text, or what was asked for."""

    pictures: tuple[str, ...] = ()
    words: str = ""


@dataclass(frozen=True, kw_only=True)
class Offers:
    """The row under a result; the style sheet shows it only while the frame holds a finished one. which: the picture that
    is meant, from 1, where there are several."""

    task: str
    which: gr.Radio
    made: gr.State
    ways: dict[str, gr.Button]

    def outputs(self) -> tuple[gr.components.Component, ...]:
        """What `updates` updates."""
        return self.which, self.made

    def updates(self, made: Made, chosen: int = 1) -> Updates:
        """Offers a result. chosen: the picture that is meant at first."""
        count = len(made.pictures)
        return {
            self.made: made, self.which: gr.update(choices=numbers(count), value=chosen, visible=count > 1),
        }


def offers(task: str, *first: gr.Button) -> Offers:
    """Lays the row out. first: buttons made with render=False that stand before the others."""
    with gr.Row(elem_classes="pg-offers", elem_id=f"{task}-offers"):
        which = gr.Radio(
            numbers(1), value=1, label=say("use_in.which"), visible=False, elem_id=f"{task}-which", min_width=180,
        )
        for button in first:
            button.render()
        gr.HTML(f'<span class="pg-use">{say("use_in.label")}</span>', elem_classes="pg-use-box")
        ways = {
            way: gr.Button(say(f"{way}.tab"), size="sm", elem_id=f"{task}-use-{way}", min_width=80) for way in WAYS[task]
        }
    return Offers(task=task, which=which, made=gr.State(None), ways=ways)


def numbers(count: int) -> list[tuple[str, int]]:
    """A choice of so many pictures."""
    return [(str(number), number) for number in range(1, count + 1)]


def connect(site: Site, offered: Offers) -> None:
    """Wires the row's buttons, once all tabs are built."""
    for way, button in offered.ways.items():
        door = site.doors[way]
        if door.picture is not None:
            button.click(
                carry_picture(site, way), [offered.made, offered.which], [site.tabs, door.status, door.picture], **QUIET,
            )
        else:
            button.click(
                carry_words(site, way), [offered.made, site.story, door.model], [site.tabs, door.status, door.words], **QUIET,
            )


def carry_picture(site: Site, way: str) -> Any:
    """The handler that puts a picture into another tab's upload box."""

    def carry(made: Made | None, which: int) -> Updates:
        if made is None:
            return {site.tabs: gr.skip()}
        address = made.pictures[min(which or 1, len(made.pictures)) - 1]
        try:
            path = site.shelf.path(address)
        except FileNotFoundError:
            raise gr.Error(say("use_in.gone"), print_exception=False) from None
        return arrival(site, way) | {site.doors[way].picture: str(path)}

    return carry


def carry_words(site: Site, way: str) -> Any:
    """The handler that puts words into another tab's text box; for speech the story, where one was written."""

    def carry(made: Made | None, story: str, model: str) -> Updates:
        if made is None:
            return {site.tabs: gr.skip()}
        door = site.doors[way]
        words = story if way == "text_to_speech" and story else made.words
        return arrival(site, way) | {door.words: door.worded(words, site.engine.catalog.find(model))}

    return carry


def arrival(site: Site, way: str) -> Updates:
    """The other tab opened, and said in its status line what is there now and what to press."""
    said = Said(text=say("use_in.arrived", go=say(f"{way}.go")))
    return {site.tabs: gr.Tabs(selected=way), site.doors[way].status: said.line()}
