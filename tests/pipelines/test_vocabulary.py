"""What a starter says of words that it does not know: short, right in number, and only where its words are known."""

import dataclasses

import pytest

from playground.catalog import ModelCard
from playground.pipelines.vocabulary import told

CARD = ModelCard(
    id="some", title="Pictures (starter)", sentence="", bad_at="", tasks=frozenset(), adapter="diffusion", licence="",
    training_data="", memory=1, things=("red apple", "parrot", "t-shirt", "orange"), styles=("3d", "flat"),
    grounds=("blue", "light blue"),
    vocabulary=frozenset("a and on apple apples parrot red blue light background style 3d t-shirt orange small".split()),
)
NOTHING = "so something that it knows will appear."


@pytest.mark.parametrize(("texts", "sentence"), [
    (("a red apple on a blue background, 3d style",), ""),
    (("Two PARROTS and 3 small T-shirts!",), 'Pictures (starter) does not know the word "two", so it counts for little.'),
    (("the parrot's apple",), ""),
    (("a red-and-blue parrot",), ""),
    (("an orange",), ""),
    (("a parot",), f'Pictures (starter) does not know the word "parot", {NOTHING} It knows "parrot".'),
    (("a photo of Paris",), f'Pictures (starter) does not know the words "photo" and "paris", {NOTHING}'),
    (("an apple in a photo of Paris, Paris",),
     'Pictures (starter) does not know the words "photo" and "paris", so they count for little.'),
    (("apple one two three four five",),
     'Pictures (starter) does not know the words "one", "two", "three" and 2 more, so they count for little.'),
    (("a blue background, 3d",), f"No word names a thing that Pictures (starter) can draw, {NOTHING}"),
    (("12 34 ...",), f"No word names a thing that Pictures (starter) can draw, {NOTHING}"),
    (("一只猫",), f'Pictures (starter) does not know the word "一只猫", {NOTHING}'),
    (("apple " + "x" * 60,),
     f'Pictures (starter) does not know the word "{"x" * 24}…", so it counts for little.'),
    (("an apple", "a castle"), f'Pictures (starter) does not know the word "castle", {NOTHING}'),
    (("an apple", "a parrot"), ""),
])
def test_words_outside_its_world_are_said(texts, sentence):
    assert told(CARD, texts) == sentence


def test_nothing_is_said_where_the_vocabulary_is_not_known():
    assert told(dataclasses.replace(CARD, vocabulary=frozenset()), ("a photo of Paris",)) == ""


def test_the_longest_prompt_is_answered_in_a_line():
    sentence = told(CARD, (" ".join(f"word{'x' * i}" for i in range(60))[:2000],))
    assert len(sentence) < 250 and "more" in sentence
