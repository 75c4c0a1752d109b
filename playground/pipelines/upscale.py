"""Super-resolution with compact convolutional networks (SRVGG) and Swin2SR, in overlapping pieces of any picture."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from playground.catalog import ModelCard
from playground.device import Device
from playground.errors import Unexpected
from playground.events import Emit, ImagesResult, Step
from playground.pipelines import where
from playground.requests import SuperResolutionRequest

SWIN_OVERLAP = 16


def imports() -> None:
    """Imports the libraries and silences them."""
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    for name in ("AutoImageProcessor", "Swin2SRForImageSuperResolution"):
        getattr(transformers, name)


def load(card: ModelCard, device: Device) -> UpscaleModel:
    """The card's network: the compact family from a starter's folder, else Swin2SR from the hub."""
    import torch

    dtype = getattr(torch, device.dtype)
    if card.starter:
        from playground.networks import srvgg

        network = srvgg.load(card.folder).to(device.name, dtype).eval()
        return UpscaleModel(
            card=card, network=network, enlarge=network, factor=network.upscale, dtype=device.dtype, device=device.name,
            overlap=srvgg.receptive_field(network.num_conv),
        )
    imports()
    from transformers import AutoImageProcessor, Swin2SRForImageSuperResolution

    place = where(card)
    network = Swin2SRForImageSuperResolution.from_pretrained(card.origin, dtype=dtype, **place).to(device.name).eval()
    multiple = AutoImageProcessor.from_pretrained(card.origin, **place).size_divisor
    return UpscaleModel(
        card=card, network=network, enlarge=padded(network, multiple), factor=network.config.upscale,
        dtype=device.dtype, device=device.name, overlap=SWIN_OVERLAP,
    )


def padded(network: Any, multiple: int) -> Callable[[Any], Any]:
    """Swin2SR wants sides that its window divides; mirrored edges are added and cut off again."""

    def enlarge(pixels):  # (1, 3, H, W) in 0..1
        import torch.nn.functional as F

        height, width = pixels.shape[-2:]
        down, right = -height % multiple, -width % multiple
        mode = "reflect" if down < height and right < width else "replicate"
        made = network(F.pad(pixels, (0, right, 0, down), mode=mode)).reconstruction
        factor = network.config.upscale
        return made[..., :height * factor, :width * factor]

    return enlarge


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
            read = (max(top - overlap, 0), max(left - overlap, 0), min(bottom + overlap, height), min(right + overlap, width))
            yield Piece(read=read, keep=(top, left, bottom, right))


@dataclass(kw_only=True)
class UpscaleModel:
    """A loaded upscaler. enlarge: (1, 3, H, W) in 0..1 to `factor` times the size; overlap: its reach in pixels."""

    card: ModelCard
    network: Any
    enlarge: Callable[[Any], Any]
    factor: int
    dtype: str
    device: str
    overlap: int

    @property
    def nbytes(self) -> int:
        """Bytes of the weights."""
        return sum(t.numel() * t.element_size() for t in self.network.parameters()) if self.network is not None else 0

    def run(self, request: SuperResolutionRequest, emit: Emit) -> ImagesResult:
        """The picture, exactly `scale` times as large; transparency is stretched plainly beside the colours."""
        begun = time.perf_counter()
        picture = request.image
        colours = np.asarray(picture.convert("RGB"))
        twice = self.factor < request.scale
        rounds = 2 if twice else 1
        for number in range(rounds):
            colours = self.enlarged(colours, tile=request.tile or 0, emit=emit, part=(number, rounds))
        size = (picture.width * request.scale, picture.height * request.scale)
        result = Image.fromarray(colours)
        if result.size != size:
            result = result.resize(size, Image.Resampling.BICUBIC)
        if picture.mode == "RGBA":
            result.putalpha(picture.getchannel("A").resize(size, Image.Resampling.BICUBIC))
        return ImagesResult(images=(result,), timings={"enlarge": time.perf_counter() - begun})

    def enlarged(self, colours: np.ndarray, *, tile: int, emit: Emit, part: tuple[int, int]) -> np.ndarray:
        """(H, W, 3) uint8 to (factor H, factor W, 3) uint8, piece by piece; part: which round of how many this is."""
        import torch

        height, width = colours.shape[:2]
        whole = list(pieces(height, width, tile=tile, overlap=self.overlap))
        done, total = part[0] * len(whole), part[1] * len(whole)
        out = np.empty((height * self.factor, width * self.factor, 3), np.uint8)
        begun = time.perf_counter()
        dtype = next(self.network.parameters()).dtype
        for number, piece in enumerate(whole):
            top, left, bottom, right = piece.read
            pixels = torch.from_numpy(colours[top:bottom, left:right].copy()).to(self.device, dtype)
            pixels = pixels.permute(2, 0, 1)[None].div(255)  # (1, 3, h, w)
            with torch.inference_mode():
                made = self.enlarge(pixels)[0].float()  # (3, factor h, factor w)
            if not torch.isfinite(made).all():
                raise Unexpected(f"{self.card.title} gave no picture. Try another one, or another model.")
            made = made.clamp(0, 1).mul(255).round().byte().permute(1, 2, 0).cpu().numpy()
            f, (y, x, y2, x2) = self.factor, piece.keep
            out[y * f:y2 * f, x * f:x2 * f] = made[(y - top) * f:(y2 - top) * f, (x - left) * f:(x2 - left) * f]
            spent = time.perf_counter() - begun
            emit(Step(
                index=done + number + 1, total=total, what="piece",
                seconds_left=spent / (number + 1) * (total - done - number - 1),
            ))
        return out

    def close(self) -> None:
        """Frees the weights."""
        import torch

        self.network = self.enlarge = None
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
