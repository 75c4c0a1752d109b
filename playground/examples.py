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
from playground.drawings import all_drawings, reduced
from playground.engine import Engine
from playground.events import AudioResult, Done, ImagesResult, TextResult
from playground.images import on_white, open_image
from playground.requests import REQUESTS, Request
from playground.sounds import encode, spectrogram_picture

FOLDER = ASSETS / "examples"
SPECTROGRAM = (320, 96)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """An example to make. name: what its files are called; request: values of the tab's controls, pictures by file name,
    for inpainting a box in percent; what it does not name stays at the model's default."""

    task: str
    name: str
    title: str
    request: Mapping[str, Any]


TEXTS = (
    Plan(task="text_generation", name="lamp", title="The lighthouse", request={
        "prompt": "Once upon a time there was a little girl who lived in a lighthouse."
        " Every night she lit the lamp, and one night",
        "max_new_tokens": 82, "temperature": 0.65, "seed": 16,
    }),
    Plan(task="text_generation", name="crow", title="A hungry fox", request={
        "prompt": "A hungry fox saw a crow in a tree with a piece of cheese in her beak. \"Good morning,\" said the fox.",
        "max_new_tokens": 90, "temperature": 0.5, "seed": 8,
    }),
    Plan(task="text_generation", name="captain", title="Storm at sea", request={
        "prompt": "The wind rose and the waves grew high. \"All hands on deck!\" cried the captain.",
        "max_new_tokens": 79, "temperature": 0.5, "seed": 7,
    }),
    Plan(task="text_generation", name="snow", title="A winter's night", request={
        "prompt": "It was the last night of the year, and the snow fell softly on the roofs of the town.",
        "max_new_tokens": 103, "temperature": 0.5, "seed": 8,
    }),
    Plan(task="text_generation", name="rabbit", title="Into the jungle", request={
        "prompt": '"Where are we going?" asked the rabbit.', "max_new_tokens": 105, "temperature": 0.5, "seed": 8,
    }),
    Plan(task="text_generation", name="wizard", title="The wizard's door", request={
        "prompt": "The old wizard opened the door and said,", "max_new_tokens": 125, "temperature": 0.5, "seed": 11,
    }),
)
DRAWN = (
    Plan(task="text_to_image", name="ghost", title="Cheerful ghost", request={
        "prompt": "a ghost on a purple background", "seed": 8,
    }),
    Plan(task="text_to_image", name="rocket-at-dusk", title="Rocket at dusk", request={
        "prompt": "a rocket on a blue to pink gradient background", "seed": 8,
    }),
    Plan(task="text_to_image", name="mushroom", title="Toadstool", request={
        "prompt": "a mushroom on a yellow background", "seed": 12,
    }),
    Plan(task="text_to_image", name="alien", title="Green alien", request={
        "prompt": "a green alien on a black background", "seed": 3,
    }),
    Plan(task="text_to_image", name="avocado", title="Avocado", request={
        "prompt": "an avocado on a pink background", "seed": 6,
    }),
    Plan(task="text_to_image", name="lion", title="Lion", request={
        "prompt": "a lion on a light blue background", "seed": 9,
    }),
    Plan(task="text_to_image", name="rainbow", title="Rainbow", request={
        "prompt": "a rainbow on a light blue background", "seed": 4,
    }),
    Plan(task="text_to_image", name="house-at-dusk", title="House at dusk", request={
        "prompt": "a house on a blue to pink gradient background", "seed": 2,
    }),
)
REDRAWN = (
    Plan(task="image_to_image", name="sunflower", title="Sketch to flower", request={
        "image": "sketch.png", "prompt": "a sunflower on a light blue background", "strength": 0.75, "seed": 4,
    }),
    Plan(task="image_to_image", name="carrot", title="Rocket to carrot", request={
        "image": "rocket-at-dusk.webp", "prompt": "a carrot on a blue to pink gradient background", "strength": 0.8, "seed": 7,
    }),
    Plan(task="image_to_image", name="cottage", title="Drawing to house", request={
        "image": "drawn-house.webp", "prompt": "a house on a light blue background", "strength": 0.7, "seed": 5,
    }),
    Plan(task="image_to_image", name="tiger", title="Lion to tiger", request={
        "image": "lion.webp", "prompt": "a tiger on a light blue background", "strength": 0.8, "seed": 5,
    }),
    Plan(task="image_to_image", name="red-apple", title="Grey to red", request={
        "image": "grey.png", "prompt": "a red apple", "strength": 0.8, "seed": 5,
    }),
    Plan(task="image_to_image", name="pear", title="Avocado to pear", request={
        "image": "avocado.webp", "prompt": "a pear on a pink background", "strength": 0.8, "seed": 7,
    }),
)
REPAINTED = (
    Plan(task="inpainting", name="rainbow-over-hills", title="A rainbow", request={
        "image": "drawn-hills.webp", "prompt": "a rainbow on a light blue background",
        "left": 20, "top": 6, "right": 96, "bottom": 70, "seed": 5,
    }),
    Plan(task="inpainting", name="painting", title="A painting", request={
        "image": "drawn-frame.webp", "prompt": "a sunflower on a light blue background",
        "left": 27, "top": 17, "right": 73, "bottom": 63, "seed": 9,
    }),
    Plan(task="inpainting", name="pumpkin", title="Ghost to pumpkin", request={
        "image": "ghost.webp", "prompt": "a pumpkin on a purple background",
        "left": 10, "top": 5, "right": 90, "bottom": 95, "seed": 6,
    }),
    Plan(task="inpainting", name="house-on-hill", title="A house", request={
        "image": "drawn-hills.webp", "prompt": "a house on a light blue background",
        "left": 25, "top": 35, "right": 75, "bottom": 85, "seed": 3,
    }),
    Plan(task="inpainting", name="panda", title="Lion to panda", request={
        "image": "lion.webp", "prompt": "a panda on a light blue background",
        "left": 5, "top": 5, "right": 95, "bottom": 95, "seed": 5,
    }),
    Plan(task="inpainting", name="lemon", title="Avocado to lemon", request={
        "image": "avocado.webp", "prompt": "a yellow lemon on a pink background",
        "left": 5, "top": 2, "right": 95, "bottom": 98, "seed": 5,
    }),
)
ENLARGED = (
    Plan(task="super_resolution", name="large-balls", title="Four balls", request={"image": "small-balls.webp", "scale": 4}),
    Plan(task="super_resolution", name="large-lake", title="Evening lake", request={"image": "small-lake.webp", "scale": 2}),
    Plan(task="super_resolution", name="large-house", title="House", request={"image": "small-house.webp", "scale": 4}),
    Plan(task="super_resolution", name="large-alien", title="Alien", request={"image": "small-alien.webp", "scale": 4}),
    Plan(task="super_resolution", name="large-mushroom", title="Toadstool", request={
        "image": "small-mushroom.webp", "scale": 4,
    }),
    Plan(task="super_resolution", name="large-avocado", title="Avocado", request={"image": "small-avocado.webp", "scale": 4}),
)
SPOKEN = (
    Plan(task="text_to_speech", name="morning", title="Good morning", request={
        "text": "Good morning! The kettle is on, and the bread is still warm.", "voice": "Sally (woman)", "seed": 1,
    }),
    Plan(task="text_to_speech", name="story", title="A bedtime story", request={
        "text": "Once upon a time there was a little girl who lived in a lighthouse. Every night she lit the lamp.",
        "voice": "Ross (man)", "seed": 1,
    }),
    Plan(task="text_to_speech", name="owl", title="The owl answers", request={
        "text": '"Is anybody there?" "Only me," said the owl. "Who are you?"', "voice": "Sally (woman)", "seed": 1,
    }),
    Plan(task="text_to_speech", name="numbers", title="Numbers and dates", request={
        "text": "On May 3rd, 1999, at 7:45 a.m., she paid $3.50 for 2 1/2 lb of apples.", "voice": "Ross (man)", "seed": 1,
    }),
    Plan(task="text_to_speech", name="shells", title="Tongue twister, fast", request={
        "text": "She sells sea shells by the sea shore. The shells she sells are sea shells, I am sure.",
        "voice": "Sally (woman)", "speed": 1.4, "seed": 1,
    }),
    Plan(task="text_to_speech", name="night", title="Good night, slowly", request={
        "text": "Close your eyes. The stars are out, and the sea is still.", "voice": "Ross (man)", "speed": 0.75, "pitch": -1,
        "seed": 1,
    }),
)
REDUCED = {  # small pictures to enlarge, and the larger ones that they are made of
    "small-alien.webp": ("alien.webp", 64), "small-mushroom.webp": ("mushroom.webp", 48),
    "small-avocado.webp": ("avocado.webp", 48),
}
PLANS = (*TEXTS, *DRAWN, *REDRAWN, *REPAINTED, *ENLARGED, *SPOKEN)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m playground.examples", description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the start pictures are and the files go")
    args = parser.parse_args(argv)
    for name, draw in all_drawings().items():
        save(draw(), args.folder / name)
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
        values["mask"] = inpaint.box(values["image"].size, *(values.pop(side) for side in inpaint.SIDES))
    request = next(r for r in REQUESTS if r.task == plan.task)
    return request(**values)


def run(engine: Engine, request: Request) -> Done:
    """The end of a run."""
    *_, done = engine.run(request, "examples")
    return done


def make(engine: Engine, plan: Plan, *, folder: Path) -> dict[str, Any]:
    """Runs a plan and saves what comes of it; its entry in the manifest."""
    if plan.request.get("image") in REDUCED:
        larger, side = REDUCED[plan.request["image"]]
        save(reduced(open_image(folder / larger), (side, side)), folder / plan.request["image"])
    request = asked(plan, folder)
    done = run(engine, request)
    seconds = sum(value for name, value in done.timings.items() if name not in ("queue", "load"))
    entry: dict[str, Any] = {"title": plan.title, "request": dict(plan.request), "seconds": round(seconds, 2)}
    if isinstance(done.result, TextResult):
        return entry | {"text": done.result.text}
    if isinstance(done.result, ImagesResult):
        return entry | pictures(plan, request, done.result.images[0], folder=folder)
    return entry | sound(plan, done.result, folder=folder)


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


def sound(plan: Plan, result: AudioResult, *, folder: Path) -> dict[str, Any]:
    """Saves a speech and its spectrogram; the files' names and how long it lasts."""
    (folder / f"{plan.name}.ogg").write_bytes(encode(result.samples, result.sample_rate, "ogg"))
    small = spectrogram_picture(result.samples, result.sample_rate).resize(SPECTROGRAM, Image.Resampling.LANCZOS)
    small.save(folder / f"{plan.name}-spectrogram.webp", quality=80, method=6)
    return {
        "sound": f"{plan.name}.ogg", "spectrogram": f"{plan.name}-spectrogram.webp",
        "seconds": round(len(result.samples) / result.sample_rate, 2),
    }


def save(picture: Image.Image, path: Path) -> str:
    """Saves a picture as it is to the byte; its file's name."""
    picture.save(path, lossless=True, quality=100, method=6)
    return path.name


if __name__ == "__main__":
    main()
