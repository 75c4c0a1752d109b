"""How long a run will take: learned from runs, kept in a file, and nothing that is wrong there does harm."""

from __future__ import annotations

import json

import pytest
from PIL import Image

from playground.catalog import cards
from playground.events import Done, ImagesResult, TextResult
from playground.requests import (
    REQUESTS,
    ImageToImageRequest,
    InpaintingRequest,
    SuperResolutionRequest,
    TextGenerationRequest,
    TextToImageRequest,
    TextToSpeechRequest,
)
from playground.timings import REMEMBERED, Timings, predict, work

PICTURE, MASK = Image.new("RGB", (128, 64)), Image.new("L", (128, 64), 255)
DRAWN = {"prompt": "a fox", "model": "pictures", "steps": 8, "width": 128, "height": 64}


def drawing(**changes) -> TextToImageRequest:
    return TextToImageRequest(**(DRAWN | changes))


def done(*, seconds: float, load: float = 0.0, queue: float = 0.0, result=None) -> Done:
    """The end of a run. seconds: of the run itself."""
    return Done(
        result=result or ImagesResult(images=(PICTURE,)), model="pictures", seed=1, device="CPU", dtype="float32", threads=1,
        timings={"queue": queue, "load": load, "denoise": seconds}, peak_memory=1,
    )


@pytest.mark.parametrize(("fixed", "each"), [(0.0, 2.0), (1.5, 0.25), (3.0, 0.0)])
def test_a_line_is_found(fixed, each):
    known = [(amount, fixed + each * amount) for amount in (1, 2, 4, 8)]
    for amount in (1, 3, 100):
        assert predict(known, amount) == pytest.approx(fixed + each * amount)


def test_one_kind_of_run_grows_in_proportion():
    assert predict([(4, 2.0)], 8) == pytest.approx(4.0)
    assert predict([(4, 2.0), (4, 2.2), (5, 2.6)], 8) == pytest.approx(4.16, abs=0.25)


@pytest.mark.parametrize("outlier", [(8, 900.0), (1, 900.0), (4, 0.0), (2, 60.0)])
def test_an_outlier_does_no_harm(outlier):
    known = [(amount, 1 + amount / 2) for amount in (1, 2, 4, 8, 16)]
    for place in range(len(known) + 1):
        assert predict([*known[:place], outlier, *known[place:]], 10) == pytest.approx(6.0, rel=0.35)


def test_more_work_never_takes_less_time():
    known = [(1, 9.0), (2, 8.0), (4, 7.0)]
    assert predict(known, 100) >= predict(known, 1) > 0


def test_what_was_never_done_is_not_known():
    timings = Timings()
    assert timings.expect("pictures", "text_to_image", 8) is None and timings.of(drawing(), loaded=False) is None
    timings.remember(drawing(), done(seconds=2))
    assert timings.of(TextGenerationRequest(prompt="a", max_new_tokens=9), loaded=True) is None
    assert timings.of(drawing(model="another"), loaded=True) is None


def test_a_run_teaches_how_long_the_next_takes():
    timings = Timings()
    timings.remember(drawing(), done(seconds=2, queue=50))
    assert timings.of(drawing(), loaded=True) == pytest.approx(2)
    assert timings.of(drawing(steps=16), loaded=True) == pytest.approx(4)
    timings.remember(drawing(steps=16), done(seconds=3))
    assert timings.of(drawing(steps=24), loaded=True) == pytest.approx(4)


def test_loading_is_known_apart_from_running():
    timings = Timings()
    timings.remember(drawing(), done(seconds=2, load=5))
    timings.remember(drawing(), done(seconds=2, load=0.001))
    assert timings.of(drawing(), loaded=True) == pytest.approx(2)
    assert timings.of(drawing(), loaded=False) == pytest.approx(7)
    assert timings.expect("pictures", "load", 1) == pytest.approx(5), "a lease that loaded nothing was counted"


def test_loading_of_a_model_is_known_to_all_its_tasks():
    timings = Timings()
    timings.remember(drawing(), done(seconds=2, load=5))
    redraw = ImageToImageRequest(prompt="a", model="pictures", image=PICTURE, steps=8, strength=0.5)
    timings.remember(redraw, done(seconds=1))
    assert timings.of(redraw, loaded=False) == pytest.approx(6)


def test_a_text_is_measured_by_what_was_written():
    timings = Timings()
    asked = TextGenerationRequest(prompt="a", max_new_tokens=100)
    timings.remember(asked, done(seconds=1, result=TextResult(text="b", tokens=10)))
    assert timings.of(asked, loaded=True) == pytest.approx(10)


def test_a_text_of_nothing_teaches_nothing():
    timings = Timings()
    asked = TextGenerationRequest(prompt="a", max_new_tokens=100)
    timings.remember(asked, done(seconds=1, result=TextResult(text="", tokens=0)))
    assert timings.of(asked, loaded=True) is None


@pytest.mark.parametrize(("less", "more"), [
    (drawing(), drawing(steps=16)), (drawing(), drawing(num_images=2)), (drawing(), drawing(width=256)),
    (drawing(), drawing(to_prompt="a cat", frames=5)),
    (drawing(to_prompt="a cat", frames=3), drawing(to_prompt="a cat", frames=9)),
    (SuperResolutionRequest(image=PICTURE, scale=2), SuperResolutionRequest(image=PICTURE, scale=4)),
    (SuperResolutionRequest(image=PICTURE), SuperResolutionRequest(image=PICTURE.resize((256, 256)))),
    (TextToSpeechRequest(text="one"), TextToSpeechRequest(text="one and two")),
    (TextGenerationRequest(prompt="a", max_new_tokens=9), TextGenerationRequest(prompt="a", max_new_tokens=90)),
    (
        ImageToImageRequest(prompt="a", image=PICTURE, steps=10, strength=0.3),
        ImageToImageRequest(prompt="a", image=PICTURE, steps=10, strength=0.9),
    ),
    (
        InpaintingRequest(prompt="a", image=PICTURE, mask=MASK, steps=4, strength=1),
        InpaintingRequest(prompt="a", image=PICTURE, mask=MASK, steps=8, strength=1),
    ),
])
def test_more_to_do_is_more_work(less, more):
    assert 0 < work(less) < work(more)


ASKED = {
    "text_generation": {"prompt": "a"}, "text_to_image": {"prompt": "a"}, "image_to_image": {"prompt": "a", "image": PICTURE},
    "inpainting": {"prompt": "a", "image": PICTURE, "mask": MASK}, "super_resolution": {"image": PICTURE, "scale": 2},
    "text_to_speech": {"text": "a"},
}


@pytest.mark.parametrize("card", cards(), ids=lambda card: card.id)
def test_the_work_of_every_models_own_defaults_is_known(card):
    for request in REQUESTS:
        if request.task in card.tasks:
            assert work(card.complete(request(model=card.id, **ASKED[request.task]))) > 0, request.task


def test_only_the_last_runs_count():
    timings = Timings()
    for seconds in [100] * 3 + [2] * REMEMBERED:
        timings.remember(drawing(), done(seconds=seconds))
    assert timings.of(drawing(), loaded=True) == pytest.approx(2)


def test_what_was_learned_is_there_at_the_next_start(tmp_path):
    path = tmp_path / "new" / "timings.json"
    Timings(path).remember(drawing(), done(seconds=2, load=5))
    again = Timings(path)
    assert again.of(drawing(), loaded=False) == pytest.approx(7)
    again.remember(drawing(steps=16), done(seconds=3))
    assert Timings(path).of(drawing(steps=24), loaded=True) == pytest.approx(4)
    assert [file.name for file in path.parent.iterdir()] == ["timings.json"], "a part of a file was left"


def test_another_device_has_timings_of_its_own(tmp_path):
    path = tmp_path / "timings.json"
    Timings(path, device="cpu").remember(drawing(), done(seconds=20))
    other = Timings(path, device="cuda:1")
    assert other.of(drawing(), loaded=True) is None
    other.remember(drawing(), done(seconds=1))
    assert Timings(path, device="cpu").of(drawing(), loaded=True) == pytest.approx(20)
    assert Timings(path, device="cuda:1").of(drawing(), loaded=True) == pytest.approx(1)


@pytest.mark.parametrize("content", [
    b"", b"{", b"[]", b"null", b"3", b'{"a": 3}', b'{"a": [[1]]}', b'{"a": [["x", "y"]]}', b'{"a": [[null, 1]]}', b"\xff\xfe\x00",
    b'{"a": "bc"}', b'{"a": {"b": 1}}',
])
def test_a_broken_file_begins_anew(tmp_path, content):
    path = tmp_path / "timings.json"
    path.write_bytes(content)
    timings = Timings(path)
    assert timings.of(drawing(), loaded=True) is None
    timings.remember(drawing(), done(seconds=2))
    assert Timings(path).of(drawing(), loaded=True) == pytest.approx(2)


HOSTILE = [[0, 5], [-3, 1], [1e999, 1], [1, -5], [float("nan"), 1], [1, float("nan")], [8 * 128 * 64, 1e999]]


@pytest.mark.parametrize("pair", HOSTILE, ids=str)
def test_impossible_timings_in_the_file_break_nothing(tmp_path, pair):
    path = tmp_path / "timings.json"
    path.write_text(json.dumps({"auto/pictures/text_to_image": [pair]}), encoding="utf8")
    timings = Timings(path)
    seconds = timings.of(drawing(), loaded=True)
    assert seconds is None or 0 <= seconds < float("inf")
    timings.remember(drawing(), done(seconds=2))
    assert timings.of(drawing(), loaded=True) == pytest.approx(2)


def test_an_empty_list_in_the_file_is_nothing_known(tmp_path):
    path = tmp_path / "timings.json"
    path.write_text('{"auto/pictures/text_to_image": []}', encoding="utf8")
    assert Timings(path).of(drawing(), loaded=True) is None


@pytest.mark.parametrize("place", ["file/timings.json", "folder"])
def test_where_nothing_can_be_written_it_is_known_for_this_start(tmp_path, place):
    (tmp_path / "file").write_text("no folder", encoding="utf8")
    (tmp_path / "folder").mkdir()
    timings = Timings(tmp_path / place)
    timings.remember(drawing(), done(seconds=2))
    assert timings.of(drawing(), loaded=True) == pytest.approx(2)
