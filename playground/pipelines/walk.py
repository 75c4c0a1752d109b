"""Runs that start between two pictures: initial noise by spherical, prompt embeddings by linear interpolation."""

from __future__ import annotations

import inspect
from typing import Any

from playground.errors import BadRequest
from playground.requests import DiffusionRequest, TextToImageRequest
from playground.wording import say

ENCODED = ("prompt_embeds", "negative_prompt_embeds", "pooled_prompt_embeds", "negative_pooled_prompt_embeds")
ENCODER = {"prompt", "device", "num_images_per_prompt", "do_classifier_free_guidance", "negative_prompt"}


def count(request: DiffusionRequest) -> int:
    """How many pictures a run makes."""
    return request.frames if getattr(request, "walks", False) else request.num_images


def arguments(request: TextToImageRequest, pipe: Any, *, size: tuple[int, int], title: str) -> dict[str, Any]:
    """The pipeline's arguments for variations or a strip of `size` pictures, {} where neither is asked for; BadRequest
    where the model's noise or text cannot be interpolated here."""
    import torch

    if not request.walks and not request.variation:
        return {}
    if not interpolates(pipe, prompts=bool(request.to_prompt)):
        raise BadRequest(say("pipelines.diffusion.no_walk", model=title), field="model")
    other = request.seed if request.to_seed is None else request.to_seed
    last = request.frames - 1
    ways = [(other, i / last) for i in range(request.frames)] if request.walks else [
        (request.seed + 1 + i, request.variation) for i in range(request.num_images)
    ]
    shape = (1, pipe.unet.config.in_channels, *(side // pipe.vae_scale_factor for side in reversed(size)))
    starts = [between(request.seed, seed, share, shape=shape, dtype=pipe.text_encoder.dtype) for seed, share in ways]
    made = {
        "latents": torch.cat([noise for noise, _ in starts]),  # (B, C, h, w)
        "generator": [generator for _, generator in starts], "num_images_per_prompt": len(starts),
    }
    return made | prompts(request, pipe, [share for _, share in ways]) if request.to_prompt else made


def interpolates(pipe: Any, *, prompts: bool) -> bool:
    """Whether a pipeline starts from plain latents of its autoencoder and, for prompts, encodes as Stable Diffusion does."""
    network, autoencoder = getattr(pipe, "unet", None), getattr(pipe, "vae", None)
    known = inspect.signature(pipe.__call__).parameters
    if network is None or autoencoder is None or "latents" not in known:
        return False
    if network.config.in_channels != autoencoder.config.get("latent_channels"):
        return False
    return not prompts or ("prompt_embeds" in known and ENCODER <= inspect.signature(pipe.encode_prompt).parameters.keys())


def between(seed: int, other: int, share: float, *, shape: tuple[int, ...], dtype: Any) -> tuple[Any, Any]:
    """Noise `share` of the way from one seed's to another's, each drawn as the pipeline itself would, and the nearer
    seed's generator: schedulers that add noise at every step go on drawing from it."""
    import torch

    ends = [torch.Generator("cpu").manual_seed(s) for s in (seed, other)]
    first, second = (torch.randn(shape, generator=end, dtype=dtype) for end in ends)
    return slerp(first, second, share), ends[share > 0.5]


def slerp(first: Any, second: Any, share: float) -> Any:
    """Spherical interpolation of two tensors as vectors, exact at both ends: noise between two noises keeps their
    length, which a mean would not (Shoemake, Animating rotation with quaternion curves, 1985)."""
    import torch

    a, b = first.float(), second.float()
    angle = torch.arccos(((a * b).sum() / (a.norm() * b.norm())).clamp(-1, 1))
    if torch.sin(angle) < 1e-4:  # the same direction, or none to turn in
        return torch.lerp(a, b, share).to(first.dtype)
    mixed = (torch.sin((1 - share) * angle) * a + torch.sin(share * angle) * b) / torch.sin(angle)
    return (first if share == 0 else second if share == 1 else mixed).to(first.dtype)


def prompts(request: TextToImageRequest, pipe: Any, shares: list[float]) -> dict[str, Any]:
    """Embeddings of one picture for each share of the way from prompt to to_prompt, in place of the prompts."""
    import torch

    guided = pipe.unet.config.get("time_cond_proj_dim") is None
    with torch.no_grad():
        first, second = (
            pipe.encode_prompt(
                prompt=prompt, device=pipe.device, num_images_per_prompt=1, do_classifier_free_guidance=guided,
                negative_prompt=request.negative_prompt if guided else None,
            )
            for prompt in (request.prompt, request.to_prompt)
        )
    mixed = {
        name: torch.cat([torch.lerp(a, b, share) for share in shares])  # (B, L, D), pooled (B, D)
        for name, a, b in zip(ENCODED, first, second, strict=False) if a is not None
    }
    return mixed | {"prompt": None, "negative_prompt": None, "num_images_per_prompt": 1}
