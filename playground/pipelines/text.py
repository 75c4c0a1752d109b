"""Text generation with any causal language model of transformers: completion, or chat where there is a template."""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from playground.catalog import ModelCard
from playground.device import Device, give_back
from playground.errors import BadRequest, OutOfMemory, PlaygroundError
from playground.events import Emit, Notice, Stopped, Text, TextResult
from playground.pipelines import where
from playground.pipelines.channels import answer
from playground.pipelines.placing import PlacedNetwork
from playground.placement import WHOLE
from playground.requests import TextGenerationRequest
from playground.wording import say

log = logging.getLogger(__name__)
EMIT_SECONDS = 0.04  # between two events; the page cannot show more
NEW_TOKENS = 160  # where neither the request nor the card says
CONTEXT_TOKENS = 8  # of the prompt, decoded with the first new ones
SMALLEST_CACHE = 512  # tokens of a static cache
UNFINISHED = "\N{REPLACEMENT CHARACTER}"  # what a character decodes to whose bytes have not all come yet


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
    model = TextModel(card=card, network=network.eval(), tokenizer=tokenizer, dtype=device.dtype)
    model.place(device)
    return model


@dataclass(kw_only=True)
class TextModel(PlacedNetwork):
    """A loaded language model."""

    card: ModelCard
    network: Any
    tokenizer: Any
    dtype: str
    nbytes: int = field(init=False)
    static: bool | None = None  # whether a static cache works, once that is known
    thread: ThreadPoolExecutor | None = None
    _layer: int = 0

    def __post_init__(self) -> None:
        tensors = (*self.network.parameters(), *self.network.buffers())
        self.nbytes = sum(t.numel() * t.element_size() for t in tensors)

    def place(self, device: Device) -> None:
        """Puts the network on the device, or lets its layers be fetched there one after the other."""
        self.placed_on(device.name)
        if device.placement == WHOLE:
            self.network.to(device.name)
            return
        self.placement, self._layer = device.placement, fetch_layers(self.network, device.name)
        import torch

        try:
            with torch.inference_mode():
                self.network(input_ids=torch.zeros(1, 1, dtype=torch.long, device=device.name))
        except (RuntimeError, NotImplementedError) as error:  # one part reads weights of another that were not fetched
            if "OutOfMemory" in type(error).__name__:
                raise
            log.warning("%s cannot fetch its layers: %s", self.card.id, type(error).__name__)
            raise OutOfMemory(say("pool.load_failed", model=self.card.title)) from error

    @property
    def part_bytes(self) -> int:
        """Bytes that stand on the device at once."""
        return self.nbytes if self.placement == WHOLE else self._layer

    def run(self, request: TextGenerationRequest, emit: Emit) -> TextResult:
        """Streams Text events. The result is the new text alone; it reads on from the prompt without the spaces at its
        end, because a word's token carries the space before it."""
        # 1. The prompt as tokens, cut where it is too long.
        begun = time.perf_counter()
        wanted = request.max_new_tokens or NEW_TOKENS
        chatting = self.card.chat and bool(self.tokenizer.chat_template)
        ids = self.chat(request, wanted, emit) if chatting else self.completion(request.prompt)
        ids, new_tokens = self.fitted(ids, wanted, emit)
        ids = ids.to(self.network.device if self.placement == WHOLE else self._home)  # (1, T)

        # 2. Tokens one by one; now and then the text so far is told.
        static = request.acceleration != "exact" and self.takes_static
        if request.acceleration != "exact" and not static:
            emit(Notice(text=say("acceleration.same", model=self.card.title)))
        stream = self.faster(request, ids, new_tokens, emit) if static else None
        used = () if stream is None else (say("acceleration.static"),)
        if stream is None:
            stream = self.generated(request, ids, new_tokens, emit)
        first = stream.first_token - begun
        return TextResult(
            text=stream.text, tokens=stream.count, used=(*self.used, *used),
            timings={"encode": first, "generate": time.perf_counter() - begun - first},
        )

    def generated(self, request: TextGenerationRequest, ids, new_tokens: int, emit: Emit, **more: Any) -> Stream:
        """The stream of tokens behind ids (1, T), to its end. more: further arguments of generate."""
        import torch

        stream = Stream(tokenizer=self.tokenizer, emit=emit, channels=self.card.options.get("hides") == "analysis")
        torch.manual_seed(request.seed)
        with torch.inference_mode():
            self.network.generate(
                input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=new_tokens, streamer=stream,
                pad_token_id=self.padding, **sampling(request), **more,
            )
        return stream

    @property
    def takes_static(self) -> bool:
        """Whether a cache of fixed size pays: only on a graphics card, for which the library then compiles each step."""
        return self.placement == WHOLE and self.static is not False and self.network.device.type == "cuda"

    def faster(self, request: TextGenerationRequest, ids, new_tokens: int, emit: Emit) -> Stream | None:
        """What generated() gives, from a static cache; None where the model cannot, which is remembered."""
        if self.static is None:
            emit(Notice(text=say("acceleration.warming", model=self.card.title)))
            # what is recorded for the graphics card belongs to a thread, and a run's own ends with it
            self.thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"text {self.card.id}")
        length = bucket(ids.shape[1] + new_tokens, self.context)
        cache = {"cache_implementation": "static", "max_cache_len": length}
        try:
            stream = self.thread.submit(self.generated, request, ids, new_tokens, emit, **cache).result()
            self.static = True
            return stream
        except (Stopped, PlaygroundError, MemoryError):
            raise
        except Exception as error:
            if "OutOfMemory" in type(error).__name__:
                raise
            log.warning("%s takes no static cache: %s", self.card.id, type(error).__name__)
            self.static = False
            self.thread = None
            emit(Notice(text=say("acceleration.no_static", model=self.card.title)))
            return None

    @property
    def padding(self) -> int:
        """The id for padding, which generate wants to know even where nothing is padded."""
        known = (self.tokenizer.pad_token_id, self.tokenizer.eos_token_id, 0)
        return next(i for i in known if i is not None)

    @property
    def context(self) -> int:
        """How many tokens of prompt and answer together the network can take."""
        return getattr(self.network.config.get_text_config(), "max_position_embeddings", None) or 1_000_000

    def completion(self, prompt: str):
        """A text to go on with, as token ids (1, T)."""
        ids = self.tokenizer(prompt.rstrip(" \t"), return_tensors="pt").input_ids
        closed = ids.shape[1] > 1 and ids[0, -1] == self.tokenizer.eos_token_id  # some tokenizers close every text
        return ids[:, :-1] if closed else ids

    def chat(self, request: TextGenerationRequest, wanted: int, emit: Emit):
        """The whole chat as token ids (1, T), without its oldest turns where the context would not hold them."""
        turns = [{"role": role, "content": text} for role, text in request.history]
        if turns and turns[-1]["role"] == "assistant" and not turns[-1]["content"].strip():
            turns.pop()  # an answer that was stopped before its first word
            if turns and turns[-1] == {"role": "user", "content": request.prompt}:
                turns.pop()
        if not request.continues:
            turns.append({"role": "user", "content": request.prompt})
        room = self.context - min(wanted, self.context // 2)
        ids, dropped = self.templated(turns, request.continues), 0
        while ids.shape[1] > room and (shorter := without_oldest(turns)):
            dropped += len(turns) - len(shorter)
            turns = shorter
            ids = self.templated(turns, request.continues)
        if dropped:
            emit(Notice(text=say("pipelines.text.forgotten", model=self.card.title, count=dropped)))
        return ids

    def templated(self, turns: list[dict[str, str]], going_on: bool):
        """Turns in the model's own chat format, as token ids (1, T)."""
        from jinja2 import TemplateError

        try:
            made = self.tokenizer.apply_chat_template(
                turns, add_generation_prompt=not going_on, continue_final_message=going_on, return_tensors="pt",
                return_dict=True, enable_thinking=False,
            )
        except (ValueError, TemplateError) as error:
            raise BadRequest(say("pipelines.text.out_of_order"), field="history") from error
        return made["input_ids"]

    def fitted(self, ids, wanted: int, emit: Emit):
        """Ids and new tokens that fit into the context together; a long prompt leaves half of it to the answer. What
        was cut is told in a Notice."""
        import torch

        context, length, title = self.context, ids.shape[1], self.card.title
        new_tokens = min(wanted, max(context - length, context // 2))
        if new_tokens < wanted:
            emit(Notice(text=say("pipelines.text.short_answer", model=title, context=context, count=new_tokens)))
        room = context - new_tokens
        if length > room:
            head = ids[:, : int(ids[0, 0] == self.tokenizer.bos_token_id)]  # models lean on the mark of the beginning
            ids = torch.cat([head, ids[:, length - room + head.shape[1] :]], dim=1)
            emit(Notice(text=say("pipelines.text.cut", model=title, count=length - room)))
        return ids, new_tokens

    def close(self) -> None:
        """Frees the weights."""
        self.network = self.tokenizer = None
        give_back()


def fetch_layers(network: Any, device: str) -> int:
    """Keeps a network's weights in RAM, from where each layer is fetched while it works; the bytes of the largest. A layer
    comes as a whole, since some of them read the weights of their parts without calling these."""
    from accelerate import cpu_offload

    whole = tuple(getattr(network, "_no_split_modules", None) or ())
    sizes = [
        sum(t.nbytes for t in module.parameters(recurse=type(module).__name__ in whole)) for module in network.modules()
    ]
    cpu_offload(network, execution_device=device, preload_module_classes=list(whole))
    return max(sizes)


def bucket(tokens: int, context: int) -> int:
    """The size of a static cache: one of few, so that texts of about one length share what was compiled."""
    return min(max(SMALLEST_CACHE, 1 << (tokens - 1).bit_length()), context)


def without_oldest(turns: list[dict[str, str]]) -> list[dict[str, str]]:
    """The chat without its oldest question and answer; empty where no later question is there."""
    later = next((i for i, turn in enumerate(turns) if i and turn["role"] == "user"), len(turns))
    return turns[later:]


def sampling(request: TextGenerationRequest) -> dict[str, Any]:
    """generate's arguments for how the next token is drawn; what the request leaves open is the model's own."""
    penalty = {} if request.repetition_penalty is None else {"repetition_penalty": request.repetition_penalty}
    if request.temperature == 0:
        return penalty | {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
    chosen = {"temperature": request.temperature, "top_p": request.top_p, "top_k": request.top_k}
    return penalty | {"do_sample": True} | {name: value for name, value in chosen.items() if value is not None}


@dataclass(kw_only=True)
class Stream:
    """Takes generate's tokens and tells the text so far; a transformers streamer by its put() and end().

    Only the tokens since the last whole character are decoded, each time behind those of the time before, because some
    tokenizers drop the space of the first word that they decode. channels: whether the model thinks in one channel and
    answers in another, which alone is told.
    """

    tokenizer: Any
    emit: Emit
    channels: bool = False
    text: str = ""
    count: int = 0
    first_token: float = 0.0
    _ids: list[int] = field(default_factory=list)
    _start: int = 0
    _read: int = 0
    _settled: str = ""
    _told: float | None = None

    def put(self, value) -> None:
        """The prompt at first, then one token at a time."""
        tokens, now = value.reshape(-1).tolist(), time.perf_counter()
        if not self._read:
            self._ids = tokens[-CONTEXT_TOKENS:]
            self._read = len(self._ids)
            return
        self.first_token = self.first_token or now
        self._ids += tokens
        self.count += len(tokens)
        if self._told is None or now - self._told >= EMIT_SECONDS:
            self._told = now
            self._tell()

    def end(self) -> None:
        """The last word."""
        self.first_token = self.first_token or time.perf_counter()
        self._tell(done=True)

    def _tell(self, *, done: bool = False) -> None:
        before, whole = self._decoded(self._ids[self._start : self._read]), self._decoded(self._ids[self._start :])
        new = whole[len(before):]
        written = self._settled + new.rstrip(UNFINISHED)
        if new and not new.endswith(UNFINISHED):
            self._settled, self._start, self._read = written, self._read, len(self._ids)
        self.text = answer(written, done=done) if self.channels else written
        self.emit(Text(text=self.text, tokens=self.count))

    def _decoded(self, ids: list[int]) -> str:
        return self.tokenizer.decode(ids, skip_special_tokens=not self.channels, clean_up_tokenization_spaces=False)
