"""Tiny random LoRA files for the tiny diffusion checkpoints, written by diffusers and peft as any other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from playground.lora_files import Lora

TARGETS = ("to_q", "to_k", "to_v")


def lora(pipe: Any, path: Path, *, base: str = "", seed: int = 1, rank: int = 2, encoder: bool = False) -> Lora:
    """A LoRA for a pipeline's denoiser, and where asked for its text encoder. Its layers are of a size that shows."""
    from diffusers.utils import convert_state_dict_to_diffusers
    from peft import LoraConfig, get_peft_model_state_dict

    part = "unet" if getattr(pipe, "unet", None) is not None else "transformer"
    layers = {f"{part}_lora_layers": (getattr(pipe, part), TARGETS)}
    if encoder:
        layers["text_encoder_lora_layers"] = (pipe.text_encoder, ("q_proj", "v_proj"))
    made = {}
    for name, (network, targets) in layers.items():
        torch.manual_seed(seed)
        network.add_adapter(LoraConfig(r=rank, lora_alpha=rank, target_modules=list(targets), init_lora_weights=False))
        weights = get_peft_model_state_dict(network)
        weights = {key: torch.randn(value.shape) * 0.5 for key, value in weights.items()}
        made[name] = weights if part in name else convert_state_dict_to_diffusers(weights)
        network.delete_adapters("default") if hasattr(network, "delete_adapters") else network.delete_adapter("default")
    path.parent.mkdir(parents=True, exist_ok=True)
    type(pipe).save_lora_weights(path.parent, weight_name=path.name, safe_serialization=True, **made)
    return Lora(name=path.stem, path=path, base=base, words="")
