"""The training scenes as latents: composed by all cores and encoded once, so that training never waits for them."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass

import numpy as np

from playground.training.pictures import data, scenes
from playground.training.recipe import Options, autocast, say

CHUNK = 64
SCENES = {"cpu": 16_000, "cuda": 240_000}


@dataclass(frozen=True)
class Bank:
    """latents: (N, 4, 16, 16) float16, scaled to a deviation of 1; captions: one of each scene."""

    latents: object
    captions: list[str]


def pixels_of(pictures: np.ndarray):
    """(B, H, W, 3) uint8 as float32 (B, 3, H, W) in -1..1."""
    import torch

    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


@dataclass(frozen=True)
class Chunks:
    """`count` times CHUNK scenes, as a data set of torch's: chunk n is the same at every call."""

    pack: data.Pack
    seed: int
    count: int

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> tuple[np.ndarray, list[str]]:
        rng = np.random.default_rng((self.seed, number))
        made = [scenes.sample(self.pack, rng) for _ in range(CHUNK)]
        return np.stack([pixels for pixels, _ in made]), [caption for _, caption in made]


def encode(options: Options, pack: data.Pack, vae) -> Bank:
    """The bank in the work folder, made first where it is not there."""
    import torch
    from safetensors.torch import load_file, save_file
    from torch.utils.data import DataLoader

    place, words = options.work / "bank.safetensors", options.work / "bank.json"
    if place.exists() and words.exists():
        return Bank(latents=load_file(place)["latents"], captions=json.loads(words.read_text()))
    count = 2 if options.smoke else SCENES[options.device] // CHUNK
    vae = vae.to(options.device, memory_format=torch.channels_last)
    latents, captions = [], []
    chunks = Chunks(pack, options.seed + 1, count)
    loader = DataLoader(chunks, batch_size=None, num_workers=os.cpu_count() or 1, collate_fn=tuple)
    for number, (pictures, some) in enumerate(loader):
        pixels = pixels_of(pictures).to(options.device, memory_format=torch.channels_last)
        with torch.inference_mode(), autocast(options.device):
            code = vae.encode(pixels).latent_dist.mode()
        latents.append((code.float() * vae.config.scaling_factor).half().cpu())
        captions += some
        if number % 50 == 49:
            say(f"encoded {len(captions)} scenes")
    bank = Bank(latents=torch.cat(latents).contiguous(), captions=captions)
    save_file({"latents": bank.latents}, place)
    words.write_text(json.dumps(captions))
    return bank
