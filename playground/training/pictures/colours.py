"""Colours by name: which one a pixel has, which one a thing has, and a thing repainted in another."""

from __future__ import annotations

import numpy as np

from playground.training.pictures.things import PAINTS

NAMES = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "grey", "white")
LEAST_SHARE = 0.4  # of a thing's pixels, for its colour to be named
NEAR = 0.11  # turns of hue that count as one colour when a thing is repainted


def hsv(rgb: np.ndarray) -> np.ndarray:
    """(..., 3) of 0..255 as hue in turns, saturation and brightness, float32 of 0..1."""
    rgb = rgb.astype(np.float32) / 255
    high, low = rgb.max(-1), rgb.min(-1)
    spread = high - low
    safe = np.where(spread > 0, spread, 1)
    r, g, b = (rgb[..., i] for i in range(3))
    hue = np.where(high == r, (g - b) / safe, np.where(high == g, 2 + (b - r) / safe, 4 + (r - g) / safe))
    hue = np.where(spread > 0, hue / 6 % 1, 0)
    return np.stack([hue, spread / np.maximum(high, 1e-6), high], -1)


def rgb(values: np.ndarray) -> np.ndarray:
    """The inverse of `hsv`: (..., 3) uint8."""
    hue, saturation, value = (values[..., i] for i in range(3))
    k = (np.array([5, 3, 1], np.float32) + hue[..., None] * 6) % 6
    out = value[..., None] * (1 - saturation[..., None] * np.clip(np.minimum(k, 4 - k), 0, 1))
    return (out * 255).round().clip(0, 255).astype(np.uint8)


def names_of(pixels: np.ndarray) -> np.ndarray:
    """The index in NAMES of each pixel's colour; (..., 3) uint8 -> (...) int."""
    hue, saturation, value = np.moveaxis(hsv(pixels), -1, 0)
    degrees = hue * 360
    index = np.select(
        [degrees < 14, degrees < 42, degrees < 68, degrees < 172, degrees < 252, degrees < 292, degrees < 345],
        [NAMES.index(n) for n in ("red", "orange", "yellow", "green", "blue", "purple", "pink")], NAMES.index("red"),
    )
    reddish = (degrees < 14) | (degrees >= 345)
    index = np.where(reddish & (saturation < 0.55) & (value > 0.75), NAMES.index("pink"), index)
    brown = (degrees < 50) & (value < 0.68) & (saturation > 0.25) & ~((degrees < 10) & (saturation > 0.7))
    index = np.where(brown, NAMES.index("brown"), index)
    grey = (saturation < 0.16) | ((saturation < 0.28) & (value < 0.45))
    index = np.where(grey, NAMES.index("grey"), index)
    index = np.where(grey & (value > 0.86), NAMES.index("white"), index)
    return np.where(value < 0.22, NAMES.index("black"), index)


def main_colour(pixels: np.ndarray, weights: np.ndarray | None = None) -> tuple[str, float]:
    """The commonest colour of pixels (N, 3) and its share of their weights (N,)."""
    counts = np.bincount(names_of(pixels), weights, minlength=len(NAMES))
    best = int(counts.argmax())
    return NAMES[best], float(counts[best] / max(counts.sum(), 1e-6))


def colour_of(thing: np.ndarray) -> str | None:
    """The name of a thing's colour, (H, W, 4) uint8 with alpha; None where it has no colour that most of it shows."""
    name, share = main_colour(thing[..., :3].reshape(-1, 3), thing[..., 3].reshape(-1) / 255)
    return name if share >= LEAST_SHARE else None


def repaint(thing: np.ndarray, paint: str) -> np.ndarray:
    """The thing (H, W, 4) with its main colour shifted to PAINTS[paint]; other hues (leaves, eyes) stay."""
    target, saturated, bright = PAINTS[paint]
    values = hsv(thing[..., :3])
    hue, saturation, value = np.moveaxis(values, -1, 0)
    weight = saturation * value * (thing[..., 3] / 255)
    if (weight > 0.12).mean() < 0.08:  # white, grey or black: tinted as a whole
        tint = rgb(np.array([target, saturated, bright], np.float32)) / 255
        out = thing[..., :3] * (tint * 0.85 + 0.15)
        return np.concatenate([out.round().astype(np.uint8), thing[..., 3:]], -1)
    turns = np.bincount((hue.reshape(-1) * 36).astype(int) % 36, weight.reshape(-1), minlength=36)
    smooth = turns + np.roll(turns, 1) + np.roll(turns, -1)
    own = (int(smooth.argmax()) + 0.5) / 36
    away = np.abs((hue - own + 0.5) % 1 - 0.5)
    part = np.clip((NEAR + 0.04 - away) / 0.04, 0, 1) * np.clip(saturation / 0.15, 0, 1)  # (H, W) of 0..1
    mine = part * weight
    typical = [float((c * mine).sum() / max(mine.sum(), 1e-6)) for c in (saturation, value)]
    shifted = np.stack([
        (hue - own + target) % 1, np.clip(saturation * max(saturated / max(typical[0], 0.05), 0.6), 0, 1),
        np.clip(value * np.clip(bright / max(typical[1], 0.05), 0.7, 1.6), 0, 1),
    ], -1)
    out = thing[..., :3] * (1 - part[..., None]) + rgb(shifted) * part[..., None]
    return np.concatenate([out.round().clip(0, 255).astype(np.uint8), thing[..., 3:]], -1)
