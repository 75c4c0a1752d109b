"""LoRAs of every family on tiny checkpoints: they change the picture by their weight and go without a trace."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import save_file

from playground import pipelines
from playground.catalog import PICTURE_TASKS, ModelCard
from playground.device import Device
from playground.errors import BadRequest
from playground.lora_files import Lora
from playground.pipelines.loras import Worn
from playground.requests import ImageToImageRequest, TextToImageRequest
from tests import tiny_diffusion, tiny_flow
from tests.tiny_loras import lora

CPU = Device(name="cpu", title="CPU", free_memory=10**10, dtype="float32", threads=1)
FAMILIES = {
    "sd1": tiny_diffusion.stable_diffusion, "sdxl": tiny_diffusion.stable_diffusion_xl, "flux1": tiny_flow.flux,
    "z-image": tiny_diffusion.z_image, "qwen-image": tiny_flow.qwen_image, "flux2-klein": tiny_diffusion.flux2_klein,
}
ENCODERS = ("sd1", "sdxl")
WANTED = TextToImageRequest(
    prompt="a red apple", steps=2, guidance_scale=3.0, width=64, height=64, seed=7, model="tiny",
)


def card(folder: Path, base: str, **more) -> ModelCard:
    return ModelCard(
        id="tiny", title="Tiny", sentence="", bad_at="", tasks=PICTURE_TASKS, adapter="diffusion", licence="",
        training_data="", memory=1, folder=folder, base=base, **more,
    )


@pytest.fixture(scope="module")
def wardrobe(tmp_path_factory):
    """A function from a family to its model with two LoRAs, A and B.1 (a name with a dot)."""
    made = {}

    def of(family: str):
        if family not in made:
            folder = tmp_path_factory.mktemp(family)
            checkpoint = FAMILIES[family](folder / "model")
            first = pipelines.load(card(checkpoint, family), CPU)
            encoder = family in ENCODERS
            files = (
                lora(first.pipe("text_to_image"), folder / "A.safetensors", base=family, encoder=encoder),
                lora(first.pipe("text_to_image"), folder / "B.1.safetensors", seed=2, rank=3),
            )
            first.close()
            made[family] = pipelines.load(card(checkpoint, family), CPU, loras={"A": files[0], "B.1": files[1]})
        return made[family]

    return of


def drawn(model, *loras, request=WANTED):
    result = model.run(replace(request, loras=loras), lambda event: None)
    return result.images[0].tobytes(), result.used


@pytest.mark.parametrize("family", FAMILIES)
def test_a_lora_changes_the_picture_by_its_weight_and_goes_without_a_trace(wardrobe, family):
    model = wardrobe(family)
    plain, used = drawn(model)
    assert used == ()
    one, used = drawn(model, ("A", 1.0))
    assert used == ("A at 1",)
    half, used = drawn(model, ("A", 0.5))
    assert used == ("A at 0.5",)
    both, used = drawn(model, ("A", 1.0), ("B.1", -0.75))
    assert used == ("A at 1", "B.1 at -0.75")
    assert len({plain, one, half, both}) == 4
    assert drawn(model, ("A", 1.0))[0] == one
    assert drawn(model, ("B.1", -0.75), ("A", 1.0))[0] == both
    assert drawn(model, ("A", 0.0)) == (plain, ())
    assert drawn(model) == (plain, ())


@pytest.mark.parametrize(("family", "placement"), [
    ("sd1", "whole"), ("flux1", "whole"), ("sd1", "offload"), ("flux1", "offload"),
])
def test_sister_pipelines_wear_it_too_wherever_the_weights_stand(wardrobe, family, placement):
    from PIL import Image

    model, whole = wardrobe(family), drawn(wardrobe(family), ("A", 1.0))
    if placement != "whole":
        model = pipelines.load(model.card, replace(CPU, placement=placement), loras=model.loras)
    again = ImageToImageRequest(
        prompt="a red apple", steps=2, strength=1.0, guidance_scale=3.0, width=64, height=64, seed=7, model="tiny",
        image=Image.linear_gradient("L").convert("RGB").resize((64, 64)),
    )
    plain, worn = drawn(model, request=again)[0], drawn(model, ("A", 1.0), request=again)[0]
    assert plain != worn
    assert drawn(model, ("A", 1.0))[1][-1] == "A at 1"
    assert drawn(model, ("A", 1.0))[0] == whole[0]
    assert drawn(model, ("A", 1.0), request=again)[0] == worn
    assert drawn(model, request=again)[0] == plain


def test_what_is_worn_stays_loaded_while_the_same_are_asked_for(wardrobe):
    model = wardrobe("sd1")
    calls = []
    pipe = model.pipe("text_to_image")
    pipe.load_lora_weights = lambda *args, **kwargs: (calls.append(kwargs["weight_name"]), type(pipe).load_lora_weights(
        pipe, *args, **kwargs))[1]
    try:
        drawn(model)
        for weight in (1.0, 0.5, 0.5):
            drawn(model, ("A", weight))
        assert calls == ["A.safetensors"]
        drawn(model, ("A", 1.0), ("B.1", 1.0))
        assert calls == ["A.safetensors", "A.safetensors", "B.1.safetensors"]
    finally:
        del pipe.load_lora_weights
    drawn(model)
    assert not any("lora" in name for name, _ in pipe.unet.named_parameters())
    assert not any("lora" in name for name, _ in pipe.text_encoder.named_parameters())


def test_a_changed_file_is_read_again(tmp_path):
    model = pipelines.load(card(tiny_diffusion.stable_diffusion(tmp_path / "model"), "sd1"), CPU)
    plain = drawn(model)[0]
    model.loras = {"A": lora(model.pipe("text_to_image"), tmp_path / "A.safetensors")}
    before = drawn(model, ("A", 1.0))[0]
    lora(tiny_pipe(tmp_path), tmp_path / "A.safetensors", seed=9)
    assert len({plain, before, drawn(model, ("A", 1.0))[0]}) == 3
    assert drawn(model)[0] == plain


def tiny_pipe(folder: Path):
    from diffusers import StableDiffusionPipeline

    return StableDiffusionPipeline.from_pretrained(folder / "model", local_files_only=True)


def cut_short(folder: Path, good: Path) -> Path:
    path = folder / "short.safetensors"
    path.write_bytes(good.read_bytes()[:-20])
    return path


def words(folder: Path, good: Path) -> Path:
    path = folder / "words.safetensors"
    path.write_text("no tensors at all")
    return path


def pickled(folder: Path, good: Path) -> Path:
    path = folder / "pickled.bin"
    torch.save({"unet.x.lora_A.weight": torch.zeros(2, 2)}, path)
    return path


def other_keys(folder: Path, good: Path) -> Path:
    path = folder / "other.safetensors"
    save_file({"a.weight": torch.zeros(2, 2)}, path)
    return path


def nowhere(folder: Path, good: Path) -> Path:
    path = folder / "nowhere.safetensors"
    pair = {"lora_A": torch.zeros(2, 8), "lora_B": torch.zeros(8, 2)}
    save_file({f"transformer.x.to_q.{side}.weight": value for side, value in pair.items()}, path)
    return path


def gone(folder: Path, good: Path) -> Path:
    return folder / "gone.safetensors"


@pytest.mark.parametrize(("kind", "sentence"), [
    (cut_short, "cannot be read"), (words, "cannot be read"), (pickled, "cannot be read"), (gone, "cannot be read"),
    (other_keys, "does not fit"), (nowhere, "does not fit"),
])
@pytest.mark.parametrize("family", ["sd1", "flux1"])
def test_a_file_that_cannot_be_worn_is_refused_and_the_model_works_on(wardrobe, tmp_path, family, kind, sentence):
    model = wardrobe(family)
    plain, worn = drawn(model)[0], drawn(model, ("A", 1.0))[0]
    good = model.loras
    model.loras = good | {"bad": Lora(name="bad", path=kind(tmp_path, good["A"].path), base="", words="")}
    try:
        with pytest.raises(BadRequest, match=sentence) as caught:
            drawn(model, ("A", 1.0), ("bad", 1.0))
        assert caught.value.field == "loras" and "bad" in str(caught.value)
        assert drawn(model)[0] == plain
        assert drawn(model, ("A", 1.0))[0] == worn
    finally:
        model.loras = good


@pytest.mark.parametrize(("family", "other"), [("sd1", "sdxl"), ("sdxl", "sd1"), ("flux1", "sd1"), ("z-image", "flux1")])
def test_a_lora_of_another_family_is_refused(wardrobe, family, other):
    model, strange = wardrobe(family), wardrobe(other).loras["A"]
    plain, own = drawn(model)[0], model.loras
    for base, sentence in ((other, f"made for {other} models"), ("", "does not fit Tiny")):
        model.loras = own | {"strange": replace(strange, base=base)}
        with pytest.raises(BadRequest, match=sentence) as caught:
            drawn(model, ("strange", 1.0))
        assert caught.value.field == "loras"
    model.loras = own
    assert drawn(model)[0] == plain


def test_weights_of_8_bits_wear_none(wardrobe):
    narrow = replace(CPU, placement="fp8", dtype="bfloat16")
    model = pipelines.load(wardrobe("sd1").card, narrow, loras=wardrobe("sd1").loras)
    plain = drawn(model)[0]
    with pytest.raises(BadRequest, match="keeps its weights in 8 bits"):
        drawn(model, ("A", 1.0))
    assert drawn(model)[0] == plain


def test_an_unknown_name_and_a_model_that_wears_none_are_said(wardrobe):
    with pytest.raises(BadRequest, match="no LoRA named C"):
        drawn(wardrobe("sd1"), ("C", 1.0))
    with pytest.raises(BadRequest, match="Tiny takes no LoRAs"):
        Worn(card=card(Path("x"), "")).wear(SimpleNamespace(), (("A", 1.0),), known=wardrobe("sd1").loras)


def test_running_out_of_memory_is_no_fault_of_the_file(wardrobe):
    model = wardrobe("sd1")
    plain, pipe = drawn(model)[0], model.pipe("text_to_image")

    def full(*args, **kwargs):
        raise torch.OutOfMemoryError("full")

    pipe.load_lora_weights = full
    try:
        with pytest.raises(torch.OutOfMemoryError):
            drawn(model, ("A", 1.0))
    finally:
        del pipe.load_lora_weights
    assert drawn(model)[0] == plain


def test_a_lora_takes_the_models_precision(wardrobe):
    known = wardrobe("sd1").loras
    model = pipelines.load(card(wardrobe("sd1").card.folder, "sd1"), replace(CPU, dtype="bfloat16"), loras=known)
    plain = drawn(model)[0]
    assert drawn(model, ("A", 1.0))[0] != plain
    parameters = model.pipe("text_to_image").unet.named_parameters()
    assert {str(p.dtype) for name, p in parameters if "lora" in name} == {"torch.bfloat16"}
    assert drawn(model)[0] == plain
