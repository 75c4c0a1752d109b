"""Scenes composed on the fly: one to three things on a ground, each with a caption that says what is really drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from playground.training.pictures import colours
from playground.training.pictures.data import SIZE, Pack
from playground.training.pictures.things import GROUNDS, OWN_STYLE, PAINTS

VOWELS = tuple("aeiou")
OWN_STYLE_SHARE = 0.72
KINDS = {"one": 0.6, "placed": 0.12, "two": 0.26, "three": 0.02}
ROWS, COLUMNS = ("top", "middle", "bottom"), ("left", "middle", "right")
BIG_FROM, SMALL_TO = 0.80, 0.5  # of the picture's side
REPAINTED, COLOUR_SAID, SYNONYM = 0.3, 0.25, 0.12


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A composed picture. pixels: (SIZE, SIZE, 3) uint8; things: (name, said colour or None, box) each, where a box is
    left, top, right, bottom in pixels; ground: colour names, two for a gradient."""

    pixels: np.ndarray
    caption: str
    things: tuple[tuple[str, str | None, tuple[int, int, int, int]], ...]
    ground: tuple[str, ...]
    style: str


def sample(pack: Pack, rng: np.random.Generator) -> tuple[np.ndarray, str]:
    """One training picture (SIZE, SIZE, 3) uint8 and its caption."""
    scene = compose(pack, rng)
    return scene.pixels, scene.caption


def compose(pack: Pack, rng: np.random.Generator, *, kind: str | None = None, style: str | None = None) -> Scene:
    """A random scene. Without a word about them the ground is white, the style the own one and colours are natural."""
    kind = kind or str(rng.choice(list(KINDS), p=list(KINDS.values())))
    others = [s for s in pack.shown if s != OWN_STYLE]
    if style is None:
        style = OWN_STYLE if rng.random() < OWN_STYLE_SHARE or not others else str(rng.choice(others))
    count = {"one": 1, "placed": 1, "two": 2, "three": 3}[kind]
    rows = choose(pack, rng, style, count)
    ground, canvas = paint_ground(rng)
    places = layout(kind, rng)
    phrases, things = [], []
    for row, place in zip(rows, places, strict=True):
        thing, said = painted(pack.sprites[row], rng, share=REPAINTED / count, ground=ground)
        box = put(canvas, thing, place)
        name = call(pack, pack.names[row], rng)
        phrases.append(phrase(name, size=place.size_word, colour=said, rng=rng))
        things.append((pack.names[row], said, box))
    caption = join(phrases, places, rng) + ground_words(ground, rng)
    if style != OWN_STYLE or rng.random() < 0.4:
        caption += f", {style} style" if rng.random() < 0.8 else f" in {style} style"
    return Scene(pixels=np.asarray(canvas), caption=caption, things=tuple(things), ground=ground, style=style)


def choose(pack: Pack, rng: np.random.Generator, style: str, count: int) -> list[int]:
    """Rows of `count` different things in one style."""
    rows = pack.shown[style]
    weights = pack.weights[rows] / pack.weights[rows].sum()
    while True:
        chosen = [int(row) for row in rng.choice(rows, count, p=weights)]
        if len({pack.names[row] for row in chosen}) == count:
            return chosen


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a thing goes: its middle in 0..1 of the picture, its side likewise, and the words for them ("" for none)."""

    x: float
    y: float
    side: float
    size_word: str = ""
    where: str = ""


def layout(kind: str, rng: np.random.Generator) -> list[Place]:
    """The places of a scene's things, left to right or top to bottom."""
    if kind == "one":
        side = rng.uniform(0.70, 0.85)
        return [Place(x=0.5 + rng.normal() * 0.01, y=0.5 + rng.normal() * 0.01, side=side,
                      size_word="big" if side > BIG_FROM and rng.random() < 0.3 else "")]
    if kind == "placed":
        side = rng.uniform(0.36, 0.54)
        row, column = int(rng.integers(3)), int(rng.integers(3))
        said = " ".join(dict.fromkeys(w for w in (ROWS[row], COLUMNS[column]) if w != "middle"))
        x, y = (side / 2 + 0.04 + (0.92 - side) * (i / 2) for i in (column, row))
        return [Place(x=x, y=y, side=side, size_word="small" if side < SMALL_TO and rng.random() < 0.7 else "",
                      where=f" at the {said}" if said else " in the middle")]
    if kind == "three":
        side = rng.uniform(0.29, 0.32)
        return [Place(x=x, y=0.5 + rng.normal() * 0.02, side=side) for x in (0.18, 0.5, 0.82)]
    side = rng.uniform(0.42, 0.49)
    if rng.random() < 0.85:
        return [Place(x=x, y=0.5 + rng.normal() * 0.03, side=side) for x in (0.26, 0.74)]
    return [Place(x=0.5 + rng.normal() * 0.03, y=y, side=side, where=w) for y, w in ((0.26, " above "), (0.74, ""))]


def painted(
    sprite: np.ndarray, rng: np.random.Generator, *, share: float, ground: tuple[str, ...],
) -> tuple[np.ndarray, str | None]:
    """The sprite, now and then in another colour, and the colour word that the caption gets: the one really drawn."""
    natural = colours.colour_of(sprite)
    if natural is not None and rng.random() < share:
        paint = str(rng.choice([p for p in PAINTS if p not in ground]))
        other = colours.repaint(sprite, paint)
        drawn = colours.colour_of(other)
        if drawn is not None:
            return other, drawn
    return sprite, natural if natural is not None and rng.random() < COLOUR_SAID else None


def put(canvas: Image.Image, sprite: np.ndarray, place: Place) -> tuple[int, int, int, int]:
    """Pastes a sprite; returns its box."""
    side = max(8, round(SIZE * place.side))
    left = int(np.clip(round(SIZE * place.x - side / 2), 0, SIZE - side))
    top = int(np.clip(round(SIZE * place.y - side / 2), 0, SIZE - side))
    thing = Image.fromarray(sprite).convert("RGBa").resize((side, side), Image.Resampling.BOX).convert("RGBA")
    canvas.paste(thing, (left, top), thing)
    return left, top, left + side, top + side


def paint_ground(rng: np.random.Generator) -> tuple[tuple[str, ...], Image.Image]:
    """The ground's colour names, () for an unsaid white one, and a canvas of it."""
    draw = rng.random()
    if draw < 0.36:
        return (("white",) if rng.random() < 0.12 else ()), Image.new("RGB", (SIZE, SIZE), "white")
    some = [str(n) for n in rng.choice(list(GROUNDS), 1 if draw < 0.87 else 2, replace=False)]
    ends = [np.clip(np.array(GROUNDS[n]) + (rng.normal(size=3) * 5 if n != "white" else 0), 0, 255) for n in some]
    down = np.linspace(0, 1, SIZE)[:, None, None]
    pixels = ends[0] * (1 - down) + ends[-1] * down  # (SIZE, 1, 3)
    return tuple(some), Image.fromarray(np.broadcast_to(pixels.round().astype(np.uint8), (SIZE, SIZE, 3)).copy())


def call(pack: Pack, name: str, rng: np.random.Generator) -> str:
    """The thing's name, or now and then another of its names."""
    others = pack.synonyms.get(name, ())
    return str(rng.choice(others)) if others and rng.random() < SYNONYM else name


def article(words: str) -> str:
    """"a" or "an" before the words."""
    return f"{'an' if words.startswith(VOWELS) else 'a'} {words}"


def phrase(name: str, *, size: str, colour: str | None, rng: np.random.Generator) -> str:
    """A thing with its size and colour, as a person might say it."""
    words = " ".join(w for w in (size, colour or "", name) if w)
    return article(words) if rng.random() < 0.6 and not name.endswith("s") else words


def join(phrases: list[str], places: list[Place], rng: np.random.Generator) -> str:
    """The things in one phrase, with their places where these are said."""
    if len(phrases) == 1:
        return phrases[0] + places[0].where
    if places[0].where:
        return phrases[0] + places[0].where + phrases[1]
    if len(phrases) == 2 and rng.random() < 0.15:
        return f"{phrases[0]} on the left and {phrases[1]} on the right"
    return ", ".join(phrases[:-1]) + (" next to " if len(phrases) == 2 and rng.random() < 0.15 else " and ") + phrases[-1]


def ground_words(ground: tuple[str, ...], rng: np.random.Generator) -> str:
    """What the caption says of the ground."""
    if not ground:
        return ""
    if len(ground) == 2:
        return f" on {article(f'{ground[0]} to {ground[1]}')} gradient background"
    return f" on {article(ground[0])} background"


def known_words(pack: Pack) -> list[str]:
    """Every word or name that captions use."""
    frame = "a an on at the in of and next to above small big top left right middle bottom gradient background style"
    return [
        *frame.split(), *GROUNDS, *colours.NAMES, *dict.fromkeys(pack.styles), *pack.things,
        *(other for thing in pack.things for other in pack.synonyms.get(thing, ())),
    ]
