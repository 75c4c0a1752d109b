"""Tiny random upscalers: a compact network's folder as the starter has it, and a Swin2SR and a diffusion one as the hub's."""

from __future__ import annotations

import json
from pathlib import Path

import torch


def compact(folder: Path, *, upscale: int = 4) -> Path:
    """An SRVGG of 16 features that enlarges bicubically and adds a little noise of its own."""
    from safetensors.torch import save_file

    from playground.networks import srvgg

    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    network = srvgg.SRVGG(num_feat=16, num_conv=3, upscale=upscale)
    network.start_at_bicubic()
    with torch.no_grad():
        network.body[-1].weight += 0.02 * torch.randn_like(network.body[-1].weight)
    save_file({k: v.half().contiguous() for k, v in network.state_dict().items()}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({"num_feat": 16, "num_conv": 3, "upscale": upscale}))
    return folder


def swin2sr(folder: Path, *, upscale: int = 2) -> Path:
    """A Swin2SR with a window of 4."""
    from transformers import Swin2SRConfig, Swin2SRForImageSuperResolution

    torch.manual_seed(0)
    Swin2SRForImageSuperResolution(Swin2SRConfig(
        image_size=16, patch_size=1, embed_dim=16, depths=[1], num_heads=[2], window_size=4, upscale=upscale,
        upsampler="pixelshuffledirect",
    )).save_pretrained(folder)
    return folder


def diffusion_upscaler(folder: Path) -> Path:
    """A StableDiffusionUpscalePipeline of four times the size."""
    from diffusers import AutoencoderKL, DDIMScheduler, DDPMScheduler, StableDiffusionUpscalePipeline

    from tests.tiny_diffusion import clip_text_encoder, clip_tokenizer, unet

    torch.manual_seed(0)
    tokenizer = clip_tokenizer()
    blocks = {"down_block_types": ("DownEncoderBlock2D",) * 3, "up_block_types": ("UpDecoderBlock2D",) * 3}
    StableDiffusionUpscalePipeline(
        vae=AutoencoderKL(
            block_out_channels=(8, 16, 16), latent_channels=4, norm_num_groups=4, scaling_factor=0.08333, **blocks,
        ),
        text_encoder=clip_text_encoder(tokenizer), tokenizer=tokenizer,
        unet=unet(7, attention_head_dim=8, only_cross_attention=(True, True), num_class_embeds=100),
        low_res_scheduler=DDPMScheduler(), scheduler=DDIMScheduler(prediction_type="v_prediction"), max_noise_level=99,
    ).save_pretrained(folder)
    return folder
