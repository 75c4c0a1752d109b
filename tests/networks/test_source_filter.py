"""The vocoder: its pulses, its filters, and the way there and back to a file."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from playground.networks import source_filter
from playground.networks.source_filter import NOISE, STRIDE, VOICED, SourceFilter, filled

RATE, HOP = 16_000, 200


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return SourceFilter(channels=16, blocks=2).eval()


def spectrum(samples: torch.Tensor) -> np.ndarray:
    """Magnitudes of one second, a value a Hz."""
    return np.abs(np.fft.rfft(samples.double().numpy() * np.hanning(RATE)))


def test_a_line_is_drawn_through_unvoiced_stretches():
    assert filled(torch.tensor([[0.0, 100, 0, 0, 0, 140, 0]])).tolist() == [[100, 100, 110, 120, 130, 140, 140]]


def test_where_nothing_is_voiced_there_is_some_pitch():
    assert filled(torch.zeros(2, 4)).tolist() == [[100.0] * 4] * 2


@pytest.mark.parametrize("hertz", [80.0, 125.0, 200.0, 330.0])
def test_pulses_are_harmonics_of_the_pitch_up_to_half_the_rate(network, hertz):
    pitch = torch.full((1, 80), hertz)
    magnitudes = spectrum(network.pulses(pitch, torch.ones(1, 80))[0])
    there = magnitudes[int(hertz)]
    harmonics = range(1, int(0.97 * RATE / 2 / hertz) + 1)
    assert all(magnitudes[round(k * hertz)] > 0.7 * there for k in harmonics)
    between = [round((k + 0.5) * hertz) for k in harmonics if k * hertz < 7000]
    assert max(magnitudes[between]) < 0.02 * there


@pytest.mark.parametrize("hertz", [70.0, 140.0, 260.0])
def test_pulses_have_the_power_of_the_noise(network, hertz):
    pulses = network.pulses(torch.full((1, 160), hertz), torch.ones(1, 160))
    assert pulses.square().mean().item() == pytest.approx(1, rel=0.05)


def test_there_are_no_pulses_where_nothing_is_voiced(network):
    voiced = torch.ones(1, 60)
    voiced[:, 20:40] = 0
    pulses = network.pulses(torch.full((1, 60), 120.0), voiced)[0]
    assert not pulses[21 * HOP:39 * HOP].any() and pulses[:19 * HOP].any() and pulses[41 * HOP:].any()


def test_an_empty_cepstrum_lets_everything_through(network):
    source = torch.randn(2, 20 * HOP)
    out = network.through(source, torch.zeros(2, 40, VOICED))
    inner = slice(3 * STRIDE, -3 * STRIDE)
    torch.testing.assert_close(out[:, inner], source[:, inner], atol=1e-5, rtol=0)


def test_a_filter_rings_after_the_source_and_never_before(network):
    source = torch.zeros(1, 20 * HOP)
    source[0, 2000] = 1
    cepstra = torch.zeros(1, 40, VOICED)
    cepstra[..., 1] = 0.8
    out = network.through(source, cepstra)[0]
    expected = torch.tensor([0.8 ** n / math.factorial(n) for n in range(8)])  # exp of the cepstrum's power series
    torch.testing.assert_close(out[2000:2008], expected, atol=1e-3, rtol=0)
    assert out[:2000].abs().max() < 1e-4


def test_the_gain_is_the_first_coefficient(network):
    source = torch.randn(1, 20 * HOP)
    cepstra = torch.zeros(1, 40, NOISE)
    cepstra[..., 0] = math.log(3)
    inner = slice(3 * STRIDE, -3 * STRIDE)
    torch.testing.assert_close(network.through(source, cepstra)[:, inner], 3 * source[:, inner], atol=1e-4, rtol=0)


@torch.inference_mode()
def test_transposing_moves_the_pulses_alone(network):
    mel, pitch, noise = torch.zeros(1, 80, 80), torch.full((1, 80), 200.0), torch.zeros(1, 80 * HOP)
    low, high = (spectrum(network(mel, pitch, noise, transpose=by)[0]) for by in (0, 12))
    assert low[200] > 50 * low[300] and high[400] > 50 * high[200]
    assert high[400] / low[400] == pytest.approx(math.sqrt(2), rel=0.1)  # half the harmonics bear the same power


@torch.inference_mode()
def test_the_length_is_the_frames(network):
    for frames in (1, 2, 33):
        out = network(torch.zeros(2, frames, 80), torch.zeros(2, frames), torch.randn(2, frames * HOP))
        assert out.shape == (2, frames * HOP) and torch.isfinite(out).all()


@torch.inference_mode()
def test_a_saved_network_says_the_same(network, tmp_path):
    source_filter.save(network, tmp_path)
    again = source_filter.load(tmp_path)
    mel, pitch, noise = torch.randn(1, 20, 80), torch.full((1, 20), 110.0), torch.randn(1, 20 * HOP)
    assert again.settings == network.settings
    torch.testing.assert_close(again(mel, pitch, noise), network(mel, pitch, noise), atol=2e-3, rtol=0.02)
