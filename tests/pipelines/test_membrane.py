"""The seam around a repainted part, without any model."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from playground.pipelines import membrane, repaint

GROUND, OTHER = (120, 90, 200), (144, 102, 185)  # the upload's ground and the model's idea of it
SIZE = (128, 128)
DISC = (30, 34, 90, 94)


def disc(size, box=DISC):
    mask = Image.new("L", size)
    ImageDraw.Draw(mask).ellipse(box, fill=255)
    return mask


def plain(colour, size=SIZE):
    return Image.new("RGB", size, colour)


def with_thing(picture, colour, box):
    picture = picture.copy()
    picture.paste(colour, box)
    return picture


def work(upload, mask, **values):
    window = repaint.Window(box=(0, 0, *upload.size), place=(0, 0, *SIZE), size=SIZE)
    return repaint.Repaint(**{"upload": upload, "mask": mask, "window": window, "feather": 4} | values)


def values(picture):
    return np.asarray(picture).astype(int)


def off(picture, colour):
    return np.abs(values(picture)[..., :3] - np.array(colour)).max(axis=-1)


@pytest.mark.parametrize("size", [(128, 128), (127, 61), (32, 32), (1000, 700)])
@pytest.mark.parametrize("answer", [(128, 128), (1024, 1024), (640, 321)])
def test_a_wrong_shade_becomes_the_grounds_everywhere(size, answer):
    mask = disc(size, tuple(round(side * part) for side, part in zip(size * 2, (0.2, 0.3, 0.7, 0.8), strict=True)))
    made = membrane.agreeing(plain(OTHER, answer), plain(GROUND, size), mask)
    assert made.size == answer and off(made, GROUND).max() <= 1


def test_a_shade_that_is_wrong_more_and_more_is_right_along_the_edge():
    slope = np.linspace(-30, 30, SIZE[0])[None, :, None] * np.array([1, 0.5, -1])
    answer = Image.fromarray((np.array(GROUND) + slope.repeat(SIZE[1], axis=0)).round().astype(np.uint8))
    mask = disc(SIZE)
    inside = np.asarray(mask) > 0
    before, after = (off(work(plain(GROUND), mask, feather=0).window.cut(p), GROUND)[inside] for p in (
        answer, membrane.agreeing(answer, plain(GROUND), mask),
    ))
    assert after.max() <= 4 < 10 < before.max()


def test_pasting_removes_the_seam_and_changes_no_byte_outside():
    noise = np.random.default_rng(0).integers(-3, 4, (*SIZE[::-1], 3))
    upload = Image.fromarray((np.array(GROUND) + noise).astype(np.uint8))
    mask = disc(SIZE)
    answer = with_thing(plain(OTHER), "yellow", (50, 55, 70, 75))
    repainting = work(upload, mask)
    result = repainting.paste(answer)
    outside = np.asarray(mask) == 0
    assert repainting.changed_outside(result) == 0
    assert (values(result)[outside] == values(upload)[outside]).all()
    thing = np.zeros(SIZE[::-1], dtype=bool)
    thing[53:77, 48:72] = True
    assert off(result, GROUND)[~outside & ~thing].max() <= 6  # 24 in the model's picture
    assert off(result, (255, 255, 0))[58:72, 53:67].max() <= 26  # the thing is moved no more than its ground


@pytest.mark.parametrize("colour", [(0, 0, 0), (165, 60, 240)])  # far from the ground, and not so far
def test_a_thing_that_crosses_the_edge_does_not_bleed(colour):
    mask = disc(SIZE)
    crossing = with_thing(plain(OTHER), colour, (20, 60, 60, 74))
    made = membrane.agreeing(crossing, plain(GROUND), mask)
    ground = off(crossing, OTHER) == 0
    away = ground & (np.asarray(mask) > 0)
    away[52:82, 20:68] = False
    assert off(made, GROUND)[away].max() <= 4 and np.median(off(made, GROUND)[away]) <= 1
    assert off(made, colour)[62:72, 32:56].max() <= 26  # moved no more than its ground


def test_an_upload_with_a_thing_that_was_cut_does_not_bleed_either():
    mask = disc(SIZE)
    made = membrane.agreeing(plain(GROUND), with_thing(plain(GROUND), "yellow", (0, 60, 40, 74)), mask)
    assert off(made, GROUND)[np.asarray(mask) > 0].max() <= 1


def test_another_picture_altogether_stays_as_it_is():
    answer = plain("white")
    assert membrane.agreeing(answer, plain("navy"), disc(SIZE)).tobytes() == answer.tobytes()


@pytest.mark.parametrize("border", [(0, 0, 50, 128), (0, 70, 128, 128), (100, 100, 128, 128), (60, 60, 61, 61)])
def test_masks_at_the_border_and_tiny_ones(border):
    mask = Image.new("L", SIZE)
    mask.paste(255, border)
    result = work(plain(GROUND), mask).paste(plain(OTHER))
    assert off(result, GROUND).max() <= 1


def test_a_mask_over_everything_leaves_the_answer_alone():
    answer = Image.fromarray(np.random.default_rng(0).integers(0, 256, (*SIZE[::-1], 3), dtype=np.uint8))
    everything = Image.new("L", SIZE, 255)
    assert membrane.agreeing(answer, plain(GROUND), everything).tobytes() == answer.tobytes()
    assert work(plain(GROUND), everything, feather=0).paste(answer).tobytes() == answer.tobytes()


def test_one_pixel_is_a_picture_too():
    one = Image.new("L", (1, 1), 255)
    assert membrane.agreeing(plain(OTHER, (1, 1)), plain(GROUND, (1, 1)), one).getpixel((0, 0)) == OTHER


def test_the_transparent_has_no_say_and_stays_transparent():
    upload = plain(GROUND).convert("RGBA")
    upload.paste((0, 0, 0, 0), (64, 0, 128, 128))
    mask = disc(SIZE)
    repainting = work(upload, mask)
    result = repainting.paste(plain(OTHER))
    assert result.mode == "RGBA" and repainting.changed_outside(result) == 0
    assert result.getchannel("A").tobytes() == upload.getchannel("A").tobytes()
    left = np.asarray(mask) > 0
    left[:, 60:] = False
    assert off(result, GROUND)[left].max() <= 1
    nothing = Image.new("RGBA", SIZE)
    assert membrane.agreeing(plain(OTHER), nothing, mask).tobytes() == plain(OTHER).tobytes()


def test_a_large_upload_gets_the_same_shades_as_a_small_one():
    small = plain(GROUND)
    small.paste((110, 95, 190), (0, 0, 60, 128))
    answer = with_thing(plain(OTHER), "yellow", (50, 55, 70, 75))
    mask = disc(SIZE)
    large = [picture.resize((1024, 1024), Image.Resampling.NEAREST) for picture in (small, mask)]
    made = membrane.agreeing(answer, small, mask)
    assert values(made).tolist() == values(membrane.agreeing(answer, *large)).tolist()


def test_a_speck_of_mask_in_a_huge_upload_counts_as_repainted():
    upload = plain(GROUND, (4000, 4000))
    mask = Image.new("L", upload.size)
    mask.putpixel((2000, 2000), 255)
    upload.putpixel((2000, 2000), (255, 255, 255))
    assert off(membrane.agreeing(plain(OTHER), upload, mask), GROUND).max() <= 1


def test_the_surface_lies_between_the_values_that_it_hangs_on():
    trust = np.zeros((37, 50), dtype=np.float32)
    trust[0] = trust[-1] = trust[:, 0] = trust[:, -1] = 1
    given = np.random.default_rng(0).uniform(-20, 40, (37, 50, 3)).astype(np.float32)
    surface = membrane.membrane(given, trust)
    assert np.array_equal(surface[trust == 1], given[trust == 1])
    assert surface.min() >= given.min() and surface.max() <= given.max()
    assert np.abs(np.diff(surface[8:-8, 8:-8], axis=0)).max() < 4  # smooth, though its edge is not


@pytest.mark.parametrize("size", [(128, 128), (61, 127), (900, 700)])
def test_a_hole_is_filled_with_the_shades_around_it_and_nothing_else_changes(size):
    mask = disc(size, tuple(round(side * part) for side, part in zip(size * 2, (0.2, 0.3, 0.7, 0.8), strict=True)))
    upload = plain(GROUND, size)
    upload.paste("yellow", mask=mask)
    made = membrane.filled(upload, mask)
    assert off(made, GROUND).max() <= 1


def test_a_hole_between_two_grounds_is_filled_from_one_to_the_other():
    upload = plain((200, 40, 40))
    upload.paste((40, 40, 200), (64, 0, 128, 128))
    mask = Image.new("L", SIZE)
    mask.paste(255, (20, 40, 108, 90))
    row = values(membrane.filled(upload, mask))[64, 20:108, 0]
    assert (np.diff(row) <= 1).all() and row[0] > 170 and row[-1] < 70
    assert (values(membrane.filled(upload, mask)) == values(upload))[values(mask) == 0].all()


def test_a_picture_that_is_all_hole_comes_back():
    upload = plain(GROUND)
    assert (values(membrane.filled(upload, Image.new("L", SIZE, 255))) == values(upload)).all()


def test_the_mean_shade_is_that_of_the_hole():
    upload = plain((200, 40, 40))
    upload.paste((10, 20, 30), (0, 0, 64, 128))
    mask = Image.new("L", SIZE)
    mask.paste(255, (10, 10, 50, 50))
    assert membrane.mean_shade(upload, mask) == pytest.approx((10, 20, 30))
