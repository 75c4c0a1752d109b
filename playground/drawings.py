"""Pictures drawn by rule for the examples to start from: flat scenes as a child would paint them, and two like photographs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from PIL import Image, ImageDraw

FINER = 4  # drawn this much larger than it is kept, so that edges are smooth

SKY, MEADOW, NEAR_MEADOW = (178, 220, 250), (120, 196, 120), (96, 180, 110)
BALLS = (  # centre, radius, colour; the ground is the plane y = 0
    ((-1.15, 0.6, 0.2), 0.6, (222, 62, 62)), ((0.15, 0.75, 1.0), 0.75, (84, 144, 236)),
    ((1.15, 0.45, -0.2), 0.45, (252, 200, 70)), ((-0.25, 0.3, -0.9), 0.3, (96, 190, 110)),
)
EYE, LOOKS_DOWN, FOCUS = np.array([0, 1.35, -3.6]), 0.22, 1.1
LIGHT = np.array([-0.5, 0.75, -0.45]) / np.linalg.norm([-0.5, 0.75, -0.45])
HAZE, ZENITH = np.array([250, 240, 225.0]), np.array([150, 190, 235.0])


def all_drawings() -> Mapping[str, Callable[[], Image.Image]]:
    """How to draw each of them, by the name of its file."""
    return {
        "drawn-house.webp": lambda: house(128), "drawn-hills.webp": lambda: hills(256), "drawn-frame.webp": lambda: frame(256),
        "small-house.webp": lambda: house(48), "small-lake.webp": lambda: lake((128, 96)),
        "small-balls.webp": lambda: balls((96, 72)),
    }


def canvas(side: int, colour: tuple[int, int, int]) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """A square picture to draw on, FINER times as large."""
    picture = Image.new("RGB", (side * FINER, side * FINER), colour)
    return picture, ImageDraw.Draw(picture)


def reduced(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The picture at a smaller size."""
    return picture.resize(size, Image.Resampling.LANCZOS)


def house(side: int) -> Image.Image:
    """A house on a meadow."""
    picture, draw = canvas(side, SKY)
    unit = picture.width / 64
    for box, colour in (
        ((0, 50, 64, 64), NEAR_MEADOW), ((17.5, 27.5, 47.5, 54), (250, 225, 180)), ((22.5, 39, 30, 54), (120, 75, 45)),
        ((36, 35, 44, 43), (84, 144, 236)),
    ):
        draw.rectangle(tuple(unit * side for side in box), fill=colour)
    draw.polygon([(unit * x, unit * y) for x, y in ((12.5, 29), (32.5, 10), (52.5, 29))], fill=(222, 62, 62))
    return reduced(picture, (side, side))


def hills(side: int) -> Image.Image:
    """Two green hills under an empty sky."""
    picture, draw = canvas(side, SKY)
    whole = picture.width
    draw.ellipse((-0.5 * whole, 0.62 * whole, 0.9 * whole, 1.6 * whole), fill=MEADOW)
    draw.ellipse((0.2 * whole, 0.7 * whole, 1.7 * whole, 1.7 * whole), fill=NEAR_MEADOW)
    return reduced(picture, (side, side))


def frame(side: int) -> Image.Image:
    """An empty picture frame on the wall of a room."""
    picture, draw = canvas(side, (238, 220, 196))
    for box, colour in (
        ((0, 0.87, 1, 1), (176, 128, 88)), ((0, 0.84, 1, 0.87), (250, 244, 234)), ((0.23, 0.13, 0.77, 0.67), (140, 92, 58)),
        ((0.27, 0.17, 0.73, 0.63), (250, 250, 248)),
    ):
        draw.rectangle(tuple(picture.width * part for part in box), fill=colour)
    return reduced(picture, (side, side))


def lake(size: tuple[int, int]) -> Image.Image:
    """A lake at sunset: sky, three mountain ridges in the haze, pines on the shore, and all of it in the water."""
    choose = np.random.default_rng(4)
    width, height = (side * FINER for side in size)
    x, y = np.linspace(0, 1, width), np.linspace(0, 1, height)[:, None]
    shore = int(0.6 * height)
    low = np.clip(y / 0.6, 0, 1)[..., None]
    picture = (1 - low) * (60, 80, 150) + low * (250, 190, 140) + np.zeros((height, width, 3))
    away = ((x - 0.68) * width / height) ** 2 + (y - 0.4) ** 2  # from the sun's middle
    glow = np.exp(-away / 0.012)[..., None]
    picture = np.where(away[..., None] < 0.0016, (255, 246, 220), picture + ((255, 240, 200) - picture) * glow)
    for depth in range(4):
        waves = (0.08 * 0.62**k * np.sin(2 * np.pi * (1.3 * 2 ** (0.8 * k) * x + choose.random())) for k in range(1, 9))
        line = 0.44 + 0.045 * depth + sum(waves)
        if depth == 3:
            line = with_pines(line, x, choose)
        nearer = (depth / 3) ** 0.8
        picture[y >= line] = (1 - nearer) * np.array([170, 140, 170]) + nearer * np.array([24, 34, 52])
    mirrored = picture[shore - 1::-1][:height - shore]
    for row, colours in enumerate(mirrored):
        ripple = (1.5 + row / 18) * np.sin(1.1 * row + 3 * np.sin(0.13 * row))
        picture[shore + row] = np.roll(colours, int(ripple), axis=0) * (0.82 - 0.25 * row / len(mirrored)) + (6, 10, 18)
    return reduced(Image.fromarray(picture.clip(0, 255).astype(np.uint8)), size)


def with_pines(line: np.ndarray, x: np.ndarray, choose: np.random.Generator) -> np.ndarray:
    """The outline of a shore with pines on it. line: (W,) heights from the top; x: (W,) places, both as shares."""
    ground = line
    for middle in choose.random(60):
        tall = 0.05 + 0.06 * choose.random()
        beside = np.abs(x - middle) / (0.16 * tall)
        top = np.interp(middle, x, ground) - tall
        line = np.where(beside < 1, np.minimum(line, top + beside * tall + 0.012 * (4 * beside % 1)), line)
    return line


def balls(size: tuple[int, int]) -> Image.Image:
    """Four glossy balls on a chequered floor, by ray tracing with shadows and one reflection."""
    width, height = (side * FINER for side in size)
    x, y = np.meshgrid((np.arange(width) - width / 2) / height, (height / 2 - np.arange(height)) / height)
    rays = np.stack([x, y - LOOKS_DOWN, np.full_like(x, FOCUS)], axis=-1).reshape(-1, 3)
    rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
    seen = traced(np.broadcast_to(EYE, rays.shape), rays, reflections=1).reshape(height, width, 3)
    return reduced(Image.fromarray(seen.clip(0, 255).astype(np.uint8)), size)


def hits(start: np.ndarray, rays: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far each ray goes, and what it meets: the index of a ball, len(BALLS) for the floor, -1 for the sky.

    start, rays: (N, 3), rays of length 1.
    """
    falls = np.minimum(rays[:, 1], -1e-6)
    distance = np.where(rays[:, 1] < -1e-6, -start[:, 1] / falls, np.inf)
    what = np.where(np.isfinite(distance), len(BALLS), -1)
    for index, (middle, radius, _) in enumerate(BALLS):
        to = start - np.array(middle)
        along = (to * rays).sum(-1)
        inside = along**2 - ((to * to).sum(-1) - radius**2)
        reached = -along - np.sqrt(np.maximum(inside, 0))
        nearer = (inside > 0) & (reached > 1e-3) & (reached < distance)
        distance, what = np.where(nearer, reached, distance), np.where(nearer, index, what)
    return distance, what


def traced(start: np.ndarray, rays: np.ndarray, *, reflections: int) -> np.ndarray:
    """The colours that rays see; (N, 3) in 0..255."""
    distance, what = hits(start, rays)
    colours = ZENITH + (HAZE - ZENITH) * np.exp(-4 * np.abs(rays[:, 1:2]))
    for index in range(len(BALLS) + 1):
        met = what == index
        if not met.any():
            continue
        ray, place = rays[met], (start + np.where(what >= 0, distance, 0)[:, None] * rays)[met]
        if index < len(BALLS):
            middle, radius, paint = BALLS[index]
            normal, own = (place - np.array(middle)) / radius, np.broadcast_to(paint, place.shape)
        else:
            normal, own = np.broadcast_to((0.0, 1.0, 0.0), place.shape), floor(place)
        off = place + 1e-3 * normal
        shadow = hits(off, np.broadcast_to(LIGHT, place.shape))[1] >= 0
        lit = np.maximum((normal * LIGHT).sum(-1), 0) * np.where(shadow, 0.25, 1)
        colour = own * (0.38 + 0.72 * lit[:, None])
        if index < len(BALLS):
            mirrored = ray - 2 * (ray * normal).sum(-1, keepdims=True) * normal
            if reflections:
                share = 0.06 + 0.5 * (1 - np.abs((ray * normal).sum(-1, keepdims=True))) ** 3
                colour = (1 - share) * colour + share * traced(off, mirrored, reflections=reflections - 1)
            glint = np.maximum((mirrored * LIGHT).sum(-1), 0) ** 60
            colour = colour + 255 * (glint * ~shadow)[:, None]
        colours[met] = colour
    return colours


def floor(place: np.ndarray) -> np.ndarray:
    """The floor's colours, chequered and paler far away; place: (N, 3)."""
    light = np.floor(1.6 * place[:, :1]) + np.floor(1.6 * place[:, 2:])
    squares = np.where(light % 2 == 1, (238, 230, 215), (120, 100, 92))
    near = np.exp(-np.maximum(np.linalg.norm(place, axis=-1, keepdims=True) - 6, 0) / 6)
    return near * squares + (1 - near) * np.array([225, 220, 215])
