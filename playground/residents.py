"""What the pool keeps of each model: the model, where its bytes stand, and who uses it; and the values that tell of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from playground.catalog import ModelCard
from playground.device import Device
from playground.events import Emit, Result
from playground.placement import WHOLE
from playground.requests import Request


class Model(Protocol):
    """A loaded model. run() raises what emit() raises; close() frees its memory. nbytes: bytes of its weights.

    It may also have what pipelines.placing gives: placement and part_bytes (of a model whose parts take turns on the
    device), rest(pin) and wake(), ease(level) -> the sentence of what was done, used: words on these for the result.
    """

    nbytes: int
    dtype: str

    def run(self, request: Request, emit: Emit) -> Result: ...
    def close(self) -> None: ...


Load = Callable[[ModelCard, Device], Model]


@dataclass(frozen=True, kw_only=True)
class Resident:
    """Bytes of one model in one place, "device" or "ram". One whose parts take turns on the device stands in RAM, and
    while it runs its largest part is on the device too."""

    id: str
    bytes: int
    place: str
    busy: bool


@dataclass(frozen=True, kw_only=True)
class Memory:
    """What the models take, in bytes. total: that they may take on the device, 0 before it is known; used: of these;
    residents: in the order in which they would leave."""

    total: int
    used: int
    residents: tuple[Resident, ...] = ()


@dataclass
class Entry:
    """One card's place in the pool; `lock` is held while it loads, moves or closes, `users` counts its leases. coming:
    bytes that a load or a waking will take; weights, part: bytes, copied from the model, which may be closing."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    model: Model | None = None
    users: int = 0
    used_at: float = 0.0
    placement: str = WHOLE
    resting: bool = False
    coming: int = 0
    weights: int = 0
    part: int = 0
    dtype: str = ""

    @property
    def on_device(self) -> int:
        """Bytes on the device, or on the way there."""
        if self.model is None or self.resting:
            return self.coming
        if self.placement == WHOLE:
            return self.weights
        return self.part if self.users else 0

    @property
    def in_ram(self) -> int:
        """Bytes in RAM beside the device."""
        return self.weights if self.model is not None and (self.resting or self.placement != WHOLE) else 0

    def look(self) -> None:
        """Copies the model's sizes."""
        self.weights = self.model.nbytes
        self.placement = getattr(self.model, "placement", WHOLE)
        self.part = self.weights if self.placement == WHOLE else self.model.part_bytes
