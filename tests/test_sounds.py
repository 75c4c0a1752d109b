"""Sound as files, subtitles and pictures, and recordings of every odd kind that people may bring."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile

from playground import sounds
from playground.errors import BadRequest
from playground.events import AudioResult, SpokenPiece, SpokenWord
from playground.requests import AUDIO_FORMATS, Reference, TextToSpeechRequest
from playground.wording import say

RATE = 16_000
TAGS = sounds.tags_of(
    TextToSpeechRequest(text="Héllo, 中文 🦊\nand\tmore", voice="Ann"), model="Voice (starter)", seed=7,
)


def tone(seconds: float = 1.0, rate: int = RATE, hertz: float = 440.0) -> np.ndarray:
    return (0.4 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def decoded(content: bytes) -> tuple[np.ndarray, int, str, dict[str, str]]:
    """Samples, rate, container and tags, as another program would read them."""
    with soundfile.SoundFile(io.BytesIO(content)) as file:
        return file.read(dtype="float32"), file.samplerate, file.format, file.copy_metadata()


def test_every_format_of_a_request_has_a_codec():
    assert set(sounds.CODECS) == set(AUDIO_FORMATS)


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 24_000, 44_100, 48_000])
@pytest.mark.parametrize("format", AUDIO_FORMATS)
def test_a_file_has_the_sound_and_what_it_says_of_itself(format, rate):
    sound = tone(rate=rate)
    samples, read_rate, container, told = decoded(sounds.encode(sound, rate, format, TAGS))
    assert (read_rate, container, len(samples)) == (rate, sounds.CODECS[format][0], len(sound))
    if format in ("wav", "flac"):
        np.testing.assert_allclose(samples, sound, atol=2**-14)
    else:
        middle = slice(rate // 4, -rate // 4)
        assert np.corrcoef(samples[middle], sound[middle])[0, 1] > 0.98
    assert {name: told[name] for name in ("title", "artist", "comment")} == {
        "title": "Héllo, 中文 🦊 and more", "artist": "Ann",
        "comment": "Made by a model: Voice (starter); voice: Ann; seed: 7",
    }
    assert told["software"].startswith("Playground")


@pytest.mark.parametrize("format", AUDIO_FORMATS)
def test_a_file_without_tags_has_none(format):
    told = decoded(sounds.encode(tone(0.2), RATE, format))[3]
    assert not {"title", "artist", "comment"} & {name for name, text in told.items() if text}


@pytest.mark.parametrize("format", AUDIO_FORMATS)
@pytest.mark.parametrize("count", [0, 1, 100])
def test_next_to_nothing_is_a_file_too(format, count):
    assert len(decoded(sounds.encode(np.zeros(count), RATE, format, TAGS))[0]) == max(count, 1)


@pytest.mark.parametrize("format", AUDIO_FORMATS)
def test_twenty_minutes_are_a_file(format):
    rate = 8_000
    long = np.tile(tone(1.0, rate), 1200) * np.repeat(np.linspace(0.1, 1, 1200, dtype=np.float32), rate)
    content = sounds.encode(long, rate, format, TAGS)
    with soundfile.SoundFile(io.BytesIO(content)) as file:
        assert file.frames == len(long)


def test_a_long_text_is_a_short_title():
    def tags(text: str) -> dict[str, str]:
        return sounds.tags_of(TextToSpeechRequest(text=text), model="The model", seed=1)

    title = tags("word " * 4000)["title"]
    assert len(title) <= sounds.TITLE and title.startswith("word word") and title.endswith("…")
    assert tags("x" * sounds.TITLE)["title"] == "x" * sounds.TITLE
    assert tags("a")["artist"] == "The model" and "voice: its own" in tags("a")["comment"]


def speech(*pieces: SpokenPiece, exact: bool = True) -> AudioResult:
    return AudioResult(samples=np.zeros(10), sample_rate=RATE, pieces=pieces, exact_words=exact)


def word(at: int, to: int, start: float, end: float) -> SpokenWord:
    return SpokenWord(at=at, to=to, start=start, end=end)


def test_subtitles_to_the_letter():
    first = SpokenPiece(text="Good morning!", start=0.0, end=1.25, words=(word(0, 4, 0.0, 0.31), word(5, 12, 0.35, 1.0)))
    words = (word(0, 3, 1.3, 2.0), word(10, 13, 3600.0004, 3661))
    second = SpokenPiece(text="Tea & <b>\nnow", start=1.25, end=3661.5, words=words)
    assert sounds.webvtt(speech(first, second)) == (
        "WEBVTT\n\n"
        "1\n00:00:00.000 --> 00:00:01.250\nGood <00:00:00.350>morning!\n\n"
        "2\n00:00:01.250 --> 01:01:01.500\n<00:00:01.300>Tea &amp; &lt;b&gt; <01:00:00.000>now\n"
    )


def test_subtitles_say_where_times_are_estimates():
    assert sounds.webvtt(speech(SpokenPiece(text="a", start=0, end=1), exact=False)) == (
        "WEBVTT\n\nNOTE Words' times are estimates.\n\n1\n00:00:00.000 --> 00:00:01.000\na\n"
    )
    assert sounds.webvtt(speech()) == "WEBVTT\n"


def test_times_in_a_cue_only_grow_and_stay_within_it():
    words = (word(0, 1, 0.5, 0.6), word(2, 3, 0.5, 0.7), word(4, 5, 0.4, 0.9), word(6, 7, 1.0, 1.2))
    cue = sounds.webvtt(speech(SpokenPiece(text="a b c d", start=0.5, end=1.0, words=words))).splitlines()[-1]
    assert cue == "a b c d"


@pytest.mark.parametrize(("text", "words", "expected"), [
    ("one, two", [word(0, 3, 0, 1), word(5, 8, 1, 2)], [("one", 0, 1), (", ", None, None), ("two", 1, 2)]),
    ("one", [], [("one", None, None)]),
    ("🦊 $3 ok", [word(2, 4, 0, 1), word(2, 4, 1, 2), word(5, 7, 2, 3)],
     [("🦊 ", None, None), ("$3", 0, 1), (" ", None, None), ("ok", 2, 3)]),
    ("abc", [word(2, 9, 1, 2), word(0, 2, 0, 1)], [("ab", 0, 1), ("c", 1, 2)]),
    ("", [word(0, 1, 0, 1)], []),
])
def test_a_text_is_cut_at_its_words_and_nothing_is_lost(text, words, expected):
    assert list(sounds.parts(text, words)) == expected
    assert "".join(part for part, _, _ in sounds.parts(text, words)) == text


@pytest.mark.parametrize(("seconds", "width"), [(0, 800), (0.001, 800), (3, 800), (12, None), (90, 1600)])
def test_a_picture_is_as_wide_as_it_needs_to_be(seconds, width):
    width = width or seconds * sounds.FRAMES_A_SECOND
    picture = sounds.spectrogram_picture(tone(seconds), RATE)
    assert picture.mode == "RGB" and picture.size == (width, sounds.HEIGHT)


@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000])
def test_a_tone_is_light_at_its_place_on_the_axis(rate):
    sound = np.concatenate([np.zeros(rate, np.float32), tone(1.0, rate, 2000)])
    shades = np.asarray(sounds.spectrogram_picture(sound, rate).convert("L"), np.float32)
    height, width = shades.shape
    lightest = int(shades[:, int(width * 0.75)].argmax())
    place = dict(sounds.axes(2.0, rate).frequencies)[2]
    assert abs((1 - place) * height - lightest) < 5
    assert shades[:, :int(width * 0.48)].max() < 40, "silence is not dark"
    lit = np.flatnonzero(shades[lightest] > shades[lightest].max() / 2)
    assert abs(lit[0] / width - 0.5) < 0.02 and lit[-1] > width * 0.97, "the time axis is off"


def test_silence_and_noise_are_pictures():
    silent = np.asarray(sounds.spectrogram_picture(np.zeros(RATE), RATE).convert("L"))
    assert silent.max() == silent.min() < 40
    noise = np.random.default_rng(0).uniform(-1, 1, RATE).astype(np.float32)
    assert np.asarray(sounds.spectrogram_picture(noise, RATE).convert("L")).mean() > 80


def test_colours_only_grow_lighter():
    colours = sounds.colours().astype(float)
    assert colours.shape == (256, 3)
    light = colours @ (0.2126, 0.7152, 0.0722)
    assert light[0] < 12 and light[-1] > 235
    assert (np.diff(light) > -1).all() and (np.diff(light[::8]) > 0).all()
    assert np.abs(np.diff(colours, axis=0)).max() < 14, "a jump that looks like an edge"


@pytest.mark.parametrize(("seconds", "marks"), [
    (0.5, [0, 0.1, 0.2, 0.3, 0.4, 0.5]), (3.8, [0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5]), (8.0, [0, 1, 2, 3, 4, 5, 6, 7, 8]),
    (61, [0, 10, 20, 30, 40, 50, 60]), (1200, [0, 300, 600, 900, 1200]), (0, [0]),
])
def test_the_time_axis(seconds, marks):
    times = sounds.axes(seconds, RATE).times
    assert [mark for mark, _ in times] == marks
    for mark, place in times:
        assert place == pytest.approx(mark / seconds if seconds else 0)


@pytest.mark.parametrize(("rate", "marks"), [
    (8_000, [0.5, 1, 2, 4]), (16_000, [0.5, 1, 2, 4, 8]), (24_000, [0.5, 1, 2, 4, 8]), (48_000, [0.5, 1, 2, 4, 8, 16]),
])
def test_the_frequency_axis(rate, marks):
    axes = sounds.axes(1.0, rate)
    assert [mark for mark, _ in axes.frequencies] == marks
    places = [place for _, place in axes.frequencies]
    assert places == sorted(places) and 0 < places[0] and places[-1] <= 1
    assert f"to {rate / 2000:g} kHz" in axes.alt and "1.0 s" in axes.alt


def saved(path, samples, rate=RATE, **more):
    soundfile.write(path, samples, rate, **more)
    return path


@pytest.mark.parametrize(("name", "more"), [
    ("a.wav", {"subtype": "PCM_16"}), ("b.wav", {"subtype": "FLOAT"}), ("c.wav", {"subtype": "PCM_U8"}),
    ("d.flac", {}), ("e.ogg", {}), ("f.mp3", {}), ("g.wav", {"format": "WAVEX"}), ("h.ogg", {"subtype": "OPUS"}),
    ("i.txt", {"format": "FLAC"}), ("j.wav", {"subtype": "ULAW"}),
])
def test_recordings_of_every_kind_are_read(tmp_path, name, more):
    reference = sounds.read_reference(saved(tmp_path / name, tone(1.5), **more))
    assert reference.sample_rate == RATE and reference.samples.dtype == np.float32
    assert abs(len(reference.samples) / RATE - 1.5) < 0.1
    assert 0.2 < np.abs(reference.samples).max() <= 1


def test_two_channels_become_one(tmp_path):
    left, right = tone(2.0), tone(2.0, hertz=300)
    reference = sounds.read_reference(saved(tmp_path / "two.wav", np.stack([left, right], 1), subtype="FLOAT"))
    np.testing.assert_allclose(reference.samples, (left + right) / 2, atol=1e-6)


def test_floats_that_are_none_or_too_loud_do_no_harm(tmp_path):
    samples = np.tile(np.array([np.nan, np.inf, -np.inf, 5.0, 0.3], np.float32), RATE)
    read = sounds.read_reference(saved(tmp_path / "wild.wav", samples, subtype="FLOAT")).samples
    assert np.isfinite(read).all() and np.abs(read).max() == 1


def refusal(path) -> str:
    with pytest.raises(BadRequest) as caught:
        sounds.read_reference(path)
    sentence = str(caught.value)
    assert caught.value.field == "reference" and sentence.endswith(".") and "\n" not in sentence
    assert str(path) not in sentence
    return sentence


@pytest.mark.parametrize(("seconds", "said"), [(0.5, "too short"), (61, "longer than 60 s"), (400, "longer than 60 s")])
def test_too_short_and_too_long(tmp_path, seconds, said):
    assert said in refusal(saved(tmp_path / "a.flac", tone(seconds)))


@pytest.mark.parametrize("seconds", [1.0, 60.0])
def test_just_long_and_short_enough(tmp_path, seconds):
    assert len(sounds.read_reference(saved(tmp_path / "a.wav", tone(seconds))).samples) == seconds * RATE


@pytest.mark.parametrize("content", [b"", b"these are words", b"RIFF\0\0\0\0WAVE", b"fLaC", b"ID3\x03\0\0\0\0\0\0", b"OggS" * 50,
                                     bytes(range(256)) * 40])
def test_what_is_no_recording(tmp_path, content):
    (tmp_path / "a.wav").write_bytes(content)
    assert refusal(tmp_path / "a.wav") == say("sounds.unreadable")


def test_what_is_not_there_or_no_file(tmp_path):
    for path in (tmp_path / "nothing.wav", tmp_path):
        assert refusal(path) == say("sounds.unreadable")


@pytest.mark.parametrize("format", ["AIFF", "AU", "W64", "CAF"])
def test_other_containers_are_refused(tmp_path, format):
    assert refusal(saved(tmp_path / "a.wav", tone(2), format=format)) == say("sounds.unreadable")


def test_files_that_would_unfold_to_much_more_are_refused(tmp_path):
    wide = saved(tmp_path / "wide.ogg", np.zeros((RATE * 2, 60), np.float32), format="OGG", subtype="VORBIS")
    assert "channels" in refusal(wide)
    long = saved(tmp_path / "long.flac", np.zeros(RATE * 3600, np.int16))
    assert "longer than 60 seconds" in refusal(long)
    (tmp_path / "large.wav").write_bytes(b"RIFF" + bytes(sounds.MAX_BYTES))
    assert "over 10 MB" in refusal(tmp_path / "large.wav")


def test_silence_is_no_voice(tmp_path):
    assert "silent" in refusal(saved(tmp_path / "a.wav", np.zeros(RATE * 2)))


def test_cut_files_are_read_as_far_as_they_go_or_refused(tmp_path):
    for format in AUDIO_FORMATS:
        content = sounds.encode(tone(5.0), RATE, format)
        for share in (0.02, 0.3, 0.7, 0.95):
            (tmp_path / "cut").write_bytes(content[:int(len(content) * share)])
            try:
                assert isinstance(sounds.read_reference(tmp_path / "cut"), Reference)
            except BadRequest as error:
                assert error.field == "reference"
