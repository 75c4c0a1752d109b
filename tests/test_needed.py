"""Which files of a repository are fetched: what the libraries read, in one precision, and nothing that can be code."""

from __future__ import annotations

import pytest

from playground import needed
from playground.catalog import ModelCard
from playground.errors import NotInstalled
from playground.hub import File, inside

INDEX = {
    "_class_name": "StableDiffusionPipeline", "_diffusers_version": "0.42.1", "requires_safety_checker": False,
    "safety_checker": [None, None], "unet": ["diffusers", "UNet2DConditionModel"],
    "text_encoder": ["transformers", "CLIPTextModel"], "tokenizer": ["transformers", "CLIPTokenizer"],
    "scheduler": ["diffusers", "DDIMScheduler"],
}
PARTS = [
    "model_index.json", "unet/config.json", "text_encoder/config.json", "tokenizer/vocab.json", "tokenizer/merges.txt",
    "tokenizer/tokenizer_config.json", "scheduler/scheduler_config.json",
]
UNET, TEXT = "unet/diffusion_pytorch_model", "text_encoder/model"


def card(**values) -> ModelCard:
    return ModelCard(**{
        "id": "far", "title": "Far", "repository": "acme/far", "adapter": "text", "tasks": frozenset({"text_generation"}),
        "sentence": "", "bad_at": "", "licence": "", "training_data": "", "memory": 1,
    } | values)


def chosen(names: list[str], index: dict | None = INDEX, **values) -> tuple[set[str], str]:
    """The names that are fetched of a repository, without those that each picture model has, and the variant."""
    found = needed.of_model(card(**values), [File(name=name, size=1) for name in names], index)
    return {file.name for file in found.files} - set(PARTS if index else ()), found.variant


def pieces(stem: str, mark: str = "", *, count: int = 2, legacy: bool = False) -> list[str]:
    """The names of weights in several files, with their index."""
    numbers = [f"-{i:05}-of-{count:05}" for i in range(1, count + 1)]
    if legacy:
        return [*(f"{stem}{number}{mark}.safetensors" for number in numbers), f"{stem}.safetensors{mark}.index.json"]
    return [*(f"{stem}{mark}{number}.safetensors" for number in numbers), f"{stem}.safetensors.index{mark}.json"]


WHOLE = [f"{UNET}.safetensors", f"{TEXT}.safetensors"]
HALF = [f"{UNET}.fp16.safetensors", f"{TEXT}.fp16.safetensors"]


@pytest.mark.parametrize(("names", "variant", "expected", "found"), [
    (WHOLE, "", WHOLE, ""),
    (WHOLE + HALF, "", WHOLE, ""),
    (WHOLE + HALF, "fp16", HALF, "fp16"),
    (WHOLE, "fp16", WHOLE, ""),
    (HALF, "", HALF, "fp16"),
    (HALF, "bf16", HALF, "fp16"),
    ([HALF[0], *WHOLE], "fp16", [HALF[0], WHOLE[1]], "fp16"),
    ([*pieces(UNET), WHOLE[1]], "", [*pieces(UNET), WHOLE[1]], ""),
    ([*pieces(UNET), *WHOLE], "", [*pieces(UNET), WHOLE[1]], ""),
    ([*pieces(TEXT), *WHOLE], "", WHOLE, ""),
    ([*pieces(UNET, ".fp16"), *WHOLE], "fp16", [*pieces(UNET, ".fp16"), WHOLE[1]], "fp16"),
    ([*pieces(UNET, ".fp16", legacy=True), *WHOLE], "fp16", [*pieces(UNET, ".fp16", legacy=True), WHOLE[1]], "fp16"),
])
def test_one_precision_of_each_part(names, variant, expected, found):
    assert chosen([*PARTS, *names], variant=variant) == (set(expected), found)


def test_twins_copies_and_code_are_left_out():
    beside = [
        "v1-5.safetensors", "v1-5.ckpt", "README.md", "config.json", "other/model.safetensors", "vae_decoder/model.onnx",
        "unet/diffusion_pytorch_model.bin", "unet/diffusion_pytorch_model.bin.index.json", "unet/model.py",
        "unet/diffusion_pytorch_model.non_ema.safetensors", "text_encoder/flax_model.msgpack", "tokenizer/tokenizer.py",
        "text_encoder/pytorch_model.bin", "safety_checker/model.safetensors",
    ]
    assert chosen([*PARTS, *WHOLE, *beside]) == (set(WHOLE), "")


@pytest.mark.parametrize("names", [
    [], [WHOLE[0], "text_encoder/pytorch_model.bin"], [WHOLE[0], *pieces(TEXT)[1:]], [WHOLE[0], *pieces(TEXT)[:2]],
    [WHOLE[0], "text_encoder/other.safetensors"],
])
def test_a_part_without_complete_safetensors_is_refused(names):
    with pytest.raises(NotInstalled, match="no complete weights in safetensors"):
        chosen([*PARTS, *names])


@pytest.mark.parametrize(("change", "names"), [
    ({"_class_name": ["pipeline", "OwnPipeline"]}, ["pipeline.py"]),
    ({"unet": ["network", "OwnNetwork"]}, ["unet/network.py"]),
])
def test_code_in_a_repository_is_not_run(change, names):
    with pytest.raises(NotInstalled, match="program code of its own"):
        chosen([*PARTS, *WHOLE, *names], INDEX | change)


def test_a_transformers_repository():
    wanted = [
        "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
        "added_tokens.json", "vocab.json", "merges.txt", "tokenizer.model", "chat_template.jinja", "preprocessor_config.json",
        "processor_config.json", "additional_chat_templates/tools.jinja", *pieces("model", count=3),
    ]
    beside = [
        "README.md", "pytorch_model.bin", "pytorch_model.bin.index.json", "consolidated.safetensors", "model.py",
        "onnx/model.onnx", "trainer_state.json", "tf_model.h5", "model.gguf", "original/model.safetensors", ".gitattributes",
        "figure.png",
    ]
    assert chosen(wanted + beside, None) == (set(wanted), "")


def test_a_folder_of_another_kind_is_refused():
    with pytest.raises(NotInstalled, match="not laid out"):
        chosen(["model.safetensors", "model.gguf"], None)


def test_a_voice_model_brings_its_voices():
    presets = "v2/en_speaker_6", "v2/en_speaker_60", "en_speaker_6"
    voices = [f"speaker_embeddings/{preset}_semantic_prompt.npy" for preset in presets]
    always = ["config.json", "model.safetensors", "speaker_embeddings_path.json"]
    found, _ = chosen([*always, *voices, "speaker_embeddings/v2/en_speaker_6_x.py"], None, voices=presets[:1])
    assert found == {*always, voices[0]}


@pytest.mark.parametrize(("patterns", "expected"), [
    (("*.npy",), {"a.npy", "deep/b.npy"}), (("a.npy", "list.txt"), {"a.npy", "list.txt"}),
    ((), {"a.npy", "deep/b.npy", "list.txt"}),
])
def test_extras_by_their_patterns(patterns, expected):
    files = [File(name=name, size=1) for name in ("a.npy", "deep/b.npy", "list.txt", "load.py", "data.pkl", ".gitattributes")]
    assert {file.name for file in needed.of_extra(card(), patterns, files).files} == expected


@pytest.mark.parametrize("pattern", ["missing.zip", "*.py", "data.pkl"])
def test_an_extra_that_is_not_there_or_is_code_is_told(pattern):
    files = [File(name=name, size=1) for name in ("a.npy", "load.py", "data.pkl")]
    with pytest.raises(NotInstalled, match="no longer has a file"):
        needed.of_extra(card(), (pattern,), files)


@pytest.mark.parametrize(("name", "within"), [
    ("a.json", True), ("a/b..c.json", True), ("../a.json", False), ("a/../../b", False), ("/etc/passwd", False),
    ("a\\..\\b", False), ("C:a", False),
])
def test_names_that_lead_out_of_a_repository(name, within):
    assert inside(name) == within
