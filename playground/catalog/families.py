"""What each class of picture pipeline can do here, and by which names: the same for every model of a class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from playground.catalog.card import PICTURE_TASKS, SCHEDULER_OWN

FLOW = {"own_scheduler": True}  # flow matching: the classic samplers do not work on it
ANEW, REDRAWN, REPAINTED = "text_to_image", "image_to_image", "inpainting"


@dataclass(frozen=True, kw_only=True)
class Family:
    """One class of pipeline. tasks: that it serves, proven on a tiny checkpoint; base: the family of LoRA files that fit;
    sisters: the class for a task where the library's own table does not know it; options: for the card, see there."""

    tasks: frozenset[str] = PICTURE_TASKS
    base: str = ""
    sisters: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)


FAMILIES: Mapping[str, Family] = {
    "StableDiffusionPipeline": Family(base="sd1"),
    "StableDiffusionInpaintPipeline": Family(tasks=frozenset({REPAINTED}), base="sd1"),
    "StableDiffusionInstructPix2PixPipeline": Family(
        tasks=frozenset({REDRAWN}), base="sd1", sisters={REDRAWN: "StableDiffusionInstructPix2PixPipeline"},
        options={"edits_by_instruction": True, "one_each": True, "arguments": {"image_guidance_scale": 1.5}},
    ),
    "StableDiffusionXLPipeline": Family(base="sdxl"),
    "StableDiffusionXLInpaintPipeline": Family(
        tasks=frozenset({REPAINTED}), base="sdxl", sisters={REPAINTED: "StableDiffusionXLInpaintPipeline"},
    ),
    "FluxPipeline": Family(base="flux1", options=FLOW | {"guidance_distilled": True}),
    "FluxFillPipeline": Family(
        tasks=frozenset({REPAINTED}), base="flux1", sisters={REPAINTED: "FluxFillPipeline"},
        options=FLOW | {"guidance_distilled": True},
    ),
    "FluxKontextPipeline": Family(
        tasks=frozenset({ANEW, REDRAWN}), base="flux1", sisters={REDRAWN: "FluxKontextPipeline"},
        options=FLOW | {"edits_by_instruction": True, "guidance_distilled": True, "arguments": {"_auto_resize": False}},
    ),
    "Flux2KleinPipeline": Family(
        base="flux2-klein",
        sisters={REDRAWN: "Flux2KleinPipeline", REPAINTED: "Flux2KleinInpaintPipeline"},
        options=FLOW | {"edits_by_instruction": True, "guidance_distilled": True},
    ),
    "ZImagePipeline": Family(base="z-image", options=FLOW),
    "QwenImagePipeline": Family(base="qwen-image", options=FLOW | {"guidance": "true_cfg_scale", "empty_negative": " "}),
    "QwenImageEditPlusPipeline": Family(
        tasks=frozenset({REDRAWN}), base="qwen-image", sisters={REDRAWN: "QwenImageEditPlusPipeline"},
        options=FLOW | {"edits_by_instruction": True, "guidance": "true_cfg_scale", "empty_negative": " "},
    ),
    "SanaSprintPipeline": Family(
        tasks=frozenset({ANEW, REDRAWN}), sisters={REDRAWN: "SanaSprintImg2ImgPipeline"},
        options=FLOW | {"guidance_distilled": True, "arguments": {"use_resolution_binning": False}},
    ),
    "Krea2Pipeline": Family(tasks=frozenset({ANEW}), options=FLOW),
}


def picture(
    *, steps: int, guidance_scale: float, size: int, strength: float | None = None, **more: Any
) -> dict[str, Any]:
    """The defaults of a picture model. strength: None where it only draws anew; more: of single tasks, such as
    {"inpainting.strength": 1.0}."""
    given = {} if strength is None else {"strength": strength}
    return {
        "steps": steps, "guidance_scale": guidance_scale, "width": size, "height": size, "scheduler": SCHEDULER_OWN,
        **given, **more,
    }
