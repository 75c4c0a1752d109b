"""Super-resolution models of the hub."""

from __future__ import annotations

from playground.catalog.card import ModelCard, gigabytes

ENLARGING = frozenset({"super_resolution"})


def upscale_cards() -> tuple[ModelCard, ...]:
    """From the smallest to the largest. Swin2SR for real photographs is offered with pickled weights only, so it is not here."""
    return (
        ModelCard(
            id="swin2sr-x2", title="Swin2SR classical x2", repository="caidas/swin2SR-classical-sr-x2-64",
            adapter="upscale", tasks=ENLARGING, pipeline="Swin2SRForImageSuperResolution", on_cpu=True,
            sentence="A careful enlarger for clean pictures.",
            bad_at="Slow on a CPU; noise and JPEG damage are enlarged too.", licence="Apache-2.0",
            training_data="DIV2K and Flickr2K photographs", download=gigabytes(0.05), memory=gigabytes(0.05),
            largest=gigabytes(0.05), defaults={"tile": 128}, options={"scale": 2},
        ),
        ModelCard(
            id="sd-x4", title="Stable Diffusion x4 upscaler", repository="stabilityai/stable-diffusion-x4-upscaler",
            adapter="diffusion_upscale", tasks=ENLARGING, pipeline="StableDiffusionUpscalePipeline", variant="fp16",
            sentence="Invents the detail that a small picture lacks.",
            bad_at="It is slow, and what it invents need not be what was there: faces and lettering change.",
            licence="CreativeML OpenRAIL++-M", training_data="web pictures with captions (LAION)",
            download=gigabytes(1.8), memory=gigabytes(1.8), largest=gigabytes(1.0), defaults={"tile": 128},
            options={"scale": 4, "steps": 25},
        ),
    )
