"""Stage 1: the network, started at bicubic and trained on the mean absolute error until the minutes are spent."""

from __future__ import annotations

import json
import time

import numpy as np

from playground.training.loop import Training
from playground.training.recipe import Options, autocast, machine, say, write_facts
from playground.training.sharpen import data

NUM_FEAT = 48
NUM_CONV = 12
BATCH = 16
PEAK = 1.5e-3

TITLE = "Sharpen, the starter that enlarges pictures four times"
DATA = (
    "98 photographs and paintings (CC0, public domain, 9 CC-BY 4.0), 500 emoji of eight styles and 500 Open Clip Art "
    "drawings, each paired with its bicubic quarter"
)
CREDITS = [
    "Trained on Noto Emoji, Blobmoji (Apache-2.0), Fluent Emoji (c) Microsoft (MIT), Twemoji (c) Twitter, Inc and "
    "other contributors, EmojiTwo, Firefox OS Emoji (c) Mozilla Foundation (CC-BY 4.0).",
    'Trained on resized photographs by Aitzol Berasategi, Trevor "Freespace" and Jakub Mede (Debian '
    "lomiri-wallpapers-16.04) and Christian Ferrer (vents-du-sud, getsolus/artwork), CC-BY 4.0.",
    "Trained on drawings of the Open Clip Art Library and on photographs from Buddies of Budgie, Pop!_OS, elementary, "
    "Solus, libjxl, scikit-image, NASA and The Met Open Access (CC0 and public domain).",
]


def train(options: Options, pack: data.Pack):
    """Trains until the minutes are spent; returns the averaged network and facts."""
    import torch
    from torch.nn.functional import l1_loss

    from playground.networks.srvgg import SRVGG

    torch.manual_seed(options.seed)
    network = SRVGG(num_feat=NUM_FEAT, num_conv=NUM_CONV, upscale=data.UPSCALE)
    network.start_at_bicubic()
    network.to(options.device, memory_format=torch.channels_last)
    training = Training(options, "train", network, minutes=options.minutes, peak=PEAK, kept=0.998, clip=0.5, weight_decay=0)
    rng = np.random.default_rng([options.seed, training.step])
    for _ in training.steps():
        large, small = (t.to(options.device) for t in data.batch(pack, rng, 2 if options.smoke else BATCH))
        with autocast(options.device):
            enlarged = network(small.to(memory_format=torch.channels_last))
        training.learn(l1_loss(enlarged.float(), large))
    return training.averaged.cpu(), training.facts


def write(options: Options, network, facts: dict) -> None:
    """Writes model.safetensors (fp16), config.json and facts.json."""
    from safetensors.torch import save_file

    options.out.mkdir(parents=True, exist_ok=True)
    weights = {key: value.half().contiguous() for key, value in network.state_dict().items()}
    save_file(weights, options.out / "model.safetensors", metadata={"format": "pt"})
    config = {"num_feat": network.num_feat, "num_conv": network.num_conv, "upscale": network.upscale}
    (options.out / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    about = {
        "title": TITLE, "data": DATA, "credits": CREDITS, "licence": "Apache-2.0", "seed": options.seed,
        "hardware": machine(options.device), "date": time.strftime("%Y-%m-%d"),
        "parameters": sum(p.numel() for p in network.parameters()),
    }
    write_facts(options.out, about | facts)
    say(f"train done: {facts}, written to {options.out}")
