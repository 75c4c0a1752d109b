"""Tiny random language models with their tokenizers, saved to a folder and loaded like any other."""

from __future__ import annotations

from pathlib import Path

import torch

SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
TEMPLATE = (
    "{% for m in messages %}"
    "{% if m.role == 'user' and not loop.first and messages[loop.index0 - 1].role == 'user' %}"
    "{{ raise_exception('two questions in a row') }}{% endif %}"
    "<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def tokenizer(*, words: str = "", chat: bool = False):
    """Byte-level BPE; without `words`, a text to learn merges from, it knows single bytes only."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = Tokenizer(models.BPE(vocab={p: i for i, p in enumerate([*SPECIAL, *letters])}, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    if words:
        backend.train_from_iterator([words], trainers.BpeTrainer(
            vocab_size=320, initial_alphabet=letters, special_tokens=list(SPECIAL), show_progress=False,
        ))
    made = PreTrainedTokenizerFast(
        tokenizer_object=backend, eos_token=SPECIAL[0], bos_token=SPECIAL[0],
        additional_special_tokens=list(SPECIAL[1:]),
    )
    if chat:
        made.chat_template = TEMPLATE
    return made


def sentencepiece_tokenizer():
    """A tokenizer like Llama 2's: pieces carry a mark for the space before them, and unknown letters fall to bytes."""
    from tokenizers import Tokenizer, decoders, models, normalizers
    from transformers import PreTrainedTokenizerFast

    pieces = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁", "▁a", "▁the", "e", "t", "o", "h"]
    backend = Tokenizer(models.BPE(
        vocab={p: i for i, p in enumerate(pieces)}, merges=[], unk_token="<unk>", byte_fallback=True, fuse_unk=True,
    ))
    backend.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    backend.decoder = decoders.Sequence([
        decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0),
    ])
    return PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="<unk>", bos_token="<s>", eos_token="</s>")


def saved(network, made, folder: Path) -> Path:
    """Saves both; the network never ends by itself, so that a run has exactly the asked number of tokens."""
    network.generation_config.eos_token_id = None
    network.save_pretrained(folder)
    made.save_pretrained(folder)
    return folder


def llama(folder: Path, *, context: int = 256, made=None, **changes) -> Path:
    """A LlamaForCausalLM 32 wide."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    made = made or tokenizer()
    network = LlamaForCausalLM(LlamaConfig(**{
        "vocab_size": len(made), "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": context,
        "bos_token_id": made.bos_token_id, "eos_token_id": made.eos_token_id, "initializer_range": 0.3,
    } | changes))
    return saved(network, made, folder)


def gpt2(folder: Path, *, context: int = 256) -> Path:
    """A GPT2LMHeadModel 32 wide."""
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    made = tokenizer()
    network = GPT2LMHeadModel(GPT2Config(
        vocab_size=len(made), n_embd=32, n_layer=2, n_head=4, n_positions=context, bos_token_id=made.bos_token_id,
        eos_token_id=made.eos_token_id, initializer_range=0.3,
    ))
    return saved(network, made, folder)


def qwen(folder: Path) -> Path:
    """A Qwen3_5ForCausalLM: one layer of linear attention, one of full."""
    from transformers import Qwen3_5ForCausalLM, Qwen3_5TextConfig

    torch.manual_seed(0)
    made = tokenizer(chat=True)
    network = Qwen3_5ForCausalLM(Qwen3_5TextConfig(
        vocab_size=len(made), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=8, layer_types=["linear_attention", "full_attention"],
        linear_num_key_heads=2, linear_num_value_heads=2, linear_key_head_dim=8, linear_value_head_dim=8,
        max_position_embeddings=256, bos_token_id=made.bos_token_id, eos_token_id=made.eos_token_id,
        rope_parameters={
            "rope_type": "default", "rope_theta": 10_000.0, "partial_rotary_factor": 0.25, "mrope_section": [1, 1, 0],
        },
    ))
    return saved(network, made, folder)


def gemma(folder: Path) -> Path:
    """A Gemma4ForConditionalGeneration without eyes and ears, as multimodal families are published."""
    from transformers import Gemma4Config, Gemma4ForConditionalGeneration, Gemma4TextConfig

    torch.manual_seed(0)
    made = tokenizer()
    text = Gemma4TextConfig(
        vocab_size=len(made), vocab_size_per_layer_input=len(made), hidden_size=32, intermediate_size=64,
        num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, head_dim=8, global_head_dim=8,
        hidden_size_per_layer_input=8, num_kv_shared_layers=0, max_position_embeddings=256,
        layer_types=["sliding_attention", "full_attention"], bos_token_id=made.bos_token_id,
        eos_token_id=made.eos_token_id, pad_token_id=0,
    )
    network = Gemma4ForConditionalGeneration(Gemma4Config(text_config=text, vision_config=None, audio_config=None))
    return saved(network, made, folder)


def gpt_oss(folder: Path) -> Path:
    """A GptOssForCausalLM of two experts."""
    from transformers import GptOssConfig, GptOssForCausalLM

    torch.manual_seed(0)
    made = tokenizer()
    network = GptOssForCausalLM(GptOssConfig(
        vocab_size=len(made), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=8, num_local_experts=2, num_experts_per_tok=1, max_position_embeddings=256,
        bos_token_id=made.bos_token_id, eos_token_id=made.eos_token_id, pad_token_id=0,
        rope_parameters={"rope_type": "default", "rope_theta": 10_000.0},
    ))
    return saved(network, made, folder)
