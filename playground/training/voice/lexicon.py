"""Stage lexicon: words as the teacher says them, and a network that says the words which the lexicon lacks.

Words come from the training books, from Debian's list of American words (package wamerican) and from `names`; the network
learns from all but those kept out, whole families of words by their stem. A word that rules and network say as the teacher
does needs no entry, unless it is common.
"""

from __future__ import annotations

import random
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from ctypes import c_void_p, cast
from pathlib import Path
from typing import Any

from playground.speech_text.pronounce import LEXICON, Phones, Pronouncer, is_vowel, write_lexicon
from playground.training.loop import Training
from playground.training.recipe import Options, say, write_facts
from playground.training.voice.listener import distance
from playground.training.voice.names import NAMES
from playground.training.voice.teacher import SpokenWord, Teacher
from playground.training.words import data as books

LIST = Path("/usr/share/dict/american-english")
COMMONEST = 10_000  # words that have an entry in any case
HELD_OUT = 30  # one family of words in so many is kept from the network
SENTENCES = 25_000  # read to see how words are said among others
RARE = 3  # a word met so often among others, or more, is said as it is most often there
BATCH, PEAK = 192, 3e-3
SMOKE_WORDS = 400
OWN: Mapping[str, str] = {  # sounds that are no words, and words that the teacher takes for something else
    "hm": "hh ah1 m", "hmm": "hh ah1 m", "mm": "ah1 m", "mmm": "ah1 m", "mhm": "ah0 m hh ah1 m", "sh": "sh", "shh": "sh",
    "psst": "p s t", "pst": "p s t", "brr": "b er1", "grr": "g er1", "zz": "z", "zzz": "z", "pfft": "p f t", "tsk": "t ih1 s k",
    "nth": "eh1 n th", "miz": "m ih1 z", "till": "t ih1 l", "emoji": "ih0 m ow1 jh iy0", "wifi": "w ay1 f ay1",
}


class Reader(Teacher):
    """The teacher's reading alone, without its voice: a thousand times quicker, but for how "the" and "'s" follow others."""

    def __init__(self) -> None:
        super().__init__("slt")
        self._reading = cast(self._flite.utt_synth_text2segs, c_void_p)

    def read(self, text: str) -> tuple[SpokenWord, ...]:
        """A text's words with their phones."""
        handle = self._flite.new_utterance()
        self._flite.utt_set_input_text(handle, text.encode("ascii", "replace"))
        handle = self._flite.flite_do_synth(handle, self._voice, self._reading)
        try:
            return tuple(self._words(handle))
        finally:
            self._flite.delete_utterance(handle)

    def word(self, word: str) -> Phones:
        """The phones of one word by itself; () where the teacher makes several words of it, or something else."""
        first, *others = self.read(word)
        if any(not other.name.startswith("'") for other in others):
            return ()
        return tuple(phone for part in (first, *others) for phone in part.phones)


def counted(texts: Iterable[str]) -> Counter[str]:
    """How often each word is met."""
    found: Counter[str] = Counter()
    for text in texts:
        found.update(re.findall(r"[a-z]+(?:'[a-z]+)*", text.lower().replace("’", "'")))
    return found


def listed() -> list[str]:
    """Debian's words in small letters, without those that have a letter with an accent."""
    try:
        words = LIST.read_text(encoding="utf8").split()
    except OSError as error:
        raise SystemExit(f"The recipe needs a list of words: install Debian's package wamerican ({error}).") from None
    return [word.lower() for word in words if re.fullmatch("[A-Za-z]+(?:'[A-Za-z]+)?", word)]


def said_alone(reader: Reader, words: Iterable[str]) -> dict[str, Phones]:
    """The words that the teacher says as one word, by themselves."""
    said = {}
    for word in words:
        bare = word.replace("'", "")
        if len(bare) < 2 and word not in ("a", "i", "o") or word.endswith("'s"):
            continue
        if (phones := reader.word(word)) and len(phones) <= 2 * len(bare) and any(map(is_vowel, phones)):
            said[word] = phones
    return said


def said_among_others(reader: Reader, texts: list[str], *, seed: int, count: int) -> dict[str, Phones]:
    """How words are said most often in sentences of the texts, where they are met RARE times or more."""
    lines = [line for text in texts for line in re.findall(r"[A-Z][A-Za-z',; ]{20,200}[.!?]", text)]
    forms: dict[str, Counter[Phones]] = {}
    for line in random.Random(seed).sample(lines, min(count, len(lines))):
        words = re.findall(r"[a-z]+(?:'[a-z]+)*", line.lower())
        spoken = merged(reader.read(line))
        if len(spoken) == len(words):
            for word, phones in zip(words, spoken, strict=True):
                forms.setdefault(word, Counter())[phones] += 1
    return {word: form.most_common(1)[0][0] for word, form in forms.items() if form.total() >= RARE}


def merged(words: Iterable[SpokenWord]) -> list[Phones]:
    """The phones of words, "'s" and the like with the word before."""
    made: list[Phones] = []
    for word in words:
        if word.name.startswith("'") and made:
            made[-1] += word.phones
        else:
            made.append(word.phones)
    return made


def spoken_words(options: Options) -> dict[str, Phones]:
    """All words with their phones, the common ones first."""
    reader = Reader()
    texts = [book.text for book in books.split(books.load_books(options.data))[0]]
    if options.smoke:
        texts = [text[:100_000] for text in texts[:2]]
    often = counted(texts)
    names = NAMES.split()
    for name in names:
        often[name] += 20
    others = [] if options.smoke else sorted(set(listed()) - often.keys())
    said = said_alone(reader, [*[word for word, _ in often.most_common()], *others])
    among = said_among_others(reader, texts, seed=options.seed, count=200 if options.smoke else SENTENCES)
    own = {word: tuple(phones.split()) for word, phones in OWN.items()}
    said |= {word: phones for word, phones in among.items() if word in said} | own
    return said | {"the": ("dh", "ax0"), "a": ("ax0",)}


def family(word: str) -> str:
    """The stem that a word shares with its regular forms."""
    word = word.replace("'", "")
    for ending in ("ingly", "edly", "ness", "ings", "ers", "ing", "ied", "ies", "est", "ed", "er", "es", "ly", "s", "y", "e"):
        if word.endswith(ending) and len(word) - len(ending) > 2:
            word = word.removesuffix(ending)
            break
    return word[:-1] if len(word) > 3 and (word[-1] == word[-2] or word[-1] in "ie") else word


def kept_out(word: str) -> bool:
    """Whether the network must not learn from a word."""
    return zlib.crc32(family(word).encode()) % HELD_OUT == 0


def learnable(said: Mapping[str, Phones]) -> dict[str, Phones]:
    """Words of letters alone whose phones fit into the places that their letters give."""
    from playground.networks.letters import FRAMES

    return {
        word: phones for word, phones in said.items()
        if word.isalpha() and word not in OWN and len(word) > 1
        and len(phones) + sum(a == b for a, b in zip(phones, phones[1:], strict=False)) <= FRAMES * len(word)
    }


def batches(words: list[str], *, seed: int, size: int):
    """Batches of words of like length without end, in random order."""
    rng = random.Random(seed)
    while True:
        ordered = sorted(words, key=lambda word: len(word) + 2 * rng.random())
        cuts = [ordered[at:at + size] for at in range(0, len(ordered), size)]
        rng.shuffle(cuts)
        yield from cuts


def learn(options: Options, said: Mapping[str, Phones], *, minutes: float):
    """Trains the network; returns it with averaged weights, and the facts of its training."""
    import torch

    from playground.networks.letters import FRAMES, Letters, ids_of

    phones = sorted({phone for spoken in said.values() for phone in spoken})
    torch.manual_seed(options.seed)
    network = Letters(phones=phones, width=32 if options.smoke else 128, dropout=0.1).to(options.device)
    training = Training(options, "letters", network, minutes=minutes, peak=PEAK, kept=0.998, clip=2.0)
    known = {phone: number for number, phone in enumerate(phones, 1)}
    batch = batches(list(said), seed=options.seed + training.step, size=BATCH)
    for _ in training.steps():
        words = next(batch)
        letters, lengths = ids_of(words)
        targets = [torch.tensor([known[phone] for phone in said[word]]) for word in words]
        scores = network(letters.to(options.device), lengths)
        training.learn(torch.nn.functional.ctc_loss(
            scores.transpose(0, 1).cpu(), torch.cat(targets), FRAMES * lengths, torch.tensor(list(map(len, targets))),
            zero_infinity=True,
        ))
    return training.averaged, training.facts


def guesses(network, words: list[str]) -> dict[str, Phones]:
    """What the network says of words."""
    ordered = sorted(words, key=len)
    said: dict[str, Phones] = {}
    for at in range(0, len(ordered), 512):
        part = ordered[at:at + 512]
        said |= dict(zip(part, network.say(part), strict=True))
    return said


def without_stress(phones: Phones) -> Phones:
    """The phones alone."""
    return tuple(phone.rstrip("01") for phone in phones)


def right(guessed: Mapping[str, Phones], said: Mapping[str, Phones], *, stress: bool) -> float:
    """The share of phones that are right over all words."""
    form = tuple if stress else without_stress
    wrong = sum(distance(form(guessed[word]), form(said[word])) for word in guessed)
    return max(0.0, 1 - wrong / max(sum(len(said[word]) for word in guessed), 1))


def needed(said: Mapping[str, Phones], guessed: Mapping[str, Phones], *, commonest: int) -> dict[str, Phones]:
    """The common words, and those that would be said otherwise without an entry."""
    order = list(said)
    kept = {word: said[word] for word in order[:commonest]} | {word: said[word] for word in OWN if word in said}
    pronouncer = Pronouncer(kept, lambda word: guessed.get(word, ()))
    for word in sorted(order[commonest:], key=len):  # the forms of a word are longer than the word
        if word not in kept and (pronouncer.phones(word) != said[word] or word.replace("'", "") not in guessed):
            kept[word] = said[word]
            pronouncer.said.cache_clear()
    return {word: said[word] for word in order if word in kept}


def train(options: Options, *, minutes: float) -> dict[str, Any]:
    """Writes the lexicon and the network into `options.out`, and their facts beside the checkpoints."""
    from playground.networks import letters

    said = spoken_words(options)
    material = learnable(said)
    if options.smoke:
        material = dict(list(material.items())[:SMOKE_WORDS])
    held_out = {word: phones for word, phones in material.items() if kept_out(word)}
    say(f"lexicon: {len(said)} words, {len(material) - len(held_out)} to learn from, {len(held_out)} held out")
    network, facts = learn(options, {w: p for w, p in material.items() if w not in held_out}, minutes=minutes)
    letters.save(network, options.out)
    network = letters.load(options.out)
    guessed = guesses(network, list({word.replace("'", "") for word in said}))
    unseen = {word: guessed[word] for word in held_out}
    lexicon = needed(said, guessed, commonest=100 if options.smoke else COMMONEST)
    write_lexicon(options.out / LEXICON, lexicon)
    facts |= {
        "words": len(lexicon), "words_said": len(said), "held_out_words": len(held_out),
        "phones_right": round(right(unseen, held_out, stress=False), 4),
        "phones_and_stress_right": round(right(unseen, held_out, stress=True), 4),
        "words_right": round(sum(unseen[w] == held_out[w] for w in unseen) / max(len(unseen), 1), 4),
        "parameters": sum(p.numel() for p in network.parameters()),
        "bytes": {name: (options.out / name).stat().st_size for name in (LEXICON, letters.WEIGHTS)},
    }
    write_facts(options.work, {"lexicon": facts})
    say(f"lexicon: {len(lexicon)} entries; of held-out words' phones {facts['phones_right']:.1%} are right, "
        f"{facts['phones_and_stress_right']:.1%} with stress")
    return facts


