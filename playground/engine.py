"""The road of a run: admitted, queued fairly, worked by one thread that holds the device alone, stopped when unheard.

It knows requests, events and the pool; nothing of pages or of what the models are.
"""

from __future__ import annotations

import dataclasses
import logging
import queue
import random
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from playground import placement
from playground.catalog import Catalog, ModelCard, missing
from playground.device import give_back
from playground.errors import BadRequest, Busy, ModelBroken, NotInstalled, OutOfMemory, PlaygroundError, Unexpected, explain
from playground.events import Audio, Done, Emit, Event, Queued, Result, Stopped
from playground.pool import Model, ModelPool
from playground.requests import MAX_SEED, RANDOM_SEED, Request, clip
from playground.wording import say

if TYPE_CHECKING:
    from playground.lora_files import Lora

log = logging.getLogger(__name__)
HEARTBEAT = 0.1  # seconds between looks at whether the run was stopped
LOGGED = 200  # characters of a foreign error in a line of the log


class Turns:
    """Whose turn it is on one device: one holder, and among the waiting the visitor who was served longest ago."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: dict[str, deque[object]] = {}
        self._served: dict[str, float] = {}
        self._holder: object | None = None
        self._count = 0

    def wait(self, visitor: str, *, stopped: threading.Event, moved) -> bool:
        """Waits for the turn and takes it: True; False when `stopped` was set first. moved(ahead) tells the place."""
        ticket, told = object(), None
        with self._changed:
            self._waiting.setdefault(visitor, deque()).append(ticket)
            # A new visitor comes before who is served now and behind who waits already, or new names could starve them.
            self._served.setdefault(visitor, self._count - 0.5)
            try:
                while not stopped.is_set():
                    if self._holder is None and self._next() == (visitor, ticket):
                        self._holder = ticket
                        self._count += 1
                        self._served[visitor] = self._count
                        return True
                    ahead = self._ahead(ticket)
                    if ahead != told:
                        moved(ahead)
                        told = ahead
                    self._changed.wait(HEARTBEAT)
                return False
            finally:
                self._waiting[visitor].remove(ticket)
                if not self._waiting[visitor]:
                    del self._waiting[visitor]
                self._changed.notify_all()

    def _order(self) -> Iterator[tuple[str, object]]:
        """The waiting tickets in the order in which they would be served if nobody else came."""
        lines = {v: deque(tickets) for v, tickets in self._waiting.items()}
        served = {v: self._served[v] for v in lines}
        clock = self._count
        while lines:
            visitor = min(lines, key=lambda v: served[v])
            yield visitor, lines[visitor].popleft()
            clock += 1
            served[visitor] = clock
            if not lines[visitor]:
                del lines[visitor]

    def _next(self) -> tuple[str, object] | None:
        return next(self._order(), None)

    def _ahead(self, ticket: object) -> int:
        for place, (_, other) in enumerate(self._order()):
            if other is ticket:
                return place + (self._holder is not None)
        return 0

    def release(self) -> None:
        """Gives the turn back."""
        with self._changed:
            self._holder = None
            if len(self._served) > 10_000:
                self._served = {v: n for v, n in self._served.items() if v in self._waiting}
            self._changed.notify_all()


class Engine:
    """Runs requests on one device, one at a time, in a fair order between visitors.

    max_in_flight: runs that may wait or work at once; max_per_visitor: of these, one visitor's; more are refused
    with Busy; shared: whether strangers may ask, who are refused a voice made from a recording; ready: whether a model's
    files are on this computer, since a run downloads nothing; loras: the LoRA files that a request may name.
    """

    def __init__(
        self, *, catalog: Catalog, pool: ModelPool, max_in_flight: int = 64, max_per_visitor: int = 16,
        shared: bool = False, ready: Callable[[ModelCard], bool] = lambda card: True,
        loras: Mapping[str, Lora] | None = None,
    ) -> None:
        self.catalog = catalog
        self.pool = pool
        self.max_in_flight = max_in_flight
        self.max_per_visitor = max_per_visitor
        self.shared = shared
        self.ready = ready
        self.loras = {} if loras is None else loras
        self._turns = Turns()
        self._in_flight: dict[threading.Event, str] = {}
        self._broken: frozenset[str] = frozenset()
        self._lock = threading.Lock()

    @property
    def in_flight(self) -> int:
        """Runs that wait or work now, those that are still ending after a Stop counted."""
        return len(self._in_flight)

    def check(self, request: Request) -> tuple[Request, ModelCard]:
        """The request with the model's defaults and a seed, and its card; BadRequest where it cannot be run."""
        card = self.catalog.find(request.model)
        if self.shared and getattr(request, "reference", None) is not None:
            raise BadRequest(say("engine.no_copies"), field="reference")
        request = card.complete(request)
        if not self.ready(card):
            raise NotInstalled(say("engine.not_ready", model=card.title, id=card.id))
        for name, _ in getattr(request, "loras", ()):
            self._check_lora(name, card)
        if request.seed == RANDOM_SEED:
            request = dataclasses.replace(request, seed=random.SystemRandom().randint(0, MAX_SEED))
        return request, card

    def _check_lora(self, name: str, card: ModelCard) -> None:
        """BadRequest for a LoRA that is not there or was made for another family; one that does not say may be tried."""
        if name not in self.loras:
            raise BadRequest(say("engine.no_such_lora", name=clip(name)), field="loras")
        if (base := self.loras[name].base) and base != card.base:
            raise BadRequest(say("engine.other_lora", name=clip(name), model=card.title), field="loras")

    def run(self, request: Request, visitor: str) -> Iterator[Event | None]:
        """Checks and admits the request at once; the iterator gives its events, and None now and then so that it can
        be closed. Closing it stops the run at its next event. The last event is Done; errors are PlaygroundErrors."""
        request, card = self.check(request)
        stopped = threading.Event()
        with self._lock:
            if len(self._in_flight) >= self.max_in_flight:
                raise Busy(say("engine.full", count=self.max_in_flight))
            if sum(v == visitor for v in self._in_flight.values()) >= self.max_per_visitor:
                raise Busy(say("engine.yours", count=self.max_per_visitor))
            self._in_flight[stopped] = visitor
        events: queue.SimpleQueue[Event | BaseException] = queue.SimpleQueue()
        worker = threading.Thread(
            target=self._work, args=(request, card, visitor, stopped, events), name=f"run {request.task}", daemon=True
        )
        try:
            worker.start()
        except RuntimeError:  # the system gives no more threads
            with self._lock:
                del self._in_flight[stopped]
            raise Busy(say("engine.no_thread")) from None
        listening = self._listen(stopped, events)
        next(listening)  # close() does nothing to a generator that has not begun
        return listening

    @staticmethod
    def _listen(stopped: threading.Event, events: queue.SimpleQueue) -> Iterator[Event | None]:
        try:
            yield None
            while True:
                try:
                    event = events.get(timeout=HEARTBEAT)
                except queue.Empty:
                    yield None
                    continue
                if isinstance(event, BaseException):
                    raise event
                yield event
                if isinstance(event, Done):
                    return
        finally:
            stopped.set()

    def _work(self, request: Request, card: ModelCard, visitor: str, stopped: threading.Event, events) -> None:
        """The worker thread: waits for the device, leases the model, runs it, and always gives everything back."""
        begun = time.perf_counter()

        def emit(event: Event) -> None:
            if stopped.is_set():
                raise Stopped
            events.put(event)

        ended: Done | PlaygroundError = PlaygroundError(say("engine.ends"))
        try:
            if not self._turns.wait(visitor, stopped=stopped, moved=lambda n: events.put(Queued(ahead=n))):
                return
            try:
                queued = time.perf_counter()
                with self.pool.lease(card, emit, others=self._others(request)) as model:
                    loaded = time.perf_counter()
                    if stopped.is_set():
                        raise Stopped
                    with PeakMemory(self.pool.device.name) as peak:
                        result = self._made(model, card, request, emit, peak)
                    self.pool.ran(card, taken=peak.taken)
                    self._broken -= {card.id}
                    timings = {"queue": queued - begun, "load": loaded - queued} | dict(result.timings)
                    ended = Done(
                        result=result, model=card.id, seed=request.seed, timings=timings, dtype=model.dtype,
                        device=self.pool.device.title, threads=self.pool.device.threads, peak_memory=peak.bytes,
                    )
            finally:
                self._turns.release()
        except Stopped:
            pass
        except BaseException as error:  # a thread's last stand: whatever it is, the visitor hears of it
            ended = explain(error, model=card.title)
            if isinstance(ended, (ModelBroken, NotInstalled)):
                self._broken |= {card.id}
            report(card, request, error=error, told=ended)
        finally:
            if isinstance(ended, OutOfMemory):
                let_go(ended)
            with self._lock:
                self._in_flight.pop(stopped, None)
            events.put(ended)  # last of all: who hears it may start again at once

    def _others(self, request: Request) -> list[ModelCard]:
        """The models that could do a request now: ready, and not found broken when they ran last."""
        cards = (card for card in self.catalog.serving(request.task) if card.id not in self._broken)
        return [card for card in cards if self.ready(card) and not missing(card)]

    def _made(self, model: Model, card: ModelCard, request: Request, emit: Emit, peak: PeakMemory) -> Result:
        """The run's result, tried once more where it was out of memory and something could be done about that; what was
        used is part of it."""
        emit = each_sound_once(emit)
        try:
            result = model.run(request, emit)
        except Exception as error:
            if not isinstance(explain(error), OutOfMemory):
                raise
            log.warning("%s ran out of memory in %s: %s", card.id, request.task, type(error).__name__)
            result = None  # the second try begins outside of this block: the error holds what the first one had
        if result is None:
            result = self._made_again(model, card, request, emit, peak)
        if not hasattr(result, "used"):
            return result
        used = dict.fromkeys((*result.used, *getattr(model, "used", ())))  # some adapters say it themselves
        return dataclasses.replace(result, used=tuple(used))

    def _made_again(self, model: Model, card: ModelCard, request: Request, emit: Emit, peak: PeakMemory) -> Result:
        if not self.pool.relieve(card, emit):
            raise OutOfMemory(placement.smaller(request, card))
        peak.begin()
        try:
            return model.run(request, emit)
        except Exception as error:
            if not isinstance(explain(error), OutOfMemory):
                raise
            raise OutOfMemory(placement.smaller(request, card)) from error

    def close(self) -> None:
        """Stops every run and puts the models away."""
        with self._lock:
            for stopped in self._in_flight:
                stopped.set()
        self.pool.close()


def report(card: ModelCard, request: Request, *, error: BaseException, told: PlaygroundError) -> None:
    """Logs what a run failed of: a line for a fault that is to be expected, such as no network; else its traceback."""
    cause = error if told is not error else error.__cause__
    if cause is None:  # an error of our own, which says all there is to know
        return
    if isinstance(told, Unexpected):
        log.error("%s failed in %s", card.id, request.task, exc_info=error)
    else:
        text = " ".join(str(cause).split())[:LOGGED]
        log.warning("%s failed in %s: %s: %s", card.id, request.task, type(cause).__name__, text)


def each_sound_once(emit: Emit) -> Emit:
    """An emit that tells no sentence of a speech a second time, where a run is made again."""
    told = set()

    def pass_on(event: Event) -> None:
        if not isinstance(event, Audio) or event.index not in told:
            emit(event)
        if isinstance(event, Audio):
            told.add(event.index)

    return pass_on


def let_go(error: BaseException) -> None:
    """Frees what the frames of an error hold, so that the next run finds the memory; its sentence stays."""
    while error is not None:
        error.__traceback__ = None
        error.__cause__, error.__context__, error = None, None, error.__cause__ or error.__context__
    give_back()


class PeakMemory:
    """Peak bytes during a block: the GPU's own count, else the process's resident size at the end of it. taken: bytes
    that the block took on a GPU beside what was there before, 0 elsewhere."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.bytes = 0
        self.taken = 0
        self._before = 0

    def __enter__(self) -> PeakMemory:
        self.begin()
        return self

    def begin(self) -> None:
        """Counts from now on."""
        if self.device.startswith("cuda"):
            cuda = sys.modules["torch"].cuda
            cuda.reset_peak_memory_stats(self.device)
            self._before = cuda.memory_allocated(self.device)

    def __exit__(self, *error: object) -> None:
        if self.device.startswith("cuda"):
            self.bytes = sys.modules["torch"].cuda.max_memory_allocated(self.device)
            self.taken = self.bytes - self._before
        else:
            import psutil

            self.bytes = psutil.Process().memory_info().rss
