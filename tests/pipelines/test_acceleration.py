"""Exact, fast and fastest on tiny checkpoints: what each uses, and that an exact run is the same to the byte behind it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from playground import pipelines
from playground.catalog import ModelCard
from playground.events import Notice, Step, Stopped
from playground.pipelines import acceleration
from playground.pipelines.acceleration import Acceleration, guarded, of_compiler, offered, steps_of
from playground.pipelines.placing import weight_bytes
from playground.requests import ACCELERATIONS, ImageToImageRequest
from tests import tiny_diffusion, tiny_flow
from tests.pipelines.test_loras import CPU, WANTED, card

GPU = replace(CPU, name="cuda:0", title="GPU")
LONG = replace(WANTED, steps=24)
WARMING = "Tiny is being made faster for this computer, so this first run takes longer. The next ones are quicker."
SAME = "Nothing makes this run of Tiny faster on this computer, so it is the same as exact."
NO_COMPILE = "Tiny could not be made faster by compiling here, so it runs as usual."


def deep_flux(folder: Path) -> Path:
    """A FluxPipeline of two blocks of each kind, so that there is something between the first and the last."""
    from diffusers import FluxPipeline, FluxTransformer2DModel

    parts = tiny_flow.flux_parts()
    parts["transformer"] = FluxTransformer2DModel.from_config(
        dict(parts["transformer"].config) | {"num_layers": 2, "num_single_layers": 2},
    )
    FluxPipeline(**parts).save_pretrained(folder)
    return folder


def tiny_autoencoder(folder: Path, **changes) -> Path:
    """An AutoencoderTiny that makes a side 4 times smaller, in a folder of its own."""
    from diffusers import AutoencoderTiny

    torch.manual_seed(3)
    AutoencoderTiny(
        encoder_block_out_channels=(8, 8, 8), decoder_block_out_channels=(8, 8, 8), num_encoder_blocks=(1, 1, 1),
        num_decoder_blocks=(1, 1, 1), latent_channels=4, **changes,
    ).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def flux(tmp_path_factory):
    return pipelines.load(card(deep_flux(tmp_path_factory.mktemp("flux") / "model"), "flux1"), CPU)


@pytest.fixture(scope="module")
def sd_folder(tmp_path_factory):
    return tiny_diffusion.stable_diffusion(tmp_path_factory.mktemp("sd") / "model")


def drawn(model, request):
    events = []
    result = model.run(request, events.append)
    return result.images[0].tobytes(), result.used, [event.text for event in events if isinstance(event, Notice)]


def calls_of(block):
    calls = []
    hook = block.attn.to_q.register_forward_pre_hook(lambda *_: calls.append(1))
    return calls, hook


@pytest.fixture
def alike(monkeypatch):
    """Steps count as alike that are not: a random network's are not, and a trained one's are."""
    monkeypatch.setattr(acceleration, "THRESHOLD", 5.0)


def test_a_cache_of_steps_leaves_work_out_and_goes_without_a_trace(flux, alike):
    network = flux.pipe("text_to_image").transformer
    exact = drawn(flux, LONG)
    calls, hook = calls_of(network.transformer_blocks[1])
    fast = drawn(flux, replace(LONG, acceleration="fastest"))
    hook.remove()
    assert exact[1] == () and fast[1] == ("first-block cache",)
    assert 1 <= len(calls) < 24 and fast[0] != exact[0]
    assert drawn(flux, replace(LONG, acceleration="fastest"))[0] == fast[0], "the cache begins anew with each run"
    assert drawn(flux, LONG) == exact
    assert not network.is_cache_enabled
    assert not any("forward" in vars(module) for module in network.modules())


def test_a_stopped_run_takes_its_cache_along(flux, alike):
    exact = drawn(flux, LONG)

    def stop(event):
        if isinstance(event, Step) and event.index == 5:
            raise Stopped

    with pytest.raises(Stopped):
        flux.run(replace(LONG, acceleration="fastest"), stop)
    assert not flux.pipe("text_to_image").transformer.is_cache_enabled
    assert drawn(flux, LONG) == exact


@pytest.mark.parametrize("wanted", [
    replace(LONG, steps=19, acceleration="fastest"), replace(LONG, acceleration="fast"),
])
def test_few_steps_and_fast_are_not_cached(flux, wanted):
    exact = drawn(flux, replace(wanted, acceleration="exact"))
    assert drawn(flux, wanted) == (exact[0], (), [SAME]) and exact[2] == []


def test_a_network_that_cannot_be_cached_works_as_usual(tmp_path):
    for name, build in (("sd", tiny_diffusion.stable_diffusion), ("qwen", tiny_flow.qwen_image)):  # a U-Net; one block only
        model = pipelines.load(card(build(tmp_path / name), ""), CPU)
        fastest = drawn(model, replace(LONG, steps=20, acceleration="fastest"))
        assert fastest == (drawn(model, replace(LONG, steps=20))[0], (), [SAME])


def test_the_steps_that_count_are_those_that_are_done(flux):
    from PIL import Image

    request = ImageToImageRequest(prompt="a", image=Image.new("RGB", (64, 64)), steps=30, strength=0.6)
    assert steps_of(request, flux.pipe("image_to_image")) == 18
    assert steps_of(LONG, flux.pipe("text_to_image")) == 24


@pytest.mark.parametrize("family", ["flux", "sd"])
def test_compiled_blocks_give_the_same_picture_and_are_taken_off(flux, sd_folder, family):
    model = flux if family == "flux" else pipelines.load(card(sd_folder, "sd1"), CPU)
    model._acceleration = Acceleration(card=model.card, compiler="eager", on_gpu=True)
    model._acceleration._measured = True
    exact, wanted = drawn(model, WANTED), replace(WANTED, acceleration="fast")
    first, second = drawn(model, wanted), drawn(model, wanted)
    assert first == (exact[0], ("compiled blocks",), [WARMING]) and second == (exact[0], ("compiled blocks",), [])
    assert len(model._acceleration._compiled) == 4
    assert drawn(model, WANTED) == exact
    network = model.pipe("text_to_image").components.get("unet") or model.pipe("text_to_image").transformer
    assert not any("forward" in vars(module) for module in network.modules())
    if family == "flux":
        cached = drawn(model, replace(LONG, steps=20, acceleration="fastest"))
        assert cached[1] == ("compiled blocks", "first-block cache")
        assert drawn(model, WANTED) == exact
    model._acceleration.close()
    assert not model._acceleration._compiled


def test_where_the_compiler_fails_the_picture_is_drawn_all_the_same(sd_folder):
    def broken(graph, inputs):
        raise RuntimeError("no compiler on this machine")

    model = pipelines.load(card(sd_folder, "sd1"), CPU)
    model._acceleration = Acceleration(card=model.card, compiler=broken, on_gpu=True)
    exact = drawn(model, WANTED)
    assert drawn(model, replace(WANTED, acceleration="fast")) == (exact[0], (), [WARMING, NO_COMPILE])
    assert drawn(model, replace(WANTED, acceleration="fast")) == (exact[0], (), [SAME]), "it is not tried again"


def test_only_the_compilers_own_errors_are_passed_over():
    from torch._dynamo.exc import Unsupported

    told = []

    def failing(error):
        def run():
            raise error
        return run

    own = guarded(failing(Unsupported("x")), lambda: "plain", lambda: not told, told.append)
    assert own() == "plain" and len(told) == 1
    assert own() == "plain" and len(told) == 1
    for error in (torch.OutOfMemoryError("full"), ValueError("shape"), Stopped()):
        assert not of_compiler(error)
        with pytest.raises(type(error)):
            guarded(failing(error), lambda: "plain", lambda: True, told.append)()
    assert len(told) == 1


def test_attention_that_was_chosen_is_used_and_said(flux, monkeypatch):
    from torch.nn.attention import SDPBackend

    seen = []
    monkeypatch.setattr(acceleration, "attention", lambda pipe: seen.append(pipe) or ("math", [SDPBackend.MATH]))
    model_acceleration = Acceleration(card=flux.card, on_gpu=True)
    model_acceleration._compiles = False
    monkeypatch.setattr(flux, "_acceleration", model_acceleration)
    for _ in range(2):
        assert drawn(flux, replace(WANTED, acceleration="fast"))[1] == ("math attention",)
    assert len(seen) == 1, "measured once"


def test_without_a_graphics_card_attention_is_left_alone(flux, monkeypatch):
    model_acceleration = Acceleration(card=flux.card, on_gpu=True)
    model_acceleration._compiles = False
    monkeypatch.setattr(flux, "_acceleration", model_acceleration)
    assert drawn(flux, replace(WANTED, acceleration="fast")) == (drawn(flux, WANTED)[0], (), [SAME])


@pytest.mark.parametrize("inside", [True, False])
def test_the_tiny_autoencoder_draws_where_it_is_here(sd_folder, tmp_path, inside):
    tiny = tiny_autoencoder((tmp_path / "model" / "tiny_autoencoder") if inside else tmp_path / "taesd")
    if inside:
        tiny_diffusion.stable_diffusion(tmp_path / "model")
        given = card(tmp_path / "model", "sd1")
    else:
        given = card(sd_folder, "sd1", options={"tiny_autoencoder": "x/taesd"}, places={"x/taesd": tiny})
    model = pipelines.load(given, CPU)
    own, before = model.pipe("text_to_image").vae, model.nbytes
    exact, fast = drawn(model, WANTED), drawn(model, replace(WANTED, acceleration="fastest"))
    assert fast[1] == ("tiny autoencoder",) and fast[0] != exact[0] and len(fast[0]) == len(exact[0])
    assert drawn(model, replace(WANTED, acceleration="fastest")) == fast
    assert model.pipe("text_to_image").vae is own
    added = model._acceleration.tiny
    assert model.nbytes == before + weight_bytes(added), "it counts, and goes along when its model rests"
    assert sum(part is added for part in model.parts()) == 1
    assert drawn(model, WANTED) == exact
    assert drawn(model, replace(WANTED, acceleration="fastest", to_seed=8, frames=3))[1] == ()


@pytest.mark.parametrize("damage", ["other latents", "no weights", "cut short", "no numbers"])
def test_a_tiny_autoencoder_that_cannot_be_used_is_said(sd_folder, tmp_path, damage):
    from diffusers import AutoencoderTiny

    if damage == "other latents":
        tiny = tmp_path / "taesd"
        AutoencoderTiny(
            encoder_block_out_channels=(8, 8, 8), decoder_block_out_channels=(8, 8, 8), num_encoder_blocks=(1, 1, 1),
            num_decoder_blocks=(1, 1, 1), latent_channels=16,
        ).save_pretrained(tiny)
    else:
        tiny = tiny_autoencoder(tmp_path / "taesd")
        weights = tiny / "diffusion_pytorch_model.safetensors"
        content = weights.read_bytes()
        weights.unlink()
        if damage != "no weights":
            weights.write_bytes(content[:-9] if damage == "cut short" else content[:-400] + b"\xff" * 400)
    options = {"options": {"tiny_autoencoder": "x/taesd"}, "places": {"x/taesd": tiny}}
    model = pipelines.load(card(sd_folder, "sd1", **options), CPU)
    exact = drawn(model, WANTED)
    told = "The tiny autoencoder of Tiny could not be read, so its own one is used."
    assert drawn(model, replace(WANTED, acceleration="fastest")) == (exact[0], (), [told])


def test_where_a_tiny_autoencoder_makes_nothing_the_own_one_draws(sd_folder, tmp_path):
    """Its numbers are numbers, but too large to work with."""
    tiny = tiny_autoencoder(tmp_path / "taesd")
    weights = load_file(tiny / "diffusion_pytorch_model.safetensors")
    save_file({name: tensor * 1e37 for name, tensor in weights.items()}, tiny / "diffusion_pytorch_model.safetensors")
    options = {"options": {"tiny_autoencoder": "x/taesd"}, "places": {"x/taesd": tiny}}
    model = pipelines.load(card(sd_folder, "sd1", **options), CPU)
    exact, before = drawn(model, WANTED), model.nbytes
    told = "The tiny autoencoder of Tiny made nothing, so the picture was made again with its own one."
    assert drawn(model, replace(WANTED, acceleration="fastest")) == (exact[0], (), [told])
    assert drawn(model, replace(WANTED, acceleration="fastest")) == (exact[0], (), [SAME]), "it is not tried again"
    assert model.nbytes == before and drawn(model, WANTED) == exact


def of_kind(folder: Path, name: str, *, steps: int = 28, **more) -> ModelCard:
    folder.mkdir(exist_ok=True)
    (folder / "model_index.json").write_text(json.dumps({"_class_name": name}))
    return card(folder, "", defaults={"steps": steps}, **more)


def test_only_what_differs_is_offered(tmp_path):
    exact, fast, fastest = ACCELERATIONS
    flux, sd = of_kind(tmp_path / "flux", "FluxPipeline"), of_kind(tmp_path / "sd", "StableDiffusionPipeline")
    few = of_kind(tmp_path / "few", "FluxPipeline", steps=4)
    tiny = tiny_autoencoder(tmp_path / "taesd")
    drawing = replace(sd, options={"tiny_autoencoder": "x"}, places={"x": tiny})
    named = replace(flux, folder=None, pipeline="FluxPipeline")
    for given, on_cpu, on_gpu in (
        (flux, (exact, fastest), ACCELERATIONS), (named, (exact, fastest), ACCELERATIONS), (sd, (exact,), (exact, fast)),
        (few, (exact,), (exact, fast)), (drawing, (exact, fastest), ACCELERATIONS),
        (replace(flux, adapter="text"), (exact,), (exact, fast)), (replace(flux, adapter="upscale"), (exact,), (exact,)),
        (replace(flux, folder=tmp_path / "nowhere"), (exact,), (exact, fast)),
    ):
        assert offered(given, CPU) == on_cpu
        assert offered(given, GPU) == on_gpu


def test_starters_have_nothing_to_choose():
    from playground.catalog import cards

    assert {offered(c, device) for c in cards() if c.starter for device in (CPU, GPU)} == {("exact",)}


@pytest.mark.parametrize("name", sorted(acceleration.STEP_CACHED))
def test_pipelines_whose_steps_are_cached_say_which_half_they_work_on(name):
    import inspect

    import diffusers

    kind = getattr(diffusers, name)
    assert "cache_context(" in inspect.getsource(kind.__call__)
    network = inspect.signature(kind.__init__).parameters["transformer"].annotation
    network = network if isinstance(network, type) else getattr(diffusers, str(network))
    assert hasattr(network, "enable_cache")
