"""Every model that Playground knows: one frozen card each, with what people and the engine need to know about it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from playground.errors import BadRequest
from playground.requests import DiffusionRequest, Limits, Request, check_strength, clip
from playground.wording import say

ASSETS = Path(__file__).parents[1] / "assets"
STARTERS = ASSETS / "starters"
PICTURE_TASKS = frozenset({"text_to_image", "image_to_image", "inpainting"})


@dataclass(frozen=True, kw_only=True)
class Extra:
    """Files of another repository that a model needs. kind: "model" or "dataset"; files: names or patterns, () for all."""

    repository: str
    kind: str = "model"
    files: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """One model.

    id: short and stable; adapter: a module of playground.pipelines; folder: where its files are on this computer, None
    for a model of the hub that was not looked up there; repository: a hub repository, else ""; commit: the repository's,
    once it is known; variant: of its files ("fp16"), where the repository has several; extras: what else is fetched for
    it; places: the extras' folders by repository, once they are known; download and memory in bytes (memory: of the
    loaded weights, an estimate before it was loaded; largest: of its largest part, which alone must fit on a graphics card
    where the parts take turns); pipeline: its class in the library; sisters: the class for a task where the library's own
    table does not know it; base: the family that a LoRA must have been made for; on_cpu: whether a laptop's CPU runs it in
    a time that people wait; languages: that it reads or speaks; needs: packages beyond requirements.txt; commercial:
    whether the licence allows all uses; gated: whether its maker wants to be asked first; defaults: values for request
    fields that the visitor left to the model ("inpainting.strength" for one task only); limits: narrower ranges;
    options: what the adapter must know (for example "guidance": the pipeline's own name of that argument);
    things, styles, grounds: what a starter can draw, its style words and its backgrounds' colours; ground_colours: those
    as red, green and blue of 0..255; vocabulary: every word of its captions, in lower case; all empty where not known.
    """

    id: str
    title: str
    sentence: str
    bad_at: str
    tasks: frozenset[str]
    adapter: str
    licence: str
    training_data: str
    memory: int
    download: int = 0
    folder: Path | None = None
    repository: str = ""
    commit: str = ""
    variant: str = ""
    extras: tuple[Extra, ...] = ()
    places: Mapping[str, Path] = field(default_factory=dict)
    pipeline: str = ""
    sisters: Mapping[str, str] = field(default_factory=dict)
    base: str = ""
    largest: int = 0
    on_cpu: bool = False
    languages: tuple[str, ...] = ("English",)
    needs: tuple[str, ...] = ()
    commercial: bool = True
    gated: bool = False
    chat: bool = False
    defaults: Mapping[str, Any] = field(default_factory=dict)
    limits: Mapping[str, Limits] = field(default_factory=dict)
    voices: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    things: tuple[str, ...] = ()
    styles: tuple[str, ...] = ()
    grounds: tuple[str, ...] = ()
    ground_colours: Mapping[str, tuple[int, int, int]] = field(default_factory=dict)
    vocabulary: frozenset[str] = frozenset()

    @property
    def starter(self) -> bool:
        """Whether the weights are part of this repository."""
        return self.folder is not None and not self.repository and self.folder.parent == STARTERS

    @property
    def takes_negative_prompt(self) -> bool:
        """Whether words to avoid have an effect; a model with its guidance distilled into it knows none."""
        return not self.options.get("guidance_distilled")

    @property
    def clones(self) -> bool:
        """Whether it can speak in the voice of a recording."""
        return bool(self.options.get("clones"))

    @property
    def origin(self) -> str:
        """What the libraries' from_pretrained takes."""
        return str(self.folder) if self.folder else self.repository

    def default(self, request: type[Request], name: str) -> Any:
        """This model's default for a field of a request."""
        for key in (f"{request.task}.{name}", name):
            if key in self.defaults:
                return self.defaults[key]
        if name == "voice" and self.voices:
            return self.voices[0]
        return next(f.default for f in dataclasses.fields(request) if f.name == name)

    def range(self, request: type[Request], name: str) -> Limits:
        """This model's limits for a number of a request."""
        return self.limits.get(name) or request.limits(name)

    def complete(self, request: Request) -> Request:
        """The request with every None that this card has a default for filled in, and checked against its limits."""
        if request.task not in self.tasks:
            raise BadRequest(say("catalog.other_task", model=self.title), field="model")
        fields = {f.name: getattr(request, f.name) for f in dataclasses.fields(request)}
        missing = {n: self.default(type(request), n) for n, value in fields.items() if value is None}
        if missing:
            request = dataclasses.replace(request, **missing)
        for name, limits in self.limits.items():
            if name in fields and (value := getattr(request, name)) is not None:
                limits.check(name, value)
        if isinstance(request, DiffusionRequest) and request.task != "text_to_image":
            check_strength(request.steps, request.strength)
        if (voice := getattr(request, "voice", None)) and voice not in self.voices:
            if not self.voices:
                raise BadRequest(say("catalog.one_voice", model=self.title), field="voice")
            offered, more = ", ".join(self.voices[:6]), len(self.voices) - 6
            if more > 0:
                offered = say("lists.and", first=offered, last=say("lists.more", count=more))
            sentence = say("catalog.no_such_voice", model=self.title, voice=clip(voice), voices=offered)
            raise BadRequest(sentence, field="voice")
        if getattr(request, "reference", None) is not None and not self.clones:
            raise BadRequest(say("catalog.no_cloning", model=self.title), field="reference")
        return request


def with_article(words: str) -> str:
    """"a" or "an" before the words, nothing before a plural."""
    if words.endswith("s") and words[-2:-1] not in ("a", "i", "o", "s", "u"):
        return words
    return f"{'an' if words.startswith(tuple('aeiou')) else 'a'} {words}"


@cache
def facts(folder: Path) -> Mapping[str, Any]:
    """A starter's facts.json; {} where its recipe has not been run."""
    path = folder / "facts.json"
    return MappingProxyType(json.loads(path.read_text(encoding="utf8")) if path.exists() else {})


def weight_bytes(folder: Path) -> int:
    """Bytes of the safetensors files in a starter's folder, counted twice: float32 in memory, float16 on disk."""
    return 2 * sum(p.stat().st_size for p in folder.rglob("*.safetensors"))


def starter(name: str, **values: Any) -> ModelCard:
    """The card of a starter model; its training data line, memory and what it knows come from its folder."""
    folder = STARTERS / name
    known = facts(folder)
    return ModelCard(
        id=name, folder=folder, licence=known.get("licence", "Apache-2.0"),
        training_data=known.get("data", "see its recipe"), memory=max(weight_bytes(folder), 1_000_000),
        things=tuple(known.get("objects", ())), styles=tuple(known.get("styles", ())),
        grounds=tuple(known.get("grounds", ())), ground_colours=known.get("ground_colours", {}),
        vocabulary=frozenset(known.get("vocabulary", ())), voices=tuple(known.get("voices", ())), **values,
    )


def gigabytes(value: float) -> int:
    """Bytes of a number of gigabytes."""
    return int(value * 1e9)


def cards() -> tuple[ModelCard, ...]:
    """All cards, the starters first; the first card that serves a task is that task's default."""
    return (
        starter(
            "words", title="Words (starter)", adapter="text", tasks=frozenset({"text_generation"}),
            sentence="Continues an old-fashioned story, at once, on any computer.",
            bad_at="It knows no facts, loses the thread after a few sentences and only writes English prose.",
            defaults={
                "max_new_tokens": 160, "temperature": 0.8, "top_p": 0.95, "top_k": 50, "repetition_penalty": 1.1,
            },
            limits={"max_new_tokens": Limits(low=1, high=800)},
        ),
        starter(
            "pictures", title="Pictures (starter)", adapter="diffusion", tasks=PICTURE_TASKS,
            sentence="Draws a small glossy thing, in a colour of your choice and on a coloured ground, within a second or two.",
            bad_at="It knows about a hundred things: no scenes, people, photographs, lettering. Two things at once become blobs.",
            defaults={
                "steps": 8, "guidance_scale": 3.0, "width": 128, "height": 128, "scheduler": SCHEDULER_OWN,
                "strength": 0.75, "image_to_image.steps": 10, "inpainting.strength": 1.0,
            },
            options={"guidance_distilled": True},
            limits={
                "steps": Limits(low=1, high=60), "guidance_scale": Limits(low=1, high=7, step=0.1),
                "width": Limits(low=128, high=128, multiple_of=8), "height": Limits(low=128, high=128, multiple_of=8),
            },
        ),
        starter(
            "sharpen", title="Sharpen (starter)", adapter="upscale", tasks=frozenset({"super_resolution"}),
            sentence="Enlarges a picture with crisper edges than plain stretching.",
            bad_at="It invents no detail: faces and lettering that are a blur stay a blur.",
            defaults={"tile": 256},
        ),
        starter(
            "voice", title="Voice (starter)", adapter="speech", tasks=frozenset({"text_to_speech"}),
            sentence="Reads English text aloud in a woman's or a man's voice, numbers and dates too, at once.",
            bad_at="It sounds like the plain speech program that taught it: calm, a little flat, and English only.",
        ),
        *hub_cards(),
    )


SCHEDULER_OWN = "model's own"


def hub_cards() -> tuple[ModelCard, ...]:
    """Models of the hub, downloaded when they are first used; sizes are of what is fetched."""
    chat = {"max_new_tokens": 256, "top_k": 0, "repetition_penalty": 1.0}
    return (
        ModelCard(
            id="smollm2-135m", title="SmolLM2 135M Instruct", repository="HuggingFaceTB/SmolLM2-135M-Instruct",
            adapter="text", tasks=frozenset({"text_generation"}), chat=True,
            sentence="The smallest chat model that answers in sentences.", bad_at="Often wrong; English only.",
            licence="Apache-2.0", training_data="web pages, code and textbooks, 2 trillion tokens",
            download=gigabytes(0.3), memory=gigabytes(0.55), defaults=chat | {"temperature": 0.2, "top_p": 0.9},
        ),
        ModelCard(
            id="qwen3.5-0.8b", title="Qwen3.5 0.8B", repository="Qwen/Qwen3.5-0.8B",
            adapter="text", tasks=frozenset({"text_generation"}), chat=True,
            sentence="A good small talker in almost any language.", bad_at="Facts, long sums and long memory.",
            licence="Apache-2.0", training_data="not published in detail",
            download=gigabytes(1.8), memory=gigabytes(3.2),
            defaults=chat | {"temperature": 1.0, "top_p": 1.0, "top_k": 20},
        ),
        ModelCard(
            id="gpt2", title="GPT-2", repository="openai-community/gpt2",
            adapter="text", tasks=frozenset({"text_generation"}),
            sentence="The classic of 2019: completes any English text.", bad_at="It does not answer, it only goes on.",
            licence="MIT", training_data="web pages linked from Reddit until 2017",
            download=gigabytes(0.55), memory=gigabytes(0.55),
            defaults={"max_new_tokens": 160, "temperature": 0.8, "top_p": 1.0, "top_k": 50, "repetition_penalty": 1.1},
        ),
        ModelCard(
            id="tiny-sd", title="Tiny SD", repository="segmind/tiny-sd", adapter="diffusion", tasks=PICTURE_TASKS,
            sentence="Quick sketches on any laptop.", bad_at="Hands, faces and lettering.",
            licence="CreativeML OpenRAIL-M", training_data="web pictures with captions (LAION)",
            download=gigabytes(0.99), memory=gigabytes(2.0),
            defaults=picture(steps=22, guidance_scale=8.0, size=512, strength=0.75),
        ),
        ModelCard(
            id="sd-turbo", title="SD Turbo", repository="stabilityai/sd-turbo", adapter="diffusion", tasks=PICTURE_TASKS,
            sentence="A picture in one step.", bad_at="Lettering and faces; it does not use guidance.",
            licence="Stability AI licence: non-commercial unless registered",
            training_data="web pictures with captions (LAION), distilled",
            download=gigabytes(2.6), memory=gigabytes(5.2),
            defaults=picture(steps=2, guidance_scale=0.0, size=512, strength=0.5),
            limits={"steps": Limits(low=1, high=8)},
        ),
        ModelCard(
            id="z-image-turbo", title="Z-Image Turbo", repository="Tongyi-MAI/Z-Image-Turbo", adapter="diffusion",
            tasks=PICTURE_TASKS, sentence="Photo-like pictures with English and Chinese lettering.",
            bad_at="It needs a large graphics card.", licence="Apache-2.0", training_data="not published in detail",
            download=gigabytes(31), memory=gigabytes(21),
            defaults=picture(steps=9, guidance_scale=0.0, size=1024, strength=0.6),
            limits={"steps": Limits(low=1, high=20)},
        ),
        ModelCard(
            id="flux2-klein-4b", title="FLUX.2 klein 4B", repository="black-forest-labs/FLUX.2-klein-4B",
            adapter="diffusion", tasks=PICTURE_TASKS, sentence="Fast pictures, and editing by plain instruction.",
            bad_at="It needs a large graphics card; small lettering.", licence="Apache-2.0",
            training_data="not published in detail", download=gigabytes(15), memory=gigabytes(16),
            defaults=picture(steps=4, guidance_scale=1.0, size=1024, strength=0.8),
            limits={"steps": Limits(low=1, high=20)}, options={"edits_by_instruction": True},
        ),
        ModelCard(
            id="sd-inpainting", title="Stable Diffusion inpainting",
            repository="stable-diffusion-v1-5/stable-diffusion-inpainting", adapter="diffusion",
            tasks=frozenset({"inpainting"}), sentence="Erases or replaces a part of a photograph.",
            bad_at="Faces, hands and lettering.", licence="CreativeML OpenRAIL-M",
            training_data="web pictures with captions (LAION)", download=gigabytes(2.2), memory=gigabytes(4.3),
            defaults=picture(steps=25, guidance_scale=7.5, size=512, strength=1.0),
        ),
        ModelCard(
            id="swin2sr-x2", title="Swin2SR classical x2", repository="caidas/swin2SR-classical-sr-x2-64",
            adapter="upscale", tasks=frozenset({"super_resolution"}), sentence="A careful enlarger for clean pictures.",
            bad_at="Slow on a CPU; noise and JPEG damage are enlarged too.", licence="Apache-2.0",
            training_data="DIV2K and Flickr2K photographs", download=gigabytes(0.05), memory=gigabytes(0.06),
            defaults={"tile": 128}, options={"scale": 2},
        ),
        ModelCard(
            id="swin2sr-real-x4", title="Swin2SR real-world x4", repository="caidas/swin2SR-realworld-sr-x4-64-bsrgan-psnr",
            adapter="upscale", tasks=frozenset({"super_resolution"}), sentence="For real photographs with JPEG damage.",
            bad_at="Slow on a CPU; it can look painted.", licence="Apache-2.0",
            training_data="photographs, blurred and compressed on purpose", download=gigabytes(0.05),
            memory=gigabytes(0.06), defaults={"tile": 128}, options={"scale": 4},
        ),
        *speech_cards(),
    )


FIXED_SPEED, FIXED_PITCH = Limits(low=1, high=1, step=0.05), Limits(low=0, high=0, step=0.5)
BARK_LANGUAGES = ("de", "es", "fr", "hi", "it", "ja", "ko", "pl", "pt", "ru", "tr", "zh")
BARK_VOICES = (
    "v2/en_speaker_6", *(f"v2/en_speaker_{i}" for i in range(10) if i != 6),
    *(f"v2/{language}_speaker_{i}" for language in BARK_LANGUAGES for i in range(3)),
)
ARCTIC_SPEAKERS = {  # of the CMU Arctic recordings
    "slt, American woman": "_slt_", "clb, American woman": "_clb_", "bdl, American man": "_bdl_",
    "rms, American man": "_rms_", "awb, Scottish man": "_awb_", "jmk, Canadian man": "_jmk_", "ksp, Indian man": "_ksp_",
}
POCKET_VOICES = {
    "alba": "alba-mackenna/casual.wav",
    **{
        name: f"vctk/p{number}_023_enhanced.wav"
        for name, number in (
            ("anna", 228), ("vera", 229), ("charles", 254), ("george", 315), ("jane", 339), ("michael", 360),
        )
    },
}


def speech_cards() -> tuple[ModelCard, ...]:
    """Voices of the hub."""
    speech = frozenset({"text_to_speech"})
    own_pace = {"speed": FIXED_SPEED, "pitch": FIXED_PITCH}
    languages = (("eng", "English"), ("deu", "German"), ("fra", "French"), ("spa", "Spanish"))
    return (
        *(
            ModelCard(
                id=f"mms-tts-{code}", title=f"MMS {language}", repository=f"facebook/mms-tts-{code}", adapter="speech",
                tasks=speech, sentence=f"Reads {language} text aloud in one voice.",
                bad_at=f"{'Feeling' if code == 'eng' else 'Numbers, abbreviations and feeling'}; not for commercial use.",
                licence="CC-BY-NC-4.0", training_data="readings of religious texts", download=gigabytes(0.15),
                memory=gigabytes(0.15), voices=("the model's voice",), limits={"pitch": FIXED_PITCH},
                options={"english": code == "eng"},
            )
            for code, language in languages
        ),
        ModelCard(
            id="pocket-tts", title="Pocket TTS", repository="eustlb/pocket-tts", adapter="speech", tasks=speech,
            sentence="A small English speaker with seven voices that can also take over the voice of a recording.",
            bad_at="It has no speed or pitch to set; each voice is fetched when it is first chosen.", licence="CC-BY-4.0",
            training_data="not published in detail", download=gigabytes(0.44), memory=gigabytes(0.44),
            voices=tuple(POCKET_VOICES), limits=own_pace,
            options={"clones": True, "voices_repository": "kyutai/tts-voices", "voice_files": POCKET_VOICES},
        ),
        ModelCard(
            id="speecht5", title="SpeechT5", repository="microsoft/speecht5_tts", adapter="speech", tasks=speech,
            sentence="Reads English in the voices of seven recorded speakers.",
            bad_at="English only; it has no speed or pitch to set.", licence="MIT",
            training_data="readings of English audiobooks (LibriTTS)", download=gigabytes(0.66), memory=gigabytes(0.64),
            voices=tuple(ARCTIC_SPEAKERS), limits=own_pace,
            options={
                "vocoder": "microsoft/speecht5_hifigan", "speakers": "Matthijs/cmu-arctic-xvectors",
                "archive": "spkrec-xvect.zip", "speaker_files": ARCTIC_SPEAKERS,
            },
        ),
        ModelCard(
            id="bark-small", title="Bark small", repository="suno/bark-small", adapter="speech", tasks=speech,
            sentence="Speaks 13 languages with feeling, and laughs where you write [laughs].",
            bad_at="Slow on a CPU; it has no speed or pitch to set.", licence="MIT",
            training_data="not published in detail", download=gigabytes(1.7), memory=gigabytes(1.7), voices=BARK_VOICES,
            limits=own_pace,
        ),
        ModelCard(
            id="csm-1b", title="CSM 1B", repository="sesame/csm-1b", adapter="speech", tasks=speech, gated=True,
            sentence="Speaks English as in a conversation.",
            bad_at="It needs a graphics card and its maker's permission, and makes up another voice for each seed.",
            licence="Apache-2.0", training_data="not published in detail", download=gigabytes(6.5), memory=gigabytes(3.3),
            voices=("speaker 0", "speaker 1"), limits=own_pace,
        ),
        ModelCard(
            id="dia-1.6b", title="Dia 1.6B", repository="nari-labs/Dia-1.6B-0626", adapter="speech", tasks=speech,
            sentence="Acts an English dialogue: begin a line with [S1] or [S2], and write (laughs) for a laugh.",
            bad_at="It needs a graphics card, and makes up another voice for each seed.", licence="Apache-2.0",
            training_data="not published in detail", download=gigabytes(6.4), memory=gigabytes(3.2),
            voices=("the model's voice",), limits=own_pace,
        ),
        ModelCard(
            id="vibevoice-1.5b", title="VibeVoice 1.5B", repository="vibevoice/VibeVoice-1.5B-hf", adapter="speech",
            tasks=speech, sentence="Speaks English and Chinese, and can take over the voice of a recording.",
            bad_at="It needs a large graphics card; meant for research, it puts an audible notice into what it says.",
            licence="MIT", training_data="not published in detail", download=gigabytes(5.4), memory=gigabytes(5.4),
            voices=("the model's voice",), limits=own_pace, options={"clones": True},
        ),
    )


def picture(*, steps: int, guidance_scale: float, size: int, strength: float) -> dict[str, Any]:
    """The defaults of a picture model."""
    return {
        "steps": steps, "guidance_scale": guidance_scale, "width": size, "height": size, "scheduler": SCHEDULER_OWN,
        "strength": strength,
    }


class Catalog:
    """The cards by id and by task."""

    def __init__(self, all_cards: tuple[ModelCard, ...]) -> None:
        self.cards = all_cards
        self._by_id = {card.id: card for card in all_cards}
        if len(self._by_id) != len(all_cards):
            raise ValueError("two cards have the same id")

    def find(self, model: str) -> ModelCard:
        """The card of an id, else BadRequest."""
        if model not in self._by_id:
            raise BadRequest(say("catalog.no_such_model"), field="model")
        return self._by_id[model]

    def serving(self, task: str) -> tuple[ModelCard, ...]:
        """The cards that serve a task, the default first."""
        return tuple(card for card in self.cards if task in card.tasks)
