"""The network and its training: a small Llama, Muon for its matrices, AdamW for its embedding and its norms."""

from __future__ import annotations

import math
import time
from typing import Any

from playground.training.recipe import (
    Clock, Options, learning_rate, load_checkpoint, machine, save_checkpoint, say, write_facts,
)
from playground.training.words import data

BATCH = 8192        # tokens
LENGTH = 256        # tokens of a row at first; whole contexts from LONG on
LONG = 0.75         # of the budget
MUON_PEAK = 0.02
ADAM_PEAK = 3e-3
SMOKE_STEPS = 3
CHUNK = 512


def build(tokenizer, *, smoke: bool = False):
    """A LlamaForCausalLM of 5.6 M parameters, a quarter of them in the embedding that is also its last layer.

    The sizes suit 25 minutes of two CPU cores: about two passes over the books, where a deeper network sees too little
    text and a smaller one learns too little from it.
    """
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    sizes = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2} if smoke else {
        "hidden_size": 256, "intermediate_size": 768, "num_hidden_layers": 5, "num_attention_heads": 4,
    }
    network = LlamaForCausalLM(LlamaConfig(
        **sizes, vocab_size=len(tokenizer), max_position_embeddings=data.CONTEXT, tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=None,
    ))
    for layer in network.model.layers:
        torch.nn.init.zeros_(layer.self_attn.o_proj.weight)
        torch.nn.init.zeros_(layer.mlp.down_proj.weight)
    return network


def optimizers(network) -> list:
    """Muon (Jordan et al. 2024) for the matrices of the layers, AdamW for the rest; each knows its own peak rate."""
    import torch

    matrices = [p for p in network.model.layers.parameters() if p.ndim == 2]
    others = [network.model.embed_tokens.weight, *(p for p in network.parameters() if p.ndim == 1)]
    muon = torch.optim.Muon(matrices, MUON_PEAK, momentum=0.95, weight_decay=0.05)
    adam = torch.optim.AdamW(others, ADAM_PEAK, betas=(0.9, 0.95), eps=1e-10, weight_decay=0.0)
    for optimizer, peak in ((muon, MUON_PEAK), (adam, ADAM_PEAK)):
        optimizer.param_groups[0]["peak"] = peak
    return [muon, adam]


def backward(network, rows, *, scale: float, bf16_residual: bool = False) -> float:
    """Adds `scale` times the gradient of the mean cross-entropy of `rows` (B, T + 1); returns that mean in nats.

    The last layer's logits are the largest tensor by far, so they are made a chunk at a time, turned into their own
    gradient in place (softmax minus one-hot) and dropped.
    """
    import torch
    import torch.nn.functional as F

    inputs, targets = rows[:, :-1], rows[:, 1:].reshape(-1)
    with torch.autocast(rows.device.type, torch.bfloat16):
        e = network.model.embed_tokens(inputs)
        hidden = network.model(inputs_embeds=e.bfloat16() if bf16_residual else e, use_cache=False).last_hidden_state  # (B, T, C)
    weight = network.lm_head.weight
    with torch.no_grad():
        flat, narrow = hidden.reshape(len(targets), -1).bfloat16(), weight.bfloat16()
        flat_gradient, weight_gradient = torch.empty_like(flat), torch.zeros_like(weight)
        total, share = 0.0, scale / len(targets)
        for begin in range(0, len(targets), CHUNK):
            chunk, wanted = flat[begin:begin + CHUNK], targets[begin:begin + CHUNK, None]
            logits = F.linear(chunk, narrow).float()  # (CHUNK, V)
            right = logits.gather(1, wanted)
            top = logits.amax(1, keepdim=True)
            normal = logits.sub_(top).exp_().sum(1, keepdim=True)
            total += (normal.log() + top - right).sum()
            logits.mul_(share / normal).scatter_add_(1, wanted, torch.full_like(right, -share))
            gradient = logits.bfloat16()
            flat_gradient[begin:begin + CHUNK] = gradient @ narrow
            weight_gradient += gradient.T @ chunk
    hidden.backward(flat_gradient.view_as(hidden).to(hidden.dtype))
    weight.grad = weight_gradient if weight.grad is None else weight.grad.add_(weight_gradient)
    return float(total) / len(targets)
