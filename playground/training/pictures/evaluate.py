"""Stage 4: saves the diffusers folder in half precision, draws a contact sheet of fixed prompts, writes facts.json."""

from __future__ import annotations

import datetime
from pathlib import Path

from playground.training.pictures import data
from playground.training.recipe import Options, clear_weights, machine, say, write_facts

CREDITS = "Trained on Fluent Emoji (c) Microsoft Corporation (MIT)."
SHARD = "10MB"


def save(pipeline, folder: Path) -> None:
    """Writes the pipeline as fp16 safetensors, every file under 12 MB."""
    import torch

    clear_weights(folder)
    pipeline.to(dtype=torch.float16).save_pretrained(folder, safe_serialization=True, max_shard_size=SHARD)
    pipeline.to(dtype=torch.float32)


def contact_sheet(pipeline, prompts: list[str], *, steps: int, guidance: float, seed: int):
    """The prompts' pictures in rows of six, in order."""
    import torch
    from PIL import Image

    sheet = Image.new("RGB", (6 * data.SIZE, -(-len(prompts) // 6) * data.SIZE), "white")
    for start in range(0, len(prompts), 6):
        some = prompts[start:start + 6]
        generators = [torch.Generator().manual_seed(seed + start + i) for i in range(len(some))]
        pictures = pipeline(prompt=some, num_inference_steps=steps, guidance_scale=guidance, generator=generators).images
        for i, picture in enumerate(pictures):
            sheet.paste(picture, (i * data.SIZE, start // 6 * data.SIZE))
    return sheet


def examples(pack: data.Pack, count: int = 24) -> list[str]:
    """Prompts spread evenly over the objects that it is to draw well, some with a ground."""
    known = data.focused(pack).names
    names = [known[i * len(known) // count] for i in range(min(count, len(known)))]
    grounds = list(data.GROUNDS)
    return [n if i % 3 == 0 else f"{n} on a {grounds[i % len(grounds)]} background" for i, n in enumerate(names)]


def write(options: Options, pack: data.Pack, pipeline, *, autoencoder: dict, diffusion: dict) -> None:
    """Saves everything that belongs into the starter's folder, and the contact sheet beside the checkpoints."""
    pipeline.set_progress_bar_config(disable=True)
    save(pipeline, options.out)
    sheet = contact_sheet(pipeline, examples(pack), steps=2 if options.smoke else 20, guidance=3.0, seed=options.seed)
    sheet.save(options.work / "contact_sheet.png")
    write_facts(options.out, {
        "title": "Pictures",
        "data": f"{len(pack.names)} objects of one emoji style, each on a plain ground; at the end"
        f" only the {len(data.focused(pack).names)} that it is to draw well",
        "credits": CREDITS,
        "licence": "Apache-2.0",
        "seed": options.seed,
        "hardware": machine(options.device),
        "date": datetime.date.today().isoformat(),
        "minutes": round(autoencoder["minutes"] + diffusion["minutes"], 1),
        "autoencoder": autoencoder,
        "diffusion": diffusion,
        "objects": list(data.focused(pack).names),
        "objects_met": list(pack.names),
        "grounds": list(data.GROUNDS),
    })
    say(f"saved {options.out} and {options.work / 'contact_sheet.png'}")
