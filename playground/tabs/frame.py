"""What every tab has: a heading, the model choice with its details, the two buttons, and the lines under them."""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from playground.catalog import ASSETS, ModelCard
from playground.engine import Engine
from playground.requests import SCHEDULERS, Limits, Request
from playground.shelf import Shelf
from playground.wiring import status_line

EXAMPLES = ASSETS / "examples"


@dataclass(frozen=True, kw_only=True)
class Site:
    """What a tab is built with. shared: whether strangers may use the page."""

    engine: Engine
    shelf: Shelf
    shared: bool


@dataclass(frozen=True, kw_only=True)
class Buttons:
    """The primary button, Stop, and the status line."""

    go: gr.Button
    stop: gr.Button
    status: gr.HTML


def heading(term: str, sentence: str) -> None:
    """The full term and one plain sentence."""
    gr.HTML(f'<div class="pg-head"><h2>{html.escape(term)}</h2><p>{html.escape(sentence)}</p></div>')


def model_choice(cards: tuple[ModelCard, ...], task: str) -> tuple[gr.Dropdown, gr.HTML]:
    """The model drop-down and, under it, the details of the model that is chosen."""
    model = gr.Dropdown(
        [(card.title, card.id) for card in cards], value=cards[0].id, label="Model", elem_id=f"{task}-model",
        filterable=False,
    )
    return model, gr.HTML(about(cards[0]))


def about(card: ModelCard) -> str:
    """A model's details, folded: what it is, what it is bad at, where it comes from."""
    lines = [
        ("Bad at", card.bad_at), ("Trained on", card.training_data), ("Licence", card.licence),
        ("Size", "part of Playground" if card.starter else f"{size(card.download)} to download"),
    ]
    if card.repository:
        lines.append(("Hub name", card.repository))
    rows = "".join(f"<dt>{html.escape(k)}</dt><dd>{html.escape(v)}</dd>" for k, v in lines)
    fetched = "" if card.starter else (
        f'<p class="pg-fetch">This model is not part of Playground: {size(card.download)} are downloaded when it is first'
        " used, so it needs a network.</p>"
    )
    return (
        f'<div class="pg-about"><p>{html.escape(card.sentence)}</p>{fetched}'
        f"<details><summary>About this model</summary><dl>{rows}</dl></details></div>"
    )


def size(count: int) -> str:
    """Bytes in words."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def buttons(task: str, label: str) -> Buttons:
    """The primary button beside Stop, and the status line under them."""
    with gr.Row(elem_classes="pg-buttons"):
        go = gr.Button(label, variant="primary", elem_id=f"{task}-go", scale=3, min_width=140)
        stop = gr.Button("Stop", interactive=False, elem_id=f"{task}-stop", scale=1, min_width=80)
    return Buttons(go=go, stop=stop, status=gr.HTML(status_line("Ready."), elem_id=f"{task}-status"))


def upload_box(task: str, *, label: str = "Your picture", height: int = 240) -> gr.Image:
    """Where a visitor's picture goes: its file as it was uploaded, which images.open_image reads."""
    return gr.Image(
        type="filepath", image_mode=None, label=label, sources=["upload", "clipboard"], height=height,
        elem_id=f"{task}-image", buttons=[],
    )


def later() -> gr.Column:
    """What stands under the buttons; on a phone the result comes before it."""
    return gr.Column(elem_classes="pg-later")


def slider(
    request: type[Request], card: ModelCard, name: str, label: str, info: str, *, step: float | None = None, **more: Any
) -> gr.Slider:
    """A slider for a number of a request, with the card's range and default."""
    limits = card.range(request, name)
    default = card.default(request, name)
    step = step or (limits.multiple_of if limits.step == 1 else limits.step)
    return gr.Slider(
        limits.low, top(limits), value=default, step=step, label=label, info=info,
        elem_id=f"{request.task}-{name}", **more,
    )


def top(limits: Limits) -> float:
    """A slider's upper end; Gradio wants it above the lower one even where a model knows only one value."""
    return limits.high if limits.high > limits.low else limits.low + limits.multiple_of


def seed_box(task: str) -> gr.Number:
    """The seed: -1 draws one."""
    return gr.Number(
        -1, precision=0, minimum=-1, maximum=2**31 - 1, label="Seed", elem_id=f"{task}-seed",
        info="The same seed and settings give the same result. -1 draws a new one each time.",
    )


def scheduler_choice(task: str) -> gr.Dropdown:
    """The sampler, by its usual name."""
    return gr.Dropdown(
        list(SCHEDULERS), value=SCHEDULERS[0], label="Sampler (scheduler)", elem_id=f"{task}-scheduler", filterable=False,
        info="The rule by which noise is taken away.",
    )


def follow_model(
    model: gr.Dropdown, details: gr.HTML, cards: tuple[ModelCard, ...], request: type[Request],
    controls: dict[str, gr.components.Component], *,
    more: Callable[[ModelCard], dict[gr.components.Component, Any]] | None = None,
) -> None:
    """When another model is chosen, its details, ranges and defaults are shown. more: further updates of a tab."""
    by_id = {card.id: card for card in cards}

    def chosen(name: str) -> dict[gr.components.Component, Any]:
        card = by_id[name]
        updates: dict[gr.components.Component, Any] = {details: about(card)}
        for field, control in controls.items():
            if field == "negative_prompt":
                updates[control] = gr.update(visible=card.takes_negative_prompt)
                continue
            default = card.default(request, field)
            if isinstance(control, gr.Slider):
                limits = card.range(request, field)
                fixed = limits.low == limits.high
                updates[control] = gr.update(minimum=limits.low, maximum=top(limits), value=default, visible=not fixed)
            elif default is not None:
                updates[control] = gr.update(value=default)
        return updates | (more(card) if more else {})

    first = chosen(cards[0].id)
    model.change(
        chosen, model, list(first), queue=False, show_progress="hidden", api_visibility="private",
    )


def examples(prompts: list[list[Any]], components: list[gr.components.Component], label: str = "Try one of these") -> None:
    """Example prompts as chips; a click fills the controls."""
    gr.Examples(prompts, components, label=label, examples_per_page=12, api_visibility="private")
