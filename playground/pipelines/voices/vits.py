"""VITS voices of transformers (the MMS voices); they read letters, and their own durations say when each word is heard."""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from playground.catalog import ModelCard
from playground.device import Device
from playground.errors import NotInstalled
from playground.events import SpokenWord
from playground.pipelines.voices import Said, local_only, pretrained
from playground.requests import TextToSpeechRequest
from playground.speech_text.written_out import written_out
from playground.wording import say


def load(card: ModelCard, device: Device) -> VitsVoice:
    """The card's voice; always float32, which such small models need. options["english"]: it reads English, so that
    numbers and abbreviations are written out for it."""
    import torch
    from transformers import AutoTokenizer, VitsModel

    place = local_only(card)
    tokenizer = AutoTokenizer.from_pretrained(card.origin, **place)
    for needed in ("is_uroman", "phonemize"):
        if getattr(tokenizer, needed, False):
            raise NotInstalled(say("errors.no_package", model=card.title))
    network = pretrained(VitsModel, card, place, dtype=torch.float32)
    english = bool(card.options.get("english"))
    return VitsVoice(network=network.to(device.name), tokenizer=tokenizer, english=english)


@dataclass(kw_only=True)
class VitsVoice:
    """A loaded voice; a model of several speakers calls them "speaker 1" and so on."""

    network: Any
    tokenizer: Any
    english: bool = False
    exact_words: bool = True
    rate: int = field(init=False)

    def __post_init__(self) -> None:
        self.rate = self.network.config.sampling_rate
        self._letters = {c for c in self.tokenizer.get_vocab() if c.isalnum()}

    def readable(self, text: str) -> bool:
        """Whether one of its letters is there."""
        written = self.spans(text)[0]
        return bool(self._letters & {*written, *written.lower()})

    def say(self, text: str, request: TextToSpeechRequest, *, seed: int) -> Said:
        """One sentence."""
        import torch

        torch.manual_seed(seed)
        config = self.network.config
        written, spans = self.spans(text)
        inputs = self.tokenizer(written, split_special_tokens=True, return_tensors="pt").to(self.network.device)
        rate = config.speaking_rate * request.speed
        heard = []
        hook = self.network.duration_predictor.register_forward_hook(lambda *call: heard.append(call[-1]))
        try:
            made = self.network(
                **inputs, speaking_rate=rate, speaker_id=speaker(request.voice) if config.num_speakers > 1 else None,
            )
        finally:
            hook.remove()
        samples = made.waveform[0].float().cpu().numpy()  # (N,)
        frames = torch.ceil(torch.exp(heard[0]) / rate).reshape(-1).cpu().numpy()  # (T,), the same as the network's own
        ends = np.minimum(np.cumsum(frames) * np.prod(config.upsample_rates), len(samples)) / self.rate
        return Said(samples=samples, words=self.words(written, spans, ends))

    def spans(self, text: str) -> tuple[str, list[tuple[int, int, int, int]]]:
        """What is read, and for each of its words: where it begins and ends there, and where in the text."""
        if not self.english:
            words = [m for m in re.finditer(r"\S+", text) if any(c.isalnum() for c in m.group())]
            return text, [(m.start(), m.end(), m.start(), m.end()) for m in words]
        written, spans = "", []
        for word in written_out(text):
            begins = len(written)
            written += word.text.rstrip(".")
            spans.append((begins, len(written), word.at, word.to))
            written += word.pause + " "
        return written.strip(), spans

    def words(self, written: str, spans: list[tuple[int, int, int, int]], ends: np.ndarray) -> tuple[SpokenWord, ...]:
        """When each word is heard, given the seconds at which each token ends; () where letters and tokens do not match.
        A word of which no letter is known is not spoken and is left out."""
        spoken, _ = self.tokenizer.prepare_for_tokenization(written)
        places = letter_places(written, spoken)
        first, stride = (1, 2) if self.tokenizer.add_blank else (0, 1)
        if places is None or len(ends) != len(spoken) * stride + first:
            return ()
        begins = np.concatenate([[0.0], ends[:-1]])
        made: list[SpokenWord] = []
        for low, high, at, to in spans:
            tokens = [first + stride * i for i in range(bisect_left(places, low), bisect_left(places, high))]
            if not tokens:
                continue
            word = SpokenWord(at=at, to=to, start=float(begins[tokens[0]]), end=float(ends[tokens[-1]]))
            if made and (made[-1].at, made[-1].to) == (at, to):  # "$3" is two words of one
                word = replace(made.pop(), end=word.end)
            made.append(word)
        return tuple(made)


def letter_places(text: str, spoken: str) -> list[int] | None:
    """Where in the text each letter of what is spoken stands, in small letters and with some left out; None where what is
    spoken is not made of the text's letters in their order."""
    places: list[int] = []
    for place, letter in enumerate(text):
        for small in (letter, letter.lower()) if len(letter.lower()) == 1 else letter.lower():
            if len(places) < len(spoken) and spoken[len(places)] == small:
                places.append(place)
                if len(letter.lower()) == 1:
                    break
    return places if len(places) == len(spoken) else None


def speaker(voice: str | None) -> int:
    """The number, from 0, of a voice called "speaker 1"; the first where another name or none is given."""
    number = (voice or "").removeprefix("speaker ")
    return max(int(number) - 1, 0) if number.isdecimal() else 0
