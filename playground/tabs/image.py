"""The Image tab: a picture from words, then pictures like it, a larger one, or a walk to another one."""

from __future__ import annotations

import html
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr
from PIL import Image

from playground.catalog import ModelCard, with_article
from playground.errors import BadRequest
from playground.events import Done, Event, Step
from playground.remembered import remember
from playground.requests import SuperResolutionRequest, TextToImageRequest
from playground.site import QUIET, Door, Site
from playground.tabs import additions, frame, pictures, use_in
from playground.tabs import cards as examples
from playground.tabs.use_in import Made, Offers
from playground.wiring import Job, Show, Updates, wire
from playground.wording import say

TASK = TextToImageRequest.task
TUNABLE = ("steps", "guidance_scale", "negative_prompt", "width", "height", "strength", "scheduler")
VARIATION, VARIATIONS = 0.6, 4
LARGEST = 2048  # pixels of a side that "Enlarge" still offers
ILLUSTRATED = 200  # characters of a story that become a prompt where no list says what the model can draw


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """What the frame shows. request: the one that drew it, with the seed that was used; addresses: on the shelf;
    sizes: width and height of each picture, in pixels."""

    request: TextToImageRequest
    addresses: tuple[str, ...]
    sizes: tuple[tuple[int, int], ...]


@dataclass(frozen=True, kw_only=True)
class Views:
    """The right half of the tab: the frame, and under it what can be done with its pictures."""

    result: gr.HTML
    offers: Offers
    variations: gr.Button
    enlarge: gr.Button
    drawn: gr.State

    def outputs(self) -> tuple[gr.components.Component, ...]:
        """All that a run may update."""
        return self.result, *self.offers.outputs(), self.variations, self.enlarge, self.drawn

    def updates(self, drawn: Drawn, chosen: int = 1) -> Updates:
        """The pictures, and what is offered for them. chosen: the picture that it is offered for, from 1."""
        made = Made(pictures=drawn.addresses, words=drawn.request.prompt)
        return self.offers.updates(made, chosen) | {
            self.result: pictures.gallery(drawn.addresses, drawn.sizes, drawn.request.prompt),
            self.variations: gr.update(visible=not drawn.request.variation),
            self.enlarge: larger(drawn, chosen), self.drawn: drawn,
        }


def build(site: Site) -> Offers:
    """Lays the tab out and wires it."""
    head = frame.heading(TASK)
    cards = site.engine.catalog.serving(TASK)
    with gr.Row(equal_height=False, elem_classes="pg-tab"):
        with gr.Column(scale=2, min_width=300, elem_classes="pg-ask"):
            prompt = gr.Textbox(
                label=say("text_to_image.prompt"), info=say("text_to_image.prompt_help"), lines=2, max_lines=4,
                value=examples.of(TASK)[0].request["prompt"], elem_id=f"{TASK}-prompt", submit_btn=False,
            )
            counter = additions.token_line(site, TASK)
            ideas, surprise = idea_controls(cards[0])
            num_images = frame.slider(TextToImageRequest, cards[0], "num_images", elem_classes="pg-roomy")
            parts = frame.buttons(TASK)
            with frame.later():
                with gr.Column(elem_classes=frame.EXPERT):
                    model, details = frame.model_choice(site, TASK)
                with frame.more():
                    controls = common_controls(TextToImageRequest, cards[0])
                    added = additions.build(site, TASK, cards[0])
        with gr.Column(scale=3, min_width=300, elem_classes="pg-show"):
            views = result_views()
            made = gr.HTML(elem_id=f"{TASK}-made")
            row = examples.row(TASK)
            with gr.Accordion(say("text_to_image.walk_title"), open=False, elem_id=f"{TASK}-walk"):
                walk, ends = walk_controls(cards[0])
    controls |= {"prompt": prompt, "model": model} | added.controls
    filled = surprise.click(lambda name: any_prompt(site.engine.catalog.find(name)), model, prompt, **QUIET)
    draw = Job(
        place=TASK, request=TextToImageRequest, controls=controls | {"num_images": num_images}, made_by=made,
        begin=lambda values: shown(site, views), starts=(parts.go, surprise, views.variations, views.enlarge, walk),
        triggers=(parts.go.click, prompt.submit), after=(filled,), prepare=additions.folded, **vars(parts),
    )
    one = replace(draw, triggers=None, after=())
    of_these = {"drawn": views.drawn, "which": views.offers.which}
    vary = replace(one, go=views.variations, controls=of_these, prepare=variations_of)
    enlarge = replace(
        one, go=views.enlarge, controls=of_these, request=SuperResolutionRequest,
        prepare=lambda values: picture_of(site, values), begin=lambda values: enlarged(site, views, values),
    )
    strip = replace(one, go=walk, controls=controls | ends, prepare=lambda values: ends_of(additions.folded(values)))
    ideas.input(lambda thing: with_article(thing) if thing else gr.skip(), ideas, prompt, **QUIET)
    views.offers.which.input(
        lambda number, drawn: larger(drawn, number), [views.offers.which, views.drawn], views.enlarge, **QUIET,
    )

    def more(card: ModelCard) -> Updates:
        return {
            surprise: gr.update(visible=bool(card.things)),
            prompt: gr.update(info=frame.asked(TASK, card)),
            ideas: gr.update(choices=sorted(card.things), value=None, visible=bool(card.things), info=knows(card)),
        } | added.chosen(card)

    chosen = frame.follow_model(site, model, details, TextToImageRequest, tunable(controls), more=more, head=head)
    live = frame.card_job(draw, row, draw.controls, chosen)
    wire(site, draw, vary, enlarge, strip, live, outputs=views.outputs())
    remember(site, TASK, draw.controls | ends, chosen, parts.go, fresh=added.fresh)
    additions.count_tokens(site, counter, model, prompt)
    site.doors[TASK] = Door(model=model, status=parts.status, words=prompt, worded=illustration)
    return views.offers


def idea_controls(card: ModelCard) -> tuple[gr.Dropdown, gr.Button]:
    """What a starter knows, as a list and a button; neither is there for models that know no list."""
    there = bool(card.things)
    with gr.Row(elem_classes="pg-ideas"):
        ideas = gr.Dropdown(
            sorted(card.things), value=None, label=say("text_to_image.ideas"), elem_id=f"{TASK}-ideas", visible=there,
            scale=3, num_choices_shown=None, min_width=140, info=knows(card),
        )
        surprise = gr.Button(
            say("text_to_image.surprise"), elem_id=f"{TASK}-surprise", visible=there, scale=2, min_width=120,
        )
    return ideas, surprise


def knows(card: ModelCard) -> str:
    """The line that says what a starter can draw."""
    styles = say("text_to_image.styles", count=len(card.styles), names=", ".join(card.styles)) if len(card.styles) > 1 else ""
    grounds = say("text_to_image.grounds", count=len(card.grounds)) if card.grounds else ""
    return say("text_to_image.knows", count=len(card.things), styles=styles, grounds=grounds)


def illustration(story: str, card: ModelCard) -> str:
    """A prompt for a picture to a story: the thing in it that the model knows and that is named last, as the end is what
    was written just now; else its first sentences."""
    named = {
        thing: match.end() for thing in card.things
        for match in re.finditer(rf"\b{re.escape(thing)}(?:s|es)?\b", story, re.IGNORECASE)
    }
    if named:
        return with_article(max(named, key=lambda thing: (named[thing], len(thing))))
    begun = " ".join(story.split())
    return begun if len(begun) <= ILLUSTRATED else begun[:ILLUSTRATED].rsplit(" ", 1)[0]


def any_prompt(card: ModelCard, choose: random.Random | None = None) -> str:
    """A random prompt of what a starter knows: a thing, mostly on a ground, now and then in another style."""
    choose = choose or random.Random()
    prompt = with_article(choose.choice(card.things))
    if card.grounds and choose.random() < 0.7:
        prompt += f" on {with_article(choose.choice(card.grounds))} background"
    if len(card.styles) > 1 and choose.random() < 0.4:
        prompt += f", {choose.choice(card.styles)} style"
    return prompt


def walk_controls(card: ModelCard) -> tuple[gr.Button, dict[str, gr.components.Component]]:
    """The button of a walk, and the controls of its other end."""
    gr.HTML(f'<p class="pg-note">{html.escape(say("text_to_image.walk_note"))}</p>')
    with gr.Row():
        ends = {
            "to_prompt": gr.Textbox(
                label=frame.label("to_prompt"), value=say("text_to_image.walk_to"), elem_id=f"{TASK}-to_prompt", min_width=180,
                info=say("help.to_prompt"),
            ),
            "to_seed": gr.Textbox(  # Gradio's box for numbers cannot start empty: it shows 0
                label=frame.label("to_seed"), placeholder=say("text_to_image.same_seed"), elem_id=f"{TASK}-to_seed",
                min_width=180, info=say("help.to_seed"), elem_classes=frame.EXPERT,
            ),
        }
    ends["frames"] = frame.slider(TextToImageRequest, card, "frames")
    return gr.Button(say("text_to_image.walk"), elem_id=f"{TASK}-walk-go"), ends


def result_views() -> Views:
    """The frame, and the row under it, which comes with the first picture."""
    result = gr.HTML(pictures.earlier(TASK), elem_id=f"{TASK}-result")
    variations = gr.Button(
        say("text_to_image.variations"), size="sm", elem_id=f"{TASK}-variations", min_width=120, render=False,
    )
    enlarge = gr.Button(say("text_to_image.enlarge"), size="sm", elem_id=f"{TASK}-enlarge", min_width=120, render=False)
    return Views(
        result=result, offers=use_in.offers(TASK, variations, enlarge), variations=variations, enlarge=enlarge,
        drawn=gr.State(None),
    )


def larger(drawn: Drawn, number: int) -> dict[str, Any]:
    """The update of "Enlarge" for one of the pictures, from 1: its title, or nothing where the picture is large enough."""
    width, height = (2 * side for side in drawn.sizes[number - 1])
    return gr.update(value=say("text_to_image.enlarge_to", width=width, height=height), visible=max(width, height) <= LARGEST)


def chosen(values: dict[str, Any]) -> tuple[Drawn, int]:
    """What was drawn last and the index of the picture that is meant."""
    drawn: Drawn | None = values["drawn"]
    if drawn is None:
        raise BadRequest(say("text_to_image.none_yet"))
    return drawn, min(values["which"] or 1, len(drawn.addresses)) - 1


def variations_of(values: dict[str, Any]) -> dict[str, Any]:
    """The request for pictures like one of those that were drawn."""
    drawn, index = chosen(values)
    more = {"seed": drawn.request.seed + index, "variation": VARIATION, "num_images": VARIATIONS}
    return vars(drawn.request) | more


def picture_of(site: Site, values: dict[str, Any]) -> dict[str, Any]:
    """The request that enlarges one of the pictures."""
    drawn, index = chosen(values)
    try:
        return {"image": site.shelf.read(drawn.addresses[index]), "scale": 2}
    except FileNotFoundError:
        raise BadRequest(say("use_in.gone")) from None


def ends_of(values: dict[str, Any]) -> dict[str, Any]:
    """The request of a walk."""
    to_seed = (values["to_seed"] or "").strip() or None
    if not (values["to_prompt"] or "").strip() and to_seed is None:
        raise BadRequest(say("text_to_image.nowhere"), field="to_prompt")
    return values | {"to_seed": to_seed, "num_images": 1}


def common_controls(request: type, card) -> dict[str, gr.components.Component]:
    """The controls that the three picture tabs share, for "More control"."""
    task = request.task
    return {
        "steps": frame.slider(request, card, "steps"),
        "guidance_scale": frame.slider(request, card, "guidance_scale", step=0.5),
        "negative_prompt": gr.Textbox(
            label=frame.label("negative_prompt"), info=say("help.negative_prompt"), elem_id=f"{task}-negative_prompt",
            visible=card.takes_negative_prompt,
        ),
        "width": frame.slider(request, card, "width", visible=not fixed(request, card, "width")),
        "height": frame.slider(request, card, "height", visible=not fixed(request, card, "height")),
        "scheduler": frame.scheduler_choice(task),
        "seed": frame.seed_box(task),
    }


def fixed(request: type, card, name: str) -> bool:
    """Whether a model knows only one value."""
    limits = card.range(request, name)
    return limits.low == limits.high


def tunable(controls: dict) -> dict:
    """The controls that another model has other defaults for."""
    return {k: v for k, v in controls.items() if k in TUNABLE}


def saved(site: Site, request: TextToImageRequest, images: Sequence[Image.Image]) -> Drawn:
    """Puts the pictures on the shelf."""
    addresses = tuple(site.shelf.picture(image)[1] for image in images)
    return Drawn(request=request, addresses=addresses, sizes=tuple(image.size for image in images))


def shown(site: Site, views: Views) -> Show:
    """Turns a run's events into the frame: each step's preview, then the pictures, or the strip of a walk."""

    def show(event: Event, request: TextToImageRequest) -> Updates:
        match event:
            case Step() if event.preview is not None:
                return {views.result: pictures.drawing(event)}
            case Done(result=done):
                drawn = saved(site, request, done.images)
                if not request.walks:
                    return views.updates(drawn)
                alt = say("text_to_image.walk_alt", start=request.prompt, end=request.to_prompt or request.prompt)
                return {views.result: pictures.strip(drawn.addresses, drawn.sizes, alt)}
        return {}

    return show


def enlarged(site: Site, views: Views, values: dict[str, Any]) -> Show:
    """The larger picture in the place of the one that it was made of."""
    before, index = chosen(values)

    def show(event: Event, request: SuperResolutionRequest) -> Updates:
        if not isinstance(event, Done):
            return {}
        after = saved(site, before.request, event.result.images)
        place = slice(index, index + 1)
        addresses, sizes = list(before.addresses), list(before.sizes)
        addresses[place], sizes[place] = after.addresses, after.sizes
        return views.updates(replace(before, addresses=tuple(addresses), sizes=tuple(sizes)), index + 1)

    return show
