"""`python -m playground.examples`: makes the example cards of every tab anew, with the starters, from a table of requests."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from playground.catalog import ASSETS
from playground.engine import Engine
from playground.events import AudioResult, Done, ImagesResult, TextResult
from playground.images import on_white, open_image
from playground.requests import REQUESTS, Request
from playground.sounds import encode, spectrogram_picture

FOLDER = ASSETS / "examples"
SPECTROGRAM = (320, 96)
SIDES = ("left", "top", "right", "bottom")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """An example to make. name: what its files are called; request: values of the tab's controls, pictures by file name,
    for inpainting a box in percent; what it does not name stays at the model's default."""

    task: str
    name: str
    title: str
    request: Mapping[str, Any]


TEXTS = (
    Plan(
        task="text_generation", name="lighthouse", title="The lighthouse", request={
            "prompt": "Once upon a time there was a little girl who lived in a lighthouse.", "max_new_tokens": 120, "seed": 1,
        },
    ),
    Plan(
        task="text_generation", name="rabbit", title="A walk with a rabbit",
        request={"prompt": '"Where are we going?" asked the rabbit.', "max_new_tokens": 120, "seed": 1},
    ),
)
DRAWN = (
    Plan(task="text_to_image", name="robot", title="Robot", request={"prompt": "a robot on a pink background", "seed": 1}),
    Plan(
        task="text_to_image", name="rocket-up", title="Rocket",
        request={"prompt": "a rocket on a light blue background", "seed": 1},
    ),
)
REDRAWN = (
    Plan(
        task="image_to_image", name="cat-to-fox", title="Cat to fox",
        request={"image": "cat.png", "prompt": "a fox on a blue background", "strength": 0.8, "seed": 1},
    ),
    Plan(
        task="image_to_image", name="scribble-to-sunflower", title="Scribble to sunflower",
        request={"image": "sketch.png", "prompt": "a sunflower", "strength": 0.75, "seed": 1},
    ),
)
REPAINTED = (
    Plan(
        task="inpainting", name="apple-heart", title="A heart in an apple", request={
            "image": "apple.png", "prompt": "a blue heart", "left": 25, "top": 30, "right": 75, "bottom": 80, "seed": 1,
        },
    ),
)
ENLARGED = (
    Plan(task="super_resolution", name="rocket-large", title="Rocket", request={"image": "rocket.png", "scale": 2}),
)
SPOKEN = (
    Plan(
        task="text_to_speech", name="morning", title="Good morning",
        request={"text": "Good morning! The kettle is on, and the bread is still warm."},
    ),
)
PLANS = (*TEXTS, *DRAWN, *REDRAWN, *REPAINTED, *ENLARGED, *SPOKEN)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m playground.examples", description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the start pictures are and the files go")
    args = parser.parse_args(argv)
    engine = starters()
    made: dict[str, list[dict[str, Any]]] = {}
    for plan in PLANS:
        entry = make(engine, plan, folder=args.folder)
        made.setdefault(plan.task, []).append(entry)
        print(f"{plan.task:16} {plan.title}: {entry['seconds']} s", flush=True)
    engine.close()
    text = json.dumps(made, indent=1, ensure_ascii=False)
    (args.folder / "examples.json").write_text(text + "\n", encoding="utf8")


def starters() -> Engine:
    """An engine on the CPU, so that the same files come again."""
    from playground import device

    device.prepare_threads()
    from playground import pipelines
    from playground.catalog import Catalog, cards
    from playground.pool import ModelPool

    return Engine(catalog=Catalog(cards()), pool=ModelPool(choose=lambda: device.choose("cpu"), load=pipelines.load))


def asked(plan: Plan, folder: Path = FOLDER) -> Request:
    """The request of a plan, as the tab builds it from its controls."""
    from playground.tabs import inpaint

    values = dict(plan.request)
    if "image" in values:
        values["image"] = open_image(folder / values["image"])
    if "left" in values:
        values["mask"] = inpaint.box(values["image"].size, *(values.pop(side) for side in SIDES))
    request = next(r for r in REQUESTS if r.task == plan.task)
    return request(**values)


def run(engine: Engine, request: Request) -> Done:
    """The end of a run."""
    *_, done = engine.run(request, "examples")
    return done


def make(engine: Engine, plan: Plan, *, folder: Path) -> dict[str, Any]:
    """Runs a plan and saves what comes of it; its entry in the manifest."""
    request = asked(plan, folder)
    done = run(engine, request)
    seconds = sum(value for name, value in done.timings.items() if name not in ("queue", "load"))
    entry: dict[str, Any] = {"title": plan.title, "request": dict(plan.request), "seconds": round(seconds, 2)}
    match done.result:
        case TextResult(text=text):
            return entry | {"text": text}
        case ImagesResult(images=images):
            return entry | pictures(plan, request, images[0], folder=folder)
        case AudioResult(samples=samples, sample_rate=rate):
            (folder / f"{plan.name}.ogg").write_bytes(encode(samples, rate, "ogg"))
            small = spectrogram_picture(samples, rate).resize(SPECTROGRAM, Image.Resampling.LANCZOS)
            small.save(folder / f"{plan.name}-spectrogram.webp", quality=80, method=6)
            files = {"sound": f"{plan.name}.ogg", "spectrogram": f"{plan.name}-spectrogram.webp"}
            return entry | files | {"seconds": round(len(samples) / rate, 2)}
    raise AssertionError(done.result)


def pictures(plan: Plan, request: Any, after: Image.Image, *, folder: Path) -> dict[str, Any]:
    """Saves a picture and what it is shown beside; the files' names and the picture's size."""
    entry = {"picture": save(after, folder / f"{plan.name}.webp"), "size": list(after.size)}
    if plan.task in ("image_to_image", "inpainting"):
        entry["before"] = plan.request["image"]
    if plan.task == "inpainting":
        entry["mask"] = save(request.mask, folder / f"{plan.name}-mask.webp")
    if plan.task == "super_resolution":
        stretched = on_white(request.image).resize(after.size, Image.Resampling.BICUBIC)
        entry["before"] = save(stretched, folder / f"{plan.name}-before.webp")
    return entry


def save(picture: Image.Image, path: Path) -> str:
    """Saves a picture as it is to the byte; its file's name."""
    picture.save(path, lossless=True, quality=100, method=6)
    return path.name


if __name__ == "__main__":
    main()
