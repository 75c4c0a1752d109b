"""The previews' decoder: one 3x3 convolution from latents to a small picture, fitted in closed form."""

from __future__ import annotations

import numpy as np

from playground.training.pictures import data, scenes
from playground.training.pictures.bank import pixels_of
from playground.training.recipe import Options

CELL = 4  # sub-pixels of a latent, each way
FILE = "preview.safetensors"


def fit(options: Options, pack: data.Pack, vae) -> None:
    """Writes FILE into the recipe's output folder: weight (3 * CELL * CELL, 4, 3, 3) and bias, by least squares.

    It maps scaled latents, padded by repeating their edge, to what `torch.nn.functional.pixel_shuffle` turns into a
    picture in -1..1.
    """
    import torch
    import torch.nn.functional as F
    from safetensors.torch import save_file

    rng = np.random.default_rng(options.seed + 8)
    shots = np.stack([scenes.sample(pack, rng)[0] for _ in range(16 if options.smoke else 192)])
    pixels = pixels_of(shots)
    with torch.inference_mode():
        codes = [vae.encode(some.to(options.device)).latent_dist.mode().float().cpu() for some in pixels.split(32)]
    latents = torch.cat(codes) * vae.config.scaling_factor  # (N, 4, 16, 16)
    small = F.interpolate(pixels, [side * CELL for side in latents.shape[-2:]], mode="area")
    columns = F.unfold(F.pad(latents, (1, 1, 1, 1), mode="replicate"), 3)  # (N, 36, 256)
    inputs = F.pad(columns.transpose(1, 2).reshape(-1, columns.shape[1]), (0, 1), value=1.0)  # (N * 256, 37)
    wanted = F.pixel_unshuffle(small, CELL).flatten(2).transpose(1, 2).reshape(-1, 3 * CELL * CELL)
    solved = torch.linalg.lstsq(inputs.double(), wanted.double()).solution.float().T  # (48, 37)
    weight = solved[:, :-1].reshape(-1, latents.shape[1], 3, 3).contiguous()
    save_file({"weight": weight, "bias": solved[:, -1].contiguous()}, options.out / FILE)
