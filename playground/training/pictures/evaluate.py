"""Stage 7: saves the diffusers folder in half precision, measures it, draws contact sheets, writes facts.json."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

from playground.training.pictures import data, measures, preview, scenes
from playground.training.pictures.things import GROUNDS, OWN_STYLE
from playground.training.recipe import Options, clear_weights, machine, say, write_facts

CREDITS = (
    "Trained on Fluent Emoji (c) Microsoft (MIT), Noto Emoji and Blobmoji (Apache-2.0), Twemoji (c) Twitter, Inc and other"
    " contributors (CC-BY 4.0)."
)
SHARD = "10MB"
COLUMNS = 13
CLAIMED_FROM = 0.5  # a style that is drawn less often when it is asked for is not offered


def save(pipeline, folder: Path) -> None:
    """Writes the pipeline as fp16 safetensors, every file under 12 MB."""
    import torch

    clear_weights(folder)
    pipeline.to(dtype=torch.float16).save_pretrained(folder, safe_serialization=True, max_shard_size=SHARD)
    pipeline.to(dtype=torch.float32)
    for path in folder.glob("*/config.json"):  # diffusers notes where a part was loaded from: a path of this machine
        settings = json.loads(path.read_text(encoding="utf8"))
        settings.pop("_name_or_path", None)
        path.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf8")


def contact_sheet(pictures, columns: int = COLUMNS):
    """Pictures (N, SIZE, SIZE, 3) uint8 in rows."""
    from PIL import Image

    sheet = Image.new("RGB", (columns * data.SIZE, -(-len(pictures) // columns) * data.SIZE), "white")
    for i, picture in enumerate(pictures):
        sheet.paste(Image.fromarray(picture), (i % columns * data.SIZE, i // columns * data.SIZE))
    return sheet


def write(options: Options, pack: data.Pack, pipeline, judge, *, known: dict) -> None:
    """Saves everything that belongs into the starter's folder, and contact sheets beside the checkpoints.

    known: the facts of the stages before.
    """
    pipeline.set_progress_bar_config(disable=True)
    save(pipeline, options.out)
    preview.fit(options, pack, pipeline.vae)
    measured, sheets = measures.measure(options, pack, pipeline, judge)
    for name, pictures in sheets.items():
        contact_sheet(pictures).save(options.work / f"{name}.png")
    before = known.get("begun_with_minutes", 0)  # an earlier starter's, its autoencoder's among them
    claimed = [s for s in pack.shown if s == OWN_STYLE or measured["styles"][s] >= CLAIMED_FROM]
    said = {word for words in scenes.known_words(pack) for word in words.lower().split()} - set(pack.shown) | set(claimed)
    stages = ("diffusion", "distil") if before else ("autoencoder", "decoder", "diffusion", "distil")
    write_facts(options.out, {
        "title": "Pictures",
        "data": f"{len(pack.things)} things of {len(pack.shown)} emoji styles, alone or together, on coloured grounds",
        "credits": CREDITS,
        "licence": "Apache-2.0",
        "seed": options.seed,
        "hardware": machine(options.device),
        "date": datetime.date.today().isoformat(),
        "minutes": round(before + sum(known[s]["minutes"] for s in stages if s in known), 1),
        **{name: facts for name, facts in known.items() if isinstance(facts, dict)},
        "measured": measured,
        "objects": list(pack.things),
        "styles": claimed,
        "grounds": list(GROUNDS),
        "ground_colours": GROUNDS,
        "vocabulary": sorted(said),
        "held_out": [f"{thing}, {style} style" for thing, style in sorted(pack.held_out)],
    })
    say(f"saved {options.out}; contact sheets are in {options.work}")
