"""Writes a sentence out in words that can be looked up, each with the characters of the sentence that it was made from."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

from playground.speech_text import spelling
from playground.speech_text.abbreviations import (
    ABBREVIATIONS,
    BARE,
    CLIPPED,
    COMPARISONS,
    DOTTED,
    PER,
    STREETS,
    SYMBOLS,
    TITLES,
    VULGAR,
    WORDS_TOO,
)
from playground.speech_text.characters import emoji_name, folded, is_emoji
from playground.speech_text.rules import (
    MONEY,
    PHONE,
    POWER,
    SHORT_DECADE,
    SHORT_YEAR,
    WEB,
    Rule,
    Said,
    decade,
    phone,
    power,
    rules_for_digits,
    rules_for_letters,
    short_year,
    web_address,
)

EMOJI_NAMED = 3  # of a sentence; where there are more, the others are silent
FLAG = re.compile("([\U0001f1e6-\U0001f1ff])([\U0001f1e6-\U0001f1ff])")
TIME_BEFORE = re.compile(r"(?:\d|\d ?[ap]\.?m\.?) ?$", re.I)
TOKEN = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)*")
DOTTED_LETTERS = re.compile(r"(?:[A-Za-z]{1,2}\.){2,12}(?:[A-Za-z](?![A-Za-z]))?|[A-Za-z]\.[A-Za-z](?![A-Za-z.])")
LETTER_FOLLOWS = frozenset(
    "plan vitamin grade type group point section option team class hepatitis exhibit appendix part side block level series "
    "letter an model item version minor major".split()
)
IT_IS_LETTERS = re.compile(
    r" (?:departments?|support|teams?|staff|managers?|guys?|industry|jobs?|workers?|systems?|security|skills)\b",
)


@dataclass(frozen=True, kw_only=True)
class Word:
    """A word to be spoken. text: small letters and apostrophes ("o'clock"), or one letter by its name ("a."); at, to: the
    characters of the sentence that it stands for, which several words may share; pause: "," where a break follows."""

    text: str
    at: int
    to: int
    pause: str = ""


def written_out(sentence: str) -> tuple[Word, ...]:
    """All that can be said of a sentence, in order; other scripts than Latin give no words."""
    return tuple(_Scan(sentence).words())


@cache
def rules() -> tuple[tuple[Rule, ...], tuple[Rule, ...]]:
    """The rules for what begins with a digit, and for what begins with a letter."""
    return rules_for_digits(), rules_for_letters()


class _Scan:
    """One pass over a sentence."""

    def __init__(self, sentence: str) -> None:
        self.text, self.places = folded(sentence)
        self.made: list[Word] = []
        self.named: list[str] = []
        capitals = re.findall(r"\b[A-Z]{2,}\b", self.text)
        small = re.findall(r"\b[A-Za-z]*[a-z][A-Za-z]*\b", self.text)
        opening = re.match(r"\W*[A-Z]+(?:[ -][A-Z']+\b)+(?= [a-z])", self.text)
        self.opening = opening.end() if opening else 0  # a story's first words are often in capitals
        self.shouted = len(capitals) > 1 and sum(map(len, capitals)) > 2 * sum(map(len, small))

    def words(self) -> list[Word]:
        at = 0
        while at < len(self.text):
            at = self.step(at)
        if self.made and self.made[-1].pause and not re.search(r"[,;:—–]\W*$", self.text):
            self.made[-1] = replace(self.made[-1], pause="")
        return self.made

    def step(self, at: int) -> int:
        """Reads what stands at a place, and returns the place behind it."""
        character = self.text[at]
        if character.isspace():
            return at + 1
        for said, start, end in self.readings(at):
            if said is None:
                continue
            for words, begin, to in [(said, start, end)] if isinstance(said, str) else said:
                self.say(words, begin, to)
            return end if isinstance(said, str) else max([to for *_, to in said], default=end)
        return self.punctuation(at)

    def readings(self, at: int) -> Iterator[tuple[Said, int, int]]:
        """What the rules that fit here say, in their order."""
        character, first = self.text[at], at == 0 or not self.text[at - 1].isalnum()
        if first and (match := WEB.match(self.text, at)):
            yield web_address(match), at, match.end()
        digit, letter = rules()
        next_one = self.text[at + 1:at + 2]
        signed = character in MONEY or character in VULGAR or character in ".(" and first and "0" <= next_one <= "9"
        if character in "0123456789" or signed:
            yield from self.tried(digit, at)
        elif character.isascii() and character.isalpha():
            if first:
                yield from self.tried(letter, at)
            yield self.word(at)
        elif character == "'":
            yield from self.tried(((SHORT_DECADE, decade), (SHORT_YEAR, short_year)) if first else (), at)
            yield self.clipped(at)
        elif character == "+" and (match := PHONE.match(self.text, at)):
            yield phone(match), at, match.end()
        yield self.symbol(at)

    def tried(self, rules: tuple[Rule, ...], at: int) -> Iterator[tuple[Said, int, int]]:
        for pattern, say in rules:
            if match := pattern.match(self.text, at):
                yield say(match), at, match.end()

    def word(self, at: int) -> tuple[Said, int, int]:
        """A word, an abbreviation or a row of letters."""
        if match := DOTTED_LETTERS.match(self.text, at):
            return self.dotted(match)
        match = TOKEN.match(self.text, at)
        token, end = match[0], match.end()
        if (said := self.abbreviation(token, end)) is not None:
            return said, at, end + (self.text[end:end + 1] == ".")
        if len(token) == 1:
            return self.single(token, at, end)
        joined = self.text[end:end + 1] == "&" or self.text[at - 1:at] == "&"
        if joined and token.isupper() and len(token) < 4:
            return spelling.spelled(token), at, end
        if token == "US" and not self.shouted or token == "IT" and IT_IS_LETTERS.match(self.text, end):
            return spelling.spelled(token), at, end
        return self.parts(token, at, shouted=self.shouted or end <= self.opening), at, end

    def parts(self, token: str, at: int, *, shouted: bool) -> Said:
        """A token's words, each with its own place where capitals inside it make several."""
        said = spelling.written(token, shouted=shouted)
        cuts = re.split(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", token)
        if len(cuts) == 1 or " " not in said or not token.isalpha() or spelling.JOINED.fullmatch(token):
            return said
        words, begin = [], at
        for cut in cuts:
            words.append((spelling.written(cut) if len(cut) > 1 else f"{cut.lower()}.", begin, begin + len(cut)))
            begin += len(cut)
        return words if " ".join(w for w, *_ in words) == said else said

    def dotted(self, match: re.Match[str]) -> tuple[Said, int, int]:
        """Letters with full stops: "e.g.", "U.S.A.", "J.R.R."."""
        text = match[0].rstrip(".").lower()
        end = match.end() + (self.text[match.end():match.end() + 1] == "." and not match[0].endswith("."))
        if text in DOTTED:
            return DOTTED[text], match.start(), end
        if any(len(part) > 1 for part in text.split(".")):
            token = TOKEN.match(self.text, match.start())[0]
            said = f"{token.lower()}." if len(token) == 1 else spelling.written(token)
            return said, match.start(), match.start() + len(token)
        return spelling.spelled(text), match.start(), end

    def abbreviation(self, token: str, end: int) -> str | None:
        """What a short form stands for; None where it is a word."""
        low, dot = token.lower(), self.text[end:end + 1] == "."
        rest = self.text[end + dot:end + dot + 40]
        if low in ("dr", "st") and (dot or token != low) and (dot or re.match(r" [A-Z]", rest)):
            return self.doctor_or_drive(low, rest, end - len(token))
        if low in ("a", "p") and dot and re.match(r" m\.", rest):
            return f"{low}."
        if low == "ft" and dot and re.match(r" [A-Z]", rest):
            return "fort"
        known = ABBREVIATIONS.get(low)
        if known is None or token.isupper() and len(token) > 1 and not (dot and low in BARE):
            return None
        if not dot:
            return known if low in BARE else None
        if low in TITLES:
            return known if token[0].isupper() and re.match(r" [A-Z]", rest) else None
        if low in WORDS_TOO:
            return known if re.match(r"[,;)]| [\da-z(]", rest) else None
        return known if low not in STREETS or token[0].isupper() else None

    def doctor_or_drive(self, low: str, rest: str, at: int) -> str:
        """"Dr. Oak" is a doctor, "12 Oak Dr. ..." a drive; "St. Ann" a saint, "Baker St. ..." a street."""
        before = self.text[max(0, at - 40):at]
        street = re.search(r"(?:\d\w* (?:[NSEW]\.? )?[A-Z][a-z]+|\d(?:st|nd|rd|th)|\bMain) $", before)
        named = re.match(r",? ?[A-Z][a-z']", rest)
        proper = re.search(r"(?<!^)(?<!\. )\b[A-Z][a-z]+ $", before)
        if street or proper and not named:
            return "drive" if low == "dr" else "street"
        return "doctor" if low == "dr" else "saint" if named else "street"

    def single(self, token: str, at: int, end: int) -> tuple[Said, int, int]:
        """One letter: the words "a" and "I", an initial, or the letter's name."""
        before, rest = self.text[max(0, at - 30):at], self.text[end:end + 30]
        beside_digit = before[-1:].isdigit() or rest[:1].isdigit() or re.match(r"-\d", rest)
        spelt = before.endswith("-") and rest.startswith("-")
        if token in "iI" and not beside_digit and not spelt:
            return ("i." if rest[:1] == "." and re.match(r"\. ?[A-Z]\.", rest) else "i"), at, end
        initial = token.isupper() and re.match(r"\. ?[A-Z]", rest)
        if initial:
            return f"{token.lower()}.", at, end + 1
        if token in "aA" and not beside_digit:
            earlier = re.search(r"([A-Za-z]+) $", before)
            spoken = token == "A" and earlier and (earlier[1].lower() in LETTER_FOLLOWS or not re.match(r" [A-Za-z\"'(]", rest))
            inside = re.search(r"[a-z]-$", before) and re.match(r"-[a-z]{2}", rest)
            if inside or not spoken and not before.endswith(("&", "-")) and not rest.startswith(("&", "+")):
                return "a", at, end
        return f"{token.lower()}.", at, end

    def clipped(self, at: int) -> tuple[Said, int, int]:
        """Words that begin with an apostrophe: "'twas", "'em"."""
        match = re.compile(r"'[A-Za-z]+(?:'[A-Za-z]*)?").match(self.text, at)
        if match and (at == 0 or not self.text[at - 1].isalnum()):
            for text in (match[0], match[0].rstrip("'"), match[0].partition("'")[0]):
                if text.lower() in CLIPPED and (len(text) > 2 or self.text[at + len(text):at + len(text) + 1] == " "):
                    return CLIPPED[text.lower()], at, at + len(text)
        return None, at, at

    def symbol(self, at: int) -> tuple[Said, int, int]:
        """A sign that has a word."""
        character, before, rest = self.text[at], self.text[max(0, at - 2):at], self.text[at + 1:at + 3]
        if match := FLAG.match(self.text, at):
            return self.once(match[0], f"{emoji_name(match[1])} {emoji_name(match[2])} flag"), at, match.end()
        if is_emoji(character):
            return self.once(character, emoji_name(character)), at, at + 1
        if character == "#" and rest[:1].isalnum():
            return ("number" if rest[0].isdigit() else "hashtag"), at, at + 1
        if character == "@" and rest.strip():
            return "at", at, at + 1
        if character == "^" and (match := POWER.match(self.text, at)):
            return power(match), at, match.end()
        if character == "*" and re.match(r"[\w)] ?$", before[-2:]) and re.match(r" ?\d", rest):
            return "times", at, at + 1
        if character == "°" and (match := re.match("[CF](?![A-Za-z])", rest)):
            return f"degrees {'celsius' if match[0] == 'C' else 'fahrenheit'}", at, at + 2
        if character == "#" and re.search(r"\b[A-Ga-g]$", before):
            return "sharp", at, at + 1
        if character == "/" and before[-1:].isalnum() and rest[:1].isalnum():
            return self.slash(at), at, at + 1
        if (pair := self.text[at:at + 2]) in COMPARISONS and before.strip():
            return COMPARISONS[pair], at, at + 2
        if character in "-–—" and re.match(r" ?\d", rest) and TIME_BEFORE.search(self.text[max(0, at - 6):at]):
            return "to", at, at + 1
        if character in "<>" and before[-1:].isdigit() and rest[:1].isdigit():
            return ("is less than" if character == "<" else "is greater than"), at, at + 1
        if "α" <= character.lower() <= "ω" and not before[-1:].isalpha() and not rest[:1].isalpha():
            return unicodedata.name(character).split()[-1].lower(), at, at + 1
        if character in "<>" and before[-1:] == " " == rest[:1] and re.search(r"\w $", before):
            return ("is less than" if character == "<" else "is greater than"), at, at + 1
        if character == "-" and re.match(rf"\d|[.{MONEY}]\d", rest) and not re.search(r"[\w)]$", before):
            return "minus", at, at + 1
        if character == "-" and before[-1:] == " " == rest[:1] and self.sum_around(at):
            return "minus", at, at + 1
        if character == "~" and rest[:1].isdigit():
            return "about", at, at + 1
        if character in "+=" and not (rest[:1] == " " or before[-1:].isalnum() or rest[:1].isalnum()):
            return None, at, at
        if character in "+" and before[-1:].isdigit() and not rest.strip():
            return "plus", at, at + 1
        return SYMBOLS.get(character), at, at + 1

    def slash(self, at: int) -> str:
        """A slash: "per" before what is counted, silent between capitals."""
        following = TOKEN.match(self.text, at + 1)
        earlier = re.search(r"([A-Za-z]+|[\d.,]+)$", self.text[max(0, at - 12):at])
        if following and earlier and (earlier[0][-1].isdigit() or earlier[0] in ("km", "kg", "mi")) and following[0] in PER:
            return "per"
        return "" if following and earlier and following[0].isupper() and earlier[0].isupper() else "slash"

    def sum_around(self, at: int) -> bool:
        """Whether a dash between numbers takes one from the other: an equals sign is near."""
        around = self.text[max(0, at - 20):at + 20]
        return bool(re.search(r"\d - \d", around)) and "=" in around

    def once(self, emoji: str, name: str) -> str:
        """An emoji's name once, while there are few."""
        if emoji in self.named or len(self.named) >= EMOJI_NAMED:
            return ""
        self.named.append(emoji)
        if self.made:
            self.made[-1] = replace(self.made[-1], pause=",")
        return name

    def punctuation(self, at: int) -> int:
        """Passes over a mark, and remembers the break that it makes."""
        character, before, rest = self.text[at], self.text[max(0, at - 1):at], self.text[at + 1:at + 2]
        breaks = character in ",;:()[]{}!?—–|" or character in ".…" and not (before.isalnum() and rest.isalnum())
        if character == "-":
            breaks = before == " " == rest or before == "-" or rest == "-"
        if character == ":" and before.isalnum() and rest.isalnum():
            breaks = False
        if breaks and self.made:
            self.made[-1] = replace(self.made[-1], pause=",")
        return at + 1

    def say(self, words: str, begin: int, to: int) -> None:
        """Adds words that share a place of the plain text."""
        if not words or to <= begin:
            return
        at, end = self.places[begin][0], self.places[to - 1][1]
        for text in words.split():
            pause = "," if text.endswith(",") else ""
            if text := text.rstrip(","):
                self.made.append(Word(text=text, at=at, to=end, pause=pause))
