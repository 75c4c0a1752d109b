"""The training pictures: sprites of the emoji pack by thing and style, which scenes are composed of."""

from __future__ import annotations

import csv
import io
import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image

from playground.training.pictures.things import OWN_STYLE, STYLES, THINGS

SIZE = 128
HELD_OUT = 60  # pairs of thing and style that training never shows
PEOPLE = "People & Body"


@dataclass(frozen=True)
class Pack:
    """Sprites: sprites[i] (SIZE, SIZE, 4) uint8 with straight alpha shows the thing names[i] in styles[i].

    synonyms: other names of a thing; weights: how often each sprite is drawn; held_out: (thing, style) pairs that
    `scenes` never shows.
    """

    sprites: np.ndarray
    names: tuple[str, ...]
    styles: tuple[str, ...]
    synonyms: dict[str, tuple[str, ...]]
    weights: np.ndarray
    held_out: frozenset[tuple[str, str]]

    @cached_property
    def things(self) -> tuple[str, ...]:
        """Every thing once, in order."""
        return tuple(dict.fromkeys(self.names))

    @cached_property
    def shown(self) -> dict[str, np.ndarray]:
        """By style, the rows that training may show."""
        pairs = list(zip(self.names, self.styles, strict=True))
        return {
            style: np.array([i for i, pair in enumerate(pairs) if pair[1] == style and pair not in self.held_out], int)
            for style in dict.fromkeys(self.styles)
        }


def load_pack(
    data: Path, *, everything: bool = False, limit: int | None = None, styles: dict[str, str] = STYLES,
    keep_all: bool = False,
) -> Pack:
    """Reads the pack under `data`: the things of THINGS in all styles, and with `everything` every other concept of
    the pack's subset "core" too, under its own name; people, who come in three that look alike, at a third.

    styles: caption words and the pack's names; limit: only so many things; keep_all: holds no pair out and
    passes over what these styles have no picture of. Raises ValueError for what is missing otherwise.
    """
    folder = data / "emoji"
    with open(folder / "index.csv", newline="", encoding="utf8") as file:
        rows = [r for r in csv.DictReader(file) if r["style"] in styles.values() and r["subset"] == "core"]
    known = {picture: thing for thing, (pictures, _) in list(THINGS.items())[:limit] for picture in pictures}
    missing = sorted(set(known) - {r["name"] for r in rows})
    if missing and not keep_all:
        raise ValueError(f"the pack has no picture called {', '.join(missing)}")
    word = {name: caption for caption, name in styles.items()}
    chosen = [r for r in rows if r["name"] in known or everything]
    synonyms = {thing: others for thing, (_, others) in THINGS.items()}
    weights = []
    for row in chosen:
        if row["name"] not in known:
            synonyms.setdefault(row["name"].lower(), tuple(k for k in row["keywords"].lower().split("|")[:4] if k))
        share = len(THINGS[known[row["name"]]][0]) if row["name"] in known else 1
        weights.append(1 / (3 if row["group"] == PEOPLE else share))
    names = tuple(known.get(r["name"], r["name"].lower()) for r in chosen)
    marks = tuple(word[r["style"]] for r in chosen)
    with zipfile.ZipFile(folder / "emoji256.zip") as archive:
        sprites = np.stack([sprite(archive.read(r["file"])) for r in chosen])
    return Pack(
        sprites=sprites, names=names, styles=marks, synonyms=synonyms, weights=np.array(weights),
        held_out=frozenset() if keep_all else held_out(names, marks),
    )


def sprite(file: bytes) -> np.ndarray:
    """A picture file of the pack, cut to the square that holds what is drawn and shrunk; (SIZE, SIZE, 4) uint8."""
    image = Image.open(io.BytesIO(file)).convert("RGBA")
    left, top, right, bottom = image.getchannel("A").point(lambda a: 255 * (a > 8)).getbbox() or (0, 0, *image.size)
    side = max(right - left, bottom - top)
    x, y = (left + right - side) // 2, (top + bottom - side) // 2
    square = image.convert("RGBa").crop((x, y, x + side, y + side))
    return np.asarray(square.resize((SIZE, SIZE), Image.Resampling.LANCZOS, reducing_gap=3).convert("RGBA"))


def held_out(names: tuple[str, ...], styles: tuple[str, ...]) -> frozenset[tuple[str, str]]:
    """HELD_OUT pairs of a thing of THINGS and a style other than the own one, the same at every call."""
    pairs = sorted({(n, s) for n, s in zip(names, styles, strict=True) if n in THINGS and s != OWN_STYLE})
    order = np.random.default_rng(60).permutation(len(pairs))[:min(HELD_OUT, len(pairs) // 4)]
    return frozenset(pairs[i] for i in order)
