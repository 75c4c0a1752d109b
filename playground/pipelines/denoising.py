"""Watches a diffusion pipeline's steps: reports each one, shows previews that cost little, and times the phases."""

from __future__ import annotations

import time
from collections.abc import Callable
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


class Denoising:
    """A context around one pipeline call, whose `step` is the call's callback_on_step_end.

    show: makes one preview of the batch's pictures; pixels: of the whole batch; decode_rate: seconds a pixel that
    decoding is known to take, or None; it is measured again by every preview and at the end; begun: when the run
    began, by time.perf_counter().
    """

    def __init__(
        self, *, pipe: Any, emit: Emit, show: Callable[[list[Image.Image]], Image.Image], pixels: int,
        decode_rate: float | None, begun: float,
    ) -> None:
        self.decode_rate = decode_rate
        self._pixels = pixels
        self._pipe = pipe
        self._emit = emit
        self._show = show
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
        device = self._pipe.device
        if device.type == "cuda":
            import torch

            torch.cuda.synchronize(device)
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
        preview = None if last else self._preview(tensors["latents"], now, each * total, total)
        left = each * (total - index) + (self.decode_rate or 0) * self._pixels
        self._emit(Step(index=index, total=total, preview=preview, seconds_left=left))
        return tensors

    def _preview(self, latents: Any, now: float, expected: float, total: int) -> Image.Image | None:
        cost = None if self.decode_rate is None else self.decode_rate * self._pixels
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
