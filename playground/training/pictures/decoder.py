"""Stage 2: the decoder learns to forgive latents that are a little wrong, as the denoiser's always are.

The encoder stays as it is, so latents keep their meaning. The idea of training a decoder on noised latents is common
to latent upscalers and representation autoencoders; the noise here is half fine, half coarse.
"""

from __future__ import annotations

import numpy as np

from playground.training.loop import Training
from playground.training.pictures import data
from playground.training.pictures.autoencoder import crops, reconstruction_loss
from playground.training.recipe import Options, autocast, say

BATCH = 16
PEAK = 3e-4
MOST_NOISE = 0.45  # of each latent channel's deviation


def disturbed(latents, deviation):
    """Latents (B, 4, h, w) with fine and coarse noise of a random strength each; deviation: (1, 4, 1, 1)."""
    import torch
    import torch.nn.functional as F

    strength = MOST_NOISE * torch.rand(len(latents), 1, 1, 1, device=latents.device)
    coarse = F.interpolate(torch.randn_like(latents[..., ::2, ::2]), size=latents.shape[-2:], mode="bilinear")
    return latents + strength * deviation * (0.7 * torch.randn_like(latents) + 0.7 * coarse)


def train(options: Options, pack: data.Pack, vae, *, minutes: float):
    """Trains the decoder in place until the minutes are spent; returns facts."""
    import torch

    vae = vae.to(options.device, memory_format=torch.channels_last)
    network = torch.nn.ModuleDict({"first": vae.post_quant_conv, "decoder": vae.decoder}).train()
    training = Training(options, "decoder", network, minutes=minutes, peak=PEAK)
    rng = np.random.default_rng((options.seed + 2, training.step))
    for _ in training.steps():
        pixels = crops(pack, rng, 4 if options.smoke else BATCH).to(options.device, memory_format=torch.channels_last)
        with autocast(options.device):
            with torch.no_grad():
                latents = vae.encode(pixels).latent_dist.mode()
                deviation = latents.float().std(dim=(0, 2, 3), keepdim=True)
            restored = network["decoder"](network["first"](disturbed(latents.float(), deviation)))
        training.learn(reconstruction_loss(restored.float(), pixels))
    vae.post_quant_conv.load_state_dict(training.averaged["first"].state_dict())
    vae.decoder.load_state_dict(training.averaged["decoder"].state_dict())
    say(f"decoder done: {training.facts}")
    return training.facts
