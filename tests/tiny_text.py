"""Tiny random language models in transformers folders: a few kilobytes, loaded by the same classes as the large ones."""

from __future__ import annotations

from pathlib import Path

import torch

CONTEXT = 256
CHAT = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% if enable_thinking is false %}[calm]{% endif %}{% endif %}"
)
SPECIAL = ("<|story|>", "<|im_start|>", "<|im_end|>")
SMALL = {
    "vocab_size": 256 + len(SPECIAL), "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "max_position_embeddings": CONTEXT,
    "bos_token_id": None, "eos_token_id": None, "pad_token_id": None,
}


def byte_tokenizer(*, template: str = "", opens: bool = True):
    """A byte-level tokenizer without merges: one token a byte. opens: it puts <|story|> before every text itself."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    pieces = [*sorted(pre_tokenizers.ByteLevel.alphabet()), *SPECIAL]
    tokenizer = Tokenizer(models.BPE(vocab={piece: i for i, piece in enumerate(pieces)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    if opens:
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{SPECIAL[0]} $A", special_tokens=[(SPECIAL[0], pieces.index(SPECIAL[0]))]
        )
    made = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=SPECIAL[0], eos_token=SPECIAL[2], additional_special_tokens=[SPECIAL[1]],
    )
    if template:
        made.chat_template = template
    return made


def metaspace_tokenizer():
    """A word tokenizer of the SentencePiece kind, whose decoder drops the space before the first word."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    pieces = ["<unk>", "</s>", *(f"▁{word}" for word in "once upon a time there was the end".split())]
    tokenizer = Tokenizer(models.WordLevel(vocab={piece: i for i, piece in enumerate(pieces)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", eos_token="</s>")


def llama(folder: Path, *, tokenizer=None, context: int = CONTEXT) -> Path:
    """A LlamaForCausalLM with float16 weights, as the starter has; it never ends by itself, and it minds its prompt."""
    from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

    tokenizer = tokenizer or byte_tokenizer()
    torch.manual_seed(0)
    network = LlamaForCausalLM(LlamaConfig(
        hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        vocab_size=len(tokenizer), max_position_embeddings=context, tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=None, pad_token_id=None, initializer_range=0.3,
    ))
    network.generation_config = GenerationConfig(do_sample=True, temperature=0.8, top_k=50, max_new_tokens=200)
    network.half().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def gpt2(folder: Path, *, context: int = CONTEXT) -> Path:
    """A GPT2LMHeadModel with learned positions, which breaks beyond its context."""
    from transformers import GPT2Config, GPT2LMHeadModel

    tokenizer = byte_tokenizer(opens=False)
    torch.manual_seed(0)
    GPT2LMHeadModel(GPT2Config(
        n_embd=32, n_layer=2, n_head=4, n_positions=context, vocab_size=len(tokenizer), bos_token_id=None,
        eos_token_id=None,
    )).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def chat_llama(folder: Path) -> Path:
    """A Llama whose tokenizer has a chat template that knows enable_thinking."""
    return llama(folder, tokenizer=byte_tokenizer(template=CHAT, opens=False))


def qwen(folder: Path) -> Path:
    """A Qwen3_5ForCausalLM: one layer of linear attention, one of full."""
    from transformers import Qwen3_5ForCausalLM, Qwen3_5TextConfig

    rope = {"rope_type": "default", "rope_theta": 10_000.0, "partial_rotary_factor": 0.25, "mrope_section": [1, 1, 0]}
    return family(folder, Qwen3_5ForCausalLM, Qwen3_5TextConfig(
        **SMALL, layer_types=["linear_attention", "full_attention"], linear_num_key_heads=2, linear_num_value_heads=2,
        linear_key_head_dim=8, linear_value_head_dim=8, rope_parameters=rope,
    ))


def gemma(folder: Path) -> Path:
    """A Gemma4ForConditionalGeneration without eyes and ears: multimodal, as such families are published."""
    from transformers import Gemma4Config, Gemma4ForConditionalGeneration, Gemma4TextConfig

    words = Gemma4TextConfig(
        **SMALL | {"pad_token_id": 0}, vocab_size_per_layer_input=SMALL["vocab_size"], global_head_dim=8,
        hidden_size_per_layer_input=8, num_kv_shared_layers=0, layer_types=["sliding_attention", "full_attention"],
    )
    whole = Gemma4Config(text_config=words, vision_config=None, audio_config=None)
    return family(folder, Gemma4ForConditionalGeneration, whole)


def gpt_oss(folder: Path) -> Path:
    """A GptOssForCausalLM of two experts."""
    from transformers import GptOssConfig, GptOssForCausalLM

    rope = {"rope_type": "default", "rope_theta": 10_000.0}
    return family(folder, GptOssForCausalLM, GptOssConfig(
        **SMALL, num_local_experts=2, num_experts_per_tok=1, rope_parameters=rope,
    ))


def smollm3(folder: Path) -> Path:
    """A SmolLM3ForCausalLM."""
    from transformers import SmolLM3Config, SmolLM3ForCausalLM

    return family(folder, SmolLM3ForCausalLM, SmolLM3Config(**SMALL))


def lfm3(folder: Path) -> Path:
    """A Lfm3ForCausalLM: one layer of convolution, one of attention."""
    from transformers import Lfm3Config, Lfm3ForCausalLM

    return family(folder, Lfm3ForCausalLM, Lfm3Config(**SMALL, layer_types=["conv", "full_attention"]))


def family(folder: Path, kind, config) -> Path:
    """A network of a kind with random weights that never ends by itself, and the tokenizer that knows single bytes."""
    torch.manual_seed(0)
    network = kind(config)
    network.generation_config.eos_token_id = None
    network.save_pretrained(folder)
    byte_tokenizer(opens=False).save_pretrained(folder)
    return folder
