"""The compact super-resolution network: its keys, its bicubic start, and what it refuses to load."""

import pytest
import torch
from safetensors.torch import save_file

from playground.networks import bicubic, srvgg


def small_network(**changes):
    torch.manual_seed(0)
    return srvgg.SRVGG(**{"num_feat": 16, "num_conv": 2, "upscale": 4} | changes)


def test_keys_and_shapes_are_those_of_the_compact_family():
    shapes = {key: tuple(value.shape) for key, value in small_network().state_dict().items()}
    assert shapes == {
        "body.0.weight": (16, 3, 3, 3), "body.0.bias": (16,), "body.1.weight": (16,),
        "body.2.weight": (16, 16, 3, 3), "body.2.bias": (16,), "body.3.weight": (16,),
        "body.4.weight": (16, 16, 3, 3), "body.4.bias": (16,), "body.5.weight": (16,),
        "body.6.weight": (48, 16, 3, 3), "body.6.bias": (48,),
    }


@pytest.mark.parametrize(("upscale", "num_conv"), [(2, 1), (3, 2), (4, 3)])
def test_the_start_is_bicubic_enlargement_away_from_the_edge(upscale, num_conv):
    network = small_network(upscale=upscale, num_conv=num_conv)
    network.start_at_bicubic()
    pixels = torch.rand(2, 3, 9, 11)
    expected = bicubic.resize(pixels, height=9 * upscale, width=11 * upscale)
    inner = (..., slice(2 * upscale, -2 * upscale), slice(2 * upscale, -2 * upscale))
    torch.testing.assert_close(network(pixels)[inner], expected[inner])


def test_the_bicubic_start_leaves_every_layer_something_to_learn():
    network = small_network()
    network.start_at_bicubic()
    network(torch.rand(1, 3, 8, 8)).square().mean().backward()
    assert all(p.grad.abs().sum() > 0 for p in network.parameters())
    assert network.body[-1].weight.grad[:, 12:].abs().sum() > 0


def test_the_bicubic_start_needs_room():
    with pytest.raises(ValueError, match="12 features"):
        small_network(num_feat=8).start_at_bicubic()


@pytest.mark.parametrize("upscale", [1, 2, 4])
def test_the_sizes_are_read_from_the_shapes(tmp_path, upscale):
    network = small_network(num_feat=8, num_conv=3, upscale=upscale)
    save_file(network.state_dict(), tmp_path / "model.safetensors")
    pixels = torch.rand(1, 3, 6, 5)
    for path in (tmp_path, tmp_path / "model.safetensors"):
        loaded = srvgg.load(path)
        assert (loaded.num_feat, loaded.num_conv, loaded.upscale) == (8, 3, upscale)
        assert not loaded.training
        torch.testing.assert_close(loaded(pixels), network(pixels))


def test_half_precision_files_load_as_fp32(tmp_path):
    save_file({k: v.half() for k, v in small_network().state_dict().items()}, tmp_path / "model.safetensors")
    assert {p.dtype for p in srvgg.load(tmp_path).parameters()} == {torch.float32}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: {"conv_first.weight": s["body.0.weight"]}, "conv_first.weight"),
        (lambda s: {k: v for k, v in s.items() if k != "body.3.weight"}, "body.3.weight"),
        (lambda s: s | {"body.9.gain": torch.ones(1)}, "body.9.gain"),
        (lambda s: s | {"body.first.weight": torch.ones(1, 1, 1, 1)}, "body.first.weight"),
        (lambda s: s | {"body.0.weight": torch.ones(16, 1, 3, 3)}, "1 channels"),
        (lambda s: s | {"body.6.weight": torch.ones(50, 16, 3, 3)}, "50"),
        (lambda s: {}, "not a compact"),
    ],
)
def test_other_files_are_refused_in_words(change, words):
    with pytest.raises(ValueError, match=words):
        srvgg.SRVGG.from_state_dict(change(small_network().state_dict()))


def test_the_receptive_field_is_how_far_a_pixel_reaches():
    network = small_network()
    pixels = torch.rand(1, 3, 15, 15, requires_grad=True)
    network(pixels)[..., 28:32, 28:32].sum().backward()
    reached = pixels.grad.abs().sum((0, 1, 2)).nonzero().flatten()
    assert network.receptive_field == srvgg.receptive_field(2) == 4
    assert (reached.min(), reached.max()) == (7 - 4, 7 + 4)
