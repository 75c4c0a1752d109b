"""A model, cards and an engine without any network or weights: how long they take and how they fail is told to them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from playground.catalog import Catalog, ModelCard
from playground.device import Device
from playground.engine import Engine
from playground.events import Emit, Event, Step, TextResult
from playground.pool import ModelPool
from playground.requests import Request, TextGenerationRequest

CPU = Device(name="cpu", title="CPU", free_memory=8_000_000_000, dtype="float32", threads=1)
GPU = Device(name="cuda:0", title="Small GPU", free_memory=100, dtype="bfloat16", threads=1, ram=200)  # gives 80 and 140
PATIENCE = 30.0  # seconds that a test waits for what must come; nothing is timed with it


def card(name: str = "slow", *, memory: int = 1) -> ModelCard:
    """A card of a fake model for texts. memory: bytes."""
    return ModelCard(
        id=name, title=name.capitalize(), sentence="Counts.", bad_at="everything", memory=memory,
        tasks=frozenset({"text_generation"}), adapter="text", licence="none", training_data="none",
        defaults={"max_new_tokens": 10},
    )


def ask(prompt: str = "hello", *, model: str = "slow", seed: int = 1) -> TextGenerationRequest:
    """A request to a fake model."""
    return TextGenerationRequest(prompt=prompt, model=model, seed=seed)


def wait_until(condition: Callable[[], bool], *, what: str = "it") -> None:
    """Waits for a condition, and fails where it does not come true."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"{what} did not happen within {PATIENCE:.0f} s"
        time.sleep(0.005)


@dataclass
class Gauge:
    """What fake models did: prompts in the order of their runs, runs at once, the most of them, steps taken."""

    prompts: list[str] = field(default_factory=list)
    running: int = 0
    most: int = 0
    steps: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Gauge:
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
        return self

    def __exit__(self, *error: object) -> None:
        with self.lock:
            self.running -= 1


class FakeModel:
    """Counts its steps into a gauge.

    steps: of a run; seconds: a step takes; nbytes: of its weights; gate: each step waits for it; error: raised by a
    run instead of a result.
    """

    dtype = "float32"

    def __init__(
        self, *, steps: int = 3, seconds: float = 0.0, nbytes: int = 1, gauge: Gauge | None = None,
        gate: threading.Event | None = None, error: BaseException | None = None,
    ) -> None:
        self.nbytes = nbytes
        self.gauge = gauge or Gauge()
        self.closed = False
        self._steps = steps
        self._seconds = seconds
        self._gate = gate
        self._error = error

    def length(self, request: Request) -> int:
        """How many steps a run takes."""
        return self._steps

    def run(self, request: Request, emit: Emit) -> TextResult:
        assert not self.closed, "a model that was put away was run"
        with self.gauge as gauge:
            gauge.prompts.append(request.prompt)
            total = self.length(request)
            for index in range(1, total + 1):
                if self._gate is not None:
                    assert self._gate.wait(PATIENCE), "nobody opened the gate"
                time.sleep(self._seconds)
                gauge.steps += 1
                emit(Step(index=index, total=total))
            if self._error is not None:
                raise self._error
        assert not self.closed, "a busy model was put away"
        return TextResult(text=request.prompt, tokens=total, timings={"decode": total * self._seconds})

    def close(self) -> None:
        self.closed = True


class OutOfMemoryError(RuntimeError):
    """What torch calls it; known by its name."""


@dataclass
class FakeMemory:
    """A device's memory of so many bytes. taken: of these; most: that were taken at once; fails: how many of the next
    takings fail however much is there, by what they are for."""

    capacity: int
    taken: int = 0
    most: int = 0
    fails: dict[str, int] = field(default_factory=dict)

    def take(self, size: int, what: str = "weights") -> None:
        left = self.fails.get(what, 0)
        self.fails[what] = left - 1
        if left > 0 or self.taken + size > self.capacity:
            raise OutOfMemoryError(f"CUDA out of memory. Tried to allocate {size} bytes for {what}.")
        self.taken += size
        self.most = max(self.most, self.taken)

    def give(self, size: int) -> None:
        self.taken -= size
        assert self.taken >= 0, "memory was given back twice"


class PlacedModel(FakeModel):
    """A fake model whose weights stand somewhere in fake memory and whose runs take more of it, in two phases.

    part: bytes of its largest part; step, decode: bytes that a picture of a prompt of one letter takes in these phases, in
    proportion to the prompt's length; decoding in tiles takes a quarter.
    """

    def __init__(
        self, memory: FakeMemory, placement: str = "whole", *, nbytes: int, part: int = 0, step: int = 0, decode: int = 0,
    ) -> None:
        super().__init__(nbytes=nbytes, steps=2)
        self.placement = placement
        self.part_bytes = part or nbytes
        self.moves: list[str] = []
        self.used: tuple[str, ...] = (placement,)
        self._memory = memory
        self._working = {"step": step, "decode": decode}
        self._tiled = self._resting = False
        memory.take(nbytes if placement == "whole" else 0)

    @property
    def held(self) -> int:
        """Bytes in fake memory between runs."""
        return 0 if self.closed or self._resting or self.placement != "whole" else self.nbytes

    def run(self, request: Request, emit: Emit) -> TextResult:
        assert not self._resting, "a model that rests was run"
        for phase, size in self._working.items():
            size = size * len(request.prompt) // (4 if self._tiled and phase == "decode" else 1)
            size += 0 if self.placement == "whole" else self.part_bytes
            self._memory.take(size, phase)
            try:
                emit(Step(index=1, total=2))
            finally:
                self._memory.give(size)
        return super().run(request, emit)

    def rest(self, *, pin: bool = False) -> None:
        assert not self._resting and self.placement == "whole"
        self._memory.give(self.nbytes)
        self._resting = True
        self.moves.append("pinned" if pin else "rest")

    def wake(self) -> None:
        self._memory.take(self.nbytes, "wake")
        self._resting = False
        self.moves.append("wake")

    def ease(self, level: int) -> str | None:
        if level == 1 and not self._tiled:
            self._tiled = True
            self.used += ("tiles",)
            return "Tiles from now on."
        if level == 2 and self.placement == "whole":
            self._memory.give(self.nbytes)
            self.placement = "offload"
            self.used = ("offload", *self.used[1:])
            return "Parts take turns from now on."
        return None

    def close(self) -> None:
        self._memory.give(self.held)
        super().close()


class Shop:
    """Loads fake models, as an adapter would.

    make: a model for a card, and where `placed` for a device too; seconds: a load takes; gate: each load waits for it;
    fails: errors by card id, each raised once. made: every model so far, by card id; loading: set when a load begins.
    """

    def __init__(
        self, make: Callable[..., FakeModel], *, seconds: float = 0.0, gate: threading.Event | None = None,
        fails: Mapping[str, BaseException] | None = None, placed: bool = False,
    ) -> None:
        self.made: dict[str, list[FakeModel]] = {}
        self.loading = threading.Event()
        self.finished = 0
        self._make = make
        self._placed = placed
        self._seconds = seconds
        self._gate = gate
        self._fails = dict(fails or {})

    def load(self, card: ModelCard, device: Device) -> FakeModel:
        """A new model of the card."""
        self.loading.set()
        if self._gate is not None:
            assert self._gate.wait(PATIENCE), "nobody opened the gate"
        time.sleep(self._seconds)
        if card.id in self._fails:
            raise self._fails.pop(card.id)
        model = self._make(card, device) if self._placed else self._make(card)
        self.made.setdefault(card.id, []).append(model)
        self.finished += 1
        return model


def pool_of(
    shop: Shop, *, budget: int | None = None, idle_seconds: float = 900, device: Device = CPU, **options
) -> ModelPool:
    """A pool on a fake device. budget: bytes; options: the pool's own."""
    options = {"measure": lambda device: device} | options
    return ModelPool(choose=lambda: device, load=shop.load, budget=budget, idle_seconds=idle_seconds, **options)


def engine_of(
    model: Callable[[ModelCard], FakeModel] | Shop, *, cards: tuple[ModelCard, ...] = (), budget: int | None = None,
    **limits: Any,
) -> Engine:
    """An engine around fake models. model: makes one for a card; limits: the engine's own."""
    shop = model if isinstance(model, Shop) else Shop(model)
    return Engine(catalog=Catalog(cards or (card(),)), pool=pool_of(shop, budget=budget), **limits)


def events_of(run) -> list[Event]:
    """All events of a run, heartbeats left out."""
    return [event for event in run if event is not None]


def until(run, kind: type[Event]) -> Event:
    """The next event of a kind."""
    for event in run:
        if isinstance(event, kind):
            return event
    raise AssertionError(f"the run ended without {kind.__name__}")
