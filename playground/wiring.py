"""From a click to component updates: builds the request, runs the engine, and turns its events into what is shown.

It knows nothing of models; a tab says which components hold which field and how a result looks.
"""

from __future__ import annotations

import dataclasses
import html
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from playground.catalog import ModelCard
from playground.engine import Engine
from playground.errors import PlaygroundError, explain
from playground.events import Audio, AudioResult, Done, Event, ImagesResult, Loading, Notice, Queued, Step, Text
from playground.guard import visitor_of
from playground.requests import Request, TextToSpeechRequest

log = logging.getLogger(__name__)
IN_FLIGHT = 64

Updates = dict[gr.components.Component, Any]
Show = Callable[[Event, Request], Updates]


@dataclass(frozen=True, kw_only=True)
class Job:
    """The parts of a tab that a run needs.

    request: the class to build; controls: a component for each of its fields that people can set; prepare: turns the
    controls' values into the request's (for example an editor's layers into image and mask); begin: called at each
    click with the controls' values, returns the function that turns an event into updates of the tab's own components;
    starts: all buttons of the tab that start a run, where `go` is not the only one: they are off while one works.
    """

    request: type[Request]
    controls: Mapping[str, gr.components.Component]
    go: gr.Button
    stop: gr.Button
    status: gr.HTML
    made_by: gr.HTML
    begin: Callable[[dict[str, Any]], Show]
    prepare: Callable[[dict[str, Any]], dict[str, Any]] = dict
    starts: tuple[gr.Button, ...] = ()

    def switched(self, *, busy: bool) -> Updates:
        """Updates of the buttons that start runs and of Stop."""
        starts = {button: gr.update(interactive=not busy) for button in (self.go, *self.starts)}
        return starts | {self.stop: gr.update(interactive=busy)}


def status_line(text: str, kind: str = "calm", *, part: float | None = None) -> str:
    """The status line's HTML. kind: calm, busy, done or error; part: 0..1 of the work done, for the bar."""
    bar = "" if part is None else f'<div class="pg-bar"><i style="width:{100 * part:.0f}%"></i></div>'
    role = "alert" if kind == "error" else "status"
    return f'<div class="pg-status pg-{kind}" role="{role}" aria-live="polite">{html.escape(text)}{bar}</div>'


def describe(event: Event, notices: list[str]) -> str | None:
    """The status line for an event, None where it stays as it is."""
    match event:
        case Queued(ahead=0):
            return status_line("Starting…", "busy")
        case Queued(ahead=n):
            return status_line(f"Waiting for the device: {n} {'run is' if n == 1 else 'runs are'} before yours.", "busy")
        case Loading(title=title):
            return status_line(f"Loading {title} into memory…", "busy")
        case Step(index=index, total=total, what=what, seconds_left=left) if total:
            rest = "" if left is None else f", about {max(left, 0):.0f} s left" if left >= 1 else ", almost done"
            return status_line(f"{what.capitalize()} {index} of {total}{rest}.", "busy", part=index / total)
        case Text(tokens=tokens):
            return status_line(f"Writing: {tokens} tokens so far.", "busy")
        case Audio(index=index, total=total):
            return status_line(f"Speaking: sentence {index + 1} of {total} is ready.", "busy", part=(index + 1) / total)
        case Notice(text=text):
            notices.append(text)
            return status_line(text, "busy")
        case Done():
            return status_line(" ".join([finished(event), *notices]), "done")
    return None


def finished(done: Done) -> str:
    """The sentence at the end of a run."""
    result = done.result
    if isinstance(result, ImagesResult) and result.changed_outside is not None:
        return f"Done in {done.seconds:.1f} s. {result.changed_outside} pixels changed outside the painted part."
    return f"Done in {done.seconds:.1f} s."


def made_by(card: ModelCard, done: Done) -> str:
    """The line under a result."""
    phases = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in done.timings.items() if seconds >= 0.005)
    took = f"{done.seconds:.1f} s"
    if isinstance(done.result, AudioResult):
        took = f"{audio_seconds(done.result):.1f} s of speech in {work_seconds(done):.1f} s"
    return (
        f'<p class="pg-made" title="{html.escape(phases)}">Made by <b>{html.escape(card.title)}</b>, trained on'
        f" {html.escape(card.training_data)}. Licence: {html.escape(card.licence)}. Seed {done.seed}."
        f" {took} on {html.escape(done.device)}.</p>"
    )


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
    if isinstance(done.result, ImagesResult):
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


def wire(
    engine: Engine, job: Job, *others: Job, outputs: tuple[gr.components.Component, ...], also: tuple[Any, ...] = (),
    after: tuple[Any, ...] = (),
) -> None:
    """Connects a tab's buttons. outputs: the components that `begin`'s function updates; also: further triggers of the
    first job (the prompt box's submit); after: events behind which it starts (one that has filled the prompt box);
    others: jobs that share its Stop, status line and outputs, each with a button of its own.
    Raises at start-up where controls and the request's fields differ."""
    running = []
    for one in (job, *others):
        how = {
            "fn": runner(engine, one), "inputs_kwargs": dict(one.controls), "show_progress": "hidden",
            "concurrency_limit": IN_FLIGHT, "outputs": [one.status, one.made_by, *one.switched(busy=False), *outputs],
            "api_visibility": "private", "trigger_mode": "once",
        }
        first = one is job
        running.append(gr.on(triggers=[one.go.click, *(also if first else ())], **how))
        running += [event.then(**how) for event in after if first]
    quiet = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    cancelled = job.stop.click(None, cancels=running, **quiet)
    cancelled.then(  # behind it, or a step that was under way could be shown over these words
        lambda: {job.status: status_line("Stopped. What was made so far stays.", "calm")} | job.switched(busy=False),
        outputs=[job.status, *job.switched(busy=False)], **quiet,
    )


def runner(engine: Engine, job: Job) -> Callable[..., Iterator[Updates]]:
    """The function behind a job's button."""
    fields = {f.name for f in dataclasses.fields(job.request)}
    if job.prepare is dict and (wrong := set(job.controls) - fields):
        raise ValueError(f"{job.request.__name__} has no field {', '.join(sorted(wrong))}")

    def run(http: gr.Request, **values: Any) -> Iterator[Updates]:
        yield from follow(engine, job, values, visitor_of(http))

    run.costly = True
    return run


def follow(engine: Engine, job: Job, values: dict[str, Any], visitor: str) -> Iterator[Updates]:
    """One run, as component updates; every error becomes a sentence in the status line."""
    back = job.switched(busy=False)
    notices: list[str] = []
    events = None
    try:
        request, card = engine.check(job.request(**job.prepare(values)))
        show = job.begin(values)
        yield {job.status: status_line("Starting…", "busy")} | job.switched(busy=True)
        events = engine.run(request, visitor)
        for event in events:
            if event is None:
                yield {job.status: gr.skip()}
                continue
            updates = show(event, request)
            line = describe(event, notices)
            if isinstance(event, Done):
                if updates:
                    yield updates  # on its own, since it may update a button that `back` updates too
                updates = back | {job.made_by: made_by(card, event)}
            if isinstance(event, Step) and event.preview is not None or isinstance(event, Audio) and event.index == 0:
                updates[job.made_by] = ""  # it speaks of the result that this one has replaced
            if line is not None:
                updates[job.status] = line
            if updates:
                yield updates
    except PlaygroundError as error:
        yield back | {job.status: status_line(str(error), "error")}
    except Exception as error:  # the page's last stand: a fault of ours must not end in silence
        log.error("a run failed on the page", exc_info=error)
        yield back | {job.status: status_line(str(explain(error)), "error")}
    finally:
        if events is not None:
            events.close()
