"""Runs that a page may leave and find again: each goes on while its page reloads, and its end is kept for a while.

It knows the engine and nothing of pages, which follow a run's events from wherever they come in.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

from playground.catalog import ModelCard
from playground.engine import HEARTBEAT, Engine
from playground.errors import PlaygroundError, explain
from playground.events import Audio, AudioResult, Done, Event, ImagesResult, Loading, Queued, Step, Stopped, Text
from playground.requests import Request
from playground.timings import Timings

UNSEEN_SECONDS = 10  # a page that reloads is back within these
UNSEEN_ALONE_SECONDS = 600  # where nobody else waits


class Run:
    """One run and what is known of it, for any number of pages at any time.

    place: where it was started, for example a tab's task; memo: whatever who started it wants back with it.
    """

    def __init__(self, *, request: Request, card: ModelCard, visitor: str, place: str, memo: Any = None) -> None:
        self.request = request
        self.card = card
        self.visitor = visitor
        self.place = place
        self.memo = memo
        self.ended: float | None = None  # monotonic seconds
        self.done: Done | None = None
        self._error: Exception | None = None
        self._events: list[tuple[int, Event]] = []
        self._count = 0
        self._watchers = 0
        self._unseen_since = time.monotonic()
        self._changed = threading.Condition()

    @property
    def unseen_seconds(self) -> float:
        """For how long no page has followed it."""
        return 0.0 if self._watchers else time.monotonic() - self._unseen_since

    @property
    def nbytes(self) -> int:
        """About what it keeps in memory: its result and the pictures that it was made from."""
        result = self.done and self.done.result
        pictures = [getattr(self.request, name, None) for name in ("image", "mask")]
        if isinstance(result, ImagesResult):
            pictures += result.images
        sound = 2 * result.samples.nbytes if isinstance(result, AudioResult) else 0  # its sentences are kept too
        return 10_000 + sound + sum(4 * one.width * one.height for one in pictures if one is not None)

    def add(self, event: Event) -> None:
        """One more event; what it makes pointless for late followers is forgotten."""
        with self._changed:
            if self.ended is None:
                self._count += 1
                self._events = [(n, old) for n, old in self._events if not outdates(event, old)]
                self._events.append((self._count, event))
                self._changed.notify_all()

    def end(self, error: Exception | None = None) -> None:
        """No more events come. error: why, where there is no Done; the first end counts."""
        with self._changed:
            if self.ended is None:
                self._error = error
                self.done = next((event for _, event in self._events if isinstance(event, Done)), None)
                self.ended = time.monotonic()
                self._changed.notify_all()

    def stop(self) -> None:
        """Ends it at once for its followers; the device is free behind the step that is under way."""
        self.end(Stopped())

    def follow(self) -> Iterator[Event | None]:
        """What has happened so far, then what happens, and None now and then so that it can be closed. Ends behind Done;
        raises the PlaygroundError with which the run failed, or Stopped."""
        seen = 0
        with self._changed:
            self._watchers += 1
        try:
            while True:
                with self._changed:
                    if not self._fresh(seen) and self.ended is None:
                        self._changed.wait(HEARTBEAT)
                    fresh, ended = self._fresh(seen), self.ended
                for count, event in fresh:
                    seen = count
                    yield event
                if not fresh and ended is not None:
                    if self._error is not None:
                        raise self._error
                    return
                if not fresh:
                    yield None
        finally:
            with self._changed:
                self._watchers -= 1
                self._unseen_since = time.monotonic()

    def _fresh(self, seen: int) -> list[tuple[int, Event]]:
        return [(n, event) for n, event in self._events if n > seen]


def outdates(new: Event, old: Event) -> bool:
    """Whether who hears `new` need not hear `old` any more."""
    match old:
        case Queued() | Loading():
            return isinstance(new, Queued | Loading | Step | Text | Audio | Done)
        case Step():
            return isinstance(new, Done) or isinstance(new, Step) and (new.preview is not None or old.preview is None)
        case Text():
            return isinstance(new, Text | Done)
    return False


class Runs:
    """The runs of everybody, found again by visitor and place.

    timings: learns from every run that ends well; kept_seconds, kept_bytes: how long, and how much in all, ended runs
    are kept.
    """

    def __init__(
        self, engine: Engine, timings: Timings, *, unseen_seconds: float = UNSEEN_SECONDS, kept_seconds: float = 3600,
        kept_bytes: int = 256_000_000,
    ) -> None:
        self.engine = engine
        self.timings = timings
        self._unseen_seconds = unseen_seconds
        self._kept_seconds = kept_seconds
        self._kept_bytes = kept_bytes
        self._runs: dict[tuple[str, str], list[Run]] = {}
        self._lock = threading.Lock()

    def start(self, request: Request, visitor: str, *, place: str, memo: Any = None) -> Run:
        """Checks and admits the request, and starts it; raises what Engine.run raises."""
        request, card = self.engine.check(request)
        events = self.engine.run(request, visitor)
        run = Run(request=request, card=card, visitor=visitor, place=place, memo=memo)
        with self._lock:
            runs = self._runs.setdefault((visitor, place), [])
            good = [old for old in runs if old.done is not None][-1:]
            runs[:] = good + [old for old in runs if old.ended is None] + [run]
        self._sweep()
        threading.Thread(target=self._carry, args=(run, events), name=f"carry {request.task}", daemon=True).start()
        return run

    def find(self, visitor: str, place: str) -> Run | None:
        """The visitor's last run at a place, ended or not."""
        with self._lock:
            runs = self._runs.get((visitor, place))
            return runs[-1] if runs else None

    def last_good(self, visitor: str, place: str) -> Run | None:
        """The visitor's last run at a place that ended with a result."""
        with self._lock:
            return next((run for run in reversed(self._runs.get((visitor, place), ())) if run.done is not None), None)

    def stop(self, visitor: str, place: str) -> None:
        """Stops the visitor's runs at a place."""
        with self._lock:
            runs = list(self._runs.get((visitor, place), ()))
        for run in runs:
            run.stop()

    def forget(self, visitor: str) -> None:
        """Stops all runs of a visitor and keeps none."""
        with self._lock:
            places = [key for key in self._runs if key[0] == visitor]
            runs = [run for key in places for run in self._runs.pop(key)]
        for run in runs:
            run.stop()

    def _carry(self, run: Run, events: Iterator[Event | None]) -> None:
        """A thread of its own takes the events from the engine, whether or not a page follows."""
        try:
            for event in events:
                if isinstance(event, Done):
                    self.timings.remember(run.request, event)
                if event is not None:
                    run.add(event)
                if run.ended is not None or self._forsaken(run):
                    break
            run.end(None if isinstance(event, Done) else Stopped())
        except PlaygroundError as error:
            run.end(error)
        except Exception as error:  # a thread's last stand: its followers must hear of it
            run.end(explain(error, model=run.card.title))
        finally:
            events.close()

    def _forsaken(self, run: Run) -> bool:
        """Whether no page has followed the run for too long; sooner where others wait for the device."""
        patience = self._unseen_seconds if self.engine.in_flight > 1 else UNSEEN_ALONE_SECONDS
        return run.unseen_seconds > patience

    def _sweep(self) -> None:
        """Forgets what ended long ago, and the oldest of the rest where it is too much."""
        with self._lock:
            ended = sorted(
                ((run.ended, key, run) for key, runs in self._runs.items() for run in runs if run.ended is not None),
                key=lambda one: one[0],
            )
            room = sum(run.nbytes for _, _, run in ended) - self._kept_bytes
            for moment, key, run in ended:
                if room <= 0 and time.monotonic() - moment < self._kept_seconds:
                    break
                room -= run.nbytes
                self._runs[key].remove(run)
                if not self._runs[key]:
                    del self._runs[key]
