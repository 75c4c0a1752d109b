"""What a person can ask for: six frozen requests, one a task, that check themselves before anything waits.

They know nothing of models: `None` in a field means "the model's own", which the catalogue fills in.
"""

from __future__ import annotations

import dataclasses
import math
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from PIL import Image

from playground.errors import BadRequest
from playground.wording import say

MAX_PROMPT = 2_000
MAX_SPEECH = 20_000
MAX_TURN = 20_000
MAX_TURNS = 200
MAX_PIXELS = 25_000_000
MAX_UPSCALED_PIXELS = 36_000_000
MAX_SEED = 2**31 - 1
RANDOM_SEED = -1
MAX_LORAS = 4
ACCELERATIONS = ("exact", "fast", "fastest")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The range of a number. step 1 means whole numbers; multiple_of: only multiples of it are taken."""

    low: float
    high: float
    step: float = 1
    multiple_of: int = 1

    def check(self, name: str, value: Any) -> float | int:
        """The value as a number in range, else BadRequest with one sentence on what it must be."""
        field, given = called(name), clip(value)
        if value is None or isinstance(value, str) and not value.strip():
            raise BadRequest(say("requests.no_value", field=field), field=name)
        try:
            number = math.nan if isinstance(value, bool) else float(value)
        except OverflowError:
            number = math.inf
        except (TypeError, ValueError):
            raise BadRequest(say("requests.not_a_number", field=field, value=given), field=name) from None
        low, high = f"{self.low:.10g}", f"{self.high:.10g}"
        if self.low == self.high and number != self.low:
            raise BadRequest(say("requests.fixed", field=field, only=low, value=given), field=name)
        if not math.isfinite(number) or not self.low <= number <= self.high:
            raise BadRequest(say("requests.out_of_range", field=field, low=low, high=high, value=given), field=name)
        if self.step != 1:
            return number
        if number != int(number):
            raise BadRequest(say("requests.not_whole", field=field, value=given), field=name)
        if int(number) % self.multiple_of:
            raise BadRequest(
                say("requests.not_multiple", field=field, multiple=self.multiple_of, value=given), field=name
            )
        return int(number)


def called(field: str) -> str:
    """What a field is called on the page."""
    return say(f"fields.{field}")


def clip(value: Any) -> str:
    """A value for an error sentence, at most 40 characters."""
    try:
        text = repr(value)
    except ValueError:  # Python writes no integer of more than 4,300 digits
        text = say("requests.long_number")
    return text if len(text) <= 40 else text[:39] + "…"


def number(default: Any, low: float, high: float, *, step: float = 1, multiple_of: int = 1) -> Any:
    """A dataclass field that holds a number within limits, or None where `default` is None."""
    return field(default=default, metadata={"limits": Limits(low=low, high=high, step=step, multiple_of=multiple_of)})


@dataclass(frozen=True, kw_only=True)
class Request:
    """What all six share. model: a card's id; seed: RANDOM_SEED (-1) lets the engine draw one."""

    task: ClassVar[str]
    model: str
    seed: int = number(RANDOM_SEED, RANDOM_SEED, MAX_SEED)

    def __post_init__(self) -> None:
        if not isinstance(self.model, str) or not 0 < len(self.model) <= 200:
            raise BadRequest(say("requests.no_model"), field="model")
        for item in dataclasses.fields(self):
            limits, value = item.metadata.get("limits"), getattr(self, item.name)
            if limits is not None and not (value is None and item.default is None):
                object.__setattr__(self, item.name, limits.check(item.name, value))

    @classmethod
    def limits(cls, name: str) -> Limits:
        """The limits of one of this request's numbers."""
        return next(f for f in dataclasses.fields(cls) if f.name == name).metadata["limits"]


CONTROL = ("Cc", "Cs")  # Unicode categories: control characters and lone surrogates
INVISIBLE = (*CONTROL, "Cf", "Zl", "Zp", "Zs")


def check_text(name: str, value: Any, *, longest: int, empty: bool = False) -> str:
    """A text with no control characters but newlines and tabs, else BadRequest; `empty` allows "" and None."""
    if value is None and empty:
        return ""
    if not isinstance(value, str):
        raise BadRequest(say("requests.not_text", field=called(name), value=clip(value)), field=name)
    value = value.replace("\r\n", "\n").replace("\r", "\n")
    text = "".join(c for c in value if c in "\n\t" or unicodedata.category(c) not in CONTROL)
    if not empty and all(unicodedata.category(c) in INVISIBLE for c in text):
        raise BadRequest(say("requests.no_text"), field=name)
    if len(text) > longest:
        raise BadRequest(
            say("requests.long_text", field=called(name), length=f"{len(text):,}", longest=f"{longest:,}"), field=name
        )
    return text


def check_image(name: str, value: Any) -> Image.Image:
    """A decoded picture of at most 25 megapixels, else BadRequest."""
    if not isinstance(value, Image.Image):
        raise BadRequest(say("requests.no_picture", field=called(name)), field=name)
    if not value.width or not value.height:
        raise BadRequest(say("requests.no_pixels", field=called(name)), field=name)
    if value.width * value.height > MAX_PIXELS:
        raise BadRequest(
            say(
                "requests.large_picture", field=called(name), width=value.width, height=value.height,
                most=f"{MAX_PIXELS / 1e6:.0f}",
            ),
            field=name,
        )
    return value


def check_history(value: Any) -> tuple[tuple[str, str], ...]:
    """Turns of a chat as (role, text), from such pairs or from {"role", "content"}, else BadRequest."""
    if not isinstance(value, list | tuple | None):
        raise BadRequest(say("requests.history"), field="history")
    if len(value or ()) > MAX_TURNS:
        raise BadRequest(say("requests.long_history", length=len(value), longest=MAX_TURNS), field="history")
    turns = []
    for turn in value or ():
        pair = (turn.get("role"), turn.get("content")) if isinstance(turn, Mapping) else turn
        if not isinstance(pair, list | tuple) or len(pair) != 2 or pair[0] not in ("user", "assistant"):
            raise BadRequest(say("requests.turn"), field="history")
        if not isinstance(pair[1], str):
            raise BadRequest(say("requests.turn"), field="history")
        turns.append((pair[0], check_text("history", pair[1], longest=MAX_TURN, empty=True)))
    return tuple(turns)


def check_loras(value: Any) -> tuple[tuple[str, float], ...]:
    """LoRAs as (name, weight), from such pairs or from {"name", "weight"}, else BadRequest."""
    if not isinstance(value, list | tuple | None):
        raise BadRequest(say("requests.loras"), field="loras")
    if len(value or ()) > MAX_LORAS:
        raise BadRequest(say("requests.many_loras", length=len(value), most=MAX_LORAS), field="loras")
    made: dict[str, float] = {}
    for one in value or ():
        pair = (one.get("name"), one.get("weight", 1.0)) if isinstance(one, Mapping) else one
        if not isinstance(pair, list | tuple) or len(pair) != 2 or not isinstance(pair[0], str) or not pair[0].strip():
            raise BadRequest(say("requests.lora"), field="loras")
        name = check_text("loras", pair[0], longest=200)
        if name in made:
            raise BadRequest(say("requests.lora_twice", name=clip(name)), field="loras")
        made[name] = LORA_WEIGHT.check("loras", pair[1])
    return tuple(made.items())


LORA_WEIGHT = Limits(low=-2, high=2, step=0.05)


def check_acceleration(value: Any) -> str:
    """One of ACCELERATIONS, the first where nothing is asked for, else BadRequest."""
    if value is None:
        return ACCELERATIONS[0]
    if not isinstance(value, str) or value not in ACCELERATIONS:
        sentence = say("requests.acceleration", names=", ".join(ACCELERATIONS), value=clip(value))
        raise BadRequest(sentence, field="acceleration")
    return value


@dataclass(frozen=True, kw_only=True)
class TextGenerationRequest(Request):
    """Continue a text, or answer in a chat.

    prompt: the text; history: earlier turns ({"role", "content"}) for models with a chat template; temperature 0
    always takes the likeliest token; top_k 0 turns that cut off; acceleration: exact, fast or fastest.
    """

    task: ClassVar[str] = "text_generation"
    prompt: str
    model: str = "words"
    max_new_tokens: int | None = number(None, 1, 2_000)
    temperature: float | None = number(None, 0, 2, step=0.05)
    top_p: float | None = number(None, 0.05, 1, step=0.05)
    top_k: int | None = number(None, 0, 500)
    repetition_penalty: float | None = number(None, 1, 2, step=0.05)
    history: tuple[tuple[str, str], ...] = ()
    acceleration: str = "exact"

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "prompt", check_text("prompt", self.prompt, longest=MAX_PROMPT))
        object.__setattr__(self, "history", check_history(self.history))
        object.__setattr__(self, "acceleration", check_acceleration(self.acceleration))

    @property
    def continues(self) -> bool:
        """Whether the answer that history ends with, to this very prompt, is to go on instead of a new one."""
        if len(self.history) < 2 or self.history[-2] != ("user", self.prompt):
            return False
        role, begun = self.history[-1]
        return role == "assistant" and bool(begun.strip())


@dataclass(frozen=True, kw_only=True)
class DiffusionRequest(Request):
    """What the three picture tasks share.

    steps: denoising steps; guidance_scale: how closely to follow the words (1 = not at all pushed); width and height
    in pixels; scheduler: a name of SCHEDULERS; num_images: how many pictures, with seeds counted up from `seed`; loras:
    pairs of a LoRA's name and its weight (-2 to 2), or {"name", "weight"}; acceleration: exact, fast or fastest.
    """

    prompt: str
    model: str = "pictures"
    negative_prompt: str = ""
    steps: int | None = number(None, 1, 150)
    guidance_scale: float | None = number(None, 0, 30, step=0.1)
    width: int | None = number(None, 64, 2048, multiple_of=8)
    height: int | None = number(None, 64, 2048, multiple_of=8)
    scheduler: str | None = None
    num_images: int = number(1, 1, 4)
    loras: tuple[tuple[str, float], ...] = ()
    acceleration: str = "exact"

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "prompt", check_text("prompt", self.prompt, longest=MAX_PROMPT))
        object.__setattr__(self, "loras", check_loras(self.loras))
        object.__setattr__(self, "acceleration", check_acceleration(self.acceleration))
        negative = check_text("negative_prompt", self.negative_prompt, longest=MAX_PROMPT, empty=True)
        object.__setattr__(self, "negative_prompt", negative)
        if self.scheduler is not None and self.scheduler not in SCHEDULERS:
            raise BadRequest(say("requests.scheduler", names=", ".join(SCHEDULERS)), field="scheduler")


SCHEDULERS = ("model's own", "DPM++ 2M", "DPM++ 2M Karras", "Euler", "Euler a", "DDIM", "UniPC", "Heun")


@dataclass(frozen=True, kw_only=True)
class TextToImageRequest(DiffusionRequest):
    """Draw a picture from words, pictures like one, or a strip from one picture to another.

    variation: above 0, pictures like the one that `seed` gives, the more unlike it the nearer to 1; to_prompt, to_seed:
    the strip's other end, the same prompt and the same seed where they are not given; frames: pictures in the strip.
    """

    task: ClassVar[str] = "text_to_image"
    variation: float = number(0.0, 0, 1, step=0.05)
    to_prompt: str = ""
    to_seed: int | None = number(None, 0, MAX_SEED)
    frames: int = number(5, 3, 9)

    def __post_init__(self) -> None:
        super().__post_init__()
        to_prompt = check_text("to_prompt", self.to_prompt, longest=MAX_PROMPT, empty=True)
        object.__setattr__(self, "to_prompt", to_prompt if to_prompt.strip() else "")
        if self.walks and self.num_images > 1:
            raise BadRequest(say("requests.walk_of_one"), field="num_images")
        if self.walks and self.variation > 0:
            raise BadRequest(say("requests.walk_varied"), field="variation")

    @property
    def walks(self) -> bool:
        """Whether a strip is asked for."""
        return bool(self.to_prompt) or self.to_seed is not None


def check_strength(steps: int | None, strength: float | None) -> None:
    """Refuses a run that would do no step at all."""
    if steps is not None and strength is not None and int(steps * strength + 1e-9) < 1:
        raise BadRequest(
            say(
                "requests.no_step", strength=f"{strength:g}", steps=steps, fewest=math.ceil(1 / strength),
                least=f"{math.ceil(100 / steps) / 100:.2f}",
            ),
            field="strength",
        )


@dataclass(frozen=True, kw_only=True)
class ImageToImageRequest(DiffusionRequest):
    """Redraw a picture. strength: 0.05 hardly changes it, 1 makes a new one; width and height None keep its shape."""

    task: ClassVar[str] = "image_to_image"
    image: Image.Image
    strength: float | None = number(None, 0.05, 1, step=0.05)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "image", check_image("image", self.image))
        check_strength(self.steps, self.strength)


@dataclass(frozen=True, kw_only=True)
class InpaintingRequest(DiffusionRequest):
    """Repaint a part of a picture. mask: mode L of the image's size, white (128 and more) where to repaint;
    feather: how many pixels inside the mask's edge blend old and new."""

    task: ClassVar[str] = "inpainting"
    image: Image.Image
    mask: Image.Image
    strength: float | None = number(None, 0.05, 1, step=0.05)
    feather: int = number(4, 0, 64)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "image", check_image("image", self.image))
        mask = check_image("mask", self.mask).convert("L")
        if mask.size != self.image.size:
            picture = f"{self.image.width}x{self.image.height}"
            raise BadRequest(
                say("requests.mask_size", mask=f"{mask.width}x{mask.height}", picture=picture), field="mask"
            )
        mask = mask.point(lambda v: 255 if v >= 128 else 0)
        if mask.getextrema()[1] == 0:
            raise BadRequest(say("requests.no_mask"), field="mask")
        object.__setattr__(self, "mask", mask)
        check_strength(self.steps, self.strength)


@dataclass(frozen=True, kw_only=True)
class SuperResolutionRequest(Request):
    """Enlarge a picture. scale: 2 or 4; tile: side of the pieces in input pixels, 0 for one piece."""

    task: ClassVar[str] = "super_resolution"
    image: Image.Image
    model: str = "sharpen"
    scale: int = 2
    tile: int | None = number(None, 0, 1024)

    def __post_init__(self) -> None:
        super().__post_init__()
        image = check_image("image", self.image)
        object.__setattr__(self, "image", image)
        try:
            scale = float(str(self.scale).strip("x× "))
        except ValueError:
            scale = 0
        if scale not in (2, 4):
            raise BadRequest(say("requests.scale", field=called("scale"), value=clip(self.scale)), field="scale")
        object.__setattr__(self, "scale", int(scale))
        if self.tile is not None and 0 < self.tile < 32:
            raise BadRequest(say("requests.tile", field=called("tile"), value=self.tile), field="tile")
        pixels = image.width * image.height
        if pixels * scale**2 > MAX_UPSCALED_PIXELS:
            smaller = scale == 4 and pixels * 4 <= MAX_UPSCALED_PIXELS
            raise BadRequest(
                say(
                    "requests.large_result", scale=self.scale, width=image.width * self.scale,
                    height=image.height * self.scale, most=f"{MAX_UPSCALED_PIXELS / 1e6:.0f}",
                    way_out=say("requests.enlarge_less" if smaller else "requests.shrink"),
                ),
                field="scale",
            )


AUDIO_FORMATS = ("wav", "flac", "ogg", "mp3")


@dataclass(frozen=True, kw_only=True, eq=False)
class Reference:
    """A recording of the voice to speak in. samples: (N,) float32 in -1..1, of 1 to 60 seconds; sample_rate: Hz."""

    SECONDS: ClassVar[tuple[float, float]] = (1.0, 60.0)
    RATES: ClassVar[tuple[int, int]] = (8_000, 192_000)
    QUIET: ClassVar[float] = 1e-3

    samples: np.ndarray
    sample_rate: int

    def __post_init__(self) -> None:
        (shortest, longest), (low, high) = self.SECONDS, self.RATES
        samples = np.asarray(self.samples, np.float32)
        if not low <= self.sample_rate <= high or samples.ndim != 1 or not np.isfinite(samples).all():
            sentence = say("requests.recording_kind", low=f"{low:,}", high=f"{high:,}")
            raise BadRequest(sentence, field="reference")
        seconds = len(samples) / self.sample_rate
        if seconds < shortest:
            sentence = say("requests.short_recording", shortest=f"{shortest:.0f}", longest=f"{longest:.0f}")
            raise BadRequest(sentence, field="reference")
        if seconds > longest:
            raise BadRequest(say("requests.long_recording", longest=f"{longest:.0f}"), field="reference")
        if np.abs(samples).max() < self.QUIET:
            raise BadRequest(say("requests.silent_recording"), field="reference")
        object.__setattr__(self, "samples", samples)


@dataclass(frozen=True, kw_only=True)
class TextToSpeechRequest(Request):
    """Read a text aloud.

    voice: a name of the model's voices, None for its first; speed: 2 is twice as fast; pitch: semitones up or down;
    pauses: 1 as the model makes them, 2 twice as long, 0 none; format: of the file that the HTTP API returns (wav,
    flac, ogg or mp3); reference: a recording of the voice to speak in instead, for models that can; consent: whether
    its speaker has agreed, without which none is taken.
    """

    task: ClassVar[str] = "text_to_speech"
    text: str
    model: str = "voice"
    voice: str | None = None
    speed: float = number(1.0, 0.5, 2, step=0.05)
    pitch: float = number(0.0, -6, 6, step=0.5)
    pauses: float = number(1.0, 0, 3, step=0.1)
    format: str = "wav"
    reference: Reference | None = None
    consent: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        text = check_text("text", self.text, longest=MAX_SPEECH)
        if self.voice is not None and not (isinstance(self.voice, str) and len(self.voice) <= 200):
            raise BadRequest(say("requests.voice"), field="voice")
        object.__setattr__(self, "voice", self.voice or None)
        if self.format not in AUDIO_FORMATS:
            sentence = say("requests.format", names=", ".join(AUDIO_FORMATS), value=clip(self.format))
            raise BadRequest(sentence, field="format")
        if not isinstance(self.consent, bool):
            raise BadRequest(say("requests.consent", value=clip(self.consent)), field="consent")
        if not isinstance(self.reference, Reference | None):
            raise BadRequest(say("requests.no_recording"), field="reference")
        if self.reference is not None and not self.consent:
            raise BadRequest(say("requests.no_consent"), field="consent")
        if not any(c.isalnum() for c in text):
            raise BadRequest(say("requests.nothing_to_say"), field="text")
        object.__setattr__(self, "text", text)


REQUESTS: tuple[type[Request], ...] = (
    TextGenerationRequest, TextToImageRequest, ImageToImageRequest, InpaintingRequest, SuperResolutionRequest,
    TextToSpeechRequest,
)
