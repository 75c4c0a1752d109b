"""The teacher: flite's voices through its C library, with the phones, their times and the pitch that they were made from.

It needs Debian's package libflite1 (or the same libraries elsewhere on the loader's path); flite runs nowhere else.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from ctypes import POINTER, c_char_p, c_float, c_int, c_short, c_void_p
from dataclasses import dataclass
from functools import cache

import numpy as np

RATE = 16_000
TRACK_SECONDS = 0.005  # one frame of flite's own parameters
LANGUAGE = ("libflite.so.1", "libflite_cmulex.so.1", "libflite_usenglish.so.1")


class _Track(ctypes.Structure):
    _fields_ = [
        ("name", c_void_p), ("frames", c_int), ("channels", c_int), ("times", POINTER(c_float)),
        ("values", POINTER(POINTER(c_float))),
    ]


class _Wave(ctypes.Structure):
    _fields_ = [
        ("type", c_char_p), ("rate", c_int), ("count", c_int), ("channels", c_int), ("samples", POINTER(c_short)),
    ]


class _Utterance(ctypes.Structure):
    _fields_ = [("features", c_void_p), ("functions", c_void_p), ("relations", c_void_p)]


SIGNATURES = {
    "flite_init": (c_int,), "flite_synth_text": (c_void_p, c_char_p, c_void_p), "delete_utterance": (None, c_void_p),
    "utt_wave": (POINTER(_Wave), c_void_p), "utt_relation": (c_void_p, c_void_p, c_char_p),
    "relation_head": (c_void_p, c_void_p), "item_next": (c_void_p, c_void_p), "item_as": (c_void_p, c_void_p, c_char_p),
    "item_daughter": (c_void_p, c_void_p), "item_feat_string": (c_char_p, c_void_p, c_char_p),
    "item_feat_float": (c_float, c_void_p, c_char_p), "feat_val": (c_void_p, c_void_p, c_char_p),
    "val_track": (POINTER(_Track), c_void_p), "feat_present": (c_int, c_void_p, c_char_p),
    "new_utterance": (c_void_p,), "utt_set_input_text": (c_int, c_void_p, c_char_p),
    "flite_do_synth": (c_void_p, c_void_p, c_void_p, c_void_p),
}


@dataclass(frozen=True, kw_only=True)
class SpokenWord:
    """A word as flite says it. syllables: (stressed, its phones)."""

    name: str
    syllables: tuple[tuple[bool, tuple[str, ...]], ...]

    @property
    def phones(self) -> tuple[str, ...]:
        """Its phones, each vowel with its stress ("ow1", "ax0")."""
        return tuple(with_stress(phone, stressed) for stressed, phones in self.syllables for phone in phones)


@dataclass(frozen=True, kw_only=True)
class Utterance:
    """What flite said. samples: (N,) int16 at RATE; segments: (phone, its end in seconds), "pau" where it is silent;
    pitch: (T,) Hz, one value each TRACK_SECONDS, 0 where unvoiced."""

    samples: np.ndarray
    segments: tuple[tuple[str, float], ...]
    words: tuple[SpokenWord, ...]
    pitch: np.ndarray


VOWELS = frozenset("aa ae ah ao aw ax ay eh er ey ih iy ow oy uh uw".split())


def with_stress(phone: str, stressed: bool) -> str:
    """A vowel's name with 1 or 0 behind it; consonants bear no stress."""
    return f"{phone}{int(stressed)}" if phone in VOWELS else phone


@cache
def library() -> ctypes.CDLL:
    """flite's C library with its English, loaded once."""
    try:
        main, *_ = [ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL) for name in LANGUAGE]
    except OSError as error:
        raise SystemExit(f"The recipe needs flite: install Debian's package libflite1 ({error}).") from None
    for name, (returns, *takes) in SIGNATURES.items():
        getattr(main, name).restype = returns
        getattr(main, name).argtypes = takes
    main.flite_init()
    return main


class Teacher:
    """One of flite's voices: "slt" (a woman), "rms" (a man) or "awb" (a Scottish man). Not for several threads."""

    def __init__(self, voice: str) -> None:
        self._flite = library()
        own = ctypes.CDLL(f"libflite_cmu_us_{voice}.so.1", mode=ctypes.RTLD_GLOBAL)
        register = getattr(own, f"register_cmu_us_{voice}")
        register.restype, register.argtypes = c_void_p, [c_char_p]
        self._voice = register(None)

    def say(self, text: str) -> Utterance:
        """Speaks a sentence; of letters it knows ASCII alone."""
        flite = self._flite
        handle = flite.flite_synth_text(text.encode("ascii", "replace"), self._voice)
        try:
            wave = flite.utt_wave(handle).contents
            samples = np.ctypeslib.as_array(wave.samples, (wave.count,)).copy() if wave.count else np.zeros(0, np.int16)
            return Utterance(
                samples=samples, segments=tuple(self._segments(handle)), words=tuple(self._words(handle)),
                pitch=self._pitch(handle),
            )
        finally:
            flite.delete_utterance(handle)

    def _items(self, first: int | None) -> Iterator[int]:
        while first:
            yield first
            first = self._flite.item_next(first)

    def _heads(self, handle: int, relation: bytes) -> Iterator[int]:
        return self._items(self._flite.relation_head(self._flite.utt_relation(handle, relation)))

    def _name(self, item: int, feature: bytes = b"name") -> str:
        return self._flite.item_feat_string(item, feature).decode("latin-1")

    def _segments(self, handle: int) -> Iterator[tuple[str, float]]:
        for item in self._heads(handle, b"Segment"):
            yield self._name(item), float(self._flite.item_feat_float(item, b"end"))

    def _words(self, handle: int) -> Iterator[SpokenWord]:
        flite = self._flite
        for word in self._heads(handle, b"Word"):
            parts = self._items(flite.item_daughter(flite.item_as(word, b"SylStructure")))
            yield SpokenWord(name=self._name(word), syllables=tuple(
                (self._name(part, b"stress") == "1", tuple(map(self._name, self._items(flite.item_daughter(part)))))
                for part in parts
            ))

    def _pitch(self, handle: int) -> np.ndarray:
        features = ctypes.cast(handle, POINTER(_Utterance)).contents.features
        if not self._flite.feat_present(features, b"param_track"):
            return np.zeros(0, np.float32)
        track = self._flite.val_track(self._flite.feat_val(features, b"param_track")).contents
        pitch = np.array([track.values[i][0] for i in range(track.frames)], np.float32)
        return np.where(pitch > 20, pitch, 0).astype(np.float32)
