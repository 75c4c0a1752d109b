"""The Speech tab: a text read aloud, sentence by sentence, in a player of our own that lights up each word as it is spoken."""

from __future__ import annotations

import dataclasses
import html
import json
import re
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from playground.catalog import ModelCard
from playground.events import Audio, Done, Event, SpokenWord
from playground.remembered import remember
from playground.requests import TextToSpeechRequest
from playground.site import Door, Site
from playground.sounds import axes, parts, read_reference, tags_of, webvtt
from playground.status import audio_seconds
from playground.tabs import cards as examples
from playground.tabs import frame, pictures
from playground.tabs.use_in import Offers
from playground.wiring import Job, Show, Updates, wire
from playground.wording import say

TASK = TextToSpeechRequest.task
PLAYER = Path(__file__).parents[2] / "assets" / "script" / "player.js"
RECORDINGS = [".wav", ".flac", ".ogg", ".mp3"]


def build(site: Site) -> Offers | None:
    """Lays the tab out and wires it."""
    head = frame.heading(TASK)
    cards = site.engine.catalog.serving(TASK)
    with gr.Row(equal_height=False, elem_classes="pg-tab"):
        with gr.Column(scale=2, min_width=300, elem_classes="pg-ask"):
            text = gr.Textbox(
                label=say("text_to_speech.text"), info=say("text_to_speech.text_help"), lines=4, max_lines=14,
                value=examples.of(TASK)[0].request["text"], elem_id=f"{TASK}-text",
            )
            controls = {"text": text} | manner(cards[0])
            parts_of = frame.buttons(TASK)
            with frame.later():
                with gr.Column(elem_classes=frame.EXPERT):
                    model, details = frame.model_choice(site, TASK)
                    own, recording = own_voice(site, cards[0])
                with frame.more():
                    controls["pitch"] = slider(cards[0], "pitch")
                    controls["pauses"] = slider(cards[0], "pauses")
                    controls["seed"] = frame.seed_box(TASK)
        with gr.Column(scale=3, min_width=300, elem_classes="pg-show"):
            player = gr.HTML(
                "", elem_id=f"{TASK}-result", html_template=player_html(), js_on_load=PLAYER.read_text(encoding="utf8"),
            )
            made = gr.HTML(elem_id=f"{TASK}-made")
            row = examples.row(TASK)
    controls |= {"model": model} | recording
    job = Job(
        place=TASK, request=TextToSpeechRequest, controls=controls, made_by=made,
        begin=lambda values: shown(site, player), prepare=lambda values: prepare(site, values), **vars(parts_of),
    )

    def more(card: ModelCard) -> Updates:
        return {
            controls["voice"]: gr.update(choices=voices(card), value=first_voice(card), visible=len(card.voices) > 1),
            own: gr.update(visible=clones(site, card)), text: gr.update(info=frame.asked(TASK, card)),
        }

    tuned = {k: v for k, v in controls.items() if isinstance(v, gr.Slider)}
    chosen = frame.follow_model(site, model, details, TextToSpeechRequest, tuned, more=more, head=head)
    silent = {"reference": None, "consent": False}
    wire(site, job, frame.card_job(job, row, controls, chosen, silent), outputs=(player,))
    remember(site, TASK, {name: control for name, control in controls.items() if name not in recording}, chosen, parts_of.go)
    site.doors[TASK] = Door(model=model, status=parts_of.status, words=text)
    return None


def player_html() -> str:
    """The player before the first run: the tab's first example, made earlier."""
    example = examples.of(TASK)[0]
    hint = html.escape(say("text_to_speech.hint", go=say("text_to_speech.go")))
    sound, sentences = (html.escape(say(f"text_to_speech.{name}")) for name in ("sound", "sentences"))
    earlier = html.escape(say("pictures.earlier", words=example.title))
    return f"""
<div class="pg-frame pg-player pg-empty"><div class="pg-earlier"><blockquote>{html.escape(example.request["text"])}</blockquote>
<img src="{examples.address(example.spectrogram)}" alt="{html.escape(say("text_to_speech.picture"))}" width="320" height="96">
<audio controls preload="metadata" src="{examples.address(example.sound)}" aria-label="{earlier}"></audio>
{pictures.ribbon(example.title)}</div><p class="pg-hint">{hint}</p>
<div class="pg-sound"><audio class="pg-voice" controls preload="auto" aria-label="{sound}" hidden></audio>
<audio class="pg-voice" controls preload="auto" aria-label="{sound}" hidden></audio></div>
<ol class="pg-sentences" aria-label="{sentences}"></ol><figure class="pg-spectrogram" hidden></figure>
<div class="pg-downloads" hidden></div></div>
"""


def manner(card: ModelCard) -> dict[str, gr.components.Component]:
    """How it is said: the voice, and how fast."""
    voice = gr.Dropdown(
        voices(card), value=first_voice(card), label=frame.label("voice"), elem_id=f"{TASK}-voice", filterable=False,
        info=say("help.voice"), visible=len(card.voices) > 1,
    )
    return {"voice": voice, "speed": slider(card, "speed")}


def slider(card: ModelCard, name: str) -> gr.Slider:
    """A slider of the request, hidden where the model knows one value only."""
    limits = card.range(TextToSpeechRequest, name)
    return frame.slider(TextToSpeechRequest, card, name, visible=limits.low < limits.high)


def own_voice(site: Site, card: ModelCard) -> tuple[gr.Accordion, dict[str, gr.components.Component]]:
    """Where a recording of the voice to speak in goes, with the consent that it needs."""
    with gr.Accordion(say("text_to_speech.own_voice"), open=False, visible=clones(site, card), elem_id=f"{TASK}-own") as own:
        gr.HTML(f'<p class="pg-note">{html.escape(say("text_to_speech.own_voice_note"))}</p>')
        reference = gr.File(
            label=frame.label("reference"), file_types=RECORDINGS, type="filepath", height=120,
            elem_id=f"{TASK}-reference",
        )
        consent = gr.Checkbox(
            label=say("text_to_speech.consent"), value=False, elem_id=f"{TASK}-consent", elem_classes="pg-consent",
        )
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
        return say("text_to_speech.speaker", language=language(match[1]), number=match[2])
    name = voice.replace("_", " ").replace("-", " ") if " " not in voice else voice
    return name[:1].upper() + name[1:]


def language(code: str) -> str:
    """A language's name by its code of two letters, the code where it is not in the table."""
    try:
        return say(f"languages.{code}")
    except KeyError:
        return code


def first_voice(card: ModelCard) -> str | None:
    """The voice that is chosen first."""
    return card.default(TextToSpeechRequest, "voice")


def segment(event: Audio, address: str, start: float) -> dict[str, Any]:
    """What the player knows of a sentence, its parts being [text] or [word, start, end] in seconds of the whole."""
    return {
        "url": address, "start": round(start, 4), "end": round(start + len(event.samples) / event.sample_rate, 4),
        "parts": spoken_parts(event.text, event.words, start),
    }


def spoken_parts(text: str, words: Sequence[SpokenWord], start: float) -> list[list[Any]]:
    """The text cut at its words, those with their times."""
    return [
        [piece] if begun is None else [piece, round(start + begun, 3), round(start + ended, 3)]
        for piece, begun, ended in parts(text, words)
    ]


def shown(site: Site, player: gr.HTML) -> Show:
    """Hands each finished sentence to the player at once, and the whole at the end, as JSON: Gradio compares all parts of
    a value that is none, of which there may be hundreds, and loses it where the tab was never open (6.31)."""
    state: dict[str, Any] = {"run": secrets.token_hex(4), "segments": [], "whole": None}
    spoken = 0  # samples so far

    def show(event: Event, request: TextToSpeechRequest) -> Updates:
        nonlocal spoken
        match event:
            case Audio():
                address = site.shelf.sound(event.samples, event.sample_rate, f"sentence-{event.index + 1}.wav")[1]
                state["segments"].append(segment(event, address, spoken / event.sample_rate))
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
        return {player: json.dumps(state)}

    return show
