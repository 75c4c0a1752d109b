"""Which models are in memory and who leaves first: lazy loads, least recently used out by bytes, busy ones never."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from playground.catalog import ModelCard
from playground.device import Device
from playground.errors import OutOfMemory, explain
from playground.events import Emit, Loading, Notice, Result
from playground.requests import Request
from playground.wording import say


class Model(Protocol):
    """A loaded model. run() raises what emit() raises; close() frees its memory. nbytes: bytes of its weights."""

    nbytes: int
    dtype: str

    def run(self, request: Request, emit: Emit) -> Result: ...
    def close(self) -> None: ...


Load = Callable[[ModelCard, Device], Model]


@dataclass
class Entry:
    """One card's place in the pool; `lock` is held while it loads or closes, `users` counts its leases."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    model: Model | None = None
    users: int = 0
    used_at: float = 0.0


class ModelPool:
    """Models in memory, at most `budget` bytes of them together.

    choose: gives the device, asked once and only when something is loaded, because the answer needs torch;
    load: makes the model of a card; budget: bytes, by default the device's own; idle_seconds: a model unused for so
    long is put away by `unload_idle`.
    """

    def __init__(
        self, *, choose: Callable[[], Device], load: Load, budget: int | None = None, idle_seconds: float = 900
    ) -> None:
        self.idle_seconds = idle_seconds
        self._choose = choose
        self._budget = budget
        self._load = load
        self._entries: dict[str, Entry] = {}
        self._lock = threading.Lock()

    @cached_property
    def device(self) -> Device:
        """The device that all models share."""
        return self._choose()

    @property
    def known_device(self) -> Device | None:
        """The device where it was asked for already; this asks for nothing."""
        return vars(self).get("device")

    @property
    def budget(self) -> int:
        """Bytes that the models together may take."""
        return self.device.budget if self._budget is None else self._budget

    def loaded(self) -> dict[str, int]:
        """Ids of the models in memory and their bytes, least recently used first."""
        with self._lock:
            there = [(e.used_at, i, e.model.nbytes) for i, e in self._entries.items() if e.model is not None]
        return {i: size for _, i, size in sorted(there)}

    @contextmanager
    def lease(self, card: ModelCard, emit: Emit) -> Iterator[Model]:
        """The card's model, loaded if need be, and kept in memory until the block ends."""
        with self._lock:
            entry = self._entries.setdefault(card.id, Entry())
            entry.users += 1
        try:
            with entry.lock:
                if entry.model is None:
                    emit(Loading(title=card.title))
                    self._fill(entry, card, emit)
            entry.used_at = time.monotonic()
            yield entry.model
        finally:
            with self._lock:
                entry.users -= 1
                entry.used_at = time.monotonic()

    def _fill(self, entry: Entry, card: ModelCard, emit: Emit) -> None:
        """Loads the card's model into its entry; it stays there also where emit() raises Stopped afterwards."""
        if card.memory > self.budget:
            needed, there = f"{card.memory / 1e9:.1f}", f"{self.budget / 1e9:.1f}"
            raise OutOfMemory(say("pool.too_large", model=card.title, needed=needed, there=there))
        self._make_room(card, card.memory, emit)
        if sum(self.loaded().values()) + card.memory > self.budget:
            raise OutOfMemory(say("pool.no_room", model=card.title))
        try:
            entry.model = self._load(card, self.device)
        except Exception as error:
            raise explain(error, model=card.title) from error
        self._make_room(card, 0, emit)  # it may be larger than its card said

    def _make_room(self, card: ModelCard, needed: int, emit: Emit) -> None:
        """Puts idle models away, the longest unused first, until `needed` bytes fit beside the rest."""
        for victim in self.loaded():
            if sum(self.loaded().values()) + needed <= self.budget:
                return
            if victim != card.id and self.unload(victim):
                emit(Notice(text=say("pool.made_room", model=card.title)))

    def unload(self, model_id: str, *, unused_since: float | None = None) -> bool:
        """Puts one model away unless it is busy or was used after `unused_since` (monotonic); True if it went."""
        with self._lock:
            entry = self._entries.get(model_id)
            if entry is None or entry.model is None or entry.users:
                return False
            if unused_since is not None and entry.used_at >= unused_since:
                return False
            model, entry.model = entry.model, None
            entry.lock.acquire()  # free: nobody uses it; a lease that comes now loads no second copy beside the first
        try:
            model.close()
        finally:
            entry.lock.release()
        return True

    def unload_idle(self) -> list[str]:
        """Puts away what has not been used for `idle_seconds`; returns their ids."""
        limit = time.monotonic() - self.idle_seconds
        return [i for i in self.loaded() if self.unload(i, unused_since=limit)]

    def close(self) -> None:
        """Puts every idle model away."""
        for model_id in self.loaded():
            self.unload(model_id)
