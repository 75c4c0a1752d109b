"""Stage corpus: sentences of story books and everyday ones, said by the teacher, as tokens, durations, mels and pitch.

The waves are not kept; the vocoder has the teacher say some of the sentences again.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from playground.sounds import FRAMES_A_SECOND, log_mel
from playground.speech_text.sentences import sentences
from playground.speech_text.tokens import PADDING, SILENCES, tokens_of
from playground.training.recipe import Options, say
from playground.training.voice.phrases import phrase
from playground.training.voice.teacher import RATE, TRACK_SECONDS, VOWELS, Teacher
from playground.training.words import data as books

VOICES = ("slt", "rms")
LOUDNESS = 0.09  # root mean square of the frames that are not silent, for every voice
HOURS = 4.5  # of each voice
LONGEST = 12.0  # seconds of one utterance
PHRASES = 0.3  # share of everyday sentences
CONSONANTS = "b ch d dh f g hh jh k l m n ng p r s sh t th v w y z zh".split()


def symbols() -> tuple[str, ...]:
    """Every token, in the order of its id."""
    phones = sorted([*CONSONANTS, *(f"{vowel}{stress}" for vowel in VOWELS for stress in "01")])
    return (PADDING, *SILENCES, *phones, *(f"_{phone}" for phone in phones))


@dataclass(frozen=True, kw_only=True)
class Spoken:
    """What the teacher said. tokens, frames: (T,) ids and how many frames each lasts; mel: (F, 80); pitch: (F,) Hz, 0
    where unvoiced; samples: (N,) float32, at LOUDNESS."""

    tokens: np.ndarray
    frames: np.ndarray
    mel: np.ndarray
    pitch: np.ndarray
    samples: np.ndarray


def story_sentences(data: Path, *, held_out: bool) -> list[str]:
    """The sentences of the training books, or of those kept out, that are plain enough to be said as they stand."""
    chosen = books.split(books.load_books(data))[int(held_out)]
    plain = re.compile(r"[A-Z][A-Za-z',;:\- ]{8,150}[.!?]")
    return [
        sentence for book in chosen for piece in sentences(book.text)
        if plain.fullmatch(sentence := piece.text.strip('"').replace("--", ", ")) and not re.search("[A-Z]{2}", sentence)
    ]


def lines(data: Path, *, seed: int, held_out: bool = False) -> Iterator[str]:
    """Sentences without end, everyday ones among those of the stories; none of the held-out ones is met in training."""
    rng = random.Random(seed)
    stories = story_sentences(data, held_out=held_out)
    rng.shuffle(stories)
    for story in stories:
        while rng.random() < PHRASES:
            yield phrase(rng)
        yield story


@cache
def gain(voice: str) -> float:
    """What brings a voice to LOUDNESS."""
    levels = []
    for text in ("The quick brown fox jumps over the lazy dog.", "Good morning, how are you today?", "She sells sea shells."):
        loud = np.abs(samples := Teacher(voice).say(text).samples / 32768) > 0.01
        levels.append(np.sqrt(np.mean(np.square(samples[loud]))))
    return LOUDNESS / float(np.mean(levels))


@cache
def _teacher(voice: str) -> Teacher:
    return Teacher(voice)


@cache
def _ids() -> dict[str, int]:
    return {symbol: index for index, symbol in enumerate(symbols())}


def spoken(text: str, voice: str) -> Spoken | None:
    """A sentence said by a voice; None where its words and its sounds do not match."""
    said = _teacher(voice).say(text)
    phones = [word.phones for word in said.words if word.phones]
    silent, breaks, at = [phone == "pau" for phone, _ in said.segments], [], 1
    if not phones or not silent[0] or not silent[-1] or said.segments[-1][1] > LONGEST:
        return None
    heard = [phone for phone, _ in said.segments]
    for word in phones:
        if heard[at:at + len(word)] != [phone.rstrip("01") for phone in word]:
            return None
        at += len(word)
        breaks.append(at < len(heard) - 1 and silent[at])
        at += breaks[-1]
    names = tokens_of(phones, breaks)
    if at != len(heard) - 1 or len(names) != len(heard) or not {*names} <= _ids().keys():
        return None
    ends = np.round(np.array([end for _, end in said.segments]) * FRAMES_A_SECOND).astype(int)
    samples = np.clip(said.samples.astype(np.float32) / 32768 * gain(voice), -1, 1)
    mel = log_mel(samples, RATE)
    length = min(ends[-1], len(mel))
    ends = np.minimum(ends, length)
    instants = np.arange(length) / FRAMES_A_SECOND / TRACK_SECONDS
    pitch = said.pitch[np.clip(np.round(instants).astype(int), 0, len(said.pitch) - 1)]
    return Spoken(
        tokens=np.array([_ids()[name] for name in names], np.int16), frames=np.diff(ends, prepend=0).astype(np.int16),
        mel=mel[:length].astype(np.float16), pitch=pitch.astype(np.float32), samples=samples,
    )


def _without_wave(job: tuple[str, str]) -> Spoken | None:
    made = spoken(*job)
    return made and replace(made, samples=np.zeros(0, np.float32))


def build(options: Options) -> None:
    """Has the teacher say HOURS of each voice and keeps the result in the work folder."""
    path = options.work / "corpus.npz"
    if path.exists():
        say("corpus: already there")
        return
    enough = (0.01 if options.smoke else HOURS) * 3600 * FRAMES_A_SECOND
    kept: list[Spoken] = []
    speakers: list[int] = []
    with get_context("spawn").Pool(1 if options.smoke else 2) as pool:
        for number, voice in enumerate(VOICES):
            frames = 0
            jobs = ((text, voice) for text in lines(options.data, seed=options.seed + number))
            while frames < enough:
                made = [one for one in pool.map(_without_wave, islice(jobs, 4 if options.smoke else 512)) if one]
                kept += made
                speakers += [number] * len(made)
                frames += sum(len(one.mel) for one in made)
            say(f"corpus: {voice}, {frames / FRAMES_A_SECOND / 3600:.2f} hours, {speakers.count(number)} sentences")
    np.savez(
        path, speakers=np.array(speakers, np.int8), tokens=np.concatenate([s.tokens for s in kept]),
        frames=np.concatenate([s.frames for s in kept]), lengths=np.array([len(s.tokens) for s in kept]),
        mel=np.concatenate([s.mel for s in kept]), pitch=np.concatenate([s.pitch for s in kept]),
    )
    (options.work / "phones.json").write_text(json.dumps({"tokens": symbols()}))
