"""The words that a starter has read: which of a prompt's it does not know, and which tell it of a ground."""

from __future__ import annotations

import math
import re
import zlib
from difflib import get_close_matches

from playground.catalog import ModelCard, with_article
from playground.wording import say

NAMED = 3  # unknown words that a sentence names
LONGEST = 24  # characters of one that are shown
ALIKE = 0.8  # of 1, by difflib: a slip of the pen, not another word
FILLERS = frozenset(
    "a an the and or of in on at by to for from with without is are as it its my your some this that please draw show me"
    " i".split()
)
PLACES = frozenset(
    "background ground style plain gradient small little tiny big large huge light dark left right top bottom upper lower"
    " middle center centre corner side above below under over beside next behind near between two three".split()
)


def told(card: ModelCard, texts: tuple[str, ...]) -> str:
    """What a starter does not know in these prompts, or "" where all is known or its vocabulary is not."""
    if not card.vocabulary:
        return ""
    unknown = list(dict.fromkeys(word for text in texts for word in words(text) if not known(card, word)))
    lost = not all(names_a_thing(card, text) for text in texts)
    if not unknown and not lost:
        return ""
    if not unknown:
        return say("pipelines.vocabulary.no_thing", model=card.title)
    said = say(
        "pipelines.vocabulary.lost" if lost else "pipelines.vocabulary.unknown",
        model=card.title, words=listed(unknown), count=len(unknown),
    )
    alike = list(dict.fromkeys(match for word in unknown[:NAMED] if (match := closest(card, word))))
    return f"{said} {say('pipelines.vocabulary.known', words=listed(alike))}" if alike else said


def names_a_thing(card: ModelCard, text: str) -> bool:
    """Whether a text has a known word that is more than a colour, a style or a place."""
    vague = {w for name in (*card.grounds, *card.styles) for w in name.lower().split()} | PLACES
    vague -= set(card.things)
    return any(known(card, word) and not forms(word) & vague for word in words(text))


def understood(card: ModelCard, text: str) -> str:
    """The text, or where it names nothing that a starter knows, one of its things: the same for the same text."""
    if not card.vocabulary or not card.things or not text.strip() or names_a_thing(card, text):
        return text
    thing = card.things[zlib.crc32(text.encode()) % len(card.things)]
    return with_article(thing)


def on_ground(card: ModelCard, prompt: str, shade: tuple[float, ...]) -> str:
    """The prompt with the words for a ground of this shade (red, green, blue of 0..255), where the starter has such words
    and the prompt says nothing of a ground: to a starter a ground that is not named is white."""
    if not card.ground_colours or {"background", "ground"} & set(re.findall(r"\w+", prompt.lower())):
        return prompt
    name = min(card.ground_colours, key=lambda n: math.dist(card.ground_colours[n], shade))
    thing, style = re.fullmatch(r"(.*?)((?:,| in) [\w-]+ style)?", prompt.strip(), re.S).groups()
    return f"{thing} on {with_article(name)} background{style or ''}"


def words(text: str) -> list[str]:
    """The words of a text in lower case, without fillers and numbers; a possessive 's is no part of a word."""
    found = (re.sub(r"'s$", "", w.strip("'-_")) for w in re.findall(r"[\w'-]+", text.lower().replace("’", "'")))
    return [w for w in found if w not in FILLERS and any(c.isalpha() for c in w)]


def forms(word: str) -> set[str]:
    """A word and its singular."""
    return {word, word.removesuffix("s")}


def known(card: ModelCard, word: str) -> bool:
    """Whether a starter has read a word, its singular, or every part of a compound with hyphens."""
    parts = word.split("-")
    return bool(forms(word) & card.vocabulary) or (
        len(parts) > 1 and all(not part or part in FILLERS or known(card, part) for part in parts)
    )


def closest(card: ModelCard, word: str) -> str:
    """The known word that is spelled most like this one, or ""."""
    candidates = sorted(card.vocabulary - FILLERS)
    return next(iter(get_close_matches(word[:LONGEST], candidates, n=1, cutoff=ALIKE)), "")


def listed(found: list[str]) -> str:
    """Words in quotation marks, at most NAMED of them and how many more there are."""
    shown = [f'"{w if len(w) <= LONGEST else w[:LONGEST] + "…"}"' for w in found[:NAMED]]
    if len(found) > NAMED:
        shown.append(say("lists.more", count=len(found) - NAMED))
    return say("lists.and", first=", ".join(shown[:-1]), last=shown[-1]) if len(shown) > 1 else shown[0]
