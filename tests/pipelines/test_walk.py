"""Variations and strips: exact at their ends, alike on the way, and a sentence where a model cannot make them."""

import numpy as np
import pytest
import torch

from playground.errors import BadRequest
from playground.pipelines import diffusion
from playground.pipelines.walk import slerp
from playground.requests import TextToImageRequest
from tests import tiny_diffusion
from tests.pipelines.test_diffusion import CPU, card, run, steps_of

FIELDS = {"prompt": "a red apple", "steps": 4, "guidance_scale": 3.0, "width": 64, "height": 80, "seed": 7}
ENDS = [{"to_prompt": "a pear"}, {"to_seed": 3}, {"to_prompt": "a pear", "to_seed": 3}]
WALKING = {
    "sd": tiny_diffusion.stable_diffusion, "distilled": tiny_diffusion.distilled, "xl": tiny_diffusion.stable_diffusion_xl,
}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    families = WALKING | {"z_image": tiny_diffusion.z_image}
    return {
        name: diffusion.load(card(build(tmp_path_factory.mktemp("walk") / name)), CPU) for name, build in families.items()
    }


def drawn(model, **values):
    return [np.asarray(i).astype(int) for i in run(model, TextToImageRequest(**FIELDS | values))[0].images]


def apart(first, second):
    return np.abs(first - second).mean()


def same(first, second):
    return np.abs(first - second).max() <= 2  # up to the rounding of sums in a batch


def test_slerp_is_exact_at_its_ends_and_keeps_the_length():
    first, second = torch.randn(2, 1, 4, 16, 16, generator=torch.Generator().manual_seed(0))
    assert torch.equal(slerp(first, second, 0.0), first) and torch.equal(slerp(first, second, 1.0), second)
    half = slerp(first, second, 0.5)
    assert abs(half.norm() / ((first.norm() + second.norm()) / 2) - 1) < 0.01  # a mean would be 0.7 as long
    assert torch.allclose((half * first).sum() / first.norm() ** 2, (half * second).sum() / second.norm() ** 2, atol=0.05)
    assert torch.equal(slerp(first, first, 0.3), first)
    assert slerp(first, -first, 0.5).isfinite().all()
    assert slerp(first.bfloat16(), second.bfloat16(), 0.5).dtype == torch.bfloat16


@pytest.mark.parametrize("scheduler", [None, "Euler a"])
@pytest.mark.parametrize("end", ENDS, ids=lambda end: "+".join(end))
@pytest.mark.parametrize("family", WALKING)
def test_a_strip_begins_and_ends_with_the_plain_runs(models, family, end, scheduler):
    model, told = models[family], {"negative_prompt": "" if family == "distilled" else "blue", "scheduler": scheduler}
    strip = drawn(model, frames=5, **end, **told)
    goal = {"prompt": end.get("to_prompt", FIELDS["prompt"]), "seed": end.get("to_seed", FIELDS["seed"])}
    assert len(strip) == 5 and all(frame.shape == (80, 64, 3) for frame in strip)
    (first,), (last,) = drawn(model, **told), drawn(model, **goal, **told)
    assert same(strip[0], first) and same(strip[-1], last)
    whole = apart(first, last)
    assert whole > 0 and all(0 < apart(first, frame) for frame in strip[1:])
    if scheduler is None:
        assert apart(strip[0], strip[1]) < whole and apart(strip[3], strip[4]) < whole


def test_every_frame_is_watched_and_the_strip_comes_back_the_same(models):
    wanted = TextToImageRequest(**FIELDS, to_seed=3, to_prompt="a pear", frames=3)
    (one, events), (again, _) = run(models["sd"], wanted), run(models["sd"], wanted)
    assert [s.index for s in steps_of(events)] == [1, 2, 3, 4]
    shown = [s.preview for s in steps_of(run(models["distilled"], wanted)[1])]
    assert [p.size for p in shown] == [(128, 160)] * 4  # a sheet of three
    assert [i.tobytes() for i in one.images] == [i.tobytes() for i in again.images]


@pytest.mark.parametrize("family", WALKING)
def test_variations_leave_the_picture_by_degrees(models, family):
    model = models[family]
    (own,) = drawn(model)
    near, far = drawn(model, variation=0.15, num_images=2), drawn(model, variation=1, num_images=2)
    assert 0 < apart(near[0], own) < apart(far[0], own) and 0 < apart(near[1], own) < apart(far[1], own)
    assert not same(near[0], near[1])
    for i, picture in enumerate(far):
        assert same(picture, drawn(model, seed=FIELDS["seed"] + 1 + i)[0])


def test_a_variation_is_the_same_alone_and_among_others(models):
    assert same(drawn(models["sd"], variation=0.3)[0], drawn(models["sd"], variation=0.3, num_images=3)[0])


@pytest.mark.parametrize("wish", [*ENDS, {"variation": 0.2}], ids=lambda wish: "+".join(wish))
def test_a_model_with_other_latents_says_that_it_cannot(models, wish):
    with pytest.raises(BadRequest, match=r"^Tiny cannot make variations or walks\. Choose") as caught:
        drawn(models["z_image"], **wish)
    assert caught.value.field == "model"


def test_a_long_prompt_at_the_other_end_is_cut_with_a_notice(models):
    _, events = run(models["sd"], TextToImageRequest(**FIELDS, to_prompt="abcde " * 20, frames=3))
    assert [e.text for e in events if hasattr(e, "text")] == [
        "The text to walk to is too long for this model: its last 5 words had no effect."
    ]
