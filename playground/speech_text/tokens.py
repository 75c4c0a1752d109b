"""The symbols that a voice reads: phones, marked where a word begins, and the silences around and between them."""

from __future__ import annotations

from collections.abc import Sequence

PADDING, START, BREAK, END = "<pad>", "^", ",", "."
SILENCES = (START, BREAK, END)


def tokens_of(words: Sequence[Sequence[str]], breaks: Sequence[bool]) -> list[str]:
    """A sentence's tokens: silence, the words' phones ("_hh" begins a word, "ow1" goes on), a break behind each word
    whose `breaks` is true but the last, silence."""
    made = [START]
    for index, (phones, broken) in enumerate(zip(words, breaks, strict=True)):
        made += [f"_{phone}" if first == 0 else phone for first, phone in enumerate(phones)]
        if broken and index + 1 < len(words):
            made.append(BREAK)
    return [*made, END]
