"""Puts a run into words: the status line and the strip's row while it works, the line and the facts under its result."""

from __future__ import annotations

import html
import time
from dataclasses import dataclass
from typing import Any

from playground.catalog import ModelCard
from playground.events import Audio, AudioResult, Done, Event, ImagesResult, Loading, Notice, Queued, Step, Text, TextResult
from playground.requests import DiffusionRequest, Request, TextToSpeechRequest
from playground.wording import say


@dataclass(frozen=True, kw_only=True)
class Said:
    """What the status line says. kind: calm, busy, done or error; part: 0..1 of the work done, for the bar."""

    text: str
    kind: str = "calm"
    part: float | None = None

    @property
    def bar(self) -> str:
        """The bar's HTML."""
        if self.part is None:
            return ""
        share = round(100 * min(self.part, 1))
        return (
            f'<div class="pg-bar" role="progressbar" aria-valuenow="{share}" aria-valuemin="0" aria-valuemax="100"'
            f' aria-label="{say("status.progress")}"><i style="width:{share}%"></i></div>'
        )

    def line(self) -> str:
        """The line in the tab."""
        return f'<div class="pg-status pg-{self.kind}"><span>{html.escape(self.text)}</span>{self.bar}</div>'

    def row(self, place: str) -> str:
        """The row in the strip below all tabs; nothing for what has no news."""
        if self.kind == "calm":
            return ""
        title = html.escape(say(f"{place}.tab"))
        stop = f'<button type="button" data-stop>{say("page.stop")}</button>' if self.kind == "busy" else ""
        return (
            f'<div class="pg-run pg-{self.kind}" data-task="{place}"><button type="button" data-open="{place}"'
            f' title="{html.escape(say("page.show_tab", tab=say(f"{place}.tab")))}">{title}</button>'
            f"<span>{html.escape(self.text)}</span>{stop}{self.bar}</div>"
        )


class Teller:
    """Puts a run's events into words: what runs, whose turn it is, how far it is, how long it still takes."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._begun: float | None = None
        self._notices: list[str] = []

    def tell(self, event: Event) -> Said | None:
        """The words for an event, None where they stay as they are."""
        match event:
            case Queued(ahead=0):
                return Said(text=say("status.starting"), kind="busy")
            case Queued(ahead=count):
                return Said(text=say("status.queued", count=count), kind="busy")
            case Loading(title=title):
                return Said(text=say("status.loading", model=title), kind="busy")
            case Step(index=index, total=total, what=what, seconds_left=left) if total:
                what = (what or say("status.a_step")).capitalize()
                text = say("status.step", what=what, index=index, total=total, left=self._left(left))
                return Said(text=text, kind="busy", part=index / total)
            case Text(tokens=tokens):
                part = tokens / self._request.max_new_tokens
                text = say("status.writing", count=tokens, most=self._request.max_new_tokens, left=self._left(self._rest(part)))
                return Said(text=text, kind="busy", part=part)
            case Audio(index=index, total=total):
                part = (index + 1) / total
                text = say("status.speaking", index=index + 1, total=total, left=self._left(self._rest(part)))
                return Said(text=text, kind="busy", part=part)
            case Notice(text=text):
                self._notices.append(text)
                return Said(text=text, kind="busy")
            case Done():
                return Said(text=" ".join([finished(event), *self._notices]), kind="done")
        return None

    def _rest(self, part: float) -> float | None:
        """Seconds left where a part of the work is done, from how long that part took."""
        if self._begun is None:
            self._begun = time.monotonic()
        spent = time.monotonic() - self._begun
        return spent * (1 - part) / part if spent > 0.5 and part > 0 else None

    @staticmethod
    def _left(seconds: float | None) -> str:
        if seconds is None:
            return ""
        return say("status.left", seconds=f"{seconds:.0f}") if seconds >= 1 else say("status.almost")


def finished(done: Done) -> str:
    """The sentence at the end of a run."""
    result = done.result
    sentence = say("status.done", seconds=f"{done.seconds:.1f}")
    if isinstance(result, ImagesResult) and result.changed_outside is not None:
        sentence += " " + say("status.changed_outside", count=result.changed_outside)
    return sentence


def duration(seconds: float) -> str:
    """Seconds for people, before the run."""
    if seconds < 1:
        return say("status.under_a_second")
    if seconds < 90:
        return say("status.seconds", count=round(seconds))
    return say("status.minutes", count=round(seconds / 60))


def made_by(card: ModelCard, done: Done) -> str:
    """The line under a result."""
    phases = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in done.timings.items() if seconds >= 0.005)
    took = f"{done.seconds:.1f} s"
    if isinstance(done.result, AudioResult):
        took = say("status.speech_in", length=f"{audio_seconds(done.result):.1f}", seconds=f"{work_seconds(done):.1f}")
    line = say(
        "status.made_by", model=f"<b>{html.escape(card.title)}</b>", data=html.escape(card.training_data),
        licence=html.escape(card.licence), seed=done.seed, took=took, device=html.escape(done.device),
    )
    if used := getattr(done.result, "used", ()):
        line += " " + say("status.used", things=html.escape(", ".join(used)))
    return f'<p class="pg-made" title="{html.escape(phases)}">{line}</p>'


def audio_seconds(result: AudioResult) -> float:
    """How long a speech is."""
    return len(result.samples) / result.sample_rate


def work_seconds(done: Done) -> float:
    """What the model itself took, without the queue and without being loaded."""
    return sum(done.result.timings.values())


def facts_of(card: ModelCard, done: Done, request: Request) -> dict[str, Any]:
    """The JSON of facts that the HTTP API returns beside a result."""
    facts = {
        "model": done.model, "title": card.title, "training_data": card.training_data, "licence": card.licence,
        "seed": done.seed, "seconds": round(done.seconds, 3),
        "timings": {name: round(value, 4) for name, value in done.timings.items()},
        "device": done.device, "dtype": done.dtype, "threads": done.threads, "peak_memory": done.peak_memory,
    }
    if isinstance(done.result, ImagesResult | TextResult):
        facts["used"] = list(done.result.used)
    if isinstance(done.result, ImagesResult):
        if isinstance(request, DiffusionRequest):
            facts["loras"] = [list(pair) for pair in request.loras]
        facts["sizes"] = [list(image.size) for image in done.result.images]
        if done.result.changed_outside is not None:
            facts["changed_outside"] = done.result.changed_outside
    if isinstance(done.result, AudioResult):
        facts |= speech_facts(done, request)
    return facts


def speech_facts(done: Done, request: TextToSpeechRequest) -> dict[str, Any]:
    """What else there is to say of a speech. real_time_factor: seconds of work for a second of sound; words: each with
    its start and end in seconds, which are estimates where exact_words is false."""
    result, length = done.result, audio_seconds(done.result)
    return {
        "voice": request.voice, "audio_seconds": round(length, 3),
        "real_time_factor": round(work_seconds(done) / length, 4) if length else None, "exact_words": result.exact_words,
        "words": [
            [piece.text[word.at:word.to], round(word.start, 3), round(word.end, 3)]
            for piece in result.pieces for word in piece.words
        ],
    }
