"""Sound as numbers, files and pictures: the mel spectrogram that a voice learns from, what people hear, save and see."""

from __future__ import annotations

import html
import io
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image

from playground.errors import BadRequest
from playground.events import AudioResult, SpokenPiece
from playground.requests import Reference, TextToSpeechRequest
from playground.wording import say

MEL_BINS = 80
FRAMES_A_SECOND = 80
WINDOW_SECONDS = 0.032
FLOOR = 1e-3  # of a mel magnitude, where 16-bit noise lies, so that silence has a logarithm

CODECS = {
    "wav": ("WAV", "PCM_16"), "flac": ("FLAC", "PCM_16"), "ogg": ("OGG", "VORBIS"), "mp3": ("MP3", "MPEG_LAYER_III"),
}
BLOCK = 65_536  # samples written at once: the Vorbis encoder overflows its stack with minutes of sound
TITLE = 100  # characters of the text that a file's title keeps
ID3 = {"title": "TIT2", "artist": "TPE1", "software": "TSSE", "comment": "COMM"}

MAX_BYTES = 10_000_000  # of a recording's file
CONTAINERS = ("WAV", "WAVEX", "FLAC", "OGG", "MP3")

WIDTH, HEIGHT = (800, 1600), 240  # pixels of a spectrogram: least and most wide, high
DEPTH = 8.0  # natural logarithms (70 dB) from the lightest to the darkest shade
KILOHERTZ = (0.5, 1, 2, 4, 8, 16)
STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200)  # seconds between marks
MARKS = 9  # of the time axis, at most


def mel_of(hertz: np.ndarray) -> np.ndarray:
    """Hz to mel, in O'Shaughnessy's formula (HTK's)."""
    return 2595 * np.log10(1 + np.asarray(hertz, np.float64) / 700)


def hertz_of(mel: np.ndarray) -> np.ndarray:
    """Mel to Hz."""
    return 700 * (10 ** (np.asarray(mel, np.float64) / 2595) - 1)


@cache
def mel_filters(sample_rate: int, fft: int, bins: int = MEL_BINS) -> np.ndarray:
    """Triangles of area 1 between 0 Hz and half the sample rate; (fft // 2 + 1, bins) float32."""
    corners = hertz_of(np.linspace(0, mel_of(sample_rate / 2), bins + 2))  # (bins + 2,)
    frequencies = np.linspace(0, sample_rate / 2, fft // 2 + 1)[:, None]
    rising = (frequencies - corners[:-2]) / (corners[1:-1] - corners[:-2])
    falling = (corners[2:] - frequencies) / (corners[2:] - corners[1:-1])
    triangles = np.clip(np.minimum(rising, falling), 0, None)
    return (triangles / np.maximum(triangles.sum(0), 1e-3)).astype(np.float32)


def log_mel(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """Natural logarithms of mel magnitudes, FRAMES_A_SECOND of them, each centred on its instant.

    samples: (N,) in -1..1; returns (1 + N // hop, MEL_BINS) float32 with hop = sample_rate // FRAMES_A_SECOND.
    """
    hop, width = sample_rate // FRAMES_A_SECOND, int(sample_rate * WINDOW_SECONDS)
    fft = 1 << (2 * width - 1).bit_length()
    padded = np.pad(np.asarray(samples, np.float32), width // 2, mode="constant")
    frames = np.lib.stride_tricks.sliding_window_view(padded, width)[::hop][:1 + len(samples) // hop]
    window = np.hanning(width + 1)[:-1].astype(np.float32)
    made = []
    for start in range(0, len(frames), 4096):  # an hour of speech would not fit at once
        spectrum = np.abs(np.fft.rfft(frames[start:start + 4096] * window, fft)).astype(np.float32)
        made.append(np.log(np.maximum(spectrum @ mel_filters(sample_rate, fft), FLOOR)))
    return np.concatenate(made) if made else np.zeros((0, MEL_BINS), np.float32)


def encode(samples: np.ndarray, sample_rate: int, format: str, tags: Mapping[str, str] | None = None) -> bytes:
    """A sound file's bytes. samples: (N,) in -1..1; format: a key of CODECS; tags: title, artist, software, comment.

    Nothing at all becomes one silent sample, since not every format has empty files.
    """
    import soundfile

    container, codec = CODECS[format]
    samples = np.asarray(samples, np.float32) if len(samples) else np.zeros(1, np.float32)
    tags = {name: " ".join(text.split()) for name, text in (tags or {}).items()}
    buffer = io.BytesIO()
    with soundfile.SoundFile(buffer, "w", samplerate=sample_rate, channels=1, format=container, subtype=codec) as file:
        if format != "mp3":
            for name, text in tags.items():
                setattr(file, name, text)
        for start in range(0, len(samples), BLOCK):
            file.write(samples[start:start + BLOCK])
    return (id3(tags) if format == "mp3" else b"") + buffer.getvalue()


def id3(tags: Mapping[str, str]) -> bytes:
    """An ID3v2.3 header in UTF-16, empty where there are no tags; the encoder's own knows Latin-1 only."""
    frames = b""
    for name, text in tags.items():
        start = b"\x01eng\xff\xfe\0\0" if name == "comment" else b"\x01"
        body = start + b"\xff\xfe" + text.encode("utf-16-le")
        frames += ID3[name].encode() + len(body).to_bytes(4, "big") + b"\0\0" + body
    size = bytes((len(frames) >> shift) & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x03\0\0" + size + frames if frames else b""


def tags_of(request: TextToSpeechRequest, *, model: str, seed: int) -> dict[str, str]:
    """What a file of speech says of itself. model: its title; seed: the one that was used."""
    title = " ".join(request.text.split())
    voice, artist = request.voice, request.voice or model
    if request.reference is not None:
        voice, artist = say("sounds.recorded_voice"), model
    comment = say("sounds.comment", model=model, voice=voice or say("sounds.own_voice"), seed=seed)
    return {
        "title": title if len(title) <= TITLE else title[:TITLE - 1].rstrip() + "…", "artist": artist,
        "software": "Playground", "comment": comment,
    }


def webvtt(result: AudioResult) -> str:
    """The speech's subtitles in WebVTT: a cue for each piece, with the moment of each word inside it."""
    head = ["WEBVTT"] if result.exact_words else ["WEBVTT", f"NOTE {say('sounds.estimates')}"]
    cues = [
        f"{number}\n{clock(piece.start)} --> {clock(piece.end)}\n{timed(piece)}"
        for number, piece in enumerate(result.pieces, 1)
    ]
    return "\n\n".join([*head, *cues]) + "\n"


def timed(piece: SpokenPiece) -> str:
    """A cue's text; a word's time stands before it where it is later than the one before and within the cue."""
    made, last = "", piece.start
    for text, start, _ in parts(piece.text, piece.words):
        if start is not None and round(last, 3) < round(start, 3) < round(piece.end, 3):
            made, last = f"{made}<{clock(start)}>", start
        made += html.escape(text.replace("\n", " ").replace("\r", " "), quote=False)
    return made


def parts(text: str, words) -> Iterator[tuple[str, float | None, float | None]]:
    """The text in pieces, (word, start, end) or (what stands between, None, None); together they are the text."""
    done = 0
    for word in sorted(words, key=lambda w: (w.at, w.to)):
        at, to = max(word.at, done), min(word.to, len(text))
        if to <= at:
            continue
        if at > done:
            yield text[done:at], None, None
        yield text[at:to], word.start, word.end
        done = to
    if done < len(text):
        yield text[done:], None, None


def clock(seconds: float) -> str:
    """Seconds as hh:mm:ss.mmm."""
    millis = round(seconds * 1000)
    return f"{millis // 3_600_000:02}:{millis // 60_000 % 60:02}:{millis // 1000 % 60:02}.{millis % 1000:03}"


def read_reference(path: str | os.PathLike) -> Reference:
    """A recording as mono; a BadRequest in words for what is none, is too large, too short, too long or silent."""
    import soundfile

    try:
        with open(path, "rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError:
        raise BadRequest(say("sounds.unreadable"), field="reference") from None
    if len(content) > MAX_BYTES:
        raise BadRequest(say("sounds.large_file", most=f"{MAX_BYTES / 1e6:.0f}"), field="reference")
    try:
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            kind, channels, rate = file.format, file.channels, file.samplerate
            few = kind in CONTAINERS and channels <= 2 and rate <= Reference.RATES[1]
            read = file.read(int(rate * Reference.SECONDS[1]) + rate, dtype="float32", always_2d=True) if few else None
    except Exception:  # soundfile raises of many kinds, and a damaged file may be anything
        raise BadRequest(say("sounds.unreadable"), field="reference") from None
    if kind not in CONTAINERS:
        raise BadRequest(say("sounds.unreadable"), field="reference")
    if read is None:
        raise BadRequest(say("sounds.wide"), field="reference")
    samples = np.nan_to_num(read).clip(-1, 1).mean(1)
    return Reference(samples=samples.astype(np.float32), sample_rate=rate)


@dataclass(frozen=True, kw_only=True)
class Axes:
    """Where the marks of a spectrogram stand. times: (seconds, 0..1 from the left); frequencies: (kHz, 0..1 from the
    bottom); alt: the picture in words."""

    times: tuple[tuple[float, float], ...]
    frequencies: tuple[tuple[float, float], ...]
    alt: str


def axes(seconds: float, sample_rate: int) -> Axes:
    """The marks for so many seconds of sound."""
    step = next((s for s in STEPS if seconds / s < MARKS), STEPS[-1])
    count = int(seconds / step + 1e-6) + 1 if seconds > 0 else 1
    highest = mel_of(sample_rate / 2)
    placed = ((f, float((mel_of(f * 1000) / highest * (MEL_BINS + 1) - 0.5) / MEL_BINS)) for f in KILOHERTZ)
    return Axes(
        times=tuple((round(i * step, 1), min(i * step / seconds, 1.0) if seconds > 0 else 0.0) for i in range(count)),
        frequencies=tuple((f, round(min(place, 1.0), 4)) for f, place in placed if place < 1.01),
        alt=say("sounds.spectrogram", seconds=f"{seconds:.1f}", kilohertz=f"{sample_rate / 2000:g}"),
    )


def spectrogram_picture(samples: np.ndarray, sample_rate: int) -> Image.Image:
    """The mel spectrogram from dark (quiet) to light (loud), low frequencies at the bottom; RGB, WIDTH by HEIGHT.

    Its left edge is 0 s and its right edge the end of the samples, as `axes` says.
    """
    mel = log_mel(samples, sample_rate)[:max(1, round(len(samples) / sample_rate * FRAMES_A_SECOND))]
    if not len(mel):
        mel = np.full((1, MEL_BINS), math.log(FLOOR), np.float32)
    top = float(mel.max())
    bottom = max(top - DEPTH, math.log(FLOOR))
    shades = ((mel - bottom) / max(top - bottom, 1)).clip(0, 1)  # (frames, MEL_BINS)
    grey = Image.fromarray((shades.T[::-1] * 255).round().astype(np.uint8))
    width = min(max(len(mel), WIDTH[0]), WIDTH[1])
    grey = grey.resize((width, HEIGHT), Image.Resampling.BICUBIC)
    return Image.fromarray(colours()[np.asarray(grey)])


@cache
def colours() -> np.ndarray:
    """256 colours from near black over violet and orange to pale yellow, evenly lighter in Oklab; (256, 3) uint8."""
    along = np.linspace(0, 1, 256)
    lightness = 0.13 + 0.84 * along
    chroma = 0.17 * np.sin(np.pi * along) ** 0.8 + 0.03 * along
    hue = np.radians(285 + 180 * along)  # violet, over magenta and orange, to yellow
    while True:
        rgb = srgb(lightness, chroma * np.cos(hue), chroma * np.sin(hue))  # (256, 3)
        outside = (rgb < 0).any(1) | (rgb > 1).any(1)
        if not outside.any():
            return (rgb * 255).round().astype(np.uint8)
        chroma = np.where(outside, chroma * 0.98, chroma)


def srgb(lightness: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Oklab (Ottosson 2020) to sRGB, which is within 0..1 where the screen can show it; (N, 3)."""
    cones = np.stack([
        lightness + 0.3963377774 * a + 0.2158037573 * b, lightness - 0.1055613458 * a - 0.0638541728 * b,
        lightness - 0.0894841775 * a - 1.2914855480 * b,
    ]) ** 3
    linear = np.array([
        [4.0767416621, -3.3077115913, 0.2309699292], [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]) @ cones  # (3, N)
    curved = 1.055 * np.abs(linear) ** (1 / 2.4) - 0.055
    return np.where(np.abs(linear) <= 0.0031308, 12.92 * linear, np.sign(linear) * curved).T
