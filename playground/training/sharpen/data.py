"""The training pairs: patches of photos, emoji and clip art, each with the same patch four times smaller."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

UPSCALE = 4
PATCH = 32  # small pixels
CELL = 16  # small pixels between the places that patches are chosen from
SHARES = {"photos": 0.75, "emoji": 0.15, "clipart": 0.10}
DRAWINGS = 500  # of emoji, and of clip art


@dataclass(frozen=True)
class Pack:
    """pictures: (large, small) pairs of (H, W, 3) uint8; spots: (N, 3) picture, top, left; odds: (N,) running sum."""

    pictures: list[tuple[np.ndarray, np.ndarray]]
    spots: np.ndarray
    odds: np.ndarray


def load_pack(data: Path, *, seed: int = 0, limit: int | None = None) -> Pack:
    """Reads the three packs under `data`; `limit` takes only so many pictures of each."""
    rng = np.random.default_rng(seed)
    pictures, spots, odds = [], [], []
    for name, reader in {"photos": photos, "emoji": emoji, "clipart": clipart}.items():
        weights = []
        for large in reader(data / name, rng, limit):
            pair = with_quarter(large)
            top_left, detail = places(pair)
            spots.append(np.column_stack([np.full(len(top_left), len(pictures)), top_left]))
            weights.append(np.sqrt(detail))
            pictures.append(pair)
        weights = np.concatenate(weights)
        odds.append(SHARES[name] * weights / weights.sum())
    return Pack(pictures=pictures, spots=np.concatenate(spots), odds=np.cumsum(np.concatenate(odds)))


def photos(folder: Path, rng: np.random.Generator, limit: int | None) -> Iterator[np.ndarray]:
    """Every photo as it is and at half its size, where details are denser."""
    for path in sorted((folder / "train").glob("*.jpg"))[:limit]:
        image = Image.open(path).convert("RGB")
        yield np.asarray(image)
        yield np.asarray(image.resize((image.width // 2, image.height // 2), Image.Resampling.BICUBIC))


def emoji(folder: Path, rng: np.random.Generator, limit: int | None) -> Iterator[np.ndarray]:
    """Emoji of all styles, on white or on a plain colour."""
    with open(folder / "index.csv", newline="", encoding="utf8") as file:
        names = [row["file"] for row in csv.DictReader(file) if row["subset"] == "core"]
    yield from drawings(folder / "emoji256.zip", names, rng, limit)


def clipart(folder: Path, rng: np.random.Generator, limit: int | None) -> Iterator[np.ndarray]:
    """Drawings, on white or on a plain colour."""
    with zipfile.ZipFile(folder / "clipart256.zip") as archive:
        names = archive.namelist()
    yield from drawings(folder / "clipart256.zip", names, rng, limit)


def drawings(path: Path, names: list[str], rng: np.random.Generator, limit: int | None) -> Iterator[np.ndarray]:
    """Some of the RGBA pictures in the archive, each laid on a ground."""
    count = min(limit or DRAWINGS, len(names))
    with zipfile.ZipFile(path) as archive:
        for index in rng.choice(len(names), count, replace=False):
            drawing = Image.open(io.BytesIO(archive.read(names[index]))).convert("RGBA")
            colour = (255, 255, 255) if rng.random() < 0.5 else tuple(int(c) for c in rng.integers(0, 256, 3))
            ground = Image.new("RGBA", drawing.size, colour)
            yield np.asarray(Image.alpha_composite(ground, drawing).convert("RGB"))


def with_quarter(large: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The picture, cut to a multiple of four, and its bicubic quarter; both (H, W, 3) uint8."""
    import torch

    from playground.networks import bicubic

    height, width = (side // UPSCALE for side in large.shape[:2])
    large = large[: height * UPSCALE, : width * UPSCALE].copy()
    planes = torch.from_numpy(large).permute(2, 0, 1).float()
    small = bicubic.resize(planes, height=height, width=width)
    return large, small.round().clamp(0, 255).byte().permute(1, 2, 0).contiguous().numpy()


def places(pair: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Where patches may begin, (N, 2) in small pixels, and how much detail each holds, (N,) above 0."""
    large, small = pair
    height, width = (side // CELL for side in small.shape[:2])
    across = PATCH // CELL
    if height < across or width < across:
        return np.empty((0, 2), int), np.empty(0)
    grey = large.astype(np.float32).mean(2)
    steps = np.abs(np.diff(grey, axis=0, append=grey[-1:])) + np.abs(np.diff(grey, axis=1, append=grey[:, -1:]))
    side = CELL * UPSCALE
    cells = steps[: height * side, : width * side].reshape(height, side, width, side).mean((1, 3))
    detail = np.lib.stride_tricks.sliding_window_view(cells, (across, across)).mean((2, 3))
    top_left = np.indices(detail.shape).reshape(2, -1).T * CELL
    return top_left, detail.reshape(-1) + 0.2


def batch(pack: Pack, rng: np.random.Generator, count: int):
    """Random patches, turned and mirrored, large (B, 3, 128, 128) and small (B, 3, 32, 32); float32 0..1."""
    import torch

    large = np.empty((count, PATCH * UPSCALE, PATCH * UPSCALE, 3), np.uint8)
    small = np.empty((count, PATCH, PATCH, 3), np.uint8)
    chosen = np.searchsorted(pack.odds, rng.random(count) * pack.odds[-1], side="right")
    for i, (number, *corner) in enumerate(pack.spots[chosen]):
        pair = pack.pictures[number]
        top, left = (
            min(start + int(rng.integers(CELL)), side - PATCH)
            for start, side in zip(corner, pair[1].shape, strict=False)
        )
        turns, mirror = int(rng.integers(4)), 1 - 2 * int(rng.integers(2))
        for target, picture, scale in ((large, pair[0], UPSCALE), (small, pair[1], 1)):
            patch = picture[top * scale : (top + PATCH) * scale, left * scale : (left + PATCH) * scale]
            target[i] = np.rot90(patch[:, ::mirror], turns)
    return tuple(torch.from_numpy(a).permute(0, 3, 1, 2).float().div_(255) for a in (large, small))
