"""Stage 2: PSNR over Set14, four and two times larger, beside bicubic; the pictures only measure, never train."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from playground.training.recipe import Options, say, write_facts


def write(options: Options) -> None:
    """Measures the weights in `options.out` and adds the result to its facts.json; says so where there is no Set14."""
    from playground.networks import srvgg

    folder = options.data / "sr-eval" / "Set14"
    paths = sorted(p for p in folder.glob("*") if p.suffix in (".png", ".webp"))[: 2 if options.smoke else None]
    if not paths:
        say(f"evaluate skipped: there is no picture in {folder}")
        return
    measures = measure(srvgg.load(options.out), paths)
    write_facts(options.out, {"measures": measures})
    say(f"evaluate done: {measures}")


def measure(network, paths: list[Path]) -> dict[str, float]:
    """Mean PSNR in dB of the network and of bicubic; twice larger is four times larger and then halved."""
    from playground.networks import bicubic

    scores: dict[str, list[float]] = {}
    for path in paths:
        truth = read(path)
        height, width = truth.shape[1:]
        for scale in (4, 2):
            small = as_8_bit(bicubic.resize(truth, height=height // scale, width=width // scale))
            enlarged = enlarge(network, small, scale)
            baseline = bicubic.resize(small, height=height, width=width)
            for name, picture in (("set14", enlarged), ("bicubic", baseline)):
                scores.setdefault(f"{name}_x{scale}_psnr", []).append(psnr(as_8_bit(picture), truth, border=scale))
    return {name: round(float(np.mean(values)), 2) for name, values in scores.items()}


def enlarge(network, small, scale: int):
    """The picture (3, H, W) 0..1 enlarged four times by the network and, for a scale of 2, halved by bicubic."""
    import torch

    from playground.networks import bicubic

    with torch.inference_mode():
        large = network(small[None])[0].clamp(0, 1)
    return bicubic.resize(large, height=small.shape[1] * scale, width=small.shape[2] * scale) if scale != 4 else large


def read(path: Path):
    """A picture as (3, H, W) 0..1, cut to a multiple of four."""
    import torch

    pixels = torch.from_numpy(np.array(Image.open(path).convert("RGB"))).permute(2, 0, 1) / 255
    return pixels[:, : pixels.shape[1] // 4 * 4, : pixels.shape[2] // 4 * 4]


def as_8_bit(pixels):
    """Pixels 0..1 clamped and rounded to the steps that a picture file holds."""
    return pixels.clamp(0, 1).mul(255).round().div(255)


def psnr(one, other, *, border: int) -> float:
    """PSNR in dB of the luma (BT.601 in 16..235, as in the papers), `border` pixels cut on each side.

    Papers that read one of Set14's two grey pictures as grey, in 0..255, get means 0.09 dB lower, bicubic's too.
    """
    weights = one.new_tensor([65.481, 128.553, 24.966])[:, None, None]
    difference = ((one - other) * weights).sum(0)[border:-border, border:-border]
    return float(10 * np.log10(255**2 / max(difference.double().square().mean().item(), 1e-10)))
