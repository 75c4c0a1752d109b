"""What a visitor finds again after a reload: every tab's settings and words (the open tab is page.js's).

They are kept in the visitor's own browser and checked when they come back, since anything can stand there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from playground.requests import MAX_SEED
from playground.site import QUIET, Site, Updates, valued

SECRET = "playground"  # not to hide anything: Gradio makes up another one at each start, and could read nothing again
KEPT_TEXT = 20_000  # characters


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A tab's part. state: in the browser; controls: by the names under which they are kept; chosen: the updates that
    choosing a model makes."""

    state: gr.BrowserState
    controls: Mapping[str, gr.components.Component]
    chosen: Callable[[str], Updates]


def remember(
    site: Site, task: str, controls: Mapping[str, gr.components.Component], chosen: Callable[[str], Updates], go: gr.Button
) -> None:
    """Keeps the controls of a tab, all but those that hold files, whenever one changes and when a run begins (a control
    that was set before its tab was ever open says nothing of the change). `model` must be one of them."""
    kinds = gr.Textbox | gr.Number | gr.Slider | gr.Dropdown | gr.Radio | gr.Checkbox
    plain = {name: control for name, control in controls.items() if isinstance(control, kinds)}
    state = gr.BrowserState(None, storage_key=f"playground-{task}", secret=SECRET, render=False)
    names = ", ".join(f"v{i}" for i in range(len(plain)))
    pairs = ", ".join(f"{name}: v{i}" for i, name in enumerate(plain))
    gr.on(
        [go.click, *(control.change for control in plain.values())], None, list(plain.values()), state,
        js=f"({names}) => ({{{pairs}}})", **QUIET,
    )
    site.kept[task] = Kept(state=state, controls=plain, chosen=chosen)


def recall(site: Site) -> None:
    """Brings every tab's values back when the page is loaded. It stands outside the tabs: what the browser keeps for a
    tab that is not open would not be read."""
    for kept in site.kept.values():
        kept.state.render()

    def restore(*states: Any) -> Updates:
        updates: Updates = {next(iter(outputs)): gr.skip()}
        for kept, values in zip(site.kept.values(), states, strict=True):
            if isinstance(values, dict):
                updates |= restored(kept, values)
        return updates

    outputs: dict[gr.components.Component, None] = {}
    for kept in site.kept.values():
        outputs |= dict.fromkeys([*kept.controls.values(), *kept.chosen(kept.controls["model"].value)])
    site.demo.load(restore, [kept.state for kept in site.kept.values()], list(outputs), **QUIET)


def restored(kept: Kept, values: Mapping[str, Any]) -> Updates:
    """The updates that bring a tab's values back; what does not fit there any more is left at its default."""
    model = fitting(kept.controls["model"], values.get("model"))
    updates = dict(kept.chosen(model)) if model is not None else {}
    for name, control in kept.controls.items():
        changed = updates.get(control, {})
        value = fitting(control, values.get(name), changed if isinstance(changed, dict) else {})
        if value is not None:
            updates |= valued(updates, control, value)
    return updates


def fitting(control: gr.components.Component, value: Any, changed: Mapping[str, Any] | None = None) -> Any:
    """The value where the control can take it, else None. changed: what another model changes of the control."""
    changed = changed or {}
    match control:
        case gr.Checkbox():
            return value if isinstance(value, bool) else None
        case gr.Slider():
            low, high = (changed.get(name, getattr(control, name)) for name in ("minimum", "maximum"))
            return value if type(value) in (int, float) and low <= value <= high else None
        case gr.Number():
            return value if type(value) in (int, float) and abs(value) <= MAX_SEED else None
        case gr.Dropdown() | gr.Radio():
            choices = changed.get("choices", control.choices)
            allowed = [one[1] if isinstance(one, tuple | list) else one for one in choices]
            return value if isinstance(value, str | int) and value in allowed else None
        case gr.Textbox():
            return value if isinstance(value, str) and len(value) <= KEPT_TEXT else None
    return None
