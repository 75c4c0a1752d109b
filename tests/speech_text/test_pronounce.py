"""Words are looked up, made of a known word and its ending, or guessed; no word is left without phones."""

from __future__ import annotations

import random

import pytest
import torch

from playground.networks import letters
from playground.speech_text.pronounce import (
    LETTERS,
    LEXICON,
    Pronouncer,
    is_vowel,
    read_lexicon,
    with_ed,
    with_s,
    write_lexicon,
)
from playground.speech_text.tokens import tokens_of
from playground.speech_text.written_out import written_out
from playground.training.recipe import STARTERS

KNOWN = {word: tuple(phones.split()) for word, phones in {
    "the": "dh ax0", "cat": "k ae1 t", "dog": "d ao1 g", "apple": "ae1 p ax0 l", "horse": "hh ao1 r s", "bake": "b ey1 k",
    "wait": "w ey1 t", "they": "dh ey1", "we": "w iy1", "i": "ay1", "baby": "b ey1 b iy0", "stop": "s t aa1 p",
    "o'clock": "ax0 k l aa1 k",
    "slow": "s l ow1", "could": "k uh1 d", "it": "ih1 t", "hug": "hh ah1 g",
}.items()}


@pytest.fixture
def small() -> Pronouncer:
    return Pronouncer(KNOWN, lambda word: ("z",) * len(word) if "z" in word else ())


@pytest.mark.parametrize(("word", "expected"), [
    ("cat", "k ae1 t"), ("cats", "k ae1 t s"), ("cat's", "k ae1 t s"), ("dogs", "d ao1 g z"), ("dog's", "d ao1 g z"),
    ("horses", "hh ao1 r s ih0 z"), ("horse's", "hh ao1 r s ax0 z"), ("baked", "b ey1 k t"), ("baking", "b ey1 k ih0 ng"),
    ("waited", "w ey1 t ih0 d"), ("stopped", "s t aa1 p t"), ("hugged", "hh ah1 g d"), ("babies", "b ey1 b iy0 z"),
    ("slowly", "s l ow1 l iy0"), ("they'll", "dh ey1 ax0 l"), ("we've", "w iy1 v"), ("we'd", "w iy1 d"), ("it'd", "ih1 t ax0 d"),
    ("i'm", "ay1 m"), ("couldn't", "k uh1 d ax0 n t"), ("they're", "dh ey1 er0"), ("o'clock", "ax0 k l aa1 k"),
    ("it's", "ih1 t s"),
    ("a.", "ey1"), ("w.", "d ah1 b ax0 l y uw0"), ("d's", "d iy1 z"), ("x's", "eh1 k s ax0 z"),
])
def test_known_words_and_their_forms(small, word, expected):
    assert " ".join(small.phones(word)) == expected
    assert small.source(word) == "lexicon"


def test_other_words_are_guessed_from_their_letters(small):
    assert small.phones("zap") == ("z", "z", "z")
    assert small.phones("z'p") == ("z", "z")
    assert small.source("zap") == "letters"


def test_a_word_without_a_guess_is_spelled(small):
    assert small.phones("bcd") == (*LETTERS["b"], *LETTERS["c"], *LETTERS["d"])
    assert small.phones("'") and small.phones("")


def test_the_is_said_by_the_word_after_it(small):
    assert small.phones("the") == small.phones("the", "dog") == small.phones("the", "zap") == ("dh", "ax0")
    assert small.phones("the", "apple") == small.phones("the", "a.") == ("dh", "iy0")


def test_endings():
    assert [with_s(tuple(p.split()))[-1] for p in ("k ae1 t", "d ao1 g", "b iy1", "k ih1 s")] == ["s", "z", "z", "z"]
    assert [with_ed(tuple(p.split()))[-1] for p in ("k ih1 s", "b iy1", "n iy1 d")] == ["t", "d", "d"]
    assert is_vowel("ax0") and is_vowel("iy1") and not is_vowel("t")


def test_a_lexicon_comes_back_from_its_file_in_its_order(tmp_path):
    path = tmp_path / "voice" / LEXICON
    write_lexicon(path, KNOWN)
    first = path.read_bytes()
    assert list(read_lexicon(path).items()) == list(KNOWN.items())
    write_lexicon(path, KNOWN)
    assert path.read_bytes() == first


def test_a_folder_is_read(tmp_path):
    torch.manual_seed(0)
    letters.save(letters.Letters(phones=("b", "ae1"), width=8), tmp_path)
    write_lexicon(tmp_path / LEXICON, KNOWN)
    voice = Pronouncer.load(tmp_path)
    assert voice.phones("cat") == KNOWN["cat"]
    assert voice.phones("blorp") and voice.source("blorp") == "letters"


needs_starter = pytest.mark.skipif(not (STARTERS / "voice" / LEXICON).exists(), reason="the starter voice is not trained")


@pytest.fixture(scope="module")
def starter() -> Pronouncer:
    return Pronouncer.load(STARTERS / "voice")


@needs_starter
@pytest.mark.parametrize(("word", "expected"), [
    ("hello", "hh ax0 l ow1"), ("a", "ax0"), ("the", "dh ax0"), ("three", "th r iy1"), ("dollars", "d aa1 l er0 z"),
    ("o'clock", "ax0 k l aa1 k"), ("don't", "d ow1 n t"), ("once", "w ah1 n s"), ("through", "th r uw1"), ("it's", "ih1 t s"),
    ("they'll", "dh ey1 l"), ("london", "l ah1 n d ax0 n"), ("one", "w ah1 n"), ("thousand", "th aw1 z ax0 n d"),
])
def test_common_words_are_right(starter, word, expected):
    assert " ".join(starter.phones(word)) == expected


@needs_starter
@pytest.mark.parametrize("word", [
    "zorbing", "flibbertigibbet", "glorptastic", "x", "q", "zzzz", "y'all'd've", "aeiou", "bcdfg", "w" * 24,
])
def test_no_word_is_without_phones(starter, word):
    assert starter.phones(word)


@needs_starter
def test_phones_are_those_of_one_set_and_fit_the_tokens(starter):
    known = {phone for phones in starter.lexicon.values() for phone in phones}
    assert all(phone[-1] in "01" or phone.isalpha() for phone in known)
    assert {phone for phones in LETTERS.values() for phone in phones} <= known
    words = written_out("The 2 apples cost $3.50 at 5:30 pm, said Dr. Blorpington of the BBC.")
    following = [*(word.text for word in words[1:]), None]
    spoken = [starter.phones(word.text, after) for word, after in zip(words, following, strict=True)]
    assert all(set(phones) <= known for phones in spoken)
    assert tokens_of(spoken, [bool(word.pause) for word in words])


@needs_starter
def test_made_up_words_sound_like_words(starter):
    rng = random.Random(0)
    for _ in range(50):
        word = "".join(rng.choice("bdfgklmnprst") + rng.choice("aeiou") for _ in range(rng.randrange(1, 5)))
        phones = starter.phones(word)
        assert any(map(is_vowel, phones)) and len(phones) <= 2 * len(word)
