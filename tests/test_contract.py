"""One contract for every model: each starter and each family of tiny checkpoints, at every task that it serves.

What a picture looks like is no part of it: the starters' weights may be of a recipe that has hardly begun.
"""

from __future__ import annotations

import dataclasses
import gc
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from playground import pipelines
from playground.catalog import PICTURE_TASKS, ModelCard, cards, hub_cards
from playground.catalog.families import FAMILIES
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
from tests import tiny_diffusion, tiny_flow, tiny_speech, tiny_text, tiny_upscale

UNPROVEN = {"QwenImageEditPlusPipeline"}  # needs torchvision, which is not installed, and its card says so
CPU = Device(name="cpu", title="CPU", free_memory=8_000_000_000, dtype="float32", threads=1)
STARTERS = {card.id: card for card in cards() if card.starter}
UPLOAD = (70, 50)
SPOKEN = "good morning. the kettle is on. the bread is warm."


@dataclass(frozen=True, kw_only=True)
class Tiny:
    """A family of tiny checkpoints. build: saves one into a folder; kind: its class in the library, "" for our own; hub:
    whether its card names it as a model of the hub; more: further fields of its card."""

    build: Callable[[Path], Path]
    adapter: str
    tasks: frozenset[str]
    kind: str = ""
    hub: bool = False
    more: dict[str, Any] = dataclasses.field(default_factory=dict)


TEXT, SPEECH, UPSCALE, DRAWN, REDRAWN, REPAINTED = (frozenset({t}) for t in (
    "text_generation", "text_to_speech", "super_resolution", "text_to_image", "image_to_image", "inpainting",
))
PICTURE, WORDS, VOICE = (partial(Tiny, adapter=name) for name in ("diffusion", "text", "speech"))
SIZES = partial(Tiny, adapter="upscale", tasks=UPSCALE)
GENERATES = "ForConditionalGeneration"
TINY = {
    "sd": PICTURE(build=tiny_diffusion.stable_diffusion, kind="StableDiffusionPipeline", tasks=PICTURE_TASKS),
    "sd-inpainting": PICTURE(
        build=partial(tiny_diffusion.stable_diffusion, inpaint=True), kind="StableDiffusionInpaintPipeline", tasks=REPAINTED,
    ),
    "sd-distilled": PICTURE(build=tiny_diffusion.distilled, kind="StableDiffusionPipeline", tasks=PICTURE_TASKS),
    "instruct-pix2pix": PICTURE(
        build=tiny_diffusion.instruct_pix2pix, kind="StableDiffusionInstructPix2PixPipeline", tasks=REDRAWN,
    ),
    "sdxl": PICTURE(build=tiny_diffusion.stable_diffusion_xl, kind="StableDiffusionXLPipeline", tasks=PICTURE_TASKS),
    "sdxl-inpainting": PICTURE(
        build=partial(tiny_diffusion.stable_diffusion_xl, inpaint=True), kind="StableDiffusionXLInpaintPipeline",
        tasks=REPAINTED,
    ),
    "z-image": PICTURE(build=tiny_diffusion.z_image, kind="ZImagePipeline", tasks=PICTURE_TASKS),
    "flux2-klein": PICTURE(build=tiny_diffusion.flux2_klein, kind="Flux2KleinPipeline", tasks=PICTURE_TASKS),
    "flux": PICTURE(build=tiny_flow.flux, kind="FluxPipeline", tasks=PICTURE_TASKS),
    "flux-fill": PICTURE(build=tiny_flow.flux_fill, kind="FluxFillPipeline", tasks=REPAINTED),
    "flux-kontext": PICTURE(build=tiny_flow.flux_kontext, kind="FluxKontextPipeline", tasks=DRAWN | REDRAWN),
    "qwen-image": PICTURE(build=tiny_flow.qwen_image, kind="QwenImagePipeline", tasks=PICTURE_TASKS),
    "krea": PICTURE(build=tiny_flow.krea, kind="Krea2Pipeline", tasks=DRAWN),
    "sana-sprint": PICTURE(build=tiny_flow.sana_sprint, kind="SanaSprintPipeline", tasks=DRAWN | REDRAWN),
    "llama": WORDS(build=tiny_text.llama, kind="LlamaForCausalLM", tasks=TEXT),
    "chat-llama": WORDS(build=tiny_text.chat_llama, kind="LlamaForCausalLM", tasks=TEXT, more={"chat": True}),
    "gpt2": WORDS(build=tiny_text.gpt2, kind="GPT2LMHeadModel", tasks=TEXT),
    "qwen3.5": WORDS(build=tiny_text.qwen, kind="Qwen3_5ForCausalLM", tasks=TEXT),
    "gemma-4": WORDS(build=tiny_text.gemma, kind=f"Gemma4{GENERATES}", tasks=TEXT),
    "gpt-oss": WORDS(build=tiny_text.gpt_oss, kind="GptOssForCausalLM", tasks=TEXT),
    "smollm3": WORDS(build=tiny_text.smollm3, kind="SmolLM3ForCausalLM", tasks=TEXT),
    "lfm3": WORDS(build=tiny_text.lfm3, kind="Lfm3ForCausalLM", tasks=TEXT),
    "vits": VOICE(build=tiny_speech.vits, kind="VitsModel", tasks=SPEECH, more={"voices": ("the model's voice",)}),
    "vits-speakers": VOICE(
        build=partial(tiny_speech.vits, speakers=2), kind="VitsModel", tasks=SPEECH,
        more={"voices": ("speaker 2", "speaker 1"), "options": {"english": True}},
    ),
    "bark": VOICE(
        build=partial(tiny_speech.bark, presets=("v2/en_speaker_6",)), kind="BarkModel", tasks=SPEECH,
        more={"voices": ("v2/en_speaker_6",)},
    ),
    "speecht5": VOICE(
        build=tiny_speech.speecht5, kind="SpeechT5ForTextToSpeech", tasks=SPEECH,
        more={"voices": ("bob", "ann"), "options": {
            "vocoder": "vocoder", "speakers": "speakers", "archive": "voices.zip",
            "speaker_files": {"ann": "ann_", "bob": "bob_"},
        }},
    ),
    "pocket-tts": VOICE(
        build=tiny_speech.pocket_tts, kind=f"PocketTTS{GENERATES}", tasks=SPEECH, more={"options": {"clones": True}},
    ),
    "phonon": VOICE(build=partial(tiny_speech.pocket_tts, phonon=True), kind=f"GradiumPhononTTS{GENERATES}", tasks=SPEECH),
    "csm": VOICE(
        build=tiny_speech.csm, kind=f"Csm{GENERATES}", tasks=SPEECH, more={"voices": ("speaker 0", "speaker 1")},
    ),
    "dia": VOICE(build=tiny_speech.dia, kind=f"Dia{GENERATES}", tasks=SPEECH),
    "vibevoice": VOICE(
        build=tiny_speech.vibevoice, kind=f"VibeVoice{GENERATES}", tasks=SPEECH, more={"options": {"clones": True}},
    ),
    "compact": SIZES(build=tiny_upscale.compact),
    "swin2sr": SIZES(build=tiny_upscale.swin2sr, kind="Swin2SRForImageSuperResolution", hub=True),
    "sd-upscale": SIZES(
        build=tiny_upscale.diffusion_upscaler, kind="StableDiffusionUpscalePipeline", adapter="diffusion_upscale",
        more={"options": {"steps": 3}},
    ),
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


def classes(model: Any) -> set[str]:
    """The names of the classes that hold a model's weights; with "" for networks of our own."""
    held = (getattr(model, name, None) for name in ("_pipe", "network", "enlarge"))
    return {"", *(type(one).__name__ for one in held if one is not None)}


@pytest.mark.parametrize(("name", "task"), SERVED)
def test_the_contract_of_a_model(card_of, name, task):
    card = card_of(name)
    request = asked(card, task)
    model = pipelines.load(card, CPU)
    assert model.nbytes > 0 and model.dtype == "float32"
    assert name not in TINY or TINY[name].kind in classes(model)

    events, first = told(model, request)
    check_result(request, first)
    check_events(events, first)

    _, second = told(model, request)
    assert content(second) == content(first), "the same request and seed gave other bytes"

    _, other = told(model, dataclasses.replace(request, seed=8))
    drawn_by_lot = task != "super_resolution" or name == "sd-upscale"
    assert (content(other) != content(first)) is drawn_by_lot, "another seed gave the same, or no lot gave something else"

    assert stop_at(model, request, 2) == 2, "something was told after Stop"
    _, third = told(model, request)
    assert content(third) == content(first), "a stopped run left something behind"

    held = weights(model)
    assert held and all(weight() is not None for weight in held)
    model.close()
    del model
    gc.collect()
    assert all(weight() is None for weight in held), "close() left weights in memory"


def test_no_card_claims_what_is_not_proven_here():
    proven = {(tiny.kind, task) for tiny in TINY.values() for task in tiny.tasks}
    claimed = {(card.pipeline, task): card.id for card in hub_cards() if not card.needs for task in card.tasks}
    assert {pair: card for pair, card in claimed.items() if pair not in proven} == {}
    assert {kind for kind, task in proven if task in PICTURE_TASKS} >= FAMILIES.keys() - UNPROVEN
    for kind, family in FAMILIES.items():
        if kind not in UNPROVEN:
            assert family.tasks <= {task for proven_kind, task in proven if proven_kind == kind}
