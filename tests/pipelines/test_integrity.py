"""Files that are damaged, missing or another model's: every adapter says so in a sentence, and loads nothing."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from playground import pipelines
from playground.catalog import ModelCard
from playground.errors import ModelBroken, NotInstalled
from playground.pipelines import integrity
from tests import tiny_diffusion, tiny_speech, tiny_text, tiny_upscale
from tests.fakes import CPU

WHOLE = {  # what is built, its adapter, its weights, a file of settings
    "pictures": (tiny_diffusion.stable_diffusion, "diffusion", "unet/diffusion_pytorch_model.safetensors", "vae/config.json"),
    "encoder": (tiny_diffusion.stable_diffusion, "diffusion", "text_encoder/model.safetensors", "model_index.json"),
    "words": (tiny_text.llama, "text", "model.safetensors", "tokenizer.json"),
    "voice": (tiny_speech.vits, "speech", "model.safetensors", "config.json"),
    "sizes": (tiny_upscale.swin2sr, "upscale", "model.safetensors", "config.json"),
    "drawn sizes": (
        tiny_upscale.diffusion_upscaler, "diffusion_upscale", "vae/diffusion_pytorch_model.safetensors", "unet/config.json",
    ),
}
BY_ADAPTER = {
    "diffusion": "text_to_image", "text": "text_generation", "speech": "text_to_speech", "upscale": "super_resolution",
    "diffusion_upscale": "super_resolution",
}
DAMAGED = "^Tiny has a damaged or missing file: {}. Remove the model and get it again.$"
OTHER = "^Tiny has files that are not this model's, or not all of them. Remove the model and get it again.$"


@pytest.fixture(scope="module")
def originals(tmp_path_factory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("whole")
    return {name: build(root / name) for name, (build, *_) in WHOLE.items()}


@pytest.fixture(params=WHOLE)
def broken(request, originals, tmp_path) -> tuple[ModelCard, Path, Path]:
    """A card whose folder may be damaged, its weights and a file of settings."""
    _, adapter, weights, settings = WHOLE[request.param]
    folder = shutil.copytree(originals[request.param], tmp_path / "copy")
    return card(folder, adapter), folder / weights, folder / settings


def card(folder: Path, adapter: str, **more) -> ModelCard:
    return ModelCard(
        id="tiny", title="Tiny", sentence="", bad_at="", tasks=frozenset({BY_ADAPTER[adapter]}), adapter=adapter, licence="",
        training_data="", memory=1, folder=folder, **more,
    )


def refused(given: ModelCard, sentence: str) -> None:
    with pytest.raises(ModelBroken, match=sentence):
        pipelines.load(given, CPU)


def test_whole_files_are_loaded(broken) -> None:
    given, weights, _ = broken
    assert integrity.damaged(given.folder) == "" and integrity.whole(weights)
    pipelines.load(given, CPU).close()


def test_weights_that_are_cut_short_are_named(broken) -> None:
    given, weights, _ = broken
    weights.write_bytes(weights.read_bytes()[:-1000])
    refused(given, DAMAGED.format(weights.relative_to(given.folder).as_posix()))


def test_a_header_of_rubbish_is_named(broken) -> None:
    given, weights, _ = broken
    weights.write_bytes(b"\xff" * 500)
    refused(given, DAMAGED.format(weights.relative_to(given.folder).as_posix()))


def test_settings_cut_in_half_are_named(broken) -> None:
    given, _, settings = broken
    settings.write_bytes(settings.read_bytes()[: settings.stat().st_size // 2])
    refused(given, DAMAGED.format(settings.relative_to(given.folder).as_posix()))


def test_weights_of_other_names_are_refused(broken) -> None:
    given, weights, _ = broken
    save_file({f"other.{name}": tensor for name, tensor in load_file(weights).items()}, weights, {"format": "pt"})
    refused(given, OTHER)


def test_one_missing_tensor_is_enough(broken) -> None:
    given, weights, _ = broken
    tensors = load_file(weights)
    left_out = max((name for name in tensors if tensors[name].ndim > 1), key=lambda name: tensors[name].numel())
    save_file({name: tensor for name, tensor in tensors.items() if name != left_out}, weights, {"format": "pt"})
    refused(given, OTHER)


def test_tensors_of_other_shapes_are_refused(broken) -> None:
    given, weights, _ = broken
    tensors = load_file(weights)
    largest = max((name for name in tensors if tensors[name].ndim > 1), key=lambda name: tensors[name].numel())
    tensors[largest] = torch.zeros(*(side + 1 for side in tensors[largest].shape))
    save_file(tensors, weights, {"format": "pt"})
    refused(given, OTHER)


@pytest.mark.parametrize("part", ["unet", "vae", "scheduler", "tokenizer"])
def test_a_part_that_is_not_there_is_named(originals, tmp_path, part) -> None:
    folder = shutil.copytree(originals["pictures"], tmp_path / "copy")
    shutil.rmtree(folder / part)
    refused(card(folder, "diffusion"), DAMAGED.format(f"{part}/"))


def test_a_shard_that_is_not_there_is_named(tmp_path) -> None:
    folder = tiny_text.llama(tmp_path / "words")
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    names = load_file(folder / "model-00001-of-00002.safetensors")
    index = {"metadata": {}, "weight_map": dict.fromkeys(names, "model-00001-of-00002.safetensors") | {
        "lm_head.weight": "model-00002-of-00002.safetensors",
    }}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    refused(card(folder, "text"), DAMAGED.format("model-00002-of-00002.safetensors"))


def test_a_package_that_is_not_there_is_named_before_anything_is_read(tmp_path) -> None:
    with pytest.raises(NotInstalled, match="^Tiny needs a package that is not installed: no_such_one. Run pip install no_such"):
        pipelines.load(card(tmp_path, "diffusion", needs=("no_such_one",)), CPU)


def test_the_libraries_stay_silent(originals, capfd) -> None:
    pipelines.load(card(originals["sizes"], "upscale"), CPU).close()
    capfd.readouterr()
    for name in integrity.LOADERS:
        logging.getLogger(name).warning("a prompt")
    assert capfd.readouterr() == ("", "")


def test_only_the_thread_that_loads_is_listened_to() -> None:
    import threading

    logger = logging.getLogger(integrity.LOADERS[0])
    for from_elsewhere in (True, False):
        heard = integrity.Heard()
        logger.addHandler(heard)
        try:
            def warn() -> None:
                logger.warning("x | MISSING |")

            thread = threading.Thread(target=warn)
            if from_elsewhere:
                thread.start()
                thread.join()
            else:
                warn()
        finally:
            logger.removeHandler(heard)
        assert heard.unset is not from_elsewhere
