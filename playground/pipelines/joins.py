"""Makes pieces of speech fit together: the same loudness, no clicks, even silence; numpy alone, nothing of models."""

from __future__ import annotations

import re

import numpy as np

from playground.events import SpokenWord

LOUDEST = 0.97  # of the full scale; no sample goes above
TARGET = 0.1  # RMS of the voiced part, about -20 dB under the full scale
GAIN = (0.1, 4.0)  # a piece is never made softer or louder than by this
FADE = 0.005  # seconds
KEPT = 0.05  # seconds of its own silence that a piece keeps at each end
FRAME = 0.01  # seconds of a frame in which loudness is measured
AUDIBLE = 0.006  # of the loudest frame's RMS: what is sound at all
VOICED = 0.06  # of the RMS that a frame in twenty exceeds: what counts for loudness
DIGIT = 4  # letters that a digit takes to say


def frame_levels(samples: np.ndarray, rate: int) -> np.ndarray:
    """The RMS of each FRAME; (ceil(N / frame),)."""
    width = max(int(rate * FRAME), 1)
    padded = np.pad(samples, (0, -len(samples) % width)).reshape(-1, width)
    return np.sqrt(np.mean(np.square(padded, dtype=np.float64), axis=1))


def sounding(samples: np.ndarray, rate: int) -> tuple[int, int]:
    """The first sample and the one behind the last that can be heard; (0, 0) where nothing can."""
    levels = frame_levels(samples, rate)
    heard = np.flatnonzero(levels > max(AUDIBLE * levels.max(initial=0.0), 1e-5))
    if not len(heard):
        return 0, 0
    width = max(int(rate * FRAME), 1)
    return int(heard[0]) * width, min(int(heard[-1] + 1) * width, len(samples))


def trimmed(samples: np.ndarray, rate: int) -> tuple[np.ndarray, int]:
    """The samples with at most KEPT seconds of silence at each end, and how many went at the beginning."""
    first, last = sounding(samples, rate)
    kept = int(rate * KEPT)
    start = max(first - kept, 0)
    return samples[start:last + kept], start


def loudness(samples: np.ndarray, rate: int) -> float:
    """The RMS over the voiced frames; 0 for silence."""
    levels = frame_levels(samples, rate)
    voiced = levels[levels > VOICED * np.percentile(levels, 95)] if len(levels) else levels
    return float(np.sqrt(np.mean(np.square(voiced)))) if len(voiced) else 0.0


def evened(samples: np.ndarray, rate: int) -> np.ndarray:
    """The samples brought towards TARGET, never above LOUDEST."""
    level = loudness(samples, rate)
    gain = float(np.clip(TARGET / level, *GAIN)) if level else 1.0
    peak = float(np.abs(samples).max(initial=0.0))
    return samples * np.float32(min(gain, LOUDEST / peak) if peak else gain)


def faded(samples: np.ndarray, rate: int) -> np.ndarray:
    """The samples rising from and falling to zero along a raised cosine of FADE seconds."""
    count = min(int(rate * FADE), len(samples) // 2)
    ramp = (0.5 - 0.5 * np.cos(np.pi * np.arange(count) / max(count, 1))).astype(np.float32)
    made = samples.copy()
    made[:count] *= ramp
    made[len(made) - count:] *= ramp[::-1]
    return made


def estimated_words(text: str, start: float, end: float) -> tuple[SpokenWord, ...]:
    """When the words between white space would be heard from start to end if each letter took as long as the others."""
    words = [m for m in re.finditer(r"\S+", text) if any(c.isalnum() for c in m.group())]
    letters = [sum(DIGIT if c.isdigit() else c.isalnum() for c in m.group()) for m in words]
    ends = start + (end - start) * np.cumsum(letters) / max(sum(letters), 1)
    begins = [start, *ends[:-1]]
    return tuple(
        SpokenWord(at=m.start(), to=m.end(), start=float(begun), end=float(done))
        for m, begun, done in zip(words, begins, ends, strict=True)
    )


def resampled(samples: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """The samples at another rate, band-limited by the Fourier transform; (N * wanted / rate,) float32."""
    if rate == wanted or not len(samples):
        return np.asarray(samples, np.float32)
    count = max(round(len(samples) * wanted / rate), 1)
    spectrum = np.fft.rfft(samples)[:count // 2 + 1]
    return (np.fft.irfft(spectrum, count) * (count / len(samples))).astype(np.float32)
