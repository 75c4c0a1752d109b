"""The shelf of results: what it saves, what it serves, what it refuses to serve, and what it sweeps away."""

from __future__ import annotations

import io
import os
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from playground import shelf
from playground.shelf import Shelf


@pytest.fixture
def made(tmp_path):
    return Shelf(tmp_path / "made")


@pytest.fixture
def visitor(made):
    with TestClient(Starlette(routes=[made.route()])) as client:
        yield client


def photo(mode="RGB"):
    noise = np.random.default_rng(0).integers(0, 256, (5, 7, len(mode)), dtype=np.uint8)
    return Image.fromarray(noise)


def aged(path, seconds):
    """Makes a result's folder older."""
    then = time.time() - seconds
    os.utime(path.parent, (then, then))


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_picture_is_kept_to_the_pixel_and_without_notes(made, mode):
    picture = photo(mode)
    exif = Image.Exif()
    exif[0x010F] = "secret"
    picture.info |= {"exif": exif.tobytes(), "parameters": "secret", "icc_profile": b"secret"}
    path, address = made.picture(picture)
    assert path.is_file() and path.name == "picture.png"
    kept = made.read(address)
    assert (kept.mode, kept.tobytes()) == (mode, picture.tobytes())
    assert b"secret" not in path.read_bytes()


def test_a_sound_is_kept_as_sixteen_bits(made):
    import soundfile

    samples = np.linspace(-1, 1, 1000, dtype=np.float32)
    path, address = made.sound(samples, 16_000)
    read, rate = soundfile.read(path, dtype="float32")
    assert rate == 16_000 and soundfile.info(path).subtype == "PCM_16"
    np.testing.assert_allclose(read, samples, atol=2**-14)
    assert address.endswith("/speech.wav")


@pytest.mark.parametrize(("ending", "kind", "container"), [
    ("flac", "audio/flac", "FLAC"), ("ogg", "audio/ogg", "OGG"), ("mp3", "audio/mpeg", "MP3"),
])
def test_a_sounds_other_formats_are_made_when_they_are_asked_for(made, visitor, ending, kind, container):
    import soundfile

    tags = {"title": "Hé 中", "artist": "Ann", "comment": "seed: 7", "software": "Playground"}
    path, address = made.sound(np.sin(np.arange(8000) / 9) / 2, 8000, tags=tags)
    assert [file.name for file in path.parent.iterdir()] == ["speech.wav"]
    answer = visitor.get("/" + address.replace(".wav", f".{ending}"))
    assert answer.status_code == 200 and answer.headers["content-type"] == kind
    with soundfile.SoundFile(io.BytesIO(answer.content)) as file:
        assert (file.format, file.frames, file.samplerate) == (container, 8000, 8000)
        told = file.copy_metadata()
    assert {name: told[name] for name in ("title", "artist", "comment")} == {n: t for n, t in tags.items() if n != "software"}
    assert told["software"].startswith("Playground")
    again = path.with_suffix(f".{ending}")
    before = again.stat().st_mtime_ns
    assert visitor.get("/" + address.replace(".wav", f".{ending}")).content == answer.content
    assert again.stat().st_mtime_ns == before, "it was made twice"
    assert {file.name for file in path.parent.iterdir()} == {"speech.wav", f"speech.{ending}"}


def test_a_sounds_spectrogram_is_made_when_it_is_asked_for(made, visitor):
    answer = visitor.get("/" + made.sound(np.zeros(8000), 8000)[1].replace(".wav", ".png"))
    assert answer.status_code == 200 and answer.headers["content-type"] == "image/png"
    with Image.open(io.BytesIO(answer.content)) as picture:
        assert picture.size == (800, 240)


def test_captions_lie_beside_a_sound(made, visitor):
    address = made.sound(np.zeros(9), 8000, captions="WEBVTT\n\nDéjà\n")[1]
    answer = visitor.get("/" + address.replace(".wav", ".vtt"))
    assert answer.headers["content-type"] == "text/vtt; charset=utf-8" and answer.text == "WEBVTT\n\nDéjà\n"
    bare = made.sound(np.zeros(9), 8000)[1]
    assert visitor.get("/" + bare.replace(".wav", ".vtt")).status_code == 404


def test_a_sound_can_be_saved_in_any_format(made):
    import soundfile

    for ending in ("wav", "flac", "ogg", "mp3"):
        path, address = made.sound(np.zeros(900), 8000, f"speech.{ending}")
        assert soundfile.info(path).frames == 900 and address.endswith(f"speech.{ending}")


def test_nothing_is_made_of_what_is_no_sound(made, visitor):
    path, address = made.picture(photo())
    for ending in ("flac", "ogg", "mp3", "wav"):
        assert visitor.get("/" + address.replace(".png", f".{ending}")).status_code == 404
    sound, address = made.sound(np.zeros(9), 8000)
    for name in ("speech.jpg", "speech.txt", "other.mp3", ".speech.mp3", "speech"):
        assert visitor.get("/" + address.replace("speech.wav", name)).status_code == 404
    assert len(list(path.parent.iterdir())) == len(list(sound.parent.iterdir())) == 1


def test_many_ask_for_the_same_format_at_once(made):
    path, _ = made.sound(np.zeros(80_000), 8000)
    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(lambda _: made.derive(path.with_suffix(".mp3")), range(8)))
    assert {file.name for file in path.parent.iterdir()} == {"speech.wav", "speech.mp3"}


def test_addresses_are_unlike_each_other_and_hold_no_path(made, tmp_path):
    addresses = {made.picture(photo())[1] for _ in range(5)}
    assert len(addresses) == 5
    for address in addresses:
        start, token, name = address.split("/")
        assert (start, name) == ("made", "picture.png") and len(token) >= 20
        assert str(tmp_path) not in address


def test_results_are_served_with_their_kind_and_for_this_visitor_only(made, visitor):
    for (path, address), kind in ((made.picture(photo()), "image/png"), (made.sound(np.zeros(9), 8000), "audio/wav")):
        answer = visitor.get("/" + address)
        assert answer.status_code == 200 and answer.content == path.read_bytes()
        assert answer.headers["content-type"] == kind
        assert answer.headers["cache-control"].startswith("private")


def test_what_is_not_there_is_said_in_words(visitor, made):
    token = made.picture(photo())[1].split("/")[1]
    for address in ("/made/nothing/picture.png", f"/made/{token}/other.png"):
        answer = visitor.get(address)
        assert answer.status_code == 404 and "kept for an hour" in answer.text


@pytest.mark.parametrize("path", [
    "{token}/../../secret.png", "{token}/..%2f..%2fsecret.png", "..%2f/secret.png", "%2e%2e/secret.png",
    "../secret.png", "..%2fsecret.png/x.png", "{token}/%2e%2e%2f%2e%2e%2fsecret.png", "..%5c/secret.png",
    "{token}/..%5c..%5csecret.png", "{token}/%2fetc%2fpasswd", "%2fetc/passwd", "{token}/picture.png/../../../secret.png",
    "{token}/hidden.txt", "{token}/picture.png%00.txt", "%00/picture.png", "{token}/", "{token}", "", ".//secret.png",
    "{token}//secret.png", "{folder}%2fsecret.png", "{token}/{folder}%2fsecret.png", "x" * 5000 + "/picture.png",
    "{token}/" + "x" * 5000 + ".png",
])
def test_nothing_else_of_this_machine_is_served(visitor, made, tmp_path, path):
    file, address = made.picture(photo())
    photo().save(tmp_path / "secret.png")
    (file.parent / "hidden.txt").write_text("secret")
    folder = str(tmp_path).replace("/", "%2f")
    answer = visitor.get("/made/" + path.format(token=address.split("/")[1], folder=folder))
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/plain")
    assert str(tmp_path) not in answer.text


def test_only_reading_is_allowed(visitor, made):
    address = made.picture(photo())[1]
    for method in ("post", "put", "delete"):
        assert getattr(visitor, method)("/" + address).status_code == 405


def test_old_results_are_swept_away_when_a_new_one_comes(made, visitor):
    old, old_address = made.picture(photo())
    young, _ = made.picture(photo())
    aged(old, shelf.KEPT_SECONDS + 5)
    aged(young, shelf.KEPT_SECONDS - 60)
    newest, _ = made.sound(np.zeros(9), 8000)
    assert not old.parent.exists()
    assert young.is_file() and newest.is_file()
    assert visitor.get("/" + old_address).status_code == 404


def test_results_that_another_thread_has_just_swept_do_no_harm(made, monkeypatch):
    old, _ = made.picture(photo())
    aged(old, shelf.KEPT_SECONDS + 5)
    listed = list(made.folder.iterdir())
    made._sweep()
    assert not old.parent.exists()
    monkeypatch.setattr(type(made.folder), "iterdir", lambda self: iter(listed))  # as if listed before
    assert made.picture(photo())[0].is_file()


def test_many_threads_save_while_old_results_are_swept(made):
    for _ in range(30):
        aged(made.picture(photo())[0], shelf.KEPT_SECONDS + 5)
    with ThreadPoolExecutor(8) as threads:
        paths = [path for path, _ in threads.map(lambda _: made.picture(photo()), range(40))]
    assert all(path.is_file() for path in paths)
    assert len(list(made.folder.iterdir())) == 40


def test_the_folder_is_made_with_the_first_result(tmp_path):
    made = Shelf(tmp_path / "not" / "yet")
    assert not made.folder.exists()
    assert made.picture(photo())[0].is_file()
