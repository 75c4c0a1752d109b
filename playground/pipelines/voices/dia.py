"""Dia of transformers: spoken dialogue; its voice is held by hearing the first sentence again before each of the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from playground.catalog import ModelCard
from playground.device import Device
from playground.pipelines import voices
from playground.pipelines.voices import Said, local_only, longest, pretrained
from playground.requests import TextToSpeechRequest

SPEAKERS = ("[S1]", "[S2]")
CONTEXT_SECONDS = 10  # the longest first sentence that is heard again


def load(card: ModelCard, device: Device) -> DiaVoice:
    """The card's model in the device's precision, and the codec that its processor names in float32."""
    import torch
    from transformers import DiaForConditionalGeneration, DiaProcessor

    place = local_only(card)
    processor = voices.processor(DiaProcessor, card, place)
    network = pretrained(DiaForConditionalGeneration, card, place, dtype=getattr(torch, device.dtype))
    network.add_module("codec", processor.audio_tokenizer)  # so that its weights count and move with the others
    return DiaVoice(network=network.to(device.name), processor=processor)


@dataclass(kw_only=True)
class DiaVoice:
    """A loaded model; a text without [S1] and [S2] is spoken by the first of the two, and each goes on until the other begins."""

    network: Any
    processor: Any
    exact_words: bool = False
    _first: tuple[str, np.ndarray] | None = None
    _speaker: str = "[S1]"

    @property
    def rate(self) -> int:
        """Of the codec."""
        return self.processor.audio_tokenizer.config.sampling_rate

    @property
    def steps(self) -> tuple[Any, ...]:
        """One frame a step."""
        return (self.network.model.decoder,)

    def readable(self, text: str) -> bool:
        """It reads bytes, and was taught English ones."""
        return any(c.isascii() and c.isalnum() for c in text)

    def say(self, text: str, request: TextToSpeechRequest, *, seed: int) -> Said:
        """One sentence."""
        import torch

        torch.manual_seed(seed)
        if seed == request.seed:
            self._first, self._speaker = None, "[S1]"
        marked = text if text.startswith(SPEAKERS) else f"{self._speaker} {text}"
        self._speaker = max(SPEAKERS, key=marked.rfind)
        before, heard = self._first or ("", None)
        inputs = self.processor(
            text=[f"{before} {marked}".strip()], audio=None if heard is None else [heard], truncation=True,
            return_tensors="pt", **{} if heard is None else {"sampling_rate": self.rate},
        ).to(self.network.device)
        prompt = None if heard is None else self.processor.get_audio_prompt_len(inputs["decoder_attention_mask"])
        config = self.processor.audio_tokenizer.config
        most = longest(text, self.rate / config.hop_length)
        limit = self.network.generation_config.max_length or most
        codes = self.network.generate(**inputs, max_new_tokens=min(most, limit))
        sound = self.processor.batch_decode(codes, audio_prompt_len=prompt)[0]
        samples = sound.float().reshape(-1).cpu().numpy()
        if self._first is None and 0 < len(samples) <= CONTEXT_SECONDS * self.rate:
            self._first = marked, samples
        return Said(samples=samples)
