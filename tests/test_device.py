"""Which device is chosen, on hardware that a fake probe pretends to be there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import SimpleNamespace

import pytest

from playground.device import Device, TorchProbe, choose, container_memory, give_back, measured
from playground.errors import PlaygroundError

RAM = 16_000_000_000
GPUS = (("Small GPU", 4_000_000_000), ("Large GPU", 40_000_000_000))


@dataclass
class FakeProbe:
    """Hardware as told."""

    gpus: tuple[tuple[str, int], ...] = ()
    has_mps: bool = False
    has_xpu: bool = False
    has_bf16: bool = True

    def cuda_devices(self):
        return list(self.gpus)

    def mps(self):
        return self.has_mps

    def xpu(self):
        return self.has_xpu

    def ram(self):
        return RAM

    def bf16(self, kind):
        return self.has_bf16

    def threads(self):
        return 6


ALL = FakeProbe(gpus=GPUS, has_mps=True, has_xpu=True)


@pytest.mark.parametrize(
    ("wish", "probe", "name", "dtype", "free"),
    [
        ("auto", FakeProbe(), "cpu", "float32", RAM),
        ("auto", ALL, "cuda:1", "bfloat16", GPUS[1][1]),
        ("auto", FakeProbe(gpus=GPUS[:1], has_bf16=False), "cuda:0", "float16", GPUS[0][1]),
        ("auto", FakeProbe(has_mps=True, has_xpu=True), "xpu", "bfloat16", RAM // 2),
        ("auto", FakeProbe(has_mps=True), "mps", "float16", RAM // 2),
        ("cpu", ALL, "cpu", "float32", RAM),
        ("cuda", ALL, "cuda:1", "bfloat16", GPUS[1][1]),
        ("cuda:0", ALL, "cuda:0", "bfloat16", GPUS[0][1]),
        ("cuda:1", ALL, "cuda:1", "bfloat16", GPUS[1][1]),
        ("mps", ALL, "mps", "float16", RAM // 2),
        ("xpu", ALL, "xpu", "bfloat16", RAM // 2),
    ],
)
def test_the_wish_and_the_hardware_decide(wish, probe, name, dtype, free):
    device = choose(wish, probe)
    assert (device.name, device.dtype, device.free_memory, device.threads) == (name, dtype, free, 6)
    assert device.title
    assert device.ram == (0 if name in ("cpu", "mps") else RAM), "a GPU of its own has RAM beside it"


@pytest.mark.parametrize("wish", ["cuda", "cuda:0", "mps", "xpu"])
def test_hardware_that_is_not_there_is_said(wish):
    with pytest.raises(PlaygroundError, match=rf"^{wish} was asked for, but torch .* Use --device auto\.$"):
        choose(wish, FakeProbe())


def test_a_gpu_number_too_high_is_said():
    with pytest.raises(PlaygroundError, match="cuda:2 was asked for, but torch sees 2 CUDA devices"):
        choose("cuda:2", ALL)


@pytest.mark.parametrize(
    "wish", ["", "gpu", "cuda:x", "cuda:-1", "cuda:²", "cuda:٣", "cpu:0", "mps:1", "auto:0", "CUDA"]
)
def test_an_unknown_device_is_said_with_what_there_is(wish):
    with pytest.raises(PlaygroundError, match="There is no device called .* Use auto, cuda, cuda:1, mps, xpu or cpu"):
        choose(wish, ALL)


def test_the_gpu_is_not_asked_for_a_wish_of_cpu():
    class Silent(FakeProbe):
        def cuda_devices(self):
            raise AssertionError("asked the GPUs")

    assert choose("cpu", Silent()).name == "cpu"


@pytest.mark.parametrize(("name", "budget"), [("cpu", 50), ("cuda:0", 80), ("mps", 80)])
def test_the_budget_leaves_room_for_others(name, budget):
    assert Device(name=name, title="", free_memory=100, dtype="float32", threads=1).budget == budget


def test_ram_beside_a_gpu_is_given_out_in_part():
    device = choose("cuda", ALL)
    assert 0 < device.ram_budget < device.ram and choose("cpu", ALL).ram_budget == choose("mps", ALL).ram_budget == 0


def test_a_gpus_memory_is_measured_again_and_what_is_torchs_own_counts_as_free(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (3_000, 9_000))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 2_000)
    assert measured(choose("cuda:0", ALL)) == replace(choose("cuda:0", ALL), free_memory=5_000)
    for wish in ("mps", "xpu"):
        assert measured(choose(wish, ALL)) == choose(wish, ALL)


def test_a_computers_memory_is_measured_again_and_its_cap_stays(monkeypatch):
    import psutil

    memory = SimpleNamespace(total=1_000, available=300)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    monkeypatch.setattr("playground.device.container_memory", lambda system: [])
    now = measured(choose("cpu", ALL))
    assert (now.cap, now.budget, now.limit) == (500, 300, 300)
    memory.available = 900
    now = measured(now)
    assert (now.cap, now.budget, now.limit) == (500, 500, 900)
    monkeypatch.setattr("playground.device.container_memory", lambda system: [(400, 100), (800, 790)])
    now = measured(now)
    assert (now.cap, now.budget, now.limit) == (200, 10, 10), "the narrowest of the containers around it"


@pytest.mark.parametrize(("files", "expected"), [
    ({}, []),
    ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n", "sys/fs/cgroup/memory.current": "9\n"}, []),
    ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "800\n", "sys/fs/cgroup/memory.current": "500\n",
      "sys/fs/cgroup/memory.stat": "anon 5\ninactive_file 100\nactive_file 50\n"}, [(800, 350)]),
    ({"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/memory.max": "800\n", "sys/fs/cgroup/a/memory.current": "500\n",
      "sys/fs/cgroup/a/memory.stat": "", "sys/fs/cgroup/a/b/memory.max": "600\n", "sys/fs/cgroup/a/b/memory.current": "50\n",
      "sys/fs/cgroup/a/b/memory.stat": ""}, [(600, 50), (800, 500)]),
    ({"proc/self/cgroup": "4:memory:/docker/x\n1:cpu:/docker/x\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "700",
      "sys/fs/cgroup/memory/memory.usage_in_bytes": "300",
      "sys/fs/cgroup/memory/memory.stat": "inactive_file 1\ntotal_inactive_file 20\ntotal_active_file 30"}, [(700, 250)]),
    ({"proc/self/cgroup": "4:memory:/\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
      "sys/fs/cgroup/memory/memory.usage_in_bytes": "300", "sys/fs/cgroup/memory/memory.stat": ""}, []),
])
def test_a_containers_limit_is_found(tmp_path, files, expected):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert container_memory(tmp_path) == expected


def test_memory_is_given_back_where_there_is_no_gpu():
    import gc
    import weakref

    class Ring:
        def __init__(self) -> None:
            self.itself = self

    ring = weakref.ref(Ring())
    gc.disable()
    try:
        assert ring() is not None
        give_back()
        assert ring() is None
    finally:
        gc.enable()


def test_bf16_that_torch_would_only_emulate_does_not_count(monkeypatch):
    """A GPU of 2018 (compute capability 7.5) as torch describes it."""
    import torch

    monkeypatch.setattr(torch.version, "hip", None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "_check_bf16_tensor_supported", lambda device: True, raising=False)
    for major, there in ((7, False), (8, True)):
        described = type("Properties", (), {"major": major})
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device, described=described: described)
        assert TorchProbe().bf16("cuda") is there


def test_the_real_probe_finds_a_cpu():
    device = choose("cpu", TorchProbe())
    assert device.free_memory > 100_000_000
    assert device.threads >= 1
