"""The lexicon's words: which are kept out, which need an entry, and how guesses are measured."""

from __future__ import annotations

from collections import Counter

import pytest

from playground.speech_text.pronounce import is_vowel
from playground.training.voice import lexicon
from playground.training.voice.names import NAMES

SAID = {word: tuple(phones.split()) for word, phones in {
    "the": "dh ax0", "cat": "k ae1 t", "cats": "k ae1 t s", "one": "w ah1 n", "zap": "z ae1 p", "zaps": "z ae1 p z",
}.items()}


def test_words_are_counted_with_their_apostrophes():
    assert lexicon.counted(["The cat’s, the dog's.", "O'Clock the"]) == Counter(
        {"the": 3, "cat's": 1, "dog's": 1, "o'clock": 1},
    )


@pytest.mark.parametrize("words", ["bake bakes baked baker baking", "stop stops stopped stopping", "carry carries carried"])
def test_forms_of_a_word_are_of_one_family(words):
    assert len(set(map(lexicon.family, words.split()))) == 1
    assert len(set(map(lexicon.kept_out, words.split()))) == 1


def test_a_small_share_of_words_is_kept_out():
    share = sum(map(lexicon.kept_out, NAMES.split())) / len(NAMES.split())
    assert 0.5 / lexicon.HELD_OUT < share < 2 / lexicon.HELD_OUT


@pytest.mark.parametrize(("first", "second", "expected"), [
    ("", "", 0), ("a b", "a b", 0), ("a b", "a", 1), ("a", "b", 1), ("a b c", "b c d", 2), ("", "a b", 2),
])
def test_the_distance_counts_changes(first, second, expected):
    assert lexicon.distance(tuple(first.split()), tuple(second.split())) == expected


def test_the_share_of_right_phones_knows_stress_or_not():
    said, guessed = {"cat": ("k", "ae1", "t", "s")}, {"cat": ("k", "ae0", "t", "s")}
    assert lexicon.right(guessed, said, stress=False) == 1
    assert lexicon.right(guessed, said, stress=True) == 0.75
    assert lexicon.right({"cat": ("b",) * 9}, said, stress=True) == 0


def test_words_that_rules_and_guesses_get_right_need_no_entry():
    guessed = {"zap": SAID["zap"], "one": ("ow1", "n"), "zaps": ("z",), "cats": ("k",)}
    assert list(lexicon.needed(SAID, guessed, commonest=2)) == ["the", "cat", "one", "zaps"]


def test_only_words_that_fit_their_letters_are_learned_from():
    said = {"ax": ("ae1", "k", "s"), "x": ("eh1", "k", "s"), "we'd": ("w", "iy1", "d"), "ab": ("t", "t", "t"), "hmm": ("hh",)}
    assert list(lexicon.learnable(said)) == ["ax"]


def test_batches_hold_every_word_once_in_a_round():
    words = [f"{'a' * (n % 7 + 1)}{n}" for n in range(50)]
    batch = lexicon.batches(words, seed=1, size=8)
    seen = [word for _ in range(7) for word in next(batch)]
    assert sorted(seen) == sorted(words)


def test_names_are_plain_words_and_own_phones_have_vowels_or_hiss():
    assert all(name.replace("'", "").isalpha() and name.islower() for name in NAMES.split())
    assert len(NAMES.split()) == len(set(NAMES.split()))
    assert all(any(map(is_vowel, phones.split())) or set(phones.split()) <= set("sh p s t f z".split())
               for phones in lexicon.OWN.values())
