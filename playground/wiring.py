"""From a click to component updates: builds the request, starts the run, and turns its events into what is shown.

It knows nothing of models; a tab says which components hold which field and how a result looks.
"""

from __future__ import annotations

import dataclasses
import html
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from playground.catalog import ModelCard
from playground.chips import chips
from playground.errors import PlaygroundError, explain
from playground.events import Audio, Done, Event, Loading, Step, Stopped, Text
from playground.guard import visitor_of
from playground.requests import Request
from playground.runs import Run
from playground.site import QUIET, Site, Updates
from playground.status import Said, Teller, duration, made_by
from playground.wording import say

log = logging.getLogger(__name__)
IN_FLIGHT = 64

Show = Callable[[Event, Request], Updates]


@dataclass(frozen=True, kw_only=True)
class Job:
    """The parts of a tab that a run needs.

    place: the tab's task; request: the class to build; controls: a component for each of its fields that people can
    set; prepare: turns the controls' values into the request's (for example an editor's layers into image and mask);
    begin: called for each run with the controls' values, returns the function that turns an event into updates of the
    tab's own components; starts: all buttons of the tab that start a run, where `go` is not the only one: they are off
    while one works; expect: the line that says how long the next run will take; triggers: the events that start it,
    where that is not just a click on `go`; foreseen: what stands in for `prepare` where only the time is asked for, which
    must do without an editor's value; after: events behind which it starts too, such as one that fills the prompt.
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
    foreseen: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    after: tuple[Any, ...] = ()

    def switched(self, *, busy: bool) -> Updates:
        """Updates of the buttons that start runs and of Stop."""
        starts = {button: gr.update(interactive=not busy) for button in (self.go, *self.starts)}
        return starts | {self.stop: gr.update(interactive=busy)}


def expectation(site: Site, request: Request, card: ModelCard) -> str:
    """The line under the button: how long the request will take here, as far as is known."""
    seconds = site.runs.timings.of(request, loaded=card.id in site.engine.pool.loaded())
    text = say("status.unknown_time") if seconds is None else say("status.expected", duration=duration(seconds))
    if not card.starter:  # in Simple nothing else says so before the run
        text = say("status.with_model", model=card.title) + " " + text
    return f'<p class="pg-expect">{html.escape(text)}</p>'


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
    if "image" in first.controls:
        site.demo.load(upload_of(site, first), None, first.controls["image"], **QUIET)


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
    """The function that takes up the visitor's last run again when the page is loaded anew, behind the last one with a
    result where that is another."""

    def find(http: gr.Request) -> Iterator[Updates]:
        where = visitor_of(http), place_of(http, jobs[0].place)
        good, last = site.runs.last_good(*where), site.runs.find(*where)
        yield {jobs[0].status: gr.skip()}
        for run in dict.fromkeys(run for run in (good, last) if run is not None):
            yield from follow(site, jobs[run.memo.job], run, news=run.ended is None)

    return find


def upload_of(site: Site, job: Job) -> Callable[..., Any]:
    """The function that puts the picture of the last run back into its box when the page is loaded anew, where its file
    is still there."""

    def upload(http: gr.Request) -> Any:
        run = site.runs.find(visitor_of(http), place_of(http, job.place))
        path = run and run.memo.values.get("image")
        return path if isinstance(path, str) and Path(path).is_file() else gr.skip()

    return upload


def foresee(site: Site, job: Job) -> None:
    """Says how long a run will take, when the page is loaded and whenever a control that it depends on changes. Of words
    it depends only where they are read aloud; elsewhere each key would open the upload anew."""

    def look(**values: Any) -> Any:
        try:
            request, card = site.engine.check(job.request(**(job.foreseen or job.prepare)(values)))
            return expectation(site, request, card)
        except PlaygroundError:
            return ""

    # an editor would upload its canvas each time
    light = {name: control for name, control in job.controls.items() if not isinstance(control, gr.ImageEditor)}
    counted = [control for name, control in light.items() if name == "text" or not isinstance(control, gr.Textbox)]
    gr.on(
        [site.demo.load, *(control.change for control in counted)], look, inputs_kwargs=light, outputs=job.expect,
        trigger_mode="always_last", **QUIET,
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


def follow(site: Site, job: Job, run: Run, *, news: bool = True) -> Iterator[Updates]:
    """A run as component updates, from its first event on, however long it has been running or is over. news: whether
    the strip is to tell of it."""
    back = job.switched(busy=False)
    teller = Teller(run.request)
    loading = False
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
