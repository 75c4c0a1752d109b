"""Bicubic resizing as MATLAB's imresize does it (a = -0.5, antialiased), by which super-resolution is measured."""

from __future__ import annotations

import torch


def kernel(x: torch.Tensor) -> torch.Tensor:
    """Keys' cubic convolution kernel (1981) with a = -0.5; zero from a distance of 2 on."""
    x = x.abs()
    near = (1.5 * x - 2.5) * x**2 + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return torch.where(x <= 1, near, torch.where(x < 2, far, torch.zeros_like(x)))


def weights(before: int, after: int) -> torch.Tensor:
    """The matrix (after, before) that resizes a line of pixels; lines are mirrored at their ends."""
    scale = after / before
    shrink = min(scale, 1.0)
    centres = (torch.arange(after, dtype=torch.float64) + 0.5) / scale - 0.5
    reach = 2 / shrink
    taps = torch.floor(centres - reach)[:, None] + torch.arange(int(2 * reach) + 3)  # (after, taps)
    strength = kernel(shrink * (centres[:, None] - taps))
    strength /= strength.sum(1, keepdim=True)
    mirrored = taps.long() % (2 * before)
    mirrored = torch.where(mirrored < before, mirrored, 2 * before - 1 - mirrored)
    return torch.zeros(after, before, dtype=torch.float64).scatter_add_(1, mirrored, strength).float()


def resize(pixels: torch.Tensor, *, height: int, width: int) -> torch.Tensor:
    """Resizes (..., H, W) to (..., height, width); values may overshoot the range of the pixels."""
    rows = weights(pixels.shape[-2], height).to(pixels)
    columns = weights(pixels.shape[-1], width).to(pixels)
    return rows @ pixels @ columns.T
