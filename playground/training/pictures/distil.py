"""Stage 5: guidance distilled, so that a step costs one evaluation of the denoiser instead of two.

The student starts as a copy of the denoiser and is told the guidance scale; it learns to give at once what the teacher
gives by classifier-free guidance. Method: Meng et al. 2023, "On Distillation of Guided Diffusion Models", first stage.
"""

from __future__ import annotations

from playground.training.loop import Training
from playground.training.pictures import bank as banks
from playground.training.pictures import data
from playground.training.pictures.diffusion import GUIDANCE_WIDTH, Examples, build_denoiser
from playground.training.recipe import Options, autocast, compiled, say

PEAK = 3e-4
SCALES = 1.0, 7.0  # guidance scales that the student learns


def told(scales):
    """Guidance scales (B,) as the embedding (B, GUIDANCE_WIDTH) that diffusers' pipeline gives to the denoiser."""
    from diffusers import StableDiffusionPipeline

    return StableDiffusionPipeline.get_guidance_scale_embedding(None, scales.cpu() - 1, GUIDANCE_WIDTH).to(scales.device)


def begin_student(teacher):
    """A guided denoiser that gives what the teacher gives, whatever scale it is told."""
    import torch

    student = build_denoiser(guided=True)
    missing, unknown = student.load_state_dict(teacher.state_dict(), strict=False)
    if unknown or missing != ["time_embedding.cond_proj.weight"]:
        raise ValueError(f"the student's weights differ from the teacher's in {missing + unknown}")
    torch.nn.init.zeros_(student.time_embedding.cond_proj.weight)
    return student


def train(options: Options, pack: data.Pack, vae, tokenizer, networks, *, minutes: float):
    """Trains until the minutes are spent; returns the networks with the student for a denoiser, and facts."""
    import torch
    import torch.nn.functional as F

    examples = Examples(options, banks.encode(options, pack, vae), tokenizer)
    teacher, text = networks["unet"].eval().requires_grad_(False), networks["text"].eval().requires_grad_(False)
    student = begin_student(teacher).to(options.device, memory_format=torch.channels_last)
    training = Training(options, "distil", student, minutes=minutes, peak=PEAK, kept=0.99, weight_decay=0.01)
    ask, answer = compiled(options, teacher.to(memory_format=torch.channels_last)), compiled(options, student)
    for _ in training.steps():
        noised, _, t, ids = examples.draw()
        scales = torch.empty(len(ids), device=ids.device).uniform_(*SCALES)
        with autocast(options.device):
            with torch.no_grad():
                said, unsaid = text(ids)[0], text(examples.nothing)[0].expand(len(ids), -1, -1)
                both = ask(torch.cat([noised, noised]), torch.cat([t, t]), torch.cat([said, unsaid])).sample.float()
            guess = answer(noised, t, said, timestep_cond=told(scales)).sample
        with_words, without = both.chunk(2)
        target = without + scales.view(-1, 1, 1, 1) * (with_words - without)
        training.learn(F.mse_loss(guess.float(), target))
    facts = training.facts | {"guidance_scales": list(SCALES)}
    say(f"distil done: {facts}")
    return torch.nn.ModuleDict({"unet": training.averaged, "text": text}), facts
