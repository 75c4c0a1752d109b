"""The families of voices, one module each; a module has `load(card, device) -> Voice`."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import numpy as np

from playground.catalog import ModelCard
from playground.errors import NotInstalled
from playground.events import SpokenWord
from playground.pipelines import where
from playground.requests import TextToSpeechRequest
from playground.wording import say

FAMILIES = {  # model_type of a config: the module
    "vits": "vits", "bark": "bark", "speecht5": "speecht5", "pocket_tts": "pocket_tts", "gradium_phonon_tts": "pocket_tts",
    "csm": "csm", "dia": "dia", "vibevoice": "vibevoice",
}


@dataclass(frozen=True, kw_only=True)
class Said:
    """One piece of speech as the model made it. samples: (N,) float32; words: their seconds count from the first sample,
    empty where the family does not know them; unread: what of the text it could not say, as far as it knows."""

    samples: np.ndarray
    words: tuple[SpokenWord, ...] = ()
    unread: tuple[str, ...] = ()


class Voice(Protocol):
    """A loaded voice. rate: Hz; exact_words: whether say() gives words; network: the torch module with the weights.

    A family that speaks a piece slowly, step by step, also has `steps`: the torch modules of which each call is such a
    step, so that a run can be stopped between two of them.
    """

    rate: int
    exact_words: bool
    network: Any

    def readable(self, text: str) -> bool:
        """Whether it knows at least one letter or word of the text."""

    def say(self, text: str, request: TextToSpeechRequest, *, seed: int) -> Said:
        """One sentence, in the request's voice and at its speed and pitch as far as the family can. seed: the request's
        own for the first sentence of a run, another one for each of the others."""


def family(card: ModelCard) -> ModuleType:
    """The module for a card's model: Playground's own, else by the model_type of its config."""
    if card.folder is not None and (card.folder / "phones.json").exists():
        return importlib.import_module("playground.pipelines.voices.starter")
    from transformers import PreTrainedConfig

    settings, _ = PreTrainedConfig.get_config_dict(card.origin, **local_only(card))
    name = FAMILIES.get(settings.get("model_type", ""))
    if name is None:
        raise NotInstalled(say("pipelines.speech.other_kind", model=card.title))
    return importlib.import_module(f"playground.pipelines.voices.{name}")


def local_only(card: ModelCard) -> dict[str, bool]:
    """from_pretrained's argument on where to look; where the hub must be asked whether it is there, it takes a moment."""
    return {"local_files_only": where(card).get("local_files_only", False)}


def pretrained(kind: Any, card: ModelCard, place: dict[str, bool], *, dtype: Any, origin: str = "") -> Any:
    """A network of a transformers class, from the card's model or from another origin; read from safetensors alone, which
    can hold no code. place: what local_only() said."""
    try:
        return kind.from_pretrained(
            beside(card, origin) if origin else card.origin, dtype=dtype, use_safetensors=True, **place
        ).eval()
    except OSError as error:
        if "safetensors" in str(error) and "file named" in str(error):
            raise NotInstalled(say("pipelines.speech.no_safetensors", model=card.title)) from error
        raise


def processor(kind: Any, card: ModelCard, place: dict[str, bool]) -> Any:
    """A processor of a transformers class. The codec that it names as a repository of the hub is read from where that is
    on this computer, and from safetensors alone. place: what local_only() said."""

    class Codec:
        """The codec's class, which looks beside the model first."""

        def __init__(self, known: Any) -> None:
            self.known = known

        def from_pretrained(self, origin: str, **more: Any) -> Any:
            return self.known.from_pretrained(beside(card, origin), **{"use_safetensors": True} | place | more)

        def __instancecheck__(self, one: Any) -> bool:
            return isinstance(one, self.known)

    class Beside(kind):
        """The processor's class; transformers gives no other way to say where the codec is."""

        @staticmethod
        def get_possibly_dynamic_module(name: str) -> Any:
            found = kind.get_possibly_dynamic_module(name)
            return Codec(found) if name.endswith("Model") else found

    made = Beside.from_pretrained(card.origin, **place)
    made.__class__ = kind
    return made


def beside(card: ModelCard, origin: str) -> str:
    """Where a card's further files are: a repository's folder on this computer, or one of that name within the model's own,
    else the origin itself, a folder or a repository."""
    if origin in card.places:
        return str(card.places[origin])
    return str(card.folder / origin) if card.folder is not None and (card.folder / origin).is_dir() else origin


def fetched(card: ModelCard, origin: str, path: str, *, kind: str = "model") -> Path:
    """A voice's file in a folder or in a repository of the hub; NotInstalled in a sentence where it cannot be had."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    folder = Path(beside(card, origin))
    if folder.is_dir():
        file = folder / path  # in the hub's cache a link to elsewhere, so only its name can be looked at
        if ".." not in Path(path).parts and not Path(path).is_absolute() and file.is_file():
            return file
        raise NotInstalled(say("pipelines.speech.no_voice_file", model=card.title))
    try:
        try:
            return Path(hf_hub_download(origin, path, repo_type=kind, local_files_only=True))
        except LocalEntryNotFoundError:
            return Path(hf_hub_download(origin, path, repo_type=kind, **local_only(card)))
    except LocalEntryNotFoundError:
        raise NotInstalled(say("pipelines.speech.voice_not_here", model=card.title)) from None
    except EntryNotFoundError:
        raise NotInstalled(say("pipelines.speech.no_voice_file", model=card.title)) from None


def longest(text: str, frames_a_second: float) -> int:
    """How many frames a piece of text can take: nobody speaks slower than 6 letters a second."""
    return int(frames_a_second * (3 + len(text) / 6))


def known_letters(tokenizer: Any, text: str) -> bool:
    """Whether a tokenizer of pieces of words knows at least one letter of the text."""
    known = [i for i in tokenizer(text, add_special_tokens=False).input_ids if i != tokenizer.unk_token_id]
    return any(c.isalnum() for c in tokenizer.decode(known))
