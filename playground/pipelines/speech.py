"""Text to speech with VITS models of transformers (the MMS voices), sentence by sentence."""

from __future__ import annotations

import gc
import re
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from playground.catalog import ModelCard
from playground.device import Device
from playground.errors import BadRequest, NotInstalled
from playground.events import Audio, AudioResult, Emit, Notice
from playground.pipelines import where
from playground.requests import TextToSpeechRequest

PAUSE, PARAGRAPH_PAUSE = 0.25, 0.6  # seconds of silence after a sentence and after a paragraph
LONGEST = 300  # characters of one piece; longer sentences are read in parts
LOUDEST = 0.97
ABBREVIATIONS = {"mr", "mrs", "ms", "dr", "st", "prof", "jr", "sr", "vs", "capt", "col", "gen", "rev"}


def imports() -> None:
    """Imports the libraries and silences them."""
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    for name in ("AutoTokenizer", "VitsModel"):
        getattr(transformers, name)


def load(card: ModelCard, device: Device) -> SpeechModel:
    """The card's voice; always float32, which such small models need."""
    imports()
    import torch
    from transformers import AutoTokenizer, VitsModel

    place = where(card)
    tokenizer = AutoTokenizer.from_pretrained(card.origin, **place)
    for needed in ("is_uroman", "phonemize"):
        if getattr(tokenizer, needed, False):
            raise NotInstalled(f"{card.title} needs a package that Playground does not have. Choose another model.")
    network = VitsModel.from_pretrained(card.origin, dtype=torch.float32, **place).to(device.name).eval()
    return SpeechModel(card=card, network=network, tokenizer=tokenizer)


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """A piece to be read in one go, and the silence after it in seconds."""

    text: str
    pause: float


def sentences(text: str) -> list[Sentence]:
    """The text in sentences; abbreviations do not end one, and a very long one is cut at commas or spaces."""
    made: list[Sentence] = []
    for paragraph in filter(str.strip, text.splitlines()):
        pieces = [part for sentence in split_sentences(paragraph) for part in shortened(sentence)]
        made += [Sentence(text=piece, pause=PAUSE) for piece in pieces[:-1]]
        made += [Sentence(text=piece, pause=PARAGRAPH_PAUSE) for piece in pieces[-1:]]
    return made


def split_sentences(paragraph: str) -> list[str]:
    """One paragraph's sentences, each with its closing mark."""
    found, start = [], 0
    for mark in re.finditer(r"[.!?;:…。！？]+[\"'”’)\]]*(?:(?=\s|$)|(?<=[。！？]))", paragraph):
        last = re.search(r"\w+$", paragraph[max(start, mark.start() - 9):mark.start()])  # no abbreviation is longer
        if mark.group() != "." or not last or not abbreviated(last.group(), paragraph[mark.end():].lstrip()):
            found.append(paragraph[start:mark.end()].strip())
            start = mark.end()
    found.append(paragraph[start:].strip())
    return [sentence for sentence in found if any(c.isalnum() for c in sentence)]


def abbreviated(word: str, after: str) -> bool:
    """Whether the full stop behind a word is the word's own, given the text after it."""
    if word.lower() == "etc":
        return not after[:1].isupper()
    if word.lower() == "no":
        return after[:1].isdigit()
    return word.lower() in ABBREVIATIONS or bool(re.fullmatch("[A-Z]", word) and after)


def shortened(sentence: str) -> list[str]:
    """Parts of at most LONGEST characters, cut after a comma, else at a space, else anywhere."""
    parts = []
    while len(sentence) > LONGEST:
        window = sentence[:LONGEST]
        places = (window.rfind(", ") + 1, window.rfind(" "))
        cut = next((place for place in places if place > LONGEST // 4), LONGEST)
        parts.append(sentence[:cut].strip())
        sentence = sentence[cut:].strip()
    return [*parts, sentence] if sentence else parts


@dataclass(kw_only=True)
class SpeechModel:
    """A loaded voice."""

    card: ModelCard
    network: Any
    tokenizer: Any
    dtype: str = "float32"

    @property
    def nbytes(self) -> int:
        """Bytes of the weights."""
        return sum(t.numel() * t.element_size() for t in self.network.parameters()) if self.network is not None else 0

    def run(self, request: TextToSpeechRequest, emit: Emit) -> AudioResult:
        """Tells each sentence as soon as it is made; the result is all of them with the pauses between."""
        begun = time.perf_counter()
        rate = self.network.config.sampling_rate
        wanted = sentences(request.text)
        letters = {c for c in self.tokenizer.get_vocab() if c.isalnum()}
        known = [s for s in wanted if letters & {*s.text, *s.text.lower()}]
        if not known:
            raise BadRequest(f"{self.card.title} knows none of these letters. Write in its language.", field="text")
        if len(known) < len(wanted):
            left = len(wanted) - len(known)
            were = "sentence was" if left == 1 else "sentences were"
            emit(Notice(text=f"{left} {were} left out: {self.card.title} knows none of the letters."))
        whole = []
        for index, sentence in enumerate(known):
            samples = self.spoken(sentence.text, speed=request.speed, seed=request.seed + index)
            pause = sentence.pause if index + 1 < len(known) else 0.0
            samples = np.concatenate([samples, np.zeros(int(pause * rate / request.speed), np.float32)])
            whole.append(samples)
            emit(Audio(samples=samples, sample_rate=rate, index=index, total=len(known), text=sentence.text))
        return AudioResult(
            samples=np.concatenate(whole), sample_rate=rate, timings={"speak": time.perf_counter() - begun}
        )

    def spoken(self, text: str, *, speed: float, seed: int) -> np.ndarray:
        """One sentence; (N,) float32 in -1..1."""
        import torch

        torch.manual_seed(seed)
        inputs = self.tokenizer(text, return_tensors="pt").to(self.network.device)
        with torch.inference_mode():
            made = self.network(**inputs, speaking_rate=self.network.config.speaking_rate * speed)
        samples = made.waveform[0].float().cpu().numpy()  # (N,)
        samples = np.nan_to_num(samples)
        peak = np.abs(samples).max(initial=0.0)
        return (samples * (LOUDEST / peak) if peak > LOUDEST else samples).astype(np.float32)

    def close(self) -> None:
        """Frees the weights."""
        import torch

        self.network = self.tokenizer = None
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
