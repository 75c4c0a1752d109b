"""Pocket TTS of transformers and its relative Phonon: latents of a codec, frame by frame, in the voice of a recording."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from playground.catalog import ModelCard
from playground.device import Device
from playground.errors import BadRequest
from playground.pipelines import joins, voices
from playground.pipelines.voices import Said, fetched, known_letters, local_only, pretrained
from playground.requests import TextToSpeechRequest
from playground.wording import say

LONGEST_REFERENCE = 30  # seconds of a recording that are listened to


def load(card: ModelCard, device: Device) -> PocketVoice:
    """The card's model and the codec that its processor names; float32, as both are small.

    options["voice_files"]: a file of options["voices_repository"] (the model's own where it is missing) for each voice,
    a recording, or the codec's latents as safetensors.
    """
    import torch
    from transformers import AutoModelForTextToWaveform, PocketTTSProcessor

    place = local_only(card)
    processor = voices.processor(PocketTTSProcessor, card, place)
    network = pretrained(AutoModelForTextToWaveform, card, place, dtype=torch.float32)
    network.add_module("codec", processor.audio_tokenizer)  # so that its weights count and move with the others
    return PocketVoice(card=card, network=network.to(device.name), processor=processor)


@dataclass(kw_only=True)
class PocketVoice:
    """A loaded model."""

    card: ModelCard
    network: Any
    processor: Any
    exact_words: bool = False
    rate: int = field(init=False)
    _latents: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rate = self.processor.feature_extractor.sampling_rate

    @property
    def steps(self) -> tuple[Any, ...]:
        """One frame a step."""
        return (self.network,)

    def readable(self, text: str) -> bool:
        """Whether one of its pieces of words is known."""
        return known_letters(self.processor.tokenizer, text)

    def say(self, text: str, request: TextToSpeechRequest, *, seed: int) -> Said:
        """One sentence; a long one in the parts that the processor cuts it into."""
        import torch

        torch.manual_seed(seed)
        latents = self.latents(request)  # (F, D)
        voice = [] if latents is None else [{"type": "audio"}]
        made = []
        for part in self.processor.split_text(text) or [text]:
            turn = [{"role": "user", "content": [*voice, {"type": "text", "text": part}]}]
            prompt = self.processor.apply_chat_template(turn, add_generation_prompt=True, tokenize=False)
            inputs = self.processor(
                text=prompt, audio_prompt_latents=None if latents is None else [latents], return_tensors="pt",
            )
            out = self.network.generate(**inputs.to(self.network.device), return_dict_in_generate=True)
            made += [wave.numpy() for wave in self.processor.decode(out.audio_latents, out.audio_latents_mask)]
        return Said(samples=np.concatenate(made))

    def latents(self, request: TextToSpeechRequest) -> Any:
        """The voice to speak in as latents of the codec, (F, D) on the CPU: the visitor's recording, else the preset;
        None where the model speaks in a voice of its own choice."""
        reference = request.reference
        if reference is not None:
            return self.heard(reference.samples, reference.sample_rate)
        path = self.card.options.get("voice_files", {}).get(request.voice)
        if path is None:
            return None
        if request.voice not in self._latents:
            file = fetched(self.card, self.card.options.get("voices_repository", self.card.origin), path)
            if file.suffix == ".safetensors":
                from safetensors.torch import load_file

                made = next(iter(load_file(file).values())).float()
                self._latents[request.voice] = made.reshape(-1, made.shape[-1])
            else:
                import soundfile

                samples, rate = soundfile.read(file, dtype="float32", always_2d=True)
                self._latents[request.voice] = self.heard(samples.mean(axis=1), rate)
        return self._latents[request.voice]

    def heard(self, samples: np.ndarray, rate: int) -> Any:
        """A recording as latents of the codec; (F, D)."""
        codec, listener = self.processor.audio_tokenizer, self.processor.feature_extractor
        if codec.config.encoder_config is None or codec.config.latent_dim != self.network.model.audio_prompt_proj.in_features:
            raise BadRequest(say("pipelines.speech.no_cloning", model=self.card.title), field="reference")
        samples = joins.resampled(samples[:rate * LONGEST_REFERENCE], rate, self.rate)
        inputs = listener([samples], sampling_rate=self.rate).to(codec.device)
        made = codec.encode(inputs["input_values"].to(codec.dtype), inputs["padding_mask"])
        return made.latents[0][made.latents_mask[0].bool()].float().cpu()
