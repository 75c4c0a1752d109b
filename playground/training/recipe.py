"""What every recipe needs: its options, a clock that stops it, checkpoints to resume from, and facts.json."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STARTERS = Path(__file__).parents[2] / "assets" / "starters"


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a recipe was started.

    minutes: the training budget of all stages together; smoke: seconds of work on little data, to prove that the
    recipe runs; device: "cpu" or "cuda"; data: the folder that holds the packs; out: where weights and facts go;
    work: where checkpoints go, so that the same command resumes after an interruption; begin: a folder with weights
    of an earlier run that a first start takes up where they fit.
    """

    minutes: float
    smoke: bool
    device: str
    seed: int
    data: Path
    out: Path
    work: Path
    stages: tuple[str, ...]
    begin: Path | None


def parse(
    starter: str, *, minutes: float, stages: tuple[str, ...], argv: list[str] | None = None, begins: bool = False,
) -> Options:
    """Reads the command line of a recipe; `stages` are the names that `--stages` may pick from, in order; `begins`:
    whether it can take up the weights that `--begin` names."""
    parser = argparse.ArgumentParser(prog=f"python -m playground.training.{starter}")
    parser.add_argument("--minutes", type=float, default=minutes, help=f"training budget (default {minutes:g})")
    parser.add_argument("--smoke", action="store_true", help="a few steps on a little data, to prove that it runs")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", type=Path, required=True, help="the folder with the training packs")
    parser.add_argument("--out", type=Path, default=None, help="where the weights go (default assets/starters)")
    parser.add_argument("--work", type=Path, default=None, help="where checkpoints go (default runs/<starter>)")
    parser.set_defaults(begin=None)
    if begins:
        parser.add_argument("--begin", type=Path, help="begin with the weights in this folder where they fit")
    parser.add_argument("--stages", default=",".join(stages), help=f"comma separated, of: {', '.join(stages)}")
    args = parser.parse_args(argv)
    chosen = tuple(args.stages.split(","))
    if unknown := set(chosen) - set(stages):
        parser.error(f"unknown stage {', '.join(sorted(unknown))}; there are {', '.join(stages)}")
    work = args.work or Path("runs") / (f"{starter}-smoke" if args.smoke else starter)
    out = args.out or (work / "out" if args.smoke else STARTERS / starter)
    work.mkdir(parents=True, exist_ok=True)
    return Options(
        minutes=args.minutes, smoke=args.smoke, device=pick_device(args.device), seed=args.seed,
        data=args.data, out=out, work=work, stages=chosen, begin=args.begin,
    )


def pick_device(wish: str) -> str:
    """"auto" becomes "cuda" where torch sees one, else "cpu"; torch's idle threads are told to sleep, not to spin."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import torch

    if wish == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return wish


def autocast(device: str):
    """bfloat16 where the device is fast in it; an older CPU is many times slower in it than in float32."""
    import torch

    can = torch.cpu.get_capabilities()
    fast = device != "cpu" or can.get("architecture") != "x86_64" or can.get("avx512_bf16") or can.get("amx_bf16")
    return torch.autocast(device, torch.bfloat16, enabled=bool(fast))


def compiled(options: Options, network):
    """The network with a compiled forward pass, where there is a compiler; it shares its weights."""
    import torch

    if options.smoke or options.device == "cpu" and not any(map(shutil.which, ("c++", "g++", "clang++"))):
        return network
    return torch.compile(network)


class Clock:
    """Counts a stage's training time across interruptions and says how much of its budget is spent."""

    def __init__(self, minutes: float, *, spent: float = 0.0) -> None:
        self.budget = minutes * 60
        self.begun = time.monotonic() - spent

    @property
    def spent(self) -> float:
        """Seconds trained so far."""
        return time.monotonic() - self.begun

    @property
    def progress(self) -> float:
        """0 at the start, 1 when the budget is spent."""
        return min(1.0, self.spent / self.budget)


def learning_rate(peak: float, progress: float, *, warmup: float = 0.02, floor: float = 0.0) -> float:
    """Linear warm-up, flat, then a linear fall to `floor * peak` over the last half of the budget."""
    if progress < warmup:
        return peak * max(progress / warmup, 0.02)
    return peak * max(floor, min(1.0, (1 - progress) / 0.5))


def save_checkpoint(path: Path, *, modules: dict, optimizers: list, step: int, spent: float) -> None:
    """Writes weights and optimizer state as one safetensors file, by way of a temporary file, so never a half one."""
    import torch
    from safetensors.torch import save_file

    tensors = {}
    for name, module in modules.items():
        for key, value in module.state_dict().items():
            tensors[f"module.{name}.{key}"] = value.detach().contiguous().clone()
    for number, optimizer in enumerate(optimizers):
        for index, state in optimizer.state_dict()["state"].items():
            for key, value in state.items():
                tensors[f"optimizer.{number}.{index}.{key}"] = torch.as_tensor(value).contiguous().clone()
    temporary = path.with_suffix(".part")
    save_file(tensors, temporary, metadata={"step": str(step), "spent": str(spent)})
    temporary.replace(path)


def load_checkpoint(path: Path, *, modules: dict, optimizers: list) -> tuple[int, float]:
    """Restores what `save_checkpoint` wrote; returns the step and the seconds spent, (0, 0.0) without a file."""
    from safetensors import safe_open

    if not path.exists():
        return 0, 0.0
    states: dict[str, dict] = {name: {} for name in modules}
    optimizer_states: list[dict] = [{} for _ in optimizers]
    with safe_open(path, framework="pt") as file:
        for key in file.keys():
            kind, name, rest = key.split(".", 2)
            if kind == "module" and name in states:
                states[name][rest] = file.get_tensor(key)
            elif kind == "optimizer" and int(name) < len(optimizers):
                index, field = rest.split(".", 1)
                optimizer_states[int(name)].setdefault(int(index), {})[field] = file.get_tensor(key)
        meta = file.metadata()
    for name, module in modules.items():
        module.load_state_dict(states[name])
    for optimizer, state in zip(optimizers, optimizer_states, strict=True):
        if state:
            optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    return int(meta["step"]), float(meta["spent"])


def clear_weights(folder: Path) -> None:
    """Removes older weights: a loader must not find two sets of shards in one folder."""
    for file in (*folder.rglob("*.safetensors"), *folder.rglob("*.safetensors.index.json")):
        file.unlink()


def machine(device: str) -> str:
    """The hardware in words, for facts.json."""
    import torch

    if device == "cuda":
        return torch.cuda.get_device_name(0)
    return f"{os.cpu_count()} CPU cores ({platform.machine()})"


def write_facts(folder: Path, facts: dict[str, Any]) -> None:
    """Merges `facts` into facts.json beside the weights; later stages add to what earlier ones wrote."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "facts.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(known | facts, indent=1, ensure_ascii=False) + "\n")


def say(text: str) -> None:
    """One line of a recipe's log, with the time, at once."""
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)
