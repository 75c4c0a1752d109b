"""Stage evaluate: the folder of the starter, what a recogniser understands of it, and how near it is to its teacher."""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from playground.catalog import ModelCard
from playground.device import Device
from playground.pipelines.speech import SpeechModel
from playground.pipelines.speech import load as load_speech
from playground.requests import TextToSpeechRequest
from playground.sounds import log_mel, spectrogram_picture
from playground.speech_text.written_out import written_out
from playground.training.recipe import Options, machine, say, write_facts
from playground.training.voice import acoustic, corpus, listener
from playground.training.voice.corpus import RATE, VOICES

NAMES = {"slt": "Sally (woman)", "rms": "Ross (man)"}  # what people choose by
SENTENCES = 200
FIGURES = 3
LINE = 24  # pixels of a line of text in a figure
CREDITS = (
    "Trained on speech made by flite with its voices cmu_us_slt and cmu_us_rms, (c) Carnegie Mellon University; the sentences"
    " are of public-domain books (files by the GITenberg project) and of the recipe's own."
)


def assemble(options: Options) -> None:
    """Puts the networks into `options.out` in float16, with the tokens, the voices' names and the features' scale."""
    import torch
    from transformers import FastSpeech2ConformerModel

    from playground.networks import source_filter

    network = FastSpeech2ConformerModel.from_pretrained(options.work / acoustic.FOLDER, dtype=torch.float32)
    network.half().save_pretrained(options.out / acoustic.FOLDER)
    source_filter.save(source_filter.load(options.work / "vocoder"), options.out)
    scale = json.loads((options.work / "scale.json").read_text(encoding="utf8"))
    rounded = {name: [round(value, 5) for value in values] for name, values in scale.items()}
    (options.out / "phones.json").write_text(json.dumps({
        "tokens": corpus.symbols(), "voices": [NAMES[voice] for voice in VOICES],
        "scale": rounded | {"line_weight": acoustic.PITCH_WEIGHT},
    }, indent=1) + "\n", encoding="utf8")


def loaded(options: Options) -> SpeechModel:
    """The starter in `options.out`, as the page loads it."""
    card = ModelCard(
        id="voice", title="Voice", sentence="", bad_at="", tasks=frozenset({"text_to_speech"}), adapter="speech", licence="",
        training_data="", memory=1, folder=options.out, voices=tuple(NAMES.values()),
    )
    return load_speech(card, Device(name="cpu", title="CPU", free_memory=10**9, dtype="float32", threads=2))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pair:
    """One held-out sentence by teacher and starter; samples: (N,) float32 at RATE; seconds: how long the starter took."""

    text: str
    teacher: np.ndarray
    starter: np.ndarray
    seconds: float


def pairs(options: Options) -> list[Pair]:
    """Held-out sentences, the voices in turn."""
    model, made = loaded(options), []
    count = 4 if options.smoke else SENTENCES
    for text in corpus.lines(options.data, seed=options.seed + 77, held_out=True):
        voice = VOICES[len(made) % len(VOICES)]
        said = corpus.spoken(text, voice)
        if said is None:
            continue
        begun = time.perf_counter()
        result = model.run(TextToSpeechRequest(text=text, voice=NAMES[voice], seed=len(made)), lambda event: None)
        made.append(Pair(text=text, teacher=said.samples, starter=result.samples, seconds=time.perf_counter() - begun))
        if len(made) == count:
            return made
    return made


def write(options: Options) -> None:
    """Measures the folder, draws the figures and writes facts.json."""
    known = json.loads((options.work / "facts.json").read_text(encoding="utf8"))
    measured = pairs(options)
    facts = {
        "title": "Voice", "licence": "Apache-2.0", "credits": CREDITS,
        "data": f"{known['acoustic']['hours']:.1f} hours of speech in two voices, made by the speech program flite",
        "parameters": sum(known[part]["parameters"] for part in ("acoustic", "vocoder", "lexicon")),
        "minutes": round(sum(known[part]["minutes"] for part in ("acoustic", "vocoder", "lexicon")), 1),
        "hardware": machine(options.device), "voices": [NAMES[voice] for voice in VOICES],
        "sample_rate": RATE, **known, "measures": measures(measured, options.work),
    }
    write_facts(options.out, facts)
    draw(measured, options.work)
    say(f"evaluate done: {facts['measures']}")


def measures(measured: list[Pair], work: Path) -> dict[str, float]:
    """What is said of the starter beside its teacher; shares of 0..1, distances in dB."""
    wanted = [[word.text for word in written_out(pair.text)] for pair in measured]
    understood = {
        name: listener.word_accuracy(wanted, [getattr(pair, name) for pair in measured], work)
        for name in ("teacher", "starter")
    }
    found = {
        "sentences": len(measured),
        **{f"word_accuracy_{name}": round(share, 3) for name, share in understood.items() if share is not None},
        "mel_cepstral_distortion_db": round(float(np.mean([distortion(p.teacher, p.starter) for p in measured])), 2),
        "length_ratio": round(sum(len(p.starter) for p in measured) / sum(len(p.teacher) for p in measured), 3),
        "real_time_factor": round(sum(p.seconds for p in measured) / sum(len(p.starter) for p in measured) * RATE, 4),
    }
    for name in ("teacher", "starter"):
        found[f"clipped_ends_{name}"] = round(float(np.mean([clipped_ends(getattr(p, name)) for p in measured])), 3)
        found[f"glitches_{name}"] = round(float(np.mean([glitches(getattr(p, name)) for p in measured])), 3)
    return found


def cepstra(samples: np.ndarray) -> np.ndarray:
    """Mel cepstra 1 to 13 of every frame, (F, 13): the cosine transform of the log mel spectrum."""
    mel = log_mel(samples, RATE).astype(np.float64)
    bins = mel.shape[1]
    angles = np.pi * (np.arange(bins) + 0.5)[:, None] * np.arange(1, 14) / bins
    return mel @ np.cos(angles) * np.sqrt(2 / bins) / np.sqrt(bins / 2)


def distortion(one: np.ndarray, other: np.ndarray) -> float:
    """Mel-cepstral distortion in dB (Kubichek 1993) along the best alignment in time of two signals."""
    a, b = cepstra(one), cepstra(other)
    costs = np.sqrt(((a[:, None] - b[None]) ** 2).sum(-1))  # (A, B)
    return float(10 / np.log(10) * np.sqrt(2) * aligned(costs))


def aligned(costs: np.ndarray) -> float:
    """The mean cost along the cheapest monotonous path through a matrix (dynamic time warping), one diagonal at a time."""
    rows, columns = costs.shape
    total = np.full((rows + 1, columns + 1), np.inf)
    steps = np.zeros((rows + 1, columns + 1))
    total[0, 0] = 0
    for diagonal in range(rows + columns - 1):
        i = np.arange(max(0, diagonal - columns + 1), min(rows, diagonal + 1))
        j = diagonal - i
        before = np.stack([total[i, j], total[i, j + 1], total[i + 1, j]])
        choice, at = before.argmin(0), np.arange(len(i))
        total[i + 1, j + 1] = before[choice, at] + costs[i, j]
        steps[i + 1, j + 1] = np.stack([steps[i, j], steps[i, j + 1], steps[i + 1, j]])[choice, at] + 1
    return total[rows, columns] / steps[rows, columns]


def clipped_ends(samples: np.ndarray) -> bool:
    """Whether the first or the last 10 ms are louder than a tenth of the whole (-20 dB): a sound cut off."""
    edge = RATE // 100
    loud = np.sqrt(np.mean(np.square(samples)))
    return any(np.sqrt(np.mean(np.square(part))) > 0.1 * loud for part in (samples[:edge], samples[-edge:]))


def glitches(samples: np.ndarray) -> bool:
    """Whether a click is heard: a 5 ms stretch whose second differences are 12 times those of its surroundings and as
    loud as the whole, or a sample at full scale."""
    bends = np.abs(np.diff(samples, 2))
    count = len(bends) // 80
    peaks = bends[:count * 80].reshape(count, 80).max(1)
    around = np.array([np.median(peaks[max(0, i - 4):i + 5]) for i in range(count)])
    loud = np.sqrt(np.mean(np.square(samples)))
    return bool(np.any((peaks > 12 * around) & (peaks > loud)) or np.abs(samples).max() >= 0.999)


def draw(measured: list[Pair], work: Path) -> None:
    """The first sentences of some length as mel spectrograms, the teacher's above the starter's, as PNG files."""
    chosen = [pair for pair in measured if 3 * RATE < len(pair.starter) < 6 * RATE] or measured
    for number, pair in enumerate(chosen[:FIGURES], 1):
        longest = max(len(pair.teacher), len(pair.starter))
        rows = [spectrogram_picture(np.pad(x, (0, longest - len(x))), RATE) for x in (pair.teacher, pair.starter)]
        width, height = rows[0].size
        sheet = Image.new("RGB", (width, 2 * (height + LINE) + LINE), "white")
        pen = ImageDraw.Draw(sheet)
        for index, (row, title) in enumerate(zip(rows, ("teacher (flite)", "starter"), strict=True)):
            sheet.paste(row, (0, index * (height + LINE) + LINE))
            pen.text((4, index * (height + LINE) + 6), title, fill="black")
        pen.text((4, 2 * (height + LINE) + 6), pair.text, fill="black")
        sheet.quantize(128, dither=Image.Dither.NONE).save(work / f"figure-{number}.png", optimize=True)
