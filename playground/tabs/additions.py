"""What Expert adds to a tab: LoRA files with their weights, how fast it may be done, and how many tokens a text has."""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from playground.catalog import ModelCard
from playground.errors import PlaygroundError
from playground.requests import ACCELERATIONS, LORA_WEIGHT, MAX_PROMPT
from playground.site import QUIET, Site, Updates
from playground.tabs import frame
from playground.wording import say

ROWS = 3
QUOTED = 30  # characters of the words that are not read which are repeated
NAMES = tuple((f"lora_{number}", f"weight_{number}") for number in range(1, ROWS + 1))


@dataclass(frozen=True, kw_only=True)
class Additions:
    """controls: by the names under which they are kept, which `folded` turns into the request's; chosen: the updates that
    choosing a model makes; fresh: those of what there is to choose with a model (by id) now, which change no choice."""

    controls: dict[str, gr.components.Component]
    chosen: Callable[[ModelCard], Updates]
    fresh: Callable[[str], Updates]


def build(site: Site, task: str, card: ModelCard, *, loras: bool = True) -> Additions:
    """Lays the controls out. They are hidden where there is nothing to choose; what is hidden is at its default."""
    controls: dict[str, gr.components.Component] = {"acceleration": acceleration(site, task, card)}
    if loras:
        with gr.Column(visible=len(fitting(site, card)) > 1, elem_classes="pg-loras") as box:
            for number, (name, weight) in enumerate(NAMES, 1):
                controls |= dict(zip((name, weight), lora_row(site, task, card, number), strict=True))

    def now(card: ModelCard) -> Updates:
        speeds = offered(site, card)
        updates: Updates = {controls["acceleration"]: {"choices": named(speeds), "visible": len(speeds) > 1}}
        if loras:
            names = fitting(site, card)
            updates[box] = {"visible": len(names) > 1}
            updates |= {controls[name]: {"choices": names} for name, _ in NAMES}
        return updates

    def chosen(card: ModelCard) -> Updates:
        values = {controls["acceleration"]: ACCELERATIONS[0]}
        if loras:
            values |= {controls[name]: "" for name, _ in NAMES} | {controls[weight]: 1.0 for _, weight in NAMES}
        made = now(card)
        return {one: gr.update(**made.get(one, {}), value=value) for one, value in values.items()} | {
            one: gr.update(**changed) for one, changed in made.items() if one not in values
        }

    return Additions(controls=controls, chosen=chosen, fresh=lambda name: now(site.engine.catalog.find(name)))


def acceleration(site: Site, task: str, card: ModelCard) -> gr.Dropdown:
    """How fast it may be done."""
    speeds = offered(site, card)
    return frame.Choice(
        named(speeds), value=ACCELERATIONS[0], label=frame.label("acceleration"), info=say("help.acceleration"),
        elem_id=f"{task}-acceleration", visible=len(speeds) > 1, filterable=False,
    )


def lora_row(site: Site, task: str, card: ModelCard, number: int) -> tuple[gr.Dropdown, gr.Slider]:
    """One LoRA and its weight."""
    with gr.Row():
        name = frame.Choice(
            fitting(site, card), value="", label=say("additions.lora", number=number), elem_id=f"{task}-lora-{number}",
            filterable=False, min_width=140,
        )
        weight = frame.Slide(
            LORA_WEIGHT.low, LORA_WEIGHT.high, value=1, step=LORA_WEIGHT.step, label=say("additions.weight", number=number),
            elem_id=f"{task}-weight-{number}", min_width=140,
        )
    return name, weight


def offered(site: Site, card: ModelCard) -> tuple[str, ...]:
    """The accelerations that a model has here."""
    return site.models.accelerations(card) if site.models.accelerations else ACCELERATIONS[:1]


def named(speeds: tuple[str, ...]) -> list[tuple[str, str]]:
    """Accelerations under names for people."""
    return [(say(f"additions.{speed}"), speed) for speed in speeds]


def fitting(site: Site, card: ModelCard) -> list[tuple[str, str]]:
    """The LoRA files that were made for the model's family, or that do not say for which; their words beside their names,
    and none of them first."""
    made = [(say("additions.none"), "")]
    for name, lora in site.models.loras.items():
        if card.base and lora.base in (card.base, ""):
            made.append((say("additions.words", name=name, words=lora.words) if lora.words else name, name))
    return made


def folded(values: dict[str, Any]) -> dict[str, Any]:
    """The controls' values with the rows of LoRAs, where there are any, as the request's one field; weightless ones are
    left out."""
    if NAMES[0][0] not in values:
        return values
    rest = {name: value for name, value in values.items() if not name.startswith(("lora_", "weight_"))}
    pairs = [(values.get(name), values.get(weight)) for name, weight in NAMES]
    return rest | {"loras": tuple((name, weight) for name, weight in pairs if name and weight)}


def token_line(site: Site, task: str) -> gr.HTML | None:
    """The line under a prompt that says how many tokens it has; None where nobody counts."""
    if site.models.count_tokens is None:
        return None
    return gr.HTML("", elem_id=f"{task}-tokens", elem_classes=[frame.EXPERT, "pg-tokens"])


def count_tokens(site: Site, line: gr.HTML | None, model: gr.Dropdown, prompt: gr.Textbox) -> None:
    """Fills the line a while after the last key, which the page's script waits for, and only in Expert."""
    if line is None:
        return

    def count(name: Any, text: Any, told: str) -> Any:
        if not told:  # what the page remembers has not come back yet: this would be another model's count
            return gr.skip()
        try:
            return tokens_line(site.models.count_tokens(name, str(text or "")[:MAX_PROMPT]))
        except PlaygroundError:
            return ""

    button = gr.Button("", elem_id=f"{line.elem_id}-count", elem_classes="pg-hidden")
    button.click(count, [model, prompt, site.offered], line, trigger_mode="always_last", **QUIET)
    model.change(None, None, line, js="() => ''", **QUIET)  # the last model's count says nothing of this one's
    gr.on([prompt.change, model.change], None, js=f"() => window.pgCount('{line.elem_id}-count')", **QUIET)


def tokens_line(tokens: Any) -> str:
    """The count in words, and what would be cut. tokens: None or of no limit where the model does not tell."""
    if tokens is None or not (tokens.used or tokens.limit):
        return ""
    limited = say("additions.tokens", count=tokens.used, limit=tokens.limit)
    text = limited if tokens.limit else say("additions.tokens_only", count=tokens.used)
    if not tokens.cut:
        return f'<p class="pg-count-line">{html.escape(text)}</p>'
    cut = " ".join(tokens.cut.split())
    first = cut if len(cut) <= QUOTED else cut[:QUOTED].rsplit(" ", 1)[0] + "…"
    text = say("additions.cut", tokens=text, count=len(cut.split()), words=first)
    return f'<p class="pg-count-line pg-over">{html.escape(text)}</p>'
