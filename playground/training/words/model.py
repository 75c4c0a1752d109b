"""The network and its training: a small Llama, Muon for its matrices, AdamW for its embedding and its norms."""

from __future__ import annotations

import time
from typing import Any

from playground.training.recipe import (
    Clock,
    Options,
    autocast,
    clear_weights,
    learning_rate,
    load_checkpoint,
    machine,
    save_checkpoint,
    say,
    write_facts,
)
from playground.training.words import data

BATCH = 8192        # tokens
LENGTH = 256        # tokens of a row at first; whole contexts from LONG on
LONG = 0.75         # of the budget
MUON_PEAK = 0.02
ADAM_PEAK = 3e-3
SMOKE_STEPS = 3
CHUNK = 512         # tokens whose logits are held at once
CACHED = 2048       # tokens whose activations a CPU keeps in its cache


def build(tokenizer, *, smoke: bool = False):
    """A LlamaForCausalLM of 5.6 M parameters, a quarter of them in the embedding that is also its last layer.

    The sizes suit 25 minutes of two CPU cores: about two passes over the books, where a deeper network sees too little
    text and a smaller one learns too little from it.
    """
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    width, inner, layers, heads = (64, 128, 2, 2) if smoke else (256, 768, 5, 4)
    network = LlamaForCausalLM(LlamaConfig(
        hidden_size=width, intermediate_size=inner, num_hidden_layers=layers, num_attention_heads=heads,
        vocab_size=len(tokenizer), max_position_embeddings=data.CONTEXT, tie_word_embeddings=True,
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


def backward(network, rows, *, scale: float) -> float:
    """Adds `scale` times the gradient of the mean cross-entropy of `rows` (B, T + 1); returns that mean in nats.

    The last layer's logits are the largest tensor by far, so they are made a chunk at a time, turned into their own
    gradient in place (softmax minus one-hot) and dropped.
    """
    import torch
    import torch.nn.functional as F

    inputs, targets = rows[:, :-1], rows[:, 1:].reshape(-1)
    with autocast(rows.device.type):
        hidden = network.model(inputs, use_cache=False).last_hidden_state  # (B, T, C)
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


def train_step(network, optimizers: list, rows, *, progress: float) -> float:
    """One batch, in parts that fit a CPU's cache; returns the mean loss in nats."""
    length = rows.shape[1] - 1
    parts = rows.split(max(1, CACHED // length)) if rows.device.type == "cpu" else [rows]
    loss = sum(backward(network, part, scale=len(part) / len(rows)) * len(part) / len(rows) for part in parts)
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(group["peak"], progress)
        optimizer.step()
        optimizer.zero_grad()
    return loss


def train(options: Options, tokenizer, books: list[data.Book], *, most_steps: int | None = None):
    """Trains until the minutes are spent or `most_steps` are done; returns the network and the facts of the training."""
    import torch

    corpus = data.load_corpus(tokenizer, books)
    batches = data.Batches(corpus, seed=options.seed)
    torch.manual_seed(options.seed)
    network = build(tokenizer, smoke=options.smoke).to(options.device).train()
    chosen = optimizers(network)
    path = options.work / "words.safetensors"
    step, spent = load_checkpoint(path, modules={"network": network}, optimizers=chosen)
    say(f"{len(corpus.tokens)} tokens, {network.num_parameters()} parameters, from step {step}, {spent:.0f} s spent")
    clock = Clock(options.minutes, spent=spent)
    seen = saved = clock.spent
    batch = 1024 if options.smoke else BATCH
    most = SMOKE_STEPS if options.smoke and most_steps is None else most_steps
    smooth = None
    while clock.progress < 1 and (most is None or step < most):
        length = LENGTH if clock.progress < LONG else data.CONTEXT
        rows = torch.from_numpy(batches(step, tokens=batch, length=length)).to(options.device)
        loss = train_step(network, chosen, rows, progress=clock.progress)
        smooth = loss if smooth is None else 0.97 * smooth + 0.03 * loss
        step += 1
        if clock.spent - seen > 20:
            say(f"step {step} loss {smooth:.4f} passes {step * batch / len(corpus.tokens):.2f} spent {clock.spent:.0f} s")
            seen = clock.spent
        if clock.spent - saved > 180:
            save_checkpoint(path, modules={"network": network}, optimizers=chosen, step=step, spent=clock.spent)
            saved = clock.spent
    spent = clock.spent
    save_checkpoint(path, modules={"network": network}, optimizers=chosen, step=step, spent=spent)
    return network.eval(), {
        "seed": options.seed, "hardware": machine(options.device), "date": time.strftime("%Y-%m-%d"),
        "minutes": round(spent / 60, 1), "steps": step, "tokens_seen": step * batch,
        "parameters": network.num_parameters(), "loss": None if smooth is None else round(smooth, 4),
    }


def save(options: Options, tokenizer, network, facts: dict[str, Any]) -> None:
    """Writes the transformers folder: half-precision weights in small files, the tokenizer, settings and facts."""
    from transformers import GenerationConfig

    network.generation_config = GenerationConfig(
        do_sample=True, temperature=0.8, top_p=0.95, top_k=50, repetition_penalty=1.1, max_new_tokens=200,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )
    clear_weights(options.out)
    network.half().save_pretrained(options.out, max_shard_size="10MB")
    tokenizer.save_pretrained(options.out)
    if facts["loss"] is None:  # nothing was left to train: the earlier run's loss stands
        facts = {key: value for key, value in facts.items() if key != "loss"}
    write_facts(options.out, facts)
    say(f"saved {options.out}: {facts['parameters']} parameters after {facts['steps']} steps")
