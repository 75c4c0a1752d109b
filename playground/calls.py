"""A conversation with the hub that another thread can cut short, also while the server says nothing."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

from playground.wording import say

PIECE = 1 << 16  # bytes between two counts: the client's own 10 MiB are minutes of a slow line, and lost where it breaks
KNOCKS = 2.0  # seconds between two looks at whether a line is back
WAITS = frozenset({429, 500, 502, 503, 504})  # answers after which the client tries again by itself


class Cut(Exception):
    """Somebody asked that a call should end."""


class Call:
    """What one download says to the hub; each of its threads enters it as a context.

    patience: seconds that it waits for a line to come back that broke in the midst of an answer, before the client asks for
    the rest; note: a sentence on what it waits for, "" while bytes come.
    """

    def __init__(self, *, patience: float = 0.0) -> None:
        self.patience = patience
        self.note = ""
        self.broken = False
        self._stopped = threading.Event()
        self._lines: dict[int, socket.socket] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Call:
        CURRENT.set(self)
        return self

    def __exit__(self, *error: object) -> None:
        CURRENT.set(None)

    @property
    def stopped(self) -> bool:
        """Whether it was cut short."""
        return self._stopped.is_set()

    def check(self) -> None:
        """Raises Cut where it was cut short."""
        if self.stopped:
            raise Cut

    def wait(self, seconds: float) -> None:
        """Waits, or raises Cut."""
        self._stopped.wait(seconds)
        self.check()

    def outlast(self, host: str, port: int) -> None:
        """After a broken line: waits until the other side can be reached again or the patience ends. Raises Cut."""
        end = time.monotonic() + self.patience
        while not answered(host, port) and time.monotonic() < end:
            self.note = say("downloads.away")
            self.wait(KNOCKS)
        self.broken = False

    def listens(self, line: socket.socket | None) -> None:
        """This thread reads from a connection from now on."""
        with self._lock:
            if line is not None:
                self._lines[threading.get_ident()] = line

    def heard(self) -> None:
        """This thread has read its answer; the connection may serve somebody else now, and is not to be cut."""
        with self._lock:
            self._lines.pop(threading.get_ident(), None)

    def stop(self) -> None:
        """Cuts it short."""
        self._stopped.set()
        with self._lock:
            for line in self._lines.values():
                hang_up(line)


CURRENT: ContextVar[Call | None] = ContextVar("the call that a thread works for", default=None)


def hang_up(line: socket.socket | None) -> None:
    """Wakes whoever reads from a connection. The plain socket's way: TLS would wait for the other side's farewell."""
    try:
        if line is not None:
            socket.socket.shutdown(line, socket.SHUT_RDWR)
    except OSError:  # it is closed already
        pass


def answered(host: str, port: int) -> bool:
    """Whether a connection opens; behind a proxy only a request could tell."""
    if any(os.environ.get(name) for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")):
        return True
    try:
        socket.create_connection((host, port), timeout=KNOCKS).close()
    except OSError:
        return False
    return True


def prepare() -> None:
    """Sets huggingface_hub up so that its requests can be cut short and counted in small pieces; as often as you like.

    Its Xet way is switched off: it fetches in threads of its own that nobody can stop, and how it resumes cannot be
    shown here. Plain HTTP gives the same files and resumes by Range; a single file of 50 GB or more it does not give.
    """
    from huggingface_hub import constants, get_session
    from huggingface_hub.utils import logging

    constants.HF_HUB_DISABLE_XET = True
    constants.DOWNLOAD_CHUNK_SIZE = PIECE
    logging.set_verbosity_error()  # it would print addresses; what matters is told as a sentence
    hooks = get_session().event_hooks  # those of the session: it is made anew when a connection could not be opened
    for name, hook in (("request", asks), ("response", answers)):
        if hook not in hooks[name]:
            hooks[name].append(hook)


def asks(request: Any) -> None:
    """Before each request of the client: a call that was cut short asks nothing more, and one whose line broke waits until
    it is back, as the client itself gives up after a few seconds and loses what it has of the file."""
    call = CURRENT.get()
    if call is not None:
        call.check()
        if call.broken:
            call.outlast(request.url.host, request.url.port or (443 if request.url.scheme == "https" else 80))


def answers(response: Any) -> None:
    """Before each answer is read: remembers the connection, so that it can be cut."""
    call = CURRENT.get()
    if call is None:
        return
    if response.status_code in WAITS:
        call.note = say("downloads.asked_to_wait" if response.status_code == 429 else "downloads.hub_busy")
    stream = response.extensions.get("network_stream")
    response.stream = watched(response.stream, call)
    call.listens(stream.get_extra_info("socket") if stream is not None else None)
    call.check()


def watched(stream: Any, call: Call) -> Any:
    """An answer's bytes, until the call is cut short.

    A connection that is reset rather than closed is told to the client as one that was closed: only then does it resume.
    """
    import httpx2

    class Watched(httpx2.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            try:
                for piece in stream:
                    call.check()
                    call.note = ""
                    yield piece
                call.check()
            except httpx2.TransportError as error:
                call.check()
                call.note, call.broken = say("downloads.resuming"), True
                if isinstance(error, httpx2.ReadError):
                    raise httpx2.RemoteProtocolError(str(error)) from error
                raise

        def close(self) -> None:
            call.heard()
            stream.close()

    return Watched()
