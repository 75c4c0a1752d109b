"""What a run says while it works, and what it gives back: frozen values that know nothing of threads or pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from PIL import Image


class Stopped(Exception):
    """Raised by emit() when nobody listens any more; a model lets it pass through."""


@dataclass(frozen=True, kw_only=True)
class Queued:
    """Waiting for the device. ahead: runs that will start before this one, the running one counted."""

    ahead: int


@dataclass(frozen=True, kw_only=True)
class Loading:
    """The model is being brought into memory. title: the model's name for people."""

    title: str


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of `total` is done. preview: that step's picture, where there is one; seconds_left: an estimate;
    what: what is counted, "" for a model's steps."""

    index: int
    total: int
    preview: Image.Image | None = None
    seconds_left: float | None = None
    what: str = ""


@dataclass(frozen=True, kw_only=True)
class Text:
    """The text so far, without the prompt; tokens: how many were made."""

    text: str
    tokens: int


@dataclass(frozen=True, kw_only=True)
class SpokenWord:
    """When a word is heard. at, to: its characters in the piece's text; start, end: seconds."""

    at: int
    to: int
    start: float
    end: float


@dataclass(frozen=True, kw_only=True)
class Audio:
    """A finished piece of speech. samples: (N,) float32 in -1..1 at sample_rate Hz; index of total, from 0; words: their
    seconds count from the piece's beginning."""

    samples: np.ndarray
    sample_rate: int
    index: int
    total: int
    text: str
    words: tuple[SpokenWord, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Notice:
    """What was done for the visitor without being asked, in one sentence."""

    text: str


@dataclass(frozen=True, kw_only=True)
class TextResult:
    """The text made, without the prompt. timings: seconds by phase; used: what made it faster or smaller, in words."""

    text: str
    tokens: int
    used: tuple[str, ...] = ()
    timings: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ImagesResult:
    """Pictures made. changed_outside: pixels outside the mask that differ from the upload (inpainting only); used: what
    made it faster or smaller, in words."""

    images: tuple[Image.Image, ...]
    changed_outside: int | None = None
    used: tuple[str, ...] = ()
    timings: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class SpokenPiece:
    """A piece of a whole speech, usually a sentence. start, end (the silence behind it included) and its words' times:
    seconds from the beginning of the whole."""

    text: str
    start: float
    end: float
    words: tuple[SpokenWord, ...] = ()


@dataclass(frozen=True, kw_only=True)
class AudioResult:
    """The whole speech. samples: (N,) float32 in -1..1 at sample_rate Hz; exact_words: whether the words' times are the
    model's own, not estimated from their lengths."""

    samples: np.ndarray
    sample_rate: int
    pieces: tuple[SpokenPiece, ...] = ()
    exact_words: bool = False
    timings: Mapping[str, float] = field(default_factory=dict)


Result = TextResult | ImagesResult | AudioResult


@dataclass(frozen=True, kw_only=True)
class Done:
    """The end of a run. timings: seconds by phase (queue, load and what the model reports); peak_memory in bytes."""

    result: Result
    model: str
    seed: int
    timings: Mapping[str, float]
    device: str
    dtype: str
    threads: int
    peak_memory: int

    @property
    def seconds(self) -> float:
        """What the visitor waited for, without the queue."""
        return sum(v for k, v in self.timings.items() if k != "queue")


Event = Queued | Loading | Step | Text | Audio | Notice | Done
Emit = Callable[[Event], None]
