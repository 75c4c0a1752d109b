"""Tiny random upscalers, saved to a folder: the compact family as its recipe writes it, and Swin2SR as the hub has it."""

from __future__ import annotations

import json
from pathlib import Path

import torch


def compact(folder: Path, *, upscale: int = 4, num_feat: int = 12, num_conv: int = 3) -> Path:
    """An SRVGG whose result is near the enlarged picture, with random detail."""
    from safetensors.torch import save_file

    from playground.networks.srvgg import SRVGG

    torch.manual_seed(0)
    network = SRVGG(num_feat=num_feat, num_conv=num_conv, upscale=upscale)
    folder.mkdir(parents=True, exist_ok=True)
    save_file({k: v.half().contiguous() for k, v in network.state_dict().items()}, folder / "model.safetensors")
    config = {"num_feat": num_feat, "num_conv": num_conv, "upscale": upscale}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf8")
    return folder


def swin(folder: Path, *, upscale: int = 2) -> Path:
    """A Swin2SRForImageSuperResolution 16 wide with windows of 4 pixels."""
    from transformers import Swin2SRConfig, Swin2SRForImageSuperResolution
    from transformers.models.swin2sr.image_processing_pil_swin2sr import Swin2SRImageProcessorPil

    torch.manual_seed(0)
    Swin2SRForImageSuperResolution(Swin2SRConfig(
        image_size=16, patch_size=1, embed_dim=16, depths=[1], num_heads=[2], window_size=4, upscale=upscale,
        upsampler="pixelshuffledirect",
    )).save_pretrained(folder)
    Swin2SRImageProcessorPil(size_divisor=4).save_pretrained(folder)
    return folder
