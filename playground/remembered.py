"""What a visitor finds again after a reload: every tab's settings and words (the open tab is page.js's).

They are kept in the visitor's own browser and checked when they come back, since anything can stand there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from playground import choices
from playground.chips import chips
from playground.requests import MAX_SEED
from playground.site import QUIET, Site, Updates, valued

SECRET = "playground"  # not to hide anything: Gradio makes up another one at each start, and could read nothing again
KEPT_TEXT = 20_000  # characters
LONGEST_NAME = 200  # characters of a model's id that is spoken of
FRESH = 4  # seconds between looks at what an open page can offer


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A tab's part. state: in the browser; controls: by the names under which they are kept; chosen: the updates that
    choosing a model makes; serves: whether a name is that of a model that the tab offers now; fresh: the updates of what
    else there is to choose with a model now, which change no choice."""

    state: gr.BrowserState
    controls: Mapping[str, gr.components.Component]
    chosen: Callable[[str], Updates]
    serves: Callable[[object], bool]
    fresh: Callable[[str], Updates] = lambda name: {}

    @property
    def model(self) -> gr.components.Component:
        """The choice of a model."""
        return self.controls["model"]

    def outputs(self) -> list[gr.components.Component]:
        """All that bringing values back, or choosing a model, may update."""
        return list(dict.fromkeys([*self.controls.values(), *self.chosen(self.model.value)]))


def remember(
    site: Site, task: str, controls: Mapping[str, gr.components.Component], chosen: Callable[[str], Updates], go: gr.Button,
    *, fresh: Callable[[str], Updates] = lambda name: {},
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
    site.kept[task] = Kept(
        state=state, controls=plain, chosen=chosen, fresh=fresh, serves=lambda name: choices.serves(site, name, task),
    )


def recall(site: Site) -> None:
    """Brings every tab's values back when the page is loaded. It stands outside the tabs: what the browser keeps for a
    tab that is not open would not be read."""
    for kept in site.kept.values():
        kept.state.render()

    def restore(*states: Any) -> Updates:
        updates: Updates = {site.offered: choices.signature(site)}
        for (task, kept), values in zip(site.kept.items(), states, strict=True):
            if isinstance(values, dict):
                updates |= restored(kept, values) | told_of(site, task, kept, values.get("model"))
            name = (updates.get(kept.model) or {}).get("value", kept.model.value)
            updates |= offering(site, task, kept, name, updates)
        return updates

    outputs = dict.fromkeys(control for kept in site.kept.values() for control in kept.outputs())
    lines = [door.status for door in site.doors.values()]
    back = site.demo.load(
        restore, [kept.state for kept in site.kept.values()], [*outputs, site.offered, *lines], **QUIET,
    )
    back.then(None, js="() => window.pgCountOpen?.()", **QUIET)


def told_of(site: Site, task: str, kept: Kept, name: object) -> Updates:
    """Says in a tab's status line that the model which was chosen there is gone, where one is."""
    if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME or name == choices.MORE or kept.serves(name):
        return {}
    return {site.doors[task].status: choices.gone(site, name, kept.model.value)} if task in site.doors else {}


def offering(site: Site, task: str, kept: Kept, name: str, updates: Updates) -> Updates:
    """A tab's updates with what there is to choose now, which may be more or less than when the page was built. name: the
    model that is chosen."""
    now = kept.fresh(name) | {kept.model: {"choices": choices.listed(site, task)}}
    return {control: gr.update(**(updates.get(control) or {}) | changed) for control, changed in now.items()}


def keep_up(site: Site) -> None:
    """Tells an open page of models that have become ready, or that are gone, without touching what was chosen there,
    unless it is gone; and of what is in memory and on its way."""

    def look(seen: str, *names: Any) -> Updates:
        now = choices.signature(site)
        if now == seen:
            return {site.chips: chips(site)}
        updates: Updates = {site.chips: chips(site), site.offered: now}
        for (task, kept), name in zip(site.kept.items(), names, strict=True):
            if name == choices.MORE:
                continue
            if not kept.serves(name):
                updates |= told_of(site, task, kept, name)
                name = kept.model.value
                updates |= kept.chosen(name) | {kept.model: gr.update(value=name)}
            updates |= offering(site, task, kept, name, updates)
        return updates

    outputs = dict.fromkeys(control for kept in site.kept.values() for control in kept.chosen(kept.model.value))  # fresh's too
    models = [kept.model for kept in site.kept.values()]
    lines = [door.status for door in site.doors.values()]
    shown = [*dict.fromkeys([*outputs, *models]), site.offered, site.chips, *lines]
    gr.Timer(FRESH).tick(look, [site.offered, *models], shown, **QUIET)


def restored(kept: Kept, values: Mapping[str, Any]) -> Updates:
    """The updates that bring a tab's values back; what does not fit there any more is left at its default."""
    model = values.get("model")
    updates = dict(kept.chosen(model)) | {kept.model: gr.update(value=model)} if kept.serves(model) else {}
    for name, control in kept.controls.items():
        if name == "model":
            continue
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
