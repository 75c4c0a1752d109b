"""The benchmark for graphics cards: its networks have the published sizes, and all of its code works in tiny sizes here."""

from __future__ import annotations

import json

import pytest
import torch

from playground import bench, bench_gpu, device


@pytest.mark.parametrize(("build", "parameters"), [  # of the denoiser or the language model, as published
    (bench_gpu.sdxl, 2.57e9), (bench_gpu.flux, 11.9e9), (bench_gpu.z_image, 6.15e9), (bench_gpu.llama, 8.03e9),
], ids=lambda value: getattr(value, "__name__", ""))
def test_the_full_sizes_are_the_published_ones(build, parameters):
    with torch.device("meta"):
        made = build(False)
    network = getattr(made, "unet", None) or getattr(made, "transformer", made)
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(parameters, rel=0.01)


def test_all_of_it_works_in_tiny_sizes(tmp_path, capsys):
    bench_gpu.main(tiny=True, runs=1, where=tmp_path / "figures.json")
    said, figures = capsys.readouterr().out, json.loads((tmp_path / "figures.json").read_text())
    assert "failed" not in said and "say nothing of speed" in said
    assert list(figures["models"]) == ["SDXL", "FLUX.1-dev", "Z-Image-Turbo", "Llama 8B"]
    for title, row in figures["models"].items():
        assert f"| {title}, " in said
        assert set(row["share"]) == {"plain", "exact", "fast"} and all(share > 0 for share in row["share"].values())
        assert row["limit"] > 0 and row["used"]["exact"] == []
    assert figures["models"]["FLUX.1-dev"]["used"]["fastest"] == ["first-block cache"]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is one")
def test_without_a_graphics_card_it_says_so():
    with pytest.raises(SystemExit, match="no CUDA device"):
        bench_gpu.main(tiny=False, runs=1, where=None)


def test_the_command_leads_to_it(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(device, "prepare_threads", lambda: None)
    monkeypatch.setattr(bench_gpu, "main", lambda **values: asked.append(values))
    bench.main(["--gpu", "--tiny", "--runs", "3", "--json", str(tmp_path)])
    bench.main(["--gpu"])
    assert asked == [{"tiny": True, "runs": 3, "where": tmp_path}, {"tiny": False, "runs": 5, "where": None}]


def test_operations_are_counted_by_steps():
    a, b = torch.randn(8, 16), torch.randn(16, 4)

    def draw(steps):
        for _ in range(steps):
            a @ b
        a.T @ a

    step, rest = 2 * 8 * 16 * 4, 2 * 16 * 8 * 16
    assert bench_gpu.operations(draw, 10) == 10 * step + rest
