"""Stage 1: the network, started at bicubic and trained on the mean absolute error until the minutes are spent."""

from __future__ import annotations

import json
import time

import numpy as np

from playground.training.recipe import (
    Clock,
    Options,
    learning_rate,
    load_checkpoint,
    machine,
    save_checkpoint,
    say,
    write_facts,
)
from playground.training.sharpen import data

NUM_FEAT = 48
NUM_CONV = 12
BATCH = 16
PEAK = 1.5e-3
SMOKE_STEPS = 3
SAVE_EVERY = 180  # seconds

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
    from torch.optim.swa_utils import AveragedModel

    from playground.networks.srvgg import SRVGG

    torch.manual_seed(options.seed)
    network = SRVGG(num_feat=NUM_FEAT, num_conv=NUM_CONV, upscale=data.UPSCALE)
    network.start_at_bicubic()
    network.to(options.device, memory_format=torch.channels_last)
    average = AveragedModel(network, avg_fn=running_average)
    optimizer = torch.optim.Adam(network.parameters(), PEAK, betas=(0.9, 0.99))
    path = options.work / "train.safetensors"
    modules, optimizers = {"network": network, "average": average}, [optimizer]
    step, spent = load_checkpoint(path, modules=modules, optimizers=optimizers)
    rng = np.random.default_rng([options.seed, step])
    last = step + SMOKE_STEPS if options.smoke else float("inf")
    clock = Clock(options.minutes, spent=spent)
    seen = saved = clock.spent
    losses: list[float] = []
    while clock.progress < 1 and step < last:
        optimizer.param_groups[0]["lr"] = learning_rate(PEAK, clock.progress)
        large, small = (t.to(options.device) for t in data.batch(pack, rng, 2 if options.smoke else BATCH))
        with torch.autocast(options.device, torch.bfloat16):
            enlarged = network(small.to(memory_format=torch.channels_last))
        loss = l1_loss(enlarged.float(), large)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 0.5)
        optimizer.step()
        average.update_parameters(network)
        step += 1
        losses = [*losses[-499:], loss.item()]
        if clock.spent - seen > 30:
            say(f"train step {step} loss {np.mean(losses):.5f} spent {clock.spent:.0f} s")
            seen = clock.spent
        if clock.spent - saved > SAVE_EVERY:
            save_checkpoint(path, modules=modules, optimizers=optimizers, step=step, spent=clock.spent)
            saved = clock.spent
    save_checkpoint(path, modules=modules, optimizers=optimizers, step=step, spent=clock.spent)
    facts = {"minutes": round(clock.spent / 60, 1), "steps": step}
    return average.module.cpu().eval(), facts | ({"loss": round(float(np.mean(losses)), 5)} if losses else {})


def running_average(average, current, count):
    """Moves the averaged weights towards the current ones: over some 500 steps, over fewer while there are few."""
    return average.lerp(current, max(0.002, 9 / (10 + float(count))))


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
