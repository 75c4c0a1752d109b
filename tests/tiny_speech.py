"""A tiny random VITS voice in a transformers folder; it hums, for about as long as a person would speak."""

from __future__ import annotations

import json
import math
from pathlib import Path

import torch

RATE = 16_000
FRAMES_A_LETTER = 12  # each of 16 samples, before speed


def vits(folder: Path, **settings) -> Path:
    """A VitsModel and its VitsTokenizer. settings: of the tokenizer, for example phonemize=True."""
    from transformers import VitsConfig, VitsModel, VitsTokenizer

    folder.mkdir(parents=True, exist_ok=True)
    letters = [" ", *"abcdefghijklmnopqrstuvwxyz'-", "<unk>"]
    vocabulary = folder / "vocab.json"
    vocabulary.write_text(json.dumps({letter: i for i, letter in enumerate(letters)}))
    tokenizer = VitsTokenizer(
        str(vocabulary), pad_token=" ", unk_token="<unk>",
        **{"add_blank": True, "normalize": True, "phonemize": False, "is_uroman": False} | settings,
    )
    torch.manual_seed(0)
    network = VitsModel(VitsConfig(
        vocab_size=len(letters), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, ffn_dim=16, flow_size=16,
        spectrogram_bins=9, upsample_initial_channel=16, upsample_rates=[4, 4], upsample_kernel_sizes=[8, 8],
        resblock_kernel_sizes=[3], resblock_dilation_sizes=[[1, 3]], prior_encoder_num_flows=1,
        prior_encoder_num_wavenet_layers=1, posterior_encoder_num_wavenet_layers=1, duration_predictor_num_flows=1,
        depth_separable_num_layers=1, use_stochastic_duration_prediction=False, duration_predictor_filter_channels=16,
        sampling_rate=RATE,
    ))
    torch.nn.init.zeros_(network.duration_predictor.proj.weight)
    torch.nn.init.constant_(network.duration_predictor.proj.bias, math.log(FRAMES_A_LETTER - 0.5))
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
