"""Whether letters are a word or spelled one by one, and what single written words become."""

from __future__ import annotations

import re
from itertools import product

from playground.speech_text.abbreviations import DOUBLED, SAID, SHORT_WORDS, SPELLED, SPOKEN_AS

LONGEST = 24  # letters of one word; a longer row is cut
VOWELS = frozenset("aeiouy")
HUMMED = frozenset(
    "hm hmm mm mmm sh shh psst pst brr grr zz zzz pfft tsk ssh mhm nth mr mrs ms dr st lt jr sr".split()
)
JOINED = re.compile(r"(?:Mc|Mac|De|Di|Du|La|Le|Van|Von|Fitz|Des|Del|Mac)[A-Z][a-z]+(?:'[a-z]+)?")
STARTS = frozenset(
    "b bl br c ch chr cl cr d dr dw f fl fr g gl gn gr h j k kl kn kr l m n p ph pl pr ps qu r rh s sc sch scr sh shr sk sl "
    "sm sn sp spl spr squ st str sw t th thr tr tw v w wh wr x y z".split()
)
ENDS = re.compile(
    r"(?:b|c|ch|ck|ct|d|dge|f|ff|ft|g|gh|ght|h|k|l|lb|lch|ld|lf|lk|ll|lm|ln|lp|lpt|ls|lt|lth|m|mb|mp|mph|mps|mpt|ms|n|nc|nch|nd|ng|"
    r"nk|nks|ns|nt|nth|nts|nx|nz|p|ph|ps|pt|que|r|rb|rc|rch|rd|rf|rg|rk|rl|rld|rm|rms|rn|rp|rr|rs|rst|rt|rth|rts|s|sc|sh|sk|sm|sp|"
    r"ss|st|sts|t|tch|th|ths|ts|tt|tz|v|w|wd|wk|wl|wn|ws|x|xt|y|z|zz|cks|ds|ngs|ngth|ncts|nds|lls|lds|rds|rks|ghts|cts|fts|gs|ks|bs|mn|lm|sp)?s?"
)


def written(token: str, *, shouted: bool = False) -> str:
    """One token of ASCII letters and inner apostrophes as words with spaces between; letters to be spelled are "a."."""
    if token.isupper() and len(token) > 1:
        return capitals(token, shouted=shouted)
    if letters := re.fullmatch(r"([A-Z]{2,})('?s)", token):
        if letters[1] not in SAID and (letters[1] in SPELLED or len(letters[1]) < 4 or not sayable(letters[1].lower())):
            return spelled(letters[1], ending="'s")
        return f"{capitals(letters[1])}'s" if "'" in letters[2] else f"{capitals(letters[1])}s"
    if token in ("PhD", "PhDs"):
        return f"p. h. d{'.' if token == 'PhD' else chr(39) + 's'}"
    if JOINED.fullmatch(token):
        return token.lower()
    parts = re.split(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", token)
    if len(parts) > 1:
        return " ".join(written(part) if len(part) > 1 else f"{part.lower()}." for part in parts)
    return plain(token.lower())


def plain(word: str) -> str:
    """A word in small letters: drawn-out letters shortened, a row of consonants spelled, a very long one cut."""
    word = shortened(word)
    if word == "ok":
        return "okay"
    if len(word) < 6 and word.isalpha() and not VOWELS & set(word) and word not in HUMMED and len(word) > 1:
        return spelled(word)
    if len(word) <= LONGEST:
        return word
    return " ".join(filter(None, (word[at:at + LONGEST].strip("'") for at in range(0, len(word), LONGEST))))


def capitals(token: str, *, shouted: bool = False) -> str:
    """A token in capitals: a word, or letters one by one."""
    if token in SPOKEN_AS:
        return SPOKEN_AS[token]
    head, apostrophe, tail = token.partition("'")
    word = token.lower()
    if apostrophe:
        ordinary = tail in ("T", "RE", "VE", "LL", "D", "M", "CLOCK") or head not in SPELLED and sayable(head.lower())
        return plain(word) if ordinary or tail != "S" else spelled(head, ending="'s")
    if token in SPELLED and not (shouted and word in SHORT_WORDS | {"us", "ad", "ms", "era"}):
        return spelled(token)
    if token in SAID or word in SHORT_WORDS or word in HUMMED:
        return plain(word)
    if shouted and VOWELS & set(word) and (len(word) > 3 or sayable(word)):
        return plain(word)
    short = shortened(word)
    if short != word and (short in SHORT_WORDS or len(short) < 3 and VOWELS & set(short)):
        return short
    return plain(word) if len(short) > 3 and sayable(short) else spelled(token)


def sayable(word: str) -> bool:
    """Whether letters can be read as an English word: they have vowels, and begin and end as words do."""
    if not re.search("[aeiou]", word) and not re.search("[^y]y", word):
        return False
    start = re.match(r"(?:qu|[^aeiouy]|y(?=[aeiou]))*", word)[0]
    end = re.search(r"[^aeiouy]*$", word)[0]
    inner = re.search(r"[^aeiouy]{5}|[aeiou]{4}|[jqvxz][jqvxwhkz]|[kwh][jqvxwkz]", word)
    return (not start or start in STARTS) and bool(ENDS.fullmatch(end)) and not inner


def spelled(text: str, *, ending: str = "") -> str:
    """Letters one by one, the last with an ending: "cd", "'s" -> "c. d's"."""
    letters = [f"{c}." for c in text.lower() if "a" <= c <= "z"]
    if ending and letters:
        letters[-1] = letters[-1][0] + ending
    return " ".join(letters)


def shortened(word: str) -> str:
    """Letters drawn out to three or more are one, or two where a common word has two."""
    if not re.search(r"(.)\1\1", word) or word in HUMMED:
        return word
    parts = [m[0] for m in re.finditer(r"(.)\1*", word)]
    places = [at for at, part in enumerate(parts) if len(part) > 2]
    if len(places) <= 4:
        for lengths in product((2, 1), repeat=len(places)):
            tried = parts.copy()
            for at, length in zip(places, lengths, strict=True):
                tried[at] = parts[at][0] * length
            if "".join(tried) in DOUBLED | HUMMED | SHORT_WORDS:
                return "".join(tried)
    return "".join(part[0] if len(part) > 2 else part for part in parts)
