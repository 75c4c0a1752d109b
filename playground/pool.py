"""Which models are in memory and who leaves first: lazy loads, least recently used out by bytes, busy ones never.

A model that must leave a GPU waits in RAM while there is room, and comes back from there in a moment; on a CPU it leaves.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property

from playground import placement
from playground.catalog import ModelCard
from playground.device import Device, give_back, measured
from playground.errors import OutOfMemory, explain
from playground.events import Emit, Loading, Notice
from playground.footprints import Footprints
from playground.placement import IN_TURN, TILED, WHOLE
from playground.residents import Entry, Load, Memory, Model, Resident
from playground.wording import say

log = logging.getLogger(__name__)
ENOUGH = 0.25  # of the budget: where other models gave back so much, a run is tried again without slower measures


class ModelPool:
    """Models in memory, at most `budget` bytes of them together on the device.

    choose: gives the device, asked once and only when something is loaded, because the answer needs torch;
    load: makes the model of a card; budget: bytes, by default the device's own, measured again before each load;
    idle_seconds: a model unused for so long is put away by `unload_idle`; footprints: what models really took here.
    """

    def __init__(
        self, *, choose: Callable[[], Device], load: Load, budget: int | None = None, idle_seconds: float = 900,
        footprints: Footprints | None = None, measure: Callable[[Device], Device] = measured,
    ) -> None:
        self.idle_seconds = idle_seconds
        self.footprints = footprints or Footprints()
        self._choose = choose
        self._budget = budget
        self._load = load
        self._measure = measure
        self._now: Device | None = None
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
        """Bytes that the models together may take on the device, as measured last."""
        return self._given(self._now or self.device).budget

    def _measured(self) -> Device:
        """The device as it is now. What the models hold of a computer's RAM can be given again."""
        now = self._measure(self.device)
        if now.available:
            with self._lock:
                held = sum(e.weights for _, e in self._in_order())
            now = replace(now, available=min(now.free_memory, now.available + held))
        self._now = now
        return self._given(now)

    def _given(self, device: Device) -> Device:
        """The device, with the pool's own budget where it has one."""
        if self._budget is None:
            return device
        share = device.free_memory / max(1, device.cap)
        return replace(device, free_memory=math.ceil(self._budget * share))

    def loaded(self) -> dict[str, int]:
        """Ids of the models in memory, those in RAM too, and their bytes, least recently used first."""
        with self._lock:
            return {i: e.weights for i, e in self._in_order()}

    def memory(self) -> Memory:
        """What is where now; it waits for no load and asks no hardware."""
        total = self._budget if self._budget is not None else (self._now or self.device).cap if self.known_device else 0
        with self._lock:
            residents = []
            for i, e in self._in_order(coming=True):
                places = (("device", e.on_device), ("ram", e.in_ram))
                residents += [Resident(id=i, bytes=n, place=p, busy=e.users > 0) for p, n in places if n]
        used = sum(r.bytes for r in residents if r.place == "device")
        return Memory(total=total, used=used, residents=tuple(residents))

    def _in_order(self, *, coming: bool = False) -> list[tuple[str, Entry]]:
        """The entries with a model, or also with one on its way, least recently used first; under the lock."""
        there = [(i, e) for i, e in self._entries.items() if e.model is not None or coming and e.coming]
        return sorted(there, key=lambda one: one[1].used_at)

    def _used(self) -> int:
        with self._lock:
            return sum(e.on_device for e in self._entries.values())

    def _in_ram(self) -> int:
        with self._lock:
            return sum(e.in_ram for e in self._entries.values())

    @contextmanager
    def lease(self, card: ModelCard, emit: Emit, *, others: Sequence[ModelCard] = ()) -> Iterator[Model]:
        """The card's model, loaded if need be, and kept in memory until the block ends. others: models that can be named
        where this one does not fit."""
        with self._lock:
            entry = self._entries.setdefault(card.id, Entry())
            entry.users += 1
        try:
            with entry.lock:
                if entry.model is None or entry.resting:
                    emit(Loading(title=card.title))
                if entry.model is not None and entry.resting:
                    self._wake(entry, card, emit)
                if entry.model is None:
                    self._fill(entry, card, emit, others)
                if entry.placement != WHOLE:
                    self._make_room(card, 0, emit)  # for the part that works now
            entry.used_at = time.monotonic()
            yield entry.model
        finally:
            with self._lock:
                entry.users -= 1
                entry.used_at = time.monotonic()

    # Loading

    def _fill(self, entry: Entry, card: ModelCard, emit: Emit, others: Sequence[ModelCard]) -> None:
        """Loads the card's model into its entry; it stays there also where emit() raises Stopped afterwards.

        Where memory runs out, the other models leave and it is tried once more; then the placements that need less.
        """
        device, alone = self._measured(), False
        left = list(placement.fitting(card, device, footprint=self.footprints))
        if not left:
            raise OutOfMemory(self._too_large(card, device, others))
        while left:
            wanted = placement.need(card, device, left[0], footprint=self.footprints)
            self._reserve(entry, card, wanted.device, emit)
            failed = self._tried(entry, card, replace(device, placement=left[0]))
            if failed is None:
                break
            if not alone and self._evict(card, emit):
                alone = True
                continue
            alone = True
            left.pop(0)
            if left:
                emit(Notice(text=say(f"placing.load.{left[0]}", model=card.title)))
        else:
            raise OutOfMemory(self._with_alternative(say("pool.load_failed", model=card.title), card, device, others))
        self.footprints.loaded(card, device.dtype, entry.placement, weights=entry.weights)
        self._make_room(card, 0, emit)  # it may be larger than its card said
        if entry.on_device > self.budget:
            taken, most = placement.sizes(entry.on_device, self.budget)
            emit(Notice(text=say("pool.over", model=card.title, taken=taken, most=most)))

    def _tried(self, entry: Entry, card: ModelCard, device: Device) -> OutOfMemory | None:
        """Loads the model; the error where there was not enough memory. What the load held is free again by then."""
        try:
            model = self._load(card, device)
            with self._lock:
                entry.model, entry.resting, entry.dtype = model, False, device.dtype
                entry.look()
            return None
        except Exception as error:
            told = explain(error, model=card.title)
            if not isinstance(told, OutOfMemory):
                raise told from error
            log.warning("%s did not fit as %s: %s", card.id, device.placement, type(error).__name__)
        finally:
            entry.coming = 0
        give_back()
        return told.with_traceback(None)

    def _reserve(self, entry: Entry, card: ModelCard, wanted: int, emit: Emit) -> None:
        """Makes room for what comes and keeps it from others; OutOfMemory where models that work now are in its way."""
        self._make_room(card, wanted, emit)
        with self._lock:
            others = sum(e.on_device for e in self._entries.values())
            if others and others + wanted > self.budget:
                raise OutOfMemory(say("pool.no_room", model=card.title))
            entry.coming = wanted

    def _wake(self, entry: Entry, card: ModelCard, emit: Emit) -> None:
        """Brings a model back from RAM; where that fails it is put away, to be loaded anew."""
        self._measured()
        self._reserve(entry, card, entry.weights, emit)
        try:
            entry.model.wake()
        except Exception as error:
            log.warning("%s could not be woken: %s", card.id, type(error).__name__)
            model, entry.model = entry.model, None
            model.close()
        finally:
            with self._lock:
                entry.coming, entry.resting = 0, False

    def _too_large(self, card: ModelCard, device: Device, others: Sequence[ModelCard]) -> str:
        """The sentence on what the placement that needs least would need."""
        last = placement.possible(card, device)[-1]
        wanted = placement.need(card, device, last, footprint=self.footprints)
        beside = wanted.device <= device.budget
        needed, there = (wanted.ram, device.ram_budget) if beside else (wanted.device, device.budget)
        needed, there = placement.sizes(needed, max(there, 0))
        sentence = say(
            "pool.too_large_beside" if beside else "pool.too_large", model=card.title, needed=needed, there=there
        )
        return self._with_alternative(sentence, card, device, others)

    def _with_alternative(self, sentence: str, card: ModelCard, device: Device, others: Sequence[ModelCard]) -> str:
        """The sentence, and the largest other model that would fit."""
        other = placement.instead(card, others, device, footprint=self.footprints)
        return f"{sentence} {say('pool.instead', model=other.title) if other else say('pool.smaller')}"

    # Leaving

    def _make_room(self, card: ModelCard, needed: int, emit: Emit) -> None:
        """Sends idle models off the device, the longest unused first, until `needed` bytes fit beside the rest."""
        for victim in self.loaded():
            if self._used() + needed <= self.budget:
                return
            if victim != card.id:
                self._send_off(victim, card, emit)

    def _send_off(self, victim: str, card: ModelCard, emit: Emit) -> int:
        """Sends an idle model to RAM, else away, and says so; the bytes that it had on the device."""
        with self._lock:
            entry = self._entries[victim]
            held = entry.on_device
        if not held:
            return 0
        if self._rest(victim):
            emit(Notice(text=say("pool.rested", model=card.title)))
            return held
        if self.unload(victim):
            emit(Notice(text=say("pool.made_room", model=card.title)))
            return held
        return 0

    def _evict(self, card: ModelCard, emit: Emit) -> int:
        """Sends every idle model but the card's own off the device; returns the bytes."""
        return sum(self._send_off(victim, card, emit) for victim in self.loaded() if victim != card.id)

    def _rest(self, model_id: str) -> bool:
        """Moves an idle model to RAM where there is room, if need be in place of those that were used longer ago."""
        room = (self._now or self.device).ram_budget
        with self._lock:
            entry = self._entries[model_id]
            if entry.model is None or entry.users or entry.resting or entry.placement != WHOLE:
                return False
            if not hasattr(entry.model, "rest") or entry.weights > room:
                return False
            older = [i for i, e in self._in_order() if e.in_ram and e.used_at <= entry.used_at]
            entry.users += 1  # so that nobody puts it away meanwhile
            entry.lock.acquire()  # free: nobody uses it
        try:
            for other in older:
                if self._in_ram() + entry.weights > room:
                    self.unload(other)
            used = self._in_ram()
            if used + entry.weights > room:
                return False
            # Page-locked memory comes in powers of two, and the system can never swap it out.
            pin = used + 2 * entry.weights <= room
            try:
                entry.model.rest(pin=pin)
            except Exception as error:  # no RAM after all; it is put away as it stands
                log.warning("%s could not rest in RAM: %s", model_id, type(error).__name__)
                return False
            with self._lock:
                entry.resting = True
            return True
        finally:
            entry.lock.release()
            with self._lock:
                entry.users -= 1

    def unload(self, model_id: str, *, unused_since: float | None = None) -> bool:
        """Puts one model away unless it is busy or was used after `unused_since` (monotonic); True if it went."""
        with self._lock:
            entry = self._entries.get(model_id)
            if entry is None or entry.model is None or entry.users:
                return False
            if unused_since is not None and entry.used_at >= unused_since:
                return False
            model, entry.model, entry.resting = entry.model, None, False
            entry.lock.acquire()  # free: nobody uses it; a lease that comes now loads no second copy beside the first
        try:
            model.close()
        finally:
            entry.lock.release()
        return True

    def unload_idle(self) -> list[str]:
        """Puts away what has not been used for `idle_seconds`, on the device and in RAM; returns their ids."""
        limit = time.monotonic() - self.idle_seconds
        return [i for i in self.loaded() if self.unload(i, unused_since=limit)]

    def free(self) -> int:
        """Puts every idle model away; returns the bytes of their weights."""
        return sum(size for model_id, size in self.loaded().items() if self.unload(model_id))

    def close(self) -> None:
        """Puts every idle model away."""
        self.free()

    # A run that is out of memory, and what a run took

    def relieve(self, card: ModelCard, emit: Emit) -> bool:
        """After a run of a leased model was out of memory: whether anything was done so that it is worth trying again.

        All at once, since it is tried only once: what was freed is given back, idle models leave, a picture is decoded
        in tiles; and the parts take turns on the device, unless the others gave back a good share of it.
        """
        give_back()
        freed = self._evict(card, emit)
        with self._lock:
            entry = self._entries[card.id]
        ease = getattr(entry.model, "ease", lambda level: None)
        done = [ease(TILED)]
        room = (self._now or self.device).ram_budget
        if freed < ENOUGH * self.budget and (not room or self._in_ram() + entry.weights <= room):
            done.append(ease(IN_TURN))
        for sentence in filter(None, done):
            emit(Notice(text=sentence))
        with self._lock:
            entry.look()
        return bool(freed or any(done))

    def ran(self, card: ModelCard, *, taken: int) -> None:
        """A leased model has run. taken: bytes on the device that the run took at most beside what was there before; 0
        where that was not measured."""
        with self._lock:
            entry = self._entries[card.id]
            entry.look()  # it may have changed its precision
            own = entry.weights if entry.placement == WHOLE else 0
        if taken:
            self.footprints.ran(card, entry.dtype, entry.placement, peak=own + taken)
