"""Super-resolution by a diffusion model, which invents what a picture lacks: tiles that overlap, share their noise and blend."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from playground.catalog import ModelCard
from playground.device import Device
from playground.errors import Unexpected
from playground.events import Emit, Step
from playground.pipelines import where
from playground.pipelines.upscale import UpscaleModel, mirrored
from playground.wording import say

PIPELINE = "StableDiffusionUpscalePipeline"
LARGEST_TILE = 256  # pixels a side; memory grows with the fourth power of it
OVERLAP = 32  # pixels in which two tiles blend into each other
MULTIPLE = 8  # of sides, which its network halves three times
STEPS = 25
ARGUMENTS = {"guidance_scale": 1.0, "noise_level": 20}  # without words there is nothing that guidance could push towards


def imports() -> None:
    """Imports the library and silences it."""
    import diffusers

    diffusers.utils.logging.set_verbosity_error()
    diffusers.utils.logging.disable_progress_bar()
    getattr(diffusers, PIPELINE)


def load(card: ModelCard, device: Device) -> DiffusionUpscaleModel:
    """The card's pipeline on the device."""
    imports()
    import diffusers
    import torch

    pipe = getattr(diffusers, PIPELINE).from_pretrained(card.origin, dtype=getattr(torch, device.dtype), **where(card))
    pipe.set_progress_bar_config(disable=True)
    pipe.to(device.name)
    return DiffusionUpscaleModel(
        card=card, network=torch.nn.ModuleDict({n: c for n, c in pipe.components.items() if isinstance(c, torch.nn.Module)}),
        enlarge=pipe, factor=pipe.vae_scale_factor, device=device.name, overlap=OVERLAP, dtype=device.dtype,
    )


@dataclass(kw_only=True)
class DiffusionUpscaleModel(UpscaleModel):
    """A loaded pipeline in `enlarge`; factor: how many times as large it draws."""

    def enlarged(self, colours: np.ndarray, scale: int, *, tile: int, emit: Emit, seed: int) -> np.ndarray:
        """(H, W, 3) uint8 to (scale * H, scale * W, 3) uint8, tile by tile; a tile of 0 is as large as it may be."""
        import torch

        height, width = colours.shape[:2]
        places = list(tiles(height, width, tile=min(tile or LARGEST_TILE, LARGEST_TILE)))
        shape = (1, self.enlarge.vae.config.latent_channels, height + MULTIPLE, width + MULTIPLE)
        # One noise for the whole picture: where two tiles overlap they then begin alike.
        noise = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=self.enlarge.unet.dtype)
        steps = self.card.options.get("steps", STEPS)
        told = Told(emit=emit, total=len(places) * steps)
        made = np.zeros((height * scale, width * scale, 3), np.float32)
        weight = np.zeros((height * scale, width * scale, 1), np.float32)
        for number, (top, left, bottom, right) in enumerate(places):
            y, x, y2, x2 = (place * scale for place in (top, left, bottom, right))
            piece = self.piece(
                colours[top:bottom, left:right], noise[..., top:, left:], steps=steps, size=(x2 - x, y2 - y),
                callback=lambda i, t, latents, done=number * steps: told(done + i + 1), seed=seed + number,
            )
            share = ramp(y2 - y, OVERLAP * scale)[:, None, None] * ramp(x2 - x, OVERLAP * scale)[None, :, None]
            made[y:y2, x:x2] += piece * share
            weight[y:y2, x:x2] += share
        return (made / weight).round().astype(np.uint8)

    def piece(
        self, colours: np.ndarray, noise: Any, *, steps: int, size: tuple[int, int], callback: Any, seed: int,
    ) -> np.ndarray:
        """A tile (h, w, 3) uint8 drawn in a size (width, height); (height, width, 3) float32 of 0..255."""
        import torch

        height, width = colours.shape[:2]
        padded = colours[mirrored(height, MULTIPLE)][:, mirrored(width, MULTIPLE)]
        drawn = self.enlarge(
            prompt="", image=Image.fromarray(padded), num_inference_steps=steps, output_type="np", callback=callback,
            latents=noise[..., : padded.shape[0], : padded.shape[1]].to(self.device),
            generator=torch.Generator("cpu").manual_seed(seed), **ARGUMENTS | self.card.options.get("arguments", {}),
        ).images[0]
        if not np.isfinite(drawn).all():
            raise Unexpected(say("pipelines.upscale.no_picture", model=self.card.title))
        drawn = Image.fromarray((drawn * 255).round().astype(np.uint8))
        drawn = drawn.crop((0, 0, width * self.factor, height * self.factor))
        return np.asarray(drawn.resize(size, Image.Resampling.LANCZOS), np.float32)


@dataclass(kw_only=True)
class Told:
    """Tells how far a run has come: of all the steps of all its tiles."""

    emit: Emit
    total: int

    def __post_init__(self) -> None:
        self.begun = time.perf_counter()

    def __call__(self, index: int) -> None:
        left = (time.perf_counter() - self.begun) / index * (self.total - index)
        self.emit(Step(index=index, total=self.total, seconds_left=left))


def tiles(height: int, width: int, *, tile: int) -> Iterator[tuple[int, int, int, int]]:
    """Tiles (top, left, bottom, right) of one size that cover a picture and overlap by OVERLAP or a little more."""
    for top, bottom in spans(height, tile):
        for left, right in spans(width, tile):
            yield top, left, bottom, right


def spans(length: int, tile: int) -> Iterator[tuple[int, int]]:
    """A line in overlapping pieces of one length, spread evenly."""
    if length <= tile:
        yield 0, length
        return
    overlap = min(OVERLAP, tile // 2)
    count = -(-(length - overlap) // (tile - overlap))
    for number in range(count):
        start = round(number * (length - tile) / (count - 1))
        yield start, start + tile


def ramp(length: int, overlap: int) -> np.ndarray:
    """How much a tile counts along one side: less towards its ends, never nothing; (length,) float32."""
    from_start = np.arange(1, length + 1, dtype=np.float32)
    return np.minimum(1, np.minimum(from_start, from_start[::-1]) / (overlap + 1))
