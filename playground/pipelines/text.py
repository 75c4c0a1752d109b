"""Text generation with any causal language model of transformers: completion, or chat where there is a template."""

from __future__ import annotations

import gc
import time
from dataclasses import dataclass, field
from typing import Any

from playground.catalog import ModelCard
from playground.device import Device
from playground.errors import BadRequest
from playground.events import Emit, Notice, Text, TextResult
from playground.pipelines import where
from playground.requests import TextGenerationRequest

EMIT_SECONDS = 0.04  # between two events; the page cannot show more
LEAST_NEW_TOKENS = 16  # room for the answer, kept when a long prompt must be cut


def imports() -> None:
    """Imports the libraries and silences them: their warnings quote prompts."""
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    for name in ("AutoModelForCausalLM", "AutoTokenizer", "LlamaForCausalLM"):
        getattr(transformers, name)


def load(card: ModelCard, device: Device) -> TextModel:
    """The card's model and tokenizer; a starter's files are never asked for on a network."""
    imports()
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    place = where(card)
    tokenizer = AutoTokenizer.from_pretrained(card.origin, local_files_only=place.get("local_files_only", False))
    network = AutoModelForCausalLM.from_pretrained(
        card.origin, dtype=getattr(torch, device.dtype), **{"use_safetensors": True} | place
    )
    return TextModel(card=card, network=network.to(device.name).eval(), tokenizer=tokenizer, dtype=device.dtype)


@dataclass(kw_only=True)
class TextModel:
    """A loaded language model."""

    card: ModelCard
    network: Any
    tokenizer: Any
    dtype: str
    nbytes: int = field(init=False)

    def __post_init__(self) -> None:
        tensors = (*self.network.parameters(), *self.network.buffers())
        self.nbytes = sum(t.numel() * t.element_size() for t in tensors)

    def run(self, request: TextGenerationRequest, emit: Emit) -> TextResult:
        """Streams Text events; the result is the new text alone, which reads on from the prompt."""
        import torch

        # 1. The prompt as tokens, cut at its beginning where it is too long.
        begun = time.perf_counter()
        ids, new_tokens = self.fitted(self.encoded(request), request.max_new_tokens, emit)
        ids = ids.to(self.network.device)  # (1, T)
        stream = Stream(tokenizer=self.tokenizer, emit=emit, started=begun)

        # 2. Tokens one by one; now and then the text so far is told.
        torch.manual_seed(request.seed)
        with torch.inference_mode():
            self.network.generate(
                input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=new_tokens, streamer=stream,
                pad_token_id=self.padding, **sampling(request),
            )
        first = stream.first_token - begun
        return TextResult(
            text=stream.text, tokens=stream.count,
            timings={"encode": first, "generate": time.perf_counter() - begun - first},
        )

    @property
    def padding(self) -> int:
        """The id for padding, which generate wants to know even where nothing is padded."""
        known = (self.tokenizer.pad_token_id, self.tokenizer.eos_token_id, 0)
        return next(i for i in known if i is not None)

    def encoded(self, request: TextGenerationRequest):
        """The prompt, or the whole chat with it, as token ids (1, T)."""
        if not (self.card.chat and self.tokenizer.chat_template):
            prompt = request.prompt.rstrip()
            ids = self.tokenizer(prompt, return_tensors="pt").input_ids
            eos = self.tokenizer.eos_token_id
            if ids.shape[1] > 1 and ids[0, -1] == eos:  # some tokenizers close every text
                ids = ids[:, :-1]
            return ids
        turns = [{"role": role, "content": text} for role, text in request.history]
        going_on = bool(turns) and turns[-1]["role"] == "assistant" and len(turns) > 1 \
            and turns[-2] == {"role": "user", "content": request.prompt}
        if not going_on:
            turns.append({"role": "user", "content": request.prompt})
        try:
            made = self.tokenizer.apply_chat_template(
                turns, add_generation_prompt=not going_on, continue_final_message=going_on, return_tensors="pt",
                return_dict=True, enable_thinking=False,
            )
        except ValueError as error:
            raise BadRequest("This chat's turns are out of order. Start a new chat.", field="history") from error
        return made["input_ids"]

    def fitted(self, ids, wanted: int, emit: Emit):
        """Ids and new tokens that fit into the model's context together; what was cut is told in a Notice."""
        import torch

        context = getattr(self.network.config, "max_position_embeddings", None) or getattr(
            getattr(self.network.config, "text_config", None), "max_position_embeddings", 1_000_000
        )
        if ids.shape[1] + wanted <= context:
            return ids, wanted
        new_tokens = max(min(wanted, context // 2), min(LEAST_NEW_TOKENS, context - 1), min(wanted, context - ids.shape[1]))
        if new_tokens < wanted:
            emit(Notice(text=f"{self.card.title} can keep {context} tokens in mind, so at most {new_tokens} new ones are made."))
        room = context - new_tokens
        if ids.shape[1] > room:
            begins = ids[0, 0] == self.tokenizer.bos_token_id
            head = ids[:, :1] if begins else ids[:, :0]
            emit(Notice(text=f"The text is longer than {self.card.title} can read, so its first {ids.shape[1] - room} tokens were left out."))
            ids = torch.cat([head, ids[:, ids.shape[1] - (room - head.shape[1]):]], dim=1)
        return ids, new_tokens

    def close(self) -> None:
        """Frees the weights."""
        import torch

        self.network = self.tokenizer = None
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def sampling(request: TextGenerationRequest) -> dict[str, Any]:
    """generate's arguments for how the next token is drawn."""
    if not request.temperature:
        return {"do_sample": False, "temperature": None, "top_p": None, "top_k": None,
                "repetition_penalty": request.repetition_penalty}
    return {
        "do_sample": True, "temperature": request.temperature, "top_p": request.top_p, "top_k": request.top_k,
        "repetition_penalty": request.repetition_penalty,
    }


@dataclass(kw_only=True)
class Stream:
    """Takes generate's tokens and tells the text so far; a transformers streamer by its put() and end().

    Decoding is incremental: text up to the last safe place is kept, and only the tokens after it are decoded again.
    """

    tokenizer: Any
    emit: Emit
    started: float
    count: int = 0
    first_token: float = 0.0
    _prompt_seen: bool = False
    _kept: str = ""
    _open: list[int] = field(default_factory=list)
    _told: float = 0.0

    def put(self, value) -> None:
        """The prompt at first, then one token at a time."""
        if not self._prompt_seen:
            self._prompt_seen = True
            return
        now = time.perf_counter()
        if not self.count:
            self.first_token = now
        tokens = value.reshape(-1).tolist()
        self.count += len(tokens)
        self._open += tokens
        if now - self._told >= EMIT_SECONDS:
            self._told = now
            self.emit(Text(text=self.text, tokens=self.count))
            self._settle()

    def end(self) -> None:
        """The last word."""
        if not self.count:
            self.first_token = time.perf_counter()
        self.emit(Text(text=self.text, tokens=self.count))

    @property
    def text(self) -> str:
        """All text so far; a character whose bytes have not all come yet is held back."""
        return (self._kept + self._decoded(self._open)).rstrip("�")

    def _decoded(self, ids: list[int]) -> str:
        return self.tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)

    def _settle(self) -> None:
        """Keeps what can no longer change, so that decoding stays cheap in long texts."""
        if len(self._open) < 64:
            return
        head, tail = self._open[:-16], self._open[-16:]
        before, whole = self._decoded(head), self._decoded(self._open)
        if not before.endswith("�") and whole == before + self._decoded(tail):
            self._kept += before
            self._open = tail
