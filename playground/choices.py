"""Which models each tab's choice offers: those that are ready here, with the one that suits this computer marked."""

from __future__ import annotations

import hashlib
import json

from playground.catalog import ModelCard, recommended
from playground.errors import BadRequest
from playground.requests import REQUESTS
from playground.site import Site
from playground.status import Said
from playground.wording import say

TASKS = tuple(request.task for request in REQUESTS)
MORE = "get-more"  # the last choice, which opens the panel of models and is never a model's id


def ready(site: Site, card: ModelCard) -> bool:
    """Whether a run of the model can begin without a network."""
    return card.folder is not None or site.models.store is None or site.models.store.ready(card)


def offered(site: Site, task: str) -> tuple[ModelCard, ...]:
    """The models that a task's tab offers now, the starter first."""
    return tuple(card for card in site.engine.catalog.serving(task) if ready(site, card))


def best(site: Site, task: str) -> ModelCard | None:
    """The model that suits this computer best, ready or not; None while the device is not known."""
    device = site.engine.pool.known_device
    if device is None or site.models.store is None:
        return None
    return recommended(site.engine.catalog.serving(task), device, footprint=site.engine.pool.footprints)


def listed(site: Site, task: str) -> list[tuple[str, str]]:
    """The drop-down's choices. Strangers cannot get more, so they are not offered to."""
    marked = best(site, task)
    made = [
        (say("models.marked", model=card.title) if marked and card.id == marked.id else card.title, card.id)
        for card in offered(site, task)
    ]
    if site.models.downloads is not None and not site.shared:
        made.append((say("models.more"), MORE))
    return made


def signature(site: Site) -> str:
    """Changes whenever any tab has something else to offer: models, LoRA files, or speeds, which the device decides."""
    device = site.engine.pool.known_device
    every = [*(listed(site, task) for task in TASKS), *site.models.loras, device.name if device else ""]
    return hashlib.sha256(json.dumps(every).encode()).hexdigest()[:16]


def title_of(site: Site, model: str) -> str:
    """A model's name for people, its id where it is not known any more."""
    try:
        return site.engine.catalog.find(model).title
    except BadRequest:
        return model


def gone(site: Site, model: str, instead: str) -> str:
    """The status line that tells of a chosen model that is not here any more."""
    text = say("models.gone", model=title_of(site, model), other=title_of(site, instead))
    return Said(text=text, kind="error").line()


def serves(site: Site, name: object, task: str) -> bool:
    """Whether a name is that of a model that this tab offers now."""
    try:
        card = site.engine.catalog.find(name) if isinstance(name, str) else None
    except BadRequest:
        return False
    return card is not None and task in card.tasks and ready(site, card)
