"""Characters before words: accents folded, marks made plain, emoji named, with the place where each one stood."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

MARKS = {
    "‘": "'", "’": "'", "‚": ",", "‛": "'", "ʼ": "'", "´": "'", "`": "'", "′": "'", "“": '"', "”": '"', "„": '"', "«": '"',
    "»": '"', "″": '"', "‐": "-", "‑": "-", "−": "-", "‒": "–", "―": "—", "、": ",", "。": ".", "，": ",", "！": "!",
    "？": "?", "…": "...", "⁄": "/", "∕": "/", "·": " ", "•": " ", "\t": " ", "\n": " ", "\r": " ", "№": "No. ",
    "µ": "μ", "Ω": "Ω", "º": "°", "℃": "°C", "℉": "°F",
}
LETTERS = {
    "ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D", "ł": "l",
    "Ł": "L", "ð": "th", "Ð": "Th", "þ": "th", "Þ": "Th", "ı": "i", "ħ": "h", "ŋ": "ng", "ə": "e",
}
KEPT = frozenset("½¼¾⅓⅔⅛⅜⅝⅞⅕⅖⅗⅘⅙⅚²³™©®°§€£¥¢₹₩₽₺₿±×÷≈≠≤≥√∞→←↔")  # these have words of their own
UNSEEN = frozenset({"Mn", "Me", "Cf"})
SKIN = range(0x1F3FB, 0x1F400)
FLAG = range(0x1F1E6, 0x1F200)
NOT_NAMED = frozenset("✓✔✗✘★☆●○◆◇■□▪▫▶◀►◄▲▼♪♫♬☐☑☒")  # list marks and ornaments
EMOJI_NAMES = {
    "❤": "heart", "♥": "heart", "👍": "thumbs up", "👎": "thumbs down", "😂": "laughing with tears",
    "🤣": "rolling with laughter", "😭": "crying out loud", "🙏": "folded hands", "🎉": "party", "😊": "smiling",
    "😀": "grinning", "😃": "smiling", "🙂": "smiling", "😄": "laughing", "😁": "grinning", "😆": "laughing",
    "😍": "heart eyes", "😘": "blowing a kiss", "😉": "winking", "😎": "cool", "😢": "crying", "😡": "angry",
    "🤔": "thinking", "😱": "screaming", "👏": "clapping", "💪": "strong", "🔥": "fire", "✨": "sparkles",
    "💯": "hundred points", "✅": "check mark", "❌": "cross mark", "⚠": "warning", "☺": "smiling",
    "☹": "frowning", "🤷": "shrug", "👋": "waving", "👌": "okay", "🥰": "smiling with hearts",
    "😅": "laughing nervously", "🙄": "rolling eyes", "☕": "coffee", "⭐": "star", "☀": "sun", "🌞": "sun",
    "❄": "snowflake", "✌": "victory", "🚀": "rocket", "🤖": "robot", "🙈": "monkey",
}
NEEDLESS = re.compile(r"\b(?:black|white|heavy|sign|symbol|emoji|presentation|of medium|large|medium|small)\b|-\d+")


def folded(text: str) -> tuple[str, list[tuple[int, int]]]:
    """The text in plain characters, and for each of them the characters of the text that it stands for (at, to).

    Letters of other scripts stay as they are; combining marks and characters that are not seen go.
    """
    plain: list[str] = []
    places: list[tuple[int, int]] = []
    for at, character in enumerate(text):
        made = character if character.isascii() and character not in "`\t\n\r" else plain_character(character)
        if made:
            plain.append(made)
            places += [(at, at + 1)] * len(made)
        elif places and places[-1][1] == at:
            places[-1] = (places[-1][0], at + 1)
    return "".join(plain), places


@lru_cache(maxsize=4096)
def plain_character(character: str) -> str:
    """One character without accents, as one or more that the rules know; "" for one that is not seen."""
    if character in MARKS or character in LETTERS:
        return MARKS.get(character) or LETTERS[character]
    if character in KEPT:
        return character
    category = unicodedata.category(character)
    if category in UNSEEN or ord(character) in SKIN:
        return ""
    if category.startswith("Z") or category.startswith("C"):
        return " "
    made = "".join(c for c in unicodedata.normalize("NFKD", character) if unicodedata.category(c) not in UNSEEN)
    if category.startswith("N") and made.isascii():
        return made
    if category.startswith("N") and unicodedata.decimal(character, None) is not None:
        return str(unicodedata.decimal(character))
    if made.isascii() or not character.isalpha():
        return made or " "
    latin = re.match(r"LATIN (?:SMALL|CAPITAL) LETTER (?:[A-Z]+ )*?([A-Z]{1,2})\b", unicodedata.name(character, ""))
    return latin[1].lower() if latin else made


def is_emoji(character: str) -> bool:
    """Whether it is a picture that has a name to be said."""
    if character.isascii() or character in KEPT or character in NOT_NAMED:
        return False
    code = ord(character)
    return code in FLAG or code >= 0x2600 and unicodedata.category(character) == "So" and bool(emoji_name(character))


@lru_cache(maxsize=4096)
def emoji_name(character: str) -> str:
    """A picture's name in a few plain words ("red apple"); "" where it has none."""
    if ord(character) in FLAG:
        return f"{chr(ord('a') + ord(character) - FLAG.start)}."
    if character in EMOJI_NAMES:
        return EMOJI_NAMES[character]
    if not 0x2600 <= ord(character) < 0x2800 and ord(character) < 0x1F000:
        return ""
    name = NEEDLESS.sub(" ", unicodedata.name(character, "").lower())
    return " ".join(re.sub(r"[^a-z]", " ", name.partition(" with ")[0] if len(name.split()) > 5 else name).split()[:5])
