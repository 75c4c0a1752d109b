"""What this machine offers: one device, chosen once, the only place that asks torch about hardware."""

from __future__ import annotations

import gc
import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Protocol

from playground.errors import PlaygroundError
from playground.wording import say

GPU_SHARE = 0.8
RAM_SHARE = 0.5
UNLIMITED = 2**60  # a control group of version 1 without a limit says a number beyond
BESIDE_SHARE = 0.7  # of the RAM beside a GPU, for models that wait there


@dataclass(frozen=True, kw_only=True)
class Device:
    """A place to run models. name: torch's name ("cpu", "cuda:0", "mps", "xpu"); title: for people;
    free_memory in bytes when it was measured, of a CPU all RAM that this process may have; available: of that RAM, what
    can be given to models now, 0 where that was not measured; dtype: "float32" or "bfloat16" or "float16"; placement: how
    a model is to be put there (playground.placement); ram: bytes of the computer's own memory beside a GPU, 0 where that
    is not known or is the same memory."""

    name: str
    title: str
    free_memory: int
    dtype: str
    threads: int
    placement: str = "whole"
    ram: int = 0
    available: int = 0

    @property
    def cap(self) -> int:
        """Bytes that models together may take at most: 80 % of a GPU's free memory, else half of the RAM."""
        return int(self.free_memory * (RAM_SHARE if self.name == "cpu" else GPU_SHARE))

    @property
    def budget(self) -> int:
        """Bytes that models together may take now: other programs may have left less than the cap."""
        return min(self.cap, self.available) if self.available else self.cap

    @property
    def limit(self) -> int:
        """Bytes beyond which there is no memory at all. Half of the RAM is a matter of courtesy, so that a CPU's budget is
        below it; a GPU's is not, because what is left there is needed to work in."""
        return (self.available or self.free_memory) if self.name == "cpu" else self.budget

    @property
    def ram_budget(self) -> int:
        """Bytes of RAM beside a GPU that waiting models may take; 0 on a CPU, whose budget is of that memory already."""
        return int(self.ram * BESIDE_SHARE)


class Probe(Protocol):
    """What `choose` asks about the hardware; tests give one of their own."""

    def cuda_devices(self) -> list[tuple[str, int]]: ...  # (title, free bytes) of each
    def mps(self) -> bool: ...
    def xpu(self) -> bool: ...
    def ram(self) -> int: ...
    def bf16(self, kind: str) -> bool: ...
    def threads(self) -> int: ...


class TorchProbe:
    """Asks torch and psutil."""

    def cuda_devices(self) -> list[tuple[str, int]]:
        import torch

        if not torch.cuda.is_available():
            return []
        return [
            (torch.cuda.get_device_name(i), torch.cuda.mem_get_info(i)[0]) for i in range(torch.cuda.device_count())
        ]

    def mps(self) -> bool:
        import torch

        return torch.backends.mps.is_available()

    def xpu(self) -> bool:
        import torch

        return hasattr(torch, "xpu") and torch.xpu.is_available()

    def ram(self) -> int:
        return ram_now()[0]

    def bf16(self, kind: str) -> bool:
        import torch

        return kind == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)

    def threads(self) -> int:
        import torch

        return torch.get_num_threads()


def choose(wish: str = "auto", probe: Probe | None = None) -> Device:
    """The device for a wish of auto, cuda, cuda:N, mps, xpu or cpu; a PlaygroundError where it is not there.

    mps and xpu follow torch's documentation and were not run on such hardware.
    """
    probe = probe or TorchProbe()
    kind, _, index = wish.partition(":")
    numbered = kind == "cuda" and index.isascii() and index.isdigit()
    if kind not in ("auto", "cuda", "mps", "xpu", "cpu") or (index and not numbered):
        raise PlaygroundError(say("device.unknown", wish=wish))
    gpus = probe.cuda_devices() if kind in ("auto", "cuda") else []
    if kind == "cuda" and int(index or 0) >= len(gpus):
        raise PlaygroundError(say("device.too_few", wish=wish, count=len(gpus)))
    if gpus:
        number = int(index) if index else max(range(len(gpus)), key=lambda i: gpus[i][1])
        title, free = gpus[number]
        dtype = "bfloat16" if probe.bf16("cuda") else "float16"
        return Device(
            name=f"cuda:{number}", title=title, free_memory=free, dtype=dtype, threads=probe.threads(), ram=probe.ram()
        )
    for other, there, title in (("xpu", probe.xpu, "Intel GPU"), ("mps", probe.mps, "Apple GPU")):
        if kind in ("auto", other) and there():
            dtype = "bfloat16" if other == "xpu" else "float16"
            beside = probe.ram() if other == "xpu" else 0  # an Apple GPU works in the computer's own memory
            return Device(
                name=other, title=title, free_memory=probe.ram() // 2, dtype=dtype, threads=probe.threads(), ram=beside
            )
        if kind == other:
            raise PlaygroundError(say("device.not_there", wish=other))
    return Device(name="cpu", title="CPU", free_memory=probe.ram(), dtype="float32", threads=probe.threads())


def prepare_threads() -> None:
    """Lets torch's idle threads sleep instead of spin, so that the page stays quick; before torch is imported."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("DO_NOT_TRACK", "1")


def measured(device: Device) -> Device:
    """The device with its memory measured again: other programs use it too. What torch has taken on a GPU for this process
    counts as free, because the pool gives it out; what models hold of the RAM does not, and the pool adds it. Memory of
    other kinds of device is as it was at the start."""
    if device.name == "cpu":
        total, available = ram_now()
        return replace(device, free_memory=total, available=max(1, available))
    if not device.name.startswith("cuda"):
        return device
    import torch

    free, _ = torch.cuda.mem_get_info(device.name)
    return replace(device, free_memory=free + torch.cuda.memory_reserved(device.name))


def give_back() -> None:
    """Returns memory that nothing uses any more to the GPU's driver and to the system.

    glibc keeps what was freed in small pieces for itself: without malloc_trim a process that changed its model often held
    a tenth more here now and then, and on a machine with little memory that is what makes it swap.
    """
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
        if (empty := getattr(torch._C, "_host_emptyCache", None)) is not None:  # pinned memory has a cache of its own
            empty()
    if sys.platform == "linux":
        import ctypes

        if (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)) is not None:
            trim(0)


def ram_now(*, system: Path = Path("/")) -> tuple[int, int]:
    """Bytes of RAM that this process may have, and that are available to it now: the computer's own, or a container's."""
    import psutil

    memory = psutil.virtual_memory()
    total, available = memory.total, memory.available
    for limit, used in container_memory(system):
        total, available = min(total, limit), min(available, max(0, limit - used))
    return total, available


def container_memory(system: Path = Path("/")) -> list[tuple[int, int]]:
    """The limit and the used bytes of each control group around this process that limits its memory, in both versions of
    Linux's control groups. What files were read counts as free, since the system gives it back."""
    made = []
    try:
        lines = (system / "proc/self/cgroup").read_text(encoding="utf8").splitlines()
    except (OSError, ValueError):
        return made
    for line in lines:
        _, _, rest = line.partition(":")
        kinds, _, own = rest.partition(":")
        if not kinds:
            root, limit_name, used_name = system / "sys/fs/cgroup", "memory.max", "memory.current"
        elif "memory" in kinds.split(","):
            root, limit_name, used_name = system / "sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes"
        else:
            continue
        own_path = PurePosixPath(own.lstrip("/"))
        for group in dict.fromkeys(root / one for one in (own_path, *own_path.parents)):  # within a container it is the root
            try:
                limit = int((group / limit_name).read_text(encoding="ascii"))
                used = int((group / used_name).read_text(encoding="ascii")) - files_in_memory(group / "memory.stat")
            except (OSError, ValueError):  # "max", or no such group where this process stands
                continue
            if 0 < limit < UNLIMITED:
                made.append((limit, max(0, used)))
    return made


def files_in_memory(stat: Path) -> int:
    """Bytes of a control group that hold files which can be read again; 0 where it does not say."""
    counted = dict(line.split(" ", 1) for line in stat.read_text(encoding="ascii").splitlines() if " " in line)
    first = "total_" if "total_inactive_file" in counted else ""  # version 1 counts the groups within beside it
    return sum(int(counted.get(f"{first}{name}_file", 0)) for name in ("inactive", "active"))
