"""Bark voices of transformers: three language models that write sound, each sentence in the voice of a preset."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from playground.catalog import ModelCard
from playground.device import Device
from playground.errors import NotInstalled
from playground.pipelines.voices import Said, fetched, known_letters, local_only, pretrained
from playground.requests import TextToSpeechRequest
from playground.wording import say

LONGEST = 180  # characters at a time: Bark speaks for 15 seconds at most
PROMPTS = ("semantic_prompt", "coarse_prompt", "fine_prompt")


def load(card: ModelCard, device: Device) -> BarkVoice:
    """The card's model; float32 everywhere, as its three stages are small."""
    import torch
    from transformers import BarkModel, BarkProcessor

    place = local_only(card)
    processor = BarkProcessor.from_pretrained(card.origin, **place)
    network = pretrained(BarkModel, card, place, dtype=torch.float32)
    return BarkVoice(card=card, network=network.to(device.name), processor=processor)


@dataclass(kw_only=True)
class BarkVoice:
    """A loaded model; a folder without presets speaks in a voice of its own choice."""

    card: ModelCard
    network: Any
    processor: Any
    exact_words: bool = False
    rate: int = field(init=False)
    _presets: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known = getattr(self.network.generation_config, "sample_rate", None)
        self.rate = known or self.network.config.codec_config.sampling_rate

    @property
    def steps(self) -> tuple[Any, ...]:
        """Each stage works token by token."""
        return self.network.semantic, self.network.coarse_acoustics, self.network.fine_acoustics

    def readable(self, text: str) -> bool:
        """Whether one of its pieces of words is known."""
        return known_letters(self.processor.tokenizer, text)

    def say(self, text: str, request: TextToSpeechRequest, *, seed: int) -> Said:
        """One sentence; a long one in parts."""
        import torch

        torch.manual_seed(seed)
        preset = self.preset(request.voice)
        made = []
        for part in textwrap.wrap(text, LONGEST, break_on_hyphens=False) or [text]:
            inputs = self.processor(part, voice_preset=preset)  # pads to the 256 tokens that the network asserts
            history = inputs.pop("history_prompt", None)
            if history is not None:
                history = {name: values.to(self.network.device) for name, values in history.items()}
            sound = self.network.generate(**inputs.to(self.network.device), history_prompt=history)
            made.append(sound.float().reshape(-1).cpu().numpy())
        return Said(samples=np.concatenate(made))

    def preset(self, voice: str | None) -> dict[str, np.ndarray] | None:
        """A preset's three arrays of tokens, read once; None for a name that is no preset."""
        files = (self.processor.speaker_embeddings or {}).get(voice)
        if not isinstance(files, dict):
            if voice and voice.startswith("v2/"):
                raise NotInstalled(say("pipelines.speech.no_voice_file", model=self.card.title))
            return None
        if voice not in self._presets:
            self._presets[voice] = {
                name: np.load(fetched(self.card, self.card.origin, files[name]), allow_pickle=False) for name in PROMPTS
            }
        return self._presets[voice]
