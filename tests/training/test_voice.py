"""The recipe of the starter voice on made-up books: what flite says, what is learned from it, and what is measured."""

from __future__ import annotations

import ctypes.util
import json
import zipfile

import numpy as np
import pytest

from playground.requests import TextToSpeechRequest
from playground.sounds import FRAMES_A_SECOND, MEL_BINS, log_mel
from playground.training import recipe
from playground.training.voice import __main__ as voice
from playground.training.voice import acoustic, corpus, evaluate, listener, phrases
from playground.training.words.data import HELD_OUT

needs_flite = pytest.mark.skipif(ctypes.util.find_library("flite") is None, reason="flite is not installed (libflite1)")
RATE = 16_000
WORDS = "king fox river castle child moon garden window kitchen letter".split()


@pytest.fixture
def pack(tmp_path):
    """A stories pack of short plain sentences, other ones in the held-out books."""
    folder = tmp_path / "pack" / "stories"
    folder.mkdir(parents=True)
    titles = [*HELD_OUT, "The First Book", "The Second Book"]
    with zipfile.ZipFile(folder / "texts.zip", "w") as archive:
        for number, title in enumerate(titles):
            verb = "lost" if title in HELD_OUT else "saw"
            lines = (f"The {one} {verb} the {other}, and went home." for one in WORDS for other in WORDS)
            archive.writestr(f"texts/{number}.txt", f"{title}\n\n\n" + "\n\n".join(lines))
    rows = [json.dumps({"title": t, "author": f"Author {n}", "file": f"{n}.txt"}) for n, t in enumerate(titles)]
    (folder / "metadata.jsonl").write_text("\n".join(rows) + "\n")
    return tmp_path / "pack"


def options_of(pack, *more):
    return recipe.parse("voice", minutes=1, stages=voice.STAGES, argv=[
        "--data", str(pack), "--work", str(pack.parent / "work"), "--device", "cpu", "--smoke", *more,
    ])


def tone(seconds=1.0, hertz=220.0):
    return (0.2 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * RATE)) / RATE)).astype(np.float32)


@needs_flite
def test_smoke_run_writes_a_folder_that_speaks(pack):
    arguments = ["--data", str(pack), "--work", str(pack.parent / "work"), "--device", "cpu", "--smoke"]
    voice.main(arguments)
    options = options_of(pack)
    facts = json.loads((options.out / "facts.json").read_text())
    assert facts["voices"] == ["Sally (woman)", "Ross (man)"] and facts["sample_rate"] == RATE
    assert facts["measures"]["sentences"] == 4 and facts["acoustic"]["steps"] == 3
    result = evaluate.loaded(options).run(TextToSpeechRequest(text="The fox went home.", seed=1), lambda event: None)
    assert result.sample_rate == RATE and result.exact_words and np.isfinite(result.samples).all()
    (piece,) = result.pieces
    assert [piece.text[word.at:word.to] for word in piece.words] == ["The", "fox", "went", "home"]

    voice.main([*arguments, "--stages", "acoustic"])  # a smoke run takes three steps more at each start
    known = json.loads((options.out / "facts.json").read_text())
    assert known == facts, "a stage that is not the last one touched the starter"


@needs_flite
@pytest.mark.parametrize("name", corpus.VOICES)
def test_what_the_teacher_says_fits_together(name):
    said = corpus.spoken("Good morning, the kettle is on.", name)
    names = [corpus.symbols()[token] for token in said.tokens]
    assert names[0] == "^" and names[-1] == "." and names.count(",") == 1
    assert sum(token.startswith("_") for token in names) == 6
    assert said.frames.sum() == len(said.mel) == len(said.pitch) and said.frames.min() >= 0
    assert abs(len(said.samples) / RATE - len(said.mel) / FRAMES_A_SECOND) < 0.03
    voiced = said.pitch[said.pitch > 0]
    assert 0.3 < len(voiced) / len(said.pitch) < 0.95 and 50 < np.median(voiced) < 260
    silence = said.mel[:said.frames[0] // 2].mean()
    assert silence < said.mel.mean() - 1, "the first token is not the silence before the words"


@needs_flite
def test_both_voices_are_equally_loud():
    levels = []
    for name in corpus.VOICES:
        samples = corpus.spoken("The old man walked slowly to the station.", name).samples
        levels.append(np.sqrt(np.mean(np.square(samples[np.abs(samples) > 0.01]))))
    assert max(levels) / min(levels) < 1.25 and np.mean(levels) == pytest.approx(corpus.LOUDNESS, rel=0.25)


@needs_flite
def test_what_is_too_long_is_left_out():
    assert corpus.spoken("and then " * 60, "slt") is None


def test_held_out_sentences_are_never_met(pack):
    met = {text for text, _ in zip(corpus.lines(pack, seed=0), range(200), strict=False)}
    kept = {text for text in corpus.lines(pack, seed=0, held_out=True) if " lost " in text}
    assert len(kept) == 100 and not met & kept and any(" saw " in text for text in met)


def test_everyday_sentences_are_whole_and_many():
    import random

    rng = random.Random(1)
    made = {phrases.phrase(rng) for _ in range(600)}
    assert len(made) > 400 and all(text[-1] in ".!?" and "{" not in text for text in made)


def bank(folder, rng, count=40):
    """A corpus of noise in the work folder."""
    lengths = rng.integers(4, 9, count)
    frames = rng.integers(1, 9, lengths.sum())
    total = frames.sum()
    pitch = rng.uniform(90, 200, total) * (rng.random(total) > 0.3)
    np.savez(
        folder / "corpus.npz", speakers=np.arange(count, dtype=np.int8) * 2 // count, lengths=lengths,
        tokens=rng.integers(1, len(corpus.symbols()), lengths.sum()).astype(np.int16), frames=frames.astype(np.int16),
        mel=rng.normal(-3, 2, (total, MEL_BINS)).astype(np.float16), pitch=pitch.astype(np.float32),
    )


@pytest.fixture
def noise(pack):
    options = options_of(pack)
    bank(options.work, np.random.default_rng(0))
    return acoustic.Bank(options)


def test_a_pass_meets_every_training_sentence_once(noise):
    passed = np.concatenate(noise.batches((0, 1), size=200))
    assert sorted(passed) == noise.training.tolist() and not {*passed} & {*noise.held_out}
    assert {*noise.speakers[noise.held_out]} == {0, 1}


def test_batches_keep_to_their_size(noise):
    for chosen in noise.batches((0, 2), size=200):
        spectrogram = noise.examples(chosen)["spectrogram_labels"]
        assert len(chosen) == 1 or spectrogram.shape[0] * spectrogram.shape[1] <= 200


def test_examples_are_padded_and_their_features_can_be_undone(noise):
    chosen = noise.training[:5]
    made = noise.examples(chosen)
    assert made["duration_labels"].sum(1).tolist() == (noise.frame_ends - noise.frame_starts)[chosen].tolist()
    assert (made["attention_mask"].sum(1).numpy() == (noise.token_ends - noise.token_starts)[chosen]).all()
    for row, index in enumerate(chosen):
        part = slice(noise.frame_starts[index], noise.frame_ends[index])
        features = made["spectrogram_labels"][row].numpy()
        there = features[:part.stop - part.start]
        assert (features[part.stop - part.start:] == -100).all()
        mel = there[:, :MEL_BINS] * noise.scale.mel_deviation + noise.scale.mel_mean
        np.testing.assert_allclose(mel, noise.mel[part].astype(np.float32), atol=2e-3)
        voiced, speaker = noise.pitch[part] > 0, noise.speakers[index]
        assert ((there[:, -1] > 0) == voiced).all()
        line = there[:, -2] / acoustic.PITCH_WEIGHT * noise.scale.pitch_deviation[speaker] + noise.scale.pitch_mean[speaker]
        np.testing.assert_allclose(np.exp(line[voiced]), noise.pitch[part][voiced], rtol=1e-4)


def test_averages_are_those_of_each_token():
    features = np.arange(12, dtype=np.float32).repeat(MEL_BINS + 2).reshape(12, -1)
    pitch, loudness = acoustic.averages(features, np.array([3, 0, 9], np.int16))
    assert loudness.tolist() == [1, 0, 7] and pitch.tolist() == [0.5, 0, 3.5]


@pytest.mark.parametrize(("wanted", "got", "wrong"), [
    ("a b c", "a b c", 0), ("a b c", "a c", 1), ("a b", "a x b", 1), ("a b c", "", 3), ("", "a", 1), ("a b c", "x y z", 3),
])
def test_words_wrong_are_counted(wanted, got, wrong):
    assert listener.distance(wanted.split(), got.split()) == wrong


def test_without_a_recogniser_there_is_no_figure(monkeypatch, tmp_path):
    monkeypatch.setattr(listener, "PROGRAM", "no-such-program")
    assert listener.word_accuracy([["a"]], [tone()], tmp_path) is None


def test_a_sound_is_no_distance_from_itself_however_slow():
    rng = np.random.default_rng(0)
    chirp = np.concatenate([tone(0.3, hertz) for hertz in (200, 500, 300)]) + 0.001 * rng.standard_normal(14_400)
    slow = np.concatenate([tone(0.45, hertz) for hertz in (200, 500, 300)]) + 0.001 * rng.standard_normal(21_600)
    other = np.concatenate([tone(0.3, hertz) for hertz in (900, 2500, 1300)]) + 0.001 * rng.standard_normal(14_400)
    assert evaluate.distortion(chirp, chirp) == 0
    assert evaluate.distortion(chirp, slow) < 0.4 * evaluate.distortion(chirp, other)


def test_a_click_is_a_glitch_and_a_voice_is_none():
    calm = tone() * np.hanning(RATE)
    click = calm.copy()
    click[8000] += 0.6
    assert not evaluate.glitches(calm) and evaluate.glitches(click) and evaluate.glitches(np.clip(calm * 9, -1, 1))


def test_a_sound_cut_off_is_seen():
    calm = tone() * np.hanning(RATE)
    assert not evaluate.clipped_ends(calm) and evaluate.clipped_ends(calm[:9000])


def test_a_tone_is_loudest_in_its_own_bin():
    from playground.sounds import hertz_of, mel_of

    corners = hertz_of(np.linspace(0, mel_of(RATE / 2), MEL_BINS + 2))
    for hertz in (300.0, 1000.0, 4000.0):
        mel = log_mel(tone(1, hertz), RATE)
        assert len(mel) == FRAMES_A_SECOND + 1
        assert abs(mel[40].argmax() - (np.abs(corners[1:-1] - hertz)).argmin()) <= 1
