"""What every tab has: a heading, the buttons with the lines under them, the model choice with its details, sliders."""

from __future__ import annotations

import html
import math
from abc import ABCMeta
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr
from gradio.components.image import ImageData

from playground import choices
from playground.catalog import ModelCard
from playground.errors import BadRequest
from playground.images import open_image
from playground.requests import SCHEDULERS, Limits, Request
from playground.site import QUIET, Site, Updates, valued
from playground.status import Said
from playground.tabs import cards
from playground.tabs.cards import Example
from playground.wiring import Job
from playground.wording import say

EXPERT = "pg-expert-only"  # the class of what the page shows in Expert only


@dataclass(frozen=True, kw_only=True)
class Buttons:
    """The primary button, Stop, the status line, and the line that says how long a run will take."""

    go: gr.Button
    stop: gr.Button
    status: gr.HTML
    expect: gr.HTML


def heading(task: str) -> gr.HTML:
    """What the tab does, in two lines."""
    return gr.HTML(headline(task))


def headline(task: str, card: ModelCard | None = None) -> str:
    """The heading's HTML. card: the model that is chosen; how it works is told of the starters only."""
    first = say("text_generation.chats") if card is not None and card.chat else say(f"{task}.does")
    says = html.escape(first)
    if card is None or card.starter:
        says += f'<br><span class="pg-how">{html.escape(say(f"{task}.how"))}</span>'
    return f'<div class="pg-head"><h2>{html.escape(say(f"{task}.title"))}</h2><p>{says}</p></div>'


class WithoutStub(type(gr.Image)):
    """Makes a component's class without writing a .pyi file beside its source, as Gradio's own metaclass would."""

    def __new__(cls, name: str, bases: tuple[type, ...], attrs: dict[str, Any]) -> type:
        return ABCMeta.__new__(cls, name, bases, attrs)


class Choice(gr.Dropdown, metaclass=WithoutStub):
    """A drop-down whose choices change while the page is open. Gradio's own compares with those that it remembers of the
    visitor's session, which may be older; what is chosen is checked where it is used."""

    is_template = True  # to the browser it is Gradio's Dropdown

    def preprocess(self, payload: Any) -> Any:
        """What was chosen."""
        return payload


class Slide(gr.Slider, metaclass=WithoutStub):
    """A slider whose range changes with the model. A value of the last model's may still be under way when Gradio has the
    new range already, and would be an error to it; what is sent is checked where it is used."""

    is_template = True  # to the browser it is Gradio's Slider

    def preprocess(self, payload: Any) -> Any:
        """What it stands at; a typed number between two steps of several is the nearer one."""
        within = type(payload) in (int, float) and self.minimum <= payload <= self.maximum
        if not within or self.step is None or self.step <= 1:
            return payload
        return min(max(round(payload / self.step) * self.step, self.minimum), self.maximum)


def model_choice(site: Site, task: str) -> tuple[gr.Dropdown, gr.HTML]:
    """The choice of a model and, under it, the details of the one that is chosen."""
    first = site.engine.catalog.serving(task)[0]
    model = Choice(
        choices.listed(site, task), value=first.id, label=label("model"), info=say("help.model"), elem_id=f"{task}-model",
        filterable=False,
    )
    return model, gr.HTML(about(site, first))


def about(site: Site, card: ModelCard) -> str:
    """A model's details, folded: what it is, what it is bad at, where it comes from. Strangers are not told of a model
    that the host brought along, nor what lies on the host's disk."""
    if site.shared and card.own:
        return ""
    store = None if site.shared else site.models.store
    lines = [("bad_at", card.bad_at), ("trained_on", card.training_data), ("licence", card.licence)]
    if card.starter:
        lines.append(("size", say("about.included")))
    elif card.folder is None and store is not None and store.ready(card):
        lines += [("size", say("about.here", size=size(store.size(card)))), ("commit", store.commit(card)[:12])]
    elif card.folder is None and not site.shared:
        lines.append(("size", say("about.to_download", size=size(card.download))))
    if card.repository:
        lines.append(("hub_name", card.repository))
    rows = "".join(f"<dt>{html.escape(say(f'about.{k}'))}</dt><dd>{html.escape(v)}</dd>" for k, v in lines)
    return (
        f'<div class="pg-about"><p>{html.escape(card.sentence)}</p>'
        f"<details><summary>{html.escape(say('about.summary'))}</summary><dl>{rows}</dl></details></div>"
    )


def size(count: int) -> str:
    """Bytes in words."""
    if count >= 1e9:
        return f"{count / 1e9:.1f} GB"
    if count >= 1e6:
        return f"{count / 1e6:.{1 if count < 1e7 else 0}f}".removesuffix(".0") + " MB"
    return f"{math.ceil(count / 1e3)} kB"


def buttons(task: str) -> Buttons:
    """The primary button beside Stop, and the two lines under them."""
    with gr.Row(elem_classes="pg-buttons"):
        go = gr.Button(say(f"{task}.go"), variant="primary", elem_id=f"{task}-go", scale=3, min_width=140)
        stop = gr.Button(say("page.stop"), interactive=False, elem_id=f"{task}-stop", scale=1, min_width=80)
    with gr.Column(elem_classes="pg-lines"):
        status = gr.HTML(Said(text=say("status.ready")).line(), elem_id=f"{task}-status")
        expect = gr.HTML(elem_id=f"{task}-expect")
    return Buttons(go=go, stop=stop, status=status, expect=expect)


class PictureFile(gr.Image, metaclass=WithoutStub):
    """An upload box that hands over the file as it was uploaded, which images.open_image reads. Gradio's own opens it
    first, and where that fails the visitor hears nothing."""

    is_template = True  # to the browser it is Gradio's Image

    def preprocess(self, payload: ImageData | None) -> str | None:
        """The path of the file."""
        return payload.path if payload else None


def upload_box(task: str, *, title: str | None = None, height: int = 240) -> gr.Image:
    """Where a visitor's picture goes."""
    return PictureFile(
        type="filepath", image_mode=None, label=title or label("image"), sources=["upload", "clipboard"], height=height,
        elem_id=f"{task}-image", buttons=[],
    )


def opened(values: dict[str, Any]) -> dict[str, Any]:
    """The controls' values with the upload decoded."""
    if not values.get("image"):
        raise BadRequest(say("pictures.none_yet"), field="image")
    return values | {"image": open_image(values["image"])}


def tell_unreadable(image: gr.Image, status: gr.HTML) -> None:
    """Says at once what is wrong with a file that was chosen."""

    def look(path: str | None) -> Any:
        try:
            if path:
                open_image(path)
        except BadRequest as error:
            return Said(text=str(error), kind="error").line()
        return gr.skip()

    image.change(look, image, status, **QUIET)


def asked(task: str, card: ModelCard) -> str:
    """The line of help at a prompt: what to write there for a model. Only the starters' is known exactly."""
    if card.starter:
        return say("text_to_speech.text_help") if task == "text_to_speech" else say(f"{task}.prompt_help")
    if card.chat:
        return say("help.message")
    if card.options.get("edits_by_instruction"):
        return say("help.instruction")
    if task == "text_to_speech":
        return say("models.languages", names=", ".join(card.languages)) + "." if card.languages else ""
    return say(f"{task}.prompt_help") if task == "text_generation" else say("help.picture")


def later() -> gr.Column:
    """What stands under the buttons; on a phone the result comes before it."""
    return gr.Column(elem_classes="pg-later")


def more() -> gr.Accordion:
    """The folded part with everything that a first run does not need; only in Expert."""
    return gr.Accordion(say("page.more"), open=False, elem_classes=EXPERT)


def label(name: str) -> str:
    """A field's name beside its control, where it may stand alone."""
    try:
        return say(f"labels.{name}")
    except KeyError:
        return say(f"fields.{name}")


def slider(
    request: type[Request], card: ModelCard, name: str, *, step: float | None = None, **props: Any
) -> gr.Slider:
    """A slider for a number of a request, with the card's range and default."""
    limits = card.range(request, name)
    default = card.default(request, name)
    step = step or (limits.multiple_of if limits.step == 1 else limits.step)
    return Slide(
        limits.low, top(limits), value=default, step=step, label=label(name), info=say(f"help.{name}"),
        elem_id=f"{request.task}-{name}", **props,
    )


def top(limits: Limits) -> float:
    """A slider's upper end; Gradio wants it above the lower one even where a model knows only one value."""
    return limits.high if limits.high > limits.low else limits.low + limits.multiple_of


def seed_box(task: str) -> gr.Number:
    """The seed: -1 draws one."""
    return gr.Number(
        -1, precision=0, label=label("seed"), elem_id=f"{task}-seed", info=say("help.seed"),
    )


def scheduler_choice(task: str) -> gr.Dropdown:
    """The sampler, by its usual name."""
    return gr.Dropdown(
        list(SCHEDULERS), value=SCHEDULERS[0], label=label("scheduler"), elem_id=f"{task}-scheduler", filterable=False,
        info=say("help.scheduler"),
    )


def follow_model(
    site: Site, model: gr.Dropdown, details: gr.HTML, request: type[Request], controls: dict[str, gr.components.Component],
    *, more: Callable[[ModelCard], Updates] | None = None, head: gr.HTML | None = None,
) -> Callable[[str], Updates]:
    """When a visitor chooses another model, its details, ranges and defaults are shown; the last choice opens the panel of
    models and changes nothing. more: further updates of a tab; head: its heading. Gives the function from a model's id to
    those updates."""
    current = gr.State(model.value)

    def chosen(name: str) -> Updates:
        card = site.engine.catalog.find(name)
        updates: Updates = {details: about(site, card), current: name}
        if head is not None:
            updates[head] = headline(request.task, card)
        for field, control in controls.items():
            if field == "negative_prompt":
                updates[control] = gr.update(visible=card.takes_negative_prompt)
                continue
            if field == "scheduler":
                updates[control] = gr.update(
                    choices=list(card.schedulers), value=card.schedulers[0], visible=len(card.schedulers) > 1,
                )
                continue
            default = card.default(request, field)
            if isinstance(control, gr.Slider):
                limits = card.range(request, field)
                fixed = limits.low == limits.high
                steps = {"step": limits.multiple_of} if limits.multiple_of > 1 else {}
                updates[control] = gr.update(
                    minimum=limits.low, maximum=top(limits), value=default, visible=not fixed, **steps,
                )
            elif default is not None:
                updates[control] = gr.update(value=default)
        return updates | (more(card) if more else {})

    def picked(name: Any, before: str) -> Updates:
        return chosen(name) if choices.serves(site, name, request.task) else {model: gr.update(value=before)}

    model.input(
        picked, [model, current], [model, *chosen(model.value)], **QUIET,
        js=f"(name, before) => {{ if (name === '{choices.MORE}') window.pgModels('{request.task}'); return [name, before]; }}",
    )
    return chosen


def card_job(
    job: Job, row: gr.HTML, controls: Mapping[str, gr.components.Component], chosen: Callable[[str], Updates],
    also: Mapping[str, Any] | None = None,
) -> Job:
    """The job behind a tab's example cards: a click fills the controls with the example's values and runs it with its
    seed, which the seed box does not keep, since the next run is to give something new.

    also: values of further controls that belong to every example.
    """
    picked = gr.State(0)
    starter = controls["model"].value

    def values(example: Example) -> dict[str, Any]:
        files = {"image": str(cards.FOLDER / example.request["image"])} if "image" in example.request else {}
        return dict(also or {}) | {"model": starter} | dict(example.request) | files

    def fill(event: gr.EventData) -> Updates:
        example = cards.chosen(job.place, event)
        updates = chosen(starter)
        for name, value in values(example).items():
            if name in controls and name != "seed":
                updates |= valued(updates, controls[name], value)
        return updates | {picked: cards.of(job.place).index(example)}

    filled = row.select(fill, None, [picked, *dict.fromkeys([*chosen(starter), *controls.values()])], **QUIET)
    return replace(
        job, controls={"example": picked}, triggers=(), after=(filled,),
        prepare=lambda given: job.prepare(values(cards.of(job.place)[given["example"]])),
    )
