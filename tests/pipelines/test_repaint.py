"""Windows, masks and feathering, without any model."""

import numpy as np
import pytest
from PIL import Image

from playground.pipelines import repaint

PICTURES = [(1003, 757), (7, 900), (900, 7), (128, 128), (40, 30), (1, 1), (5000, 3000)]
CANVASES = [(128, 128), (512, 512), (704, 352)]


def masks_in(width, height):
    return {
        (0, 0, width, height), (0, 0, 1, 1), (width - 1, height - 1, width, height),
        (width // 2, height // 2, width // 2 + 1, height // 2 + 1), (width // 3, 0, width // 3 + 1, height),
    }


@pytest.mark.parametrize("size", CANVASES)
@pytest.mark.parametrize("picture", PICTURES)
def test_a_window_holds_the_mask_and_lies_on_its_canvas(picture, size):
    for bbox in masks_in(*picture):
        window = repaint.around(bbox, picture, size)
        left, top, right, bottom = window.box
        assert 0 <= left <= bbox[0] < bbox[2] <= right <= picture[0]
        assert 0 <= top <= bbox[1] < bbox[3] <= bottom <= picture[1]
        left, top, right, bottom = window.place
        assert 0 <= left < right <= size[0] and 0 <= top < bottom <= size[1]
        across, down = (new / old for new, old in zip(window.place_size, window.box_size, strict=True))
        if min(window.place_size) > 20:
            assert across == pytest.approx(down, rel=0.06)  # hardly stretched


def test_a_small_mask_in_a_large_picture_is_seen_enlarged_and_in_context():
    window = repaint.around((2000, 1000, 2020, 1030), (5000, 3000), (128, 128))
    assert window.box_size == (64, 64) and window.place == (0, 0, 128, 128)
    window = repaint.around((0, 0, 300, 300), (5000, 3000), (128, 128))
    assert window.box == (0, 0, 350, 350)
    assert repaint.around((3, 3, 9, 9), (40, 30), (128, 96)).box == (0, 0, 40, 30)


def test_what_lies_beyond_the_picture_repeats_its_edge():
    picture = Image.new("RGB", (10, 40), "red")
    picture.paste("blue", (5, 0, 10, 40))
    window = repaint.whole(picture.size, (80, 80))
    seen = np.asarray(window.see(picture))
    assert window.place == (30, 0, 50, 80) and seen.shape == (80, 80, 3)
    assert (seen[:, :30] == seen[:, 30:31]).all() and (seen[:, 50:] == seen[:, 49:50]).all()
    assert window.cut(Image.fromarray(seen)).size == (20, 80)


@pytest.mark.parametrize("picture", [(1003, 757), (7, 900), (5000, 3000)])
def test_no_masked_pixel_is_lost_however_small_it_becomes(picture):
    width, height = picture
    for x, y in [(0, 0), (width - 1, height - 1), (width // 2, height // 3)]:
        mask = Image.new("L", picture)
        mask.putpixel((x, y), 255)
        window = repaint.around((0, 0, width, height), picture, (64, 64))
        seen = np.asarray(window.see_mask(mask, 8))
        assert seen.shape == (64, 64) and seen[::8, ::8].any()
        assert (seen.reshape(8, 8, 8, 8).max((1, 3)) == seen.reshape(8, 8, 8, 8).min((1, 3))).all()


def test_a_mask_that_is_enlarged_stays_whole():
    mask = Image.new("L", (10, 10))
    mask.paste(255, (4, 4, 6, 6))
    seen = np.asarray(repaint.whole((10, 10), (80, 80)).see_mask(mask, 8))
    assert (np.argwhere(seen)[[0, -1]] == [[32, 32], [47, 47]]).all() and (seen > 0).sum() == 256


def test_feathering_stays_inside_and_knows_no_edge_at_the_pictures_border():
    mask = Image.new("L", (60, 60))
    mask.paste(255, (0, 20, 60, 60))
    weight = np.asarray(repaint.feathered(mask, 8)).astype(int)
    assert (weight[:20] == 0).all() and (weight[30:] == 255).all()
    assert (np.diff(weight[20:30, 30]) >= 0).all() and 0 < weight[22, 30] < 255
    assert (weight[-1] == 255).all()


@pytest.mark.parametrize("side", [1, 2, 5])
def test_a_mask_thinner_than_the_feather_is_still_repainted(side):
    mask = Image.new("L", (60, 60))
    mask.paste(255, (20, 20, 20 + side, 20 + side))
    weight = np.asarray(repaint.feathered(mask, 64))
    assert weight.max() == 255 and (weight[np.asarray(mask) == 0] == 0).all()


def test_the_count_of_changed_pixels_is_a_real_count():
    upload = Image.new("RGB", (20, 20), "white")
    mask = Image.new("L", (20, 20))
    mask.paste(255, (5, 5, 10, 10))
    window = repaint.around((5, 5, 10, 10), (20, 20), (64, 64))
    work = repaint.Repaint(upload=upload, mask=mask, window=window, feather=0)
    result = work.paste(Image.new("RGB", (64, 64), "black"))
    assert np.asarray(result)[5:10, 5:10].max() == 0 and work.changed_outside(result) == 0
    result.putpixel((0, 0), (255, 255, 254))
    result.putpixel((19, 3), (0, 0, 0))
    assert work.changed_outside(result) == 2


@pytest.mark.parametrize(("aspect", "expected"), [
    (1, (512, 512)), (4 / 3, (576, 432)), (100, (1024, 256)), (0.01, (256, 1024)),
])
def test_a_canvas_has_about_the_area_and_never_more(aspect, expected):
    assert repaint.canvas(aspect, area=512 * 512, multiple=16, most=4) == expected


def test_a_small_copy_for_previews():
    upload = Image.new("RGB", (5000, 3000), "white")
    mask = Image.new("L", upload.size)
    mask.paste(255, (2000, 1000, 2600, 1500))
    window = repaint.around(mask.getbbox(), upload.size, (128, 128))
    small = repaint.Repaint(upload=upload, mask=mask, window=window, feather=40).small(500)
    preview = small.paste(Image.new("RGB", (128, 128), "black"))
    assert preview.size == (500, 300)
    assert preview.getpixel((230, 125)) == (0, 0, 0) and preview.getpixel((100, 100)) == (255, 255, 255)
