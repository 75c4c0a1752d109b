"""The compact super-resolution network (SRVGG): 3x3 convolutions at the small size, then a pixel shuffle.

Structure and key names are those of the community's compact family (Wang et al., Real-ESRGAN, arXiv:2107.10833,
"SRVGGNetCompact"), so that one loader reads the starter and those files. It knows nothing of tiles or of PIL.
"""

from __future__ import annotations

import re
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from playground.networks import bicubic

COLOURS = 3


def receptive_field(num_conv: int) -> int:
    """How many small pixels each way around a pixel can change its enlargement: the overlap that tiles need."""
    return num_conv + 2


class SRVGG(nn.Module):
    """Enlarges (B, 3, H, W) pixels 0..1 to (B, 3, upscale * H, upscale * W), not clamped.

    body: Conv2d, PReLU, then `num_conv` times (Conv2d, PReLU), then a Conv2d to 3 * upscale ** 2 channels.
    The result of the pixel shuffle is added to the nearest-neighbour enlargement.
    """

    def __init__(self, *, num_feat: int, num_conv: int, upscale: int) -> None:
        super().__init__()
        self.num_feat, self.num_conv, self.upscale = num_feat, num_conv, upscale
        layers: list[nn.Module] = [nn.Conv2d(COLOURS, num_feat, 3, padding=1), nn.PReLU(num_feat)]
        for _ in range(num_conv):
            layers += [nn.Conv2d(num_feat, num_feat, 3, padding=1), nn.PReLU(num_feat)]
        layers.append(nn.Conv2d(num_feat, COLOURS * upscale**2, 3, padding=1))
        self.body = nn.ModuleList(layers)

    @property
    def receptive_field(self) -> int:
        """`receptive_field` of this network."""
        return receptive_field(self.num_conv)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        features = pixels
        for layer in self.body:
            features = layer(features)  # (B, num_feat, H, W), at the end (B, 3 * upscale ** 2, H, W)
        detail = F.pixel_shuffle(features, self.upscale)
        return detail + F.interpolate(pixels, scale_factor=self.upscale, mode="nearest")

    @torch.no_grad()
    def start_at_bicubic(self) -> None:
        """Sets the weights so that the network is bicubic enlargement (with grey around the picture).

        Training then starts where bicubic ends, while the forward pass stays the family's. Bicubic minus nearest is
        linear in 5x5 small pixels: three channels carry the colours, less a half, through the layers, the last hidden
        convolution makes of them twelve channels moved to the four corners, and the last one sums 3x3 of those. All
        other channels start random, and with no say in the result.
        """
        first, *hidden, last = (layer for layer in self.body if isinstance(layer, nn.Conv2d))
        activations = [layer for layer in self.body if isinstance(layer, nn.PReLU)]
        if not hidden or self.num_feat < 4 * COLOURS:
            raise ValueError(f"needs a hidden convolution and {4 * COLOURS} features")
        for conv in (first, *hidden):
            nn.init.kaiming_normal_(conv.weight, a=0.25)
            nn.init.zeros_(conv.bias)
        for conv, activation in zip((first, *hidden[:-1]), activations, strict=False):
            conv.weight[:COLOURS] = 0
            conv.weight[range(COLOURS), range(COLOURS), 1, 1] = 1
            activation.weight[:COLOURS] = 1
        first.bias[:COLOURS] = -0.5
        corners = [(top, left) for top in (0, 2) for left in (0, 2)]
        hidden[-1].weight[: 4 * COLOURS] = 0
        activations[-1].weight[: 4 * COLOURS] = 1
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        detail = _bicubic_less_nearest(self.upscale)  # (upscale ** 2, 5, 5)
        for number, (top, left) in enumerate(corners):
            share = torch.zeros_like(detail)
            rows, columns = slice(top, top + 3), slice(left, left + 3)
            share[:, rows, columns] = detail[:, rows, columns]
            detail -= share
            for colour in range(COLOURS):
                feature = number * COLOURS + colour
                hidden[-1].weight[feature, colour, top, left] = 1
                outputs = slice(colour * self.upscale**2, (colour + 1) * self.upscale**2)
                last.weight[outputs, feature] = share[:, rows, columns]

    @classmethod
    def from_state_dict(cls, state: dict[str, torch.Tensor]) -> SRVGG:
        """Builds the network that the shapes in `state` describe and fills it; ValueError where they do not fit."""
        named = {re.fullmatch(r"body\.(\d+)\.weight", key): value for key, value in state.items()}
        convs = sorted(int(match[1]) for match, value in named.items() if match and value.ndim == 4)
        if len(convs) < 3 or convs[0] != 0:
            raise ValueError(f"not a compact SRVGG model: no body.0, body.2, ... convolutions among {_few(state)}")
        first, last = state["body.0.weight"], state[f"body.{convs[-1]}.weight"]
        upscale = round((last.shape[0] / COLOURS) ** 0.5)
        if first.shape[1] != COLOURS or last.shape[0] != COLOURS * upscale**2:
            raise ValueError(
                f"not a compact SRVGG model for {COLOURS} colours: it takes {first.shape[1]} channels and "
                f"gives {last.shape[0]} before the pixel shuffle"
            )
        network = cls(num_feat=first.shape[0], num_conv=len(convs) - 2, upscale=upscale)
        wanted = {k: v.shape for k, v in network.state_dict().items()}
        found = {k: v.shape for k, v in state.items()}
        if wrong := {k for k in wanted.keys() | found.keys() if wanted.get(k) != found.get(k)}:
            raise ValueError(f"not a compact SRVGG model: missing, unknown or of another shape: {_few(wrong)}")
        network.load_state_dict({k: v.float() for k, v in state.items()})
        return network


def _bicubic_less_nearest(upscale: int) -> torch.Tensor:
    """For each of the upscale ** 2 large pixels of a small one, its 5x5 weights; (upscale ** 2, 5, 5)."""
    line = bicubic.weights(5, 5 * upscale)[2 * upscale : 3 * upscale]  # (upscale, 5)
    plane = torch.einsum("iy,jx->ijyx", line, line).reshape(-1, 5, 5).clone()
    plane[:, 2, 2] -= 1
    return plane


def _few(names) -> str:
    names = sorted(names)
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def load(path: Path | str) -> SRVGG:
    """Reads a .safetensors file, or model.safetensors in a folder; fp32, in evaluation mode, on the CPU."""
    from safetensors.torch import load_file

    path = Path(path)
    return SRVGG.from_state_dict(load_file(path / "model.safetensors" if path.is_dir() else path)).eval()
