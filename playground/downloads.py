"""Fetching models of the hub, one after the other, with progress, until every file is verified; it can be cut short.

A download works in this process, on a thread: a process that is killed leaves a part that no other can go on with.
"""

from __future__ import annotations

import hashlib
import logging
import re
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

from playground import hub
from playground.calls import Call, Cut
from playground.catalog import ModelCard
from playground.errors import ModelBroken
from playground.plans import Plan, plan
from playground.store import Part, Store
from playground.wording import say

log = logging.getLogger(__name__)
AT_ONCE = 4  # files of one model: a single connection is often slower than the line
BLOCK = 1 << 22  # bytes read at a time for a checksum
PATIENCE = 1800.0  # seconds: a lid that was closed over lunch loses nothing
WINDOW = 8.0  # seconds over which the speed is taken
ENDED = ("done", "cancelled", "failed")


@dataclass(frozen=True, kw_only=True)
class Fetch:
    """A download as it stands. done, total: bytes, in "checking" those that were checked; speed: bytes a second;
    seconds_left: None where it cannot be told; note: what it waits for, or ""; error: why it failed, or ""."""

    id: str
    title: str
    state: str
    done: int = 0
    total: int = 0
    speed: float = 0.0
    seconds_left: float | None = None
    error: str = ""
    note: str = ""


class Pace:
    """How fast bytes come, taken over the last seconds, so that it neither jumps nor remembers a pause for long."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: deque[tuple[float, int]] = deque()

    def tell(self, there: int) -> None:
        """So many bytes are there now."""
        now = self._clock()
        if self._seen and now - self._seen[-1][0] < WINDOW / 40:
            return
        self._seen.append((now, there))
        while len(self._seen) > 2 and now - self._seen[1][0] > WINDOW:
            self._seen.popleft()

    def speed(self, there: int) -> float:
        """Bytes a second."""
        if not self._seen:
            return 0.0
        now = self._clock()
        begun, before = next(((t, n) for t, n in self._seen if now - t <= WINDOW), self._seen[-1])
        return max(0.0, (there - before) / (now - begun)) if now - begun > WINDOW / 40 else 0.0


@dataclass(kw_only=True)
class Job:
    """One download in the queue; its lock guards the counts that several threads add to."""

    card: ModelCard
    plan: Plan | None = None
    state: str = "waiting"
    error: str = ""
    call: Call = field(default_factory=Call)
    pace: Pace = field(default_factory=Pace)
    total: int = 0
    there: dict[tuple[Part | str, str], int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def enter(self, state: str, *, total: int) -> None:
        """Begins a phase, unless the job has ended."""
        with self.lock:
            self.call.check()
            self.state, self.total, self.there, self.pace = state, total, {}, Pace()

    def count(self, repository: str, name: str, there: int) -> None:
        """So much of a file is there, or was checked."""
        with self.lock:
            self.there[repository, name] = there
            self.pace.tell(sum(self.there.values()))

    def fetch(self) -> Fetch:
        """The job as it stands."""
        with self.lock:
            done, working = sum(self.there.values()), self.state in ("fetching", "checking")
            speed = self.pace.speed(done) if working else 0.0
            return Fetch(
                id=self.card.id, title=self.card.title, state=self.state, done=min(done, self.total), total=self.total,
                speed=speed, seconds_left=max(0, self.total - done) / speed if speed else None, error=self.error,
                note=self.call.note if working or self.state == "looking" else "",
            )


class Downloads:
    """A queue of downloads, of which one works at a time. patience: seconds that a broken line may be away."""

    def __init__(self, store: Store, *, patience: float = PATIENCE) -> None:
        self.store = store
        self._patience = patience
        self._jobs: dict[str, Job] = {}
        self._working: Job | None = None
        self._threads: list[threading.Thread] = []
        self._lock = threading.RLock()

    def start(self, card: ModelCard, *, made: Plan | None = None) -> None:
        """Puts a model at the end of the queue; one that failed or was cancelled begins again with what is there. made: its
        plan, where the hub was asked a moment ago."""
        with self._lock:
            known = self._jobs.get(card.id)
            if known is not None and known.state not in ENDED:
                return
            self._jobs.pop(card.id, None)
            self._jobs[card.id] = Job(card=card, plan=made, call=Call(patience=self._patience))
            self._next()

    def cancel(self, model: str) -> None:
        """Ends a download at once. Its thread may take a few seconds to hear of it, and then clears up after itself."""
        with self._lock:
            job = self._jobs.get(model)
            if job is None or not self._end(job, "cancelled"):
                return
            job.call.stop()
            if self._working is job:
                self._working = None
                self._next()

    def clear(self, model: str) -> None:
        """Takes a download that has ended off the list."""
        with self._lock:
            job = self._jobs.get(model)
            if job is not None and job.state in ENDED:
                del self._jobs[model]

    def fetches(self) -> tuple[Fetch, ...]:
        """All downloads, in the order in which they were asked for."""
        with self._lock:
            return tuple(job.fetch() for job in self._jobs.values())

    def close(self, *, seconds: float = 2.0) -> None:
        """Cancels everything and waits a moment for the threads to clear up."""
        for fetch in self.fetches():
            self.cancel(fetch.id)
        end = time.monotonic() + seconds
        for thread in list(self._threads):
            thread.join(max(0.0, end - time.monotonic()))

    def _next(self) -> None:
        """Begins the first of the waiting where nothing works; the lock is held."""
        job = next((job for job in self._jobs.values() if job.state == "waiting"), None)
        if self._working is None and job is not None:
            self._working, job.state = job, "looking"
            self._threads = [thread for thread in self._threads if thread.is_alive()]
            self._threads.append(threading.Thread(
                target=self._work, args=(job,), name=f"download {job.card.id}", daemon=True
            ))
            self._threads[-1].start()

    def _end(self, job: Job, state: str, error: str = "") -> bool:
        """Ends a job once; the lock is held."""
        with job.lock:
            if job.state in ENDED:
                return False
            job.state, job.error = state, error
            return True

    def _work(self, job: Job) -> None:
        """The thread of one download."""
        ended: tuple[str, str] = ("cancelled", "")
        try:
            with job.call:
                if not self.store.ready(job.card):
                    self._get(job)
            ended = "done", ""
        except Cut:
            pass
        except BaseException as error:  # a thread's last stand: whatever it is, the page hears of it
            told = hub.told(error, model=job.card.title, repository=job.card.repository)
            ended = "failed", str(told)
            if told is not error:
                log.warning("%s was not fetched: %s: %s", job.card.id, type(error).__name__, " ".join(str(error).split())[:200])
        finally:
            with self._lock:
                self._end(job, *ended)
                if self._working is job:
                    self._working = None
                    self._next()

    def _get(self, job: Job) -> None:
        """Looks, fetches, checks and records."""
        self.store.sweep()
        made = job.plan or plan(job.card, self.store)
        job.enter("fetching", total=made.total)
        self.store.begin(job.card, made.kept)
        self._fetch(job, made)
        job.enter("checking", total=made.total)
        wrong = [(part, file) for part, file in made.files if not fits(self.store, part, file, job=job)]
        for part, file in wrong:
            self.store.drop(part, file.name)
        if wrong:
            raise ModelBroken(say("downloads.wrong_bytes", model=job.card.title))
        with self._lock:  # a cancel comes before it or after it
            job.call.check()
            self.store.keep(job.card, made.kept)
            self._end(job, "done")

    def _fetch(self, job: Job, made: Plan) -> None:
        """Fetches every file, a few at a time; the first that fails ends the others."""

        missing = []
        for part, file in made.files:
            held = self.store.holds(part, file.name)
            if held or self.store.has_blob(part, file.sha256 or file.blob, file.size):
                job.count(part.repository, file.name, file.size)
            if not held:
                missing.append((part, file))
        job.pace = Pace()  # what was here already did not come over the line

        def one(part: Part, file: hub.File) -> None:
            with job.call as call:
                call.check()
                hub.fetch(
                    part.repository, file.name, kind=part.kind, commit=part.commit, folder=self.store.folder,
                    count=lambda there: job.count(part.repository, file.name, there),
                )
                job.count(part.repository, file.name, file.size)

        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix=f"download {job.card.id}") as pool:
            pending = [pool.submit(one, part, file) for part, file in missing]
            ended, rest = wait(pending, return_when=FIRST_EXCEPTION)
            failed = next((error for one in ended if (error := one.exception()) is not None), None)
            if failed is not None:
                for waiting in rest:
                    waiting.cancel()
                job.call.stop()
                raise failed


def fits(store: Store, part: Part, file: hub.File, *, job: Job) -> bool:
    """Whether a file on disk has the size and the checksum that the hub told: SHA-256, or git's own for a small file."""
    if not store.holds(part, file.name):
        return False
    if not file.sha256 and not file.blob:
        return True

    def read(there: int) -> None:
        job.call.check()
        job.count(part.repository, file.name, there)

    wanted = file.sha256 or file.blob
    return checksum(store.snapshot(part) / file.name, large=bool(file.sha256), read=read) == wanted


def checksum(path: Path, *, large: bool, read: Callable[[int], None] = lambda there: None) -> str:
    """The SHA-256 of a large file, git's own sum of any other. read: told the bytes so far."""
    size = path.stat().st_size
    made = hashlib.sha256() if large else hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    with path.open("rb") as opened:
        while block := opened.read(BLOCK):
            made.update(block)
            read(opened.tell())
    return made.hexdigest()


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What was found of a model's files: how many have their checksum, and which are damaged."""

    sound: int
    damaged: tuple[tuple[Part, str], ...]


def checked(store: Store, card: ModelCard, read: Callable[[int], None] = lambda there: None) -> Checked:
    """Checks the files of a model that is here without asking the hub: the cache calls each by its checksum, except on a
    disk without links, where nothing can be told. read: told the bytes of all files so far."""
    sound, damaged, before = 0, [], 0
    kept = store.kept().get(card.id)
    files = [(part, name) for part in (kept.parts if kept else ()) for name in part.files]
    for part, name in files:
        path = store.snapshot(part) / name
        wanted = path.resolve().name if path.is_symlink() and path.is_file() else ""
        if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", wanted):
            begun = before
            if checksum(path, large=len(wanted) == 64, read=lambda there, begun=begun: read(begun + there)) == wanted:
                sound += 1
            else:
                damaged.append((part, name))
        before += part.files[name]
    return Checked(sound=sound, damaged=tuple(damaged))
