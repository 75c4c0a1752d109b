"""Text to speech, sentence by sentence, with any family of voices: what all of them share, from pauses to loudness."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from playground.catalog import ModelCard
from playground.device import Device, give_back
from playground.errors import BadRequest, ModelBroken
from playground.events import Audio, AudioResult, Emit, Notice, SpokenPiece, SpokenWord, Step
from playground.pipelines import joins, voices
from playground.pipelines.placing import PlacedNetwork
from playground.pipelines.voices import Said, Voice
from playground.requests import TextToSpeechRequest
from playground.speech_text.sentences import Sentence, sentences
from playground.wording import say

STEP_SECONDS = 0.3  # between two signs of life within a sentence
UNHEARD = 0.1  # seconds of silence in place of a sentence of which the model made no sound


def imports() -> None:
    """Imports the libraries and silences them."""
    from playground.pipelines.voices import starter

    silence()
    starter.imports()


def silence() -> None:
    """Keeps transformers from printing: its warnings quote texts."""
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()


def load(card: ModelCard, device: Device) -> SpeechModel:
    """The card's voice, by its family."""
    silence()
    voice = voices.family(card).load(card, device)
    dtype = str(next(voice.network.parameters()).dtype).removeprefix("torch.")
    model = SpeechModel(card=card, voice=voice, dtype=dtype)
    model.placed_on(device.name)
    return model


@dataclass(kw_only=True)
class SpeechModel(PlacedNetwork):
    """A loaded voice of any family."""

    card: ModelCard
    voice: Voice | None
    dtype: str = "float32"
    nbytes: int = field(init=False)

    def __post_init__(self) -> None:
        tensors = (*self.network.parameters(), *self.network.buffers())
        self.nbytes = sum(t.numel() * t.element_size() for t in tensors)

    @property
    def network(self) -> Any:
        """The torch module with the weights."""
        return self.voice.network if self.voice is not None else None

    def run(self, request: TextToSpeechRequest, emit: Emit) -> AudioResult:
        """Tells each sentence as soon as it is made; the result is all of them with the pauses between."""
        begun = time.perf_counter()
        known = self.readable(request.text, emit)
        whole, pieces, unread, begins, unheard, exact = [], [], [], 0, 0, self.voice.exact_words
        with watched(getattr(self.voice, "steps", ()), emit, total=len(known)) as turn:
            for index, sentence in enumerate(known):
                turn(index)
                said, known_times = self.piece(sentence.text, request, seed=request.seed + index)
                unheard, exact = unheard + (not said.samples.any()), exact and known_times
                unread += said.unread
                pause = sentence.pause * request.pauses / request.speed if index + 1 < len(known) else 0.0
                samples = np.append(said.samples, np.zeros(int(pause * self.voice.rate), np.float32))
                start, ends = begins / self.voice.rate, (begins + len(samples)) / self.voice.rate
                pieces.append(SpokenPiece(text=sentence.text, start=start, end=ends, words=shifted(said.words, start)))
                whole.append(samples)
                begins += len(samples)
                emit(Audio(
                    samples=samples, sample_rate=self.voice.rate, index=index, total=len(known), text=sentence.text,
                    words=said.words,
                ))
        if unheard == len(known):
            raise ModelBroken(say("pipelines.speech.no_sound", model=self.card.title))
        if unheard:
            emit(Notice(text=say("pipelines.speech.unheard", model=self.card.title, count=unheard)))
        if unread:
            emit(Notice(text=say("pipelines.speech.unread", model=self.card.title, words=listed(unread))))
        return AudioResult(
            samples=np.concatenate(whole), sample_rate=self.voice.rate, pieces=tuple(pieces),
            exact_words=exact, timings={"speak": time.perf_counter() - begun},
        )

    def readable(self, text: str, emit: Emit) -> list[Sentence]:
        """The text's sentences of which the voice knows something; what is left out is told."""
        wanted = sentences(text)
        known = [s for s in wanted if self.voice.readable(s.text)]
        if not known:
            raise BadRequest(say("pipelines.speech.no_letters", model=self.card.title), field="text")
        if len(known) < len(wanted):
            left = len(wanted) - len(known)
            emit(Notice(text=say("pipelines.speech.left_out", model=self.card.title, count=left)))
        return known

    def piece(self, text: str, request: TextToSpeechRequest, *, seed: int) -> tuple[Said, bool]:
        """One sentence, trimmed, at the common loudness and without clicks at its ends, (N,) float32 within LOUDEST; and
        whether its words' times are the voice's own."""
        import torch

        rate = self.voice.rate
        with torch.inference_mode():
            said = self.voice.say(text, request, seed=seed)
        raw = np.nan_to_num(np.asarray(said.samples, np.float32).reshape(-1), posinf=0.0, neginf=0.0)
        samples, cut = joins.trimmed(raw, rate)
        if not len(samples):
            return Said(samples=np.zeros(int(UNHEARD * rate), np.float32), unread=said.unread), True
        words = shifted(said.words, -cut / rate, longest=len(samples) / rate)
        exact = bool(words)
        if not exact:
            first, last = joins.sounding(samples, rate)
            words = joins.estimated_words(text, first / rate, last / rate)
        samples = joins.faded(joins.evened(samples, rate), rate)
        return Said(samples=samples, words=words, unread=said.unread), exact

    def close(self) -> None:
        """Frees the weights."""
        self.voice, self.nbytes = None, 0
        give_back()


def listed(words: list[str]) -> str:
    """The first few words, each once."""
    known = list(dict.fromkeys(word if len(word) <= 20 else f"{word[:19]}…" for word in words))
    shown = ", ".join(known[:5])
    return say("lists.and", first=shown, last=say("lists.more", count=len(known) - 5)) if len(known) > 5 else shown


def shifted(words: tuple[SpokenWord, ...], by: float, *, longest: float = float("inf")) -> tuple[SpokenWord, ...]:
    """The words some seconds later, within 0 and `longest`."""
    return tuple(
        replace(word, start=min(max(word.start + by, 0.0), longest), end=min(max(word.end + by, 0.0), longest))
        for word in words
    )


@contextmanager
def watched(modules: tuple[Any, ...], emit: Emit, *, total: int) -> Iterator[Any]:
    """Tells a Step now and then while one of the torch modules works, so that Stop is seen within a sentence; what it
    gives is called with the number of each sentence before it is made."""
    state = {"index": 0, "told": float("-inf")}

    def turn(index: int) -> None:
        state.update(index=index, told=float("-inf"))

    def look(*_: Any) -> None:
        if time.perf_counter() - state["told"] >= STEP_SECONDS:
            state["told"] = time.perf_counter()
            emit(Step(index=state["index"], total=total, what=say("pipelines.speech.step")))

    with ExitStack() as stack:
        for module in modules:
            stack.callback(module.register_forward_pre_hook(look).remove)
        yield turn
