"""A speech recogniser that only measures: the program pocketsphinx_batch, which has never met the starter."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from playground.training.recipe import say
from playground.training.voice.corpus import RATE

PROGRAM = "pocketsphinx_batch"
MODEL = Path("/usr/share/pocketsphinx/model/en-us")
LOUD = 0.5  # peak at which it listens


def word_accuracy(wanted: list[list[str]], heard: list[np.ndarray], work: Path) -> float | None:
    """1 minus the word error rate over all sentences; None where there is no recogniser."""
    if shutil.which(PROGRAM) is None or not MODEL.exists():
        say(f"{PROGRAM} or its model is not here: no word accuracy")
        return None
    texts = recognised(heard, work / "listening")
    wrong = sum(distance([plain(w) for w in words], text.split()) for words, text in zip(wanted, texts, strict=True))
    return 1 - wrong / sum(map(len, wanted))


def plain(word: str) -> str:
    """A word as the recogniser writes it."""
    return word.replace(".", "")


def recognised(heard: list[np.ndarray], folder: Path) -> list[str]:
    """What the recogniser writes down for each sound."""
    import soundfile

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    names = [f"{index:04d}" for index in range(len(heard))]
    for name, samples in zip(names, heard, strict=True):
        level = LOUD / max(float(np.abs(samples).max()), 1e-6)
        padded = np.pad(samples * level, RATE // 4)
        soundfile.write(folder / f"{name}.wav", padded, RATE, subtype="PCM_16")
    (folder / "list").write_text("\n".join(names) + "\n")
    command = {
        "-adcin": "yes", "-adchdr": "44", "-cepdir": folder, "-cepext": ".wav", "-ctl": folder / "list",
        "-hmm": MODEL / "en-us", "-lm": MODEL / "en-us.lm.bin", "-dict": MODEL / "cmudict-en-us.dict",
        "-hyp": folder / "heard", "-logfn": "/dev/null",
    }
    subprocess.run([PROGRAM, *(str(part) for pair in command.items() for part in pair)], check=True, capture_output=True)
    lines = (folder / "heard").read_text().splitlines()
    found = {line.rsplit("(", 1)[1].split()[0]: line.rsplit("(", 1)[0].strip() for line in lines}
    return [found.get(name, "") for name in names]


def distance(wanted: Sequence[str], got: Sequence[str]) -> int:
    """The fewest words or phones to change, add or leave out that make one row of the other (Levenshtein 1966)."""
    row = list(range(len(got) + 1))
    for i, word in enumerate(wanted, 1):
        corner, row[0] = row[0], i
        for j, other in enumerate(got, 1):
            corner, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, corner + (word != other))
    return row[-1]
