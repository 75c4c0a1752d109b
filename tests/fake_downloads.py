"""What is on this computer and what is being fetched, without a hub: a test says how far a download is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from playground.catalog import ModelCard
from playground.downloads import Fetch
from playground.plans import Plan

BYTES = 2_000_000


class FakeStore:
    """Holds the models of these ids, each of BYTES bytes."""

    def __init__(self, here: Iterable[str] = ()) -> None:
        self.here = set(here)

    def ready(self, card: ModelCard) -> bool:
        return card.folder is not None or card.id in self.here

    def size(self, card: ModelCard) -> int:
        return BYTES

    def commit(self, card: ModelCard) -> str:
        return "0123456789abcdef" if card.id in self.here else ""

    def remove(self, card: ModelCard) -> int:
        self.here.discard(card.id)
        return BYTES


class FakeDownloads:
    """Takes note of what is asked for. move: how the test lets a download go on."""

    def __init__(self, store: FakeStore) -> None:
        self.store = store
        self._fetches: dict[str, Fetch] = {}

    def start(self, card: ModelCard) -> None:
        self._fetches[card.id] = Fetch(id=card.id, title=card.title, state="looking")

    def cancel(self, model: str) -> None:
        self.move(model, state="cancelled")

    def clear(self, model: str) -> None:
        del self._fetches[model]

    def fetches(self) -> tuple[Fetch, ...]:
        return tuple(self._fetches.values())

    def move(self, model: str, **changes: object) -> None:
        """Changes a download; one that is done is on this computer."""
        self._fetches[model] = replace(self._fetches[model], **changes)
        if changes.get("state") == "done":
            self.store.here.add(model)


def planned(card: ModelCard) -> Plan:
    """What a download of any model would take."""
    return Plan(
        model=card.id, parts=(), total=BYTES, to_fetch=BYTES, free=10**10, licence=card.licence, gated=card.gated, commit="0123",
    )
