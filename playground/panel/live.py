"""What changes in the panel while it is open, as HTML: the memory bar, what is being fetched, and answers to a click."""

from __future__ import annotations

import html
import time
from typing import TYPE_CHECKING

from playground import choices
from playground.catalog import ModelCard
from playground.panel.rows import button
from playground.site import Site
from playground.status import duration
from playground.tabs.frame import size
from playground.wording import say

if TYPE_CHECKING:
    from playground.downloads import Fetch, Plan

NOTABLE = 1_000_000  # bytes that are worth a word


def live(site: Site) -> str:
    """The memory bar, and a part for each model that is being fetched."""
    return f"<div>{memory(site)}{''.join(fetch(one) for one in fetches(site))}</div>"


def fetches(site: Site) -> tuple[Fetch, ...]:
    """What is being fetched, or ended badly; what is there now needs no word."""
    if site.models.downloads is None or site.shared:
        return ()
    return tuple(one for one in site.models.downloads.fetches() if one.state != "done")


def memory(site: Site) -> str:
    """Which model holds how much of what; nothing for strangers, and nothing before the device is known."""
    device = site.engine.pool.known_device
    if site.shared or device is None:
        return ""
    held = site.engine.pool.memory()
    bars, lines = [], []
    for number, one in enumerate(held.residents):
        name = html.escape(choices.title_of(site, one.id))
        if one.place == "device":
            share = 100 * one.bytes / held.total if held.total else 0
            bars.append(f'<i class="pg-held-{number % 6}" style="width:{max(share, 0.6):.1f}%"></i>')
        held_on = say("memory.here") if device.name == "cpu" else say("memory.on_device", device=device.title)
        place = say("memory.in_ram") if one.place == "ram" else held_on
        text = say("memory.holds", size=size(one.bytes), place=place)
        busy = " " + say("memory.busy") if one.busy else ""
        lines.append(f'<li><i class="pg-held-{number % 6}"></i><b>{name}</b> {html.escape(text + busy)}</li>')
    free = say("memory.free", free=size(max(held.total - held.used, 0)), total=size(held.total))
    idle = any(not one.busy for one in held.residents)
    press = button("free", "", say("memory.give_back")) if idle else ""
    listed = f'<ul role="list">{"".join(lines)}</ul>' if lines else f"<p>{html.escape(say('memory.nothing'))}</p>"
    return (
        f'<div data-memory><div class="pg-held" aria-hidden="true">{"".join(bars)}</div>'
        f'<div class="pg-held-says">{listed}<p class="pg-held-free">{html.escape(free)}</p>{press}</div></div>'
    )


def fetch(one: Fetch) -> str:
    """How far a download is, and what can be done about it."""
    if one.state == "failed":
        buttons = button("get", one.id, say("models.retry"), main=True) + button("clear", one.id, say("models.close"))
        return slot(one.id, f'<p class="pg-error">{html.escape(one.error)}</p>{buttons}')
    if one.state == "cancelled":
        buttons = button("get", one.id, say("models.resume"), main=True) + button("clear", one.id, say("models.close"))
        return slot(one.id, f"<p>{html.escape(say('models.cancelled'))}</p>{buttons}")
    share = round(100 * one.done / one.total) if one.total and one.state == "fetching" else None
    value = f' aria-valuenow="{share}" aria-valuemin="0" aria-valuemax="100"' if share is not None else ""
    name = html.escape(say("models.fetching", model=one.title))
    bar = (
        f'<div class="pg-progress{"" if share is not None else " pg-unsure"}" role="progressbar" aria-label="{name}"{value}>'
        f'<i style="width:{share if share is not None else 100}%"></i></div>'
    )
    return slot(one.id, f"{bar}<p>{html.escape(progress(one))}</p>{button('cancel', one.id, say('models.cancel'))}")


def progress(one: Fetch) -> str:
    """How far a download is, in words."""
    if one.state != "fetching":
        return say(f"models.{one.state}")
    text = say("models.so_far", done=size(one.done), total=size(one.total))
    if one.speed > 0:
        text += say("models.speed", speed=size(int(one.speed)))
    if one.seconds_left is not None:
        text += say("models.left", duration=duration(one.seconds_left))
    return f"{text}. {one.note}".rstrip() if one.note else text


def slot(model: str, inside: str) -> str:
    """What stands in a model's row in the place of its buttons."""
    return f'<div data-work="{html.escape(model)}">{inside}</div>'


def answer(model: str, inside: str) -> str:
    """The answer to a click on a model's row; numbered, since the same one twice would not be seen as new."""
    return f'<div data-for="{html.escape(model)}" data-number="{time.monotonic_ns()}">{inside}</div>'


def sentence(text: str, kind: str = "") -> str:
    """A paragraph that a screen reader reads when it comes."""
    role = "alert" if kind == "pg-error" else "status"
    return f'<p role="{role}" class="{kind}">{html.escape(text)}</p>'


def planned(plan: Plan, card: ModelCard, place: str = "") -> str:
    """What would be fetched, asked for before it is. place: where it stands, the model's row unless given."""
    kept = plan.total - plan.to_fetch
    licence = plan.licence if plan.licence and plan.licence.lower() != card.licence.lower() else card.licence
    text = say("models.plan", size=size(plan.to_fetch), licence=licence, free=size(plan.free))
    if kept > NOTABLE:
        text += " " + say("models.plan_kept", size=size(kept))
    if not card.commercial:
        text += " " + say("models.plan_terms")
    buttons = button("get", card.id, say("models.download"), main=True) + button("close", card.id, say("models.not_now"))
    return answer(place or card.id, sentence(text) + buttons)


def refused(model: str, text: str, *, again: bool = True) -> str:
    """Why a click came to nothing. again: whether trying once more makes sense."""
    retry = button("plan", model, say("models.retry"), main=True) if again else ""
    return answer(model, sentence(text, "pg-error") + retry + button("close", model, say("models.close")))


def surely(card: ModelCard, taken: int) -> str:
    """The question before a model is removed. taken: bytes on the disk."""
    freed = size(taken)
    buttons = button("close", card.id, say("models.keep"), main=True)
    buttons += button("remove", card.id, say("models.remove_now", size=freed))
    return answer(card.id, sentence(say("models.surely", model=card.title)) + buttons)


def shell(site: Site) -> str:
    """The dialog without its list."""
    said = {
        name: html.escape(say(f"models.{name}"))
        for name in ("title", "close", "search", "find", "nothing_found", "own", "own_help", "own_place", "own_go", "looking_up")
    }
    about = html.escape(say("models.only_ready") if site.shared or site.models.downloads is None else say("models.about"))
    filters = [selection("tasks", [("", say("models.any_tab")), *((task, say(f"{task}.tab")) for task in choices.TASKS)])]
    if not site.shared:
        fits = [("", say("models.any_size")), ("yes", say("models.fits_here")), ("yes slowly", say("models.fits_somehow"))]
        filters += [
            selection("fits", fits),
            selection("here", [("", say("models.any_place")), ("yes", say("models.here")), ("no", say("models.to_get"))]),
            selection("licence", [("", say("models.any_licence")), ("free", say("models.free"))]),
        ]
    own = (
        f'<form class="pg-models-own" data-own><label for="pg-own">{said["own"]}</label><p>{said["own_help"]}</p><div>'
        f'<input id="pg-own" type="text" autocomplete="off" spellcheck="false" placeholder="{said["own_place"]}">'
        f'<button type="submit" class="pg-button">{said["own_go"]}</button></div><div data-slot="own" tabindex="-1"></div></form>'
    ) if site.models.find_own is not None and site.models.downloads is not None and not site.shared else ""
    return (
        '<dialog class="pg-models" aria-labelledby="pg-models-title"><div class="pg-models-box"><header>'
        f'<h2 id="pg-models-title">{said["title"]}</h2><div role="search"><input type="search" aria-label="{said["search"]}"'
        f' placeholder="{said["find"]}"></div>'
        f'<button type="button" class="pg-models-close" data-do="shut" aria-label="{said["close"]}">✕</button></header>'
        f'<p class="pg-models-about">{about}</p>'
        '<div class="pg-models-memory" data-memory></div><div data-slot="memory" tabindex="-1"></div>'
        f'<div class="pg-models-find">{"".join(filters)}</div><p class="pg-unseen" role="status" data-count></p>'
        f'<div class="pg-models-list" data-list aria-busy="true"><p class="pg-models-wait">{said["looking_up"]}</p></div>'
        f'<p class="pg-models-none" hidden>{said["nothing_found"]}</p>{own}</div></dialog>'
    )


def selection(name: str, options: list[tuple[str, str]]) -> str:
    """One filter."""
    made = "".join(f'<option value="{value}">{html.escape(text)}</option>' for value, text in options)
    return f'<select data-filter="{name}" aria-label="{html.escape(say(f"models.filter_{name}"))}">{made}</select>'
