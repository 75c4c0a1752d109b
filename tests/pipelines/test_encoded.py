"""Prompts are encoded once for all seeds, and the pictures stay the same to the byte, in every family."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from PIL import Image

from playground import pipelines
from playground.pipelines.encoded import KEPT, LARGEST, Encoded, Unknown, brought, copied, told_apart
from playground.requests import ImageToImageRequest
from tests.pipelines.test_loras import CPU, FAMILIES, WANTED, card
from tests.tiny_loras import lora


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    made = {}

    def of(family: str):
        if family not in made:
            made[family] = FAMILIES[family](tmp_path_factory.mktemp(family) / "model")
        return made[family]

    return of


def counted(model):
    """A model and a list that grows by each call of one of its text encoders."""
    calls = []
    for name, part in model.pipe("text_to_image").components.items():
        if name.startswith("text_encoder"):
            part.register_forward_pre_hook(lambda *_, name=name: calls.append(name))
    return calls


def pixels(model, request):
    return model.run(request, lambda event: None).images[0].tobytes()


@pytest.mark.parametrize("family", FAMILIES)
def test_another_seed_does_not_wake_the_encoders(folders, family):
    model, fresh = (pipelines.load(card(folders(family), family), CPU) for _ in range(2))
    calls = counted(model)
    first = pixels(model, WANTED)
    once = len(calls)
    assert once > 0
    assert pixels(model, WANTED) == first
    again = pixels(model, replace(WANTED, seed=8))
    assert len(calls) == once and again != first
    assert pixels(fresh, replace(WANTED, seed=8)) == again
    changed = pixels(model, replace(WANTED, prompt="a green pear"))
    assert len(calls) > once
    fresh._encoded.forget()
    assert pixels(fresh, replace(WANTED, prompt="a green pear")) == changed


def test_what_a_prompt_depends_on_is_told_apart(folders, tmp_path):
    model = pipelines.load(card(folders("sd1"), "sd1"), CPU)
    model.loras = {"A": lora(model.pipe("text_to_image"), tmp_path / "A.safetensors", encoder=True)}
    calls = counted(model)
    picture = Image.linear_gradient("L").convert("RGB").resize((64, 64))
    redrawn = ImageToImageRequest(
        prompt=WANTED.prompt, image=picture, steps=2, strength=1.0, guidance_scale=3.0, width=64, height=64, seed=1,
    )
    for request in (
        WANTED, replace(WANTED, negative_prompt="dull"), replace(WANTED, num_images=2), replace(WANTED, guidance_scale=1.0),
        replace(WANTED, loras=(("A", 1.0),)), replace(WANTED, loras=(("A", 0.5),)), redrawn,
        replace(WANTED, to_prompt="a green pear", frames=3),
    ):
        calls.clear()
        first = pixels(model, request)
        assert calls, "something new is encoded"
        calls.clear()
        assert pixels(model, request) == first
        assert not calls, "and then known"


def test_a_run_that_fails_leaves_the_pipeline_as_it_was(folders):
    model = pipelines.load(card(folders("sd1"), "sd1"), CPU)
    pipe = model.pipe("text_to_image")

    def stop(event):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.run(WANTED, stop)
    assert "encode_prompt" not in vars(pipe)


class Pipe:
    """A pipeline whose encoder counts its calls."""

    def __init__(self, width=2):
        self.calls, self.width, self.components = 0, width, {}

    def encode_prompt(self, prompt, device=None, *, image=None, other=None):
        self.calls += 1
        return torch.full((self.width,), float(self.calls)), None, [torch.zeros(1)]


def test_what_is_given_back_is_a_copy_and_only_the_last_ones_are_kept():
    pipe, memory = Pipe(), Encoded()
    with memory.remembered(pipe):
        pipe.encode_prompt("a")[0].zero_()
        first, nothing, (listed,) = pipe.encode_prompt(prompt="a")
        assert first.tolist() == [1, 1] and nothing is None and listed.tolist() == [0]
        first.zero_()
        assert pipe.encode_prompt("a")[0].tolist() == [1, 1] and pipe.calls == 1
        for number in range(KEPT):
            pipe.encode_prompt(str(number))
        pipe.encode_prompt(str(KEPT - 1))
        assert pipe.calls == 1 + KEPT
        pipe.encode_prompt("a")
        assert pipe.calls == 2 + KEPT
    assert "encode_prompt" not in vars(pipe)


def test_all_that_is_kept_together_is_small():
    pipe, memory = Pipe(LARGEST // 4 // 2), Encoded()
    with memory.remembered(pipe):
        for prompt in "abc":  # each takes a little more than half of what all may take
            pipe.encode_prompt(prompt)
        pipe.encode_prompt("c")
        assert pipe.calls == 3 and len(memory._made) == 1


def test_what_is_too_large_or_not_known_is_encoded_each_time():
    for pipe, more in ((Pipe(LARGEST // 4 + 1), {}), (Pipe(), {"other": object()})):
        with Encoded().remembered(pipe):
            for _ in range(2):
                pipe.encode_prompt("a", **more)
        assert pipe.calls == 2


@pytest.mark.parametrize("pair", [
    ("a", "b"), (1, True), (1, 1.0), (None, "None"), (["a"], ("a",)), (torch.zeros(2), torch.zeros(2, 1)),
    (torch.zeros(2), torch.tensor([0.0, 1e-30])), (torch.zeros(2), torch.zeros(2, dtype=torch.bfloat16)),
    (Image.new("RGB", (2, 2)), Image.new("RGB", (2, 2), (0, 0, 1))), (torch.tensor([-0.0]), torch.tensor([0.0])),
])
def test_values_that_differ_are_told_apart(pair):
    first, second = (told_apart(value) for value in pair)
    assert first != second and first == told_apart(pair[0])


def test_other_things_are_not_told_apart_or_kept():
    with pytest.raises(Unknown):
        told_apart({"a": 1})
    with pytest.raises(Unknown):
        copied([object()], to="cpu")
    kept = brought(copied((torch.ones(2).bfloat16(), [None]), to="cpu"))
    assert kept[0].dtype == torch.bfloat16 and kept[1] == [None] and isinstance(kept, tuple)
