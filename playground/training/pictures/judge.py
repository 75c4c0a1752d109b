"""Stage 6: the judge, a small image-text model that only measures; the generator never learns from it.

It learns from pictures in several styles which words belong to which picture, by a symmetric contrastive loss (Radford
et al. 2021). One style is kept from it, so that its own score on real pictures of that style is the ceiling of what it
can say of generated ones.
"""

from __future__ import annotations

import numpy as np

from playground.training.loop import Training
from playground.training.pictures import data, scenes
from playground.training.pictures.bank import pixels_of
from playground.training.recipe import Options, autocast, load_checkpoint, say

SIDE = 64
WIDTH = 128
BATCH = 64
PEAK = 1.5e-3
NAME = "judge"
KINDS = ("one", "one", "placed")
STYLES = {
    "3d": "fluent3d", "color": "fluentcolor", "flat": "fluentflat", "noto": "noto", "twemoji": "twemoji", "blob": "blob",
    "fx": "fxemoji",
}
UNSEEN = {"unseen": "emojitwo"}


def build(things: tuple[str, ...]):
    """The judge for these things; its words are those of their names."""
    import torch
    from torch import nn

    class Block(nn.Module):
        """Two 3x3 convolutions with a shortcut, (B, i, H, W) -> (B, o, H/2, W/2)."""

        def __init__(self, i: int, o: int) -> None:
            super().__init__()
            self.body = nn.Sequential(
                nn.Conv2d(i, o, 3, 2, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU(),
                nn.Conv2d(o, o, 3, 1, 1, bias=False), nn.BatchNorm2d(o),
            )
            self.short = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(i, o, 1, bias=False), nn.BatchNorm2d(o))

        def forward(self, x):
            return torch.relu(self.body(x) + self.short(x))

    class Judge(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words = sorted({w for thing in things for w in thing.split()})
            self.eye = nn.Sequential(
                nn.Conv2d(3, 24, 3, 1, 1), nn.ReLU(), Block(24, 32), Block(32, 64), Block(64, 128), Block(128, 256),
                nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.1), nn.Linear(256, WIDTH),
            )
            self.word = nn.EmbeddingBag(len(self.words), WIDTH, mode="mean")
            self.reader = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH))
            self.scale = nn.Parameter(torch.tensor(2.3))

        def look(self, pixels):
            """(B, 3, H, W) in -1..1 -> unit vectors (B, WIDTH)."""
            small = nn.functional.interpolate(pixels, (SIDE, SIDE), mode="area")
            return nn.functional.normalize(self.eye(small), dim=-1)

        def read(self, names: list[str]):
            """Names -> unit vectors (B, WIDTH)."""
            ids = [torch.tensor([self.words.index(w) for w in name.split()]) for name in names]
            starts = torch.tensor([0, *(len(i) for i in ids[:-1])]).cumsum(0)
            bags = self.word(torch.cat(ids).to(self.scale.device), starts.to(self.scale.device))
            return nn.functional.normalize(self.reader(bags), dim=-1)

    return Judge()


def pictures(pack: data.Pack, rng: np.random.Generator, count: int) -> tuple[np.ndarray, list[str]]:
    """Scenes of one thing each, in any of the pack's styles; (count, H, W, 3) uint8 and the things' names."""
    styles = list(pack.shown)
    made = [
        scenes.compose(pack, rng, kind=str(rng.choice(KINDS)), style=str(rng.choice(styles))) for _ in range(count)
    ]
    return np.stack([s.pixels for s in made]), [s.things[0][0] for s in made]


def softened(pixels):
    """Some of the pictures blurred and all of them a little noisy, as generated ones are; (B, 3, H, W)."""
    import torch
    import torch.nn.functional as F

    half = F.interpolate(F.avg_pool2d(pixels, 2), scale_factor=2, mode="bilinear")
    share = torch.rand(len(pixels), 1, 1, 1)
    return torch.lerp(pixels, half, share) + 0.06 * torch.rand(len(pixels), 1, 1, 1) * torch.randn_like(pixels)


def load(options: Options, things: tuple[str, ...]):
    """The judge of the work folder, for these things."""
    network = build(things)
    load_checkpoint(options.work / f"{NAME}.safetensors", modules={"network": network}, optimizers=[])
    return network.eval()


def train(options: Options, *, minutes: float) -> None:
    """Trains the judge in the work folder until the minutes are spent."""
    import torch
    import torch.nn.functional as F

    pack = data.load_pack(
        options.data, everything=options.device != "cpu", limit=8 if options.smoke else None, styles=STYLES, keep_all=True,
    )
    torch.manual_seed(options.seed + 6)
    network = build(pack.things).to(options.device)
    training = Training(options, NAME, network, minutes=minutes, peak=PEAK, weight_decay=0.05)
    rng = np.random.default_rng((options.seed + 6, training.step))
    for _ in training.steps():
        shots, names = pictures(pack, rng, BATCH)
        pixels = softened(pixels_of(shots)).to(options.device)
        some = sorted(set(names))
        with autocast(options.device):
            likeness = network.look(pixels) @ network.read(some).T * network.scale.exp()  # (B, names)
        target = torch.tensor([some.index(n) for n in names], device=options.device)
        belongs = F.one_hot(target, len(some)).T.float()  # (names, B)
        likeness = likeness.float()
        spread = -(likeness.T.log_softmax(-1) * belongs / belongs.sum(-1, keepdim=True)).sum(-1).mean()
        training.learn(F.cross_entropy(likeness, target, label_smoothing=0.05) + spread)
    say(f"judge done: {training.facts}")
