"""The tokens that a voice reads."""

from __future__ import annotations

from playground.speech_text.tokens import tokens_of
from playground.training.voice.corpus import symbols

HELLO, TOM = ("hh", "ax0", "l", "ow1"), ("t", "aa1", "m")


def test_words_begin_with_a_mark_and_silence_stands_around():
    assert tokens_of([HELLO, TOM], [False, False]) == ["^", "_hh", "ax0", "l", "ow1", "_t", "aa1", "m", "."]


def test_a_break_stands_between_words_and_never_before_the_end():
    assert tokens_of([HELLO, TOM], [True, True]) == ["^", "_hh", "ax0", "l", "ow1", ",", "_t", "aa1", "m", "."]


def test_every_token_has_one_id_and_padding_is_the_first():
    known = symbols()
    assert len(set(known)) == len(known) and known[0] == "<pad>"
    assert {*tokens_of([HELLO, TOM], [True, False])} <= {*known}
