"""The Image tab: a picture from words, then pictures like it, a larger one, or a walk to another one."""

from __future__ import annotations

import html
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr
from PIL import Image

from playground.catalog import ModelCard, with_article
from playground.errors import BadRequest
from playground.events import Done, Event, Step
from playground.requests import SuperResolutionRequest, TextToImageRequest
from playground.tabs import frame, pictures
from playground.tabs.frame import Site
from playground.wiring import Job, Show, Updates, wire

LABEL = "Image"
TASK = TextToImageRequest.task
EXAMPLES = (
    "a red apple", "a robot on a pink background", "a rocket on a light blue background", "a blue heart", "a panda",
    "a purple doughnut on a yellow background", "a house on a blue to pink gradient background", "a green alien",
    "a sunflower on a light blue background", "a small yellow star at the bottom left",
)
TUNABLE = ("steps", "guidance_scale", "negative_prompt", "width", "height", "strength", "scheduler")
VARIATION, VARIATIONS = 0.6, 4
LARGEST = 2048  # pixels of a side that "Enlarge" still offers
QUIET = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}


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
    offers: gr.Row
    which: gr.Radio
    variations: gr.Button
    enlarge: gr.Button
    drawn: gr.State

    def outputs(self) -> tuple[gr.components.Component, ...]:
        """All that a run may update."""
        return self.result, self.offers, self.which, self.variations, self.enlarge, self.drawn

    def updates(self, drawn: Drawn, chosen: int = 1) -> Updates:
        """The pictures, and what is offered for them. chosen: the picture that it is offered for, from 1."""
        count = len(drawn.addresses)
        return {
            self.result: pictures.gallery(drawn.addresses, drawn.sizes, drawn.request.prompt),
            self.offers: gr.update(visible=True),
            self.which: gr.update(choices=numbers(count), value=chosen, visible=count > 1),
            self.variations: gr.update(visible=not drawn.request.variation),
            self.enlarge: larger(drawn, chosen), self.drawn: drawn,
        }


def build(site: Site) -> None:
    """Lays the tab out and wires it."""
    frame.heading("Text to image", "Describe a picture in a few words and watch it come out of noise.")
    cards = site.engine.catalog.serving(TASK)
    with gr.Row(equal_height=False, elem_classes="pg-tab"):
        with gr.Column(scale=2, min_width=300, elem_classes="pg-ask"):
            prompt = gr.Textbox(
                label="What should be drawn? (prompt)", value=EXAMPLES[0], lines=2, max_lines=4, elem_id=f"{TASK}-prompt",
                submit_btn=False,
            )
            known, ideas, surprise = idea_controls(cards[0])
            num_images = frame.slider(TextToImageRequest, cards[0], "num_images", "How many pictures", "Drawn together.")
            parts = frame.buttons(TASK, "Draw")
            with frame.later():
                frame.examples([[e] for e in EXAMPLES], [prompt])
                model, details = frame.model_choice(cards, TASK)
                with gr.Accordion("More control", open=False):
                    controls = common_controls(TextToImageRequest, cards[0])
        with gr.Column(scale=3, min_width=300):
            views = result_views()
            made = gr.HTML(elem_id=f"{TASK}-made")
            with gr.Accordion("Walk between two pictures", open=False, elem_id=f"{TASK}-walk"):
                walk, ends = walk_controls(cards[0])
    controls |= {"prompt": prompt, "model": model}
    draw = Job(
        request=TextToImageRequest, controls=controls | {"num_images": num_images}, go=parts.go, stop=parts.stop,
        status=parts.status, made_by=made, begin=lambda values: shown(site, views),
        starts=(parts.go, surprise, views.variations, views.enlarge, walk),
    )
    of_these = {"drawn": views.drawn, "which": views.which}
    vary = replace(draw, go=views.variations, controls=of_these, prepare=variations_of)
    enlarge = replace(
        draw, go=views.enlarge, controls=of_these, request=SuperResolutionRequest,
        prepare=lambda values: picture_of(site, values), begin=lambda values: enlarged(site, views, values),
    )
    strip = replace(draw, go=walk, controls=controls | ends, prepare=ends_of)
    filled = surprise.click(lambda name: any_prompt(site.engine.catalog.find(name)), model, prompt, **QUIET)
    ideas.input(lambda thing: with_article(thing) if thing else gr.skip(), ideas, prompt, **QUIET)
    views.which.input(lambda number, drawn: larger(drawn, number), [views.which, views.drawn], views.enlarge, **QUIET)
    wire(site.engine, draw, vary, enlarge, strip, also=(prompt.submit,), after=(filled,), outputs=views.outputs())

    def more(card: ModelCard) -> dict[gr.components.Component, Any]:
        return {
            known: gr.update(value=knows(card), visible=bool(card.things)), surprise: gr.update(visible=bool(card.things)),
            ideas: gr.update(choices=sorted(card.things), value=None, visible=bool(card.things)),
        }

    frame.follow_model(model, details, cards, TextToImageRequest, tunable(controls), more=more)


def idea_controls(card: ModelCard) -> tuple[gr.HTML, gr.Dropdown, gr.Button]:
    """What a starter knows, as a line, a list and a button; none of them is there for models that know no list."""
    there = bool(card.things)
    known = gr.HTML(knows(card), visible=there, elem_id=f"{TASK}-knows")
    with gr.Row(elem_classes="pg-ideas"):
        ideas = gr.Dropdown(
            sorted(card.things), value=None, label="What it can draw", elem_id=f"{TASK}-ideas", visible=there, scale=3,
            num_choices_shown=None, min_width=140,
        )
        surprise = gr.Button("Surprise me", elem_id=f"{TASK}-surprise", visible=there, scale=2, min_width=120)
    return known, ideas, surprise


def knows(card: ModelCard) -> str:
    """The line that says what a starter can draw."""
    said = f"This starter knows {len(card.things)} things"
    if len(card.styles) > 1:
        said += f" in {len(card.styles)} styles ({', '.join(card.styles)})"
    if card.grounds:
        said += f" on {len(card.grounds)} {'colour' if len(card.grounds) == 1 else 'colours'} of background"
    return f'<p class="pg-knows">{html.escape(said)}.</p>'


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
    gr.HTML(
        '<p class="pg-note">Starts from the prompt and ends with other words, another seed, or both; what lies between is'
        " drawn too.</p>",
    )
    with gr.Row():
        ends = {
            "to_prompt": gr.Textbox(label="To these words", value="a pear", elem_id=f"{TASK}-to_prompt", min_width=180),
            "to_seed": gr.Textbox(  # Gradio's box for numbers cannot start empty: it shows 0
                label="To this seed", placeholder="the same seed", elem_id=f"{TASK}-to_seed", min_width=180,
            ),
        }
    ends["frames"] = frame.slider(TextToImageRequest, card, "frames", "How many pictures", "Start and end included.")
    return gr.Button("Walk", elem_id=f"{TASK}-walk-go"), ends


def result_views() -> Views:
    """Lays out the frame and the row under it, which comes with the first picture."""
    result = gr.HTML(pictures.empty("Your picture appears here."), elem_id=f"{TASK}-result")
    with gr.Row(visible=False, elem_classes="pg-offers", elem_id=f"{TASK}-offers") as offers:
        which = gr.Radio(numbers(1), value=1, label="Which picture?", visible=False, elem_id=f"{TASK}-which", min_width=200)
        variations = gr.Button("Variations", size="sm", elem_id=f"{TASK}-variations", min_width=130)
        enlarge = gr.Button("Enlarge", size="sm", elem_id=f"{TASK}-enlarge", min_width=130)
    return Views(
        result=result, offers=offers, which=which, variations=variations, enlarge=enlarge, drawn=gr.State(None),
    )


def numbers(count: int) -> list[tuple[str, int]]:
    """A choice of so many pictures."""
    return [(str(number), number) for number in range(1, count + 1)]


def larger(drawn: Drawn, number: int) -> dict[str, Any]:
    """The update of "Enlarge" for one of the pictures, from 1: its title, or nothing where the picture is large enough."""
    width, height = (2 * side for side in drawn.sizes[number - 1])
    return gr.update(value=f"Enlarge to {width} x {height}", visible=max(width, height) <= LARGEST)


def chosen(values: dict[str, Any]) -> tuple[Drawn, int]:
    """What was drawn last and the index of the picture that is meant."""
    drawn: Drawn | None = values["drawn"]
    if drawn is None:
        raise BadRequest("There is no picture yet. Draw one first.")
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
        raise BadRequest("This picture is gone; results are kept for an hour. Draw it again.") from None


def ends_of(values: dict[str, Any]) -> dict[str, Any]:
    """The request of a walk."""
    to_seed = (values["to_seed"] or "").strip() or None
    if not (values["to_prompt"] or "").strip() and to_seed is None:
        raise BadRequest("There is nowhere to walk to yet. Write other words, or give another seed.", field="to_prompt")
    return values | {"to_seed": to_seed, "num_images": 1}


def common_controls(request: type, card) -> dict[str, gr.components.Component]:
    """The controls that the three picture tabs share, for "More control"."""
    task = request.task
    return {
        "steps": frame.slider(request, card, "steps", "Steps", "More steps take longer and can be cleaner."),
        "guidance_scale": frame.slider(
            request, card, "guidance_scale", "How closely to follow the words (guidance scale)",
            "Low is freer, high is stricter and can look harsh.", step=0.5,
        ),
        "negative_prompt": gr.Textbox(
            label="What to avoid (negative prompt)", elem_id=f"{task}-negative_prompt", visible=card.takes_negative_prompt,
        ),
        "width": frame.slider(request, card, "width", "Width", "In pixels.", visible=not fixed(request, card, "width")),
        "height": frame.slider(request, card, "height", "Height", "In pixels.", visible=not fixed(request, card, "height")),
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
                return {views.result: pictures.drawing(event), views.offers: gr.update(visible=False)}
            case Done(result=done):
                drawn = saved(site, request, done.images)
                if not request.walks:
                    return views.updates(drawn)
                alt = f"{request.prompt} to {request.to_prompt or request.prompt}"
                return {views.result: pictures.strip(drawn.addresses, drawn.sizes, alt), views.offers: gr.update(visible=False)}
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
