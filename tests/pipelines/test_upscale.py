"""The upscale adapter on tiny random networks: exact sizes, tiles without seams, transparency, Stop and Step counts."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from playground.catalog import ModelCard
from playground.errors import ModelBroken, Unexpected
from playground.events import Step, Stopped
from playground.pipelines import diffusion_upscale, upscale
from playground.requests import SuperResolutionRequest
from tests import tiny_upscale
from tests.fakes import CPU

MODELS = ("compact_2", "compact_4", "swin2sr_2", "swin2sr_4")


def card(**values):
    return ModelCard(
        id="tiny", title="Tiny", sentence="", bad_at="", tasks=frozenset({"super_resolution"}), adapter="upscale",
        licence="", training_data="", memory=1, **values,
    )


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A loaded model by family and factor; Swin2SR is loaded as from the hub."""
    made, root = {}, tmp_path_factory.mktemp("upscale")

    def model(name):
        if name not in made:
            family, factor = name.split("_")
            folder = getattr(tiny_upscale, family)(root / name, upscale=int(factor))
            place = {"folder": folder} if family == "compact" else {"repository": str(folder)}
            made[name] = upscale.load(card(**place), CPU)
        return made[name]

    return model


def photo(width, height, mode="RGB"):
    values = np.random.default_rng(0).integers(0, 256, (height, width, len(mode)), dtype=np.uint8)
    return Image.fromarray(values)


def run(model, image, *, scale=2, tile=0):
    events = []
    request = SuperResolutionRequest(image=image, model="tiny", scale=scale, tile=tile, seed=1)
    return model.run(request, events.append), events


def difference(first, second):
    return int(np.abs(np.asarray(first, np.int16) - np.asarray(second, np.int16)).max())


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("scale", [2, 4])
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (1, 40), (33, 18), (20, 16)])
def test_the_result_is_exactly_scale_times_as_large(models, name, scale, size):
    result, _ = run(models(name), photo(*size), scale=scale)
    (image,) = result.images
    assert image.size == (size[0] * scale, size[1] * scale) and image.mode == "RGB"
    assert result.timings["enlarge"] > 0


@pytest.mark.parametrize(("size", "scale", "tile"), [((3, 4000), 2, 128), ((4000, 3), 4, 256), ((1003, 757), 2, 256)])
def test_odd_sizes_in_tiles(models, size, scale, tile):
    picture = photo(*size)
    result, events = run(models("compact_4"), picture, scale=scale, tile=tile)
    across, down = (-(-side // tile) for side in size)
    assert result.images[0].size == (size[0] * scale, size[1] * scale)
    assert [(e.index, e.total) for e in events] == [(i + 1, across * down) for i in range(across * down)]


def test_a_large_picture_in_tiles_with_swin(models):
    assert run(models("swin2sr_2"), photo(3, 1000), tile=64)[0].images[0].size == (6, 2000)


@pytest.mark.parametrize("name", ["compact_2", "compact_4"])
@pytest.mark.parametrize("scale", [2, 4])
@pytest.mark.parametrize("tile", [32, 33, 50, 64, 1024])
def test_tiles_leave_no_seams(models, name, scale, tile):
    picture = photo(101, 75)
    whole = run(models(name), picture, scale=scale)[0].images[0]
    tiled = run(models(name), picture, scale=scale, tile=tile)[0].images[0]
    assert difference(whole, tiled) <= 1


def test_a_tile_too_narrow_to_see_its_surroundings_would_show(models, monkeypatch):
    """Without overlap the tiles show, so the test above can fail."""
    picture, model = photo(101, 75), models("compact_2")
    whole = run(model, picture)[0].images[0]
    monkeypatch.setattr(model, "overlap", 0)
    assert difference(whole, run(model, picture, tile=32)[0].images[0]) > 1


@pytest.mark.parametrize(("height", "width", "tile"), [(75, 101, 32), (32, 32, 32), (1, 1, 32), (33, 64, 0), (3, 400, 64)])
def test_pieces_cover_each_pixel_once(height, width, tile):
    seen = np.zeros((height, width), int)
    for piece in upscale.pieces(height, width, tile=tile, overlap=5):
        top, left, bottom, right = piece.keep
        seen[top:bottom, left:right] += 1
        read = piece.read
        assert read[0] == max(top - 5, 0) and read[1] == max(left - 5, 0)
        assert read[2] == min(bottom + 5, height) and read[3] == min(right + 5, width)
        assert not tile or max(bottom - top, right - left) <= tile
    assert (seen == 1).all()


def test_the_network_runs_on_the_pixels_of_the_picture(models):
    """A plain colour stays near itself, and a picture's brightness goes with it: 0..1, in the right order."""
    import torch

    model = models("compact_2")
    picture = photo(16, 12)
    pixels = torch.from_numpy(np.asarray(picture).copy()).permute(2, 0, 1)[None] / 255
    with torch.inference_mode():
        expected = model.network(pixels)[0].clamp(0, 1).permute(1, 2, 0).numpy() * 255
    assert difference(expected.round(), run(model, picture)[0].images[0]) <= 1


def test_swin_sees_mirrored_edges_and_nothing_of_them_is_kept(models):
    """A picture whose sides the window divides is not changed; another is its mirrored self, cut."""
    model = models("swin2sr_2")
    picture = photo(18, 14)
    values = np.asarray(picture)
    larger = Image.fromarray(np.pad(values, ((0, 2), (0, 2), (0, 0)), mode="symmetric"))
    assert larger.size == (20, 16)
    expected = run(model, larger)[0].images[0].crop((0, 0, 36, 28))
    assert difference(expected, run(model, picture)[0].images[0]) <= 1


@pytest.mark.parametrize(("name", "scale"), [("compact_2", 2), ("compact_4", 2), ("swin2sr_2", 4)])
def test_transparency_is_stretched_beside_the_colours(models, name, scale):
    picture = photo(30, 20, "RGBA")
    picture.putalpha(Image.linear_gradient("L").resize((30, 20)))
    image = run(models(name), picture, scale=scale)[0].images[0]
    assert image.mode == "RGBA" and image.size == (30 * scale, 20 * scale)
    expected = picture.getchannel("A").resize(image.size, Image.Resampling.BICUBIC)
    assert difference(image.getchannel("A"), expected) == 0
    assert difference(image.convert("RGB"), run(models(name), picture.convert("RGB"), scale=scale)[0].images[0]) == 0


@pytest.mark.parametrize("mode", ["L", "P", "CMYK", "LA", "1", "I;16"])
def test_pictures_of_every_mode_are_taken(models, mode):
    picture = Image.linear_gradient("L").resize((20, 10))
    if mode == "I;16":
        picture = Image.fromarray(np.asarray(picture).astype(np.uint16) * 257)
    else:
        picture = picture.convert(mode)
    image = run(models("compact_2"), picture)[0].images[0]
    assert image.size == (40, 20)
    assert np.asarray(image.convert("L")).std() > 10  # the gradient is still there


def test_the_same_request_gives_the_same_bytes_and_the_upload_stays(models):
    picture = photo(40, 30)
    before = picture.tobytes()
    first, again = (run(models("compact_4"), picture, scale=4, tile=32)[0].images[0].tobytes() for _ in range(2))
    assert first == again and picture.tobytes() == before


def test_steps_count_pieces_and_guess_what_is_left(models):
    events = run(models("compact_2"), photo(100, 60), scale=2, tile=32)[1]
    assert [(e.index, e.total, e.what) for e in events] == [(i, 8, "piece") for i in range(1, 9)]
    assert events[-1].seconds_left == 0
    assert all(e.seconds_left > 0 for e in events[:-1])


def test_a_model_that_must_run_twice_counts_to_the_end(models):
    events = run(models("compact_2"), photo(64, 64), scale=4, tile=32)[1]
    assert events[-1].index == events[-1].total == len(events)
    assert [e.index for e in events] == sorted({e.index for e in events})


@pytest.mark.parametrize("name", ["compact_2", "swin2sr_2"])
def test_stop_ends_between_pieces_and_the_next_run_is_as_ever(models, name):
    model, picture = models(name), photo(100, 60)
    expected = run(model, picture, tile=32)[0].images[0].tobytes()
    seen = []

    def stop(event):
        seen.append(event)
        if isinstance(event, Step) and event.index == 3:
            raise Stopped

    with pytest.raises(Stopped):
        model.run(SuperResolutionRequest(image=picture, model="tiny", scale=2, tile=32, seed=1), stop)
    assert len(seen) == 3
    assert run(model, picture, tile=32)[0].images[0].tobytes() == expected


def test_a_network_that_gives_no_numbers_is_told_in_words(tmp_path):
    model = upscale.load(card(folder=tiny_upscale.compact(tmp_path)), CPU)
    model.network.body[0].bias.data.fill_(float("nan"))
    with pytest.raises(Unexpected, match="Tiny gave no picture"):
        run(model, photo(8, 8))


def test_a_folder_of_another_kind_of_model_is_told_in_words(tmp_path):
    from safetensors.numpy import save_file

    save_file({"weight": np.zeros(3, np.float32)}, tmp_path / "model.safetensors")
    with pytest.raises(ModelBroken, match="Tiny"):
        upscale.load(card(folder=tmp_path), CPU)


def test_closing_frees_the_weights(tmp_path):
    model = upscale.load(card(folder=tiny_upscale.compact(tmp_path)), CPU)
    assert model.nbytes > 1000
    model.close()
    assert model.network is None and model.enlarge is None and model.nbytes == 0


# A diffusion model


@pytest.fixture(scope="module")
def drawing(tmp_path_factory):
    folder = tiny_upscale.diffusion_upscaler(tmp_path_factory.mktemp("drawing") / "x4")
    return diffusion_upscale.load(card(folder=folder, options={"steps": 3}), CPU)


@pytest.mark.parametrize(("size", "scale"), [((1, 1), 4), ((33, 18), 2), ((70, 40), 4)])
def test_a_drawing_upscaler_gives_exactly_scale_times_the_size(drawing, size, scale):
    result, _ = run(drawing, photo(*size), scale=scale, tile=32)
    assert result.images[0].size == (size[0] * scale, size[1] * scale)
    assert np.asarray(result.images[0]).std() > 1


def test_a_drawing_upscaler_counts_the_steps_of_all_its_tiles(drawing):
    _, events = run(drawing, photo(50, 30), tile=32)
    tiles = list(diffusion_upscale.tiles(30, 50, tile=32))
    assert len(tiles) == 3
    assert [(e.index, e.total) for e in events] == [(i, 9) for i in range(1, 10)]
    assert events[-1].seconds_left == 0


def test_a_drawing_upscaler_stops_within_a_tile(drawing):
    before = run(drawing, photo(20, 10))[0].images[0].tobytes()

    def stop(event):
        raise Stopped

    with pytest.raises(Stopped):
        drawing.run(SuperResolutionRequest(image=photo(20, 10), model="tiny", scale=2, tile=0, seed=1), stop)
    assert run(drawing, photo(20, 10))[0].images[0].tobytes() == before


def test_guidance_without_words_changes_nothing(drawing, monkeypatch):
    plain = run(drawing, photo(16, 16))[0].images[0]
    monkeypatch.setitem(diffusion_upscale.ARGUMENTS, "guidance_scale", 9.0)
    assert difference(plain, run(drawing, photo(16, 16))[0].images[0]) <= 1


@pytest.mark.parametrize(("length", "tile"), [(1, 32), (32, 32), (33, 32), (500, 128), (1000, 256), (64, 33)])
def test_tiles_of_one_size_cover_a_line_and_overlap(length, tile):
    spans = list(diffusion_upscale.spans(length, tile))
    assert spans[0][0] == 0 and spans[-1][1] == length
    assert {end - start for start, end in spans} == {min(length, tile)}
    assert all(after < end for (_, end), (after, _) in zip(spans, spans[1:], strict=False))


def test_what_tiles_count_leaves_no_place_out():
    share = diffusion_upscale.ramp(64, 16)
    assert share.min() > 0 and share[32] == 1 and np.array_equal(share, share[::-1])
