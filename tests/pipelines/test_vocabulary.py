"""What a starter says of words that it does not know: short, right in number, and only where its words are known."""

import dataclasses

import pytest

from playground.catalog import ModelCard
from playground.pipelines.vocabulary import on_ground, told, understood

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


@pytest.mark.parametrize(("prompt", "shade", "told_to_it"), [
    ("a lemon", (80, 140, 230), "a lemon on a blue background"),
    ("a lemon", (240, 150, 70), "a lemon on an orange background"),
    ("a lemon, flat style", (80, 140, 230), "a lemon on a blue background, flat style"),
    ("a lemon in 3d style", (80, 140, 230), "a lemon on a blue background in 3d style"),
    ("a lemon on a red background", (80, 140, 230), "a lemon on a red background"),
])
def test_a_ground_that_is_not_named_is_told_by_its_shade(prompt, shade, told_to_it):
    card = dataclasses.replace(CARD, ground_colours={"blue": (84, 144, 236), "orange": (250, 152, 60)})
    assert on_ground(card, prompt, shade) == told_to_it
    assert on_ground(CARD, prompt, shade) == prompt


def test_a_prompt_that_names_nothing_known_becomes_something_known():
    made = {understood(CARD, text) for text in ("a photo of Paris", "Berlin", "???", "a blue background", "Lisbon", "Rome")}
    assert made <= {"a red apple", "a parrot", "a t-shirt", "an orange"} and len(made) > 1
    assert understood(CARD, "Berlin") == understood(CARD, "Berlin")
    assert understood(CARD, "a parrot in Berlin") == "a parrot in Berlin" and understood(CARD, "") == ""
    free = dataclasses.replace(CARD, vocabulary=frozenset())
    assert understood(free, "a photo of Paris") == "a photo of Paris"
