"""The picture model's own words: a CLIP tokenizer with a small vocabulary, and a small CLIP text encoder."""

from __future__ import annotations

import json
from pathlib import Path

MAX_TOKENS = 32
WIDTH = 192
BOS, EOS = "<|startoftext|>", "<|endoftext|>"


def build_tokenizer(words: list[str]):
    """A CLIPTokenizer whose byte-pair merges were learned from `words`; any other text falls apart into bytes."""
    from tokenizers import Tokenizer, pre_tokenizers, trainers
    from tokenizers.models import BPE
    from transformers import CLIPTokenizer

    pattern = CLIPTokenizer().backend_tokenizer
    learner = Tokenizer(BPE(end_of_word_suffix="</w>", continuing_subword_prefix="", unk_token=EOS))
    learner.normalizer, learner.pre_tokenizer = pattern.normalizer, pattern.pre_tokenizer
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=2000, special_tokens=[BOS, EOS], initial_alphabet=alphabet, end_of_word_suffix="</w>",
        show_progress=False,
    )
    learner.train_from_iterator(words, trainer)
    state = json.loads(learner.to_str())["model"]
    vocab = dict(state["vocab"])
    for letter in alphabet:
        vocab.setdefault(letter + "</w>", len(vocab))
    merges = [tuple(m) for m in state["merges"]]
    return CLIPTokenizer(vocab=vocab, merges=merges, model_max_length=MAX_TOKENS)


def kept_tokenizer(folder: Path, words: list[str]):
    """The tokenizer in `folder`, learned and saved there at first: learning breaks ties by chance, so a resumed run
    that learned it anew would give the trained text encoder other ids."""
    from transformers import CLIPTokenizer

    if not (folder / "tokenizer.json").exists():
        build_tokenizer(words).save_pretrained(folder)
    return CLIPTokenizer.from_pretrained(folder)


def build_text_encoder(tokenizer):
    """A CLIPTextModel of 3 layers, 192 wide, that reads at most MAX_TOKENS tokens; trained with the denoiser."""
    from transformers import CLIPTextConfig, CLIPTextModel

    return CLIPTextModel(CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=WIDTH, intermediate_size=2 * WIDTH, num_hidden_layers=3,
        num_attention_heads=4, max_position_embeddings=MAX_TOKENS, projection_dim=WIDTH,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    ))


def encode(tokenizer, captions: list[str]):
    """Token ids, padded and cut to MAX_TOKENS; (B, MAX_TOKENS) int64."""
    return tokenizer(
        captions, padding="max_length", truncation=True, max_length=MAX_TOKENS, return_tensors="pt",
    ).input_ids
