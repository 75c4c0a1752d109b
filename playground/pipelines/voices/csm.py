"""CSM of transformers: a language model that goes on talking; its voice is held by hearing the first sentence again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from playground.catalog import ModelCard
from playground.device import Device
from playground.pipelines.voices import Said, known_letters, local_only, longest, pretrained
from playground.requests import TextToSpeechRequest

FRAMES_A_SECOND = 12.5
CONTEXT_SECONDS = 12  # of the first sentence that are heard before each of the others


def load(card: ModelCard, device: Device) -> CsmVoice:
    """The card's model in the device's precision, its codec in float32."""
    import torch
    from transformers import CsmForConditionalGeneration, CsmProcessor

    place = local_only(card)
    processor = CsmProcessor.from_pretrained(card.origin, **place)
    network = pretrained(CsmForConditionalGeneration, card, place, dtype=getattr(torch, device.dtype))
    network.codec_model.float()
    return CsmVoice(network=network.to(device.name), processor=processor)


@dataclass(kw_only=True)
class CsmVoice:
    """A loaded model; "speaker 0" and "speaker 1" are the roles that it was taught."""

    network: Any
    processor: Any
    exact_words: bool = False
    _first: tuple[str, np.ndarray] | None = None

    @property
    def rate(self) -> int:
        """Of the codec."""
        return self.network.config.codec_config.sampling_rate

    @property
    def steps(self) -> tuple[Any, ...]:
        """One frame a step."""
        return (self.network.depth_decoder,)

    def readable(self, text: str) -> bool:
        """Whether one of its pieces of words is known."""
        return known_letters(self.processor.tokenizer, text)

    def say(self, text: str, request: TextToSpeechRequest, *, seed: int) -> Said:
        """One sentence."""
        import torch

        torch.manual_seed(seed)
        role = (request.voice or "").removeprefix("speaker ")
        role = role if role.isdecimal() else "0"
        if seed == request.seed:
            self._first = None
        turns = [{"role": role, "content": [{"type": "text", "text": text}]}]
        if self._first:
            before, heard = self._first
            turns.insert(0, {"role": role, "content": [{"type": "text", "text": before}, {"type": "audio", "audio": heard}]})
        inputs = self.processor.apply_chat_template(turns, tokenize=True, return_dict=True).to(self.network.device)
        if "input_values" in inputs:
            inputs["input_values"] = inputs["input_values"].float()
        most = longest(text, FRAMES_A_SECOND)
        length = self.network.generation_config.max_new_tokens
        (sound,) = self.network.generate(**inputs, output_audio=True, max_new_tokens=min(most, length or most))
        samples = sound.float().reshape(-1).cpu().numpy()
        if self._first is None and len(samples) and len(samples) <= CONTEXT_SECONDS * self.rate:
            self._first = text, samples
        return Said(samples=samples)
