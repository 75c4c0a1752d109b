"""Watches a diffusion pipeline's steps: reports each one, shows previews that cost little, and times the phases."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from playground.events import Emit, Step

PREVIEW_SHARE = 0.25  # of the denoising time
UNKNOWN_COST_STEPS = 4  # a run of so many steps may try a preview before anybody knows what one costs


def worth_it(*, cost: float | None, spent: float, since: float, expected: float, total: int) -> bool:
    """Whether a preview keeps previews under about a quarter of the run.

    cost: seconds of one, None if not yet known; spent: on previews so far; since: seconds since the last one;
    expected: seconds of the whole denoising; total: steps.
    """
    if cost is None:
        return total >= UNKNOWN_COST_STEPS
    if not spent:
        return cost <= PREVIEW_SHARE * expected
    return cost <= PREVIEW_SHARE * since and spent + cost <= PREVIEW_SHARE * expected


def pictures(pixels: np.ndarray) -> list[Image.Image]:
    """(B, H, W, 3) floats of 0..1 as pictures."""
    return [Image.fromarray(p) for p in (pixels * 255).round().astype(np.uint8)]


def decode(pipe: Any, latents: Any) -> np.ndarray | None:
    """This step's latents as pixels, (B, H, W, 3) of 0..1; None for latents packed in a way of a model's own."""
    config = pipe.vae.config
    if latents.ndim != 4 or latents.shape[1] != config.get("latent_channels") or "scaling_factor" not in config:
        return None
    latents = latents.to(pipe.vae.dtype) / config.scaling_factor + (config.get("shift_factor") or 0)
    pixels = pipe.vae.decode(latents, return_dict=False)[0]  # (B, 3, H, W)
    pixels = (pixels.float() / 2 + 0.5).nan_to_num().clamp(0, 1)
    return pixels.permute(0, 2, 3, 1).cpu().numpy()


@dataclass(frozen=True, kw_only=True)
class LinearPreview:
    """One linear layer from clean latents to small pictures, so cheap that every step can show one.

    weight: (48, 4, 3, 3), bias: (48,), float32: of a convolution to 3 colours of 4x4 pixels a latent, in -1..1.
    """

    weight: Any
    bias: Any

    def __call__(self, latents: Any) -> np.ndarray:
        """(B, 4, h, w) latents as the denoiser sees them as (B, 4h, 4w, 3) pixels of 0..1."""
        from torch.nn import functional

        edged = functional.pad(latents.float(), (1, 1, 1, 1), mode="replicate")
        pixels = functional.pixel_shuffle(functional.conv2d(edged, self.weight, self.bias), 4)  # (B, 3, 4h, 4w)
        return (pixels / 2 + 0.5).nan_to_num().clamp(0, 1).permute(0, 2, 3, 1).cpu().numpy()


def linear_preview(folder: Path | None, device: str) -> LinearPreview | None:
    """The layer that a starter's folder brings along in preview.safetensors, or None."""
    path = folder / "preview.safetensors" if folder else None
    if path is None or not path.exists():
        return None
    from safetensors.torch import load_file

    return LinearPreview(**load_file(path, device=device))


def clean(scheduler: Any, latents: Any) -> Any:
    """The clean latents that the model predicted at this step where the scheduler keeps them, else this step's noisy
    ones, scaled down to the spread of clean ones."""
    kept, config = getattr(scheduler, "model_outputs", None), scheduler.config
    if kept and (config.get("algorithm_type") in ("dpmsolver++", "sde-dpmsolver++") or config.get("predict_x0")):
        return kept[-1]
    return latents / latents.std().clamp(min=1)


class Denoising:
    """A context around one pipeline call, whose `step` is the call's callback_on_step_end.

    show: makes one preview of the batch's pictures; pixels: of the whole batch; decode_rate: seconds a pixel that
    decoding is known to take, or None; it is measured again by every preview and at the end; begun: when the run
    began, by time.perf_counter(); linear: makes every step's preview, smaller than the pictures, in place of decoding.
    """

    def __init__(
        self, *, pipe: Any, emit: Emit, show: Callable[[list[Image.Image]], Image.Image], pixels: int,
        decode_rate: float | None, begun: float, linear: LinearPreview | None = None,
    ) -> None:
        self.decode_rate = decode_rate
        self._pixels = pixels
        self._pipe = pipe
        self._device = pipe._execution_device  # it takes a pipeline milliseconds to say
        self._emit = emit
        self._show = show
        self._linear = linear
        self._begun = begun
        self._started = self._ended = self._shown = begun
        self._spent = 0.0

    def __enter__(self) -> Denoising:
        self._hook = denoiser(self._pipe).register_forward_pre_hook(self._start)
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        self._hook.remove()
        if kind is None:
            self.decode_rate = (self._now() - self._ended) / self._pixels

    def _start(self, *_: object) -> None:
        """The denoiser is called for the first time: what came before was encoding."""
        self._hook.remove()
        self._started = self._shown = self._now()

    def _now(self) -> float:
        """The time when the GPU has done what it was given so far."""
        if self._device.type == "cuda":
            import torch

            torch.cuda.synchronize(self._device)
        return time.perf_counter()

    def step(self, pipe: Any, i: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        """Reports a step. A second-order scheduler calls twice a step, and is heard once."""
        order, calls = pipe.scheduler.order, pipe.num_timesteps
        last = i == calls - 1
        if not last and (i + 1) % order:
            return tensors
        index, total = -(-(i + 1) // order), -(-calls // order)
        now = self._ended = self._now()
        each = (now - self._started - self._spent) / index
        if self._linear is not None:
            preview = self._linear_preview(clean(pipe.scheduler, tensors["latents"]), now)
        else:
            preview = None if last else self._preview(tensors["latents"], now, each * total, total)
        left = each * (total - index) + (self.decode_rate or 0) * self._pixels
        self._emit(Step(index=index, total=total, preview=preview, seconds_left=left))
        return tensors

    def _linear_preview(self, latents: Any, now: float) -> Image.Image:
        preview = self._show(pictures(self._linear(latents)))
        self._ended = self._shown = self._now()
        self._spent += self._shown - now
        return preview

    def _preview(self, latents: Any, now: float, expected: float, total: int) -> Image.Image | None:
        cost = None if self.decode_rate is None else self.decode_rate * self._pixels
        if hasattr(self._pipe.vae, "_hf_hook"):  # its parts take turns on the GPU: the decoder would drive the denoiser out
            return None
        if not worth_it(cost=cost, spent=self._spent, since=now - self._shown, expected=expected, total=total):
            return None
        pixels = decode(self._pipe, latents)
        if pixels is None:
            return None
        preview = self._show(pictures(pixels))
        self._shown = self._now()
        self._spent += self._shown - now
        self.decode_rate = (self._shown - now) / self._pixels
        return preview

    def finish(self) -> dict[str, float]:
        """Seconds by phase since the run began; what is done after the last step counts as decoding."""
        return {
            "encode": self._started - self._begun, "denoise": self._ended - self._started - self._spent,
            "preview": self._spent, "decode": time.perf_counter() - self._ended,
        }


def denoiser(pipe: Any) -> Any:
    """The network that is called at every step."""
    return pipe.unet if getattr(pipe, "unet", None) is not None else pipe.transformer
