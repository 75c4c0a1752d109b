"""Stage 1: the autoencoder, 128x128 pixels to 16x16x4 latents and back, trained on random crops."""

from __future__ import annotations

import numpy as np

from playground.training.pictures import data
from playground.training.pictures.start import start_as_thumbnail
from playground.training.recipe import Clock, Options, learning_rate, load_checkpoint, save_checkpoint, say

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
    import torch

    out = np.empty((count, CROP, CROP, 3), np.uint8)
    for i in range(count):
        picture, _ = data.sample(pack, rng)
        top, left = rng.integers(0, data.SIZE - CROP + 1, 2)
        crop = picture[top:top + CROP, left:left + CROP]
        if rng.random() < 0.33:
            crop = crop[..., rng.permutation(3)]
            crop = 255 - crop if rng.random() < 0.2 else crop
        out[i] = crop
    return torch.from_numpy(out).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)  # (B, 3, H, W)


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
        picture, _ = data.sample(pack, rng)
        pixels = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float().div(127.5).sub(1).to(device)
        with torch.inference_mode():
            restored = autoencoder.decode(autoencoder.encode(pixels).latent_dist.mode()).sample.clamp(-1, 1)
        error = ((restored - pixels) / 2).square().mean().item()
        total += -10 * np.log10(max(error, 1e-10))
    return total / count


def train(options: Options, pack: data.Pack, *, minutes: float):
    """Trains until the minutes are spent; returns the averaged autoencoder with its scaling factor set, and facts."""
    import torch
    from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

    torch.manual_seed(options.seed)
    rng = np.random.default_rng(options.seed)
    network = build().to(options.device, memory_format=torch.channels_last)
    start_as_thumbnail(network, crops(pack, rng, 32).to(options.device))
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(0.995))
    optimizer = torch.optim.AdamW(network.parameters(), PEAK, betas=(0.9, 0.99), weight_decay=1e-3)
    path = options.work / "autoencoder.safetensors"
    modules = {"network": network, "average": average}
    step, spent = load_checkpoint(path, modules=modules, optimizers=[optimizer])
    clock = Clock(minutes, spent=spent)
    seen = saved = clock.spent
    batch = 4 if options.smoke else BATCH
    while clock.progress < 1 and not (options.smoke and step >= 3):
        optimizer.param_groups[0]["lr"] = learning_rate(PEAK, clock.progress)
        pixels = crops(pack, rng, batch).to(options.device, memory_format=torch.channels_last)
        with torch.autocast(options.device, torch.bfloat16):
            loss = loss_of(network, pixels)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        average.update_parameters(network)
        step += 1
        if clock.spent - seen > 30:
            say(f"autoencoder step {step} loss {loss.item():.4f} spent {clock.spent:.0f} s")
            seen = clock.spent
        if clock.spent - saved > 180:
            save_checkpoint(path, modules=modules, optimizers=[optimizer], step=step, spent=clock.spent)
            saved = clock.spent
    save_checkpoint(path, modules=modules, optimizers=[optimizer], step=step, spent=clock.spent)
    return finish(options, pack, average.module.eval(), step=step, seconds=clock.spent)


def finish(options: Options, pack: data.Pack, autoencoder, *, step: int, seconds: float):
    """Sets the scaling factor that gives latents a standard deviation of 1, and measures."""
    import torch

    rng = np.random.default_rng(7)
    with torch.inference_mode():
        latents = autoencoder.encode(crops(pack, rng, 64).to(options.device)).latent_dist.mode()
    autoencoder.register_to_config(scaling_factor=round(1 / latents.std().item(), 4))
    measured = psnr(autoencoder, pack, device=options.device, count=4 if options.smoke else 64)
    facts = {
        "steps": step, "minutes": round(seconds / 60, 1), "psnr_db": round(float(measured), 2),
        "parameters": sum(p.numel() for p in autoencoder.parameters()),
    }
    say(f"autoencoder done: {facts}")
    return autoencoder, facts
