"""The Image tab without a browser: what a starter knows, what is offered for its pictures, and what a walk asks for."""

from __future__ import annotations

import dataclasses
import random

import gradio as gr
import pytest
from PIL import Image

from playground.catalog import cards
from playground.errors import BadRequest
from playground.events import Done, ImagesResult, Step
from playground.requests import SuperResolutionRequest, TextToImageRequest
from playground.tabs import image
from tests.fake_site import site_of
from tests.fakes import FakeModel, engine_of

CARD = dataclasses.replace(
    next(card for card in cards() if card.id == "pictures"), things=("panda", "umbrella", "grapes"),
    styles=("3d", "flat"), grounds=("blue", "orange"),
)
OTHERS = tuple(card for card in cards() if card.id != "pictures")


@pytest.fixture
def site(tmp_path):
    engine = engine_of(lambda card: FakeModel(), cards=(CARD, *OTHERS))
    return site_of(engine, tmp_path)


@pytest.fixture
def views():
    with gr.Blocks(analytics_enabled=False):
        return image.result_views()


def request(**changes):
    return TextToImageRequest(**({"prompt": "a panda", "seed": 7} | changes))


def done(count: int = 1, size: tuple[int, int] = (128, 128)) -> Done:
    """The end of a run that made so many pictures."""
    made = tuple(Image.new("RGB", size, (40 * i, 90, 90)) for i in range(count))
    return Done(
        result=ImagesResult(images=made), model="pictures", seed=7, timings={}, device="CPU", dtype="float32", threads=1,
        peak_memory=1,
    )


def test_the_line_says_what_the_starter_knows():
    said = image.knows(CARD)
    assert "knows 3 things in 2 styles (3d, flat) on 2 colours of background." in said
    assert "knows 3 things." in image.knows(dataclasses.replace(CARD, styles=("3d",), grounds=()))
    assert "knows 3 things." in image.knows(dataclasses.replace(CARD, styles=(), grounds=()))


def test_a_surprise_is_made_of_what_the_starter_knows():
    prompts = {image.any_prompt(CARD, random.Random(seed)) for seed in range(300)}
    things = ("a panda", "an umbrella", "grapes")
    grounds = ("", " on a blue background", " on an orange background")
    assert prompts == {t + g + s for t in things for g in grounds for s in ("", ", 3d style", ", flat style")}
    bare = dataclasses.replace(CARD, styles=(), grounds=())
    assert {image.any_prompt(bare, random.Random(seed)) for seed in range(50)} == set(things)


@pytest.mark.parametrize("there", [True, False])
def test_ideas_are_there_only_for_models_that_know_a_list(there):
    with gr.Blocks(analytics_enabled=False):
        parts = image.idea_controls(CARD if there else dataclasses.replace(CARD, things=()))
    assert [part.visible for part in parts] == [there] * 2


def test_a_picture_that_is_done_is_shown_and_offers_more(site, views):
    show = image.shown(site, views)
    updates = show(done(), request())
    drawn = updates[views.drawn]
    assert drawn.request.seed == 7 and drawn.sizes == ((128, 128),)
    with site.shelf.read(drawn.addresses[0]) as kept:
        assert kept.size == (128, 128)
    assert drawn.addresses[0] in updates[views.result]
    assert updates[views.offers.made].pictures == drawn.addresses and updates[views.offers.made].words == "a panda"
    assert updates[views.variations]["visible"] and not updates[views.offers.which]["visible"]
    assert updates[views.enlarge]["value"] == "Enlarge to 256 x 256"
    assert set(updates) <= set(views.outputs())


def test_a_step_shows_its_preview_and_nothing_else(site, views):
    show = image.shown(site, views)
    updates = show(Step(index=2, total=8, preview=Image.new("RGB", (64, 64))), request())
    assert list(updates) == [views.result] and "Step 2 of 8: not finished yet" in updates[views.result]
    assert "pg-drawing" in updates[views.result], "the style sheet shows what is offered only where no drawing is"
    assert show(Step(index=3, total=8), request()) == {}


def test_a_walk_is_shown_as_a_strip_that_offers_nothing(site, views):
    updates = image.shown(site, views)(done(5), request(to_prompt="a fox", frames=5))
    strip = updates[views.result]
    assert "pg-strip" in strip and strip.count("<figure>") == 5 and strip.count("download=") == 5
    assert strip.index(">start<") < strip.index(">2<") < strip.index(">end<")
    assert list(updates) == [views.result], "what can be done with the picture before is hidden by the style sheet"


def values(drawn, which=1):
    return {"drawn": drawn, "which": which}


def test_variations_ask_for_pictures_like_the_one_that_was_chosen(site):
    asked = request(num_images=3, steps=4, guidance_scale=2.0, scheduler="Euler")
    drawn = image.saved(site, asked, done(3).result.images)
    for which in (1, 3):
        more = TextToImageRequest(**image.variations_of(values(drawn, which)))
        assert more == dataclasses.replace(asked, seed=7 + which - 1, variation=image.VARIATION, num_images=4)


def test_variations_are_not_offered_for_variations(site, views):
    updates = image.shown(site, views)(done(4), request(variation=image.VARIATION, num_images=4))
    assert not updates[views.variations]["visible"] and updates[views.offers.which]["visible"]
    assert [value for _, value in updates[views.offers.which]["choices"]] == [1, 2, 3, 4]


def test_the_larger_picture_takes_the_place_of_the_one_that_was_chosen(site, views):
    drawn = image.saved(site, request(num_images=3), done(3).result.images)
    asked = SuperResolutionRequest(**image.picture_of(site, values(drawn, 2)))
    assert asked.scale == 2 and asked.image.getpixel((0, 0)) == (40, 90, 90)
    show = image.enlarged(site, views, values(drawn, 2))
    assert show(Step(index=1, total=1, what="piece"), asked) == {}
    updates = show(done(1, (256, 256)), asked)
    after = updates[views.drawn]
    assert after.sizes == ((128, 128), (256, 256), (128, 128)) and after.request == drawn.request
    assert after.addresses[0] == drawn.addresses[0] and after.addresses[1] != drawn.addresses[1]
    assert updates[views.offers.which]["value"] == 2 and updates[views.enlarge]["value"] == "Enlarge to 512 x 512"
    assert "2: 256 x 256" in updates[views.result]


@pytest.mark.parametrize(("side", "offered"), [(1024, True), (1032, False)])
def test_what_is_large_is_not_offered_to_be_larger(side, offered):
    drawn = image.Drawn(request=request(), addresses=("made/a/b.png",), sizes=((128, side),))
    assert image.larger(drawn, 1)["visible"] is offered


def test_before_the_first_picture_it_is_said_in_words(site):
    for prepare in (image.variations_of, lambda nothing: image.picture_of(site, nothing)):
        with pytest.raises(BadRequest, match="Draw one first"):
            prepare(values(None))


def test_a_picture_that_was_swept_away_is_said_in_words(site):
    drawn = image.Drawn(request=request(), addresses=("made/gone/picture.png",), sizes=((128, 128),))
    with pytest.raises(BadRequest, match="Make it again"):
        image.picture_of(site, values(drawn))


ENDS = {"prompt": "a panda", "model": "pictures", "to_prompt": "", "to_seed": "", "frames": 3}


@pytest.mark.parametrize(("ends", "to_prompt", "to_seed"), [
    ({"to_prompt": "a fox"}, "a fox", None), ({"to_seed": " 12 "}, "", 12),
    ({"to_prompt": "a fox", "to_seed": "0"}, "a fox", 0), ({"to_prompt": "a fox", "to_seed": None}, "a fox", None),
])
def test_a_walk_has_an_end(ends, to_prompt, to_seed):
    asked = TextToImageRequest(**image.ends_of(ENDS | ends))
    assert asked.walks and (asked.to_prompt, asked.to_seed, asked.num_images) == (to_prompt, to_seed, 1)


@pytest.mark.parametrize("ends", [{}, {"to_prompt": " ", "to_seed": " "}, {"to_prompt": None, "to_seed": None}])
def test_a_walk_to_nowhere_is_said_in_words(ends):
    with pytest.raises(BadRequest, match="nowhere to walk to"):
        image.ends_of(ENDS | ends)


@pytest.mark.parametrize("seed", ["-1", "soon", "1.5"])
def test_a_seed_that_is_none_is_said_in_words(seed):
    with pytest.raises(BadRequest, match="^The seed to walk to must be"):
        TextToImageRequest(**image.ends_of(ENDS | {"to_seed": seed}))


@pytest.mark.parametrize("things", [CARD.things, ()])
def test_the_tab_is_built_for_models_with_and_without_a_list(tmp_path, things):
    engine = engine_of(lambda card: FakeModel(), cards=(dataclasses.replace(CARD, things=things), *OTHERS))
    site = site_of(engine, tmp_path)
    with site.demo:
        offers = image.build(site)
    costly = [fn for fn in site.demo.fns.values() if getattr(fn.fn, "costly", False)]
    jobs = ["draw", "draw behind Surprise me", "variations", "enlarge", "walk", "example"]
    assert len(costly) == len(jobs) and offers.task == image.TASK
    assert set(site.kept) == set(site.doors) == {image.TASK}
