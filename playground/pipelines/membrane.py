"""Removes the seam around a repainted part: the difference in shade along its edge, spread smoothly into it; no torch.

After "Poisson Image Editing" (Perez, Gangnet, Blake, 2003): what is added is the smooth membrane that hangs on the edge.
It is found on a pyramid: averaged down to one cell, filled in and smoothed on the way back. Pixels are 0..255.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageChops, ImageFilter

GRID = 512  # pixels of the longest side at which pictures are compared: shades are smooth, and larger ones take long
RING = 3  # pixels of that around the mask that are compared
MOST = 40  # a larger difference is another thing there, not another shade: counts less and less, not at all from twice it
SPREAD = 20  # the same for how far a difference is from the ring's median: a thing that crosses the edge tints nothing
DOUBT = 0.1  # the weight of another thing, which says that nothing be changed near it
SMOOTHING = 2  # rounds on each level


def agreeing(answer: Image.Image, upload: Image.Image, mask: Image.Image) -> Image.Image:
    """The model's picture in the shades that the upload has around the mask.

    answer: RGB, of any size; upload: RGB or RGBA, and mask: L of its size, not 0 where it is repainted; both what the
    answer shows. What is transparent has no say. Where nothing around the mask can be compared, the answer comes back.
    """
    scale = max(1, max(answer.size) / GRID)
    size = tuple(max(1, round(side / scale)) for side in answer.size)
    inside = np.asarray(mask.convert("F").resize(size, Image.Resampling.BOX)) > 0  # (H, W)
    near = np.asarray(Image.fromarray(inside).convert("L").filter(ImageFilter.BoxBlur(RING))) > 0
    known = np.asarray(upload.convert("RGBA").resize(size, Image.Resampling.BOX), dtype=np.float32)
    difference = known[..., :3] - np.asarray(answer.resize(size, Image.Resampling.BOX))  # (H, W, 3)
    ring = (near & ~inside) * (known[..., 3] / 255)  # (H, W) of 0..1
    if not ring.any():
        return answer
    trust = agreement(difference, ring)
    weight = np.maximum(trust, DOUBT * ring)
    amount = np.abs(difference).max(axis=-1)
    wanted = trust / np.maximum(weight, 1e-6) * MOST / np.maximum(amount, MOST)  # one factor for all three keeps the hue
    difference *= wanted[..., None]
    offset = membrane(*halved(difference, weight))
    shades = Image.fromarray((offset + 128).round().astype(np.uint8))
    covered = (0, 0, size[0] / 2, size[1] / 2)  # of an odd side, half of the last cell lies beyond the picture
    return ImageChops.add(answer, shades.resize(answer.size, Image.Resampling.BILINEAR, box=covered), offset=-128)


def filled(picture: Image.Image, mask: Image.Image) -> Image.Image:
    """An RGB picture whose masked part, (mode L, not 0), is a smooth surface through what surrounds it: shades and no
    things. Where everything is masked it comes back as it is."""
    scale = max(1, max(picture.size) / GRID)
    size = tuple(max(1, round(side / scale)) for side in picture.size)
    trust = 1 - (np.asarray(mask.convert("F").resize(size, Image.Resampling.BOX)) > 0).astype(np.float32)  # (H, W)
    if not trust.any():
        return picture
    surface = membrane(np.asarray(picture.resize(size, Image.Resampling.BOX), dtype=np.float32), trust)
    shades = Image.fromarray(surface.round().clip(0, 255).astype(np.uint8)).resize(picture.size, Image.Resampling.BILINEAR)
    return Image.composite(shades, picture, mask.point(lambda v: 255 if v else 0))


def mean_shade(picture: Image.Image, mask: Image.Image) -> tuple[float, ...]:
    """The mean red, green and blue, 0..255, of an RGB picture's masked part."""
    return tuple(np.asarray(picture, dtype=np.float32)[np.asarray(mask) > 0].mean(axis=0).tolist())


def agreement(difference: np.ndarray, ring: np.ndarray) -> np.ndarray:
    """How far the ring's differences, (H, W, 3), are those of a shade and not of another thing: (H, W) of 0..1."""
    trust = ring * (2 - np.abs(difference).max(axis=-1) / MOST).clip(0, 1)
    if trust.any():
        middle = np.median(difference[trust > 0], axis=0)
        trust = trust * (2 - np.abs(difference - middle).max(axis=-1) / SPREAD).clip(0, 1)
    return trust


def membrane(values: np.ndarray, trust: np.ndarray) -> np.ndarray:
    """values, (H, W, 3), where their trust, (H, W), is 1, and the smooth surface through them where it is 0."""
    if trust.shape == (1, 1):
        return values
    guess = enlarged(membrane(*halved(values, trust)), trust.shape)
    fixed, free = values * trust[..., None], 1 - trust[..., None]
    surface = fixed + guess * free
    for _ in range(SMOOTHING):
        padded = np.pad(surface, ((1, 1), (1, 1), (0, 0)), mode="edge")
        around = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]
        surface = fixed + around * (free / 4)
    return surface


def halved(values: np.ndarray, trust: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """values and their trust on a grid of half the size, rounded up: the mean of 2x2 by trust, and its sum, at most 1."""
    height, width = (side + side % 2 for side in trust.shape)
    odd = ((0, height - trust.shape[0]), (0, width - trust.shape[1]))
    weight = np.pad(trust, odd).reshape(height // 2, 2, width // 2, 2)
    parts = np.pad(values, (*odd, (0, 0))).reshape(height // 2, 2, width // 2, 2, 3)
    total = weight.sum(axis=(1, 3))
    mean = (parts * weight[..., None]).sum(axis=(1, 3)) / np.maximum(total, 1e-6)[..., None]
    return mean, total.clip(0, 1)


def enlarged(values: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """values on a grid of twice the size, cut to `shape`."""
    size = (2 * values.shape[1], 2 * values.shape[0])
    bands = [
        np.asarray(Image.fromarray(band).resize(size, Image.Resampling.BILINEAR)) for band in np.moveaxis(values, -1, 0)
    ]
    return np.stack(bands, axis=-1)[: shape[0], : shape[1]]
