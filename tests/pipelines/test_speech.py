"""The speech adapter on a tiny voice: sentences, speed, seeds, Stop, and texts that cannot be spoken."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch

from playground.catalog import ModelCard
from playground.errors import BadRequest, NotInstalled
from playground.events import Audio, AudioResult, Notice, Stopped
from playground.pipelines import speech
from playground.requests import MAX_SPEECH, TextToSpeechRequest
from tests import tiny_speech
from tests.fakes import CPU

STORY = "Once upon a time there was a fox. It lived in a wood! Did it like it there? Yes; very much."


def card(folder):
    return ModelCard(
        id="tiny", title="Tiny", sentence="", bad_at="", tasks=frozenset({"text_to_speech"}), adapter="speech",
        licence="", training_data="", memory=1, folder=folder, voices=("hum",),
    )


def ask(text=STORY, **values):
    return TextToSpeechRequest(text=text, model="tiny", **{"seed": 5} | values)


def run(model, request):
    events = []
    return model.run(request, events.append), events


def texts(text):
    return [sentence.text for sentence in speech.sentences(text)]


@pytest.fixture(scope="module")
def voice(tmp_path_factory):
    model = speech.load(card(tiny_speech.vits(tmp_path_factory.mktemp("vits"))), CPU)
    yield model
    model.close()
    assert model.network is None and model.nbytes == 0


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
])
def test_texts_are_split_into_sentences(text, expected):
    assert texts(text) == expected


def test_very_long_sentences_are_cut_at_commas_then_spaces_then_anywhere():
    commas, spaces, solid = "so long a clause, " * 60, "word " * 200, "x" * 1000
    for text in (commas, spaces, solid):
        parts = texts(text)
        assert max(map(len, parts)) <= speech.LONGEST
        assert "".join("".join(parts).split()) == "".join(text.split())
    assert all(part.endswith(",") for part in texts(commas))
    assert all(part.endswith("word") for part in texts(spaces))


@pytest.mark.parametrize("text", [
    "a" * 20_000, "Short. " + "b" * 2000 + " end.", "漢" * 20_000, "," * 400 + " x", "a, " + "b" * 700,
    ("A sentence of some words that is said again. " * 450)[:20_000],
])
def test_no_letter_of_a_long_text_is_lost(text):
    made = texts(text)
    assert all(0 < len(part) <= speech.LONGEST for part in made)
    assert "".join("".join(made).split()) == "".join(text.split())


@pytest.mark.parametrize("text", ["Mr. " * 5000, "a" * 19_990 + " .", "." * 20_000, "a. " * 6600, "'\".) " * 4000])
def test_odd_texts_are_cut_quickly(text):
    begun = time.process_time()
    speech.sentences(text)
    assert time.process_time() - begun < 1


def test_the_silence_is_longer_after_a_paragraph():
    pauses = [sentence.pause for sentence in speech.sentences("One. Two.\nThree.")]
    assert pauses == [speech.PAUSE, speech.PARAGRAPH_PAUSE, speech.PARAGRAPH_PAUSE]


def test_each_sentence_is_told_and_all_of_them_are_the_result(voice):
    result, events = run(voice, ask())
    assert isinstance(result, AudioResult)
    assert {type(event) for event in events} == {Audio}
    assert [event.index for event in events] == list(range(5))
    assert {event.total for event in events} == {5}
    assert [event.text for event in events] == texts(STORY)
    assert np.array_equal(np.concatenate([event.samples for event in events]), result.samples)
    assert {event.sample_rate for event in events} == {result.sample_rate} == {tiny_speech.RATE}
    assert not events[0].samples[-int(speech.PAUSE * tiny_speech.RATE) :].any()
    assert result.timings["speak"] > 0


def test_samples_are_float32_without_nan_and_under_one(voice):
    samples = run(voice, ask())[0].samples
    assert samples.dtype == np.float32 and samples.ndim == 1
    assert np.isfinite(samples).all() and 0 < np.abs(samples).max() < 1


def test_a_voice_that_is_too_loud_is_turned_down(tmp_path):
    class Loud(torch.nn.Module):
        def forward(self, *inputs):
            return torch.tensor([[[0.5, -3.0, float("nan"), 1.5]]])

    voice = speech.load(card(tiny_speech.vits(tmp_path)), CPU)
    voice.network.decoder = Loud()
    expected = np.array([0.5, -3.0, 0.0, 1.5]) * speech.LOUDEST / 3
    np.testing.assert_allclose(voice.spoken("hello", speed=1, seed=1), expected, rtol=1e-6)


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(voice):
    first, again, other = (run(voice, ask(seed=seed))[0].samples.tobytes() for seed in (1, 1, 2))
    assert first == again != other


def test_speed_two_halves_the_length_and_half_speed_doubles_it(voice):
    lengths = {speed: len(run(voice, ask(speed=speed))[0].samples) for speed in (0.5, 1, 2)}
    assert lengths[2] / lengths[1] == pytest.approx(0.5, rel=0.06)
    assert lengths[0.5] / lengths[1] == pytest.approx(2, rel=0.06)


def test_a_run_does_not_remember_the_speed_of_the_one_before(voice):
    before = run(voice, ask())[0].samples
    run(voice, ask(speed=2))
    assert np.array_equal(run(voice, ask())[0].samples, before)


def test_stop_passes_through_after_a_sentence_and_the_voice_stays_usable(voice):
    calm = run(voice, ask())[0].samples
    told = []

    def stop(event):
        told.append(event)
        if len(told) == 2:
            raise Stopped

    with pytest.raises(Stopped):
        voice.run(ask(), stop)
    assert len(told) == 2
    assert np.array_equal(run(voice, ask())[0].samples, calm)


def test_the_longest_text_is_spoken(voice):
    text = "A fox came by and sang a song of the sea, then went. " * 1000
    result, events = run(voice, ask(text[:MAX_SPEECH], speed=2))
    assert len(events) == events[-1].total > 300
    assert len(result.samples) > tiny_speech.RATE * 60


def test_sentences_without_a_known_letter_are_left_out_and_said(voice):
    result, events = run(voice, ask("Привет всем. Hello there. 12345!"))
    assert [event.text for event in events if isinstance(event, Audio)] == ["Hello there."]
    assert events[0] == Notice(text="2 sentences were left out: Tiny knows none of the letters.")
    assert len(result.samples) == len(events[1].samples)


def test_capitals_alone_can_be_spoken(voice):
    assert len(run(voice, ask("HELLO"))[0].samples) > 0


@pytest.mark.parametrize("text", ["a", "é a", "x" * 2000, "tab\there", "it's - well - 5 o'clock"])
def test_odd_texts_are_spoken(voice, text):
    assert len(run(voice, ask(text))[0].samples) > 0


@pytest.mark.parametrize("text", ["👍🎉", "...", "“”", "\u200b"])
def test_text_without_any_letter_is_no_request(text):
    with pytest.raises(BadRequest):
        ask(text)


@pytest.mark.parametrize("text", ["Привет! 123.", "今日は元気ですか。", "日本 👍"])
def test_where_nothing_can_be_spoken_there_is_a_sentence(voice, text):
    with pytest.raises(BadRequest, match="knows none of these letters") as refused:
        run(voice, ask(text))
    assert refused.value.field == "text"


@pytest.mark.parametrize("setting", ["phonemize", "is_uroman"])
def test_voices_that_need_another_package_are_refused_in_words(tmp_path, setting):
    with pytest.raises(NotInstalled, match="needs a package"):
        speech.load(card(tiny_speech.vits(tmp_path, **{setting: True})), CPU)
