"""Stage 3: the denoiser and its text encoder, trained on latents with v-prediction and a zero terminal SNR."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from playground.training.pictures import data, words
from playground.training.recipe import Clock, Options, learning_rate, load_checkpoint, save_checkpoint, say

BATCH = 32
PEAK = 7e-4
VIEWS = 32  # stored placements of each object
DROPPED = 0.1  # captions left out, for guidance
FOCUS_FROM = 0.64  # of the budget; from there on only data.FOCUS is shown


def build_denoiser():
    """A UNet2DConditionModel of 13.6 M parameters, 0.92 GFLOP a pass over 16x16x4 latents."""
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        sample_size=data.SIZE // 8, in_channels=4, out_channels=4, layers_per_block=1,
        block_out_channels=(64, 128, 224), norm_num_groups=16,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=words.WIDTH, attention_head_dim=8,
    )


def build_scheduler():
    """The noise schedule, as the sampler that the folder is saved with (DPM-Solver++, second order)."""
    from diffusers import DPMSolverMultistepScheduler

    return DPMSolverMultistepScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", prediction_type="v_prediction",
        rescale_betas_zero_snr=True, timestep_spacing="trailing", steps_offset=1,
    )


@dataclass(frozen=True)
class Bank:
    """Encoded training pictures. latents: (N, 4, 16, 16) float16, scaled; captions: one of each picture's captions;
    focus: (M,) int64, the rows that show an object of data.FOCUS."""

    latents: object
    captions: list[str]
    focus: object


def encode_bank(options: Options, pack: data.Pack, vae) -> Bank:
    """Encodes VIEWS placements of every object once, so that training never waits for the autoencoder."""
    import torch

    rng = np.random.default_rng(options.seed + 1)
    order = np.repeat(np.arange(len(pack.names)), 2 if options.smoke else VIEWS)
    latents, captions = [], []
    vae = vae.to(options.device, memory_format=torch.channels_last)
    for start in range(0, len(order), 64):
        pairs = [data.sample(pack, rng, index=int(i)) for i in order[start:start + 64]]
        pixels = torch.from_numpy(np.stack([p for p, _ in pairs])).permute(0, 3, 1, 2).float().div(127.5).sub(1)
        with torch.inference_mode(), torch.autocast(options.device, torch.bfloat16):
            code = vae.encode(pixels.to(options.device, memory_format=torch.channels_last)).latent_dist.mode()
        latents.append((code.float() * vae.config.scaling_factor).half().cpu())
        captions += [c for _, c in pairs]
    focus = torch.tensor([row for row, i in enumerate(order) if pack.names[i] in data.FOCUS] or range(len(order)))
    return Bank(latents=torch.cat(latents), captions=captions, focus=focus)


def train(options: Options, pack: data.Pack, vae, *, minutes: float):
    """Trains until the minutes are spent; returns a StableDiffusionPipeline of the averaged weights, and facts."""
    import torch
    import torch.nn.functional as F
    from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

    # 1. Words and latents.
    tokenizer = words.kept_tokenizer(options.work / "tokenizer", data.known_words(pack))
    bank = encode_bank(options, pack, vae)
    say(f"{len(bank.captions)} latents of deviation {bank.latents.float().std():.3f}, vocabulary {len(tokenizer)}")
    tokens = words.encode(tokenizer, bank.captions)  # (N, T)
    nothing = words.encode(tokenizer, [""])  # (1, T)

    # 2. Networks, optimizer, noise schedule.
    torch.manual_seed(options.seed)
    network = torch.nn.ModuleDict({"unet": build_denoiser(), "text": words.build_text_encoder(tokenizer)})
    network.to(options.device, memory_format=torch.channels_last)
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(0.998))
    optimizer = torch.optim.AdamW(network.parameters(), PEAK, betas=(0.9, 0.99), weight_decay=0.01)
    scheduler = build_scheduler()
    alphas = scheduler.alphas_cumprod.to(options.device).clamp(0, 1)
    path = options.work / "diffusion.safetensors"
    modules = {"network": network, "average": average}
    step, spent = load_checkpoint(path, modules=modules, optimizers=[optimizer])
    clock = Clock(minutes, spent=spent)
    seen = saved = clock.spent
    losses: list[float] = []

    # 3. The loop: noise a latent, ask for the velocity, with the caption dropped now and then.
    while clock.progress < 1 and not (options.smoke and step >= 3):
        optimizer.param_groups[0]["lr"] = learning_rate(PEAK, clock.progress)
        batch = 8 if options.smoke else BATCH
        if clock.progress < FOCUS_FROM:
            rows = torch.randint(len(bank.captions), (batch,))
        else:
            rows = bank.focus[torch.randint(len(bank.focus), (batch,))]
        clean = bank.latents[rows].float().to(options.device)  # (B, 4, 16, 16)
        ids = torch.where(torch.rand(len(rows), 1) < DROPPED, nothing, tokens[rows]).to(options.device)  # (B, T)
        t = torch.randint(0, len(alphas), (len(rows),), device=options.device)
        a, s = (x.sqrt().view(-1, 1, 1, 1) for x in (alphas[t], 1 - alphas[t]))
        noise = torch.randn_like(clean)
        with torch.autocast(options.device, torch.bfloat16):
            text = network["text"](ids)[0]  # (B, T, WIDTH)
            noised = (a * clean + s * noise).contiguous(memory_format=torch.channels_last)
            velocity = network["unet"](noised, t, text).sample
        loss = F.mse_loss(velocity.float(), a * noise - s * clean)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        average.update_parameters(network)
        step += 1
        losses.append(loss.item())
        if clock.spent - seen > 30:
            say(f"diffusion step {step} loss {np.mean(losses[-30:]):.4f} spent {clock.spent:.0f} s")
            seen = clock.spent
        if clock.spent - saved > 180:
            save_checkpoint(path, modules=modules, optimizers=[optimizer], step=step, spent=clock.spent)
            saved = clock.spent
    save_checkpoint(path, modules=modules, optimizers=[optimizer], step=step, spent=clock.spent)

    facts = {
        "steps": step, "minutes": round(clock.spent / 60, 1), "loss": round(float(np.mean(losses[-100:] or [0])), 4),
        "parameters": {k: sum(p.numel() for p in m.parameters()) for k, m in average.module.items()},
    }
    say(f"diffusion done: {facts}")
    return assemble(vae, tokenizer, average.module.eval(), scheduler), facts


def assemble(vae, tokenizer, networks, scheduler):
    """The parts as one StableDiffusionPipeline on the CPU in float32."""
    from diffusers import StableDiffusionPipeline

    return StableDiffusionPipeline(
        vae=vae.float(), text_encoder=networks["text"].float(), tokenizer=tokenizer, unet=networks["unet"].float(),
        scheduler=scheduler, safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    ).to("cpu")
