"""How many tokens of a prompt a model reads, and which words come too late: from its tokenizer alone, without its weights."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from playground.catalog import ModelCard
from playground.requests import called
from playground.wording import say

NEW_TOKENS = 160  # what a text model writes where neither the request nor the card says
KEPT = 8  # readers of tokenizers that stay in memory


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """used: a text's tokens, those around it counted; limit: how many the model reads, 0 where that is not known; cut:
    the part of the text that has no effect, "" where all of it has."""

    used: int
    limit: int
    cut: str


@dataclass(frozen=True, kw_only=True)
class Reader:
    """A tokenizer as a model uses it. frame: tokens that the model puts around the text; keeps_end: whether a text that is
    too long loses its beginning instead of its end."""

    tokenizer: Any
    limit: int
    frame: int
    keeps_end: bool = False

    def count(self, text: str) -> Tokens:
        """What the model reads of a text."""
        if not text:
            return Tokens(used=self.frame, limit=self.limit, cut="")
        spans = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False).offset_mapping
        fit, cut = max(self.limit - self.frame, 0), ""
        if len(spans) > fit:
            cut = text[: spans[len(spans) - fit][0] if fit else None] if self.keeps_end else text[spans[fit][0] :]
        return Tokens(used=self.frame + len(spans), limit=self.limit, cut=cut)


def count(card: ModelCard, text: str) -> Tokens:
    """What a model on this computer reads of a text; a limit of 0 for models that read any length, or are not here."""
    reader = None
    if card.folder is not None and card.adapter in ("diffusion", "text"):
        new = card.defaults.get("max_new_tokens", NEW_TOKENS)
        try:
            reader = reader_of(card.folder, card.adapter, card.chat, new)
        except (OSError, ValueError, KeyError, AttributeError):  # a damaged folder is told of when the model is loaded
            reader = None
    return reader.count(text) if reader else Tokens(used=0, limit=0, cut="")


def what_is_cut(pipe: Any, text: str, *, field: str) -> str:
    """A sentence on the words of a field that do not fit into what a loaded pipeline reads, or ""."""
    tokenizers = [t for name, t in pipe.components.items() if name.startswith("tokenizer") and hasattr(t, "model_max_length")]
    reader = of_pipeline(tokenizers, type(pipe)) if text and tokenizers else None
    cut = reader.count(text).cut if reader else ""
    return say("pipelines.diffusion.cut", field=called(field), count=len(cut.split())) if cut else ""


@lru_cache(maxsize=KEPT)
def reader_of(folder: Path, adapter: str, chat: bool, new_tokens: int) -> Reader | None:
    """The reader of a model's folder, kept; None where it reads no text."""
    return text_reader(folder, chat, new_tokens) if adapter == "text" else diffusion_reader(folder)


def text_reader(folder: Path, chat: bool, new_tokens: int) -> Reader:
    """A language model's reader: its context, less the room that its answer needs."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    config = json.loads((folder / "config.json").read_text(encoding="utf8"))
    config = config.get("text_config") or config
    context = config.get("max_position_embeddings") or config.get("n_positions") or 1_000_000
    chatting = chat and bool(tokenizer.chat_template)
    around = tokenizer.num_special_tokens_to_add()
    if chatting:
        around = frame(tokenizer, add_special_tokens=False, enable_thinking=False)
    return Reader(tokenizer=tokenizer, limit=context - min(new_tokens, context // 2), frame=around, keeps_end=True)


def diffusion_reader(folder: Path) -> Reader | None:
    """A diffusion model's reader, from the tokenizers that its index names."""
    import diffusers
    import transformers

    index = json.loads((folder / "model_index.json").read_text(encoding="utf8"))
    tokenizers = [
        getattr(transformers, parts[1]).from_pretrained(folder / name, local_files_only=True)
        for name, parts in sorted(index.items())
        if name.startswith("tokenizer") and isinstance(parts, list) and parts[1] is not None
    ]
    return of_pipeline(tokenizers, getattr(diffusers, index["_class_name"]))


def of_pipeline(tokenizers: Iterable[Any], kind: type) -> Reader | None:
    """The reader of that of a pipeline's tokenizers which reads the most: what a shorter one leaves out has its effect all
    the same. A pipeline's own limit is not for CLIP, which has learned as many positions as it has."""
    readers = []
    parameter = inspect.signature(kind.__call__).parameters.get("max_sequence_length")
    for tokenizer in tokenizers:
        limit = tokenizer.model_max_length
        if parameter is not None and "CLIP" not in type(tokenizer).__name__:
            limit = min(limit, parameter.default)
        chats = getattr(tokenizer, "chat_template", None)
        around = frame(tokenizer) if chats else tokenizer.num_special_tokens_to_add()
        readers.append(Reader(tokenizer=tokenizer, limit=limit, frame=around))
    return max(readers, key=lambda reader: reader.limit - reader.frame, default=None)


def frame(tokenizer: Any, *, add_special_tokens: bool = True, **options: Any) -> int:
    """How many tokens a chat's template puts around a message."""
    turns = [{"role": "user", "content": ""}]
    empty = tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False, **options)
    return len(tokenizer(empty, add_special_tokens=add_special_tokens).input_ids)
