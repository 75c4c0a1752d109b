"""Super-resolution models of the hub."""

from __future__ import annotations

from playground.catalog.card import ModelCard, gigabytes

ENLARGING = frozenset({"super_resolution"})


def upscale_cards() -> tuple[ModelCard, ...]:
    """From the smallest to the largest. Swin2SR for real photographs is offered with pickled weights only, so it is not here."""
    return (
        *(
            ModelCard(
                id=f"swin2sr-x{scale}", title=f"Swin2SR classical x{scale}",
                repository=f"caidas/swin2SR-classical-sr-x{scale}-64", adapter="upscale", tasks=ENLARGING,
                pipeline="Swin2SRForImageSuperResolution", on_cpu=True, sentence=sentence,
                bad_at="Slow on a CPU; noise and JPEG damage are enlarged too.", licence="Apache-2.0",
                training_data="DIV2K and Flickr2K photographs", download=gigabytes(0.05), memory=gigabytes(0.05),
                largest=gigabytes(0.05), defaults={"tile": 128}, options={"scale": scale},
            )
            for scale, sentence in (
                (2, "A careful enlarger for clean pictures, made to double them."),
                (4, "As careful, and made for four times the size."),
            )
        ),
        ModelCard(
            id="sd-x4", title="Stable Diffusion x4 upscaler", repository="stabilityai/stable-diffusion-x4-upscaler",
            adapter="diffusion_upscale", tasks=ENLARGING, pipeline="StableDiffusionUpscalePipeline", variant="fp16",
            sentence="Invents the detail that a small picture lacks.",
            bad_at="It is slow, and what it invents need not be what was there: faces and lettering change.",
            licence="CreativeML OpenRAIL++-M", training_data="web pictures with captions (LAION)",
            download=gigabytes(1.8), memory=gigabytes(1.8), largest=gigabytes(1.0), bits=16, defaults={"tile": 128},
            options={"scale": 4, "steps": 25},
        ),
    )
