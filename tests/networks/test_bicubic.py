"""Bicubic resizing as MATLAB does it."""

import pytest
import torch

from playground.networks import bicubic


@pytest.mark.parametrize(("before", "after"), [(16, 4), (16, 8), (8, 32), (10, 7), (2, 9), (5, 5)])
def test_a_plain_line_stays_as_it_is(before, after):
    torch.testing.assert_close(bicubic.weights(before, after).sum(1), torch.ones(after))


def test_halving_gives_the_known_weights():
    line = bicubic.weights(16, 8)[4] * 128
    torch.testing.assert_close(line[4:14], torch.tensor([0.0, -1.5, -4.5, 14.5, 55.5, 55.5, 14.5, -4.5, -1.5, 0.0]))


def test_the_edge_is_mirrored():
    torch.testing.assert_close(bicubic.weights(4, 8)[0] * 128, torch.tensor([140.0, -12.0, 0.0, 0.0]))


@pytest.mark.parametrize("side", [6, 48])
def test_away_from_the_edge_it_is_torchs_antialiased_bicubic(side):
    pixels = torch.rand(1, 3, 24, 24)
    ours = bicubic.resize(pixels, height=side, width=side)
    theirs = torch.nn.functional.interpolate(pixels, (side, side), mode="bicubic", antialias=True)
    cut = slice(side // 3, -(side // 3))
    torch.testing.assert_close(ours[..., cut, cut], theirs[..., cut, cut], atol=1e-5, rtol=0)
