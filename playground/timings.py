"""How long a run will take here, learned from this machine's own runs; kept in a small file between starts."""

from __future__ import annotations

import json
import logging
import math
import os
import statistics
import threading
from collections.abc import Sequence
from pathlib import Path

from playground.events import Done, TextResult
from playground.requests import (
    ImageToImageRequest,
    InpaintingRequest,
    Request,
    SuperResolutionRequest,
    TextGenerationRequest,
    TextToImageRequest,
    TextToSpeechRequest,
)

log = logging.getLogger(__name__)
REMEMBERED = 24  # runs of each kind
UNLOADED = 0.02  # seconds: a lease that took longer has loaded its model
APART = 1.3  # two runs whose work differs by less say nothing about how time grows with it


def work(request: Request) -> float:
    """How much there is to do, in a unit of the task's own: tokens, characters, or pixels times network evaluations."""
    match request:
        case TextGenerationRequest():
            return request.max_new_tokens
        case TextToSpeechRequest():
            return len(request.text)
        case SuperResolutionRequest():
            return request.image.width * request.image.height * request.scale**2
        case ImageToImageRequest() | InpaintingRequest():
            pixels = (request.width or request.image.width) * (request.height or request.image.height)
            return max(1, request.steps * request.strength) * request.num_images * pixels
        case TextToImageRequest():
            pictures = request.frames if request.walks else request.num_images
            return request.steps * pictures * request.width * request.height
    raise TypeError(f"{type(request).__name__} has no measure of work")


class Timings:
    """What runs took. path: the file, or None to keep them in memory only; device: the wish that the runs were made
    under, since another device has another speed."""

    def __init__(self, path: Path | None = None, *, device: str = "auto") -> None:
        self._path = path
        self._device = device
        self._lock = threading.Lock()
        self._runs: dict[str, list[tuple[float, float]]] = self._read()

    def remember(self, request: Request, done: Done) -> None:
        """Learns from a run that has ended well, loading and running apart."""
        amount = done.result.tokens if isinstance(done.result, TextResult) else work(request)
        loading = done.timings.get("load", 0.0)
        if loading > UNLOADED:
            self.learn(request.model, "load", 1, loading)
        if amount:
            self.learn(request.model, request.task, amount, done.seconds - loading)

    def of(self, request: Request, *, loaded: bool) -> float | None:
        """Seconds that a request with its model's defaults will take, without the queue; None where nothing is known."""
        seconds = self.expect(request.model, request.task, work(request))
        if seconds is None or loaded:
            return seconds
        return seconds + (self.expect(request.model, "load", 1) or 0.0)

    def learn(self, model: str, what: str, amount: float, seconds: float) -> None:
        """A run, or another thing such as a load (its amount is 1), took so long."""
        with self._lock:
            known = self._runs.setdefault(self._key(model, what), [])
            known.append((float(amount), round(float(seconds), 4)))
            del known[:-REMEMBERED]
            self._write()

    def expect(self, model: str, what: str, amount: float) -> float | None:
        """Seconds that so much will take; None where nothing like it was ever done here."""
        with self._lock:
            known = list(self._runs.get(self._key(model, what), ()))
        return predict(known, amount) if known else None

    def _key(self, model: str, what: str) -> str:
        return f"{self._device}/{model}/{what}"

    def _read(self) -> dict[str, list[tuple[float, float]]]:
        if self._path is None or not self._path.is_file():
            return {}
        try:
            found = json.loads(self._path.read_text(encoding="utf8"))
            return {
                key: [(float(a), float(s)) for a, s in runs if 0 < a < math.inf and 0 <= s < math.inf]
                for key, runs in found.items()
            }
        except (OSError, ValueError, TypeError, AttributeError):
            log.warning("the file of timings cannot be read and begins anew")
            return {}

    def _write(self) -> None:
        if self._path is None:
            return
        part = self._path.with_name(f"{self._path.name}.{os.getpid()}.part")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(json.dumps(self._runs), encoding="utf8")
            part.replace(self._path)
        except OSError as error:  # a home that cannot be written to: known for this start only
            log.info("timings are not kept: %s", type(error).__name__)


def predict(known: Sequence[tuple[float, float]], amount: float) -> float:
    """Seconds for an amount, from (amount, seconds) of at least one earlier run: a line through the middle of them.

    Theil, A rank-invariant method of linear and polynomial regression analysis, 1950: medians, so that a run which was
    disturbed does not count. Where all runs did about the same, time is taken to grow in proportion.
    """
    slopes = [
        (s2 - s1) / (a2 - a1)
        for i, (a1, s1) in enumerate(known) for a2, s2 in known[i + 1:]
        if max(a1, a2) > APART * min(a1, a2)
    ]
    slope = max(0.0, statistics.median(slopes)) if slopes else statistics.median(s / a for a, s in known)
    return max(0.0, statistics.median(s - slope * a for a, s in known)) + slope * amount
