"""The Speech tab: a text read aloud, sentence by sentence, in a player of our own that lights up each word as it is spoken."""

from __future__ import annotations

import dataclasses
import json
import re
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from playground.catalog import ModelCard
from playground.events import Audio, Done, Event, SpokenWord
from playground.requests import TextToSpeechRequest
from playground.sounds import axes, parts, read_reference, tags_of, webvtt
from playground.tabs import frame
from playground.tabs.frame import Site
from playground.wiring import Job, Show, Updates, audio_seconds, wire

LABEL = "Speech"
TASK = TextToSpeechRequest.task
PLAYER = Path(__file__).parents[2] / "assets" / "script" / "player.js"
RECORDINGS = [".wav", ".flac", ".ogg", ".mp3"]
CONSENT = "This is my own voice, or the person whose voice it is has agreed to this."
EXAMPLES = (
    "Good morning! The kettle is on, and the bread is still warm.",
    "Once upon a time there was a little girl who lived in a lighthouse. Every night she lit the lamp.",
    "Mind the step, please. The next train leaves in five minutes.",
    "On May 3rd, 1999, she paid $3.50 for 2 1/2 lb of apples.",
    '"Is anybody there?" "Only me," said the owl. "Who are you?"',
)
LANGUAGES = {
    "de": "German", "en": "English", "es": "Spanish", "fr": "French", "hi": "Hindi", "it": "Italian", "ja": "Japanese",
    "ko": "Korean", "pl": "Polish", "pt": "Portuguese", "ru": "Russian", "tr": "Turkish", "zh": "Chinese",
}
PLAYER_HTML = """
<div class="pg-frame pg-player pg-empty"><p class="pg-hint">Press "Read aloud": each word lights up as it is spoken.</p>
<div class="pg-sound"><audio controls preload="auto" aria-label="The speech" hidden></audio>
<audio controls preload="auto" aria-label="The speech" hidden></audio></div>
<ol class="pg-sentences" aria-label="Sentences"></ol><figure class="pg-spectrogram" hidden></figure>
<div class="pg-downloads" hidden></div></div>
"""
NOTHING = {"run": "", "segments": [], "whole": None}


def build(site: Site) -> None:
    """Lays the tab out and wires it."""
    frame.heading("Text to speech", "Write something and hear it read aloud, sentence by sentence, as it is made.")
    cards = site.engine.catalog.serving(TASK)
    with gr.Row(equal_height=False, elem_classes="pg-tab"):
        with gr.Column(scale=2, min_width=300, elem_classes="pg-ask"):
            text = gr.Textbox(
                label="What should be read? (text)", value=EXAMPLES[0], lines=4, max_lines=14, elem_id=f"{TASK}-text",
            )
            controls = {"text": text} | manner(cards[0])
            parts_of = frame.buttons(TASK, "Read aloud")
            with frame.later():
                frame.examples([[e] for e in EXAMPLES], [text])
                model, details = frame.model_choice(cards, TASK)
                own, recording = own_voice(site, cards[0])
                with gr.Accordion("More control", open=False):
                    controls["pauses"] = slider(
                        cards[0], "pauses", "Pauses", "At full stops and commas: 0 none, 1 as usual, 3 three times as long.",
                    )
                    controls["seed"] = frame.seed_box(TASK)
        with gr.Column(scale=3, min_width=300):
            player = gr.HTML(
                NOTHING, elem_id=f"{TASK}-result", html_template=PLAYER_HTML, js_on_load=PLAYER.read_text(encoding="utf8"),
            )
            made = gr.HTML(elem_id=f"{TASK}-made")
    controls |= {"model": model} | recording
    job = Job(
        request=TextToSpeechRequest, controls=controls, go=parts_of.go, stop=parts_of.stop, status=parts_of.status,
        made_by=made, begin=lambda values: shown(site, player), prepare=lambda values: prepare(site, values),
    )
    wire(site.engine, job, outputs=(player,))

    def more(card: ModelCard) -> dict[gr.components.Component, Any]:
        return {
            controls["voice"]: gr.update(choices=voices(card), value=first_voice(card), visible=len(card.voices) > 1),
            own: gr.update(visible=clones(site, card)),
        }

    tuned = {k: v for k, v in controls.items() if isinstance(v, gr.Slider)}
    frame.follow_model(model, details, cards, TextToSpeechRequest, tuned, more=more)


def manner(card: ModelCard) -> dict[str, gr.components.Component]:
    """How it is said: the voice, how fast and how high."""
    voice = gr.Dropdown(
        voices(card), value=first_voice(card), label="Voice", elem_id=f"{TASK}-voice", filterable=False,
        info="Who reads.", visible=len(card.voices) > 1,
    )
    speed = slider(card, "speed", "Speed", "2 is twice as fast, 0.5 half as fast.")
    pitch = slider(card, "pitch", "Pitch", "Lower - higher, in semitones; 0 is the voice's own.")
    return {"voice": voice, "speed": speed, "pitch": pitch}


def slider(card: ModelCard, name: str, label: str, info: str, **more: Any) -> gr.Slider:
    """A slider of the request, hidden where the model knows one value only."""
    limits = card.range(TextToSpeechRequest, name)
    return frame.slider(TextToSpeechRequest, card, name, label, info, visible=limits.low < limits.high, **more)


def own_voice(site: Site, card: ModelCard) -> tuple[gr.Accordion, dict[str, gr.components.Component]]:
    """Where a recording of the voice to speak in goes, with the consent that it needs."""
    with gr.Accordion("Speak in your own voice", open=False, visible=clones(site, card), elem_id=f"{TASK}-own") as own:
        gr.HTML(
            '<p class="pg-note">Upload 1 to 60 seconds of one person speaking clearly. The recording stays on this computer'
            " and is deleted after an hour.</p>"
        )
        reference = gr.File(
            label="Recording (WAV, FLAC, OGG or MP3)", file_types=RECORDINGS, type="filepath", height=120,
            elem_id=f"{TASK}-reference",
        )
        consent = gr.Checkbox(label=CONSENT, value=False, elem_id=f"{TASK}-consent", elem_classes="pg-consent")
    return own, {"reference": reference, "consent": consent}


def clones(site: Site, card: ModelCard) -> bool:
    """Whether a voice may be made from a recording here; strangers may not (the engine refuses them too)."""
    return card.clones and not site.shared


def prepare(site: Site, values: dict[str, Any]) -> dict[str, Any]:
    """The recording opened; one that lies in a box that is hidden now is left out."""
    used = values["reference"] and clones(site, site.engine.catalog.find(values["model"]))
    return values | {"reference": read_reference(values["reference"]) if used else None, "consent": bool(values["consent"])}


def voices(card: ModelCard) -> list[tuple[str, str]]:
    """The model's voices under names for people."""
    names = card.options.get("voice_names", {})
    return [(names.get(voice) or friendly(voice), voice) for voice in card.voices]


def friendly(voice: str) -> str:
    """A voice's id as a name."""
    if match := re.fullmatch(r"(?:v\d+/)?([a-z]{2})_speaker_(\d+)", voice):
        return f"{LANGUAGES.get(match[1], match[1])}, speaker {match[2]}"
    name = voice.replace("_", " ").replace("-", " ") if " " not in voice else voice
    return name[:1].upper() + name[1:]


def first_voice(card: ModelCard) -> str | None:
    """The voice that is chosen first."""
    return card.default(TextToSpeechRequest, "voice")


def segment(event: Audio, address: str, start: float) -> str:
    """What the player knows of a sentence, its parts being [text] or [word, start, end] in seconds of the whole.

    It is JSON already, since Gradio compares all of a value's parts at each update and there may be hundreds.
    """
    return json.dumps({
        "url": address, "start": round(start, 4), "end": round(start + len(event.samples) / event.sample_rate, 4),
        "parts": spoken_parts(event.text, event.words, start),
    })


def spoken_parts(text: str, words: Sequence[SpokenWord], start: float) -> list[list[Any]]:
    """The text cut at its words, those with their times."""
    return [
        [piece] if begun is None else [piece, round(start + begun, 3), round(start + ended, 3)]
        for piece, begun, ended in parts(text, words)
    ]


def shown(site: Site, player: gr.HTML) -> Show:
    """Hands each finished sentence to the player at once, and the whole at the end."""
    state: dict[str, Any] = NOTHING | {"run": secrets.token_hex(4)}
    spoken = 0  # samples so far

    def show(event: Event, request: TextToSpeechRequest) -> Updates:
        nonlocal spoken
        match event:
            case Audio():
                address = site.shelf.sound(event.samples, event.sample_rate, f"sentence-{event.index + 1}.wav")[1]
                state["segments"] = [*state["segments"], segment(event, address, spoken / event.sample_rate)]
                spoken += len(event.samples)
            case Done(result=done):
                title = site.engine.catalog.find(event.model).title
                tags = tags_of(request, model=title, seed=event.seed)
                address = site.shelf.sound(done.samples, done.sample_rate, tags=tags, captions=webvtt(done))[1]
                seconds = audio_seconds(done)
                state["whole"] = {
                    "url": address, "seconds": round(seconds, 4), "estimated": not done.exact_words,
                    **dataclasses.asdict(axes(seconds, done.sample_rate)),
                }
            case _:
                return {}
        return {player: dict(state)}

    return show
