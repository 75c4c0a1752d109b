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
        vocab_size=2400, special_tokens=[BOS, EOS], initial_alphabet=alphabet, end_of_word_suffix="</w>",
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


def begin_with(networks, tokenizer, folder: Path) -> None:
    """Takes up weights of an earlier starter in a diffusers folder wherever name and shape are the same; the text
    encoder's embeddings go from word piece to word piece, for the two tokenizers number them differently."""
    import torch
    from diffusers import UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTokenizer

    unet = UNet2DConditionModel.from_pretrained(folder / "unet", torch_dtype=torch.float32)
    text = CLIPTextModel.from_pretrained(folder / "text_encoder", dtype=torch.float32)
    old = CLIPTokenizer.from_pretrained(folder / "tokenizer").get_vocab()
    for network, earlier in ((networks["unet"], unet), (networks["text"], text)):
        own, taken = network.state_dict(), earlier.state_dict()
        network.load_state_dict({k: taken[k] if k in taken and taken[k].shape == v.shape else v for k, v in own.items()})
    pairs = [(i, old[piece]) for piece, i in tokenizer.get_vocab().items() if piece in old]
    rows, origins = (torch.tensor(part) for part in zip(*pairs, strict=True))
    with torch.no_grad():
        networks["text"].get_input_embeddings().weight[rows] = text.get_input_embeddings().weight[origins]
