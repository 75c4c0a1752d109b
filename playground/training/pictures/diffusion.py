"""Stage 4: the denoiser and its text encoder, trained on latents with v-prediction and a zero terminal SNR."""

from __future__ import annotations

from playground.training.loop import Training
from playground.training.pictures import bank as banks
from playground.training.pictures import data, scenes, words
from playground.training.recipe import Options, autocast, compiled, say

BATCH = {"cpu": 32, "cuda": 256}
PEAK = 7e-4
DROPPED = 0.1  # captions left out, for guidance
GUIDANCE_WIDTH = 64  # of the embedding that tells a distilled denoiser the guidance scale


def build_denoiser(*, guided: bool = False):
    """A UNet2DConditionModel of 11.4 M parameters, 0.9 GFLOP a pass over 16x16x4 latents; `guided`: it is also told a
    guidance scale (an input of width GUIDANCE_WIDTH), as a distilled one is."""
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        sample_size=data.SIZE // 8, in_channels=4, out_channels=4, layers_per_block=1,
        block_out_channels=(64, 128, 224), norm_num_groups=16, mid_block_type="UNetMidBlock2D",
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=words.WIDTH, attention_head_dim=8,
        time_cond_proj_dim=GUIDANCE_WIDTH if guided else None,
    )


def build_scheduler():
    """The noise schedule, as the sampler that the folder is saved with (DPM-Solver++, second order)."""
    from diffusers import DPMSolverMultistepScheduler

    return DPMSolverMultistepScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", prediction_type="v_prediction",
        rescale_betas_zero_snr=True, timestep_spacing="trailing", steps_offset=1,
    )


class Examples:
    """Draws training examples: noised latents of the bank, the velocity to predict, and their captions' token ids.

    Velocity is what diffusers' schedulers call v_prediction: sqrt(a) * noise - sqrt(1 - a) * clean.
    """

    def __init__(self, options: Options, bank: banks.Bank, tokenizer) -> None:
        self.bank, self.device = bank, options.device
        self.batch = 8 if options.smoke else BATCH[options.device]
        self.tokens = words.encode(tokenizer, bank.captions)  # (N, T)
        self.nothing = words.encode(tokenizer, [""]).to(options.device)  # (1, T)
        self.alphas = build_scheduler().alphas_cumprod.to(options.device).clamp(0, 1)  # (1000,)

    def draw(self):
        """Returns noised (B, 4, 16, 16), velocity of the same shape, timesteps (B,), ids (B, T)."""
        import torch

        rows = torch.randint(len(self.tokens), (self.batch,))
        clean = self.bank.latents[rows].float().to(self.device)
        t = torch.randint(0, len(self.alphas), (self.batch,), device=self.device)
        a, s = (x.sqrt().view(-1, 1, 1, 1) for x in (self.alphas[t], 1 - self.alphas[t]))
        noise = torch.randn_like(clean)
        noised = (a * clean + s * noise).contiguous(memory_format=torch.channels_last)
        return noised, a * noise - s * clean, t, self.tokens[rows].to(self.device)

    def dropped(self, ids):
        """The ids with some captions left out."""
        import torch

        return torch.where(torch.rand(len(ids), 1, device=ids.device) < DROPPED, self.nothing, ids)


def train(options: Options, pack: data.Pack, vae, *, minutes: float):
    """Trains until the minutes are spent; returns the averaged networks by name, and facts."""
    import torch
    import torch.nn.functional as F

    # 1. Words and latents.
    tokenizer = words.kept_tokenizer(options.work / "tokenizer", scenes.known_words(pack))
    bank = banks.encode(options, pack, vae)
    examples = Examples(options, bank, tokenizer)
    say(f"{len(bank.captions)} latents of deviation {bank.latents.float().std():.3f}, vocabulary {len(tokenizer)}")

    # 2. Networks and optimizer.
    torch.manual_seed(options.seed)
    network = torch.nn.ModuleDict({"unet": build_denoiser(), "text": words.build_text_encoder(tokenizer)})
    if options.begin:
        words.begin_with(network, tokenizer, options.begin)
    network.to(options.device, memory_format=torch.channels_last)
    training = Training(options, "diffusion", network, minutes=minutes, peak=PEAK, kept=0.998, weight_decay=0.01)
    denoise = compiled(options, network["unet"])

    # 3. The loop: noise a latent, ask for the velocity, with the caption dropped now and then.
    for _ in training.steps():
        noised, velocity, t, ids = examples.draw()
        with autocast(options.device):
            text = network["text"](examples.dropped(ids))[0]  # (B, T, WIDTH)
            guess = denoise(noised, t, text).sample
        training.learn(F.mse_loss(guess.float(), velocity))
    sizes = {k: sum(p.numel() for p in m.parameters()) for k, m in network.items()}
    facts = training.facts | {"batch": examples.batch, "scenes": len(bank.captions), "parameters": sizes}
    say(f"diffusion done: {facts}")
    return training.averaged, facts


def assemble(vae, tokenizer, networks):
    """The parts as one StableDiffusionPipeline on the CPU in float32."""
    from diffusers import StableDiffusionPipeline

    return StableDiffusionPipeline(
        vae=vae.float(), text_encoder=networks["text"].float(), tokenizer=tokenizer, unet=networks["unet"].float(),
        scheduler=build_scheduler(), safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    ).to("cpu")
