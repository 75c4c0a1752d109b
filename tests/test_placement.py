"""Which placement a model gets, by bytes, and what is advised where it gets none."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PIL import Image

from playground.catalog import STARTERS, ModelCard
from playground.device import Device
from playground.footprints import Footprints
from playground.placement import fits, fitting, instead, need, sizes, smaller
from playground.requests import (
    ImageToImageRequest,
    SuperResolutionRequest,
    TextGenerationRequest,
    TextToImageRequest,
    TextToSpeechRequest,
)

GB = 10**9


def card(memory: float, *, largest: float = 0, adapter: str = "diffusion", name: str = "model") -> ModelCard:
    return ModelCard(
        id=name, title=name.capitalize(), sentence="-", bad_at="-", tasks=frozenset({"text_to_image"}), adapter=adapter,
        licence="-", training_data="-", memory=int(memory * GB), largest=int(largest * GB), repository="someone/model",
        bits=16,
    )


def gpu(gigabytes: float, *, ram: float = 64, name: str = "cuda:0") -> Device:
    return Device(name=name, title="-", free_memory=int(gigabytes * GB), dtype="bfloat16", threads=1, ram=int(ram * GB))


CPU = Device(name="cpu", title="-", free_memory=16 * GB, dtype="float32", threads=1)
FLUX, SDXL = card(33.7, largest=23.8, name="flux"), card(6.94, largest=5.14, name="sdxl")


@pytest.mark.parametrize(("model", "device", "expected"), [
    (FLUX, gpu(80), "whole"), (FLUX, gpu(43), "whole"), (FLUX, gpu(42), "offload"), (FLUX, gpu(30), "offload"),
    (FLUX, gpu(29), "fp8"), (FLUX, gpu(18), "fp8"), (FLUX, gpu(17), None),
    (FLUX, gpu(24, ram=32), None),  # the weights must wait somewhere
    (FLUX, gpu(24, ram=0), "fp8"),  # where RAM is not known, it is not asked for
    (SDXL, gpu(12), "whole"), (SDXL, gpu(8), "offload"), (SDXL, gpu(6), "fp8"), (SDXL, gpu(3), None),
    (SDXL, gpu(6, name="xpu"), None), (SDXL, gpu(8, name="xpu"), "offload"),
    (SDXL, gpu(8, name="mps"), None), (SDXL, gpu(9, name="mps"), "whole"),
    (card(16, adapter="text"), gpu(20), "whole"), (card(16, adapter="text"), gpu(19), "offload"),
    (card(16, adapter="text"), gpu(7), None), (card(62, adapter="text"), gpu(8, ram=128), "offload"),
    (card(62, adapter="text"), gpu(8), None), (card(16, adapter="text"), gpu(19, name="mps"), None),
    (card(4, adapter="upscale"), CPU, "whole"), (card(4.1, adapter="upscale"), CPU, None),
    (card(3.9), CPU, "whole"), (card(4.1), CPU, None),  # twice its 16-bit weights
    (replace(card(7.9), bits=0), CPU, "whole"), (replace(card(7.9), bits=32), CPU, "whole"),
    (replace(FLUX, bits=32), gpu(22), "whole"), (replace(FLUX, bits=32), gpu(15), "offload"),  # read into half of it
    (replace(card(4.1), bits=0, id="own-model", repository=""), CPU, None),  # of 16 bits, where it does not say
    (replace(card(2.1, adapter="speech"), bits=16), gpu(5), None),  # a voice in float32 everywhere
    (replace(card(2.1, adapter="speech"), bits=16, pipeline="DiaForConditionalGeneration"), gpu(5), "whole"),
])
def test_the_best_placement_that_fits(model, device, expected):
    assert fits(model, device) == expected


def test_all_that_fit_are_known_in_order():
    assert fitting(SDXL, gpu(12)) == ("whole", "offload", "fp8")
    assert fitting(SDXL, gpu(7)) == ("offload", "fp8")


def test_what_was_measured_counts_and_not_the_card():
    known = Footprints()
    assert fits(SDXL, gpu(12), footprint=known) == "whole"
    known.loaded(SDXL, "bfloat16", "whole", weights=10 * GB)
    assert fits(SDXL, gpu(12), footprint=known) == "offload"
    assert fits(SDXL, replace(gpu(12), dtype="float16"), footprint=known) == "whole"
    known.loaded(SDXL, "bfloat16", "offload", weights=10 * GB)
    known.ran(SDXL, "bfloat16", "offload", peak=11 * GB)  # 12 - 9.6 of it are left for working
    assert need(SDXL, gpu(12), "offload", footprint=known).device == 11 * GB - (12 * GB - gpu(12).budget)
    assert fits(SDXL, gpu(10), footprint=known) == "fp8"


def test_a_peak_counts_beyond_what_is_left_free_for_working():
    known = Footprints()
    known.loaded(SDXL, "bfloat16", "whole", weights=7 * GB)
    known.ran(SDXL, "bfloat16", "whole", peak=9 * GB)
    assert fits(SDXL, gpu(9.5), footprint=known) == "whole"
    known.ran(SDXL, "bfloat16", "whole", peak=12 * GB)
    known.ran(SDXL, "bfloat16", "whole", peak=12 * GB)
    assert fits(SDXL, gpu(9.5), footprint=known) == "offload"


def test_the_largest_smaller_model_that_fits_is_offered():
    others = [card(2, name="small"), card(5, name="middle"), card(20, name="large"), SDXL]
    assert instead(SDXL, others, gpu(10)).id == "middle"
    assert instead(SDXL, others[:1], gpu(10)).id == "small"
    assert instead(FLUX, others, gpu(4)).id == "sdxl"  # in 8 bits
    assert instead(SDXL, others, gpu(1)) is None and instead(SDXL, [], gpu(10)) is None


def test_what_worked_on_a_cpu_may_go_over_its_half_but_not_over_what_there_is():
    known, large = Footprints(), card(4.1)
    known.loaded(large, "float32", "whole", weights=9 * GB)
    assert fits(large, CPU) is None and fits(large, CPU, footprint=known) == "whole"
    assert fits(large, replace(CPU, available=9 * GB), footprint=known) == "whole"
    assert fits(large, replace(CPU, available=9 * GB - 1), footprint=known) is None
    known.loaded(large, "bfloat16", "whole", weights=9 * GB)
    assert fits(large, gpu(11), footprint=known) == "offload", "a GPU needs the rest to work in"


def test_a_text_model_that_fetches_its_layers_is_not_advised():
    large, small = card(16, adapter="text", name="large"), card(3, adapter="text", name="small")
    assert instead(card(62, adapter="text"), [large, small], gpu(19)) is small
    assert instead(card(62, adapter="text"), [large, small], gpu(24)) is large


def test_a_starter_is_named_only_where_there_is_nothing_else():
    starter = replace(card(1), id="starter", repository="", folder=STARTERS / "starter")
    assert instead(SDXL, [starter, card(0.5, name="small")], gpu(10)).id == "small"
    assert instead(SDXL, [starter], gpu(10)).id == "starter"


@pytest.mark.parametrize(("counts", "words"), [
    ((7 * GB, 5 * GB), ("7.0 GB", "5.0 GB")), ((7_040_000_000, 6_980_000_000), ("7.04 GB", "6.98 GB")),
    ((135_000_000, 90_000_000), ("135 MB", "90 MB")), ((2 * GB, 60_000_000), ("2.0 GB", "60 MB")),
    ((28_400_000, 28_100_000), ("28.4 MB", "28.1 MB")), ((40, 35), ("40 bytes", "35 bytes")), ((5, 5), ("5 bytes", "5 bytes")),
    ((8_000, 500), ("8 kB", "500 bytes")),
])
def test_sizes_that_differ_are_said_so_that_they_do(counts, words):
    assert sizes(*counts) == words


PICTURE = Image.new("RGB", (64, 64))


@pytest.mark.parametrize(("request_", "advice"), [
    (TextToImageRequest(prompt="a", width=1024, height=1024), "Try 768x768, or a smaller model."),
    (TextToImageRequest(prompt="a", width=1024, height=512), "Try 768x384, or a smaller model."),
    (TextToImageRequest(prompt="a", width=1024, height=1024, num_images=4), "Make fewer at a time."),
    (TextToImageRequest(prompt="a", width=64, height=64), "Choose a smaller size or fewer results"),
    (ImageToImageRequest(prompt="a", image=PICTURE), "Choose a smaller size or fewer results"),
    (SuperResolutionRequest(image=PICTURE, tile=256), "Try tiles of 128 pixels."),
    (SuperResolutionRequest(image=PICTURE, tile=0), "Try tiles of 256 pixels."),
    (SuperResolutionRequest(image=PICTURE, tile=64), "Choose a smaller size or fewer results"),
    (TextGenerationRequest(prompt="a"), "Try a shorter text"),
    (TextToSpeechRequest(text="a"), "Choose a smaller size or fewer results"),
])
def test_a_smaller_request_is_offered(request_, advice):
    sentence = smaller(request_, SDXL)
    assert sentence.startswith("Sdxl ran out of memory") and advice in sentence


def test_a_smaller_size_is_one_that_the_model_takes():
    from playground.requests import Limits

    fixed = replace(SDXL, limits={side: Limits(low=512, high=512, multiple_of=8) for side in ("width", "height")})
    assert "Try" not in smaller(TextToImageRequest(prompt="a", width=512, height=512), fixed)
