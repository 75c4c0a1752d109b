"""The list of models in the panel, as HTML: a group for each kind of task, a row for each model."""

from __future__ import annotations

import html
from collections.abc import Iterable

from playground import choices, placement
from playground.catalog import PICTURE_TASKS, ModelCard, missing
from playground.device import Device
from playground.site import Site
from playground.tabs.frame import size
from playground.wording import say

TASKS = choices.TASKS
PICTURES = tuple(task for task in TASKS if task in PICTURE_TASKS)
GROUPS = (("text_generation",), PICTURES, ("super_resolution",), ("text_to_speech",))


def listing(site: Site) -> str:
    """All rows; strangers see what is ready, and nothing of this computer."""
    best = {card.id for task in TASKS if (card := choices.best(site, task))}
    cards = [card for card in site.engine.catalog.cards if not site.shared or choices.ready(site, card)]
    made = []
    for tasks in GROUPS:
        title = ", ".join(say(f"{task}.tab") for task in tasks)
        of_group = [card for card in cards if first_task(card) in tasks]
        rows = "".join(row(site, card, best=card.id in best) for card in of_group)
        if rows:
            made.append(f'<section data-group><h3>{html.escape(title)}</h3><ul role="list">{rows}</ul></section>')
    return f'<div data-seen="{seen(site)}">{"".join(made)}</div>'


def seen(site: Site) -> str:
    """Changes whenever the list does, as far as it does not by what is being fetched."""
    return f"{choices.signature(site)}-{len(site.engine.catalog.cards)}"


def first_task(card: ModelCard) -> str:
    """The first tab that a model serves."""
    return next(task for task in TASKS if task in card.tasks)


def row(site: Site, card: ModelCard, *, best: bool) -> str:
    """One model: what it is, the facts that decide whether one wants it, and what can be done with it."""
    device = site.engine.pool.known_device
    here = choices.ready(site, card)
    fit, fit_words = fits(site, card, device) if device and not site.shared else ("", "")
    right, right_words = licence(card)
    tabs = [task for task in TASKS if task in card.tasks]
    hidden = site.shared and card.own  # what the host brought along is the host's business
    badges = badge("best", say("models.best")) if best else ""
    badges += badge("here", say("models.here")) if here else ""
    told = () if hidden else facts(site, card, right=right, right_words=right_words, here=here)
    about = "".join(fact(kind, text) for kind, text in told)
    bad_at = html.escape(say("models.bad_at", what=card.bad_at))
    sentence = "" if hidden else f"<p>{html.escape(card.sentence)} <span>{bad_at}</span></p>"
    if fit_words:
        about = fact(f"fit-{fit}", fit_words) + about
    state = {
        "id": card.id, "tasks": " ".join(tabs), "fits": fit, "here": "yes" if here else "no", "licence": right,
        "words": searched(card, tabs, only_title=hidden),
    }
    data = "".join(f' data-{name}="{html.escape(value)}"' for name, value in state.items())
    return (
        f'<li class="pg-model"{data}><div class="pg-model-says"><h4>{html.escape(card.title)}</h4>{badges}{sentence}'
        f'<ul class="pg-model-facts" role="list">{about}</ul></div>'
        f'<div class="pg-model-does" data-slot tabindex="-1">{doings(site, card, tabs, here=here, fits=fit != "no")}</div></li>'
    )


def searched(card: ModelCard, tabs: list[str], *, only_title: bool) -> str:
    """The words by which the search finds a model; one of many languages is found by the common ones too."""
    if only_title:
        return card.title.lower()
    many = [say("models.common_languages")] if any(letter.isdigit() for name in card.languages for letter in name) else []
    shown = card.title, card.sentence, card.bad_at, card.repository, card.licence, *card.languages
    return " ".join((*shown, *(say(f"{task}.tab") for task in tabs), *many)).lower()


def facts(site: Site, card: ModelCard, *, right: str, right_words: str, here: bool) -> Iterable[tuple[str, str]]:
    """The facts of a row, each with its kind."""
    store = None if site.shared else site.models.store
    if card.starter:
        yield "size", say("models.included")
    elif site.shared:
        pass
    elif card.folder is not None:
        yield "size", say("models.own_folder")
    elif here and store is not None:
        yield "size", say("models.takes", size=size(store.size(card)))
    elif card.download:
        yield "size", say("models.to_fetch", size=size(card.download))
    if (device := site.engine.pool.known_device) and not site.shared:
        whole = placement.need(card, device, placement.WHOLE, footprint=site.engine.pool.footprints).device
        yield "memory", say("models.memory", size=size(whole))
    told = any(word in card.licence.lower() for word in ("non-commercial", "read it"))  # the licence's name says it already
    yield f"right-{right}", card.licence if told else say("models.licence", licence=card.licence, right=right_words)
    if card.languages and (card.tasks & {"text_generation", "text_to_speech"} or len(card.languages) > 1):
        yield "language", say("models.languages", names=", ".join(card.languages))
    if card.gated:
        yield "gated", say("models.gated")
    if lacking := missing(card):
        yield "needs", say("models.needs", names=", ".join(lacking))
    if here and card.folder is None and store is not None and (commit := store.commit(card)):
        yield "commit", say("models.commit", repository=card.repository, commit=commit[:12])
    elif card.repository:
        yield "commit", card.repository


def doings(site: Site, card: ModelCard, tabs: list[str], *, here: bool, fits: bool) -> str:
    """The buttons of a row. One that is too large for this computer may be fetched, for another one, but does not call
    for it."""
    name = html.escape(card.title)
    if not here:
        if site.models.downloads is None or site.shared:
            return ""
        return button("plan", card.id, say("models.get"), label=say("models.get_this", model=name), main=fits)
    made = uses(card, tabs)
    if card.folder is None and site.models.store is not None and not site.shared:
        made += button("ask", card.id, say("models.remove"), label=say("models.remove_this", model=name), kind="pg-plain")
    return made


def uses(card: ModelCard, tabs: list[str]) -> str:
    """The buttons that open a tab with a model chosen in it."""
    name = html.escape(card.title)
    made = "".join(
        button("use", card.id, say(f"{task}.tab"), label=say("models.use_this", model=name, tab=say(f"{task}.tab")), task=task)
        for task in tabs
    )
    return f'<span class="pg-model-use">{html.escape(say("models.use"))}</span>{made}'


def button(do: str, model: str, text: str, *, label: str = "", task: str = "", main: bool = False, kind: str = "") -> str:
    """A button that says what it does to which model. label: for screen readers, escaped."""
    classes = " ".join(filter(None, ("pg-button", "pg-main" if main else "", kind)))
    given = f' data-task="{task}"' if task else ""
    named = f' aria-label="{label}"' if label else ""
    given = f' data-do="{do}" data-model="{html.escape(model)}"{given}{named}'
    return f'<button type="button" class="{classes}"{given}>{html.escape(text)}</button>'


def badge(kind: str, text: str) -> str:
    """A mark beside a model's name."""
    return f'<span class="pg-badge pg-badge-{kind}">{html.escape(text)}</span>'


def fact(kind: str, text: str) -> str:
    """One fact."""
    return f'<li class="pg-fact pg-fact-{kind}">{html.escape(text)}</li>'


def fits(site: Site, card: ModelCard, device: Device) -> tuple[str, str]:
    """Whether a model fits this computer ("yes", "slowly" or "no"), and that in words."""
    measured = site.engine.pool.footprints
    best = placement.fits(card, device, footprint=measured)
    if best is None:
        needed = min(placement.need(card, device, one, footprint=measured).device for one in placement.possible(card, device))
        return "no", say("models.too_large", needed=size(needed), there=size(max(device.budget, 0)))
    if best != placement.WHOLE:
        return "slowly", say("models.in_turns")
    if device.name == "cpu" and not card.on_cpu and not card.starter:
        return "slowly", say("models.slow_on_cpu")
    return "yes", say("models.fits")


def licence(card: ModelCard) -> tuple[str, str]:
    """What a licence allows ("free", "private" or "terms"), and that in words."""
    if card.commercial:
        return "free", say("models.free_use")
    private = any(word in card.licence.lower() for word in ("-nc", "non-commercial", "noncommercial"))
    return ("private", say("models.not_commercial")) if private else ("terms", say("models.terms"))
