"""A tiny random VITS voice, saved to a folder and loaded like any other."""

from __future__ import annotations

import json
from pathlib import Path

import torch

LETTERS = " abcdefghijklmnopqrstuvwxyz'-"


def tokenizer(folder: Path, **changes):
    """A VitsTokenizer that knows small letters."""
    from transformers import VitsTokenizer

    folder.mkdir(parents=True, exist_ok=True)
    names = [*LETTERS, "<unk>"]
    (folder / "vocab.json").write_text(json.dumps({name: i for i, name in enumerate(names)}), encoding="utf8")
    return VitsTokenizer(**{
        "vocab_file": str(folder / "vocab.json"), "pad_token": " ", "unk_token": "<unk>", "add_blank": True,
        "normalize": True, "phonemize": False, "language": "eng",
    } | changes)


def vits(folder: Path, **changes) -> Path:
    """A VitsModel 16 wide that makes 16 samples of each frame. changes: of its tokenizer."""
    from transformers import VitsConfig, VitsModel

    torch.manual_seed(0)
    made = tokenizer(folder, **changes)
    network = VitsModel(VitsConfig(
        vocab_size=len(made), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, ffn_dim=16, flow_size=16,
        spectrogram_bins=9, upsample_initial_channel=16, upsample_rates=[4, 4], upsample_kernel_sizes=[8, 8],
        resblock_kernel_sizes=[3], resblock_dilation_sizes=[[1, 3]], prior_encoder_num_flows=1,
        prior_encoder_num_wavenet_layers=1, posterior_encoder_num_wavenet_layers=1, duration_predictor_num_flows=1,
        depth_separable_num_layers=1, sampling_rate=16_000,
    ))
    network.save_pretrained(folder)
    made.save_pretrained(folder)
    return folder
