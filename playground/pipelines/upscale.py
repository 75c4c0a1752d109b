"""Super-resolution with compact convolutional networks (SRVGG) and Swin2SR, in overlapping pieces of any picture."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from playground.catalog import ModelCard
from playground.device import Device, give_back
from playground.errors import ModelBroken, Unexpected
from playground.events import Emit, ImagesResult, Step
from playground.images import plain
from playground.pipelines import where
from playground.pipelines.placing import PlacedNetwork
from playground.requests import SuperResolutionRequest
from playground.wording import say

SWIN_OVERLAP = 16  # pixels; attention has no fixed reach, two windows of 8 hide the seams
TILE = 256  # where neither the request nor the card says


def imports() -> None:
    """Imports the libraries and silences them."""
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    transformers.Swin2SRForImageSuperResolution  # noqa: B018 - an attribute here is an import


def load(card: ModelCard, device: Device) -> UpscaleModel:
    """The card's network: the compact family from a starter's folder, else Swin2SR from the hub.

    Always float32: half precision has too few steps between two of a picture's 256 shades.
    """
    import torch

    if card.folder is not None and model_type(card.folder) != "swin2sr":
        from playground.networks import srvgg

        try:
            network = srvgg.load(card.folder)
        except ValueError as error:
            raise ModelBroken(say("pipelines.upscale.other_kind", model=card.title)) from error
        network = network.to(device.name, memory_format=torch.channels_last)
        return UpscaleModel(
            card=card, network=network, enlarge=network, factor=network.upscale, device=device.name,
            overlap=srvgg.receptive_field(network.num_conv),
        )
    imports()
    from transformers import Swin2SRForImageSuperResolution

    network = Swin2SRForImageSuperResolution.from_pretrained(card.origin, dtype=torch.float32, **where(card))
    network = network.to(device.name).eval()
    return UpscaleModel(
        card=card, network=network, enlarge=padded(network), factor=network.config.upscale, device=device.name,
        overlap=SWIN_OVERLAP,
    )


def model_type(folder: Path) -> str:
    """What transformers calls the model in a folder; "" where it is none of its own."""
    config = folder / "config.json"
    return json.loads(config.read_text(encoding="utf8")).get("model_type", "") if config.exists() else ""


def padded(network: Any) -> Callable[[Any], Any]:
    """Swin2SR wants sides that its window divides; mirrored edges are added and cut off again, as its own processor
    does, which is not used because it also wants a file of its own."""
    window, factor = network.config.window_size, network.config.upscale

    def enlarge(pixels):  # (1, 3, H, W) in 0..1
        height, width = pixels.shape[-2:]
        made = network(pixels[..., mirrored(height, window), :][..., mirrored(width, window)]).reconstruction
        return made[..., : height * factor, : width * factor]

    return enlarge


def mirrored(length: int, multiple: int) -> list[int]:
    """The places of a line made longer to a multiple: 0 1 2 and mirrored 2 1 0, as often as need be."""
    there_and_back = [*range(length), *reversed(range(length))]
    return [there_and_back[i % (2 * length)] for i in range(length + -length % multiple)]


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A tile: what is read (with overlap) and which part of it is kept, as (top, left, bottom, right) in input pixels."""

    read: tuple[int, int, int, int]
    keep: tuple[int, int, int, int]


def pieces(height: int, width: int, *, tile: int, overlap: int) -> Iterator[Piece]:
    """Tiles that cover the picture; tile 0 or one that is large enough gives a single piece."""
    step_y = height if not tile else min(tile, height)
    step_x = width if not tile else min(tile, width)
    for top in range(0, height, step_y):
        for left in range(0, width, step_x):
            bottom, right = min(top + step_y, height), min(left + step_x, width)
            above, before = max(top - overlap, 0), max(left - overlap, 0)
            read = (above, before, min(bottom + overlap, height), min(right + overlap, width))
            yield Piece(read=read, keep=(top, left, bottom, right))


@dataclass(kw_only=True)
class UpscaleModel(PlacedNetwork):
    """A loaded upscaler. enlarge: (1, 3, H, W) in 0..1 to `factor` times the size; overlap: its reach in pixels."""

    card: ModelCard
    network: Any
    enlarge: Callable[[Any], Any]
    factor: int
    device: str
    overlap: int
    dtype: str = "float32"

    def __post_init__(self) -> None:
        self.placed_on(self.device)

    @property
    def nbytes(self) -> int:
        """Bytes of the weights."""
        return sum(t.numel() * t.element_size() for t in self.network.parameters()) if self.network is not None else 0

    def run(self, request: SuperResolutionRequest, emit: Emit) -> ImagesResult:
        """The picture, exactly `scale` times as large; transparency is stretched plainly beside the colours."""
        begun = time.perf_counter()
        picture = plain(request.image)
        tile = TILE if request.tile is None else request.tile
        colours = np.asarray(picture.convert("RGB"))
        result = Image.fromarray(self.enlarged(colours, request.scale, tile=tile, emit=emit, seed=request.seed))
        if picture.mode == "RGBA":
            result.putalpha(picture.getchannel("A").resize(result.size, Image.Resampling.BICUBIC))
        return ImagesResult(images=(result,), timings={"enlarge": time.perf_counter() - begun})

    def enlarged(self, colours: np.ndarray, scale: int, *, tile: int, emit: Emit, seed: int) -> np.ndarray:
        """(H, W, 3) uint8 to (scale * H, scale * W, 3) uint8, piece by piece. seed: for networks that draw by lot."""
        import torch

        height, width = colours.shape[:2]
        passes = next(n for n in range(1, 4) if self.factor**n >= scale)
        shrinks = self.factor**passes != scale
        # Each further pass sees less of the first picture; shrinking back takes one or two of its pixels.
        whole = list(pieces(height, width, tile=tile, overlap=passes * self.overlap + 2 * shrinks))
        out = np.empty((height * scale, width * scale, 3), np.uint8)
        begun = time.perf_counter()
        for number, piece in enumerate(whole, 1):
            top, left, bottom, right = piece.read
            pixels = torch.from_numpy(colours[top:bottom, left:right].copy()).to(self.device)
            pixels = pixels.permute(2, 0, 1)[None].float().div(255)  # (1, 3, h, w)
            with torch.inference_mode():
                made = self.scaled(pixels, scale, passes).permute(1, 2, 0).cpu().numpy()
            y, x, y2, x2 = (place * scale for place in piece.keep)
            out[y:y2, x:x2] = made[y - top * scale : y2 - top * scale, x - left * scale : x2 - left * scale]
            left_over = (time.perf_counter() - begun) / number * (len(whole) - number)
            emit(Step(index=number, total=len(whole), what=say("pipelines.upscale.step"), seconds_left=left_over))
        return out

    def scaled(self, pixels: Any, scale: int, passes: int) -> Any:
        """(1, 3, h, w) in 0..1 through the network `passes` times, then to `scale` exactly; (3, scale h, scale w) uint8."""
        import torch
        import torch.nn.functional as F

        size = (pixels.shape[-2] * scale, pixels.shape[-1] * scale)
        for _ in range(passes):
            pixels = self.enlarge(pixels).clamp(0, 1)
        if tuple(pixels.shape[-2:]) != size:
            pixels = F.interpolate(pixels, size=size, mode="bicubic", antialias=True)
        if not torch.isfinite(pixels).all():
            raise Unexpected(say("pipelines.upscale.no_picture", model=self.card.title))
        return pixels[0].clamp(0, 1).mul(255).round().byte()

    def close(self) -> None:
        """Frees the weights."""
        self.network = self.enlarge = None
        give_back()
