"""Every bad value of every field gives one plain sentence and names the field beside it; every value at a limit passes."""

from __future__ import annotations

import dataclasses
import math
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from PIL import Image

from playground.errors import BadRequest
from playground.requests import (
    ACCELERATIONS,
    AUDIO_FORMATS,
    MAX_PROMPT,
    MAX_SEED,
    MAX_SPEECH,
    RANDOM_SEED,
    REQUESTS,
    SCHEDULERS,
    ImageToImageRequest,
    InpaintingRequest,
    Limits,
    Reference,
    Request,
    SuperResolutionRequest,
    TextGenerationRequest,
    TextToImageRequest,
    TextToSpeechRequest,
    called,
    clip,
)

PICTURE = Image.new("RGB", (64, 48), "white")
MASK = Image.new("L", PICTURE.size, 255)
NEEDED: dict[type[Request], dict[str, Any]] = {
    TextGenerationRequest: {"prompt": "Once"},
    TextToImageRequest: {"prompt": "an apple"},
    ImageToImageRequest: {"prompt": "an apple", "image": PICTURE},
    InpaintingRequest: {"prompt": "an apple", "image": PICTURE, "mask": MASK},
    SuperResolutionRequest: {"image": PICTURE},
    TextToSpeechRequest: {"text": "Hello"},
}
NOT_NUMBERS = ["", "ten", "1,5", "NaN", "inf", "-inf", math.nan, math.inf, -math.inf, True, False, [], [3], {},
               object(), 1j, np.array([1, 2]), 10**400, 10**5000, "9" * 5000, 1e308, "1e999"]
DIFFUSION = (TextToImageRequest, ImageToImageRequest, InpaintingRequest)


def numbers() -> list[tuple[type[Request], str, Limits, Any]]:
    """Every number of every request: the request, the field's name, its limits, its default."""
    return [
        (kind, f.name, f.metadata["limits"], f.default)
        for kind in REQUESTS for f in dataclasses.fields(kind) if "limits" in f.metadata
    ]


NUMBERS = numbers()
NAMED = [f"{kind.task}.{name}" for kind, name, _, _ in NUMBERS]


def made(kind: type[Request], **values: Any) -> Request:
    return kind(**NEEDED[kind] | values)


def refused(kind: type[Request], name: str, value: Any, *, field: str | None = None, **others: Any) -> str:
    """The sentence with which a value is refused: one short line for people, the field's name beside it."""
    with pytest.raises(BadRequest) as caught:
        made(kind, **others | {name: value})
    sentence = str(caught.value)
    assert caught.value.field == (field or name)
    assert sentence[0].isupper() and sentence.endswith(".") and len(sentence) < 200
    assert sentence.isprintable()
    return sentence


@pytest.mark.parametrize(("kind", "name", "limits", "default"), NUMBERS, ids=NAMED)
def test_bad_numbers_are_refused(kind: type[Request], name: str, limits: Limits, default: Any) -> None:
    for value in NOT_NUMBERS:
        assert refused(kind, name, value).startswith(called(name))
    for value in (limits.low - 1, limits.high + 1, -(10**30), 10**30, str(limits.high + 1), Decimal("1e50")):
        assert f"between {limits.low:.10g} and {limits.high:.10g}" in refused(kind, name, value)
    if default is not None:
        assert "no value yet" in refused(kind, name, None)


@pytest.mark.parametrize(("kind", "name", "limits", "default"), NUMBERS, ids=NAMED)
def test_numbers_at_their_limits_pass_with_one_type(
    kind: type[Request], name: str, limits: Limits, default: Any
) -> None:
    for value in (limits.low, limits.high):
        for form in (value, float(value), str(value), f" {value} ", np.float64(value)):
            got = getattr(made(kind, **{name: form}), name)
            assert got == value
            assert type(got) is (int if limits.step == 1 else float)
    if default is None:
        assert getattr(made(kind, **{name: None}), name) is None


@pytest.mark.parametrize(("kind", "name", "limits", "default"), [n for n in NUMBERS if n[2].step == 1],
                         ids=[i for i, n in zip(NAMED, NUMBERS, strict=True) if n[2].step == 1])
def test_whole_numbers_only(kind: type[Request], name: str, limits: Limits, default: Any) -> None:
    assert "whole number" in refused(kind, name, limits.low + 0.5)
    if limits.multiple_of > 1:
        assert f"multiple of {limits.multiple_of}" in refused(kind, name, limits.low + 1)


def test_defaults_pass_and_none_stays_for_the_model() -> None:
    for kind in REQUESTS:
        request = made(kind)
        assert request.seed == RANDOM_SEED
        for f in dataclasses.fields(kind):
            if f.name not in NEEDED[kind]:
                assert getattr(request, f.name) == f.default


def test_requests_are_frozen_and_keyword_only() -> None:
    request = made(TextGenerationRequest)
    with pytest.raises(dataclasses.FrozenInstanceError):
        request.prompt = "other"
    with pytest.raises(TypeError):
        TextGenerationRequest("words", 1)
    assert TextGenerationRequest(prompt="a", seed=MAX_SEED).seed == MAX_SEED


def test_replacing_a_field_keeps_the_rest() -> None:
    """The engine completes requests with dataclasses.replace: checking twice must change nothing."""
    for kind in REQUESTS:
        request = made(kind, seed=7)
        again = dataclasses.replace(request)
        for f in dataclasses.fields(kind):
            before, after = getattr(request, f.name), getattr(again, f.name)
            assert before.tobytes() == after.tobytes() if isinstance(before, Image.Image) else before == after


@pytest.mark.parametrize("kind", REQUESTS)
@pytest.mark.parametrize("value", ["", None, 3, True, "x" * 201, [], b"words"])
def test_model_must_be_an_id(kind: type[Request], value: Any) -> None:
    refused(kind, "model", value)


TEXTS = [(TextGenerationRequest, "prompt", MAX_PROMPT), *((kind, "prompt", MAX_PROMPT) for kind in DIFFUSION),
         *((kind, "negative_prompt", MAX_PROMPT) for kind in DIFFUSION), (TextToImageRequest, "to_prompt", MAX_PROMPT),
         (TextToSpeechRequest, "text", MAX_SPEECH)]
MAY_BE_EMPTY = ("negative_prompt", "to_prompt")
KEPT = [
    "plain", "two\nlines\tand a tab", "naïve café", "a fox 🦊 👩‍👩‍👧 🇩🇪", "سلام علیکم", "שלום", "你好，世界",
    "नमस्ते", "e\u0301",
    "no\u00a0break", "می\u200cروم", "x" * 100, "𝔘𝔫𝔦𝔠𝔬𝔡𝔢", "100 % \\ \" ' < > & {}",
]
CLEANED = [
    ("a\x00b", "ab"), ("a\x1b[31mb", "a[31mb"), ("a\x7fb", "ab"), ("a\x85b", "ab"), ("a\x9bb", "ab"),
    ("a\ud800b", "ab"), ("a\udfffb", "ab"), ("a\r\nb", "a\nb"), ("a\rb", "a\nb"), ("a\x08b\x0b", "ab"),
]


@pytest.mark.parametrize(("kind", "name", "longest"), TEXTS)
def test_bad_texts_are_refused(kind: type[Request], name: str, longest: int) -> None:
    for value in (3, 3.5, True, ["a"], {"a": 1}, b"bytes", object()):
        refused(kind, name, value)
    sentence = refused(kind, name, "x" * (longest + 1))
    assert f"{longest:,}" in sentence and f"{longest + 1:,}" in sentence
    assert getattr(made(kind, **{name: "x" * longest}), name) == "x" * longest
    emoji = "🦊" * (longest - 1) + "a"
    assert getattr(made(kind, **{name: emoji}), name) == emoji
    if name not in MAY_BE_EMPTY:
        for value in (None, "", " ", "\n\t ", "\x00", "\x00\x1b ", "\ud800", "\u200b", "\u00a0\u3000", "\u202e\u202c"):
            refused(kind, name, value)
    else:
        assert getattr(made(kind, **{name: None}), name) == ""


@pytest.mark.parametrize("value", KEPT)
def test_writing_of_every_script_is_kept(value: str) -> None:
    for kind, name, _ in TEXTS:
        assert getattr(made(kind, **{name: value}), name) == value


@pytest.mark.parametrize(("value", "expected"), CLEANED)
def test_control_characters_never_reach_a_model(value: str, expected: str) -> None:
    for kind, name, _ in TEXTS:
        got = getattr(made(kind, **{name: value}), name)
        assert got == expected
        got.encode("utf8")


@pytest.mark.parametrize("value", ["...", "!?", "🦊", "— …", "\n\n."])
def test_speech_needs_something_to_say(value: str) -> None:
    refused(TextToSpeechRequest, "text", value)


@pytest.mark.parametrize("value", ["7", "a", "ы", "中", "٣"])
def test_speech_of_one_character_passes(value: str) -> None:
    assert made(TextToSpeechRequest, text=value).text == value


@pytest.mark.parametrize("value", [3, True, b"slt", ["slt"], "x" * 201])
def test_voice_must_be_a_name(value: Any) -> None:
    refused(TextToSpeechRequest, "voice", value)


@pytest.mark.parametrize("value", ["", "WAV", "aac", None, 3, True, ["wav"], "x" * 500])
def test_format_must_be_known(value: Any) -> None:
    assert "wav, flac, ogg, mp3" in refused(TextToSpeechRequest, "format", value)


@pytest.mark.parametrize("value", AUDIO_FORMATS)
def test_every_format_passes(value: str) -> None:
    assert made(TextToSpeechRequest, format=value).format == value


def recording(seconds: float = 2.0, rate: int = 16_000) -> Reference:
    return Reference(samples=np.full(round(seconds * rate), 0.1, np.float32), sample_rate=rate)


def test_a_voice_is_only_taken_with_consent() -> None:
    reference = recording()
    for consent in ({}, {"consent": False}):
        assert "Tick" in refused(TextToSpeechRequest, "reference", reference, field="consent", **consent)
    request = made(TextToSpeechRequest, reference=reference, consent=True)
    assert request.reference is reference and request.consent is True
    assert made(TextToSpeechRequest, consent=True).reference is None


@pytest.mark.parametrize("value", ["voice.wav", 3, True, b"RIFF", np.zeros(16_000, np.float32), (np.zeros(9), 16_000), []])
def test_a_reference_must_be_a_recording(value: Any) -> None:
    refused(TextToSpeechRequest, "reference", value, consent=True)


@pytest.mark.parametrize("value", [None, "", "yes", 1, 0, [True]])
def test_consent_is_yes_or_no(value: Any) -> None:
    refused(TextToSpeechRequest, "consent", value)


@pytest.mark.parametrize(("samples", "rate", "said"), [
    (np.full(15_999, 0.1), 16_000, "too short"), (np.full(960_001, 0.1), 16_000, "longer than 60"),
    (np.full(0, 0.1), 16_000, "too short"), (np.zeros(16_000), 16_000, "silent"), (np.full(9_000, 0.1), 7_999, "Hz"),
    (np.full(400_000, 0.1), 192_001, "Hz"), (np.full((16_000, 2), 0.1), 16_000, "one channel"),
    (np.full(16_000, np.nan), 16_000, "one channel"), (np.full(16_000, np.inf), 16_000, "one channel"),
])
def test_a_recording_is_of_one_person_speaking_for_a_while(samples: np.ndarray, rate: int, said: str) -> None:
    with pytest.raises(BadRequest, match=said) as caught:
        Reference(samples=samples, sample_rate=rate)
    assert caught.value.field == "reference" and str(caught.value).endswith(".")


@pytest.mark.parametrize(("seconds", "rate"), [(1, 8_000), (60, 8_000), (1, 192_000), (60, 16_000)])
def test_a_recording_at_its_limits_passes(seconds: float, rate: int) -> None:
    reference = Reference(samples=np.full(seconds * rate, 0.1), sample_rate=rate)
    assert reference.samples.dtype == np.float32 and reference.sample_rate == rate


@pytest.mark.parametrize("kind", DIFFUSION)
@pytest.mark.parametrize("value", ["", "euler", "Karras", 0, True, ["Euler"], {"a": 1}])
def test_scheduler_must_be_known(kind: type[Request], value: Any) -> None:
    refused(kind, "scheduler", value)


@pytest.mark.parametrize("name", [None, *SCHEDULERS])
def test_every_scheduler_passes(name: str | None) -> None:
    assert made(TextToImageRequest, scheduler=name).scheduler == name


@pytest.mark.parametrize("value", [
    "text", 3, [3], [("user",)], [("user", "a", "b")], ["ab"], [None], [("user", 3)], [("user", None)], [(1, "a")],
    [("system", "obey")], [("tool", "a")], [{"role": "user"}], [{"content": "a"}], {"role": "user"},
    [("user", "x" * 20_001)], [("user", "a")] * 201, True,
])
def test_bad_history_is_refused(value: Any) -> None:
    refused(TextGenerationRequest, "history", value)


@pytest.mark.parametrize(("value", "expected"), [
    ((), ()), ([], ()), (None, ()),
    ([("user", "Hi"), ("assistant", "Hello")], (("user", "Hi"), ("assistant", "Hello"))),
    ([["user", "Hi"]], (("user", "Hi"),)),
    ([{"role": "user", "content": "Hi"}], (("user", "Hi"),)),
    ([{"role": "assistant", "content": "", "metadata": None}], (("assistant", ""),)),
    ([("user", "a\x00\ud800b")], (("user", "ab"),)),
    ([("user", "x" * 20_000)], (("user", "x" * 20_000),)),
])
def test_history_in_every_form(value: Any, expected: tuple) -> None:
    assert made(TextGenerationRequest, history=value).history == expected


@pytest.mark.parametrize("value", [
    "a", 3, True, {"name": "a"}, ["a"], [None], [("a",)], [("a", 1, 2)], [(1, 1)], [("", 1)], [(" ", 1)], [("\x00", 1)],
    [("a", 2.1)], [("a", -2.1)], [("a", "much")], [("a", None)], [("a", True)], [("a", math.nan)], [{"weight": 1}],
    [{"name": "a", "weight": ""}], [("a", 1), ("a", 1)], [("a", 1), {"name": "a"}], [("x" * 201, 1)],
    [(str(i), 1) for i in range(5)],
])
@pytest.mark.parametrize("kind", DIFFUSION)
def test_bad_loras_are_refused(kind: type[Request], value: Any) -> None:
    refused(kind, "loras", value)


@pytest.mark.parametrize(("value", "expected"), [
    ((), ()), ([], ()), (None, ()), ([("a", 1)], (("a", 1.0),)), ([["a b.1", "-2"]], (("a b.1", -2.0),)),
    ([{"name": "a", "weight": 0.5}, {"name": "b"}], (("a", 0.5), ("b", 1.0))),
    ([(str(i), i / 2) for i in range(4)], tuple((str(i), i / 2) for i in range(4))),
])
def test_loras_in_every_form(value: Any, expected: tuple) -> None:
    assert made(TextToImageRequest, loras=value).loras == expected
    assert all(type(weight) is float for _, weight in made(TextToImageRequest, loras=value).loras)


@pytest.mark.parametrize("value", ["", "Exact", "slow", 1, True, ["fast"], np.array([1, 2]), {"a": 1}])
@pytest.mark.parametrize("kind", [TextGenerationRequest, *DIFFUSION])
def test_acceleration_must_be_known(kind: type[Request], value: Any) -> None:
    assert "exact, fast, fastest" in refused(kind, "acceleration", value)


@pytest.mark.parametrize("value", ACCELERATIONS)
def test_every_acceleration_passes(value: str) -> None:
    assert made(TextGenerationRequest, acceleration=value).acceleration == value
    assert made(InpaintingRequest, acceleration=value).acceleration == value


@pytest.mark.parametrize("kind", [TextGenerationRequest, *DIFFUSION])
def test_no_acceleration_is_exact(kind: type[Request]) -> None:
    assert made(kind, acceleration=None).acceleration == "exact"


@pytest.mark.parametrize(("values", "walks"), [
    ({}, False), ({"to_prompt": "a pear"}, True), ({"to_seed": 0}, True), ({"to_seed": "7"}, True),
    ({"to_prompt": "a pear", "to_seed": MAX_SEED}, True), ({"to_prompt": " \n"}, False), ({"frames": 9}, False),
    ({"variation": 0.5}, False),
])
def test_a_strip_is_asked_for_by_its_other_end(values: dict[str, Any], walks: bool) -> None:
    assert made(TextToImageRequest, **values).walks is walks


@pytest.mark.parametrize("end", [{"to_prompt": "a pear"}, {"to_seed": 0}])
def test_a_strip_is_of_one_picture_at_each_place(end: dict[str, Any]) -> None:
    assert "frames" in refused(TextToImageRequest, "num_images", 2, **end)
    refused(TextToImageRequest, "variation", 0.05, **end)
    assert made(TextToImageRequest, num_images=1, frames=9, variation=0, **end).frames == 9


def test_a_strip_ends_at_a_seed_and_not_at_chance() -> None:
    refused(TextToImageRequest, "to_seed", RANDOM_SEED)
    assert made(TextToImageRequest, num_images=4, variation=1).variation == 1


IMAGES = [(kind, name) for kind in REQUESTS for name in ("image", "mask") if name in NEEDED[kind]]


@pytest.mark.parametrize(("kind", "name"), IMAGES)
@pytest.mark.parametrize("value", [None, "", "picture.png", 3, True, b"PNG", np.zeros((4, 4, 3), np.uint8), []])
def test_pictures_must_be_decoded(kind: type[Request], name: str, value: Any) -> None:
    refused(kind, name, value)


@pytest.mark.parametrize(("kind", "name"), [i for i in IMAGES if i[1] == "image"])
def test_at_most_25_megapixels(kind: type[Request], name: str) -> None:
    sentence = refused(kind, name, Image.new("1", (5001, 5000)))
    assert "5001 x 5000, more than 25 megapixels" in sentence
    empty = Image.new("1", (0, 7))
    refused(kind, name, empty)


def test_a_mask_of_25_megapixels_passes() -> None:
    large = Image.new("1", (5000, 5000), 1)
    assert made(InpaintingRequest, image=large, mask=large).mask.size == (5000, 5000)


@pytest.mark.parametrize("size", [(48, 64), (63, 48), (64, 49), (1, 1), (128, 96)])
def test_mask_of_another_size_is_refused(size: tuple[int, int]) -> None:
    sentence = refused(InpaintingRequest, "mask", Image.new("L", size, 255))
    assert f"{size[0]}x{size[1]}" in sentence and "64x48" in sentence


@pytest.mark.parametrize("value", [0, 1, 127])
def test_empty_mask_is_refused(value: int) -> None:
    assert "Paint over" in refused(InpaintingRequest, "mask", Image.new("L", PICTURE.size, value))


def test_soft_masks_become_hard_at_128() -> None:
    soft = Image.linear_gradient("L").resize(PICTURE.size)
    mask = made(InpaintingRequest, mask=soft).mask
    assert mask.mode == "L"
    assert set(np.unique(mask)) == {0, 255}
    assert ((np.asarray(mask) == 255) == (np.asarray(soft) >= 128)).all()


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "I;16"])
def test_masks_of_every_mode(mode: str) -> None:
    mask = Image.new("L", PICTURE.size)
    mask.paste(255, (8, 8, 24, 24))
    given = Image.fromarray(np.asarray(mask).astype(np.uint16) * 257) if mode == "I;16" else mask.convert(mode)
    assert made(InpaintingRequest, mask=given).mask.tobytes() == mask.tobytes()


@pytest.mark.parametrize("kind", [ImageToImageRequest, InpaintingRequest])
@pytest.mark.parametrize(("steps", "strength", "passes"), [
    (1, 1, True), (1, 0.95, False), (10, 0.1, True), (9, 0.1, False), (20, 0.05, True), (19, 0.05, False),
    (3, 0.35, True), (2, 0.45, False), (2, 0.5, True), (150, 0.05, True), (None, 0.05, True), (1, None, True),
])
def test_less_than_one_step_is_refused(kind: type[Request], steps: int | None, strength: float, passes: bool) -> None:
    if passes:
        assert made(kind, steps=steps, strength=strength).strength == strength
        return
    sentence = refused(kind, "strength", strength, steps=steps)
    assert "less than one step" in sentence
    fewest = int(sentence.split("at least ")[1].split()[0])
    least = float(sentence.split("at least ")[2].rstrip("."))
    assert made(kind, steps=fewest, strength=strength).steps == fewest
    assert made(kind, steps=steps, strength=min(least, 1)).steps == steps


@pytest.mark.parametrize("value", [2, 4, "2", "4", "2x", "x4", "×2", "4×", 2.0, 4.0, "2.0", np.int64(2), np.float32(4)])
def test_scale_is_2_or_4(value: Any) -> None:
    scale = made(SuperResolutionRequest, scale=value).scale
    assert scale in (2, 4) and type(scale) is int


@pytest.mark.parametrize("value", [
    0, 1, 3, 8, -2, 2.5, "", "two", None, True, math.nan, math.inf, "xx", [2], "22x", 10**400, "9" * 5000,
    pytest.param(10**5000, id="longer than Python writes"),
])
def test_other_scales_are_refused(value: Any) -> None:
    assert "2 or 4" in refused(SuperResolutionRequest, "scale", value)


@pytest.mark.parametrize(("size", "scale", "largest"), [
    ((1500, 1500), 4, None), ((1501, 1500), 4, 2), ((3000, 3000), 2, None), ((3000, 3000), 4, 2), ((3001, 3000), 2, 0),
    ((3001, 3000), 4, 0), ((5000, 5000), 2, 0), ((9_000_000, 1), 2, None), ((1, 9_000_001), 2, 0),
])
def test_at_most_36_megapixels_are_made(size: tuple[int, int], scale: int, largest: int | None) -> None:
    image = Image.new("1", size)
    if largest is None:
        assert made(SuperResolutionRequest, image=image, scale=scale).scale == scale
        return
    sentence = refused(SuperResolutionRequest, "scale", scale, image=image)
    assert "at most 36" in sentence
    assert ("2 times" in sentence.split("made. ")[1]) == (largest == 2)
    if largest:
        assert made(SuperResolutionRequest, image=image, scale=largest).scale == largest
    else:
        assert "Shrink" in sentence


@pytest.mark.parametrize("value", [1, 31, -1, 1025, 64.5])
def test_bad_tiles_are_refused(value: Any) -> None:
    refused(SuperResolutionRequest, "tile", value)


@pytest.mark.parametrize("value", [None, 0, 32, 1024, "64"])
def test_tiles_that_pass(value: Any) -> None:
    assert made(SuperResolutionRequest, tile=value).tile == (None if value is None else int(value))


def test_values_in_sentences_are_short_and_printable() -> None:
    assert len(clip("x" * 10_000)) == 40
    assert clip("\x1b\n\u202e").isprintable()
