"""The starter voice: text to phones, phones to mel frames (FastSpeech2Conformer), mel frames to samples (source and filter)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from playground.catalog import ModelCard
from playground.device import Device
from playground.events import SpokenWord
from playground.pipelines import where
from playground.pipelines.voices import Said
from playground.requests import TextToSpeechRequest
from playground.speech_text.pronounce import Pronouncer
from playground.speech_text.tokens import BREAK, tokens_of
from playground.speech_text.written_out import Word, written_out

ACOUSTIC = "acoustic"
BREAK_LENGTH = 1.6  # the teacher's pauses at commas are short for a listener
WILDEST_PITCH = 3.0  # standard deviations of a voice's log pitch


def imports() -> None:
    """Imports what load() needs."""
    from transformers import FastSpeech2ConformerModel  # noqa: F401

    from playground.networks import source_filter  # noqa: F401


def load(card: ModelCard, device: Device) -> StarterVoice:
    """The card's voice, in float32: it is small, and half precision is heard."""
    import torch
    from transformers import FastSpeech2ConformerModel

    from playground.networks import source_filter

    acoustic = FastSpeech2ConformerModel.from_pretrained(card.folder / ACOUSTIC, dtype=torch.float32, **where(card))
    network = torch.nn.ModuleDict({"acoustic": acoustic, "vocoder": source_filter.load(card.folder)})
    known = json.loads((card.folder / "phones.json").read_text(encoding="utf8"))
    return StarterVoice(
        network=network.to(device.name).eval(), pronouncer=Pronouncer.load(card.folder), known=known,
    )


@dataclass(kw_only=True)
class StarterVoice:
    """A loaded voice. known: phones.json, with the tokens in the order of their ids, the voices' names in the order of
    their numbers, and the scale of the features."""

    network: Any
    pronouncer: Pronouncer
    known: dict[str, Any]
    exact_words: bool = True
    rate: int = field(init=False)

    def __post_init__(self) -> None:
        self.rate = self.network["vocoder"].sample_rate
        self._ids = {token: index for index, token in enumerate(self.known["tokens"])}

    def readable(self, text: str) -> bool:
        """Whether something in it can be said in English."""
        return bool(written_out(text))

    def say(self, text: str, request: TextToSpeechRequest, *, seed: int) -> Said:
        """One sentence."""
        import torch

        words = written_out(text)
        phones = [self.pronouncer.phones(word.text, after.text if after else None)
                  for word, after in zip(words, (*words[1:], None), strict=True)]
        tokens = tokens_of(phones, [bool(word.pause) for word in words])
        mel, pitch, frames = self.drawn(tokens, request)
        vocoder = self.network["vocoder"]
        noise = np.random.default_rng(seed).standard_normal((1, mel.shape[1] * vocoder.hop), np.float32)
        samples = vocoder(mel, pitch, torch.from_numpy(noise).to(mel.device), transpose=request.pitch)
        seconds = np.cumsum(frames) * vocoder.hop / self.rate
        return Said(
            samples=samples[0].cpu().numpy(), words=spoken_words(words, phones, tokens, seconds), unread=unread(text, words),
        )

    def drawn(self, tokens: list[str], request: TextToSpeechRequest) -> tuple[Any, Any, np.ndarray]:
        """Log mels (1, F, bins), pitch (1, F) in Hz, and how many frames each token lasts (T,)."""
        import torch
        from transformers.models.fastspeech2_conformer.modeling_fastspeech2_conformer import length_regulator

        model = self.network["acoustic"]
        device = model.speaker_id_embedding.weight.device
        speaker = self.known["voices"].index(request.voice) if request.voice in self.known["voices"] else 0
        ids = torch.tensor([[self._ids[token] for token in tokens]], device=device)
        hidden = model.encoder(ids, torch.ones_like(ids)[:, None])[0]  # (1, T, C)
        hidden = hidden + model.speaker_id_embedding(torch.tensor([speaker], device=device))[:, None]
        frames = rounded(self.lengths(hidden, tokens, request))
        hidden = hidden + model.pitch_embed(model.pitch_predictor(hidden)) + model.energy_embed(model.energy_predictor(hidden))
        hidden = length_regulator(hidden, torch.from_numpy(frames)[None].to(device))
        features = model.speech_decoder_postnet(model.decoder(hidden, None)[0])[1]  # (1, F, bins + 2)
        scale = self.known["scale"]
        bins = features.shape[2] - 2
        mel = features[..., :bins] * features.new_tensor(scale["mel_deviation"]) + features.new_tensor(scale["mel_mean"])
        line = (features[..., bins] / scale["line_weight"]).clamp(-WILDEST_PITCH, WILDEST_PITCH)
        pitch = (line * scale["pitch_deviation"][speaker] + scale["pitch_mean"][speaker]).exp()
        return mel, torch.where(steady(features[..., bins + 1]), pitch, 0.0), frames

    def lengths(self, hidden: Any, tokens: list[str], request: TextToSpeechRequest) -> np.ndarray:
        """Frames that each token lasts, before rounding; (T,). The model's own forward rounds each by itself."""
        predictor = self.network["acoustic"].duration_predictor
        steps = hidden.transpose(1, 2)
        for layer in predictor.conv_layers:
            steps = layer(steps)
        logs = predictor.linear(steps.transpose(1, 2))[0, :, 0]
        frames = (logs.exp() - predictor.log_domain_offset).clamp(min=0.5).cpu().double().numpy()
        breaks = np.array([token == BREAK for token in tokens])
        return np.where(breaks, frames * BREAK_LENGTH * request.pauses, frames) / request.speed


def rounded(frames: np.ndarray) -> np.ndarray:
    """Whole numbers whose running sum stays within half a frame of the given ones', (T,) int64."""
    ends = np.round(np.cumsum(frames)).astype(np.int64)
    ends[-1] = max(ends[-1], 1)
    return np.diff(ends, prepend=0)


def steady(voicing: Any) -> Any:
    """Whether each frame is voiced, (1, F) bool, without changes of mind that last one frame."""
    import torch
    import torch.nn.functional as F

    return F.pad(voicing, (1, 1), mode="replicate").unfold(1, 3, 1).median(-1).values > torch.zeros_like(voicing)


def unread(text: str, words: tuple[Word, ...]) -> tuple[str, ...]:
    """The words of a text from which none was made, such as those of other scripts."""
    said = [(word.at, word.to) for word in words]
    return tuple(
        match[0] for match in re.finditer(r"\w+", text)
        if any(c.isalnum() for c in match[0]) and not any(at < match.end() and match.start() < to for at, to in said)
    )


def spoken_words(
    words: tuple[Word, ...], phones: list[tuple[str, ...]], tokens: list[str], seconds: np.ndarray,
) -> tuple[SpokenWord, ...]:
    """When each written word is heard; what was written out of one ("$3.50") is one. seconds: the tokens' ends, (T,)."""
    made: list[SpokenWord] = []
    at = 1
    for word, sounds in zip(words, phones, strict=True):
        start, end = float(seconds[at - 1]), float(seconds[at + len(sounds) - 1])
        if made and made[-1].to > word.at:
            before = made.pop()
            start, word = before.start, Word(text=word.text, at=before.at, to=max(before.to, word.to), pause=word.pause)
        made.append(SpokenWord(at=word.at, to=word.to, start=start, end=end))
        at += len(sounds)
        at += tokens[at] == BREAK
    return tuple(made)
