"""The Inpaint tab without a browser: which part was meant, from brush, sliders or a mask file."""

from __future__ import annotations

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from playground.errors import BadRequest
from playground.requests import InpaintingRequest
from playground.tabs import inpaint
from playground.tabs.inpaint import BOX, HALVES, PAINTED, UPLOADED, box, mask_of

SIZE = (200, 100)


def chosen(**changes):
    """The controls' values as the tab has them."""
    return {
        "which": PAINTED, "mask_file": None, "invert": False, "left": 25, "top": 25, "right": 75, "bottom": 75, "editor": None,
    } | changes


def layer(area, size=(100, 50), colour=(255, 47, 160, 255)):
    made = Image.new("RGBA", size)
    made.paste(colour, area)
    return made


@pytest.mark.parametrize(("sides", "bounds"), [
    ((25, 25, 75, 75), (50, 25, 150, 75)), ((0, 0, 100, 100), (0, 0, 200, 100)), ((99, 99, 100, 100), (198, 99, 200, 100)),
])
def test_a_box_is_in_percent_of_the_picture(sides, bounds):
    mask = box(SIZE, *sides)
    assert mask.mode == "L" and mask.size == SIZE and mask.getbbox() == bounds
    assert (np.asarray(mask)[bounds[1]:bounds[3], bounds[0]:bounds[2]] == 255).all()


@pytest.mark.parametrize("size", [(1, 1), (7, 900), (900, 7), (3, 2)])
@pytest.mark.parametrize("sides", [(0, 0, 1, 1), (50, 50, 51, 51), (99, 99, 100, 100)])
def test_a_box_is_never_without_a_pixel(size, sides):
    assert box(size, *sides).getbbox() is not None


@pytest.mark.parametrize("sides", [(50, 0, 50, 100), (80, 0, 20, 100), (0, 60, 100, 60), (0, 90, 100, 10)])
def test_an_empty_box_is_said_in_words(sides):
    with pytest.raises(BadRequest, match="The box is empty"):
        box(SIZE, *sides)


def test_the_sliders_box_is_the_mask():
    assert mask_of(chosen(which=BOX), SIZE).getbbox() == (50, 25, 150, 75)


@pytest.mark.parametrize(("part", "bounds"), [
    ("middle", (50, 25, 150, 75)), ("left", (0, 0, 100, 100)), ("right", (100, 0, 200, 100)), ("top", (0, 0, 200, 50)),
    ("bottom", (0, 50, 200, 100)),
])
def test_a_part_that_one_click_chooses_is_the_mask(part, bounds):
    assert mask_of(chosen(which=part, left=1, right=2), SIZE).getbbox() == bounds


def test_every_part_of_the_choice_has_a_meaning():
    with gr.Blocks(analytics_enabled=False):
        which = inpaint.region_controls()["which"]
    assert [value for _, value in which.choices] == [PAINTED, *HALVES, BOX, UPLOADED]
    assert len({label for label, _ in which.choices}) == len(which.choices)


def test_paint_is_brought_to_the_pictures_size():
    mask = mask_of(chosen(editor={"layers": [layer((10, 10, 20, 30))]}), SIZE)
    assert mask.mode == "L" and mask.size == SIZE and mask.getbbox() == (20, 20, 40, 60)


def test_layers_are_joined():
    both = {"layers": [layer((0, 0, 5, 5)), layer((90, 40, 100, 50))]}
    mask = mask_of(chosen(editor=both), SIZE)
    assert mask.getbbox() == (0, 0, 200, 100) and mask.getpixel((100, 50)) == 0


@pytest.mark.parametrize("editor", [None, {}, {"layers": []}, {"layers": None}, {"layers": [Image.new("RGBA", (10, 10))]}])
def test_nothing_painted_is_an_empty_mask_that_the_request_refuses(editor):
    mask = mask_of(chosen(editor=editor), SIZE)
    assert mask.size == SIZE and mask.getbbox() is None
    with pytest.raises(BadRequest, match="Paint over the part"):
        InpaintingRequest(prompt="x", image=Image.new("RGB", SIZE), mask=mask)


@pytest.fixture
def files(tmp_path):
    """A picture and a mask of another size, saved."""
    Image.new("RGB", SIZE, "red").save(tmp_path / "image.png")
    mask = Image.new("RGB", (20, 10), "black")
    mask.paste("white", (5, 0, 10, 10))
    mask.save(tmp_path / "mask.png")
    return {"image": str(tmp_path / "image.png"), "mask": str(tmp_path / "mask.png")}


def test_a_mask_file_is_brought_to_the_pictures_size(files):
    mask = mask_of(chosen(which=UPLOADED, mask_file=files["mask"]), SIZE)
    assert mask.mode == "L" and mask.getbbox() == (50, 0, 100, 100)


def test_a_missing_mask_file_is_said_in_words():
    with pytest.raises(BadRequest, match="There is no mask picture yet"):
        mask_of(chosen(which=UPLOADED), SIZE)


def test_prepare_leaves_only_the_requests_fields(files):
    values = chosen(which=BOX) | {"image": files["image"], "prompt": "a heart", "feather": 2}
    made = inpaint.prepare(values)
    assert set(made) == {"image", "mask", "prompt", "feather"}
    request = InpaintingRequest(**made)
    assert request.image.size == SIZE and request.mask.getbbox() == (50, 25, 150, 75)
    assert values["image"] == files["image"] and "which" in values, "the controls' own values were changed"


def test_invert_is_everything_else(files):
    straight, turned = (
        inpaint.prepare(chosen(which=BOX, invert=invert) | {"image": files["image"]})["mask"] for invert in (False, True)
    )
    assert (np.asarray(straight).astype(int) + np.asarray(turned) == 255).all()


def test_invert_of_nothing_is_the_whole_picture(files):
    made = inpaint.prepare(chosen(invert=True) | {"image": files["image"]})
    assert made["mask"].getextrema() == (255, 255)


def test_no_picture_is_said_in_words():
    with pytest.raises(BadRequest, match="There is no picture yet"):
        inpaint.prepare(chosen() | {"image": None})


def test_the_canvas_gets_a_picture_that_can_be_painted_on(tmp_path):
    for size, canvas in (((2000, 1000), (512, 256)), ((40, 20), (240, 120)), ((300, 200), (300, 200))):
        Image.new("RGB", size).save(tmp_path / "a.png")
        value, _ = inpaint.on_canvas(str(tmp_path / "a.png"))
        assert value["visible"] and value["value"]["background"].size == canvas


def test_a_file_that_is_no_picture_is_said_in_words(tmp_path):
    (tmp_path / "a.png").write_text("words", encoding="utf8")
    value, status = inpaint.on_canvas(str(tmp_path / "a.png"))
    assert value["value"] is None and not value["visible"]
    assert "pg-error" in status and "not a picture" in status


def test_without_a_picture_there_is_nothing_to_paint_on():
    value, _ = inpaint.on_canvas(None)
    assert value["value"] is None and not value["visible"]


@pytest.mark.parametrize(("which", "sides", "inset"), [
    ("top", (0, 0, 0, 0), "inset:0% 0% 50% 0%"), ("box", (10, 20, 30, 40), "inset:20% 70% 60% 10%"),
])
def test_a_picked_part_is_shown_on_the_picture(tmp_path, which, sides, inset):
    Image.new("RGB", (900, 600), "red").save(tmp_path / "red.png")
    shown = inpaint.part_shown(str(tmp_path / "red.png"), which, *sides)
    assert inset in shown and 'width="300" height="200"' in shown


def test_what_is_painted_or_cannot_be_read_has_no_picked_part(tmp_path):
    (tmp_path / "text.png").write_text("hello")
    for path, which in ((None, "top"), (str(tmp_path / "text.png"), "top"), (str(tmp_path / "text.png"), "painted")):
        assert inpaint.part_shown(path, which, 0, 0, 50, 50) == ""
    Image.new("RGB", (9, 9)).save(tmp_path / "small.png")
    assert inpaint.part_shown(str(tmp_path / "small.png"), "box", 50, 0, 50, 50) == ""


def test_sides_beyond_the_picture_end_at_its_edges():
    assert inpaint.percents((-5, 20, 150, None)) == (0, 20, 100, 0)
