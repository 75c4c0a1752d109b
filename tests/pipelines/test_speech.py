"""The speech adapter on a tiny random voice: how text is cut, what is told, seeds, speed, and what cannot be read."""

import re

import numpy as np
import pytest

from playground.catalog import ModelCard
from playground.device import Device
from playground.errors import BadRequest, NotInstalled
from playground.events import Audio, Notice, Stopped
from playground.pipelines import speech
from playground.requests import TextToSpeechRequest
from tests import tiny_speech

CPU = Device(name="cpu", title="CPU", free_memory=10**10, dtype="float32", threads=1)
STORY = "The cat sat down. Was it tired? It slept,\nand then it woke!"


def card(folder):
    return ModelCard(
        id="tiny", title="Tiny", sentence="", bad_at="", tasks=frozenset({"text_to_speech"}), adapter="speech",
        licence="", training_data="", memory=1, folder=folder,
    )


@pytest.fixture(scope="module")
def voice(tmp_path_factory):
    return speech.load(card(tiny_speech.vits(tmp_path_factory.mktemp("voice"))), CPU)


def ask(text=STORY, **values):
    return TextToSpeechRequest(text=text, model="tiny", **{"seed": 5} | values)


def run(model, request):
    events = []
    return model.run(request, events.append), events


def notices(events):
    return [e.text for e in events if isinstance(e, Notice)]


def pieces(text):
    return [sentence.text for sentence in speech.sentences(text)]


@pytest.mark.parametrize(("text", "expected"), [
    ("One. Two! Three?", ["One.", "Two!", "Three?"]),
    ("No end mark", ["No end mark"]),
    ("Ends well. then not", ["Ends well.", "then not"]),
    ("Mr. Bennet met Mrs. Long and Dr. Jones.", ["Mr. Bennet met Mrs. Long and Dr. Jones."]),
    ("J. R. R. Tolkien wrote it. I read it.", ["J. R. R. Tolkien wrote it.", "I read it."]),
    ("It was he and I. She left.", ["It was he and I.", "She left."]),
    ("It is 3.14 or so. Is 2.718 less?", ["It is 3.14 or so.", "Is 2.718 less?"]),
    ("It costs 5. That is much.", ["It costs 5.", "That is much."]),
    ("Well... I wonder... yes.", ["Well...", "I wonder...", "yes."]),
    ("Well… I wonder.", ["Well…", "I wonder."]),
    ("“Stop!” he said. “Go on.” (She did.) End", ["“Stop!”", "he said.", "“Go on.”", "(She did.)", "End"]),
    ('"Why?" she asked.', ['"Why?"', "she asked."]),
    ("What?! Really!!", ["What?!", "Really!!"]),
    ("He said no. Then he left.", ["He said no.", "Then he left."]),
    ("See no. 5 here.", ["See no. 5 here."]),
    ("First line\nsecond line\n\n\nthird", ["First line", "second line", "third"]),
    ("  spaced   out.   again.  ", ["spaced   out.", "again."]),
    ("... !!! ?", []),
    ("a. - . b.", ["a.", "b."]),
    ("Look at example.com now. Fine.", ["Look at example.com now.", "Fine."]),
    ("Die Katze schläft; der Hund: nicht.", ["Die Katze schläft;", "der Hund:", "nicht."]),
    ("今日は。元気ですか？はい！", ["今日は。", "元気ですか？", "はい！"]),
])
def test_text_is_cut_into_sentences(text, expected):
    assert pieces(text) == expected


def test_the_pause_is_longer_after_a_paragraph():
    pauses = [s.pause for s in speech.sentences("One. Two.\nThree.")]
    assert pauses == [speech.PAUSE, speech.PARAGRAPH_PAUSE, speech.PARAGRAPH_PAUSE]


def letters(text):
    return re.sub(r"\s", "", text)


@pytest.mark.parametrize("text", [
    "word " * 4000, "clause after clause, " * 950, "a" * 20_000, "Short. " + "b" * 2000 + " end.", "漢" * 20_000,
    ("A sentence of some words that is said again. " * 450)[:20_000], "," * 400 + " x", "a, " + "b" * 700,
])
def test_long_text_is_cut_into_parts_that_lose_nothing(text):
    made = pieces(text)
    assert all(0 < len(part) <= speech.LONGEST for part in made)
    assert letters("".join(made)) == letters(text)


def test_a_long_sentence_is_cut_after_a_comma_or_between_words():
    assert all(part.endswith(",") for part in pieces("clause after clause, " * 60))
    assert set(" ".join(pieces("word " * 300)).split()) == {"word"}


def test_each_sentence_is_told_once_and_they_add_up_to_the_result(voice):
    result, events = run(voice, ask())
    assert all(isinstance(e, Audio) for e in events)
    assert [e.text for e in events] == ["The cat sat down.", "Was it tired?", "It slept,", "and then it woke!"]
    assert [(e.index, e.total) for e in events] == [(i, 4) for i in range(4)]
    assert np.array_equal(np.concatenate([e.samples for e in events]), result.samples)
    assert result.samples.dtype == np.float32 and result.samples.ndim == 1
    assert result.sample_rate == 16_000 and {e.sample_rate for e in events} == {16_000}
    assert np.isfinite(result.samples).all() and np.abs(result.samples).max() <= 1
    assert result.timings["speak"] > 0


def test_sentences_are_parted_by_silence_and_the_last_ends_without(voice):
    events = run(voice, ask("One two three. Four five.\nSix seven."))[1]
    for event, seconds in zip(events, (speech.PAUSE, speech.PARAGRAPH_PAUSE, 0), strict=True):
        silent = int(seconds * 16_000)
        spoken = event.samples[: len(event.samples) - silent]
        assert not event.samples[len(spoken):].any()
        assert spoken.any() and len(spoken) > 0


def test_the_same_seed_gives_the_same_bytes(voice):
    first, again, other = (run(voice, ask(seed=seed))[0].samples for seed in (5, 5, 6))
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()


def test_speed_shortens_the_speech(voice):
    text = "the quick brown fox jumps over the lazy dog and runs far away from here " * 3
    slow, plain, fast = (len(run(voice, ask(text, speed=speed))[0].samples) for speed in (0.5, 1, 2))
    assert fast == pytest.approx(plain / 2, rel=0.3)
    assert slow == pytest.approx(plain * 2, rel=0.3)


def test_speed_shortens_the_pauses_too(voice):
    first = run(voice, ask("One two. Three.", speed=2))[1][0]
    assert not first.samples[-int(speech.PAUSE / 2 * 16_000):].any()
    assert np.abs(first.samples[-int(speech.PAUSE * 16_000):]).max() > 0


def test_a_run_does_not_remember_the_speed_of_the_one_before(voice):
    before = run(voice, ask())[0].samples
    run(voice, ask(speed=2))
    assert run(voice, ask())[0].samples.tobytes() == before.tobytes()


def test_loud_speech_is_turned_down_and_broken_samples_are_silent(voice, monkeypatch):
    forward = voice.network.forward

    def loud(**inputs):
        out = forward(**inputs)
        out.waveform = out.waveform * 1e6
        out.waveform[0, 0] = float("nan")
        return out

    monkeypatch.setattr(voice.network, "forward", loud)
    samples = run(voice, ask())[0].samples
    assert np.isfinite(samples).all() and np.abs(samples).max() == pytest.approx(speech.LOUDEST)


@pytest.mark.parametrize("text", ["今日は元気ですか。", "Привет, мир!", "123 456", "日本 👍"])
def test_text_without_a_known_letter_is_refused_in_words(voice, text):
    with pytest.raises(BadRequest, match="Tiny knows none of these letters") as caught:
        run(voice, ask(text))
    assert caught.value.field == "text"


@pytest.mark.parametrize("text", ["👍🎉", "...", "“”", "\u200b"])
def test_text_without_any_letter_is_no_request(text):
    with pytest.raises(BadRequest):
        ask(text)


@pytest.mark.parametrize(("text", "said"), [
    ("Hello there. 今日は。", "1 sentence was left out: Tiny knows none of the letters."),
    ("12. Hello there. 今日は。", "2 sentences were left out: Tiny knows none of the letters."),
])
def test_sentences_of_other_letters_are_left_out_and_said(voice, text, said):
    _, events = run(voice, ask(text))
    assert notices(events) == [said]
    assert [e.text for e in events if isinstance(e, Audio)] == ["Hello there."]


@pytest.mark.parametrize("text", ["a", "I", "é a", "x" * 2000, "ALL CAPITALS.", "tab\there", "it's - well - 5 o'clock"])
def test_odd_texts_are_read(voice, text):
    assert len(run(voice, ask(text))[0].samples) > 0


class Stop:
    """An emit that stops after some sentences."""

    def __init__(self, sentences):
        self.left = sentences

    def __call__(self, event):
        self.left -= isinstance(event, Audio)
        if self.left == 0:
            raise Stopped


@pytest.mark.parametrize("sentences", [1, 3])
def test_stop_ends_between_sentences_and_the_next_run_is_as_ever(voice, monkeypatch, sentences):
    expected = run(voice, ask())[0].samples
    spoken = []
    speak = voice.network.forward
    monkeypatch.setattr(voice.network, "forward", lambda **inputs: spoken.append(1) or speak(**inputs))
    with pytest.raises(Stopped):
        voice.run(ask(), Stop(sentences))
    assert len(spoken) == sentences
    monkeypatch.undo()
    assert run(voice, ask())[0].samples.tobytes() == expected.tobytes()


@pytest.mark.parametrize("needed", ["is_uroman", "phonemize"])
def test_a_voice_that_needs_another_package_is_refused_in_words(tmp_path, monkeypatch, needed):
    folder = tiny_speech.vits(tmp_path / "voice")
    path = folder / "tokenizer_config.json"
    path.write_text(re.sub(rf'"{needed}": \w+', f'"{needed}": true', path.read_text()))
    assert f'"{needed}": true' in path.read_text()
    with pytest.raises(NotInstalled, match="Choose another model"):
        speech.load(card(folder), CPU)


def test_closing_frees_the_weights(tmp_path):
    model = speech.load(card(tiny_speech.vits(tmp_path)), CPU)
    assert model.nbytes > 1000 and model.dtype == "float32"
    model.close()
    assert model.network is None and model.tokenizer is None and model.nbytes == 0
