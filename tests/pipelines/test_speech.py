"""The speech adapter on a tiny voice and on scripted ones: joins, pauses, loudness, words, seeds, Stop, odd texts."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch

from playground.catalog import ModelCard
from playground.errors import BadRequest, ModelBroken, NotInstalled
from playground.events import Audio, AudioResult, Notice, SpokenWord, Step, Stopped
from playground.pipelines import joins, speech
from playground.pipelines.speech import SpeechModel
from playground.pipelines.voices import Said
from playground.requests import MAX_SPEECH, TextToSpeechRequest
from playground.speech_text.sentences import sentences
from tests import tiny_speech
from tests.fakes import CPU

RATE = 8000
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


def tone(seconds=1.0, *, loud=0.2, rate=RATE, begin=0.0, end=0.0):
    """A hum between silences; (N,) float32."""
    hum = loud * np.sin(2 * np.pi * 130 * np.arange(int(seconds * rate)) / rate + 1.0)
    return np.concatenate([np.zeros(int(begin * rate)), hum, np.zeros(int(end * rate))]).astype(np.float32)


@dataclass(kw_only=True)
class Scripted:
    """A voice that says what it was given, one after the other; `network` is called `beats` times a sentence."""

    sounds: list[Any]
    words: tuple[SpokenWord, ...] = ()
    beats: int = 0
    exact_words: bool = False
    rate: int = RATE
    network: Any = field(default_factory=lambda: torch.nn.Linear(1, 1))
    seeds: list[int] = field(default_factory=list)

    @property
    def steps(self):
        return (self.network,)

    def readable(self, text):
        return "?" not in text

    def say(self, text, request, *, seed):
        self.seeds.append(seed)
        for _ in range(self.beats):
            self.network(torch.zeros(1))
        return Said(samples=self.sounds[(len(self.seeds) - 1) % len(self.sounds)], words=self.words)


def scripted(*sounds, **more):
    return SpeechModel(card=card(None), voice=Scripted(sounds=list(sounds), **more))


@pytest.fixture(scope="module")
def voice(tmp_path_factory):
    model = speech.load(card(tiny_speech.vits(tmp_path_factory.mktemp("vits"))), CPU)
    yield model
    model.close()
    assert model.network is None and model.nbytes == 0


def test_each_sentence_is_told_and_all_of_them_are_the_result(voice):
    result, events = run(voice, ask())
    assert isinstance(result, AudioResult)
    assert {type(event) for event in events} == {Audio}
    assert [event.index for event in events] == list(range(len(events)))
    assert {event.total for event in events} == {len(events)}
    assert [event.text for event in events] == [sentence.text for sentence in sentences(STORY)]
    assert np.array_equal(np.concatenate([event.samples for event in events]), result.samples)
    assert {event.sample_rate for event in events} == {result.sample_rate} == {tiny_speech.RATE}
    pause = sentences(STORY)[0].pause
    assert pause > 0 and not events[0].samples[-int(pause * tiny_speech.RATE):].any()
    assert result.timings["speak"] > 0


def test_samples_are_float32_without_nan_and_under_one(voice):
    samples = run(voice, ask())[0].samples
    assert samples.dtype == np.float32 and samples.ndim == 1
    assert np.isfinite(samples).all() and 0 < np.abs(samples).max() < 1


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


def test_pieces_follow_each_other_and_their_words_are_where_they_are_heard():
    words = (SpokenWord(at=0, to=5, start=0.5, end=0.9), SpokenWord(at=6, to=11, start=0.9, end=1.5))
    model = scripted(tone(begin=0.5, end=0.7), words=words, exact_words=True)
    result, events = run(model, ask("Hello there. Hello again."))
    assert result.exact_words and len(result.pieces) == 2
    first, second = result.pieces
    assert (first.text, second.text) == ("Hello there.", "Hello again.")
    assert first.start == 0 and first.end == second.start
    assert second.end == pytest.approx(len(result.samples) / RATE)
    for piece, event in zip(result.pieces, events, strict=True):
        assert event.words[0].start == pytest.approx(joins.KEPT, abs=joins.FRAME)
        assert [w.start - piece.start for w in piece.words] == pytest.approx([w.start for w in event.words])
        assert [(w.at, w.to) for w in piece.words] == [(0, 5), (6, 11)]
        assert all(piece.start <= w.start <= w.end <= piece.end for w in piece.words)


def test_where_the_voice_knows_no_words_they_are_estimated_within_the_sound():
    result, _ = run(scripted(tone(2.0, begin=0.4, end=0.4)), ask("A much longer word - 12!"))
    (piece,) = result.pieces
    assert not result.exact_words
    assert [piece.text[w.at:w.to] for w in piece.words] == ["A", "much", "longer", "word", "12!"]
    assert piece.words[0].start == pytest.approx(joins.KEPT, abs=joins.FRAME)
    assert piece.words[-1].end == pytest.approx(joins.KEPT + 2, abs=2 * joins.FRAME)
    lengths = [w.end - w.start for w in piece.words]
    assert lengths[2] == pytest.approx(6 * lengths[0]) and lengths[4] == pytest.approx(2 * joins.DIGIT * lengths[0])
    assert all(one.end == pytest.approx(other.start) for one, other in itertools.pairwise(piece.words))


def test_no_join_clicks():
    bare = tone(0.7313, loud=0.6)  # begins and ends within the hum
    result, _ = run(scripted(bare, bare[100:]), ask(STORY, pauses=0))
    jumps = np.abs(np.diff(result.samples))
    hum = np.abs(np.diff(joins.evened(bare, RATE))).max()
    assert jumps.max() <= hum * 1.05
    ends = np.cumsum([int(round((p.end - p.start) * RATE)) for p in result.pieces])[:-1]
    assert all(jumps[end - 1] < 1e-6 for end in ends)


def test_pieces_are_equally_loud_within_limits():
    loud, soft = tone(loud=0.9, begin=0.3), tone(loud=0.1, end=0.5)
    _, events = run(scripted(loud, soft), ask("Hello there. Hello again. And so on.", pauses=0))
    levels = [joins.loudness(e.samples, RATE) for e in events]
    assert max(levels) / min(levels) < 1.1
    assert levels[0] == pytest.approx(joins.TARGET, rel=0.1)
    whisper = joins.evened(tone(loud=0.001), RATE)
    assert np.abs(whisper).max() == pytest.approx(0.001 * joins.GAIN[1], rel=0.01), "noise is not made into speech"


def test_nothing_is_louder_than_it_may_be():
    spiky = tone(loud=0.02)
    spiky[3000] = 3.0
    spiky[4000:4010] = np.nan
    result, _ = run(scripted(spiky), ask("hello"))
    assert np.isfinite(result.samples).all()
    assert np.abs(result.samples).max() == pytest.approx(joins.LOUDEST)


def test_silence_at_both_ends_is_cut_to_a_measure():
    result, _ = run(scripted(tone(1.0, begin=2.0, end=3.0)), ask("hello"))
    assert len(result.samples) / RATE == pytest.approx(1 + 2 * joins.KEPT, abs=2 * joins.FRAME)


def test_pauses_are_as_long_as_they_are_asked_for():
    text, pause = "Hello there. Hello again.", sentences("Hello there. Hello again.")[0].pause
    lengths = {
        (pauses, speed): len(run(scripted(tone()), ask(text, pauses=pauses, speed=speed))[0].samples) / RATE
        for pauses, speed in ((0, 1), (1, 1), (3, 1), (1, 2))
    }
    bare = lengths[0, 1]
    assert lengths[1, 1] - bare == pytest.approx(pause, abs=0.001)
    assert lengths[3, 1] - bare == pytest.approx(3 * pause, abs=0.001)
    assert lengths[1, 2] - bare == pytest.approx(pause / 2, abs=0.001)


def test_each_sentence_has_a_seed_of_its_own():
    model = scripted(tone())
    run(model, ask("One of. Two of. Three of.", seed=7))
    assert model.voice.seeds == [7, 8, 9]


def test_stop_is_seen_within_a_sentence():
    model = scripted(tone(), beats=50)
    told = []

    def stop(event):
        told.append(event)
        raise Stopped

    with pytest.raises(Stopped):
        model.run(ask("Hello there. Hello again."), stop)
    assert told == [Step(index=0, total=2, what="sentences spoken:")]
    assert not model.network._forward_pre_hooks, "the run has left something behind"
    _, events = run(model, ask("Hello there. Hello again."))
    assert [type(e) for e in events] == [Step, Audio, Step, Audio]


@pytest.mark.parametrize("nothing", [np.zeros(0, np.float32), np.zeros(800), np.full(800, np.nan)])
def test_a_voice_without_a_sound_is_an_error_in_words(nothing):
    with pytest.raises(ModelBroken, match="Tiny made no sound") as refused:
        run(scripted(nothing), ask("Hello there. Hello again."))
    assert "\n" not in str(refused.value)


def test_one_sentence_without_a_sound_is_told():
    result, events = run(scripted(tone(), np.zeros(0)), ask("Hello there. Hello again."))
    assert [type(e) for e in events] == [Audio, Audio, Notice]
    assert events[-1].text.startswith("Tiny made no sound of 1 sentence.")
    assert len(result.pieces) == 2 and result.pieces[1].words == ()


def test_the_bytes_of_the_weights_are_counted():
    model = scripted(tone())
    assert model.nbytes == 8
    model.close()
    assert model.network is None and model.nbytes == 0


@pytest.mark.parametrize(("rate", "wanted"), [(48_000, 24_000), (16_000, 24_000), (22_050, 24_000), (24_000, 24_000)])
def test_a_recording_is_heard_the_same_at_another_rate(rate, wanted):
    made = joins.resampled(tone(1.0, rate=rate), rate, wanted)
    assert made.dtype == np.float32 and len(made) == wanted
    middle = slice(wanted // 4, wanted // 2)
    np.testing.assert_allclose(made[middle], tone(1.0, rate=wanted)[middle], atol=0.002)
    assert len(joins.resampled(np.zeros(0), rate, wanted)) == 0
