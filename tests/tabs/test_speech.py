"""The Speech tab without a browser: what is offered for a model, and what the player is given while and after a run."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
import soundfile

from playground.catalog import Catalog, ModelCard
from playground.errors import BadRequest
from playground.events import Audio, AudioResult, Done, Loading, SpokenPiece, SpokenWord
from playground.requests import Limits, Reference, TextToSpeechRequest
from playground.site import Site
from playground.sounds import encode, tags_of
from playground.status import facts_of, made_by
from playground.tabs import speech
from tests import fake_site
from tests.fakes import FakeModel, engine_of

CARD = ModelCard(
    id="voice", title="Voice", sentence="Reads.", bad_at="Singing.", tasks=frozenset({"text_to_speech"}), adapter="speech",
    licence="none", training_data="nothing", memory=1, voices=("slt",),
)
SEVERAL = dataclasses.replace(
    CARD, id="several", voices=("af_heart", "bob", "Nice name"), options={"clones": True, "voice_names": {"bob": "Robert"}},
    limits={"pitch": Limits(low=0, high=0, step=0.5)},
)
RATE = 8_000


def site_of(tmp_path: Path, *, shared: bool = False, cards: tuple[ModelCard, ...] = (CARD, SEVERAL)) -> Site:
    engine = engine_of(lambda card: FakeModel(), cards=cards, shared=shared)
    return fake_site.site_of(engine, tmp_path, shared=shared)


def word(at: int, to: int, start: float, end: float) -> SpokenWord:
    return SpokenWord(at=at, to=to, start=start, end=end)


def audio(index: int, text: str, *words: SpokenWord, seconds: float = 1.0) -> Audio:
    samples = np.full(round(seconds * RATE), 0.1, np.float32)
    return Audio(samples=samples, sample_rate=RATE, index=index, total=2, text=text, words=words)


def done(*, seconds: float = 3.0, exact: bool = True, pieces: tuple[SpokenPiece, ...] = ()) -> Done:
    result = AudioResult(
        samples=np.full(round(seconds * RATE), 0.1, np.float32), sample_rate=RATE, pieces=pieces, exact_words=exact,
        timings={"speak": 0.6},
    )
    return Done(
        result=result, model="voice", seed=7, timings={"queue": 9.0, "load": 5.0, "speak": 0.6}, device="CPU",
        dtype="float32", threads=1, peak_memory=1,
    )


REQUEST = TextToSpeechRequest(text="Good morning! Tea?", seed=7, voice="slt")


def told(site: Site, *events) -> list[dict]:
    """What the player is given, event by event; None where it is left alone."""
    with gr.Blocks(analytics_enabled=False):
        player = gr.HTML()
    show = speech.shown(site, player)
    given = [show(event, REQUEST).get(player) for event in events]
    return [value and json.loads(value) for value in given]


def file_of(site: Site, address: str) -> Path:
    return site.shelf.folder.joinpath(*address.split("/")[1:])


def test_each_sentence_is_handed_over_at_once_with_its_words_times(tmp_path):
    site = site_of(tmp_path)
    first, second = audio(0, "Good morning!", word(0, 4, 0.0, 0.3), word(5, 12, 0.3, 0.9)), audio(1, "Tea?", word(0, 3, 0.1, 0.5))
    loading, one, two = told(site, Loading(title="x"), first, second)
    assert loading is None
    assert [s["parts"] for s in one["segments"]] == [[["Good", 0.0, 0.3], [" "], ["morning", 0.3, 0.9], ["!"]]]
    assert [s["parts"] for s in two["segments"]][1] == [["Tea", 1.1, 1.5], ["?"]]
    assert [(s["start"], s["end"]) for s in two["segments"]] == [(0, 1), (1, 2)]
    assert one["run"] == two["run"] and one["whole"] is two["whole"] is None
    assert len(one["segments"]) == 1, "what was handed over was changed afterwards"
    assert soundfile.info(file_of(site, two["segments"][1]["url"])).frames == RATE


def test_a_sentence_without_times_is_one_part(tmp_path):
    (one,) = told(site_of(tmp_path), audio(0, "Good <b>🦊</b>"))
    assert one["segments"][0]["parts"] == [["Good <b>🦊</b>"]]


def test_the_whole_has_tags_captions_and_axes(tmp_path):
    site = site_of(tmp_path)
    piece = SpokenPiece(text="Tea?", start=0, end=3, words=(word(0, 3, 0.5, 1),))
    whole = told(site, audio(0, "Tea?"), done(pieces=(piece,)))[-1]["whole"]
    path = file_of(site, whole["url"])
    with soundfile.SoundFile(path) as file:
        assert file.frames == 3 * RATE
        assert file.copy_metadata()["title"] == "Good morning! Tea?"
        assert file.copy_metadata()["comment"] == "Made by a model: Voice; voice: slt; seed: 7"
    assert path.with_suffix(".vtt").read_text(encoding="utf8") == (
        "WEBVTT\n\n1\n00:00:00.000 --> 00:00:03.000\n<00:00:00.500>Tea?\n"
    )
    assert whole["seconds"] == 3 and not whole["estimated"]
    assert whole["times"][0] == [0, 0] and whole["frequencies"][-1][0] == 4 and "3.0 s of speech" in whole["alt"]


def test_a_copied_voice_is_not_called_by_another_name(recording):
    request = TextToSpeechRequest(text="hello", voice="slt", reference=speech.read_reference(recording), consent=True)
    tags = tags_of(request, model="Voice", seed=1)
    assert tags["artist"] == "Voice" and "that of a recording" in tags["comment"] and "slt" not in str(tags)


def test_estimates_are_called_so(tmp_path):
    assert told(site_of(tmp_path), done(exact=False))[0]["whole"]["estimated"]


def test_every_run_has_a_name_of_its_own(tmp_path):
    site = site_of(tmp_path)
    assert len({told(site, audio(0, "a"))[0]["run"] for _ in range(5)}) == 5


def test_what_was_made_and_how_fast_is_said():
    line = made_by(CARD, done(seconds=4.2))
    assert "4.2 s of speech in 0.6 s on CPU" in line and "Seed 7" in line
    piece = SpokenPiece(text="Tea?", start=0, end=3, words=(word(0, 3, 0.50001, 1),))
    facts = facts_of(CARD, done(seconds=3, pieces=(piece,)), REQUEST)
    assert facts["audio_seconds"] == 3 and facts["real_time_factor"] == 0.2 and facts["voice"] == "slt"
    assert facts["words"] == [["Tea", 0.5, 1]] and facts["exact_words"] is True
    assert facts_of(CARD, done(seconds=0), REQUEST)["real_time_factor"] is None


def test_voices_have_names_for_people():
    assert speech.voices(SEVERAL) == [("Af heart", "af_heart"), ("Robert", "bob"), ("Nice name", "Nice name")]
    assert speech.friendly("v2/en_speaker_6") == "English, speaker 6" and speech.friendly("xx_speaker_1") == "xx, speaker 1"
    assert speech.first_voice(SEVERAL) == "af_heart" and speech.first_voice(dataclasses.replace(CARD, voices=())) is None


def test_what_a_model_cannot_do_is_not_offered():
    with gr.Blocks(analytics_enabled=False):
        plain, several = (speech.manner(card) | {"pitch": speech.slider(card, "pitch")} for card in (CARD, SEVERAL))
    assert {name: part.visible for name, part in plain.items()} == {"voice": False, "speed": True, "pitch": True}
    assert {name: part.visible for name, part in several.items()} == {"voice": True, "speed": True, "pitch": False}
    assert all(part.info for part in several.values())


@pytest.mark.parametrize(("card", "shared", "there"), [
    (SEVERAL, False, True), (SEVERAL, True, False), (CARD, False, False), (CARD, True, False),
])
def test_a_recording_is_asked_for_only_where_it_can_be_used(tmp_path, card, shared, there):
    site = site_of(tmp_path, shared=shared)
    with gr.Blocks(analytics_enabled=False):
        box, controls = speech.own_voice(site, card)
    assert box.visible is there and set(controls) == {"reference", "consent"} and controls["consent"].value is False


@pytest.fixture
def recording(tmp_path) -> str:
    (tmp_path / "me.wav").write_bytes(encode(np.sin(np.arange(32_000) / 9) / 2, 16_000, "wav"))
    return str(tmp_path / "me.wav")


def values(model: str, **more) -> dict:
    return {"text": "hello", "model": model, "reference": None, "consent": False} | more


def test_a_recording_becomes_a_reference(tmp_path, recording):
    made = speech.prepare(site_of(tmp_path), values("several", reference=recording, consent=True))
    assert isinstance(made["reference"], Reference) and made["consent"] is True
    assert TextToSpeechRequest(**made).reference is made["reference"]


@pytest.mark.parametrize(("model", "shared"), [("voice", False), ("several", True)])
def test_a_recording_in_a_hidden_box_is_left_out(tmp_path, recording, model, shared):
    made = speech.prepare(site_of(tmp_path, shared=shared), values(model, reference=recording, consent=None))
    assert made["reference"] is None and made["consent"] is False


def test_without_consent_there_is_a_sentence(tmp_path, recording):
    made = speech.prepare(site_of(tmp_path), values("several", reference=recording))
    with pytest.raises(BadRequest, match="Tick"):
        TextToSpeechRequest(**made)


def test_a_model_that_cannot_copy_voices_refuses_a_recording(recording):
    request = TextToSpeechRequest(text="hello", reference=speech.read_reference(recording), consent=True)
    with pytest.raises(BadRequest, match="cannot speak in another's voice") as caught:
        Catalog((CARD,)).find("voice").complete(request)
    assert caught.value.field == "reference"
    assert SEVERAL.complete(dataclasses.replace(request, model="several")).reference is request.reference


@pytest.mark.parametrize("cards", [(CARD, SEVERAL), (SEVERAL,)])
def test_the_tab_is_built_for_any_first_model(tmp_path, cards):
    site = site_of(tmp_path, cards=cards)
    with site.demo:
        assert speech.build(site) is None, "a sound is offered to no other tab"
    assert any(getattr(fn.fn, "costly", False) for fn in site.demo.fns.values())
    assert not {"reference", "consent"} & set(site.kept[speech.TASK].controls), "a recording was kept in the browser"


def test_before_the_first_run_the_player_holds_the_first_example():
    page = speech.player_html()
    assert page.count("${") == 0, "the template must not compute anything"
    assert "pg-earlier" in page and "examples/" in page and page.count("pg-voice") == 2
