"""SpeechT5 of transformers with its HiFi-GAN vocoder; a voice is the x-vector of a recorded speaker."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from playground.catalog import ModelCard
from playground.device import Device
from playground.errors import ModelBroken, NotInstalled
from playground.pipelines.voices import Said, fetched, known_letters, local_only, pretrained
from playground.requests import TextToSpeechRequest
from playground.wording import say


def load(card: ModelCard, device: Device) -> SpeechT5Voice:
    """The card's model, the vocoder of options["vocoder"] and the speakers of options["speakers"]: a dataset of the hub
    or a folder with the archive options["archive"] of .npy files; float32."""
    import torch
    from transformers import SpeechT5ForTextToSpeech, SpeechT5HifiGan, SpeechT5Tokenizer

    place = local_only(card)
    tokenizer = SpeechT5Tokenizer.from_pretrained(card.origin, **place)
    tokenizer.normalize = True  # writes numbers out
    network = pretrained(SpeechT5ForTextToSpeech, card, place, dtype=torch.float32)
    vocoder = pretrained(SpeechT5HifiGan, card, place, dtype=torch.float32, origin=card.options["vocoder"])
    network.add_module("vocoder", vocoder)  # so that its weights count and move with the others
    archive = fetched(card, card.options["speakers"], card.options["archive"], kind="dataset")
    return SpeechT5Voice(card=card, network=network.to(device.name), tokenizer=tokenizer, archive=archive)


@dataclass(kw_only=True)
class SpeechT5Voice:
    """A loaded model. archive: the zip file with the speakers' x-vectors."""

    card: ModelCard
    network: Any
    tokenizer: Any
    archive: Path
    exact_words: bool = False
    rate: int = field(init=False)
    _speakers: dict[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rate = self.network.vocoder.config.sampling_rate

    @property
    def steps(self) -> tuple[Any, ...]:
        """Two frames of the spectrogram a step."""
        return (self.network.speecht5.decoder.wrapped_decoder,)

    def readable(self, text: str) -> bool:
        """Whether one of its letters is there."""
        return known_letters(self.tokenizer, text)

    def say(self, text: str, request: TextToSpeechRequest, *, seed: int) -> Said:
        """One sentence."""
        import torch

        torch.manual_seed(seed)
        device = self.network.device
        ids = self.tokenizer(text, return_tensors="pt").input_ids[:, :self.network.config.max_text_positions]
        speaker = torch.from_numpy(self.speaker(request.voice))[None]  # (1, 512)
        sound = self.network.generate_speech(ids.to(device), speaker.to(device), vocoder=self.network.vocoder)
        return Said(samples=sound.float().reshape(-1).cpu().numpy())

    def speaker(self, voice: str | None) -> np.ndarray:
        """The x-vector of the first recording of a speaker; (512,) float32. The card says which files are whose."""
        wanted = self.card.options.get("speaker_files", {}).get(voice, "")
        if wanted not in self._speakers:
            try:
                with zipfile.ZipFile(self.archive) as files:
                    names = sorted(n for n in files.namelist() if n.endswith(".npy") and wanted in n)
                    if not names:
                        raise NotInstalled(say("pipelines.speech.no_voice_file", model=self.card.title))
                    values = np.load(io.BytesIO(files.read(names[0])), allow_pickle=False)
            except (zipfile.BadZipFile, ValueError):
                raise ModelBroken(say("pipelines.speech.damaged_voices", model=self.card.title)) from None
            self._speakers[wanted] = np.asarray(values, np.float32).reshape(-1)
        return self._speakers[wanted]
