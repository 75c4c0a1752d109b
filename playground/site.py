"""What all parts of the page share: the engine behind it, and the components that stand outside the tabs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import gradio as gr

from playground.catalog import ModelCard
from playground.engine import Engine
from playground.requests import REQUESTS
from playground.runs import Runs
from playground.shelf import Shelf

if TYPE_CHECKING:
    from playground.downloads import Downloads, Plan, Store
    from playground.own import Lora

QUIET = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}  # of events that start no run
STRIP_SCRIPT = """
element.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.stop !== undefined) trigger("stop");
  if (button?.dataset.open !== undefined) window.pgOpen(button.dataset.open);
});
"""

Updates = dict[gr.components.Component, Any]


@dataclass(frozen=True, kw_only=True)
class Door:
    """Where another tab's result can be put: an upload box for pictures, or a box for words. status: the line that says
    so; worded: what is written there for a text, which the model that is chosen there may decide."""

    model: gr.Dropdown
    status: gr.HTML
    picture: gr.Image | None = None
    words: gr.Textbox | None = None
    worded: Callable[[str, ModelCard], str] = lambda text, card: text


@dataclass(frozen=True, kw_only=True)
class Models:
    """What the page is given to choose and fetch models with; None for what is not there.

    store: which of the hub's models are on this computer; without it every model counts as ready. downloads: fetches
    them; count_tokens: of a model's id and a text its tokens (used, limit, and the words that are cut), or None; loras:
    LoRA files by name; look_up: what a download would fetch; find_own: the card for a repository "owner/name" that
    no card is for; accelerations: those that a model has on this computer, the exact one first.
    """

    store: Store | None = None
    downloads: Downloads | None = None
    look_up: Callable[[ModelCard], Plan] | None = None
    count_tokens: Callable[[str, str], Any] | None = None
    loras: Mapping[str, Lora] = field(default_factory=dict)
    find_own: Callable[[str], ModelCard] | None = None
    accelerations: Callable[[ModelCard], tuple[str, ...]] | None = None


@dataclass(frozen=True, kw_only=True)
class Site:
    """shared: whether strangers may use the page; models: what there is to choose from; demo: the page; tabs: chosen by a
    task's name; chips: the line of what is going on in this machine; rows: the strip's line for each task; story: what
    the Text tab wrote last; offered: which models this page was last told of; doors and kept: filled by the tabs as they
    are built, kept with what a reload brings back."""

    engine: Engine
    shelf: Shelf
    runs: Runs
    shared: bool
    models: Models
    demo: gr.Blocks
    tabs: gr.Tabs
    chips: gr.HTML
    rows: Mapping[str, gr.HTML]
    story: gr.State
    offered: gr.State
    doors: dict[str, Door] = field(default_factory=dict)
    kept: dict[str, Any] = field(default_factory=dict)


def site_on(
    demo: gr.Blocks, engine: Engine, *, shelf: Shelf, runs: Runs, shared: bool, models: Models | None = None,
) -> Site:
    """A site whose components are not placed yet; inside the page's `with`."""
    return Site(
        engine=engine, shelf=shelf, runs=runs, shared=shared, demo=demo, models=models or Models(),
        tabs=gr.Tabs(elem_id="pg-tabs", overflow_behavior="wrap", render=False),
        chips=gr.HTML(elem_id="pg-chips", render=False), story=gr.State("", render=False),
        offered=gr.State("", render=False),
        rows={
            request.task: gr.HTML(js_on_load=STRIP_SCRIPT, elem_id=f"{request.task}-run", render=False)
            for request in REQUESTS
        },
    )


def valued(updates: Updates, control: gr.components.Component, value: Any) -> Updates:
    """A control's update with another value than the one that the updates of a model's choice give it."""
    changed = updates.get(control)
    return {control: gr.update(**((changed if isinstance(changed, dict) else {}) | {"value": value}))}
