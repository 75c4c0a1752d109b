"""One contract for every model: each starter and each family of tiny checkpoints, at every task that it serves.

What a picture looks like is no part of it: the starters' weights may be of a recipe that has hardly begun.
"""

from __future__ import annotations

import dataclasses
import gc
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from playground import pipelines
from playground.catalog import PICTURE_TASKS, ModelCard, cards
from playground.device import Device
from playground.events import Audio, AudioResult, Event, ImagesResult, Result, Step, Stopped, Text, TextResult
from playground.requests import (
    ImageToImageRequest,
    InpaintingRequest,
    Request,
    SuperResolutionRequest,
    TextGenerationRequest,
    TextToImageRequest,
    TextToSpeechRequest,
)
from tests import tiny_diffusion, tiny_speech, tiny_text, tiny_upscale

CPU = Device(name="cpu", title="CPU", free_memory=8_000_000_000, dtype="float32", threads=1)
STARTERS = {card.id: card for card in cards() if card.starter}
UPLOAD = (70, 50)
SPOKEN = "good morning. the kettle is on. the bread is warm."


@dataclass(frozen=True, kw_only=True)
class Tiny:
    """A family of tiny checkpoints. build: saves one into a folder; hub: whether its card names it as a model of the hub;
    more: further fields of its card."""

    build: Callable[[Path], Path]
    adapter: str
    tasks: frozenset[str]
    hub: bool = False
    more: dict[str, Any] = dataclasses.field(default_factory=dict)


TEXT, SPEECH, UPSCALE = (frozenset({t}) for t in ("text_generation", "text_to_speech", "super_resolution"))
TINY = {
    "sd": Tiny(build=tiny_diffusion.stable_diffusion, adapter="diffusion", tasks=PICTURE_TASKS),
    "sd-inpainting": Tiny(
        build=lambda folder: tiny_diffusion.stable_diffusion(folder, inpaint=True), adapter="diffusion",
        tasks=frozenset({"inpainting"}),
    ),
    "sd-distilled": Tiny(build=tiny_diffusion.distilled, adapter="diffusion", tasks=PICTURE_TASKS),
    "z-image": Tiny(build=tiny_diffusion.z_image, adapter="diffusion", tasks=PICTURE_TASKS),
    "flux2-klein": Tiny(
        build=tiny_diffusion.flux2_klein, adapter="diffusion", tasks=PICTURE_TASKS,
        more={"options": {"edits_by_instruction": True}},
    ),
    "llama": Tiny(build=tiny_text.llama, adapter="text", tasks=TEXT),
    "gpt2": Tiny(build=tiny_text.gpt2, adapter="text", tasks=TEXT),
    "chat-llama": Tiny(build=tiny_text.chat_llama, adapter="text", tasks=TEXT, more={"chat": True}),
    "vits": Tiny(build=tiny_speech.vits, adapter="speech", tasks=SPEECH, more={"voices": ("the model's voice",)}),
    "vits-speakers": Tiny(
        build=lambda folder: tiny_speech.vits(folder, speakers=2), adapter="speech", tasks=SPEECH,
        more={"voices": ("speaker 2", "speaker 1"), "options": {"english": True}},
    ),
    "bark": Tiny(
        build=lambda folder: tiny_speech.bark(folder, presets=("v2/en_speaker_6",)), adapter="speech", tasks=SPEECH,
        more={"voices": ("v2/en_speaker_6",)},
    ),
    "speecht5": Tiny(
        build=tiny_speech.speecht5, adapter="speech", tasks=SPEECH, more={"voices": ("bob", "ann"), "options": {
            "vocoder": "vocoder", "speakers": "speakers", "archive": "voices.zip",
            "speaker_files": {"ann": "ann_", "bob": "bob_"},
        }},
    ),
    "pocket-tts": Tiny(build=tiny_speech.pocket_tts, adapter="speech", tasks=SPEECH, more={"options": {"clones": True}}),
    "phonon": Tiny(build=lambda folder: tiny_speech.pocket_tts(folder, phonon=True), adapter="speech", tasks=SPEECH),
    "csm": Tiny(build=tiny_speech.csm, adapter="speech", tasks=SPEECH, more={"voices": ("speaker 0", "speaker 1")}),
    "dia": Tiny(build=tiny_speech.dia, adapter="speech", tasks=SPEECH),
    "vibevoice": Tiny(build=tiny_speech.vibevoice, adapter="speech", tasks=SPEECH, more={"options": {"clones": True}}),
    "compact": Tiny(build=tiny_upscale.compact, adapter="upscale", tasks=UPSCALE),
    "swin2sr": Tiny(build=tiny_upscale.swin2sr, adapter="upscale", tasks=UPSCALE, hub=True),
}
SERVED = [(name, task) for name, card in STARTERS.items() for task in sorted(card.tasks)]
SERVED += [(name, task) for name, tiny in TINY.items() for task in sorted(tiny.tasks)]


@pytest.fixture(scope="module")
def card_of(tmp_path_factory) -> Callable[[str], ModelCard]:
    """A model's card by its name; a tiny checkpoint is made when it is first asked for."""
    made: dict[str, ModelCard] = dict(STARTERS)

    def find(name: str) -> ModelCard:
        if name not in made:
            tiny = TINY[name]
            folder = tiny.build(tmp_path_factory.mktemp("tiny") / name)
            made[name] = ModelCard(
                id=name, title="Tiny", sentence="-", bad_at="-", tasks=tiny.tasks, adapter=tiny.adapter, licence="-",
                training_data="-", memory=1, **{"repository": str(folder)} if tiny.hub else {"folder": folder}, **tiny.more,
            )
        return made[name]

    return find


def photo(size: tuple[int, int] = UPLOAD) -> Image.Image:
    noise = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(noise)


def asked(card: ModelCard, task: str) -> Request:
    """A small request that still tells at least two events."""
    common = {"model": card.id, "seed": 7}
    side = card.defaults.get("width", 64)
    drawn = common | {"prompt": "a red apple", "steps": 4, "guidance_scale": 3.0, "width": side, "height": side}
    mask = Image.new("L", UPLOAD)
    mask.paste(255, (20, 15, 45, 35))
    return card.complete({
        "text_generation": lambda: TextGenerationRequest(**common, prompt="Once upon a time", max_new_tokens=12),
        "text_to_image": lambda: TextToImageRequest(**drawn),
        "image_to_image": lambda: ImageToImageRequest(**drawn, image=photo(), strength=0.75),
        "inpainting": lambda: InpaintingRequest(**drawn, image=photo(), mask=mask, strength=1.0),
        "super_resolution": lambda: SuperResolutionRequest(**common, image=photo(), scale=4, tile=32),
        "text_to_speech": lambda: TextToSpeechRequest(**common, text=SPOKEN),
    }[task]())


def check_result(request: Request, result: Result) -> None:
    """Type, size and timings."""
    assert result.timings and all(seconds >= 0 for seconds in result.timings.values())
    if isinstance(request, TextGenerationRequest):
        assert isinstance(result, TextResult) and 0 < result.tokens <= request.max_new_tokens
    elif isinstance(request, TextToSpeechRequest):
        assert isinstance(result, AudioResult) and result.samples.dtype == np.float32
        assert result.samples.ndim == 1 and len(result.samples) > 0 and np.abs(result.samples).max() <= 1
        assert result.pieces[0].start == 0 and abs(result.pieces[-1].end * result.sample_rate - len(result.samples)) < 1
    else:
        assert isinstance(result, ImagesResult)
        (image,) = result.images
        wanted = {
            "text_to_image": lambda: (request.width, request.height),
            "super_resolution": lambda: (UPLOAD[0] * request.scale, UPLOAD[1] * request.scale),
        }.get(request.task, lambda: UPLOAD if request.task == "inpainting" else image.size)()
        assert image.size == wanted and image.mode == "RGB"
        if request.task == "image_to_image":
            assert abs(image.width / image.height - UPLOAD[0] / UPLOAD[1]) < 0.15
        assert (result.changed_outside == 0) if request.task == "inpainting" else (result.changed_outside is None)


def check_events(events: list[Event], result: Result) -> None:
    """Everything is told in order, up to the last."""
    match result:
        case TextResult():
            told = [e for e in events if isinstance(e, Text)]
            assert [e.tokens for e in told] == sorted(e.tokens for e in told)
            assert told[-1].tokens == result.tokens and told[-1].text == result.text
        case AudioResult():
            told = [e for e in events if isinstance(e, Audio)]
            assert [e.index for e in told] == list(range(told[0].total)) and told[0].total == 3
            assert np.array_equal(np.concatenate([e.samples for e in told]), result.samples)
            assert [e.text for e in told] == [piece.text for piece in result.pieces]
            for piece in result.pieces:
                times = [t for word in piece.words for t in (word.start, word.end)]
                assert times == sorted(times) and piece.start <= times[0] <= times[-1] <= piece.end + 1e-6
        case ImagesResult():
            steps = [e for e in events if isinstance(e, Step)]
            assert [e.index for e in steps] == list(range(1, steps[0].total + 1))
            assert len({e.total for e in steps}) == 1 and len(steps) >= 2


def content(result: Result) -> Any:
    """A result's bytes."""
    match result:
        case TextResult(text=text):
            return text
        case AudioResult(samples=samples):
            return samples.tobytes()
    return [image.tobytes() for image in result.images]


def told(model: Any, request: Request) -> tuple[list[Event], Result]:
    """A whole run's events and result."""
    events: list[Event] = []
    return events, model.run(request, events.append)


def stop_at(model: Any, request: Request, count: int) -> int:
    """Runs until the event number `count`, which raises Stopped; returns how many events there were."""
    events: list[Event] = []

    def emit(event: Event) -> None:
        events.append(event)
        if len(events) >= count:
            raise Stopped

    with pytest.raises(Stopped):
        model.run(request, emit)
    return len(events)


def weights(model: Any) -> list[weakref.ref]:
    """Weak references to one weight of each of the model's networks."""
    networks = [model.network] if hasattr(model, "network") else [
        part for part in model._pipe.components.values() if hasattr(part, "parameters")
    ]
    return [weakref.ref(next(network.parameters())) for network in networks]


@pytest.mark.parametrize(("name", "task"), SERVED)
def test_the_contract_of_a_model(card_of, name, task):
    card = card_of(name)
    request = asked(card, task)
    model = pipelines.load(card, CPU)
    assert model.nbytes > 0 and model.dtype == "float32"

    events, first = told(model, request)
    check_result(request, first)
    check_events(events, first)

    _, second = told(model, request)
    assert content(second) == content(first), "the same request and seed gave other bytes"

    assert stop_at(model, request, 2) == 2, "something was told after Stop"
    _, third = told(model, request)
    assert content(third) == content(first), "a stopped run left something behind"

    held = weights(model)
    assert held and all(weight() is not None for weight in held)
    model.close()
    del model
    gc.collect()
    assert all(weight() is None for weight in held), "close() left weights in memory"


@pytest.mark.parametrize(("name", "task"), SERVED)
def test_another_seed_is_another_result(card_of, name, task):
    card = card_of(name)
    request = asked(card, task)
    model = pipelines.load(card, CPU)
    _, one = told(model, request)
    _, other = told(model, dataclasses.replace(request, seed=8))
    model.close()
    by_lot = task != "super_resolution"  # nothing is drawn by lot there
    assert (content(one) != content(other)) is by_lot
