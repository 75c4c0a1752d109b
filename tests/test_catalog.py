"""Every card is complete, its defaults make a request that can run, and its own limits hold."""

from __future__ import annotations

import dataclasses
import json
from importlib.util import find_spec
from typing import Any

import pytest
from PIL import Image

from playground import catalog, pipelines
from playground.catalog import (
    Catalog,
    ModelCard,
    cards,
    folder_bits,
    hub_cards,
    missing,
    named_bits,
    recommended,
    starters,
)
from playground.device import Device
from playground.errors import BadRequest
from playground.footprints import Footprints
from playground.requests import REQUESTS, SCHEDULERS, Limits, Request

CATALOG = Catalog(cards())
BY_TASK = {kind.task: kind for kind in REQUESTS}
SERVED = [(card, BY_TASK[task]) for card in CATALOG.cards for task in sorted(card.tasks)]
NAMES = [f"{card.id}-{kind.task}" for card, kind in SERVED]
PICTURE = Image.new("RGB", (64, 48), "white")
NEEDED = {"prompt": "an apple", "text": "Hello", "image": PICTURE, "mask": Image.new("L", PICTURE.size, 255)}


def unasked(card: ModelCard, kind: type[Request]) -> set[str]:
    """Fields that stay None: the picture's own shape, a strip's other seed, a recording to copy, a voice where there is
    none to choose from."""
    fields = {"width", "height"} if kind.task in ("image_to_image", "inpainting") else {"to_seed", "reference"}
    return fields if card.voices else fields | {"voice"}


def made(card: ModelCard, kind: type[Request], **values: Any) -> Request:
    names = {f.name for f in dataclasses.fields(kind)}
    return kind(**{n: v for n, v in NEEDED.items() if n in names} | {"model": card.id} | values)


def served_by(key: str, card: ModelCard) -> list[type[Request]]:
    """The requests of this card that a key of its defaults or limits ("field" or "task.field") speaks of."""
    task, _, name = key.rpartition(".")
    kinds = [BY_TASK[t] for t in card.tasks if not task or t == task]
    return [k for k in kinds if name in {f.name for f in dataclasses.fields(k)}]


def test_what_a_starter_knows_comes_from_its_facts(tmp_path, monkeypatch) -> None:
    known = {"objects": ["red apple", "panda"], "grounds": ["blue"], "vocabulary": ["a", "red", "apple"], "data": "pictures"}
    (tmp_path / "some").mkdir(parents=True)
    (tmp_path / "some" / "facts.json").write_text(json.dumps(known), encoding="utf8")
    monkeypatch.setattr(starters, "STARTERS", tmp_path)
    values = {"title": "Some", "sentence": ".", "bad_at": ".", "adapter": "diffusion", "tasks": frozenset()}
    card = catalog.starter("some", **values)
    assert (card.things, card.grounds, card.styles) == (("red apple", "panda"), ("blue",), ())
    assert card.vocabulary == {"a", "red", "apple"}
    bare = catalog.starter("without-facts", **values)
    assert (bare.things, bare.grounds, bare.styles, bare.vocabulary) == ((), (), (), frozenset())


def test_ids_are_unique() -> None:
    ids = [card.id for card in CATALOG.cards]
    assert len(set(ids)) == len(ids)
    with pytest.raises(ValueError, match="same id"):
        Catalog((*CATALOG.cards, CATALOG.cards[0]))


@pytest.mark.parametrize("task", BY_TASK)
def test_every_task_has_a_choice_of_models(task: str) -> None:
    assert len(CATALOG.serving(task)) >= 2
    model = next(f for f in dataclasses.fields(BY_TASK[task]) if f.name == "model")
    assert CATALOG.serving(task)[0].id == model.default


@pytest.mark.parametrize("task", [t for t in BY_TASK if t != "text_to_speech"])
def test_the_first_model_of_a_task_is_a_starter(task: str) -> None:
    assert CATALOG.serving(task)[0].starter


@pytest.mark.parametrize("card", CATALOG.cards, ids=lambda card: card.id)
def test_cards_are_filled(card: ModelCard) -> None:
    assert card.tasks and card.tasks <= BY_TASK.keys()
    texts = (card.id, card.title, card.sentence, card.bad_at, card.adapter, card.licence, card.training_data)
    for text in (*texts, card.origin):
        assert isinstance(text, str) and text == text.strip() and text
    assert card.sentence.endswith(".") and card.bad_at.endswith(".")
    assert find_spec(f"playground.pipelines.{card.adapter}")
    assert card.memory > 0
    assert card.starter == (not card.repository)
    if card.starter:
        return
    assert card.download > 0 and card.repository.count("/") == 1 and card.pipeline and card.languages
    assert 0 < card.largest <= card.memory <= 3.1 * card.download
    assert all(extra.repository.count("/") == 1 and extra.kind in ("model", "dataset") for extra in card.extras)
    forbids = any(sign in card.licence for sign in ("NC", "non-commercial", "not verified", "Community"))
    assert card.commercial != forbids, "a licence that forbids or that nobody has read allows no commerce"


def test_the_hub_has_a_ladder_for_each_task_from_small_to_large() -> None:
    assert 30 <= len(hub_cards()) <= 40
    for task in BY_TASK:
        first, *others = CATALOG.serving(task)
        assert first.starter and not any(card.starter for card in others)
        assert [card.memory for card in others] == sorted(card.memory for card in others)
        assert any(card.on_cpu for card in others)


def test_a_card_knows_what_its_extras_are_for() -> None:
    for card in hub_cards():
        named = {v for k, v in card.options.items() if k in ("vocoder", "speakers", "voices_repository")}
        assert named <= {extra.repository for extra in card.extras}


@pytest.mark.parametrize("card", [card for card in hub_cards() if card.adapter == "diffusion"], ids=lambda card: card.id)
def test_words_to_avoid_are_offered_where_there_is_guidance(card: ModelCard) -> None:
    limits = card.range(BY_TASK[min(card.tasks)], "guidance_scale")
    assert not card.takes_negative_prompt or limits.low < limits.high
    assert card.takes_negative_prompt == (not any(sign in card.id for sign in ("turbo", "flux", "sprint")))


def test_a_card_can_be_added_and_replaced_while_others_read() -> None:
    whole = Catalog(cards())
    own = dataclasses.replace(whole.find("gpt2"), id="own", title="Mine")
    whole.add(own)
    assert whole.find("own") is own and whole.serving("text_generation")[-1] is own
    whole.add(dataclasses.replace(own, title="Mine too"))
    assert whole.find("own").title == "Mine too" and len(whole.cards) == len(CATALOG.cards) + 1
    place = [card.id for card in whole.cards].index("gpt2")
    whole.add(dataclasses.replace(whole.find("gpt2"), title="Other"))
    assert whole.cards[place].title == "Other"


def machine(gigabytes: float, kind: str = "cuda:0") -> Device:
    dtype = "float32" if kind == "cpu" else "bfloat16"
    return Device(name=kind, title="-", free_memory=int(gigabytes * 1e9), dtype=dtype, threads=4)


@pytest.mark.parametrize(("task", "device", "best"), [
    ("text_generation", machine(2, "cpu"), "smollm2-135m"), ("text_generation", machine(64, "cpu"), "qwen3.5-0.8b"),
    ("text_generation", machine(8), "smollm3-3b"), ("text_generation", machine(80), "gemma-4-31b"),
    ("text_to_image", machine(16, "cpu"), "sd-turbo"), ("text_to_image", machine(24), "z-image-turbo"),
    ("text_to_image", machine(80), "qwen-image-2512"), ("inpainting", machine(16, "cpu"), "sd-turbo"),
    ("image_to_image", machine(80), "qwen-image-2512"), ("super_resolution", machine(16, "cpu"), "swin2sr-x4"),
    ("super_resolution", machine(12), "sd-x4"), ("text_to_speech", machine(0.1), None),
    ("text_to_speech", machine(16, "cpu"), "speecht5"),
])
def test_the_largest_that_works_well_is_recommended(task: str, device: Device, best: str | None) -> None:
    found = recommended(CATALOG.serving(task), device)
    assert (found.id if found else None) == best


def test_nothing_is_recommended_that_cannot_be_loaded_or_must_be_asked_for() -> None:
    large = CATALOG.find("qwen-image-2512")
    for other in (
        dataclasses.replace(large, needs=("no_such_package",)), dataclasses.replace(large, gated=True),
        dataclasses.replace(large, memory=10**12, largest=10**12),
    ):
        assert recommended((CATALOG.find("pictures"), other), machine(80)) is None
    assert recommended((large,), machine(80)) is large
    assert missing(dataclasses.replace(large, needs=("no_such_package", "torch"))) == ("no_such_package",)


@pytest.mark.parametrize("card", CATALOG.cards, ids=lambda card: card.id)
def test_defaults_and_limits_speak_of_fields(card: ModelCard) -> None:
    for key, value in card.defaults.items():
        assert served_by(key, card), f"{key} is a field of no request of {card.id}"
        name = key.rpartition(".")[2]
        for kind in served_by(key, card):
            if name == "scheduler":
                assert value in SCHEDULERS
            else:
                assert kind.limits(name).check(name, value) == value
                assert card.range(kind, name).check(name, value) == value
    for name, limits in card.limits.items():
        assert served_by(name, card)
        for kind in served_by(name, card):
            wide = kind.limits(name)
            assert wide.low <= limits.low <= limits.high <= wide.high
            assert limits.multiple_of % wide.multiple_of == 0 and limits.step == wide.step


@pytest.mark.parametrize(("card", "kind"), SERVED, ids=NAMES)
def test_a_request_with_defaults_only_is_completed(card: ModelCard, kind: type[Request]) -> None:
    request = made(card, kind)
    done = card.complete(request)
    empty = {f.name for f in dataclasses.fields(kind) if getattr(done, f.name) is None}
    assert empty <= unasked(card, kind)
    for f in dataclasses.fields(kind):
        if (given := getattr(request, f.name)) is not None and not isinstance(given, Image.Image):
            assert getattr(done, f.name) == given
    again = card.complete(done)
    assert all(getattr(again, f.name) == getattr(done, f.name) for f in dataclasses.fields(kind))


@pytest.mark.parametrize(("card", "kind"), SERVED, ids=NAMES)
def test_what_the_visitor_chose_is_kept(card: ModelCard, kind: type[Request]) -> None:
    for f in dataclasses.fields(kind):
        if f.name in card.defaults and "limits" in f.metadata:
            high = card.range(kind, f.name).high
            assert getattr(card.complete(made(card, kind, **{f.name: high})), f.name) == high


@pytest.mark.parametrize(("card", "kind"), SERVED, ids=NAMES)
def test_narrower_limits_hold(card: ModelCard, kind: type[Request]) -> None:
    for name, limits in card.limits.items():
        wide = kind.limits(name)
        for value in {wide.low, wide.high} - {limits.low, limits.high}:
            with pytest.raises(BadRequest) as caught:
                card.complete(made(card, kind, **{name: value}))
            assert caught.value.field in (name, "strength")  # few steps may leave less than one at the default strength
            assert "\n" not in str(caught.value)


def test_a_number_that_a_model_has_no_choice_of_is_said_plainly() -> None:
    with pytest.raises(BadRequest, match=r"^Width must be 128 with this model; it was 512\.$"):
        CATALOG.find("pictures").complete(made(CATALOG.find("pictures"), BY_TASK["text_to_image"], width=512))


def test_the_visitors_zero_is_not_taken_for_nothing() -> None:
    card = CATALOG.find("words")
    request = card.complete(made(card, BY_TASK["text_generation"], temperature=0, top_k=0))
    assert (request.temperature, request.top_k) == (0, 0)


def test_a_default_for_one_task_comes_first() -> None:
    card = dataclasses.replace(CATALOG.find("pictures"), defaults={
        **CATALOG.find("pictures").defaults, "strength": 0.6, "inpainting.strength": 0.9,
    })
    assert card.complete(made(card, BY_TASK["inpainting"])).strength == 0.9
    assert card.complete(made(card, BY_TASK["image_to_image"])).strength == 0.6
    assert card.default(BY_TASK["inpainting"], "strength") == 0.9
    assert card.default(BY_TASK["inpainting"], "feather") == 4


def test_strength_is_checked_against_the_models_own_steps() -> None:
    card = CATALOG.find("sd-turbo")
    with pytest.raises(BadRequest, match="less than one step") as caught:
        card.complete(made(card, BY_TASK["image_to_image"], strength=0.1))
    assert caught.value.field == "strength"


def test_limits_of_a_card_are_used_by_the_page() -> None:
    kind = BY_TASK["text_to_image"]
    card = dataclasses.replace(CATALOG.find("pictures"), limits={"steps": Limits(low=2, high=5)})
    assert card.range(kind, "steps").high == 5
    assert card.range(kind, "guidance_scale") == kind.limits("guidance_scale")


@pytest.mark.parametrize("model", ["nothing", "WORDS", "words ", "../words", "/etc/passwd", "words\x00"])
def test_unknown_models_are_refused(model: str) -> None:
    with pytest.raises(BadRequest, match="^There is no model of this name here") as caught:
        CATALOG.find(model)
    assert caught.value.field == "model"
    assert model not in str(caught.value)


def test_a_model_of_another_task_is_refused() -> None:
    card = CATALOG.find("words")
    with pytest.raises(BadRequest, match="Words.*cannot do this task. Choose another model") as caught:
        card.complete(made(card, BY_TASK["text_to_image"]))
    assert caught.value.field == "model"


@pytest.mark.parametrize("voice", ["nobody", "x" * 200, "two\nlines"])
def test_unknown_voices_are_refused(voice: str) -> None:
    card = CATALOG.serving("text_to_speech")[0]
    with pytest.raises(BadRequest, match="voice") as caught:
        card.complete(made(card, BY_TASK["text_to_speech"], voice=voice))
    assert caught.value.field == "voice"
    assert str(caught.value).isprintable() and len(str(caught.value)) < 150


def test_every_voice_passes() -> None:
    for card in CATALOG.serving("text_to_speech"):
        for voice in card.voices:
            assert card.complete(made(card, BY_TASK["text_to_speech"], voice=voice)).voice == voice


@pytest.mark.parametrize(("words", "said"), [
    ("panda", "a panda"), ("umbrella", "an umbrella"), ("grapes", "grapes"), ("cherries", "cherries"), ("bus", "a bus"),
    ("octopus", "an octopus"), ("compass", "a compass"), ("glasses", "glasses"), ("light blue", "a light blue"),
])
def test_articles(words, said):
    assert catalog.with_article(words) == said


@pytest.mark.parametrize("card", [card for card in CATALOG.cards if card.starter], ids=lambda card: card.id)
def test_a_starter_takes_no_more_memory_than_its_card_says(card: ModelCard) -> None:
    model = pipelines.load(card, machine(8, "cpu"))
    assert 0.9 * card.memory < model.nbytes <= card.memory
    model.close()


def test_what_was_measured_here_decides_what_is_recommended() -> None:
    known, device = Footprints(), machine(80)
    large = CATALOG.find("gemma-4-31b")
    known.loaded(large, "bfloat16", "whole", weights=70 * 10**9)
    found = recommended(CATALOG.serving("text_generation"), device, footprint=known)
    assert found.id == "qwen3.5-27b" and recommended(CATALOG.serving("text_generation"), device) is large


def test_a_tiny_autoencoder_is_no_part_that_a_model_cannot_do_without() -> None:
    extras = {extra.repository: extra.optional for card in CATALOG.cards for extra in card.extras}
    assert {name for name, optional in extras.items() if optional} == {"madebyollin/taesd", "madebyollin/taesdxl"}


def safetensors_of(path, dtype: str, count: int) -> None:
    width = {"F16": 2, "F32": 4, "I64": 8}[dtype]
    header = {"a": {"dtype": dtype, "shape": [count, 1], "data_offsets": [0, count * width]}, "__metadata__": {"format": "pt"}}
    raw = json.dumps(header).encode()
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(len(raw).to_bytes(8, "little") + raw)


def test_the_bits_of_a_folder_are_read_from_its_headers(tmp_path) -> None:
    assert folder_bits(tmp_path) == 0
    safetensors_of(tmp_path / "unet" / "model.safetensors", "F32", 10)
    safetensors_of(tmp_path / "unet" / "model.fp16.safetensors", "F16", 10)
    safetensors_of(tmp_path / "vae" / "model.safetensors", "F32", 10)
    assert folder_bits(tmp_path) == 32 and folder_bits(tmp_path, variant="fp16") == 24  # of the autoencoder there is one only
    safetensors_of(tmp_path / "model-00001-of-00002.safetensors", "F16", 60)
    safetensors_of(tmp_path / "model-00002-of-00002.safetensors", "I64", 60)
    assert folder_bits(tmp_path) == 20
    for broken in (b"", b"\xff" * 20, (2).to_bytes(8, "little") + b"[]", (9).to_bytes(8, "little") + b'{"a": {}}'):
        (tmp_path / "other").mkdir(exist_ok=True)
        (tmp_path / "other" / "model.safetensors").write_bytes(broken)
        assert folder_bits(tmp_path / "other") == 0


@pytest.mark.parametrize(("name", "bits"), [
    ("bfloat16", 16), ("float32", 32), ("torch.float16", 16), ("auto", 0), (None, 0), (["float32"], 0),
])
def test_the_bits_of_a_precision_are_known_by_its_name(name, bits) -> None:
    assert named_bits(name) == bits
