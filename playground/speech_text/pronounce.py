"""How a word is said: looked up, or made of a word that is known and its ending, or guessed from its letters."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path

LEXICON = "lexicon.txt.gz"
Phones = tuple[str, ...]

LETTERS: Mapping[str, Phones] = {
    letter: tuple(phones.split()) for letter, phones in zip("abcdefghijklmnopqrstuvwxyz", (
        "ey1", "b iy1", "s iy1", "d iy1", "iy1", "eh1 f", "jh iy1", "ey1 ch", "ay1", "jh ey1", "k ey1", "eh1 l", "eh1 m",
        "eh1 n", "ow1", "p iy1", "k y uw1", "aa1 r", "eh1 s", "t iy1", "y uw1", "v iy1", "d ah1 b ax0 l y uw0", "eh1 k s",
        "w ay1", "z iy1",
    ), strict=True)
}
VOICELESS = frozenset("p t k f th".split())
SIBILANTS = frozenset("s z sh zh ch jh".split())
SHORT_ENDINGS: Mapping[str, Phones] = {
    "'ll": ("ax0", "l"), "'ve": ("v",), "'re": ("er0",), "'m": ("m",), "n't": ("ax0", "n", "t"),
}


def is_vowel(phone: str) -> bool:
    """Whether a phone is a vowel: those alone bear a stress."""
    return phone[-1] in "01"


class Pronouncer:
    """Finds the phones of words; vowels end in 1 where they are stressed and in 0 where they are not.

    lexicon: the words that are known; guess: phones from letters alone, for all other words.
    """

    def __init__(self, lexicon: Mapping[str, Phones], guess: Callable[[str], Phones]) -> None:
        self.lexicon, self.guess = lexicon, guess
        self.said = lru_cache(maxsize=20_000)(self._said)

    @classmethod
    def load(cls, folder: Path) -> Pronouncer:
        """Reads the lexicon and the network in a starter's folder."""
        from playground.networks import letters

        network = letters.load(folder)
        return cls(read_lexicon(folder / LEXICON), lambda word: network.say([word])[0])

    def phones(self, word: str, after: str | None = None) -> Phones:
        """The phones of a word as `written_out` gives it, one or more; after: the word that follows, by which "the" is said."""
        if word == "the" and after and is_vowel(self.said(after)[0]):
            return ("dh", "iy0")
        return self.said(word)

    def source(self, word: str) -> str:
        """"lexicon" where the phones are known or made by rule, "letters" where they are a guess."""
        return "lexicon" if self._known(word) else "letters"

    def _said(self, word: str) -> Phones:
        return self._known(word) or self.guess(word.replace("'", "")) or self._spelled(word)

    def _spelled(self, word: str) -> Phones:
        return tuple(phone for letter in word if letter in LETTERS for phone in LETTERS[letter]) or LETTERS["o"]

    def _known(self, word: str) -> Phones:
        if word in self.lexicon:
            return self.lexicon[word]
        if word[-1:] == "." and word[:-1] in LETTERS:
            return LETTERS[word[:-1]]
        if "'" in word:
            return self._shortened(word)
        return self._with_ending(word)

    def _shortened(self, word: str) -> Phones:
        """A word with an apostrophe: "'s" and the like behind another word."""
        base, _, ending = word.rpartition("'")
        if ending == "s" and base:
            said = LETTERS.get(base) or self._known(base)
            return with_s(said) if said else ()
        if ending == "d" and base and (said := self._known(base)):
            return (*said, "ax0", "d") if said[-1] in "td" else (*said, "d")
        for short, phones in SHORT_ENDINGS.items():
            if word.endswith(short) and (said := self._known(word.removesuffix(short))):
                return (*said, *phones)
        return self._known(base) if not ending and base else ()

    def _with_ending(self, word: str) -> Phones:
        """A regular form of a word in the lexicon."""
        for ending, changes, add in ENDINGS:
            if word.endswith(ending) and len(word) > len(ending) + 2:
                stem = word.removesuffix(ending)
                for change in changes:
                    base = change(stem)
                    if base and (said := self.lexicon.get(base)):
                        return add(said)
        return ()


def with_s(said: Phones, *, between: str = "ax0") -> Phones:
    """A word's phones with "'s"; between: the vowel where they end like it."""
    if said[-1] in SIBILANTS:
        return (*said, between, "z")
    return (*said, "s" if said[-1] in VOICELESS else "z")


def with_plural(said: Phones) -> Phones:
    """A noun's phones with the ending of its plural."""
    return with_s(said, between="ih0")


def with_ed(said: Phones) -> Phones:
    """A verb's phones with the ending of its past."""
    if said[-1] in "td":
        return (*said, "ih0", "d")
    return (*said, "t" if said[-1] in VOICELESS | {"s", "sh", "ch"} else "d")


def same(stem: str) -> str:
    return stem


def with_ly(said: Phones) -> Phones:
    """An adjective's phones with the ending of its adverb."""
    return (*said, "iy0") if said[-1] == "l" else (*said, "l", "iy0")


def single(stem: str) -> str:
    return "" if stem.endswith("s") else stem


def with_e(stem: str) -> str:
    return f"{stem}e"


def with_y(stem: str) -> str:
    return f"{stem[:-1]}y" if stem.endswith("i") else ""


def undoubled(stem: str) -> str:
    return stem[:-1] if stem[-1:] == stem[-2:-1] else ""


ENDINGS = (  # ending, what may have been before it, and the phones that it adds
    ("es", (with_e, with_y, same), with_plural), ("s", (single,), with_plural),
    ("ed", (same, with_e, undoubled, with_y), with_ed),
    ("ing", (same, with_e, undoubled), lambda said: (*said, "ih0", "ng")), ("ly", (same,), with_ly),
)


def read_lexicon(path: Path) -> dict[str, Phones]:
    """The words of a lexicon file and their phones, in its order."""
    with gzip.open(path, "rt", encoding="utf8") as lines:
        rows = (line.rstrip("\n").partition("\t") for line in lines)
        return {word: tuple(phones.split(" ")) for word, _, phones in rows if phones}


def write_lexicon(path: Path, lexicon: Mapping[str, Phones]) -> None:
    """Writes such a file; the same words give the same bytes."""
    text = "".join(f"{word}\t{' '.join(phones)}\n" for word, phones in lexicon.items())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
