"""Picture models of the hub: drawing, redrawing, repainting, from a laptop's to those for the largest graphics cards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from playground.catalog.card import Extra, ModelCard, gigabytes
from playground.catalog.families import FAMILIES, picture
from playground.requests import Limits

OPENRAIL, OPENRAIL_PP = "CreativeML OpenRAIL-M", "CreativeML OpenRAIL++-M"
FLUX_DEV = "FLUX.1 [dev] non-commercial licence"
LAION, SECRET = "web pictures with captions (LAION)", "not published in detail"
TINY_AUTOENCODERS = {"sd1": "madebyollin/taesd", "sd2": "madebyollin/taesd", "sdxl": "madebyollin/taesdxl"}  # by base
TINY_FILES = ("config.json", "diffusion_pytorch_model.safetensors")
GUIDED = {"guidance_scale": Limits(low=0, high=20, step=0.1)}
WORST = "Hands, faces and lettering."


def unguided(scale: float) -> dict[str, Limits]:
    """The limits of a model that was distilled to work at one guidance scale."""
    return {"guidance_scale": Limits(low=scale, high=scale, step=0.1)}


def gb(*, download: float, memory: float, largest: float) -> dict[str, int]:
    """Sizes in bytes, given in gigabytes; those in memory are of 16-bit weights."""
    return {"download": gigabytes(download), "memory": gigabytes(memory), "largest": gigabytes(largest), "bits": 16}


def drawing(pipeline: str, *, options: Mapping[str, Any] | None = None, **values: Any) -> ModelCard:
    """A card of a picture model; what its class of pipeline serves and how is known from there. A tiny autoencoder for its
    latents, where there is one, is fetched with it."""
    family = FAMILIES[pipeline]
    common = {"base": family.base, "training_data": SECRET, "limits": GUIDED} | values
    tiny = TINY_AUTOENCODERS.get(common["base"]) if "text_to_image" in family.tasks else None
    further = {"tiny_autoencoder": tiny} if tiny else {}
    return ModelCard(
        adapter="diffusion", pipeline=pipeline, tasks=family.tasks, sisters=family.sisters,
        options=dict(family.options) | further | dict(options or {}),
        extras=(Extra(repository=tiny, files=TINY_FILES, optional=True),) if tiny else (), **common,
    )


def picture_cards() -> tuple[ModelCard, ...]:
    """From the smallest to the largest; memory is of 16-bit weights."""
    return (*classics(), *middles(), *giants())


def classics() -> tuple[ModelCard, ...]:
    """Stable Diffusion of 2022 and its kin: 512 pixels, for laptops and small graphics cards."""
    fp16 = {"variant": "fp16"} | gb(download=2.2, memory=2.2, largest=1.72)
    return (
        drawing(
            "StableDiffusionPipeline", id="tiny-sd", title="Tiny SD", repository="segmind/tiny-sd", on_cpu=True,
            **gb(download=0.99, memory=1.0, largest=0.65), sentence="Quick sketches on any laptop.", bad_at=WORST,
            licence=OPENRAIL, training_data=LAION,
            defaults=picture(steps=22, guidance_scale=8.0, size=512, strength=0.75),
        ),
        drawing(
            "StableDiffusionPipeline", id="sd-1.5", title="Stable Diffusion 1.5",
            repository="stable-diffusion-v1-5/stable-diffusion-v1-5", **fp16, licence=OPENRAIL, training_data=LAION,
            sentence="The classic of 2022, for which most LoRA files were made.", bad_at=WORST,
            defaults=picture(steps=25, guidance_scale=7.5, size=512, strength=0.75),
        ),
        drawing(
            "StableDiffusionInpaintPipeline", id="sd-inpainting", title="Stable Diffusion inpainting",
            repository="stable-diffusion-v1-5/stable-diffusion-inpainting", **fp16, licence=OPENRAIL, training_data=LAION,
            sentence="Erases or replaces a part of a photograph.", bad_at="Faces, hands and lettering.",
            defaults=picture(steps=25, guidance_scale=7.5, size=512, strength=1.0),
        ),
        drawing(
            "StableDiffusionInstructPix2PixPipeline", id="instruct-pix2pix", title="InstructPix2Pix",
            repository="timbrooks/instruct-pix2pix", **fp16 | {"variant": "", "download": gigabytes(4.3)}, licence="MIT",
            sentence='Changes a whole picture as you tell it: "make it winter".',
            bad_at="Moving, adding or removing things; it changes more than it was told to.",
            training_data="pictures made in pairs by Stable Diffusion",
            defaults=picture(steps=25, guidance_scale=7.5, size=512, strength=1.0),
        ),
        drawing(
            "StableDiffusionPipeline", id="sd-turbo", title="SD Turbo", repository="stabilityai/sd-turbo", variant="fp16",
            on_cpu=True, base="sd2", **gb(download=2.6, memory=2.6, largest=1.74), commercial=False,
            licence="Stability AI licence: non-commercial unless registered", training_data=f"{LAION}, distilled",
            sentence="A picture in one step.", bad_at="Lettering and faces; it does not use guidance.",
            defaults=picture(
                steps=2, guidance_scale=0.0, size=512, strength=0.5, **{"image_to_image.steps": 4, "inpainting.steps": 4},
            ),
            limits={"steps": Limits(low=1, high=8)} | unguided(0), options={"guidance_distilled": True},
        ),
    )


def middles() -> tuple[ModelCard, ...]:
    """For graphics cards of 8 to 24 GB."""
    xl = {"variant": "fp16"} | gb(download=6.94, memory=6.94, largest=5.14)
    return (
        drawing(
            "StableDiffusionXLPipeline", id="sdxl-turbo", title="SDXL Turbo", repository="stabilityai/sdxl-turbo", **xl,
            commercial=False, licence="Stability AI non-commercial research licence",
            sentence="As quick as SD Turbo, and sharper.", bad_at="Lettering; it does not use guidance.",
            defaults=picture(
                steps=2, guidance_scale=0.0, size=512, strength=0.5, **{"image_to_image.steps": 4, "inpainting.steps": 4},
            ),
            limits={"steps": Limits(low=1, high=8)} | unguided(0), options={"guidance_distilled": True},
        ),
        drawing(
            "StableDiffusionXLPipeline", id="sdxl", title="Stable Diffusion XL",
            repository="stabilityai/stable-diffusion-xl-base-1.0", **xl, licence=OPENRAIL_PP,
            sentence="The big classic of 2023, with LoRA files for every style.", bad_at="Lettering and counting.",
            defaults=picture(steps=28, guidance_scale=6.0, size=1024, strength=0.6, **{"inpainting.strength": 0.95}),
        ),
        drawing(
            "StableDiffusionXLInpaintPipeline", id="sdxl-inpainting", title="Stable Diffusion XL inpainting",
            repository="diffusers/stable-diffusion-xl-1.0-inpainting-0.1", **xl, licence=OPENRAIL_PP,
            sentence="Repairs large photographs.", bad_at="Lettering; the colours of large holes can be off.",
            defaults=picture(steps=25, guidance_scale=8.0, size=1024, strength=0.95),
            limits=GUIDED | {"strength": Limits(low=0.05, high=0.95, step=0.05)},
        ),
        drawing(
            "SanaSprintPipeline", id="sana-sprint-1.6b", title="Sana Sprint 1.6B",
            repository="Efficient-Large-Model/Sana_Sprint_1.6B_1024px_diffusers",
            **gb(download=9.03, memory=9.03, largest=5.2), commercial=False,
            licence="not verified, taken as non-commercial: read it on the model's page",
            sentence="A large picture in two steps.", bad_at="Lettering and fine detail.",
            defaults=picture(
                steps=2, guidance_scale=4.5, size=1024, strength=0.6, **{"image_to_image.steps": 4},
            ),
            limits={"steps": Limits(low=1, high=8)} | GUIDED,
        ),
        drawing(
            "Flux2KleinPipeline", id="flux2-klein-4b", title="FLUX.2 klein 4B",
            repository="black-forest-labs/FLUX.2-klein-4B", **gb(download=16, memory=16, largest=8),
            licence="Apache-2.0", sentence="Fast pictures, and editing by plain instruction.", bad_at="Small lettering.",
            defaults=picture(steps=4, guidance_scale=1.0, size=1024, strength=0.8),
            limits={
                "steps": Limits(low=1, high=20), "width": Limits(low=256, high=2048, multiple_of=8),
                "height": Limits(low=256, high=2048, multiple_of=8),  # it refuses pictures with sides below 64
            } | unguided(1),
        ),
        drawing(
            "ZImagePipeline", id="z-image-turbo", title="Z-Image Turbo", repository="Tongyi-MAI/Z-Image-Turbo",
            **gb(download=33, memory=20.5, largest=12.3), licence="Apache-2.0", languages=("English", "Chinese"),
            sentence="Photo-like pictures with English and Chinese lettering.",
            bad_at="Two pictures of the same words look much alike.",
            defaults=picture(steps=9, guidance_scale=0.0, size=1024, strength=0.6, **{"inpainting.strength": 1.0}),
            limits={"steps": Limits(low=1, high=20)} | unguided(0), options={"guidance_distilled": True},
        ),
    )


def giants() -> tuple[ModelCard, ...]:
    """For graphics cards of 40 GB and more, and with parts that take turns also for smaller ones."""
    flux = gb(download=33, memory=33, largest=23.8)
    qwen = gb(download=53.7, memory=53.7, largest=40.9)
    return (
        drawing(
            "FluxPipeline", id="flux1-schnell", title="FLUX.1 schnell", repository="black-forest-labs/FLUX.1-schnell",
            **flux, licence="Apache-2.0", gated=True, sentence="The standard of 2024, in four steps.",
            bad_at="Styles and artists' names; long lettering.",
            defaults=picture(steps=4, guidance_scale=0.0, size=1024, strength=0.75, **{"inpainting.strength": 1.0}),
            limits={"steps": Limits(low=1, high=20)} | unguided(0),
            options={"arguments": {"max_sequence_length": 256}},
        ),
        drawing(
            "FluxFillPipeline", id="flux1-fill", title="FLUX.1 Fill dev", repository="black-forest-labs/FLUX.1-Fill-dev",
            **flux, licence=FLUX_DEV, commercial=False, gated=True,
            sentence="The best of the classic menders: fills a hole or continues a picture beyond its edge.",
            bad_at="It needs many steps.", options={"arguments": {"max_sequence_length": 512}},
            defaults=picture(steps=50, guidance_scale=30.0, size=1024, strength=1.0),
            limits={"guidance_scale": Limits(low=1, high=30, step=0.1), "strength": Limits(low=1, high=1, step=0.05)},
        ),
        drawing(
            "Krea2Pipeline", id="krea-2-turbo", title="Krea 2 Turbo", repository="krea/Krea-2-Turbo",
            **gb(download=33.5, memory=33.5, largest=24), commercial=False,
            licence="Krea 2 Community licence: free below a revenue that its page names",
            sentence="The prettiest of the fast ones.", bad_at="Long lettering.",
            defaults=picture(steps=8, guidance_scale=0.0, size=1024),
            limits={"steps": Limits(low=1, high=20)} | unguided(0), options={"guidance_distilled": True},
        ),
        drawing(
            "QwenImagePipeline", id="qwen-image-2512", title="Qwen-Image 2512", repository="Qwen/Qwen-Image-2512", **qwen,
            licence="Apache-2.0", languages=("English", "Chinese"), sentence="The best at lettering and layout.",
            bad_at="It is slow: two evaluations a step, forty steps.",
            defaults=picture(steps=40, guidance_scale=4.0, size=1024, strength=0.7, **{"inpainting.strength": 1.0}),
        ),
        drawing(
            "QwenImageEditPlusPipeline", id="qwen-image-edit-2511", title="Qwen-Image-Edit 2511",
            repository="Qwen/Qwen-Image-Edit-2511", **qwen, licence="Apache-2.0", languages=("English", "Chinese"),
            needs=("torchvision",), sentence='Edits a picture as you tell it: "put her on a beach".',
            bad_at="It is slow: two evaluations a step, forty steps.",
            defaults=picture(steps=40, guidance_scale=4.0, size=1024, strength=1.0),
        ),
    )
