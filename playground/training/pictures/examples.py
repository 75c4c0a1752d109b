"""Stage 8: the pictures that the tabs offer to start from, drawn by the starter itself, and one coloured scribble."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw

from playground.catalog import ASSETS
from playground.training.pictures import data
from playground.training.pictures.measures import GUIDANCE
from playground.training.recipe import Options, say

PROMPTS = {"apple": "a red apple", "cat": "a cat", "rocket": "a rocket on a light blue background"}
GREY = "apple"  # the one that is also shown without its colours


def write(options: Options, folder: Path = ASSETS / "examples") -> None:
    """Draws the examples with the weights in the recipe's output folder."""
    import torch
    from diffusers import StableDiffusionPipeline

    pipeline = StableDiffusionPipeline.from_pretrained(options.out, dtype=torch.float32, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    folder.mkdir(parents=True, exist_ok=True)
    for name, prompt in PROMPTS.items():
        noise = torch.Generator().manual_seed(options.seed)
        made = pipeline(prompt=prompt, num_inference_steps=20, guidance_scale=GUIDANCE, generator=noise).images[0]
        made.save(folder / f"{name}.png")
        if name == GREY:
            made.convert("L").convert("RGB").save(folder / "grey.png")
    scribble().save(folder / "sketch.png")
    say(f"examples are in {folder}")


def scribble() -> Image.Image:
    """A flower as a child would paint it: yellow petals, a brown middle, a green stem on white."""
    side = data.SIZE * 4
    picture = Image.new("RGB", (side, side), "white")
    draw = ImageDraw.Draw(picture)
    draw.line((side * 0.5, side * 0.45, side * 0.52, side * 0.95), fill=(60, 160, 70), width=side // 18)
    draw.ellipse((side * 0.53, side * 0.66, side * 0.75, side * 0.78), fill=(60, 160, 70))
    draw.ellipse((side * 0.22, side * 0.08, side * 0.78, side * 0.64), fill=(250, 205, 60))
    draw.ellipse((side * 0.38, side * 0.24, side * 0.62, side * 0.48), fill=(120, 75, 45))
    return picture.resize((data.SIZE, data.SIZE), Image.Resampling.LANCZOS)
