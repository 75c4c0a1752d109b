"""Language models of the hub, from those that a laptop runs to those for the largest graphics cards."""

from __future__ import annotations

from typing import Any

from playground.catalog.card import ModelCard, gigabytes

TEXT = frozenset({"text_generation"})
CHAT = {"max_new_tokens": 256, "top_k": 0, "top_p": 1.0, "repetition_penalty": 1.0}
SMOL = CHAT | {"temperature": 0.2, "top_p": 0.9}
TALK = CHAT | {"temperature": 1.0, "top_k": 20}
CALM = CHAT | {"temperature": 0.7, "top_p": 0.8, "top_k": 20}
GEMMA = CHAT | {"temperature": 1.0, "top_p": 0.95, "top_k": 64}
SECRET = "not published in detail"
SOME = "It makes up facts and is sure of them; long sums go wrong."


def billions(count: float) -> dict[str, int]:
    """What so many billion parameters take in 16 bits, on disk and in memory."""
    size = gigabytes(2 * count)
    return {"download": size, "memory": size, "largest": size, "bits": 16}


def chatting(**values: Any) -> ModelCard:
    """A card of a model that answers."""
    return ModelCard(adapter="text", tasks=TEXT, chat=True, **{"training_data": SECRET, "bad_at": SOME} | values)


def text_cards() -> tuple[ModelCard, ...]:
    """From the smallest to the largest; sizes are of 16-bit weights."""
    return (
        ModelCard(
            id="gpt2", title="GPT-2", repository="openai-community/gpt2", adapter="text", tasks=TEXT,
            pipeline="GPT2LMHeadModel", on_cpu=True, sentence="The classic of 2019: completes any English text.",
            bad_at="It does not answer, it only goes on.", licence="MIT",
            training_data="web pages linked from Reddit until 2017",
            **billions(0.124) | {"download": gigabytes(0.55)},
            defaults={"max_new_tokens": 160, "temperature": 0.8, "top_p": 1.0, "top_k": 50, "repetition_penalty": 1.1},
        ),
        chatting(
            id="smollm2-135m", title="SmolLM2 135M Instruct", repository="HuggingFaceTB/SmolLM2-135M-Instruct",
            pipeline="LlamaForCausalLM", on_cpu=True, **billions(0.135), defaults=SMOL, licence="Apache-2.0",
            sentence="The smallest chat model that answers in sentences.", bad_at="Often wrong; English only.",
            training_data="web pages, code and textbooks, 2 trillion tokens",
        ),
        chatting(
            id="qwen3.5-0.8b", title="Qwen3.5 0.8B", repository="Qwen/Qwen3.5-0.8B", pipeline="Qwen3_5ForCausalLM",
            on_cpu=True, **billions(0.9), defaults=TALK, licence="Apache-2.0", languages=("201 languages",),
            sentence="A good small talker in almost any language.", bad_at="Facts, long sums and long memory.",
        ),
        chatting(
            id="qwen3.5-2b", title="Qwen3.5 2B", repository="Qwen/Qwen3.5-2B", pipeline="Qwen3_5ForCausalLM",
            **billions(2), defaults=CALM, licence="Apache-2.0", languages=("201 languages",),
            sentence="The steady middle: chats in almost any language on a small graphics card.",
        ),
        chatting(
            id="smollm3-3b", title="SmolLM3 3B", repository="HuggingFaceTB/SmolLM3-3B", pipeline="SmolLM3ForCausalLM",
            **billions(3.08), defaults=CHAT | {"temperature": 0.6, "top_p": 0.95}, licence="Apache-2.0",
            languages=("English", "French", "Spanish", "German", "Italian", "Portuguese"),
            sentence="Fully open, down to its training data, in six languages.",
            training_data="web pages, code and mathematics, all of it published",
        ),
        chatting(
            id="gemma-4-e2b", title="Gemma 4 E2B", repository="google/gemma-4-E2B-it", pipeline="Gemma4ForConditionalGeneration",
            **billions(5.1), defaults=GEMMA, licence="Apache-2.0", languages=("more than 140 languages",),
            sentence="Google's pocket model, quick for what it knows.",
        ),
        chatting(
            id="gemma-4-e4b", title="Gemma 4 E4B", repository="google/gemma-4-E4B-it", pipeline="Gemma4ForConditionalGeneration",
            **billions(8), defaults=GEMMA, licence="Apache-2.0", languages=("more than 140 languages",),
            sentence="The larger pocket model, for a good graphics card.",
        ),
        chatting(
            id="qwen3.5-9b", title="Qwen3.5 9B", repository="Qwen/Qwen3.5-9B", pipeline="Qwen3_5ForCausalLM",
            **billions(9.4), defaults=CALM, licence="Apache-2.0", languages=("201 languages",),
            sentence="Writes and reasons well in almost any language.",
        ),
        chatting(
            id="gpt-oss-20b", title="gpt-oss 20B", repository="openai/gpt-oss-20b", pipeline="GptOssForCausalLM",
            **billions(20.9) | {"download": gigabytes(14)}, defaults=CHAT | {"temperature": 1.0, "max_new_tokens": 512},
            licence="Apache-2.0", options={"hides": "analysis"},
            sentence="OpenAI's open model, which thinks before it answers.",
            bad_at="Other languages than English; it thinks at length before its first word is shown.",
        ),
        chatting(
            id="qwen3.5-27b", title="Qwen3.5 27B", repository="Qwen/Qwen3.5-27B", pipeline="Qwen3_5ForCausalLM",
            **billions(27), defaults=CALM, licence="Apache-2.0", languages=("201 languages",),
            sentence="Close to the best open models, for the largest graphics cards.",
        ),
        chatting(
            id="gemma-4-31b", title="Gemma 4 31B", repository="google/gemma-4-31B-it", pipeline="Gemma4ForConditionalGeneration",
            **billions(31), defaults=GEMMA, licence="Apache-2.0", languages=("more than 140 languages",),
            sentence="Google's large open model, for the largest graphics cards.",
        ),
    )
