"""Models of one's own: folders and files found and refused, cards made of settings, LoRAs known by their headers."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import struct
import threading
from pathlib import Path

import pytest
from PIL import Image

from playground import own, own_cards, pipelines
from playground.catalog import Catalog, cards, recommended
from playground.device import Device
from playground.errors import BadRequest, ModelBroken, NotInstalled, PlaygroundError
from playground.lora_files import header
from playground.pipelines import voices
from playground.requests import SuperResolutionRequest, TextGenerationRequest, TextToImageRequest, TextToSpeechRequest
from tests import tiny_diffusion, tiny_speech, tiny_text, tiny_upscale
from tests.fakes import wait_until

CPU = Device(name="cpu", title="CPU", free_memory=10**10, dtype="float32", threads=1)


def tensors(path: Path, shapes: dict[str, tuple[int, ...]], **notes: str) -> Path:
    """A safetensors file with tensors of these shapes, all zero."""
    made, end = {"__metadata__": notes} if notes else {}, 0
    for name, shape in shapes.items():
        size = 4
        for side in shape:
            size *= side
        made[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(made).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(end))
    return path


def settings(folder: Path, name: str = "config.json", **values: object) -> Path:
    """A folder with one JSON file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(values))
    return folder


def plain(identity: str) -> str:
    """An id without the sum behind it."""
    return re.sub(r"-[0-9a-f]{6}$", "", identity)


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> Path:
    """A folder of models of every kind, some of them deeper."""
    place = tmp_path_factory.mktemp("models")
    tiny_diffusion.stable_diffusion(place / "My Turbo")
    tiny_text.chat_llama(place / "text" / "chatty")
    tiny_speech.vits(place / "voices" / "deep" / "two speakers", speakers=2)
    tiny_upscale.swin2sr(place / "swin")
    tiny_upscale.compact(place / "compact", upscale=2)
    (place / "crisp.safetensors").write_bytes((place / "compact" / "model.safetensors").read_bytes())
    tensors(place / "loras" / "ghibli.safetensors", {"unet.attn2.to_k.lora_A.weight": (4, 768)})
    return place


def test_folders_and_files_become_cards(models: Path) -> None:
    found = own.found(models)
    assert found.told == ()
    by_id = {plain(card.id): card for card in found.cards}
    assert {(i, c.adapter, c.title) for i, c in by_id.items()} == {
        ("own-my-turbo", "diffusion", "My Turbo"), ("own-chatty", "text", "chatty"), ("own-swin", "upscale", "swin"),
        ("own-two-speakers", "speech", "two speakers"), ("own-compact", "upscale", "compact"),
        ("own-crisp", "upscale", "crisp"),
    }
    assert not any(card.starter for card in found.cards)
    assert {card.licence for card in found.cards} == {"not known: your own file"}
    picture = by_id["own-my-turbo"]
    assert picture.pipeline == "StableDiffusionPipeline" and picture.base == "sd1" and len(picture.tasks) == 3
    assert (picture.defaults["width"], picture.defaults["steps"], picture.defaults["guidance_scale"]) == (64, 4, 0.0)
    weights = sum(p.stat().st_size for p in (models / "My Turbo").rglob("*.safetensors"))
    assert picture.memory == max(weights, 1_000_000) and 0 < picture.largest < weights
    assert by_id["own-chatty"].chat
    assert by_id["own-two-speakers"].voices == ("speaker 1", "speaker 2")
    assert by_id["own-swin"].options["scale"] == by_id["own-crisp"].options["scale"] == 2
    assert [(lora.name, lora.base) for lora in found.loras] == [("ghibli", "sd1")]


@pytest.mark.parametrize(("model", "request_"), [
    ("own-my-turbo", TextToImageRequest(prompt="a pear", steps=1, width=64, height=64, seed=1, model="own-my-turbo")),
    ("own-chatty", TextGenerationRequest(prompt="Hello", max_new_tokens=3, seed=1, model="own-chatty")),
    ("own-two-speakers", TextToSpeechRequest(text="Hello.", seed=1, voice="speaker 2", model="own-two-speakers")),
    ("own-swin", SuperResolutionRequest(image=Image.new("RGB", (12, 12), "red"), scale=2, model="own-swin")),
    ("own-compact", SuperResolutionRequest(image=Image.new("RGB", (12, 12), "red"), scale=2, model="own-compact")),
    ("own-crisp", SuperResolutionRequest(image=Image.new("RGB", (12, 12), "red"), scale=2, model="own-crisp")),
])
def test_each_of_them_runs(models: Path, model: str, request_) -> None:
    card = next(card for card in own.found(models).cards if plain(card.id) == model)
    loaded = pipelines.load(card, CPU)
    try:
        result = loaded.run(card.complete(dataclasses.replace(request_, model=card.id)), lambda event: None)
    finally:
        loaded.close()
    match result:
        case _ if hasattr(result, "images"):
            assert result.images[0].size == ((24, 24) if card.adapter == "upscale" else (64, 64))
        case _ if hasattr(result, "samples"):
            assert len(result.samples) > 1000
        case _:
            assert result.tokens == 3


def test_what_changes_is_seen_and_what_does_not_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = own.Folder(tmp_path)
    assert folder.found() == own.Found()
    tensors(tmp_path / "one.safetensors", {"a.lora_A.weight": (1, 768)})
    first = folder.found()
    assert [lora.name for lora in first.loras] == ["one"]
    assert folder.found() is first
    tensors(tmp_path / "one.safetensors", {"a.lora_A.weight": (1, 768)}, ss_base_model_version="sdxl_base_v1-0")
    assert [lora.base for lora in folder.found().loras] == ["sdxl"]
    (tmp_path / "one.safetensors").unlink()
    assert folder.found() == own.Found()


def test_a_catalogue_takes_in_what_is_there_and_lets_go_of_what_is_not(tmp_path: Path) -> None:
    catalog, changed = Catalog(cards()), []
    models = own.OwnModels(tmp_path, catalog, changed=changed.append)
    assert models.refresh() == () and dict(models.loras) == {}
    tiny_upscale.swin2sr(tmp_path / "mine")
    tensors(tmp_path / "ink.safetensors", {"a.lora_A.weight": (1, 768)})
    (tmp_path / "old.ckpt").write_bytes(b"")
    assert [sentence.split()[0] for sentence in models.refresh()] == ["old.ckpt"]
    assert catalog.find("own-mine") in catalog.serving("super_resolution") and list(models.loras) == ["ink"]
    models.refresh()
    assert changed == ["own-mine"]
    device = dataclasses.replace(CPU, free_memory=10**11)
    assert not recommended(catalog.serving("super_resolution"), device).own, "nothing is known of one's own"
    shutil.rmtree(tmp_path / "mine")
    (tmp_path / "ink.safetensors").unlink()
    models.refresh()
    assert changed == ["own-mine", "own-mine"] and not models.loras
    with pytest.raises(BadRequest):
        catalog.find("own-mine")
    assert own.OwnModels(None, catalog).refresh() == ()


def test_own_models_stand_in_the_order_of_their_names(tmp_path: Path) -> None:
    tiny_upscale.swin2sr(tmp_path / "d")
    for name in "cabe":
        shutil.copytree(tmp_path / "d", tmp_path / name)
    catalog = Catalog(cards())
    own.OwnModels(tmp_path, catalog).refresh()
    assert [card.id for card in catalog.cards if card.own] == ["own-a", "own-b", "own-c", "own-d", "own-e"]


def test_what_is_put_there_is_taken_in_without_a_page(tmp_path: Path) -> None:
    catalog, ended = Catalog(cards()), threading.Event()
    models = own.OwnModels(tmp_path, catalog)
    there = threading.Thread(target=models.keep_up, args=(ended,), kwargs={"seconds": 0.01}, daemon=True)
    there.start()
    tiny_upscale.swin2sr(tmp_path / "mine")
    wait_until(lambda: any(card.id == "own-mine" for card in catalog.cards), what="the model")
    shutil.rmtree(tmp_path / "mine")
    wait_until(lambda: not any(card.own for card in catalog.cards), what="its end")
    ended.set()
    there.join(30)
    assert not there.is_alive()


def test_a_folder_that_is_a_model_itself_is_one(tmp_path: Path) -> None:
    tiny_upscale.swin2sr(tmp_path / "alone")
    assert [card.id for card in own.found(tmp_path / "alone").cards] == ["own-alone"]
    (told,) = own.found(tmp_path / "nowhere").told
    assert "is no folder" in told


def refused(tmp_path: Path) -> str:
    """The one sentence on a folder in which nothing can be used."""
    found = own.found(tmp_path)
    assert found.cards == () and found.loras == ()
    (sentence,) = found.told
    return sentence


PIPELINE = {
    "_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"],
    "scheduler": ["diffusers", "DDIMScheduler"],
}


def test_pickles_are_left_out(tmp_path: Path) -> None:
    settings(tmp_path / "old", "model_index.json", **PIPELINE)
    (tmp_path / "old" / "unet").mkdir()
    (tmp_path / "old" / "unet" / "diffusion_pytorch_model.bin").write_bytes(b"x")
    assert refused(tmp_path).startswith("old has its weights as pickles")


def test_pickles_of_a_language_model_and_loose_ones_are_left_out(tmp_path: Path) -> None:
    settings(tmp_path / "llm", model_type="llama", architectures=["LlamaForCausalLM"])
    (tmp_path / "llm" / "pytorch_model.bin").write_bytes(b"x")
    assert refused(tmp_path).startswith("llm has its weights as pickles")
    (tmp_path / "llm" / "config.json").unlink()
    assert refused(tmp_path).startswith("pytorch_model.bin has its weights as pickles")


@pytest.mark.parametrize("values", [
    {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "auto_map": {"AutoModel": "modeling.Mine"}},
    {"model_type": "mine", "auto_map": {}},
])
def test_programs_of_a_model_are_never_run(tmp_path: Path, values: dict) -> None:
    settings(tmp_path / "m", **values)
    tensors(tmp_path / "m" / "model.safetensors", {"a": (1,)})
    assert "program of its own" in refused(tmp_path)


@pytest.mark.parametrize("values", [
    PIPELINE | {"_class_name": ["pipeline", "Mine"]}, PIPELINE | {"unet": ["my_unet", "Mine"]},
])
def test_programs_of_a_pipeline_are_never_run(tmp_path: Path, values: dict) -> None:
    settings(tmp_path / "m", "model_index.json", **values)
    assert "program of its own" in refused(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", "[" * 100_000, "\ud800".encode("utf8", "surrogatepass").decode("latin1") + "{"])
def test_broken_settings_are_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "config.json").write_text(text)
    assert refused(tmp_path) == "m/config.json cannot be read. Copy it again."


@pytest.mark.parametrize("values", [
    {"model_type": "llama", "architectures": 5}, {"model_type": ["a"], "architectures": ["LlamaForCausalLM"]},
    {"model_type": "llama", "architectures": {"a": 1}}, {"model_type": None, "architectures": 1.5},
])
def test_settings_of_odd_types_are_told_and_the_others_found(tmp_path: Path, values: dict) -> None:
    settings(tmp_path / "m", **values)
    tensors(tmp_path / "ink.safetensors", {"a.lora_A.weight": (1, 768)})
    found = own.found(tmp_path)
    assert found.told == ("m/config.json cannot be read. Copy it again.",) and [lora.name for lora in found.loras] == ["ink"]


def test_whatever_nobody_foresaw_is_told_of_that_thing_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings(tmp_path / "m", model_type="llama")
    for name in ("ink", "odd"):
        tensors(tmp_path / f"{name}.safetensors", {"a.lora_A.weight": (1, 768)})

    def fails(*args: object, **values: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(own, "described", fails)
    real = own.header
    monkeypatch.setattr(own, "header", lambda path: fails() if path.stem == "odd" else real(path))
    found = own.found(tmp_path)
    assert found.told == (
        "m/config.json cannot be read. Copy it again.", "odd.safetensors is damaged or cut short. Copy it again.",
    )
    assert [lora.name for lora in found.loras] == ["ink"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_pipes_are_not_opened(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    for name in ("x.safetensors", "m/config.json", "m/model_index.json"):
        os.mkfifo(tmp_path / name)
    (tmp_path / "link.safetensors").symlink_to("x.safetensors")
    assert own.found(tmp_path) == own.Found()
    with pytest.raises(ModelBroken):
        header(tmp_path / "x.safetensors")


@pytest.mark.skipif(os.name != "posix", reason="names are text here")
def test_names_that_are_no_text_can_be_printed(tmp_path: Path) -> None:
    try:
        (tmp_path / os.fsdecode(b"b\xff.safetensors")).write_bytes(b"")
    except OSError:
        pytest.skip("this disk takes only names that are text")
    tensors(tmp_path / os.fsdecode(b"c\xff.safetensors"), {"a.lora_A.weight": (1, 768)})
    found = own.found(tmp_path)
    assert found.told == ("b is damaged or cut short. Copy it again.".replace("b", "b .safetensors"),)
    assert [lora.name.encode() for lora in found.loras] == [b"c"]


def test_kinds_without_a_tab_and_missing_parts_are_told(tmp_path: Path) -> None:
    settings(tmp_path / "m", model_type="bert", architectures=["BertModel"])
    assert "(bert)" in refused(tmp_path)
    settings(tmp_path / "m", model_type="llama", architectures=["LlamaForCausalLM"])
    tensors(tmp_path / "m" / "model.safetensors", {"a": (1,)})
    assert "has no tokenizer" in refused(tmp_path)
    (tmp_path / "m" / "config.json").unlink()
    settings(tmp_path / "m", "model_index.json", **PIPELINE)
    assert "its part unet is missing" in refused(tmp_path)
    settings(tmp_path / "m", "model_index.json", **PIPELINE | {"_class_name": "AudioLDMPipeline"})
    assert "(AudioLDMPipeline)" in refused(tmp_path)


@pytest.mark.parametrize("channels", [0, 1, 2, 4, 13])
def test_a_compact_upscaler_must_make_three_colours(tmp_path: Path, channels: int) -> None:
    shapes = {f"body.{i}.weight": (8, 8, 3, 3) for i in (2, 4)} | {"body.0.weight": (8, 3, 3, 3)}
    tensors(tmp_path / "x.safetensors", shapes | {"body.6.weight": (12, 8, 3, 3)})
    assert own.found(tmp_path).cards[0].options["scale"] == 2
    tensors(tmp_path / "x.safetensors", shapes | {"body.6.weight": (channels, 8, 3, 3)})
    assert "neither a LoRA nor a small upscaler" in refused(tmp_path)


def test_whole_models_in_one_file_are_told(tmp_path: Path) -> None:
    tensors(tmp_path / "sdxl.safetensors", {"model.diffusion_model.input_blocks.0.0.weight": (1, 1)})
    assert "as diffusers or transformers folders" in refused(tmp_path)


def test_nothing_outside_the_folder_is_followed(tmp_path: Path) -> None:
    place, outside = tmp_path / "models", tmp_path / "outside"
    tiny_upscale.swin2sr(outside)
    place.mkdir()
    (place / "link").symlink_to(outside)
    assert refused(place) == "link leads out of your folder of models and is not followed. Copy the files themselves."
    (place / "link").unlink()
    settings(place / "m", model_type="swin2sr", upscale=2)
    (place / "m" / "model.safetensors").symlink_to(outside / "model.safetensors")
    assert refused(place).startswith("m leads out of your folder")


def test_a_folder_that_is_a_link_itself_and_links_within_it_are_followed(tmp_path: Path) -> None:
    tiny_upscale.swin2sr(tmp_path / "real" / "m")
    weights = tmp_path / "real" / "m" / "model.safetensors"
    weights.rename(tmp_path / "real" / "weights")
    weights.symlink_to("../weights")
    (tmp_path / "real" / "again").symlink_to("..", target_is_directory=True)
    (tmp_path / "models").symlink_to(tmp_path / "real")
    found = own.found(tmp_path / "models")
    assert [card.id for card in found.cards] == ["own-m"]
    assert found.told == ("again leads out of your folder of models and is not followed. Copy the files themselves.",)


def test_hidden_and_very_deep_folders_are_not_looked_into(tmp_path: Path) -> None:
    for place in (".hidden", "a/b/c/d", "a/.b"):
        tiny_upscale.swin2sr(tmp_path / place)
    assert own.found(tmp_path) == own.Found()
    tiny_upscale.swin2sr(tmp_path / "a/b/c")
    assert [plain(card.id) for card in own.found(tmp_path).cards] == ["own-c"]


def test_models_of_one_name_stay_apart_and_keep_their_ids(tmp_path: Path) -> None:
    tiny_upscale.swin2sr(tmp_path / "same")
    places = ["Same", "a/same", "b/same", "c/Same!", "日本", "本日"]
    for place in places:
        shutil.copytree(tmp_path / "same", tmp_path / place)
    shutil.copytree(tmp_path / "same", tmp_path / "last")
    together = {card.folder.relative_to(tmp_path.resolve()).as_posix(): card.id for card in own.found(tmp_path).cards}
    assert together["same"] == "own-same" and together["last"] == "own-last"
    assert len(set(together.values())) == 8
    assert all(re.fullmatch(r"own-(same|model)-[0-9a-f]{6}", together[place]) for place in places)
    for place in ("same", "a", "本日"):
        shutil.rmtree(tmp_path / place)
    left = {card.id for card in own.found(tmp_path).cards}
    assert left == set(together.values()) - {together[place] for place in ("same", "a/same", "本日")}


def test_loras_of_one_name_stay_apart(tmp_path: Path) -> None:
    tensors(tmp_path / "a" / "x.safetensors", {"p.lora_A.weight": (1, 1)})
    tensors(tmp_path / "b" / "x.safetensors", {"p.lora_A.weight": (1, 1)})
    assert [lora.name for lora in own.found(tmp_path).loras] == ["x", "x (2)"]


def test_a_very_large_folder_is_looked_at_in_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own, "MOST_ENTRIES", 20)
    for number in range(60):
        (tmp_path / f"{number:02}.bin").write_bytes(b"")
    told = own.found(tmp_path).told
    assert len(told) == 21 and told[0].startswith("Your folder of models holds more than 20 files")


@pytest.mark.parametrize("raw", [
    b"", b"\0" * 7, struct.pack("<Q", 10) + b"{}", struct.pack("<Q", 2**60) + b"{}", struct.pack("<Q", 2) + b"[]",
    struct.pack("<Q", 4) + b"\xff\xfe{}", struct.pack("<Q", 9) + b'{"a": {}}',
    struct.pack("<Q", 22) + b'{"__metadata__":["a"]}',
    struct.pack("<Q", 58) + b'{"a":{"dtype":"F32","shape":[-4],"data_offsets":[0,  0]}}'.ljust(58),
    struct.pack("<Q", 58) + b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,400000]}}'[:58],
])
def test_damaged_files_are_told(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "x.safetensors").write_bytes(raw)
    with pytest.raises(ModelBroken, match=r"x\.safetensors is damaged or cut short"):
        header(tmp_path / "x.safetensors")
    assert "damaged" in refused(tmp_path)


@pytest.mark.parametrize(("shapes", "notes", "base"), [
    ({"lora_unet_x.lora_down.weight": (4, 8)}, {"ss_base_model_version": "sd_v1"}, "sd1"),
    ({"lora_unet_x.lora_down.weight": (4, 8)}, {"modelspec.architecture": "stable-diffusion-xl-v1-base/lora"}, "sdxl"),
    ({"lora_unet_x.lora_down.weight": (4, 8)}, {"modelspec.architecture": "stable-diffusion-v2-768-v/lora"}, "sd2"),
    ({"lora_unet_x.lora_down.weight": (4, 8)}, {"modelspec.architecture": "Flux.1-dev/lora"}, "flux1"),
    ({"a.lora_A.weight": (4, 8)}, {"ss_base_model_version": "zimage:turbo"}, "z-image"),
    ({"a.lora_A.weight": (4, 8)}, {"ss_base_model_version": "flux2_klein_4b"}, "flux2-klein"),
    ({"a.lora_A.weight": (4, 8)}, {"ss_base_model_version": "qwen_image"}, "qwen-image"),
    ({"lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k.lora_down.weight": (4, 768)}, {}, "sd1"),
    ({"unet.down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.lora_A.weight": (4, 1024)}, {}, "sd2"),
    ({"unet.down_blocks.0.attentions.0.transformer_blocks.0.attn2.processor.to_k_lora.down.weight": (4, 2048)}, {}, "sdxl"),
    ({"lora_te2_text_model_encoder_layers_0_mlp_fc1.lora_down.weight": (4, 8)}, {}, "sdxl"),
    ({"transformer.single_transformer_blocks.37.attn.to_q.lora_A.weight": (4, 3072)}, {}, "flux1"),
    ({"lora_unet_double_blocks_18_img_attn_qkv.lora_down.weight": (4, 3072)}, {}, "flux1"),
    ({"double_blocks.0.processor.proj_lora1.down.weight": (4, 3072), "double_blocks.18.x.lora_A.weight": (4, 8)}, {}, "flux1"),
    ({"transformer.single_transformer_blocks.3.attn.to_qkv_mlp_proj.lora_A.weight": (4, 3072)}, {}, "flux2-klein"),
    ({"diffusion_model.double_blocks.4.img_attn.qkv.lora_A.weight": (4, 3072)}, {}, "flux2-klein"),
    ({"diffusion_model.layers.3.attention.to_q.lora_A.weight": (4, 3840)}, {}, "z-image"),
    ({"transformer_blocks.0.attn.to_q.lora_A.weight": (4, 8), "transformer_blocks.0.txt_mlp.net.2.lora_B.weight": (8, 4)}, {},
     "qwen-image"),
    ({"transformer.transformer_blocks.59.attn.add_q_proj.lora_A.weight": (4, 3072)}, {}, "qwen-image"),
    ({"strange.lora_A.weight": (4, 8)}, {}, ""),
])
def test_the_base_of_a_lora_is_read_off_its_header(tmp_path: Path, shapes: dict, notes: dict, base: str) -> None:
    tensors(tmp_path / "x.safetensors", shapes, **notes)
    (lora,) = own.found(tmp_path).loras
    assert lora.base == base and lora.path == tmp_path.resolve() / "x.safetensors"


def test_the_words_of_a_lora_are_its_makers_or_its_most_frequent(tmp_path: Path) -> None:
    tags = json.dumps({"1_x": {"cat": 5, " dog ": 9, "sun": 2}, "2_y": {"cat": 5, "tree": 1}})
    for notes, words in (
        ({"modelspec.trigger_phrase": "a  sks\ncat", "ss_tag_frequency": tags}, "a sks cat"),
        ({"ss_tag_frequency": tags}, "cat, dog, sun"), ({"ss_tag_frequency": "[1]"}, ""), ({"ss_tag_frequency": "{"}, ""),
        ({}, ""),
    ):
        tensors(tmp_path / "x.safetensors", {"a.lora_A.weight": (1, 1)}, **notes)
        assert own.found(tmp_path).loras[0].words == words


def test_loras_of_libraries_are_named_by_their_folders_and_those_of_language_models_are_told(tmp_path: Path) -> None:
    tensors(tmp_path / "comic" / "pytorch_lora_weights.safetensors", {"unet.a.lora_A.weight": (1, 1)})
    tensors(
        tmp_path / "talk" / "adapter_model.safetensors",
        {"base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight": (1, 1)},
    )
    found = own.found(tmp_path)
    assert [lora.name for lora in found.loras] == ["comic"]
    assert [sentence.partition(" is")[0] for sentence in found.told] == ["adapter_model.safetensors"]


FILES = {
    "model_index.json": 500, "unet/diffusion_pytorch_model.fp16.safetensors": 1_700, "unet/diffusion_pytorch_model.bin": 9_000,
    "vae/diffusion_pytorch_model.safetensors": 300, "vae/diffusion_pytorch_model.fp16.safetensors": 150,
    "everything.safetensors": 5_000,
}
INDEX = PIPELINE | {"vae": ["diffusers", "AutoencoderKL"], "safety_checker": [None, None], "requires_safety_checker": False}


def test_a_repository_becomes_a_card_of_what_is_really_read() -> None:
    card = own.card_of("ann/paintings", INDEX, files=FILES, licence="mit", gated=True)
    assert (card.id, card.title, card.repository, card.folder) == ("own-ann--paintings", "ann/paintings", "ann/paintings", None)
    assert (card.variant, card.download, card.largest, card.licence, card.gated) == ("fp16", 1_850, 1_700, "mit", True)
    both = FILES | {"unet/diffusion_pytorch_model.safetensors": 3_400}
    assert own.card_of("ann/p", INDEX, files=both).variant == ""
    wide = own.card_of("ann/p", INDEX, files=FILES, read=lambda path: {"cross_attention_dim": 1024})
    assert wide.base == "sd2"
    assert own.card_of("ann/p", INDEX).download == 0, "without its files nothing is known of its size"


def test_repositories_of_similar_names_stay_apart() -> None:
    names = "x/a-b", "x/a_b", "X/A-B", "x/a--b", "x/-a-b", "x-a/b"
    ids = [own.card_of(name.replace("/-", "/_"), INDEX).id for name in names]
    assert len(set(ids)) == len(names) and ids[0] == "own-x--a-b" and ids[-1] == "own-x-a--b"
    assert ids == [own.card_of(name.replace("/-", "/_"), INDEX).id for name in names]


@pytest.mark.parametrize("name", ["", "model", "a/b/c", "../x", "a/..", "a b/c", "a/b?x", "https://x/y", "-", "a/" + "b" * 97])
def test_what_is_no_repository_is_refused(name: str) -> None:
    with pytest.raises(BadRequest, match="owner/name"):
        own.card_of(name, INDEX)


def test_a_repository_with_pickles_or_programs_is_refused() -> None:
    with pytest.raises(NotInstalled, match="pickles"):
        own.card_of("a/b", INDEX, files={"unet/diffusion_pytorch_model.bin": 1, "vae/diffusion_pytorch_model.safetensors": 1})
    with pytest.raises(NotInstalled, match="program of its own"):
        own.card_of("a/b", {"model_type": "phi", "auto_map": {}, "architectures": ["PhiForCausalLM"]})
    with pytest.raises(NotInstalled, match=r"^a/b does not say what kind of model it is"):
        own.card_of("a/b", {})


def test_what_a_repository_lacks_is_not_to_be_copied() -> None:
    llama = {"model_type": "llama", "architectures": ["LlamaForCausalLM"]}
    odd = llama | {"architectures": 5}
    for settings_, files in ((INDEX, {"unet/config.json": 1}), (llama, {"model.safetensors": 1}), (odd, {})):
        with pytest.raises(PlaygroundError, match="on the hub.* Choose another model"):
            own.card_of("a/b", settings_, files=files)


def test_settings_of_a_language_model_are_taken_over_where_they_can_be() -> None:
    other = {
        "generation_config.json": {"temperature": 0.3, "top_p": 7, "top_k": "many", "repetition_penalty": 1.2},
        "tokenizer_config.json": {"chat_template": "{{ x }}"},
    }
    card = own.card_of(
        "a/b", {"model_type": "llama", "architectures": ["LlamaForCausalLM"]}, read=lambda path: other.get(path, {}),
        files={"model.safetensors": 10**9, "tokenizer.json": 5, "consolidated.safetensors": 10**9},
    )
    assert card.chat and card.download == 10**9
    assert card.defaults["temperature"] == 0.3 and card.defaults["repetition_penalty"] == 1.2
    assert card.defaults["top_p"] == 0.95 and card.defaults["top_k"] == 50
    TextGenerationRequest(prompt="x", **card.defaults)


def test_every_family_of_voices_but_the_one_with_extras_is_known() -> None:
    assert {*own_cards.SPEECH, "speecht5"} == voices.FAMILIES.keys()


def test_defaults_are_within_the_requests_limits() -> None:
    for name in own_cards.FAMILIES:
        card = own.card_of("a/turbo", PIPELINE | {"_class_name": name})
        chosen = {n: v for n, v in card.defaults.items() if n in ("steps", "guidance_scale", "width", "height")}
        TextToImageRequest(prompt="x", model=card.id, **chosen)
