"""Numbers in English words: cardinals, ordinals, decimals, years, fractions and Roman numerals."""

from __future__ import annotations

import re

ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
TENS = "zero ten twenty thirty forty fifty sixty seventy eighty ninety".split()
SCALES = ("", "thousand", "million", "billion", "trillion")
LARGEST = 10**15  # from here on numbers are read digit by digit
IRREGULAR = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
    "twelve": "twelfth",
}
ROMAN = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
ROMAN_SHAPE = re.compile(r"M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")


def cardinal(number: int) -> str:
    """12 -> "twelve"; from LARGEST on the digits one by one."""
    if number < 0:
        return f"minus {cardinal(-number)}"
    if number >= LARGEST:
        return digits(str(number))
    if number == 0:
        return ONES[0]
    groups = []
    for scale in SCALES:
        number, group = divmod(number, 1000)
        if group:
            groups.append(f"{below_thousand(group)} {scale}".strip())
    return " ".join(reversed(groups))


def below_thousand(number: int) -> str:
    """1..999 in words."""
    hundreds, rest = divmod(number, 100)
    words = [f"{ONES[hundreds]} hundred"] if hundreds else []
    return " ".join([*words, below_hundred(rest)] if rest else words)


def below_hundred(number: int) -> str:
    """0..99 in words."""
    if number < 20:
        return ONES[number]
    tens, ones = divmod(number, 10)
    return f"{TENS[tens]} {ONES[ones]}" if ones else TENS[tens]


def ordinal(number: int) -> str:
    """22 -> "twenty second"."""
    *before, last = cardinal(number).split()
    return " ".join([*before, ordinal_of(last)])


def ordinal_of(word: str) -> str:
    """The ordinal of a number's last word."""
    return IRREGULAR.get(word) or (f"{word[:-1]}ieth" if word.endswith("y") else f"{word}th")


def digits(text: str, *, zero: str = "zero") -> str:
    """The digits of a text one by one; all else in it is passed over."""
    return " ".join(zero if c == "0" else ONES[int(c)] for c in text if c in "0123456789")


def number(text: str) -> str:
    """A number as it is written: "1,234.50", "007", ".5"; a long one that is no round number digit by digit."""
    whole, point, rest = text.replace(",", "").partition(".")
    plain = "," not in text and not point
    if len(whole) > 1 and whole[0] == "0" and plain or plain and len(whole) > 6 and not whole.endswith("000"):
        return digits(whole)
    said = cardinal(int(whole)) if whole and len(whole) < 40 else digits(whole)
    return f"{said} point {digits(rest)}".strip() if point and rest else said


def year(number: int) -> str:
    """1999 -> "nineteen ninety nine", 2005 -> "two thousand five", 1905 -> "nineteen oh five"."""
    hundreds, rest = divmod(number, 100)
    if not 1010 <= number < 10_000 or hundreds % 10 == 0 and rest < 10:
        return cardinal(number)
    if rest == 0:
        return f"{cardinal(hundreds)} hundred"
    return f"{cardinal(hundreds)} {'oh ' if rest < 10 else ''}{cardinal(rest)}"


def plural(word: str) -> str:
    """The plural of a number's word: "fifties", "sixes", "hundreds"."""
    if word.endswith("y"):
        return f"{word[:-1]}ies"
    return f"{word}es" if word.endswith("x") else f"{word}s"


def decade(number: int) -> str:
    """1990 -> "nineteen nineties", 1800 -> "eighteen hundreds"."""
    *before, last = year(number).split()
    return " ".join([*before, plural(last)])


def fraction(above: int, below: int) -> str:
    """3, 4 -> "three quarters"; what has no such name is "over"."""
    if below == 2:
        return f"{cardinal(above)} {'half' if above == 1 else 'halves'}"
    if below < 2:
        return f"{cardinal(above)} over {cardinal(below)}"
    part = "quarter" if below == 4 else ordinal(below)
    return f"{cardinal(above)} {part if above == 1 else plural(part)}"


def roman(text: str) -> int:
    """The value of a well-formed Roman numeral in capitals, else 0."""
    if not text or not ROMAN_SHAPE.fullmatch(text):
        return 0
    values = [ROMAN[c] for c in text]
    return sum(-v if v < after else v for v, after in zip(values, [*values[1:], 0], strict=True))
