"""Where weights stand: parts that take turns, 8 bits, tiles, another precision; on tiny checkpoints, without a GPU.

accelerate's hooks work from RAM to RAM too, so that all but the copies themselves is run here.
"""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from playground import pipelines
from playground.catalog import PICTURE_TASKS, Catalog, ModelCard
from playground.device import Device
from playground.engine import Engine
from playground.errors import OutOfMemory, Unexpected
from playground.events import Done, Notice
from playground.pipelines.placing import PlacedNetwork, PlacedPipeline, lost, weight_bytes
from playground.placement import possible
from playground.pool import ModelPool
from playground.requests import ImageToImageRequest, InpaintingRequest, TextGenerationRequest, TextToImageRequest
from tests import tiny_diffusion, tiny_flow, tiny_text
from tests.fakes import OutOfMemoryError

CPU = Device(name="cpu", title="CPU", free_memory=8_000_000_000, dtype="float32", threads=1)
GPU = replace(CPU, name="cuda:0")
HALF = replace(CPU, dtype="bfloat16")
FLOAT8 = torch.float8_e4m3fn
UPLOAD = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
MASK = Image.new("L", (64, 64))
MASK.paste(255, (16, 16, 48, 48))
SIZE = {"width": 64, "height": 64, "steps": 2, "guidance_scale": 3.0, "seed": 3, "model": "tiny"}
REQUESTS = {
    "text_to_image": TextToImageRequest(prompt="a red cup", **SIZE),
    "image_to_image": ImageToImageRequest(prompt="a red cup", image=UPLOAD, strength=1.0, **SIZE),
    "inpainting": InpaintingRequest(prompt="a red cup", image=UPLOAD, mask=MASK, strength=1.0, **SIZE),
}


@pytest.fixture(autouse=True, scope="module")
def what_is_there_stays():
    """Spares the many collections of garbage, accelerate's own too, the objects of the libraries."""
    import diffusers

    pipelines.warm_up()
    assert diffusers.StableDiffusionPipeline
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(scope="module")
def card_of(tmp_path_factory):
    """The card of a tiny family."""
    made: dict[str, ModelCard] = {}

    def find(family: str) -> ModelCard:
        if family not in made:
            folder = getattr(tiny_flow if family == "flux" else tiny_diffusion, family)(tmp_path_factory.mktemp("tiny") / family)
            made[family] = ModelCard(
                id="tiny", title="Tiny", sentence="-", bad_at="-", tasks=PICTURE_TASKS, adapter="diffusion", licence="-",
                training_data="-", memory=1, folder=folder,
                options={"edits_by_instruction": True} if family == "flux2_klein" else {},
            )
        return made[family]

    return find


@pytest.fixture
def model_of(card_of):
    """Loads a tiny family, and closes it."""
    made = []

    def load(family: str = "stable_diffusion", device: Device = CPU, placement: str = "whole"):
        made.append(pipelines.load(card_of(family), replace(device, placement=placement)))
        return made[-1]

    yield load
    for model in made:
        model.close()


def drawn(model, task: str = "text_to_image") -> np.ndarray:
    """The picture of a run."""
    return np.asarray(model.run(REQUESTS[task], lambda event: None).images[0]).astype(float)


# Parts that take turns


@pytest.mark.parametrize("family", ["stable_diffusion", "flux2_klein"])
def test_parts_that_take_turns_draw_the_same_for_every_task_in_any_order(model_of, family):
    whole, turns = model_of(family), model_of(family, placement="offload")
    for task in ("text_to_image", "image_to_image", "inpainting", "text_to_image", "inpainting"):
        assert (drawn(turns, task) == drawn(whole, task)).all(), task
        hooked = {id(pipe) for pipe in turns._sisters.values() if getattr(pipe, "_all_hooks", None)}
        assert len(hooked) == 1, "two pipelines have hooks on the same networks"
    assert turns.used == ("parts take turns on the GPU",) and whole.used == ()
    assert turns.part_bytes < turns.nbytes == whole.nbytes == whole.part_bytes


def test_each_part_is_fetched_and_the_one_before_sent_back_in_the_pipelines_order(model_of):
    model, seen = model_of(placement="offload"), []
    for name in ("text_encoder", "unet", "vae"):
        hook = getattr(model._pipe, name)._hf_hook
        fetch, send = hook.pre_forward, hook.init_hook
        hook.pre_forward = lambda *a, fetch=fetch, name=name, **k: (seen.append(f"+{name}"), fetch(*a, **k))[1]
        hook.init_hook = lambda *a, send=send, name=name: (seen.append(f"-{name}"), send(*a))[1]
    drawn(model)
    assert list(dict.fromkeys(seen)) == ["+text_encoder", "+unet", "+vae"]


def test_no_preview_drives_the_denoiser_out(model_of):
    events = []
    long = replace(REQUESTS["text_to_image"], steps=6)
    model_of(placement="offload").run(long, events.append)
    assert len(events) == 6 and not any(event.preview for event in events)
    events.clear()
    model_of().run(long, events.append)
    assert any(event.preview for event in events)


def test_a_model_whose_parts_take_turns_is_closed_whole(card_of):
    model = pipelines.load(card_of("stable_diffusion"), replace(CPU, placement="offload"))
    drawn(model)
    held = [weakref.ref(next(part.parameters())) for part in model.parts()]
    assert len(held) == 3
    model.close()
    del model
    gc.collect()
    assert all(weight() is None for weight in held)


# 8 bits


@pytest.mark.parametrize("family", ["stable_diffusion", "flux2_klein", "z_image", "flux"])
def test_weights_in_8_bits_draw_nearly_the_same_and_stay_so(model_of, family):
    whole, narrow = model_of(family, HALF), model_of(family, HALF, placement="fp8")
    weights = narrow.nbytes
    assert weights < whole.nbytes
    for task in ("text_to_image", "inpainting", "text_to_image"):
        difference = np.abs(drawn(narrow, task) - drawn(whole, task)).mean()
        assert difference < 40, task  # of 255; two unlike pictures of noise differ by 85
        assert sum(weight_bytes(part) for part in narrow.parts()) <= weights, "a sister's making widened the weights"
    kinds = {t.dtype for t in (getattr(narrow._pipe, "unet", None) or narrow._pipe.transformer).parameters()}
    assert kinds == {FLOAT8, torch.bfloat16}
    assert {t.dtype for t in narrow._pipe.vae.parameters()} == {torch.bfloat16}
    assert FLOAT8 in {t.dtype for t in narrow._pipe.text_encoder.parameters()}
    assert narrow.used == ("parts take turns on the GPU, in 8 bits",)


# Rest


def test_weights_rest_and_wake_without_a_change(model_of, tmp_path):
    model = model_of()
    before = drawn(model)
    model.rest(pin=True)  # from a CPU there is nothing to lock
    model.wake()
    assert (drawn(model) == before).all()
    assert all(t.device.type == "cpu" for part in model.parts() for t in part.parameters())


class Moved(torch.nn.Linear):
    """A layer that writes down where it is sent, and goes nowhere."""

    def __init__(self) -> None:
        super().__init__(2, 2)
        self.sent: list = []

    def to(self, *args, **kwargs):
        self.sent.append(args[0])
        return self


def test_a_network_goes_to_ram_and_back_to_the_device_where_it_stood():
    model = PlacedNetwork()
    model.network = Moved()
    model.placed_on("xpu")
    model.rest(pin=True)
    model.wake()
    assert model.network.sent == ["cpu", "xpu"] and model.used == ("whole on the GPU",)
    assert model.part_bytes == 24 and model.ease(1) is None and model.ease(2) is None
    model.network = None
    assert model.parts() == () and model.part_bytes == 0


def test_text_voices_and_enlargers_are_placed_too(tmp_path):
    folder = tiny_text.llama(tmp_path / "llama")
    card = ModelCard(
        id="t", title="T", sentence="-", bad_at="-", tasks=frozenset({"text_generation"}), adapter="text", licence="-",
        training_data="-", memory=1, folder=folder,
    )
    model = pipelines.load(card, CPU)
    assert isinstance(model, PlacedNetwork) and model.parts() == (model.network,) and model.part_bytes == model.nbytes
    model.close()
    assert model.parts() == ()


# Out of memory


class FakePipe:
    """A pipeline that is told to let its parts take turns."""

    model_cpu_offload_seq = "unet->vae"
    vae = None

    def __init__(self) -> None:
        self.components = {}
        self.devices: list[str] = []
        self._all_hooks: list = []

    def enable_model_cpu_offload(self, device: str) -> None:
        self.devices.append(device)
        self._all_hooks = ["hook"]


def test_parts_begin_to_take_turns_where_memory_ran_out(card_of):
    model, sister = PlacedPipeline(), FakePipe()
    model.card, model._pipe = card_of("stable_diffusion"), FakePipe()
    model.placed_on("xpu")
    assert model.ease(1) is None, "there is nothing to decode in tiles"
    assert model.ease(2).startswith("Tiny ran out of memory, so its parts take turns")
    assert model.ease(2) is None and model.placement == "offload" and model._pipe.devices == ["xpu"]
    assert model.attach(model._pipe).devices == ["xpu"]
    assert model.attach(sister).devices == ["xpu"] and model._pipe._all_hooks == []


def test_a_cpu_has_no_turns_to_take(model_of):
    model = model_of()
    assert model.ease(1).startswith("Tiny ran out of memory, so it decodes") and model._pipe.vae.use_tiling
    assert model.ease(1) is None and model.ease(2) is None
    assert model.used == ("decoded in tiles",)


def failing(network, times: int):
    """Makes a network's next calls run out of memory."""
    left = [times]

    def fail(*_):
        left[0] -= 1
        if left[0] >= 0:
            raise OutOfMemoryError("CUDA out of memory.")

    return network.register_forward_pre_hook(fail)


@pytest.fixture
def engine(card_of):
    """An engine with a tiny pipeline on a CPU."""
    engine = Engine(
        catalog=Catalog((card_of("stable_diffusion"),)), pool=ModelPool(choose=lambda: CPU, load=pipelines.load)
    )
    yield engine
    engine.close()


def asked(engine, **changes) -> tuple[list[str], np.ndarray, tuple[str, ...]]:
    """A run's notices, its picture, and what was used."""
    events = [e for e in engine.run(replace(REQUESTS["text_to_image"], **changes), "a") if e is not None]
    assert isinstance(events[-1], Done)
    result = events[-1].result
    return [e.text for e in events if isinstance(e, Notice)], np.asarray(result.images[0]), result.used


@pytest.mark.parametrize("where", ["unet", "decoder"])
def test_a_run_that_is_out_of_memory_once_is_made_again_and_draws_nearly_the_same(engine, card_of, where):
    told, before, used = asked(engine)
    assert not told and not used
    with engine.pool.lease(card_of("stable_diffusion"), lambda event: None) as model:
        hook = failing(model._pipe.unet if where == "unet" else model._pipe.vae.decoder, 1)
    told, again, used = asked(engine)
    hook.remove()
    assert told == ["Tiny ran out of memory, so it decodes its pictures in tiles now."] and used == ("decoded in tiles",)
    assert np.abs(again.astype(float) - before).mean() < 30  # of 255; each small tile has norms of its own
    assert (asked(engine)[1] == again).all()


def test_a_run_that_is_out_of_memory_twice_offers_a_smaller_size_and_the_next_one_works(engine, card_of):
    asked(engine)
    with engine.pool.lease(card_of("stable_diffusion"), lambda event: None) as model:
        hook = failing(model._pipe.unet, 2)
    with pytest.raises(OutOfMemory, match="Try 128x128, or a smaller model"):
        asked(engine, width=192, height=192)
    hook.remove()
    told, picture, used = asked(engine)
    assert not told and np.ptp(picture) > 0 and used == ("decoded in tiles",)


# No numbers, or black


def nan_in(network, *dtypes):
    """Makes a network give no numbers while its weights have one of these dtypes."""

    def spoil(module, inputs, output):
        if next(module.parameters()).dtype not in dtypes:
            return None
        return (output[0] * float("nan"),) if isinstance(output, tuple) else output * float("nan")

    return network.register_forward_hook(spoil)


def notices(model, task: str = "text_to_image") -> list[str]:
    """What a run told, which must give a picture with something in it."""
    events = []
    result = model.run(REQUESTS[task], events.append)
    assert np.ptp(np.asarray(result.images[0])) > 0
    return [event.text for event in events if isinstance(event, Notice)]


@pytest.mark.parametrize(("first", "second"), [("bfloat16", "float32"), ("float16", "bfloat16")])
def test_a_picture_without_numbers_is_made_again_in_another_dtype(model_of, first, second):
    model = model_of(device=replace(CPU, dtype=first))
    nan_in(model._pipe.unet, getattr(torch, first))
    assert notices(model) == [
        f"Tiny made nothing in its first precision, so it works in {second} now and the picture was made again."
    ]
    assert model.dtype == second and model.used == (second,)
    assert {t.dtype for part in model.parts() for t in part.parameters()} == {getattr(torch, second)}
    assert model.nbytes == sum(weight_bytes(part) for part in model.parts())
    assert notices(model, "image_to_image") == notices(model, "inpainting") == []


def test_the_second_picture_is_the_one_that_the_other_dtype_would_have_drawn(model_of):
    """The weights are of 16 bits already, so that float32 made of bfloat16 is known."""
    widened = model_of(device=HALF)
    nan_in(widened._pipe.unet, torch.bfloat16)
    first = drawn(widened)
    assert (drawn(widened) == first).all(), "the generator was not rewound"


@pytest.mark.parametrize("family", ["stable_diffusion", "stable_diffusion_xl"])
def test_a_decoder_without_numbers_alone_becomes_float32(model_of, family):
    model = model_of(family, HALF)
    nan_in(model._pipe.vae.decoder, torch.bfloat16)
    assert notices(model) == [
        "Tiny lost its numbers while decoding, so its decoder works in float32 now and the picture was made again."
    ]
    assert model.used == ("decoder in float32",) and model.dtype == "bfloat16"
    assert model._pipe.vae.dtype == torch.float32 and model._pipe.unet.dtype == torch.bfloat16
    assert model.nbytes == sum(weight_bytes(part) for part in model.parts())
    assert notices(model, "image_to_image") == notices(model, "inpainting") == notices(model) == []


def test_what_stays_without_numbers_is_said_and_tried_once(model_of):
    model = model_of(device=HALF)
    nan_in(model._pipe.unet, torch.bfloat16, torch.float32)
    calls = []
    model._pipe.unet.register_forward_hook(lambda *_: calls.append(1))
    with pytest.raises(Unexpected, match="lost its numbers"):
        model.run(REQUESTS["text_to_image"], lambda event: None)
    assert len(calls) == 2 * REQUESTS["text_to_image"].steps
    calls.clear()
    with pytest.raises(Unexpected):  # in float32 there is nothing else to try
        model.run(REQUESTS["text_to_image"], lambda event: None)
    assert len(calls) == REQUESTS["text_to_image"].steps


def test_8_bits_are_not_widened(model_of):
    model = model_of(device=HALF, placement="fp8")
    nan_in(model._pipe.vae.decoder, torch.bfloat16)
    with pytest.raises(Unexpected, match="lost its numbers"):
        model.run(REQUESTS["text_to_image"], lambda event: None)


def test_a_black_picture_is_tried_again_and_shown_where_it_stays_black(model_of):
    model, told = model_of(device=HALF), []
    model._pipe.vae.decoder.register_forward_hook(lambda module, inputs, output: torch.full_like(output, -1.0))
    picture = model.run(REQUESTS["text_to_image"], told.append).images[0]
    assert np.asarray(picture).max() == 0
    assert sum(isinstance(event, Notice) for event in told) == 1
    told.clear()
    model.run(REQUESTS["text_to_image"], told.append)
    assert sum(isinstance(event, Notice) for event in told) == 1  # now all of it, and no more after that
    told.clear()
    model.run(REQUESTS["text_to_image"], told.append)
    assert not any(isinstance(event, Notice) for event in told)


GREY, BLACK = np.full((2, 4, 4, 3), 0.5), np.zeros((2, 4, 4, 3))


@pytest.mark.parametrize(("pixels", "filtered", "expected"), [
    (GREY, None, False), (BLACK, None, True), (BLACK, [True, True], False), (BLACK, [True, False], True),
    (BLACK + 0.01, None, True), (BLACK + 0.05, None, False), (np.stack([GREY[0], BLACK[0]]), None, True),
    (np.where(np.arange(3) == 0, np.nan, GREY), None, True), (GREY * np.inf, [True, True], True),
    (np.where(np.arange(3) == 0, 0.014, BLACK), None, False),  # a dark picture, but not all the same
])
def test_what_counts_as_lost(pixels, filtered, expected):
    assert lost(pixels, filtered) is expected


# Layers that are fetched


def writer(folder) -> ModelCard:
    """The card of a tiny language model."""
    return ModelCard(
        id="tiny", title="Tiny", sentence="-", bad_at="-", tasks=frozenset({"text_generation"}), adapter="text", licence="-",
        training_data="-", memory=1, folder=folder,
    )


def test_a_network_that_cannot_fetch_its_layers_is_told_from_a_broken_one(tmp_path):
    card = writer(tiny_text.gemma(tmp_path))
    with pytest.raises(OutOfMemory, match="Tiny ran out of memory while it was loaded"):
        pipelines.load(card, replace(CPU, placement="offload"))
    assert possible(card, GPU) == ("whole", "offload")
    assert possible(replace(card, pipeline="Gemma4ForConditionalGeneration"), GPU) == ("whole",), "known of this family"


@pytest.mark.parametrize("family", ["llama", "gpt2", "qwen", "gpt_oss", "smollm3", "lfm3"])
def test_layers_that_are_fetched_write_the_same(tmp_path, family):
    card = writer(getattr(tiny_text, family)(tmp_path / family))
    whole = pipelines.load(card, CPU)
    turns = pipelines.load(card, replace(CPU, placement="offload"))
    request = TextGenerationRequest(prompt="Once upon", max_new_tokens=8, temperature=0.8, seed=3, model="tiny")
    wanted = whole.run(request, lambda event: None)
    for _ in range(2):
        made = turns.run(request, lambda event: None)
        assert made.text == wanted.text and made.tokens == wanted.tokens == 8
        assert made.used == ("parts take turns on the GPU",) and wanted.used == ()
    assert {weight.device.type for weight in turns.network.parameters()} == {"meta"}, "between runs all of it is in RAM"
    assert 0 < turns.part_bytes < turns.nbytes == whole.nbytes == whole.part_bytes
    weights = weakref.ref(turns.network)
    turns.close()
    assert weights() is None
