"""Whether a model can be loaded at all and its files are whole: what the libraries only warn of becomes a sentence."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playground.catalog import ModelCard, missing
from playground.errors import ModelBroken, NotInstalled, PlaygroundError
from playground.lora_files import raw_header
from playground.wording import say

LOADERS = ("transformers.modeling_utils", "diffusers.models.modeling_utils")  # their loggers tell of missing weights
UNSET = ("MISSING", "newly initialized")  # what they say of weights that no file had, and that are random now
MISMATCH = ("size mismatch", "ignore_mismatched_sizes", "loading state_dict", "expected shape", "shapes did not match")
INDEX = "model_index.json"


@contextmanager
def watched(card: ModelCard) -> Iterator[None]:
    """A block that loads a card's model. Raises NotInstalled where a package is not there, and ModelBroken where a file is
    cut short or missing, or where the files are another model's; other errors pass."""
    if packages := missing(card):
        raise NotInstalled(say("integrity.needs", model=card.title, packages=", ".join(packages), install=" ".join(packages)))
    if lost := card.folder and lost_part(card.folder):  # of a tokenizer the libraries would make up an empty one
        raise ModelBroken(say("integrity.damaged", model=card.title, file=lost))
    heard = Heard()
    for name in LOADERS:
        logger = logging.getLogger(name)
        logger.setLevel(logging.WARNING)
        logger.propagate = False  # the libraries stay silent for everybody else
        if not any(isinstance(handler, logging.NullHandler) for handler in logger.handlers):
            logger.addHandler(logging.NullHandler())  # without any handler Python prints warnings itself
        logger.addHandler(heard)
    try:
        yield
    except PlaygroundError:
        raise
    except Exception as error:
        if fault := card.folder and damaged(card.folder):
            raise ModelBroken(say("integrity.damaged", model=card.title, file=fault)) from error
        if heard.unset or any(sign in str(error) for sign in MISMATCH):
            raise ModelBroken(say("integrity.other_model", model=card.title)) from error
        raise
    finally:
        for name in LOADERS:
            logging.getLogger(name).removeHandler(heard)
    if heard.unset:
        raise ModelBroken(say("integrity.other_model", model=card.title))


class Heard(logging.Handler):
    """Hears whether weights were left as chance made them, in the thread that loads; others may load at the same time."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.unset = False
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread and any(sign in record.getMessage() for sign in UNSET):
            self.unset = True


def damaged(folder: Path) -> str:
    """The first file of a model's folder that is cut short, unreadable or missing, by its path within; "" where all are whole."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.suffix == ".json":
            try:
                found = json.loads(path.read_text(encoding="utf8"))
            except (ValueError, OSError, RecursionError):
                return name
            if ".safetensors.index" in path.name and isinstance(found, dict):
                shards = set(found.get("weight_map", {}).values())
                if lost := sorted(shard for shard in shards if not (path.parent / shard).is_file()):
                    return lost[0]
        elif path.suffix == ".safetensors" and not whole(path):
            return name
    return ""


def lost_part(folder: Path) -> str:
    """A part of a diffusers model that its index names and whose folder is not there or empty; "" where all are there."""
    try:
        index = json.loads((folder / INDEX).read_text(encoding="utf8"))
    except (OSError, ValueError):
        return ""  # another kind of model, or told when it is loaded
    index = index if isinstance(index, dict) else {}
    parts = [
        name for name, kind in index.items()
        if isinstance(kind, list) and len(kind) == 2 and all(isinstance(one, str) for one in kind)
    ]
    absent = (name for name in sorted(parts) if not (folder / name).is_dir() or not any((folder / name).iterdir()))
    return next((f"{name}/" for name in absent), "")


def whole(path: Path) -> bool:
    """Whether a safetensors file's header can be read and the file is as long as that says."""
    try:
        found, begins = raw_header(path)
        ends = [entry["data_offsets"][1] for name, entry in found.items() if name != "__metadata__"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError):
        return False
    return path.stat().st_size == begins + max(ends, default=0)
