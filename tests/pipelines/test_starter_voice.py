"""The starter voice: its times and controls on the trained weights, and the small rules around them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from playground.catalog import Catalog, cards
from playground.device import Device
from playground.events import Audio, Notice
from playground.pipelines import speech
from playground.pipelines.voices.starter import rounded, spoken_words, steady, unread
from playground.requests import TextToSpeechRequest
from playground.speech_text.tokens import tokens_of
from playground.speech_text.written_out import Word, written_out

CARD = Catalog(cards()).find("voice")
CPU = Device(name="cpu", title="CPU", free_memory=8_000_000_000, dtype="float32", threads=1)
TEXT = "Good morning, my dear old friend, how are you today?"


@pytest.fixture(scope="module")
def model():
    return speech.load(CARD, CPU)


def run(model, text=TEXT, **more):
    events = []
    request = CARD.complete(TextToSpeechRequest(text=text, seed=3, **more))
    return model.run(request, events.append), events


def fundamental(samples, rate):
    """The pitch in Hz of the loudest tenth of a second, by autocorrelation."""
    width = rate // 10
    parts = samples[:len(samples) // width * width].reshape(-1, width)
    part = parts[np.square(parts).sum(1).argmax()]
    likeness = np.correlate(part, part, "full")[width - 1:]
    lags = np.arange(rate // 400, rate // 60)
    return rate / lags[likeness[lags].argmax()]


def test_it_has_two_voices_of_different_pitch(model):
    woman, man = (fundamental(run(model, voice=voice)[0].samples, model.voice.rate) for voice in CARD.voices)
    assert len(CARD.voices) == 2 and 130 < woman < 260 and 60 < man < 140


def test_the_first_voice_is_read_where_none_is_named(model):
    assert np.array_equal(run(model)[0].samples, run(model, voice=CARD.voices[0])[0].samples)


def test_words_are_in_order_inside_the_sound_and_cover_the_text(model):
    result, _ = run(model)
    (piece,) = result.pieces
    assert result.exact_words
    assert [piece.text[w.at:w.to] for w in piece.words] == "Good morning my dear old friend how are you today".split()
    times = [time for word in piece.words for time in (word.start, word.end)]
    assert times == sorted(times) and times[0] >= 0 and times[-1] <= len(result.samples) / result.sample_rate
    assert all(0.04 < word.end - word.start < 1.2 for word in piece.words)


def test_what_is_written_out_of_one_word_is_lit_as_one(model):
    (piece,) = run(model, "It costs $3.50 today.")[0].pieces
    price = next(word for word in piece.words if piece.text[word.at:word.to] == "$3.50")
    assert price.end - price.start > 1 and len(piece.words) == 4


@pytest.mark.parametrize("speed", [0.5, 2.0])
def test_speed_changes_the_length_alone(model, speed):
    usual, changed = (len(run(model, speed=by)[0].samples) for by in (1.0, speed))
    assert usual / changed == pytest.approx(speed, rel=0.08)


def test_pitch_moves_the_fundamental_by_semitones_and_keeps_the_length(model):
    usual, higher = (run(model, "Aah, oh.", pitch=by)[0].samples for by in (0.0, 6.0))
    assert len(usual) == pytest.approx(len(higher), abs=800)
    ratio = fundamental(higher, model.voice.rate) / fundamental(usual, model.voice.rate)
    assert 12 * np.log2(ratio) == pytest.approx(6, abs=1)


def test_pauses_grow_at_commas(model):
    none, usual, long = (len(run(model, pauses=by)[0].samples) / model.voice.rate for by in (0.0, 1.0, 3.0))
    assert 0.2 < usual - none < 0.8 and long - usual == pytest.approx(2 * (usual - none), rel=0.15)


def test_it_is_neither_too_loud_nor_silent(model):
    samples = run(model, TEXT + " Stop! What a big, bad, bold dog.")[0].samples
    assert 0.1 < np.abs(samples).max() <= 0.97 and np.isfinite(samples).all()


def test_words_of_other_scripts_are_named_and_the_rest_is_read(model):
    result, events = run(model, "Hello Привет and 你好, good morning.")
    told = [event.text for event in events if isinstance(event, Notice)]
    assert told == ["Not read, since Voice (starter) does not know how: Привет, 你好."]
    assert [result.pieces[0].text[w.at:w.to] for w in result.pieces[0].words] == ["Hello", "and", "good", "morning"]


def test_a_text_that_is_read_whole_needs_no_notice(model):
    _, events = run(model, "Dr. Smith's café, at 221B Baker St., sells 3 1/2 lb of tea for $9.99 — really!")
    assert {type(event) for event in events} == {Audio}


def test_unread_words_are_those_without_a_span():
    text = "one два three"
    assert unread(text, written_out(text)) == ("два",)


def test_rounding_keeps_the_sum_and_the_ends():
    frames = np.array([0.4, 0.4, 0.4, 3.3, 2.5, 0.2])
    whole = rounded(frames)
    assert (np.abs(np.cumsum(whole) - np.cumsum(frames)) <= 0.5).all() and whole.min() >= 0
    assert rounded(np.array([0.1])).tolist() == [1]


def test_voicing_does_not_flicker():
    voicing = torch.tensor([[1.0, 1, -1, 1, 1, -1, -1, 1, -1, -1]])
    assert steady(voicing).tolist() == [[True] * 5 + [False] * 5]


def test_breaks_are_not_part_of_a_word():
    words = (Word(text="hi", at=0, to=2, pause=","), Word(text="tom", at=4, to=7, pause=""))
    phones = [("hh", "ay1"), ("t", "aa1", "m")]
    tokens = tokens_of(phones, [True, False])  # ^ _hh ay1 , _t aa1 m .
    first, second = spoken_words(words, phones, tokens, np.arange(1.0, 9))
    assert (first.start, first.end, second.start, second.end) == (1, 3, 4, 7)
