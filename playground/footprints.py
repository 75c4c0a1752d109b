"""What models really take in memory on this machine: weights once loaded, and peaks of runs; kept between starts."""

from __future__ import annotations

import json
import logging
import os
import statistics
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playground.catalog.card import ModelCard

log = logging.getLogger(__name__)
REMEMBERED = 24  # runs of each kind
MOST = 10**13  # bytes that no computer gives to a model
BEYOND = 64  # times what its card says: no model takes so much
STATED = 1_000_000  # bytes; cards of models whose size is not known say so much


@dataclass(frozen=True, kw_only=True)
class Footprint:
    """What was measured, in bytes. weights: of the loaded model; peak: that a usual run took on the device, its part of
    the weights there included, or 0 where no run was measured."""

    weights: int
    peak: int = 0


class Footprints:
    """Measured footprints by (model, dtype, placement). path: the file, or None to keep them in memory only; commit: says
    which of its repository's commits a model of the hub is here in, since another one has other files."""

    def __init__(self, path: Path | None = None, *, commit: Callable[[ModelCard], str] = lambda card: card.commit) -> None:
        self._path = path
        self._commit = commit
        self._lock = threading.Lock()
        self._known: dict[str, tuple[int, list[int]]] = self._read()

    def of(self, card: ModelCard, dtype: str, placement: str) -> Footprint | None:
        """What is known of a model; None where it was never loaded so, or where what the file says cannot be."""
        key = self._key(card, dtype, placement)
        with self._lock:
            weights, peaks = self._known.get(key, (0, []))
            if not weights or card.memory > STATED and weights > BEYOND * card.memory:
                return None
            # The middle one: a single very large picture must not keep its model off the GPU for ever.
            return Footprint(weights=weights, peak=int(statistics.median(peaks)) if peaks else 0)

    def loaded(self, card: ModelCard, dtype: str, placement: str, *, weights: int) -> None:
        """A model was loaded, and its weights take so many bytes."""
        key = self._key(card, dtype, placement)
        with self._lock:
            before, peaks = self._known.get(key, (0, []))
            self._known[key] = (int(weights), peaks)
            if before != weights:
                self._write()

    def ran(self, card: ModelCard, dtype: str, placement: str, *, peak: int) -> None:
        """A run of a loaded model took so many bytes on the device at most, its weights there included."""
        key = self._key(card, dtype, placement)
        with self._lock:
            if (known := self._known.get(key)) is not None:
                known[1].append(int(peak))
                del known[1][:-REMEMBERED]
                self._write()

    def _key(self, card: ModelCard, dtype: str, placement: str) -> str:
        """One text for the file. A folder has no commit; one that was replaced has other bytes as a rule."""
        files = self._commit(card) or f"{card.memory}x{card.bits}"
        return f"{card.id}@{files}/{dtype}/{placement}"

    def _read(self) -> dict[str, tuple[int, list[int]]]:
        if self._path is None or not self._path.is_file():
            return {}
        try:
            found = json.loads(self._path.read_text(encoding="utf8"))
            entries = found.items()
        except (OSError, ValueError, AttributeError, RecursionError):
            log.warning("the file of footprints cannot be read and begins anew")
            return {}
        made = {}
        for key, one in entries:
            try:
                made[key] = whole(one["weights"]), [whole(peak) for peak in one["peaks"]][-REMEMBERED:]
            except (ValueError, TypeError, KeyError):
                log.info("an entry of the footprints cannot be and is left out")
        return made

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


def whole(value: Any) -> int:
    """A number of bytes that a file may hold; ValueError for anything else."""
    if type(value) is not int or not 0 <= value <= MOST:
        raise ValueError("no number of bytes")
    return value
