"""The starter voice's vocoder: pulses at the pitch and noise, each through a filter that a small network reads off the mel.

Source-filter synthesis as in Wang et al. 2019 (neural source-filter models) and Engel et al. 2020 (DDSP); the filters are
causal cepstra, which makes them minimum phase (Oppenheim and Schafer), as the vocal tract nearly is.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WEIGHTS, SETTINGS = "vocoder.safetensors", "vocoder.json"
STRIDE = 100  # samples between two filters; half a frame
WINDOW, TRANSFORM = 300, 640  # samples: the rest of the transform holds the filter's ringing
VOICED, NOISE = 112, 48  # cepstral coefficients of the two filters
HIGHEST = 0.97  # of half the sample rate: no harmonic above it
LOWEST_PITCH = 40.0  # Hz


class Block(nn.Module):
    """A ConvNeXt block over time (Liu et al. 2022), as vocoders use it since Vocos (Siuzdak 2023)."""

    def __init__(self, channels: int, *, kernel: int = 7, wider: int = 3) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(channels, channels, kernel, padding=kernel // 2, groups=channels)
        self.norm = nn.LayerNorm(channels)
        self.up = nn.Linear(channels, channels * wider)
        self.down = nn.Linear(channels * wider, channels)
        self.scale = nn.Parameter(torch.full((channels,), 0.3))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T) -> (B, C, T)."""
        hidden = self.norm(self.depthwise(x).transpose(1, 2))  # (B, T, C)
        return x + (self.scale * self.down(F.gelu(self.up(hidden)))).transpose(1, 2)


class SourceFilter(nn.Module):
    """Log mel frames and pitch to samples; sample_rate in Hz, hop: samples a frame."""

    def __init__(
        self, *, sample_rate: int = 16_000, hop: int = 200, bins: int = 80, channels: int = 128, blocks: int = 4,
    ) -> None:
        super().__init__()
        self.settings = {"sample_rate": sample_rate, "hop": hop, "bins": bins, "channels": channels, "blocks": blocks}
        self.sample_rate, self.hop = sample_rate, hop
        self.register_buffer("mean", torch.zeros(bins))
        self.register_buffer("deviation", torch.ones(bins))
        self.register_buffer("window", torch.hann_window(WINDOW), persistent=False)
        self.enter = nn.Conv1d(bins + 2, channels, 7, padding=3)
        self.slow = nn.Sequential(*(Block(channels) for _ in range(blocks // 2)))
        self.fast = nn.Sequential(*(Block(channels) for _ in range(blocks - blocks // 2)))
        self.norm = nn.LayerNorm(channels)
        self.leave = nn.Linear(channels, VOICED + NOISE)
        nn.init.normal_(self.leave.weight, std=0.01)
        nn.init.zeros_(self.leave.bias)
        self.leave.bias.data[[0, VOICED]] = -4.0  # the gains' logarithms: speech is far quieter than the sources

    def forward(self, mel: Tensor, pitch: Tensor, noise: Tensor, *, transpose: float = 0.0) -> Tensor:
        """Samples (B, F * hop) of log mels (B, F, bins), pitch (B, F) in Hz (0: unvoiced) and noise (B, F * hop) of
        variance 1; transpose: semitones by which the pulses are moved, the filters staying as they are."""
        voiced = (pitch > 0).to(mel.dtype)
        hertz = filled(pitch)
        filters = self.filters(mel, hertz, voiced)  # (B, 2F, VOICED + NOISE)
        pulses = self.pulses(hertz * 2 ** (transpose / 12), voiced)  # (B, F * hop)
        return self.through(pulses, filters[..., :VOICED]) + self.through(noise, filters[..., VOICED:])

    def filters(self, mel: Tensor, hertz: Tensor, voiced: Tensor) -> Tensor:
        """The two filters' cepstra, one every STRIDE samples."""
        known = torch.stack([(hertz.clamp(min=LOWEST_PITCH) / 150).log(), voiced], 1)  # (B, 2, F)
        hidden = self.enter(torch.cat([((mel - self.mean) / self.deviation).transpose(1, 2), known], 1))
        hidden = F.interpolate(self.slow(hidden), scale_factor=self.hop / STRIDE, mode="linear")
        return self.leave(self.norm(self.fast(hidden).transpose(1, 2))).float()

    def pulses(self, hertz: Tensor, voiced: Tensor) -> Tensor:
        """Band-limited pulses of power 1 at the pitch: all harmonics in cosine phase, in the closed form of their sum."""
        count = hertz.shape[1] * self.hop
        pitch = F.interpolate(hertz[:, None], count, mode="linear")[:, 0].double()
        loud = F.interpolate(voiced[:, None], count, mode="linear")[:, 0]
        angle = torch.pi * (torch.cumsum(pitch, 1) / self.sample_rate % 1)  # half the phase
        harmonics = (HIGHEST * self.sample_rate / 2 / pitch).floor().clamp(min=1)
        sine = angle.sin()
        near = sine.abs() < 1e-4
        total = ((2 * harmonics + 1) * angle).sin() / torch.where(near, 1.0, 2 * sine) - 0.5
        return (torch.where(near, harmonics, total) * (2 / harmonics).sqrt()).to(loud.dtype) * loud

    def through(self, source: Tensor, cepstra: Tensor) -> Tensor:
        """A source (B, N) through one filter every STRIDE samples, overlapped and added; (B, N)."""
        count = source.shape[1]
        frames = F.pad(source, (WINDOW // 2, WINDOW)).unfold(1, WINDOW, STRIDE)[:, : cepstra.shape[1]]  # (B, T, WINDOW)
        response = torch.fft.rfft(cepstra, TRANSFORM).exp()  # (B, T, TRANSFORM // 2 + 1)
        pieces = torch.fft.irfft(torch.fft.rfft(frames * self.window, TRANSFORM) * response, TRANSFORM)
        length = (cepstra.shape[1] - 1) * STRIDE + TRANSFORM
        whole = F.fold(pieces.transpose(1, 2), (1, length), (1, TRANSFORM), stride=(1, STRIDE))[:, 0, 0]
        return whole[:, WINDOW // 2 : WINDOW // 2 + count] * (2 * STRIDE / WINDOW)


def filled(pitch: Tensor) -> Tensor:
    """The pitch (B, F) with a straight line through each unvoiced stretch, and 100 Hz where nothing is voiced."""
    steps = torch.arange(pitch.shape[1], device=pitch.device).expand_as(pitch)
    voiced = pitch > 0
    before = torch.where(voiced, steps, -1).cummax(1).values
    after = torch.where(voiced, steps, pitch.shape[1]).flip(1).cummin(1).values.flip(1)
    left = pitch.gather(1, torch.where(before >= 0, before, after.clamp(max=pitch.shape[1] - 1)))
    right = pitch.gather(1, torch.where(after < pitch.shape[1], after, before.clamp(min=0)))
    part = ((steps - before) / (after - before).clamp(min=1)).clamp(0, 1).to(pitch.dtype)
    line = left + (right - left) * part
    return torch.where(line > 0, line, torch.full_like(line, 100.0))


def save(network: SourceFilter, folder: Path) -> None:
    """Writes the weights, float16, and the settings."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    save_file({key: value.half().contiguous() for key, value in network.state_dict().items()}, folder / WEIGHTS)
    (folder / SETTINGS).write_text(json.dumps(network.settings, indent=1) + "\n")


def load(folder: Path) -> SourceFilter:
    """A saved vocoder in float32, ready for use."""
    from safetensors.torch import load_file

    network = SourceFilter(**json.loads((folder / SETTINGS).read_text(encoding="utf8")))
    network.load_state_dict({key: value.float() for key, value in load_file(folder / WEIGHTS).items()})
    return network.eval()
