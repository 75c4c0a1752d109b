"""How pictures are shown: the gallery, the strip and the preview as HTML that no prompt can break out of."""

from __future__ import annotations

import pytest
from PIL import Image

from playground.events import Step
from playground.tabs import pictures

HOSTILE = '"><img src=x onerror=alert(1)>'


@pytest.mark.parametrize("count", range(1, 10))
@pytest.mark.parametrize("layout", [pictures.gallery, pictures.strip])
def test_every_picture_is_there_and_can_be_downloaded(layout, count):
    addresses = [f"made/{i}/picture.png" for i in range(count)]
    page = layout(addresses, [(128, 64)] * count, "a fox")
    assert page.count("<figure>") == page.count("download=") == count
    assert all(page.count(f'<a href="{address}" target=') == 1 for address in addresses)
    assert all(page.count(f'<a href="{address}" download=') == 1 for address in addresses)
    assert page.count('width="128" height="64"') == count


def test_several_pictures_are_numbered_and_one_is_not():
    assert ">2: 64 x 32<" in pictures.gallery(["a", "b"], [(128, 128), (64, 32)], "a fox")
    one = pictures.gallery(["a"], [(128, 128)], "a fox")
    assert ">128 x 128<" in one and 'alt="a fox"' in one


@pytest.mark.parametrize("layout", [pictures.gallery, pictures.strip])
def test_a_prompt_is_text(layout):
    assert "<img src=x" not in layout(["a", "b"], [(8, 8)] * 2, HOSTILE)


def test_a_preview_says_that_it_is_not_finished():
    step = Step(index=3, total=8, preview=Image.new("RGB", (64, 64)))
    assert "Step 3 of 8: not finished yet" in pictures.drawing(step)
    page = pictures.drawing(step, "unfinished_part")
    assert "pg-drawing" in page and page.count("Step 3 of 8: the part that the model sees") == 2
