"""Cuts a text into the sentences that are read one by one, each with the silence that belongs behind it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from playground.speech_text.abbreviations import (
    ABBREVIATIONS,
    BEFORE_NUMBERS,
    DOTTED,
    SHORT_DAYS,
    SHORT_MONTHS,
    TITLES,
    WORDS_TOO,
)
from playground.speech_text.characters import is_emoji

PAUSE, PARAGRAPH_PAUSE = 0.25, 0.6  # seconds of silence after a sentence and after a paragraph
LONGEST = 300  # characters of one piece; longer sentences are read in parts
WRAPPED = 45  # a line as long as this may go on in the next one
NEVER_LAST = TITLES | frozenset("mr mrs ms dr st prof jr sr vs capt lt sgt messrs cpl pvt".split())
OPENERS = frozenset(
    "the a an i he she it we they you this that these those there here but and so then when where what who why how if in on "
    "at his her its my our your their no yes".split()
)
MARK = re.compile(r"[.!?;:…。！？]+[\"'”’)\]]*(?:(?=\s|$)|(?<=[。！？]))")


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """A piece to be read in one go, and the silence after it in seconds."""

    text: str
    pause: float


def sentences(text: str) -> list[Sentence]:
    """The text in sentences; abbreviations do not end one, and a very long one is cut at commas or spaces."""
    made: list[Sentence] = []
    for paragraph in paragraphs(text):
        pieces = [part for sentence in split_sentences(paragraph) for part in shortened(sentence)]
        made += [Sentence(text=piece, pause=PAUSE) for piece in pieces[:-1]]
        made += [Sentence(text=piece, pause=PARAGRAPH_PAUSE) for piece in pieces[-1:]]
    return made


def paragraphs(text: str) -> list[str]:
    """The lines of a text; one that was wrapped goes on in the next: it is long, has no end, and the next is in small letters."""
    made: list[list[str]] = []
    wrapped = False
    for line in text.splitlines():
        if wrapped and line[:1].islower():
            made[-1].append(line)
        elif line.strip():
            made.append([line])
        wrapped = len(line) >= WRAPPED and line.rstrip()[-1:].isalnum() or line.rstrip().endswith(",") and len(line) >= WRAPPED
    return [" ".join(lines) for lines in made]


def split_sentences(paragraph: str) -> list[str]:
    """One paragraph's sentences, each with its closing mark; emoji go with the sentence before them."""
    found, start = [], 0
    for mark in MARK.finditer(paragraph):
        before = paragraph[max(start, mark.start() - 16):mark.start()]
        following = paragraph[mark.end():mark.end() + 40].lstrip()
        numbered = start == 0 and re.fullmatch(r"\s*(?:\d{1,3}|[IVXL]{1,6})", before) and following
        if mark.group() != "." or not (numbered or abbreviated(before, following)):
            found.append(paragraph[start:mark.end()].strip())
            start = mark.end()
    found.append(paragraph[start:].strip())
    made: list[str] = []
    for piece in found:
        if any(c.isalnum() for c in piece):
            made.append(piece)
        elif any(map(is_emoji, piece)):
            made[-1:] = [f"{made[-1]} {piece}"] if made else [piece]
    return made


def abbreviated(before: str, after: str) -> bool:
    """Whether the full stop between two texts belongs to the word before it and ends no sentence."""
    if not after:
        return False
    if dotted := re.search(r"(?<!\w)(?:[A-Za-z]{1,2}\.)+[A-Za-z]{1,2}$", before):
        return goes_on(dotted[0].lower(), after)
    last = re.search(r"\w+$", before)
    if not last:
        return False
    word = last[0].lower()
    if re.fullmatch("[A-Z]", last[0]):
        return not (last[0] == "I" and re.search(r"[a-z] I$", before) and after[0].isupper())
    if word in NEVER_LAST or word == "v" and after[0].isupper():
        return True
    if word in BEFORE_NUMBERS:
        return after[0].isdigit()
    if word in WORDS_TOO or word in SHORT_MONTHS or word in SHORT_DAYS:
        return after[0].isdigit() or word in WORDS_TOO and after[0].islower()
    return word in ABBREVIATIONS and not after[0].isupper()


def goes_on(letters: str, after: str) -> bool:
    """Whether a sentence goes on behind letters with full stops: "e.g.", "p.m.", "U.S."."""
    if letters in DOTTED or not after[0].isupper():
        return True
    if letters in ("a.m", "p.m"):
        return False
    opener = re.match(r"[A-Za-z]+", after)
    return not (opener and opener[0].lower() in OPENERS)


def shortened(sentence: str) -> list[str]:
    """Parts of at most LONGEST characters, cut after a comma, else at a space, else anywhere."""
    parts = []
    while len(sentence) > LONGEST:
        window = sentence[:LONGEST]
        places = (window.rfind(", ") + 1, window.rfind(" — ") + 2, window.rfind(" "))
        cut = next((place for place in places if place > LONGEST // 4), LONGEST)
        parts.append(sentence[:cut].strip())
        sentence = sentence[cut:].strip()
    return [*parts, sentence] if sentence else parts
