"""The panel's components and what its buttons do. The dialog's script says what was clicked; everything is checked here."""

from __future__ import annotations

import logging
import re

import gradio as gr

from playground import choices
from playground.catalog import ModelCard
from playground.chips import chips
from playground.errors import BadRequest, PlaygroundError, explain
from playground.panel import live, rows
from playground.site import QUIET, Site, Updates
from playground.status import Said
from playground.tabs.frame import size
from playground.wording import say

log = logging.getLogger(__name__)
ADDRESS = re.compile(r"(?:https?://)?(?:www\.)?(?:huggingface\.co|hf\.co)/", re.I)  # of the hub's pages
LONGEST = 300  # characters of a name that is taken from the browser
ASK = """
element.addEventListener("pg-ask", (event) => trigger(event.detail.event, event.detail.data));
"""


def build(site: Site) -> None:
    """Places the dialog and what it is filled from, out of sight, and wires its buttons."""
    with gr.Column(elem_classes="pg-hidden"):
        gr.HTML(live.shell(site), elem_id="pg-models-shell")
        ask = gr.HTML("<i></i>", js_on_load=ASK, elem_id="pg-models-ask")
        listed, moving, said = (gr.HTML("", elem_id=f"pg-models-{name}") for name in ("listed", "moving", "said"))

    def look(event: gr.EventData) -> Updates:
        shown = rows.listing(site) if event._data.get("seen") != rows.seen(site) else gr.skip()
        return {listed: shown, moving: live.live(site)}

    def act(event: gr.EventData) -> Updates:
        given = {name: str(event._data.get(name) or "")[:LONGEST] for name in ("do", "model", "repository")}
        answer = answered(site, **given)
        return {
            said: answer or gr.skip(), listed: rows.listing(site), moving: live.live(site), site.chips: chips(site),
        }

    def use(event: gr.EventData) -> Updates:
        return used(site, str(event._data.get("model")), str(event._data.get("task")))

    outputs = dict.fromkeys(one for kept in site.kept.values() for one in [*kept.chosen(kept.model.value), kept.model])
    doors = [door.status for door in site.doors.values()]
    ask.tick(look, None, [listed, moving], **QUIET)
    ask.submit(act, None, [said, listed, moving, site.chips], trigger_mode="multiple", **QUIET)
    ask.select(use, None, [site.tabs, *outputs, *doors], **QUIET)


def used(site: Site, model: str, task: str) -> Updates:
    """A tab opened with a model chosen in it, and told in its status line what to press."""
    kept = site.kept.get(task)
    if kept is None or not kept.serves(model):
        return {site.tabs: gr.skip()}
    card = site.engine.catalog.find(model)
    text = say("models.chosen", model=card.title, go=say(f"{task}.go"))
    return kept.chosen(model) | {
        kept.model: gr.update(choices=choices.listed(site, task), value=model), site.tabs: gr.Tabs(selected=task),
        site.doors[task].status: Said(text=text).line(),
    }


def answered(site: Site, *, do: str, model: str, repository: str) -> str:
    """Does what was clicked; the answer as HTML, "" where there is nothing to say. Whatever fails is said in words."""
    place = "own" if do == "own" else model
    if site.shared or site.models.downloads is None or site.models.store is None and do != "free":
        return live.refused(place, say("models.only_ready"), again=False)
    try:
        if do == "free":
            return live.answer("memory", live.sentence(say("memory.freed", size=size(site.engine.pool.free()))))
        if do == "own":
            return own(site, repository)
        return to_model(site, do, site.engine.catalog.find(model))
    except PlaygroundError as error:
        return live.refused(place, str(error), again=do == "plan")
    except Exception as error:  # the page's last stand: a fault of ours must not end in silence
        log.error("the panel of models failed at %s", do, exc_info=error)
        return live.refused(place, str(explain(error)), again=do == "plan")


def to_model(site: Site, do: str, card: ModelCard) -> str:
    """Does what was clicked in a model's row."""
    store, downloads = site.models.store, site.models.downloads
    match do:
        case "plan":
            return live.planned(site.models.look_up(card), card)
        case "get":
            downloads.start(card)
        case "cancel":
            downloads.cancel(card.id)
        case "clear":
            downloads.clear(card.id)
        case "ask":
            return live.surely(card, store.size(card))
        case "remove":
            return removed(site, card)
        case _:
            raise BadRequest(say("cards.unknown"))
    return live.answer(card.id, "")


def removed(site: Site, card: ModelCard) -> str:
    """Takes a model's files off the disk; one that works now keeps them."""
    pool = site.engine.pool
    if card.id in pool.loaded() and not pool.unload(card.id):
        raise BadRequest(say("models.works", model=card.title))
    text = live.sentence(say("models.removed", size=size(site.models.store.remove(card))))
    return live.answer(card.id, text + rows.button("close", card.id, say("models.close")))


def named(text: str) -> str:
    """A repository's owner/name, also of the address of one of its pages."""
    text = text.strip()
    if not ADDRESS.match(text):
        return text
    return "/".join(re.split("[?#]", ADDRESS.sub("", text))[0].strip("/").split("/")[:2])


def own(site: Site, repository: str) -> str:
    """Looks up a repository that no card is for, and adds one where it holds what can be run."""
    if site.models.find_own is None:
        raise BadRequest(say("models.only_ready"))
    repository = named(repository)
    known = [card for card in site.engine.catalog.cards if card.repository.lower() == repository.lower() and repository]
    card = known[0] if known else site.models.find_own(repository)
    if choices.ready(site, card):
        if not known:
            site.engine.catalog.add(card)
        told = live.sentence(say("models.nothing_to_fetch", model=card.title))
        return live.answer("own", told + rows.uses(card, [task for task in choices.TASKS if task in card.tasks]))
    offer = live.planned(site.models.look_up(card), card, "own")
    if not known:
        site.engine.catalog.add(card)
    return offer
