"""The models that are part of this repository: trained by its own recipes, small, and there without a network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from playground.catalog.card import PICTURE_TASKS, SCHEDULER_OWN, STARTERS, ModelCard
from playground.requests import Limits


def with_article(words: str) -> str:
    """"a" or "an" before the words, nothing before a plural."""
    if words.endswith("s") and words[-2:-1] not in ("a", "i", "o", "s", "u"):
        return words
    return f"{'an' if words.startswith(tuple('aeiou')) else 'a'} {words}"


@cache
def facts(folder: Path) -> Mapping[str, Any]:
    """A starter's facts.json; {} where its recipe has not been run."""
    path = folder / "facts.json"
    return MappingProxyType(json.loads(path.read_text(encoding="utf8")) if path.exists() else {})


def weight_bytes(folder: Path) -> int:
    """Bytes of the safetensors files in a starter's folder, counted twice: float32 in memory, float16 on disk."""
    return 2 * sum(p.stat().st_size for p in folder.rglob("*.safetensors"))


def starter(name: str, *, made: int = 0, **values: Any) -> ModelCard:
    """The card of a starter model; its training data line, memory and what it knows come from its folder. made: bytes of
    the tables that are worked out while it is loaded."""
    folder = STARTERS / name
    known = facts(folder)
    return ModelCard(
        id=name, folder=folder, licence=known.get("licence", "Apache-2.0"),
        training_data=known.get("data", "see its recipe"), memory=max(weight_bytes(folder), 1_000_000) + made,
        things=tuple(known.get("objects", ())), styles=tuple(known.get("styles", ())),
        grounds=tuple(known.get("grounds", ())), ground_colours=known.get("ground_colours", {}),
        vocabulary=frozenset(known.get("vocabulary", ())), voices=tuple(known.get("voices", ())), **values,
    )


def starter_cards() -> tuple[ModelCard, ...]:
    """One for each kind of model."""
    return (
        starter(
            "words", title="Words (starter)", adapter="text", tasks=frozenset({"text_generation"}),
            sentence="Continues an old-fashioned story, at once, on any computer.",
            bad_at="It knows no facts, loses the thread after a few sentences and only writes English prose.",
            defaults={
                "max_new_tokens": 160, "temperature": 0.8, "top_p": 0.95, "top_k": 50, "repetition_penalty": 1.1,
            },
            limits={"max_new_tokens": Limits(low=1, high=800)},
        ),
        starter(
            "pictures", title="Pictures (starter)", adapter="diffusion", tasks=PICTURE_TASKS,
            sentence="Draws a small glossy thing, in a colour of your choice and on a coloured ground, within a second or two.",
            bad_at="It knows about a hundred things: no scenes, people, photographs, lettering. Two things at once become blobs.",
            defaults={
                "steps": 8, "guidance_scale": 3.0, "width": 128, "height": 128, "scheduler": SCHEDULER_OWN,
                "strength": 0.75, "image_to_image.steps": 10, "inpainting.strength": 1.0,
            },
            options={"guidance_distilled": True},
            limits={
                "steps": Limits(low=1, high=60), "guidance_scale": Limits(low=1, high=7, step=0.1),
                "width": Limits(low=128, high=128, multiple_of=8), "height": Limits(low=128, high=128, multiple_of=8),
            },
        ),
        starter(
            "sharpen", title="Sharpen (starter)", adapter="upscale", tasks=frozenset({"super_resolution"}),
            sentence="Enlarges a picture with crisper edges than plain stretching.",
            bad_at="It invents no detail: faces and lettering that are a blur stay a blur.",
            defaults={"tile": 256},
        ),
        starter(
            "voice", title="Voice (starter)", made=2 * 9999 * 160 * 4,  # where each of 9999 frames stands, read and spoken
            adapter="speech", tasks=frozenset({"text_to_speech"}),
            sentence="Reads English text aloud in a woman's or a man's voice, numbers and dates too, at once.",
            bad_at="It sounds like the plain speech program that taught it: calm, a little flat, and English only.",
        ),
    )
