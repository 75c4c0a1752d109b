"""What models really take in memory on this machine: weights once loaded, and peaks of runs; kept between starts."""

from __future__ import annotations

import json
import logging
import os
import statistics
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)
REMEMBERED = 24  # runs of each kind


@dataclass(frozen=True, kw_only=True)
class Footprint:
    """What was measured, in bytes. weights: of the loaded model; peak: that a usual run took on the device, its part of
    the weights there included, or 0 where no run was measured."""

    weights: int
    peak: int = 0


class Footprints:
    """Measured footprints by (model id, dtype, placement). path: the file, or None to keep them in memory only."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._known: dict[str, tuple[int, list[int]]] = self._read()

    def of(self, model: str, dtype: str, placement: str) -> Footprint | None:
        """What is known of a model; None where it was never loaded so."""
        with self._lock:
            weights, peaks = self._known.get(key_of(model, dtype, placement), (0, []))
            if not weights:
                return None
            # The middle one: a single very large picture must not keep its model off the GPU for ever.
            return Footprint(weights=weights, peak=int(statistics.median(peaks)) if peaks else 0)

    def loaded(self, model: str, dtype: str, placement: str, *, weights: int) -> None:
        """A model was loaded, and its weights take so many bytes."""
        with self._lock:
            key = key_of(model, dtype, placement)
            before, peaks = self._known.get(key, (0, []))
            self._known[key] = (int(weights), peaks)
            if before != weights:
                self._write()

    def ran(self, model: str, dtype: str, placement: str, *, peak: int) -> None:
        """A run of a loaded model took so many bytes on the device at most, its weights there included."""
        with self._lock:
            if (known := self._known.get(key_of(model, dtype, placement))) is not None:
                known[1].append(int(peak))
                del known[1][:-REMEMBERED]
                self._write()

    def _read(self) -> dict[str, tuple[int, list[int]]]:
        if self._path is None or not self._path.is_file():
            return {}
        try:
            found = json.loads(self._path.read_text(encoding="utf8"))
            return {key: (whole(one["weights"]), [whole(p) for p in one["peaks"]]) for key, one in found.items()}
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            log.warning("the file of footprints cannot be read and begins anew")
            return {}

    def _write(self) -> None:
        if self._path is None:
            return
        part = self._path.with_name(f"{self._path.name}.{os.getpid()}.part")
        kept = {key: {"weights": weights, "peaks": peaks} for key, (weights, peaks) in self._known.items()}
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(json.dumps(kept), encoding="utf8")
            part.replace(self._path)
        except OSError as error:  # a home that cannot be written to: known for this start only
            log.info("footprints are not kept: %s", type(error).__name__)


def key_of(model: str, dtype: str, placement: str) -> str:
    """One text for the file."""
    return f"{model}/{dtype}/{placement}"


def whole(value: Any) -> int:
    """A number of bytes that a file may hold; ValueError for anything else."""
    if type(value) is not int or value < 0:
        raise ValueError("no number of bytes")
    return value
