"""Stage acoustic: tokens to mel frames, pitch and voicing, by a small FastSpeech2Conformer (Ren et al., Guo et al. 2020).

Beside the mel it draws two lines more a frame, the pitch and whether there is one, which the vocoder's pulses need.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np

from playground.sounds import FRAMES_A_SECOND, MEL_BINS
from playground.training.loop import Training
from playground.training.recipe import Options, autocast, say, write_facts
from playground.training.voice.corpus import VOICES, symbols

FRAMES_A_STEP = 6400
PEAK = 1.5e-3
PITCH_WEIGHT = 2.0  # how much louder than a mel bin the two lines of pitch and voicing are in the loss
HELD_OUT = 64  # utterances of each voice that only measure
FOLDER = "acoustic"


def build():
    """A FastSpeech2ConformerModel of 3.4 M parameters; no dropout, for it sees every sentence a few times only."""
    from transformers import FastSpeech2ConformerConfig, FastSpeech2ConformerModel

    none = {f"{part}_dropout{rest}": 0.0 for part, rest in (
        *((side + kind, "_rate") for side in ("encoder", "decoder") for kind in ("", "_positional", "_attention")),
        ("duration_predictor", "_rate"), ("energy_predictor", ""), ("pitch_predictor", ""), ("speech_decoder_postnet", ""),
    )}
    narrow = {f"{name}_predictor_{what}": value for name in ("duration", "pitch", "energy") for what, value in (
        ("channels", 112), ("layers", 2), ("kernel_size", 5 if name == "pitch" else 3),
    )}
    return FastSpeech2ConformerModel(FastSpeech2ConformerConfig(
        vocab_size=len(symbols()), num_mel_bins=MEL_BINS + 2, num_speakers=len(VOICES), hidden_size=160,
        encoder_layers=3, decoder_layers=3, encoder_linear_units=416, decoder_linear_units=416,
        positionwise_conv_kernel_size=1, encoder_kernel_size=7, decoder_kernel_size=15,
        speech_decoder_postnet_layers=3, speech_decoder_postnet_units=112, **none, **narrow,
    ))


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Means and standard deviations by which features become numbers around 0. pitch: of log Hz, one a voice."""

    mel_mean: list[float]
    mel_deviation: list[float]
    pitch_mean: list[float]
    pitch_deviation: list[float]


class Bank:
    """The corpus in memory, its utterances sorted into batches of like lengths."""

    def __init__(self, options: Options) -> None:
        with np.load(options.work / "corpus.npz") as file:
            self.speakers, self.tokens, self.frames = file["speakers"], file["tokens"], file["frames"]
            self.mel, self.pitch, lengths = file["mel"], file["pitch"], file["lengths"]
        self.token_ends = np.cumsum(lengths)
        self.frame_ends = np.cumsum(self.frames.astype(np.int64))[self.token_ends - 1]
        self.token_starts, self.frame_starts = self.token_ends - lengths, np.append(0, self.frame_ends[:-1])
        apart = [np.flatnonzero(self.speakers == voice)[-min(HELD_OUT, len(lengths) // 8):] for voice in range(len(VOICES))]
        self.held_out = np.concatenate(apart)
        self.training = np.setdiff1d(np.arange(len(lengths)), self.held_out)
        self.scale = self._measure()

    def _measure(self) -> Scale:
        some = self.mel[:400_000].astype(np.float32)
        logs = [np.log(self._pitch_of(voice)) for voice in range(len(VOICES))]
        return Scale(
            mel_mean=some.mean(0).tolist(), mel_deviation=some.std(0).tolist(),
            pitch_mean=[float(one.mean()) for one in logs], pitch_deviation=[float(one.std()) for one in logs],
        )

    def _pitch_of(self, voice: int) -> np.ndarray:
        first = np.flatnonzero(self.speakers == voice)[[0, -1]]
        pitch = self.pitch[self.frame_starts[first[0]]:self.frame_ends[first[1]]]
        return pitch[pitch > 0]

    def batches(self, seed: tuple[int, ...], *, size: int) -> list[np.ndarray]:
        """One pass: utterances of like lengths together, up to `size` frames with the padding, in random order."""
        rng = np.random.default_rng(seed)
        lengths = (self.frame_ends - self.frame_starts)[self.training]
        order = self.training[np.argsort(lengths * rng.uniform(0.93, 1.07, len(lengths)))]
        made: list[list[int]] = [[]]
        for index in order:
            longest = max(self.frame_ends[i] - self.frame_starts[i] for i in (*made[-1], index))
            if made[-1] and longest * (len(made[-1]) + 1) > size:
                made.append([])
            made[-1].append(index)
        return [np.array(made[i]) for i in rng.permutation(len(made))]

    def examples(self, chosen: np.ndarray) -> dict:
        """The model's inputs and labels for some utterances, padded; spectrogram -100 where there is nothing."""
        import torch

        tokens = max(self.token_ends[i] - self.token_starts[i] for i in chosen)
        frames = max(self.frame_ends[i] - self.frame_starts[i] for i in chosen)
        count = len(chosen)
        ids, durations = np.zeros((count, tokens), np.int64), np.zeros((count, tokens), np.int64)
        pitches, energies = np.zeros((count, tokens, 1), np.float32), np.zeros((count, tokens, 1), np.float32)
        spectrogram = np.full((count, frames, MEL_BINS + 2), -100, np.float32)
        for row, i in enumerate(chosen):
            part, lasting = slice(self.token_starts[i], self.token_ends[i]), slice(self.frame_starts[i], self.frame_ends[i])
            length = part.stop - part.start
            features = self.features(self.mel[lasting], self.pitch[lasting], int(self.speakers[i]))
            ids[row, :length], durations[row, :length] = self.tokens[part], self.frames[part]
            spectrogram[row, :len(features)] = features
            pitches[row, :length, 0], energies[row, :length, 0] = averages(features, self.frames[part])
        return {
            "input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(ids > 0).long(),
            "duration_labels": torch.from_numpy(durations), "pitch_labels": torch.from_numpy(pitches),
            "energy_labels": torch.from_numpy(energies), "spectrogram_labels": torch.from_numpy(spectrogram),
            "speaker_ids": torch.from_numpy(self.speakers[chosen].astype(np.int64))[:, None],
        }

    def features(self, mel: np.ndarray, pitch: np.ndarray, speaker: int) -> np.ndarray:
        """(F, 82): the mel, the pitch with straight lines through unvoiced stretches, and 1 or -1 for voiced or not, all
        around 0; the last two PITCH_WEIGHT times larger."""
        voiced = pitch > 0
        line = np.interp(np.arange(len(pitch)), np.flatnonzero(voiced), np.log(pitch[voiced])) if voiced.any() else (
            np.full(len(pitch), self.scale.pitch_mean[speaker])
        )
        line = (line - self.scale.pitch_mean[speaker]) / self.scale.pitch_deviation[speaker]
        flat = (mel.astype(np.float32) - np.float32(self.scale.mel_mean)) / np.float32(self.scale.mel_deviation)
        return np.concatenate([flat, PITCH_WEIGHT * np.stack([line, 2.0 * voiced - 1], 1)], 1).astype(np.float32)


def averages(features: np.ndarray, durations: np.ndarray) -> np.ndarray:
    """Mean pitch and mean loudness of every token; (2, T)."""
    ends = np.cumsum(durations.astype(np.int64))
    lines = np.stack([features[:, MEL_BINS] / PITCH_WEIGHT, features[:, :MEL_BINS].mean(1)])  # (2, F)
    sums = np.concatenate([np.zeros((2, 1)), np.cumsum(lines, 1)], 1)
    return (sums[:, ends] - sums[:, ends - durations]) / np.maximum(durations, 1)


def train(options: Options, *, minutes: float) -> dict:
    """Trains until the minutes are spent, saves the averaged network in the work folder, returns facts."""
    import torch

    bank = Bank(options)
    torch.manual_seed(options.seed)
    network = build().to(options.device).train()
    training = Training(options, "acoustic", network, minutes=minutes, peak=PEAK, weight_decay=1e-2)
    waiting: list[np.ndarray] = []
    for step in training.steps():
        if not waiting:
            waiting = bank.batches((options.seed, step), size=800 if options.smoke else FRAMES_A_STEP)
        examples = {key: value.to(options.device) for key, value in bank.examples(waiting.pop()).items()}
        with autocast(options.device):
            loss = network(**examples).loss
        training.learn(loss)
    network = training.averaged
    network.save_pretrained(options.work / FOLDER)
    (options.work / "scale.json").write_text(json.dumps(vars(bank.scale)))
    facts = training.facts | {
        "parameters": sum(p.numel() for p in network.parameters()),
        "hours": round(len(bank.mel) / FRAMES_A_SECOND / 3600, 1), "sentences": len(bank.speakers),
    }
    say(f"acoustic done: {facts}")
    write_facts(options.work, {"acoustic": facts})
    return facts
