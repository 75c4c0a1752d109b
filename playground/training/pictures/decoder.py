"""Stage 2: the decoder learns to forgive latents that are a little wrong, as the denoiser's always are.

The encoder stays as it is, so latents keep their meaning. The idea of training a decoder on noised latents is common
to latent upscalers and representation autoencoders; the noise here is half fine, half coarse.
"""

from __future__ import annotations

import numpy as np

from playground.training.pictures import data
from playground.training.pictures.autoencoder import crops, reconstruction_loss
from playground.training.recipe import Clock, Options, learning_rate, load_checkpoint, save_checkpoint, say

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
    from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

    torch.manual_seed(options.seed)
    rng = np.random.default_rng(options.seed + 2)
    vae = vae.to(options.device, memory_format=torch.channels_last)
    network = torch.nn.ModuleDict({"first": vae.post_quant_conv, "decoder": vae.decoder}).train()
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(0.995))
    optimizer = torch.optim.AdamW(network.parameters(), PEAK, betas=(0.9, 0.99), weight_decay=1e-3)
    path = options.work / "decoder.safetensors"
    modules = {"network": network, "average": average}
    step, spent = load_checkpoint(path, modules=modules, optimizers=[optimizer])
    clock = Clock(minutes, spent=spent)
    seen = clock.spent
    focus = data.focused(pack)
    while clock.progress < 1 and not (options.smoke and step >= 3):
        optimizer.param_groups[0]["lr"] = learning_rate(PEAK, clock.progress)
        pixels = crops(focus, rng, 4 if options.smoke else BATCH).to(options.device, memory_format=torch.channels_last)
        with torch.autocast(options.device, torch.bfloat16):
            with torch.no_grad():
                latents = vae.encode(pixels).latent_dist.mode()
                deviation = latents.float().std(dim=(0, 2, 3), keepdim=True)
            restored = network["decoder"](network["first"](disturbed(latents.float(), deviation)))
        loss = reconstruction_loss(restored.float(), pixels)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        average.update_parameters(network)
        step += 1
        if clock.spent - seen > 60:
            say(f"decoder step {step} loss {loss.item():.4f} spent {clock.spent:.0f} s")
            save_checkpoint(path, modules=modules, optimizers=[optimizer], step=step, spent=clock.spent)
            seen = clock.spent
    save_checkpoint(path, modules=modules, optimizers=[optimizer], step=step, spent=clock.spent)
    vae.post_quant_conv.load_state_dict(average.module["first"].state_dict())
    vae.decoder.load_state_dict(average.module["decoder"].state_dict())
    facts = {"decoder_steps": step, "decoder_minutes": round(clock.spent / 60, 1)}
    say(f"decoder done: {facts}")
    return facts
