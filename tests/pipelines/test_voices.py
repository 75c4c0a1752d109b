"""Every family of voices on a tiny checkpoint of its very class: it speaks, by seed, voice and recording, and fails in words."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from playground.catalog import ModelCard, speech_cards
from playground.errors import BadRequest, ModelBroken, NotInstalled, explain
from playground.events import Audio, Step, Stopped
from playground.pipelines import speech, voices
from playground.pipelines.voices import bark, vits
from playground.requests import Reference, TextToSpeechRequest
from tests import tiny_speech
from tests.fakes import CPU

SPOKEN = "good morning. the kettle is on."
PRESET = "v2/en_speaker_6"
SPEECHT5 = {
    "vocoder": "vocoder", "speakers": "speakers", "archive": "voices.zip", "speaker_files": {"ann": "ann_", "bob": "bob_"},
}
FAMILIES = {
    "vits": (tiny_speech.vits, {}),
    "bark": (lambda folder: tiny_speech.bark(folder, presets=(PRESET,)), {}),
    "speecht5": (tiny_speech.speecht5, {"options": SPEECHT5}),
    "pocket_tts": (tiny_speech.pocket_tts, {"options": {"clones": True}}),
    "phonon": (lambda folder: tiny_speech.pocket_tts(folder, phonon=True), {}),
    "csm": (tiny_speech.csm, {}),
    "dia": (tiny_speech.dia, {}),
    "vibevoice": (tiny_speech.vibevoice, {"options": {"clones": True}}),
}
SLOW = tuple(name for name in FAMILIES if name != "vits")


def card(folder, **more):
    return ModelCard(
        id="tiny", title="Tiny", sentence="", bad_at="", tasks=frozenset({"text_to_speech"}), adapter="speech",
        licence="", training_data="", memory=1, **{"folder": folder} | more,
    )


def ask(text=SPOKEN, **values):
    return TextToSpeechRequest(text=text, model="tiny", **{"seed": 5} | values)


def run(model, request):
    events = []
    return model.run(request, events.append), events


def reference(seconds=1.0, *, rate=16_000, hertz=150):
    """A recording of somebody who hums."""
    samples = 0.3 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)
    return {"reference": Reference(samples=samples.astype(np.float32), sample_rate=rate), "consent": True}


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory):
    """A family's tiny checkpoint, made when it is first asked for."""
    made = {}

    def find(name):
        if name not in made:
            made[name] = FAMILIES[name][0](tmp_path_factory.mktemp("tiny") / name)
        return made[name]

    return find


@pytest.fixture(scope="module")
def model_of(folder_of):
    """A family's loaded model."""
    made = {}

    def find(name):
        if name not in made:
            made[name] = speech.load(card(folder_of(name), **FAMILIES[name][1]), CPU)
        return made[name]

    yield find
    for model in made.values():
        model.close()


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_speaks_by_its_seed(model_of, name):
    model = model_of(name)
    assert model.nbytes > 0 and model.dtype == "float32"
    (first, events), (again, _), (other, _) = (run(model, ask(seed=seed)) for seed in (5, 5, 6))
    assert [e.text for e in events if isinstance(e, Audio)] == ["good morning.", "the kettle is on."]
    assert first.sample_rate == model.voice.rate >= 16_000
    assert np.abs(first.samples).max() > 0 and len(first.samples) > 0.1 * first.sample_rate
    assert np.array_equal(first.samples, again.samples) and not np.array_equal(first.samples, other.samples)
    assert first.exact_words is (name == "vits")
    for piece in first.pieces:
        assert [piece.text[w.at:w.to] for w in piece.words] == piece.text.split()
        assert all(piece.start <= w.start <= w.end <= piece.end + 1e-6 for w in piece.words)


@pytest.mark.parametrize("name", SLOW)
def test_a_slow_family_is_stopped_within_a_sentence(model_of, name):
    model = model_of(name)
    calm = run(model, ask())[0].samples

    def stop(event):
        assert isinstance(event, Step)
        raise Stopped

    with pytest.raises(Stopped):
        model.run(ask(), stop)
    assert np.array_equal(run(model, ask())[0].samples, calm)


@pytest.mark.parametrize("name", FAMILIES)
def test_other_letters_are_known_or_refused_in_words(model_of, name):
    try:
        run(model_of(name), ask("今日は元気ですか。"))
    except BadRequest as error:
        assert "knows none of these letters" in str(error)
    else:
        assert name in ("pocket_tts", "phonon", "csm", "vibevoice"), "their tiny tokenizers know every byte"


def test_each_family_that_a_card_names_is_here(folder_of):
    for name in FAMILIES:
        kind = json.loads((folder_of(name) / "config.json").read_text())["model_type"]
        assert voices.family(card(folder_of(name))).__name__.endswith(f".{voices.FAMILIES[kind]}")


def test_an_unknown_family_is_refused_in_words(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "fastspeech2_conformer"}))
    with pytest.raises(NotInstalled, match="a kind that Playground cannot speak with"):
        speech.load(card(tmp_path), CPU)


def test_weights_that_could_hold_code_are_not_read(folder_of, tmp_path):
    folder = shutil.copytree(folder_of("vits"), tmp_path / "pickled")
    weights = {"weight": torch.zeros(1)}
    (folder / "model.safetensors").unlink()
    torch.save(weights, folder / "pytorch_model.bin")
    with pytest.raises((NotInstalled, OSError)) as refused:
        speech.load(card(folder), CPU)
    assert isinstance(explain(refused.value, model="Tiny"), NotInstalled)


# VITS


def test_the_words_of_a_vits_voice_are_its_own_durations(model_of):
    (piece,) = run(model_of("vits"), ask("Hello,  Big 12 wide world"))[0].pieces
    assert [piece.text[w.at:w.to] for w in piece.words] == ["Hello,", "Big", "wide", "world"], "digits are not spoken"
    seconds = tiny_speech.FRAMES_A_LETTER * 16 / tiny_speech.RATE
    lengths = [w.end - w.start for w in piece.words]
    assert lengths == pytest.approx([seconds * (2 * n - 1) for n in (5, 3, 4, 5)], rel=0.05)


def test_an_english_vits_voice_reads_numbers(folder_of):
    model = speech.load(card(folder_of("vits"), options={"english": True}), CPU)
    (piece,) = run(model, ask("Dr. Fox paid $3.50."))[0].pieces
    assert [piece.text[w.at:w.to] for w in piece.words] == ["Dr.", "Fox", "paid", "$3.50"]
    assert model.voice.spans("Dr. Fox paid $3.50.")[0] == "doctor fox paid three dollars and fifty cents"
    assert len(run(model, ask("12345!"))[0].samples) > 0


@pytest.mark.parametrize(("text", "spoken", "places"), [
    ("Ab, c", "ab c", [0, 1, 3, 4]), ("  a  b", "a  b", [2, 3, 4, 5]), ("ab", "ba", None), ("", "", []),
])
def test_spoken_letters_are_found_in_the_text(text, spoken, places):
    assert vits.letter_places(text, spoken) == places


def test_a_vits_voice_of_several_speakers(tmp_path):
    names = ("speaker 1", "speaker 2", "speaker 3")
    model = speech.load(card(tiny_speech.vits(tmp_path, speakers=3), voices=names), CPU)
    made = [run(model, ask(voice=name))[0].samples.tobytes() for name in names]
    assert len(set(made)) == 3
    assert run(model, ask())[0].samples.tobytes() == made[0]


# Bark


def test_a_bark_preset_changes_the_voice(model_of):
    model = model_of("bark")
    assert model.voice.rate == 24_000
    assert not np.array_equal(run(model, ask(voice=PRESET))[0].samples, run(model, ask())[0].samples)


def test_a_bark_preset_that_is_not_there_is_refused_in_words(model_of, folder_of, tmp_path):
    with pytest.raises(NotInstalled, match="no file for this voice"):
        run(model_of("bark"), ask(voice="v2/de_speaker_0"))
    folder = shutil.copytree(folder_of("bark"), tmp_path / "bark")
    shutil.rmtree(folder / "speaker_embeddings")
    with pytest.raises(NotInstalled, match="no file for this voice"):
        run(speech.load(card(folder), CPU), ask(voice=PRESET))


def test_a_bark_preset_file_outside_the_folder_is_not_read(folder_of, tmp_path):
    folder = shutil.copytree(folder_of("bark"), tmp_path / "bark")
    known = json.loads((folder / "speaker_embeddings_path.json").read_text())
    np.save(tmp_path / "outside.npy", np.zeros(4))
    known[PRESET] = dict.fromkeys(bark.PROMPTS, "../outside.npy")
    (folder / "speaker_embeddings_path.json").write_text(json.dumps(known))
    with pytest.raises(NotInstalled, match="no file for this voice"):
        run(speech.load(card(folder), CPU), ask(voice=PRESET))


def test_a_long_sentence_is_spoken_by_bark_in_parts(model_of):
    model = model_of("bark")
    long = "the kettle is on and " * 12 + "on"
    parts = run(model, ask(long))[0]
    whole = run(model, ask("the kettle is on"))[0]
    assert len(parts.samples) > 1.5 * len(whole.samples)


# SpeechT5


def test_a_speecht5_voice_is_a_speaker_of_the_archive(model_of):
    model = model_of("speecht5")
    ann, bob, first = (run(model, ask(voice=name))[0].samples.tobytes() for name in ("ann", "bob", None))
    assert ann != bob and first == ann
    assert model.voice.speaker("ann").shape == (512,)


def test_a_speecht5_speaker_that_is_not_there_is_refused_in_words(folder_of, tmp_path):
    options = SPEECHT5 | {"speaker_files": {"eve": "eve_"}}
    with pytest.raises(NotInstalled, match="no file for this voice"):
        run(speech.load(card(folder_of("speecht5"), options=options), CPU), ask(voice="eve"))
    with pytest.raises(NotInstalled, match="no file for this voice"):
        speech.load(card(folder_of("speecht5"), options=SPEECHT5 | {"archive": "other.zip"}), CPU)
    folder = shutil.copytree(folder_of("speecht5"), tmp_path / "damaged")
    (folder / "speakers" / "voices.zip").write_bytes(b"no zip")
    with pytest.raises(ModelBroken, match="damaged"):
        run(speech.load(card(folder, options=SPEECHT5), CPU), ask(voice="ann"))


def test_speecht5_writes_numbers_out(model_of):
    short, long = (run(model_of("speecht5"), ask(text))[0].samples for text in ("it is a", "it is 123"))
    assert len(long) > 2 * len(short)


# Cloning


@pytest.mark.parametrize("name", ["pocket_tts", "vibevoice"])
def test_a_recording_changes_the_voice(model_of, name):
    model = model_of(name)
    own, low, again, high = (
        run(model, ask(**values))[0].samples.tobytes()
        for values in ({}, reference(), reference(), reference(hertz=300, rate=44_100))
    )
    assert own != low == again != high


def test_pocket_voices_are_recordings_or_latents(folder_of, tmp_path):
    import soundfile

    soundfile.write(tmp_path / "ann.wav", reference()["reference"].samples, 16_000)
    save_file({"latents": torch.randn(1, 5, 8)}, tmp_path / "bob.safetensors")
    files = {"ann": "ann.wav", "bob": "bob.safetensors", "eve": "eve.wav"}
    options = {"voices_repository": str(tmp_path), "voice_files": files, "clones": True}
    model = speech.load(card(folder_of("pocket_tts"), options=options, voices=tuple(files)), CPU)
    ann, bob, own = (run(model, ask(voice=name))[0].samples.tobytes() for name in ("ann", "bob", None))
    assert len({ann, bob, own}) == 3
    with pytest.raises(NotInstalled, match="no file for this voice"):
        run(model, ask(voice="eve"))


def test_a_voice_that_was_never_fetched_is_refused_in_words_without_a_network(folder_of):
    options = {"voices_repository": "acme/no-such-voices", "voice_files": {"ann": "ann.wav"}}
    model = speech.load(card(folder_of("pocket_tts"), options=options, voices=("ann",)), CPU)
    with pytest.raises(NotInstalled, match="does not have this voice on this machine"):
        run(model, ask(voice="ann"))


def test_phonon_refuses_a_recording_of_another_codec(model_of):
    with pytest.raises(BadRequest, match="cannot take over a voice"):
        run(model_of("phonon"), ask(**reference()))


@pytest.mark.parametrize("name", ["csm", "dia", "vibevoice"])
def test_the_first_sentence_is_heard_before_the_second(model_of, name):
    model = model_of(name)
    alone = run(model, ask("the kettle is on.", seed=6))[0].samples
    both = run(model, ask(seed=5))[0]
    start = int(both.pieces[1].start * both.sample_rate)
    assert not np.array_equal(both.samples[start:start + len(alone)], alone)


def test_a_text_with_speakers_is_left_to_dia(model_of):
    marked, plain = (run(model_of("dia"), ask(text))[0].samples for text in ("[S1] hello there", "hello there"))
    assert np.array_equal(marked, plain)


def test_a_speaker_of_dia_goes_on_until_the_other_begins(model_of):
    short, long = (
        run(model_of("dia"), ask(text))[0].samples for text in ("[S1] hi. [S2] yes. well.", "[S1] hi. [S2] yes. [S2] well.")
    )
    assert np.array_equal(short, long)


# Files of other repositories


@pytest.mark.parametrize("name", ["pocket_tts", "dia"])
def test_a_codec_of_another_repository_is_read_from_its_folder(folder_of, tmp_path, name):
    folder = shutil.copytree(folder_of(name), tmp_path / "model")
    shutil.move(folder / "codec", tmp_path / "elsewhere")
    settings = folder / "processor_config.json"
    settings.write_text(settings.read_text().replace(str(folder_of(name) / "codec"), "acme/codec"))
    assert "acme/codec" in settings.read_text()
    model = speech.load(card(folder, places={"acme/codec": tmp_path / "elsewhere"}, **FAMILIES[name][1]), CPU)
    assert len(run(model, ask("the kettle"))[0].samples) > 0
    with pytest.raises(OSError) as refused:
        speech.load(card(folder, **FAMILIES[name][1]), CPU)
    assert isinstance(explain(refused.value, model="Tiny"), NotInstalled)


def test_the_parts_of_a_speecht5_voice_are_read_from_their_folders(folder_of, tmp_path):
    folder = shutil.copytree(folder_of("speecht5"), tmp_path / "model")
    places = {}
    for name in ("vocoder", "speakers"):
        places[f"acme/{name}"] = tmp_path / name
        shutil.move(folder / name, tmp_path / name)
    options = SPEECHT5 | {"vocoder": "acme/vocoder", "speakers": "acme/speakers"}
    model = speech.load(card(folder, places=places, options=options), CPU)
    assert len(run(model, ask("the kettle", voice="ann"))[0].samples) > 0


def test_voices_in_the_hubs_cache_are_links_and_are_read(folder_of, tmp_path):
    import soundfile

    (tmp_path / "blobs").mkdir()
    (tmp_path / "snapshot").mkdir()
    soundfile.write(tmp_path / "blobs" / "ann.wav", reference()["reference"].samples, 16_000)
    (tmp_path / "snapshot" / "ann.wav").symlink_to(tmp_path / "blobs" / "ann.wav")
    options = {"voices_repository": "acme/voices", "voice_files": {"ann": "ann.wav", "eve": "../blobs/ann.wav"}}
    model = speech.load(
        card(folder_of("pocket_tts"), options=options, voices=("ann", "eve"), places={"acme/voices": tmp_path / "snapshot"}), CPU,
    )
    assert len(run(model, ask(voice="ann"))[0].samples) > 0
    with pytest.raises(NotInstalled, match="no file for this voice"):
        run(model, ask(voice="eve"))


# Cards


def test_the_cards_of_voices_say_what_their_families_can():
    for given in speech_cards():
        assert given.voices and given.title and given.bad_at
        fixed = {name for name, limits in given.limits.items() if limits.low == limits.high}
        assert fixed == ({"pitch"} if "MMS" in given.title else {"speed", "pitch"})
        for voice in given.voices:
            assert given.complete(TextToSpeechRequest(text="hi", model=given.id, voice=voice)).voice == voice
        recording = TextToSpeechRequest(text="hi", model=given.id, **reference())
        if given.options.get("clones"):
            assert given.complete(recording).reference is recording.reference
        else:
            with pytest.raises(BadRequest, match="another's voice"):
                given.complete(recording)
