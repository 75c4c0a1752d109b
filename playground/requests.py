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

MAX_PROMPT = 2_000
MAX_SPEECH = 20_000
MAX_TURN = 20_000
MAX_TURNS = 200
MAX_PIXELS = 25_000_000
MAX_UPSCALED_PIXELS = 36_000_000
MAX_SEED = 2**31 - 1
RANDOM_SEED = -1


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The range of a number. step 1 means whole numbers; multiple_of: only multiples of it are taken."""

    low: float
    high: float
    step: float = 1
    multiple_of: int = 1

    def check(self, name: str, value: Any) -> float | int:
        """The value as a number in range, else BadRequest with one sentence that names the field."""
        try:
            number = math.nan if isinstance(value, bool) else float(value)
        except OverflowError:
            number = math.inf
        except (TypeError, ValueError):
            raise BadRequest(f"{name} must be a number, not {clip(value)}.", field=name) from None
        if self.low == self.high and number != self.low:
            raise BadRequest(f"{name} must be {self.low:g}, not {clip(value)}.", field=name)
        if not math.isfinite(number) or not self.low <= number <= self.high:
            raise BadRequest(f"{name} must be between {self.low:.10g} and {self.high:.10g}, not {clip(value)}.", field=name)
        if self.step != 1:
            return number
        if number != int(number):
            raise BadRequest(f"{name} must be a whole number, not {clip(value)}.", field=name)
        if int(number) % self.multiple_of:
            raise BadRequest(f"{name} must be a multiple of {self.multiple_of}, not {clip(value)}.", field=name)
        return int(number)


def clip(value: Any) -> str:
    """A value for an error sentence, at most 40 characters."""
    try:
        text = repr(value)
    except ValueError:  # Python writes no integer of more than 4,300 digits
        text = "a number that long"
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
            raise BadRequest("model must be the id of a model.", field="model")
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
        raise BadRequest(f"{name} must be text.", field=name)
    value = value.replace("\r\n", "\n").replace("\r", "\n")
    text = "".join(c for c in value if c in "\n\t" or unicodedata.category(c) not in CONTROL)
    if not empty and all(unicodedata.category(c) in INVISIBLE for c in text):
        raise BadRequest(f"{name} is empty. Write something first.", field=name)
    if len(text) > longest:
        raise BadRequest(f"{name} has {len(text):,} characters; at most {longest:,} are taken.", field=name)
    return text


def check_image(name: str, value: Any) -> Image.Image:
    """A decoded picture of at most 25 megapixels, else BadRequest."""
    if not isinstance(value, Image.Image):
        raise BadRequest(f"{name} is missing. Choose a picture first.", field=name)
    if not value.width or not value.height:
        raise BadRequest(f"{name} has no pixels. Choose another picture.", field=name)
    if value.width * value.height > MAX_PIXELS:
        raise BadRequest(
            f"{name} has {value.width * value.height / 1e6:.0f} megapixels; at most {MAX_PIXELS / 1e6:.0f} are taken.",
            field=name,
        )
    return value


def check_history(value: Any) -> tuple[tuple[str, str], ...]:
    """Turns of a chat as (role, text), from such pairs or from {"role", "content"}, else BadRequest."""
    if not isinstance(value, list | tuple | None):
        raise BadRequest("history must be a list of turns.", field="history")
    if len(value or ()) > MAX_TURNS:
        raise BadRequest(f"history has {len(value)} turns; at most {MAX_TURNS} are taken.", field="history")
    turns = []
    for turn in value or ():
        pair = (turn.get("role"), turn.get("content")) if isinstance(turn, Mapping) else turn
        if not isinstance(pair, list | tuple) or len(pair) != 2 or pair[0] not in ("user", "assistant"):
            raise BadRequest("history must be turns of user or assistant, each with its text.", field="history")
        if not isinstance(pair[1], str):
            raise BadRequest("history must be turns that are text.", field="history")
        turns.append((pair[0], check_text("history", pair[1], longest=MAX_TURN, empty=True)))
    return tuple(turns)


@dataclass(frozen=True, kw_only=True)
class TextGenerationRequest(Request):
    """Continue a text, or answer in a chat.

    prompt: the text; history: earlier turns ({"role", "content"}) for models with a chat template; temperature 0
    always takes the likeliest token; top_k 0 turns that cut off.
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

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "prompt", check_text("prompt", self.prompt, longest=MAX_PROMPT))
        object.__setattr__(self, "history", check_history(self.history))

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
    in pixels; scheduler: a name of SCHEDULERS; num_images: how many pictures, with seeds counted up from `seed`.
    """

    prompt: str
    model: str = "pictures"
    negative_prompt: str = ""
    steps: int | None = number(None, 1, 150)
    guidance_scale: float | None = number(None, 0, 20, step=0.1)
    width: int | None = number(None, 64, 2048, multiple_of=8)
    height: int | None = number(None, 64, 2048, multiple_of=8)
    scheduler: str | None = None
    num_images: int = number(1, 1, 4)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "prompt", check_text("prompt", self.prompt, longest=MAX_PROMPT))
        negative = check_text("negative_prompt", self.negative_prompt, longest=MAX_PROMPT, empty=True)
        object.__setattr__(self, "negative_prompt", negative)
        if self.scheduler is not None and self.scheduler not in SCHEDULERS:
            raise BadRequest(f"scheduler must be one of {', '.join(SCHEDULERS)}.", field="scheduler")


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
            raise BadRequest("num_images must be 1 for a strip: frames says how many pictures it has.", field="num_images")
        if self.walks and self.variation > 0:
            raise BadRequest("variation must be 0 for a strip: its two ends say what changes.", field="variation")

    @property
    def walks(self) -> bool:
        """Whether a strip is asked for."""
        return bool(self.to_prompt) or self.to_seed is not None


def check_strength(steps: int | None, strength: float | None) -> None:
    """Refuses a run that would do no step at all."""
    if steps is not None and strength is not None and int(steps * strength + 1e-9) < 1:
        raise BadRequest(
            f"{steps} steps at strength {strength:g} leave less than one step. Raise steps to at least"
            f" {math.ceil(1 / strength)} or the strength to at least {math.ceil(100 / steps) / 100:.2f}.",
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
            raise BadRequest(
                f"mask is {mask.width}x{mask.height} but the picture is {self.image.width}x{self.image.height}."
                " Use a mask of the picture's size.",
                field="mask",
            )
        mask = mask.point(lambda v: 255 if v >= 128 else 0)
        if mask.getextrema()[1] == 0:
            raise BadRequest("mask is empty. Paint over the part that should change.", field="mask")
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
            raise BadRequest(f"scale must be 2 or 4, not {clip(self.scale)}.", field="scale")
        object.__setattr__(self, "scale", int(scale))
        if self.tile is not None and 0 < self.tile < 32:
            raise BadRequest("tile must be 0 (one piece) or at least 32.", field="tile")
        pixels = image.width * image.height
        if pixels * scale**2 > MAX_UPSCALED_PIXELS:
            smaller = scale == 4 and pixels * 4 <= MAX_UPSCALED_PIXELS
            way_out = "Choose scale 2." if smaller else "Shrink the picture first."
            raise BadRequest(
                f"scale {scale} would make {pixels * scale**2 / 1e6:.0f} megapixels; at most"
                f" {MAX_UPSCALED_PIXELS / 1e6:.0f} are made. {way_out}",
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
            raise BadRequest(f"reference must be one channel of sound at {low:,} to {high:,} Hz.", field="reference")
        seconds = len(samples) / self.sample_rate
        if not shortest <= seconds <= longest:
            many = f"{seconds:.1f}" if seconds <= longest else f"more than {longest:.0f}"
            raise BadRequest(
                f"reference has {many} seconds; {shortest:.0f} to {longest:.0f} are taken.", field="reference"
            )
        if np.abs(samples).max() < self.QUIET:
            raise BadRequest("reference is silent. Record it again.", field="reference")
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
            raise BadRequest("voice must be the name of a voice.", field="voice")
        object.__setattr__(self, "voice", self.voice or None)
        if self.format not in AUDIO_FORMATS:
            raise BadRequest(f"format must be one of {', '.join(AUDIO_FORMATS)}, not {clip(self.format)}.", field="format")
        if not isinstance(self.consent, bool):
            raise BadRequest("consent must be true or false.", field="consent")
        if not isinstance(self.reference, Reference | None):
            raise BadRequest("reference must be a recording.", field="reference")
        if self.reference is not None and not self.consent:
            raise BadRequest(
                "consent is missing. Tick that the recording is of your own voice, or that its speaker has agreed.",
                field="consent",
            )
        if not any(c.isalnum() for c in text):
            raise BadRequest("text has nothing that can be spoken. Write a word or a number.", field="text")
        object.__setattr__(self, "text", text)


REQUESTS: tuple[type[Request], ...] = (
    TextGenerationRequest, TextToImageRequest, ImageToImageRequest, InpaintingRequest, SuperResolutionRequest,
    TextToSpeechRequest,
)
