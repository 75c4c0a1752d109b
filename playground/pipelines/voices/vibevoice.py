"""VibeVoice of transformers: a language model whose frames are painted by diffusion; it can take over a voice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from playground.catalog import ModelCard
from playground.device import Device
from playground.pipelines import joins
from playground.pipelines.voices import Said, known_letters, local_only, longest, pretrained
from playground.requests import TextToSpeechRequest

FRAMES_A_SECOND = 7.5
LONGEST_REFERENCE = 30  # seconds of a recording that are listened to


def load(card: ModelCard, device: Device) -> VibeVoice:
    """The card's model in the device's precision."""
    import torch
    from transformers import VibeVoiceForConditionalGeneration, VibeVoiceProcessor

    place = local_only(card)
    processor = VibeVoiceProcessor.from_pretrained(card.origin, **place)
    network = pretrained(VibeVoiceForConditionalGeneration, card, place, dtype=getattr(torch, device.dtype))
    return VibeVoice(network=network.to(device.name), processor=processor)


@dataclass(kw_only=True)
class VibeVoice:
    """A loaded model; without a recording it speaks in a voice of its own choice, held through a run."""

    network: Any
    processor: Any
    exact_words: bool = False
    _first: np.ndarray | None = None

    @property
    def rate(self) -> int:
        """Of the codec."""
        return self.processor.feature_extractor.sampling_rate

    @property
    def steps(self) -> tuple[Any, ...]:
        """One step of the diffusion."""
        return (self.network.model.diffusion_head,)

    def readable(self, text: str) -> bool:
        """Whether one of its pieces of words is known."""
        return known_letters(self.processor.tokenizer, text)

    def say(self, text: str, request: TextToSpeechRequest, *, seed: int) -> Said:
        """One sentence."""
        import torch

        torch.manual_seed(seed)
        if seed == request.seed:
            reference = request.reference
            self._first = None if reference is None else joins.resampled(
                reference.samples[:reference.sample_rate * LONGEST_REFERENCE], reference.sample_rate, self.rate,
            )
        voice = [] if self._first is None else [{"type": "audio", "audio": self._first}]
        turns = [{"role": "0", "content": [{"type": "text", "text": text}, *voice]}]
        inputs = self.processor.apply_chat_template(turns, tokenize=True, return_dict=True, return_tensors="pt")
        inputs = inputs.to(self.network.device)
        if "input_values" in inputs:
            inputs["input_values"] = inputs["input_values"].to(self.network.dtype)
        most = longest(text, FRAMES_A_SECOND)
        length = self.network.generation_config.max_new_tokens
        (sound,) = self.network.generate(
            **inputs, max_new_tokens=min(most, length or most), return_dict_in_generate=False,
        )
        samples = np.zeros(0, np.float32) if sound is None else sound.float().reshape(-1).cpu().numpy()
        if self._first is None and len(samples):
            self._first = samples[:self.rate * LONGEST_REFERENCE]
        return Said(samples=samples)
