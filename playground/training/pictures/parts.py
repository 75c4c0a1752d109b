"""What the stages hand on to each other in the work folder: the autoencoder, the denoisers, and their facts."""

from __future__ import annotations

import json
import shutil
from typing import Any

from playground.training.recipe import Options, write_facts

VAE = "vae"


def keep(options: Options, *, facts: dict[str, Any], vae=None, networks=None, name: str = "base") -> None:
    """Saves an autoencoder, or a denoiser with its text encoder under `name`, and merges the stage's facts."""
    if vae is not None:
        vae.save_pretrained(options.work / VAE)
    if networks is not None:
        networks["unet"].save_pretrained(options.work / name / "unet")
        networks["text"].save_pretrained(options.work / name / "text_encoder")
    write_facts(options.work, facts)


def facts(options: Options) -> dict[str, Any]:
    """What the stages so far have measured."""
    return json.loads((options.work / "facts.json").read_text(encoding="utf8"))


def borrow(options: Options) -> None:
    """Takes the autoencoder of the starter that `--begin` names, once, and what its facts say of it."""
    if not (options.work / VAE).exists():
        shutil.copytree(options.begin / VAE, options.work / VAE)
        known = json.loads((options.begin / "facts.json").read_text(encoding="utf8"))
        write_facts(options.work, {"autoencoder": known["autoencoder"], "begun_with_minutes": known["minutes"]})


def load_vae(options: Options):
    """The autoencoder of the work folder, float32, on the recipe's device."""
    import torch
    from diffusers import AutoencoderKL

    return AutoencoderKL.from_pretrained(options.work / VAE, torch_dtype=torch.float32).to(options.device)


def load_networks(options: Options, name: str = "base"):
    """(tokenizer, {"unet", "text"}) that a stage kept under `name`, float32, on the recipe's device."""
    import torch
    from diffusers import UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTokenizer

    folder = options.work / name
    networks = torch.nn.ModuleDict({
        "unet": UNet2DConditionModel.from_pretrained(folder / "unet", torch_dtype=torch.float32),
        "text": CLIPTextModel.from_pretrained(folder / "text_encoder", dtype=torch.float32),
    })
    return CLIPTokenizer.from_pretrained(options.work / "tokenizer"), networks.to(options.device)
