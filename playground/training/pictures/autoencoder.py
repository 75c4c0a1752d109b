"""Stage 1: the autoencoder, 128x128 pixels to 16x16x4 latents and back, trained on random crops."""

from __future__ import annotations

import numpy as np

from playground.training.loop import Training
from playground.training.pictures import data, scenes
from playground.training.pictures.bank import pixels_of
from playground.training.pictures.start import start_as_thumbnail
from playground.training.recipe import Options, autocast, say

CROP = 64
BATCH = 16
PEAK = 6e-4
KL_WEIGHT = 1e-6


def build():
    """An AutoencoderKL of 3.1 M parameters: 8 times smaller each way, 4 latent channels, no attention.

    One norm group: with several, each normalisation wipes out the mean of its few channels, and with it the colour of
    a plain ground; in one group colour survives as the difference between channels.
    """
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(24, 48, 96, 128), layers_per_block=1, norm_num_groups=1, latent_channels=4,
        mid_block_add_attention=False, sample_size=data.SIZE,
    )


def crops(pack: data.Pack, rng: np.random.Generator, count: int):
    """Random crops, a third of them recoloured so that every hue is met; float32 (count, 3, CROP, CROP) in -1..1."""
    out = np.empty((count, CROP, CROP, 3), np.uint8)
    for i in range(count):
        picture, _ = scenes.sample(pack, rng)
        top, left = rng.integers(0, data.SIZE - CROP + 1, 2)
        crop = picture[top:top + CROP, left:left + CROP]
        if rng.random() < 0.33:
            crop = crop[..., rng.permutation(3)]
            crop = 255 - crop if rng.random() < 0.2 else crop
        out[i] = crop
    return pixels_of(out)  # (B, 3, H, W)


def reconstruction_loss(restored, pixels):
    """L1 of the picture, of its gradients (edges) and of a 4 times smaller copy (colours)."""
    import torch.nn.functional as F

    edges = sum(F.l1_loss(restored.diff(dim=d), pixels.diff(dim=d)) for d in (-1, -2))
    broad = F.l1_loss(F.avg_pool2d(restored, 4), F.avg_pool2d(pixels, 4))
    return F.l1_loss(restored, pixels) + 0.5 * edges + broad


def loss_of(autoencoder, pixels):
    """The reconstruction's loss with a small KL term."""
    posterior = autoencoder.encode(pixels).latent_dist
    restored = autoencoder.decode(posterior.sample()).sample.float()
    return reconstruction_loss(restored, pixels) + KL_WEIGHT * posterior.kl().mean()


def psnr(autoencoder, pack: data.Pack, *, device: str, count: int = 64) -> float:
    """Mean PSNR in dB of whole pictures that the crops never repeat exactly."""
    import torch

    rng = np.random.default_rng(99)
    total = 0.0
    for _ in range(count):
        picture, _ = scenes.sample(pack, rng)
        pixels = pixels_of(picture[None].copy()).to(device)
        with torch.inference_mode():
            restored = autoencoder.decode(autoencoder.encode(pixels).latent_dist.mode()).sample.clamp(-1, 1)
        error = ((restored - pixels) / 2).square().mean().item()
        total += -10 * np.log10(max(error, 1e-10))
    return total / count


def train(options: Options, pack: data.Pack, *, minutes: float):
    """Trains until the minutes are spent; returns the averaged autoencoder with its scaling factor set, and facts."""
    import torch

    torch.manual_seed(options.seed)
    network = build().to(options.device, memory_format=torch.channels_last)
    start_as_thumbnail(network, crops(pack, np.random.default_rng(options.seed), 32).to(options.device))
    training = Training(options, "autoencoder", network, minutes=minutes, peak=PEAK)
    rng = np.random.default_rng((options.seed, training.step))
    for _ in training.steps():
        pixels = crops(pack, rng, 4 if options.smoke else BATCH).to(options.device, memory_format=torch.channels_last)
        with autocast(options.device):
            loss = loss_of(network, pixels)
        training.learn(loss)
    return finish(options, pack, training.averaged, training.facts)


def finish(options: Options, pack: data.Pack, autoencoder, facts: dict):
    """Sets the scaling factor that gives latents a standard deviation of 1, and measures."""
    import torch

    rng = np.random.default_rng(7)
    with torch.inference_mode():
        latents = autoencoder.encode(crops(pack, rng, 64).to(options.device)).latent_dist.mode()
    autoencoder.register_to_config(scaling_factor=round(1 / latents.std().item(), 4))
    measured = psnr(autoencoder, pack, device=options.device, count=4 if options.smoke else 64)
    facts = facts | {
        "psnr_db": round(float(measured), 2), "parameters": sum(p.numel() for p in autoencoder.parameters()),
    }
    say(f"autoencoder done: {facts}")
    return autoencoder, facts
