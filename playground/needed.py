"""Which files of a repository the libraries need for a model: weights in safetensors alone, never code, never pickle."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from playground.catalog import ModelCard
from playground.errors import NotInstalled
from playground.hub import File
from playground.wording import say

INDEX = "model_index.json"  # of a diffusers repository: its parts and their classes
CONFIG = "config.json"
VOICES = "speaker_embeddings"
STEMS = ("diffusion_pytorch_model", "model")  # the names that from_pretrained looks for; others are copies or choices
LAST_RESORTS = ("", "fp16", "bf16")  # variants, where a repository lacks the card's
WEIGHTLESS = re.compile(r"(Tokenizer(Fast)?|Scheduler|Processor(Fast|Pil)?|FeatureExtractor)$")
LIBRARIES = ("diffusers", "transformers", "stable_diffusion")
SETTINGS = (
    CONFIG, "generation_config.json", "*token*.json", "special_tokens_map.json", "vocab*.json", "vocab.txt", "merges.txt",
    "normalizer.json", "*.model", "*.tiktoken", "*.jinja", "chat_template.json", "*processor_config.json",
    "scheduler_config.json", f"{VOICES}_path.json",
)
NEVER = (  # what can hold or become code
    ".py", ".pyc", ".pyd", ".so", ".dll", ".dylib", ".exe", ".sh", ".bat", ".ps1", ".ipynb", ".whl", ".jar", ".bin", ".pt",
    ".pth", ".ckpt", ".pkl", ".pickle", ".joblib", ".dill", ".msgpack", ".h5", ".keras", ".pb", ".mar", ".nemo",
)


@dataclass(frozen=True, kw_only=True)
class Needed:
    """What to fetch of one repository. variant: of the weights that were chosen."""

    files: tuple[File, ...]
    variant: str = ""


def of_model(card: ModelCard, files: Sequence[File], index: Mapping[str, Any] | None = None) -> Needed:
    """What from_pretrained reads of a model's repository. index: the contents of its model_index.json, where it has one.

    Raises NotInstalled where a part has no weights in safetensors, or where a class would have to be run from the
    repository.
    """
    by_name = {file.name: file for file in files}
    if index is None and CONFIG not in by_name:
        raise NotInstalled(say("downloads.no_layout", model=card.title))
    parts = {"": ("transformers", "")} if index is None else components(card, index, by_name)
    names, variant = weights(card, parts, list(by_name))
    for part in parts:
        names |= {name for name in by_name if is_setting(name, part)}
    if index is not None:
        names.add(INDEX)
    names |= voices(card, by_name)
    return Needed(files=tuple(file for file in files if file.name in names), variant=variant)


def of_extra(card: ModelCard, patterns: Iterable[str], files: Sequence[File]) -> Needed:
    """The files of an extra's patterns, () for all; none of them is code."""
    allowed = [file for file in files if not file.name.lower().endswith(NEVER)]
    wanted = tuple(patterns)
    for pattern in wanted:
        if not any(fnmatchcase(file.name, pattern) for file in allowed):
            raise NotInstalled(say("downloads.lacks", model=card.title, file=pattern))
    return Needed(files=tuple(
        file for file in allowed
        if any(fnmatchcase(file.name, pattern) for pattern in wanted) or not wanted and not file.name.startswith(".")
    ))


def components(card: ModelCard, index: Mapping[str, Any], names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """The folders of a diffusers repository with their library and class; NotInstalled where one brings its own code."""
    there = set(names)
    if isinstance(index.get("_class_name"), list):
        raise NotInstalled(say("downloads.code", model=card.title))
    found = {}
    for name, value in index.items():
        if name.startswith("_") or not isinstance(value, list) or len(value) != 2 or None in value:
            continue
        library, kind = map(str, value)
        if library not in LIBRARIES and f"{name}/{library}.py" in there:
            raise NotInstalled(say("downloads.code", model=card.title))
        found[name] = library, kind
    return found


def weights(card: ModelCard, parts: Mapping[str, tuple[str, str]], names: Sequence[str]) -> tuple[set[str], str]:
    """The names of the weights of every part, and their variant: the card's where the repository has it."""
    for variant in dict.fromkeys((card.variant, *LAST_RESORTS)):
        chosen, special = set(), False
        for part, (library, kind) in parts.items():
            here = [name for name in names if name.rpartition("/")[0] == part]
            own = part_weights(here, variant, split_first=library == "diffusers")
            made = own or part_weights(here, "", split_first=library == "diffusers")
            if not made and not WEIGHTLESS.search(kind):
                break
            chosen |= made
            special |= bool(own)
        else:
            if special or not variant:
                return chosen, variant
    raise NotInstalled(say("downloads.only_pickle", model=card.title))


def part_weights(names: Sequence[str], variant: str, *, split_first: bool) -> set[str]:
    """The weights of one folder in a variant: one file, or a complete set of numbered ones with its index; else none.

    split_first: which of the two is taken where there are both, as the library does.
    """
    mark = re.escape(f".{variant}") if variant else ""
    # both ways of writing a variant's pieces: model.fp16-00001-of-00002 and, earlier, model-00001-of-00002.fp16
    numbers = rf"(?:{mark}-\d{{5}}-of-(?P<n>\d{{5}})|-\d{{5}}-of-(?P<m>\d{{5}}){mark})"
    for stem in STEMS:
        single = matched(names, rf"{stem}{mark}\.safetensors")
        pieces = matched(names, rf"{stem}{numbers}\.safetensors")
        index = matched(names, rf"{stem}\.safetensors(?:\.index{mark}|{mark}\.index)\.json")
        counts = {int(match["n"] or match["m"]) for match in pieces.values()}
        split = set(pieces) | set(index) if index and counts == {len(pieces)} else set()
        found = (split or set(single)) if split_first else (set(single) or split)
        if found:
            return found
    return set()


def matched(names: Iterable[str], pattern: str) -> dict[str, re.Match[str]]:
    """The names whose last part fits a pattern."""
    return {name: match for name in names if (match := re.fullmatch(pattern, name.rpartition("/")[2]))}


def is_setting(name: str, part: str) -> bool:
    """Whether a file tells how to build a part, or its tokenizer. part: its folder, "" for the repository's own files."""
    folder, _, last = name.rpartition("/")
    if folder not in (part, f"{part}/additional_chat_templates".lstrip("/")) or last.lower().endswith(NEVER):
        return False
    return ".index." not in last and any(fnmatchcase(last, pattern) for pattern in SETTINGS)


def voices(card: ModelCard, names: Iterable[str]) -> set[str]:
    """The files of the card's voices where a repository keeps them as arrays of numbers, each in a few files."""
    there = [name for name in names if name.startswith(f"{VOICES}/") and name.endswith((".npy", ".npz"))]
    return {name for name in there if any(name.startswith(f"{VOICES}/{voice}_") for voice in card.voices)}
