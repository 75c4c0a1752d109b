"""Every model that Playground knows: one frozen card each, and which of them suits a machine."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING

from playground.catalog.card import ASSETS, PICTURE_TASKS, SCHEDULER_OWN, STARTERS, Extra, ModelCard, gigabytes
from playground.catalog.enlargers import upscale_cards
from playground.catalog.families import picture
from playground.catalog.pictures import picture_cards
from playground.catalog.starters import facts, starter, starter_cards, weight_bytes, with_article
from playground.catalog.texts import text_cards
from playground.catalog.voices import speech_cards
from playground.catalog.widths import folder_bits, named_bits
from playground.errors import BadRequest
from playground.wording import say

if TYPE_CHECKING:
    from playground.device import Device
    from playground.footprints import Footprints

__all__ = [
    "ASSETS", "PICTURE_TASKS", "SCHEDULER_OWN", "STARTERS", "Catalog", "Extra", "ModelCard", "cards", "facts",
    "folder_bits", "gigabytes", "hub_cards", "missing", "named_bits", "picture", "recommended", "speech_cards", "starter",
    "weight_bytes", "with_article",
]


def cards() -> tuple[ModelCard, ...]:
    """All cards, the starters first, then each task's from the smallest model to the largest; the first card that serves
    a task is that task's default."""
    return (*starter_cards(), *hub_cards())


def hub_cards() -> tuple[ModelCard, ...]:
    """Models of the hub; sizes are about what is fetched, which is looked up before a download."""
    return (*text_cards(), *picture_cards(), *upscale_cards(), *speech_cards())


def missing(card: ModelCard) -> tuple[str, ...]:
    """The packages that a model needs and that are not installed."""
    return tuple(name for name in card.needs if find_spec(name) is None)


def recommended(
    cards: Sequence[ModelCard], device: Device, *, footprint: Footprints | None = None,
) -> ModelCard | None:
    """The largest of a task's cards that works well on this device, None where only a starter does. footprint: what was
    measured on this machine, which replaces the cards' estimates.

    On a CPU a model must run in a time that people wait. A model that must be asked for, or that fits only with its weights
    rounded to 8 bits, is left to those who choose it themselves.
    """
    from playground import placement

    on_cpu = device.name == "cpu"
    suited = (
        card for card in reversed(cards)
        if not card.starter and not card.own and not card.gated and not missing(card) and (card.on_cpu or not on_cpu)
        and placement.well(card, device, footprint=footprint)
        and placement.fits(card, device, footprint=footprint) != placement.FP8
    )
    return next(suited, None)


class Catalog:
    """The cards by id and by task; more can be added while the page is served."""

    def __init__(self, all_cards: tuple[ModelCard, ...]) -> None:
        self._by_id = {card.id: card for card in all_cards}
        self._adding = threading.Lock()
        if len(self._by_id) != len(all_cards):
            raise ValueError("two cards have the same id")

    @property
    def cards(self) -> tuple[ModelCard, ...]:
        """All of them, those of a task in the order of its ladder."""
        return tuple(self._by_id.values())

    def add(self, card: ModelCard) -> None:
        """Adds a card, in the place of one of the same id where there is one. Nobody reads a catalog that is half changed."""
        with self._adding:
            self._by_id = self._by_id | {card.id: card}

    def remove(self, model: str) -> None:
        """Takes a card out again, if it is there."""
        with self._adding:
            self._by_id = {i: card for i, card in self._by_id.items() if i != model}

    def find(self, model: str) -> ModelCard:
        """The card of an id, else BadRequest."""
        card = self._by_id.get(model)
        if card is None:
            raise BadRequest(say("catalog.no_such_model"), field="model")
        return card

    def serving(self, task: str) -> tuple[ModelCard, ...]:
        """The cards that serve a task, the default first."""
        return tuple(card for card in self.cards if task in card.tasks)
