"""From a click to component updates: builds the request, starts the run, and turns its events into what is shown.

It knows nothing of models; a tab says which components hold which field and how a result looks.
"""

from __future__ import annotations

import dataclasses
import html
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from playground.catalog import ModelCard
from playground.chips import chips
from playground.errors import PlaygroundError, explain
from playground.events import Audio, AudioResult, Done, Event, ImagesResult, Loading, Notice, Queued, Step, Stopped, Text
from playground.guard import visitor_of
from playground.requests import Request, TextToSpeechRequest
from playground.runs import Run
from playground.site import QUIET, Site
from playground.wording import say

log = logging.getLogger(__name__)
IN_FLIGHT = 64

Updates = dict[gr.components.Component, Any]
Show = Callable[[Event, Request], Updates]


@dataclass(frozen=True, kw_only=True)
class Job:
    """The parts of a tab that a run needs.

    place: the tab's task; request: the class to build; controls: a component for each of its fields that people can
    set; prepare: turns the controls' values into the request's (for example an editor's layers into image and mask);
    begin: called for each run with the controls' values, returns the function that turns an event into updates of the
    tab's own components; starts: all buttons of the tab that start a run, where `go` is not the only one: they are off
    while one works; expect: the line that says how long the next run will take; triggers: the events that start it,
    where that is not just a click on `go`; after: events behind which it starts too, such as one that fills the prompt.
    """

    place: str
    request: type[Request]
    controls: Mapping[str, gr.components.Component]
    go: gr.Button
    stop: gr.Button
    status: gr.HTML
    made_by: gr.HTML
    expect: gr.HTML
    begin: Callable[[dict[str, Any]], Show]
    prepare: Callable[[dict[str, Any]], dict[str, Any]] = dict
    starts: tuple[gr.Button, ...] = ()
    triggers: tuple[Any, ...] | None = None
    after: tuple[Any, ...] = ()

    def switched(self, *, busy: bool) -> Updates:
        """Updates of the buttons that start runs and of Stop."""
        starts = {button: gr.update(interactive=not busy) for button in (self.go, *self.starts)}
        return starts | {self.stop: gr.update(interactive=busy)}


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
                text = say("status.step", what=what.capitalize(), index=index, total=total, left=self._left(left))
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


def expectation(site: Site, request: Request, card: ModelCard) -> str:
    """The line under the button: how long the request will take here, as far as is known."""
    seconds = site.runs.timings.of(request, loaded=card.id in site.engine.pool.loaded())
    text = say("status.unknown_time") if seconds is None else say("status.expected", duration=duration(seconds))
    return f'<p class="pg-expect">{html.escape(text)}</p>'


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


@dataclass(frozen=True, kw_only=True)
class Memo:
    """What a page needs to follow a run again: which of the place's jobs it was, and the controls' values (without an
    editor's layers, which are large)."""

    job: int
    values: dict[str, Any]


def wire(site: Site, *jobs: Job, outputs: tuple[gr.components.Component, ...]) -> None:
    """Connects a tab's buttons. jobs: they share place, Stop, status line and outputs; outputs: the components that
    `begin`'s functions update. Raises at start-up where controls and the request's fields differ."""
    first = jobs[0]
    row = site.rows[first.place]
    shown = list(dict.fromkeys([
        first.status, first.made_by, first.expect, site.chips, row, *first.switched(busy=False), *outputs,
    ]))
    for number, job in enumerate(jobs):
        how = {
            "fn": runner(site, jobs, number), "inputs_kwargs": dict(job.controls), "show_progress": "hidden",
            "concurrency_limit": IN_FLIGHT, "outputs": shown, "api_visibility": "private", "trigger_mode": "once",
        }
        triggers = (job.go.click,) if job.triggers is None else job.triggers
        if triggers:
            gr.on(triggers=list(triggers), **how)
        for event in job.after:
            event.then(**how)

    def stop(http: gr.Request) -> None:
        site.runs.stop(visitor_of(http), place_of(http, first.place))

    gr.on([first.stop.click, row.stop], stop, **QUIET)
    site.demo.load(
        finder(site, jobs), outputs=shown, show_progress="hidden", concurrency_limit=IN_FLIGHT, api_visibility="private",
    )
    foresee(site, first)


def runner(site: Site, jobs: tuple[Job, ...], number: int) -> Callable[..., Iterator[Updates]]:
    """The function behind a job's button."""
    job = jobs[number]
    fields = {f.name for f in dataclasses.fields(job.request)}
    if job.prepare is dict and (wrong := set(job.controls) - fields):
        raise ValueError(f"{job.request.__name__} has no field {', '.join(sorted(wrong))}")

    def run(http: gr.Request, **values: Any) -> Iterator[Updates]:
        yield from begin(site, jobs, number, values, visitor_of(http), place_of(http, job.place))

    run.costly = True
    return run


def finder(site: Site, jobs: tuple[Job, ...]) -> Callable[..., Iterator[Updates]]:
    """The function that takes up the visitor's last run again when the page is loaded anew."""

    def find(http: gr.Request) -> Iterator[Updates]:
        run = site.runs.find(visitor_of(http), place_of(http, jobs[0].place))
        if run is None:
            yield {jobs[0].status: gr.skip()}
        else:
            yield from follow(site, jobs[run.memo.job], run)

    return find


def foresee(site: Site, job: Job) -> None:
    """Says how long a run will take, when the page is loaded and whenever a control that it depends on changes."""

    def look(**values: Any) -> Any:
        try:
            request, card = site.engine.check(job.request(**job.prepare(values)))
            return expectation(site, request, card)
        except PlaygroundError:
            return ""

    changes = [control.change for control in job.controls.values() if not isinstance(control, gr.ImageEditor)]
    gr.on(
        [site.demo.load, *changes], look, inputs_kwargs=dict(job.controls), outputs=job.expect, trigger_mode="always_last",
        **QUIET,
    )


def place_of(http: gr.Request, task: str) -> str:
    """Where a visitor's runs are found again. One without a cookie may be several people behind one address, who must
    not see or stop each other's: theirs are found only by the page that started them."""
    return task if visitor_of(http).startswith("visitor:") else f"{task} {http.session_hash}"


def begin(
    site: Site, jobs: tuple[Job, ...], number: int, values: dict[str, Any], visitor: str, place: str = "",
) -> Iterator[Updates]:
    """A click: one run, as component updates; every error becomes a sentence in the status line. place: where the run is
    found again, the job's own unless given."""
    job = jobs[number]
    light = {name: value for name, value in values.items() if not isinstance(job.controls[name], gr.ImageEditor)}
    try:
        request = job.request(**job.prepare(values))
        memo = Memo(job=number, values=light)
        run = site.runs.start(request, visitor, place=place or job.place, memo=memo)
    except PlaygroundError as error:
        yield job.switched(busy=False) | says(site, job, Said(text=str(error), kind="error"))
    except Exception as error:  # the page's last stand: a fault of ours must not end in silence
        log.error("a run failed on the page", exc_info=error)
        yield job.switched(busy=False) | says(site, job, Said(text=str(explain(error)), kind="error"))
    else:
        yield from follow(site, job, run)


def says(site: Site, job: Job, said: Said, *, news: bool = True) -> Updates:
    """The same words in the tab's status line and, where they are news, in the strip."""
    return {job.status: said.line(), site.rows[job.place]: said.row(job.place) if news else ""}


def follow(site: Site, job: Job, run: Run) -> Iterator[Updates]:
    """A run as component updates, from its first event on, however long it has been running or is over."""
    back = job.switched(busy=False)
    teller = Teller(run.request)
    loading, news = False, run.ended is None
    events = run.follow()
    try:
        show = job.begin(run.memo.values)
        yield says(site, job, Said(text=say("status.starting"), kind="busy"), news=news) | job.switched(busy=True)
        for event in events:
            if event is None:
                yield {job.status: gr.skip()}
                continue
            updates = show(event, run.request)
            if isinstance(event, Done):
                if updates:
                    yield updates  # on its own, since it may update a button that `back` updates too
                updates = back | {
                    job.made_by: made_by(run.card, event), job.expect: expectation(site, run.request, run.card),
                    site.chips: chips(site),
                }
            if isinstance(event, Loading):
                loading = True
            elif loading and isinstance(event, Step | Text | Audio):
                loading, updates[site.chips] = False, chips(site)
            if isinstance(event, Step) and event.preview is not None or isinstance(event, Audio) and event.index == 0:
                updates[job.made_by] = ""  # it speaks of the result that this one has replaced
            said = teller.tell(event)
            if said is not None:
                updates |= says(site, job, said, news=news)
            if updates:
                yield updates
    except Stopped:
        yield back | says(site, job, Said(text=say("status.stopped")))
    except PlaygroundError as error:
        yield back | says(site, job, Said(text=str(error), kind="error"), news=news)
    except Exception as error:  # the page's last stand: a fault of ours must not end in silence
        log.error("a run failed on the page", exc_info=error)
        yield back | says(site, job, Said(text=str(explain(error)), kind="error"), news=news)
    finally:
        events.close()
