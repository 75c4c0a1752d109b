"""A text is cut into sentences where a reader would pause, and no letter of it is lost."""

from __future__ import annotations

import pytest

from playground.speech_text.sentences import LONGEST, PARAGRAPH_PAUSE, PAUSE, sentences

STORY = "Once upon a time there was a fox. It lived in a wood! Did it like it there? Yes; very much."


def texts(text):
    return [sentence.text for sentence in sentences(text)]


@pytest.mark.parametrize(("text", "expected"), [
    (STORY, ["Once upon a time there was a fox.", "It lived in a wood!", "Did it like it there?", "Yes;", "very much."]),
    ("Mr. and Mrs. Fox met Dr. Hare. Then J. R. Mole came.", ["Mr. and Mrs. Fox met Dr. Hare.", "Then J. R. Mole came."]),
    ("Apples, pears etc. are fruit. Also figs, etc. Then tea.",
     ["Apples, pears etc. are fruit.", "Also figs, etc.", "Then tea."]),
    ("He said no. See No. 5 for why.", ["He said no.", "See No. 5 for why."]),
    ("It costs 3.50 at example.com today.", ["It costs 3.50 at example.com today."]),
    ('"Stop!" she cried. "Why?"', ['"Stop!"', "she cried.", '"Why?"']),
    ("Wait... what?! Really", ["Wait...", "what?!", "Really"]),
    ("One line\nanother line\n\n\nthird", ["One line", "another line", "third"]),
    ("... !!! \n ---", []),
    ("No end mark", ["No end mark"]),
    ("It was he and I.\nShe left.", ["It was he and I.", "She left."]),
    ("Pi is 3.14 or so. It costs 5. That is much", ["Pi is 3.14 or so.", "It costs 5.", "That is much"]),
    ("Well… I wonder. (She did.) “Go on.” End", ["Well…", "I wonder.", "(She did.)", "“Go on.”", "End"]),
    ("a. - . b.", ["a.", "b."]),
    ("Die Katze schläft; der Hund: nicht.", ["Die Katze schläft;", "der Hund:", "nicht."]),
    ("今日は。元気ですか？はい！", ["今日は。", "元気ですか？", "はい！"]),
    ("J. R. R. Tolkien wrote it. I read it.", ["J. R. R. Tolkien wrote it.", "I read it."]),
    ("J.R.R. Tolkien wrote it.", ["J.R.R. Tolkien wrote it."]),
    ("Come at 5 p.m. today. Or at 6 p.m. Then go.", ["Come at 5 p.m. today.", "Or at 6 p.m.", "Then go."]),
    ("Take fruit, e.g. Apples, i.e. food. Eat.", ["Take fruit, e.g. Apples, i.e. food.", "Eat."]),
    ("The U.S. Army left the U.S. They went.", ["The U.S. Army left the U.S.", "They went."]),
    ("She is older than I. She left.", ["She is older than I.", "She left."]),
    ("On Jan. 5 it was approx. 5 km. It rained.", ["On Jan. 5 it was approx. 5 km.", "It rained."]),
    ("He sat. She stood in the sun. Fig. 3 shows it.", ["He sat.", "She stood in the sun.", "Fig. 3 shows it."]),
    ("Acme Inc. is big. So is Foo Ltd. They sell.", ["Acme Inc. is big.", "So is Foo Ltd.", "They sell."]),
    ("See www.example.com/a?b=1. Then mail a.b@c.org. Done.",
     ["See www.example.com/a?b=1.", "Then mail a.b@c.org.", "Done."]),
    ("1. Apples\n2. Pears\n- Figs", ["1. Apples", "2. Pears", "- Figs"]),
    ("IV. The Castle\nIt stood.", ["IV. The Castle", "It stood."]),
    ("# A heading\nIts text. More.", ["# A heading", "Its text.", "More."]),
    ("This line was wrapped by a program that wraps long\nlines of text. The end.",
     ["This line was wrapped by a program that wraps long lines of text.", "The end."]),
    ("Is it?\nI love it! 😀😀", ["Is it?", "I love it! 😀😀"]),
    ("👍🎉", ["👍🎉"]),
    ("Smith v. Jones was heard. It ended.", ["Smith v. Jones was heard.", "It ended."]),
    ("It is 5:30. Go at 12:00; eat", ["It is 5:30.", "Go at 12:00;", "eat"]),
    ("hello there. this is lazy. yes", ["hello there.", "this is lazy.", "yes"]),
])
def test_texts_are_split_into_sentences(text, expected):
    assert texts(text) == expected


def test_very_long_sentences_are_cut_at_commas_then_spaces_then_anywhere():
    commas, spaces, solid = "so long a clause, " * 60, "word " * 200, "x" * 1000
    for text in (commas, spaces, solid):
        parts = texts(text)
        assert max(map(len, parts)) <= LONGEST
        assert "".join("".join(parts).split()) == "".join(text.split())
    assert all(part.endswith(",") for part in texts(commas))
    assert all(part.endswith("word") for part in texts(spaces))


@pytest.mark.parametrize("text", [
    "a" * 20_000, "Short. " + "b" * 2000 + " end.", "漢" * 20_000, "," * 400 + " x", "a, " + "b" * 700,
    ("A sentence of some words that is said again. " * 450)[:20_000], "Mr. " * 5000, "a. " * 6600, "U.S. " * 4000,
])
def test_no_letter_of_a_long_text_is_lost(text):
    made = texts(text)
    assert all(0 < len(part) <= LONGEST for part in made)
    assert "".join("".join(made).split()) == "".join(text.split())


@pytest.mark.parametrize("text", ["." * 20_000, "'\".) " * 4000, "\n" * 20_000, "😀" * 20_000, "1. " * 6600, ""])
def test_odd_texts_are_cut(text):
    assert all(sentence.text.strip() for sentence in sentences(text))


def test_the_silence_is_longer_after_a_paragraph():
    assert [sentence.pause for sentence in sentences("One. Two.\nThree.")] == [PAUSE, PARAGRAPH_PAUSE, PARAGRAPH_PAUSE]
