"""Each family of picture models is called by its own names: guidance, words to avoid, and what it needs beside them."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest
from PIL import Image

from playground.catalog import ModelCard, hub_cards
from playground.catalog.families import FAMILIES
from playground.events import Notice
from playground.pipelines import diffusion, families
from playground.requests import ImageToImageRequest, InpaintingRequest, TextToImageRequest
from tests import tiny_diffusion, tiny_flow
from tests.fakes import CPU

NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
ASKED = {"prompt": "an apple", "steps": 4, "guidance_scale": 4.0, "width": 64, "height": 64, "seed": 1}


def card(folder, **more) -> ModelCard:
    return ModelCard(
        id="tiny", title="Tiny", sentence="", bad_at="", tasks=frozenset({"text_to_image"}), adapter="diffusion", licence="",
        training_data="", memory=1, folder=folder, **more,
    )


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory):
    made = {}

    def find(name):
        if name not in made:
            build = getattr(tiny_flow, name, None) or getattr(tiny_diffusion, name)
            made[name] = build(tmp_path_factory.mktemp("tiny") / name)
        return made[name]

    return find


def called(model: diffusion.DiffusionModel, request: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, Any], list]:
    """What the pipeline is called with, and the events."""
    pipe, seen, events = model.pipe(request.task), {}, []
    kind = type(pipe)
    original = kind.__call__

    def spied(self, **arguments):
        seen.update(arguments)
        return original(self, **arguments)

    spied.__signature__ = inspect.signature(original)
    monkeypatch.setattr(kind, "__call__", spied)
    model.run(request, events.append)
    return seen, events


def evaluations(model: diffusion.DiffusionModel, request: Any) -> int:
    """How many pictures the transformer works on at all steps together."""
    counts = []
    hook = model.pipe(request.task).transformer.register_forward_pre_hook(
        lambda net, given, named: counts.append(len(named.get("hidden_states", given[0] if given else ()))), with_kwargs=True,
    )
    model.run(request, lambda event: None)
    hook.remove()
    return sum(counts)


def test_qwen_image_is_guided_by_its_true_scale_even_without_words_to_avoid(folder_of, monkeypatch):
    model = diffusion.load(card(folder_of("qwen_image")), CPU)
    seen, _ = called(model, TextToImageRequest(**ASKED), monkeypatch)
    assert seen["true_cfg_scale"] == 4.0 and seen["negative_prompt"] == " " and "guidance_scale" not in seen
    seen, _ = called(model, TextToImageRequest(**ASKED, negative_prompt="blue"), monkeypatch)
    assert seen["negative_prompt"] == "blue"
    assert evaluations(model, TextToImageRequest(**ASKED)) == 2 * ASKED["steps"]
    assert evaluations(model, TextToImageRequest(**ASKED | {"guidance_scale": 1.0})) == ASKED["steps"]


@pytest.mark.parametrize("name", ["flux", "flux2_klein", "sana_sprint"])
def test_models_with_guidance_distilled_are_told_no_words_to_avoid(folder_of, monkeypatch, name):
    model = diffusion.load(card(folder_of(name)), CPU)
    seen, events = called(model, TextToImageRequest(**ASKED, negative_prompt="blue"), monkeypatch)
    assert "negative_prompt" not in seen and seen["guidance_scale"] == 4.0
    assert [e.text for e in events if isinstance(e, Notice)] == [
        "Tiny takes no words to avoid (negative prompt), so yours were left out."
    ]


def test_a_card_says_more_than_its_class(folder_of, monkeypatch):
    options = {"guidance_distilled": True, "arguments": {"max_sequence_length": 64}}
    model = diffusion.load(card(folder_of("z_image"), options=options), CPU)
    seen, _ = called(model, TextToImageRequest(**ASKED | {"guidance_scale": 0.0}, negative_prompt="blue"), monkeypatch)
    assert seen["max_sequence_length"] == 64 and "negative_prompt" not in seen and seen["guidance_scale"] == 0.0


def test_instruct_pix2pix_has_a_second_scale_and_no_strength(folder_of, monkeypatch):
    model = diffusion.load(card(folder_of("instruct_pix2pix")), CPU)
    request = ImageToImageRequest(**ASKED, image=NOISE, strength=0.5, num_images=2)
    seen, _ = called(model, request, monkeypatch)
    assert seen["image_guidance_scale"] == 1.5 and seen["guidance_scale"] == 4.0 and "strength" not in seen
    assert len(seen["image"]) == 2 and seen["num_inference_steps"] == 4


def test_kontext_keeps_the_size_that_was_asked_for(folder_of, monkeypatch):
    model = diffusion.load(card(folder_of("flux_kontext")), CPU)
    seen, _ = called(model, ImageToImageRequest(**ASKED, image=NOISE), monkeypatch)
    assert seen["max_area"] == seen["width"] * seen["height"] == 64 * 64 and seen["_auto_resize"] is False


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_sana_sprint_takes_any_number_of_steps(folder_of, monkeypatch, steps):
    model = diffusion.load(card(folder_of("sana_sprint")), CPU)
    seen, _ = called(model, TextToImageRequest(**ASKED | {"steps": steps}), monkeypatch)
    assert ("intermediate_timesteps" in seen) is (steps != 2) and seen.get("intermediate_timesteps") is None


def test_flux_fill_reads_the_mask_itself(folder_of, monkeypatch):
    mask = Image.new("L", NOISE.size)
    mask.paste(255, (10, 10, 40, 40))
    model = diffusion.load(card(folder_of("flux_fill")), CPU)
    request = InpaintingRequest(**ASKED | {"guidance_scale": 30.0}, image=NOISE, mask=mask, strength=1.0)
    seen, _ = called(model, request, monkeypatch)
    assert seen["guidance_scale"] == 30.0 and seen["strength"] == 1.0 and seen["num_inference_steps"] == 4


@pytest.mark.filterwarnings("error::FutureWarning")
@pytest.mark.parametrize(("name", "kind"), [
    ("flux", InpaintingRequest), ("flux_fill", InpaintingRequest), ("flux_kontext", ImageToImageRequest),
    ("qwen_image", ImageToImageRequest), ("qwen_image", InpaintingRequest), ("krea", TextToImageRequest),
    ("sana_sprint", ImageToImageRequest), ("instruct_pix2pix", ImageToImageRequest),
])
def test_two_pictures_have_two_seeds(folder_of, name, kind):
    model = diffusion.load(card(folder_of(name)), CPU)
    named = {f: NOISE for f in ("image",) if kind is not TextToImageRequest}
    named |= {"mask": Image.new("L", NOISE.size, 255), "strength": 1.0} if kind is InpaintingRequest else {}
    first, second = model.run(kind(**ASKED, **named, num_images=2), lambda event: None).images
    (alone,) = model.run(kind(**ASKED | {"seed": 2}, **named), lambda event: None).images
    assert first.tobytes() != second.tobytes()
    assert np.abs(np.asarray(second, np.int16) - np.asarray(alone, np.int16)).max() <= 2


def test_every_sister_is_a_class_of_the_library():
    import diffusers

    for kind, family in FAMILIES.items():
        assert family.sisters.keys() <= family.tasks
        assert all(hasattr(diffusers, name) for name in (kind, *family.sisters.values()))


def test_cards_and_their_classes_agree():
    for given in hub_cards():
        if given.adapter == "diffusion":
            assert given.tasks == FAMILIES[given.pipeline].tasks
            for task in given.tasks:
                assert families.sister(given, given.pipeline, task) == given.sisters.get(task, "")
            assert families.options(given, given.pipeline) == given.options
