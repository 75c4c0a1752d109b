"""The Speech tab: a text read aloud, sentence by sentence, in a small player that needs no ffmpeg."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import gradio as gr

from playground.catalog import ModelCard
from playground.events import Audio, Done, Event
from playground.requests import TextToSpeechRequest
from playground.shelf import Shelf
from playground.tabs import frame
from playground.tabs.frame import Site
from playground.wiring import Job, Show, Updates, wire

LABEL = "Speech"
TASK = TextToSpeechRequest.task
PLAYER = Path(__file__).parents[2] / "assets" / "player.js"
EXAMPLES = (
    "Good morning! The kettle is on, and the bread is still warm.",
    "Once upon a time there was a little girl who lived in a lighthouse. Every night she lit the lamp.",
    "Please mind the step. The next train leaves in five minutes.",
)


def build(site: Site) -> None:
    """Lays the tab out and wires it."""
    frame.heading("Text to speech", "Write something and hear it read aloud, sentence by sentence.")
    cards = site.engine.catalog.serving(TASK)
    with gr.Row(equal_height=False, elem_classes="pg-tab"):
        with gr.Column(scale=2, min_width=300, elem_classes="pg-ask"):
            model, details = frame.model_choice(cards, TASK)
            text = gr.Textbox(
                label="What should be read? (text)", value=EXAMPLES[0], lines=5, max_lines=14, elem_id=f"{TASK}-text",
            )
            speed = frame.slider(TextToSpeechRequest, cards[0], "speed", "Speed", "2 is twice as fast, 0.5 half as fast.")
            parts = frame.buttons(TASK, "Read aloud")
            with frame.later():
                frame.examples([[e] for e in EXAMPLES], [text])
                with gr.Accordion("More control", open=False):
                    voice = gr.Dropdown(
                        list(cards[0].voices), value=first_voice(cards[0]), label="Voice", elem_id=f"{TASK}-voice",
                        filterable=False,
                    )
                    seed = frame.seed_box(TASK)
        with gr.Column(scale=3, min_width=300):
            player = gr.HTML(
                {"segments": [], "whole": None, "total": 0, "run": ""}, elem_id=f"{TASK}-result",
                html_template=PLAYER_HTML, js_on_load=PLAYER.read_text(encoding="utf8"),
            )
            made = gr.HTML(elem_id=f"{TASK}-made")
    controls = {"model": model, "text": text, "speed": speed, "voice": voice, "seed": seed}
    job = Job(
        request=TextToSpeechRequest, controls=controls, go=parts.go, stop=parts.stop, status=parts.status, made_by=made,
        begin=lambda values: shown(site.shelf, player),
    )
    wire(site.engine, job, outputs=(player,))

    def voices(card: ModelCard) -> dict[gr.components.Component, Any]:
        return {voice: gr.update(choices=list(card.voices), value=first_voice(card))}

    frame.follow_model(model, details, cards, TextToSpeechRequest, {"speed": speed}, more=voices)


PLAYER_HTML = """
<div class="pg-frame pg-player"><p class="pg-hint">The voice appears here.</p>
<audio controls preload="auto" aria-label="The speech"></audio>
<ol class="pg-sentences" aria-label="Sentences"></ol><p class="pg-caption"></p></div>
"""


def first_voice(card: ModelCard) -> str | None:
    """The voice that is chosen first."""
    return card.voices[0] if card.voices else None


def shown(shelf: Shelf, player: gr.HTML) -> Show:
    """Hands each finished sentence to the player at once, and the whole at the end."""
    state: dict[str, Any] = {"segments": [], "whole": None, "total": 0, "run": secrets.token_hex(4)}

    def show(event: Event, request: TextToSpeechRequest) -> Updates:
        match event:
            case Audio():
                address = shelf.sound(event.samples, event.sample_rate, f"sentence-{event.index + 1}.wav")[1]
                state["segments"] = [*state["segments"], {"url": address, "text": event.text}]
                state["total"] = event.total
            case Done(result=done):
                state["whole"] = shelf.sound(done.samples, done.sample_rate)[1]
            case _:
                return {}
        return {player: dict(state)}

    return show
