"""A head start for the autoencoder: weights under which it already hands on a thumbnail of the picture.

From the usual random start an autoencoder this small spends most of its minutes on learning colours, because every
normalisation hides them. Here the first eight channels of every layer carry the colours, their negatives (since
silu(x) - silu(-x) = x, a pair passes an activation unharmed) and two constants that keep the normalisations steady;
residual branches begin at zero. Training then has only the details to learn.
"""

from __future__ import annotations

COLOURS, CARRIED = 3, 8
CONSTANT = 4.0


def start_as_thumbnail(autoencoder, pixels) -> None:
    """Sets the weights in place; `pixels` (B, 3, H, W) in -1..1 are used once, to set the brightness."""
    import torch
    from torch import nn

    with torch.no_grad():
        for side in (autoencoder.encoder, autoencoder.decoder):
            for name, layer in side.named_modules():
                if not isinstance(layer, nn.Conv2d):
                    continue
                if name.endswith("conv2"):
                    layer.weight.mul_(0.05)
                    layer.weight[:CARRIED] = 0
                    layer.bias.zero_()
                elif name.endswith("conv_shortcut"):
                    carry(layer, 1.0)
                elif "downsamplers" in name:
                    carry(layer, 0.25, size=2)
                elif "upsamplers" in name:
                    carry(layer, 1.0)
            begin(side.conv_in)
        end(autoencoder.encoder.conv_out)
        end(autoencoder.decoder.conv_out)
        for layer in (autoencoder.quant_conv, autoencoder.post_quant_conv):
            layer.bias.zero_()
            layer.weight.zero_()
            for i in range(4):
                layer.weight[i, i] = 1.0
        # Almost noiseless latents: at the usual deviation of 1 the noise drowns the picture for long.
        autoencoder.quant_conv.bias[4:] = -6.0
        restored = autoencoder.decode(autoencoder.encode(pixels).latent_dist.mode()).sample
        autoencoder.decoder.conv_out.weight.mul_((restored * pixels).sum() / restored.square().sum())


def carry(layer, weight: float, *, size: int = 1) -> None:
    """Hands the first eight channels on: each is the sum of `size` x `size` neighbours of itself, times `weight`."""
    layer.weight[:CARRIED] = 0
    layer.bias[:CARRIED] = 0
    first = 0 if size == 2 or layer.kernel_size == (1, 1) else 1
    for i in range(CARRIED):
        layer.weight[i, i, first:first + size, first:first + size] = weight


def begin(layer) -> None:
    """Colours (the first three inputs), their negatives, and the two constants."""
    layer.weight[:CARRIED] = 0
    layer.bias[:CARRIED] = 0
    for i in range(COLOURS):
        layer.weight[i, i, 1, 1] = 1.0
        layer.weight[i + COLOURS, i, 1, 1] = -1.0
    layer.bias[CARRIED - 2], layer.bias[CARRIED - 1] = CONSTANT, -CONSTANT


def end(layer) -> None:
    """Colours again, from each pair after its activation; what else the layer reads begins near zero."""
    layer.weight.mul_(0.05)
    layer.weight[:COLOURS] = 0
    layer.bias.zero_()
    for i in range(COLOURS):
        layer.weight[i, i, 1, 1] = 1.0
        layer.weight[i, i + COLOURS, 1, 1] = -1.0
