"""Stage vocoder: the teacher says some sentences again, and the network learns to give their spectra at several resolutions."""

from __future__ import annotations

from multiprocessing import get_context

import numpy as np

from playground.networks import source_filter
from playground.training.loop import Training
from playground.training.recipe import Options, say, write_facts
from playground.training.voice import corpus
from playground.training.voice.corpus import RATE, VOICES, Spoken

SENTENCES = 700  # of each voice
FRAMES, BATCH = 64, 24  # of one example; of a step
PEAK = 2e-3
RESOLUTIONS = ((2048, 240, 1200), (1024, 120, 600), (512, 50, 240), (256, 25, 100))  # transform, hop, window in samples
HOP = RATE // corpus.FRAMES_A_SECOND


def heard(options: Options) -> list[Spoken]:
    """Sentences with their waves, of both voices in turn."""
    count = 12 if options.smoke else SENTENCES
    texts = [text for text, _ in zip(corpus.lines(options.data, seed=options.seed + 50), range(count), strict=False)]
    jobs = [(text, voice) for text in texts for voice in VOICES]
    with get_context("spawn").Pool(1 if options.smoke else 2) as pool:
        return [made for made in pool.starmap(corpus.spoken, jobs, chunksize=16) if made and len(made.mel) >= FRAMES]


def batch(said: list[Spoken], rng: np.random.Generator, count: int):
    """Random stretches: mel (B, FRAMES, 80), pitch (B, FRAMES), samples (B, FRAMES * HOP)."""
    import torch

    mels, pitches, samples = [], [], []
    for index in rng.integers(0, len(said), count):
        one = said[index]
        start = rng.integers(0, len(one.mel) - FRAMES + 1)
        mels.append(one.mel[start:start + FRAMES])
        pitches.append(one.pitch[start:start + FRAMES])
        wave = one.samples[start * HOP:(start + FRAMES) * HOP]
        samples.append(np.pad(wave, (0, FRAMES * HOP - len(wave))))
    return tuple(torch.from_numpy(np.stack(part).astype(np.float32)) for part in (mels, pitches, samples))


def distance(made, truth):
    """The multi-resolution STFT loss of Yamamoto et al. 2020: spectral convergence and L1 of log magnitudes."""
    import torch

    total = 0.0
    for transform, hop, width in RESOLUTIONS:
        window = torch.hann_window(width, device=made.device)
        one, other = (
            torch.stft(x, transform, hop, width, window, return_complex=True).abs().clamp(min=1e-4) for x in (made, truth)
        )
        total = total + (one - other).norm() / other.norm() + (one.log() - other.log()).abs().mean()
    return total / len(RESOLUTIONS)


def train(options: Options, *, minutes: float) -> dict:
    """Trains until the minutes are spent, saves the averaged network in the work folder, returns facts."""
    import torch

    said = heard(options)
    say(f"vocoder: {len(said)} sentences with their waves")
    torch.manual_seed(options.seed)
    network = source_filter.SourceFilter(sample_rate=RATE, hop=HOP).to(options.device)
    mels = np.concatenate([one.mel for one in said[:400]]).astype(np.float32)
    network.mean.copy_(torch.from_numpy(mels.mean(0)))
    network.deviation.copy_(torch.from_numpy(mels.std(0)))
    kept_out, said = said[:16], said[16:]
    training = Training(options, "vocoder", network, minutes=minutes, peak=PEAK)
    rng = np.random.default_rng((options.seed, training.step))
    for _ in training.steps():
        mel, pitch, samples = (part.to(options.device) for part in batch(said, rng, 2 if options.smoke else BATCH))
        training.learn(distance(network(mel, pitch, torch.randn_like(samples)), samples))
    network = training.averaged
    source_filter.save(network, options.work / "vocoder")
    with torch.inference_mode():
        measured = [
            distance(network(mel, pitch, torch.randn_like(samples)), samples).item()
            for mel, pitch, samples in (batch(kept_out, np.random.default_rng(i), 8) for i in range(4))
        ]
    facts = training.facts | {
        "stft_distance": round(float(np.mean(measured)), 4), "parameters": sum(p.numel() for p in network.parameters()),
    }
    say(f"vocoder done: {facts}")
    write_facts(options.work, {"vocoder": facts})
    return facts
