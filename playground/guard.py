"""What stands between the page and everybody who can reach it: limits, login lock-out, visitor cookie, headers.

It is ASGI middleware around Gradio's own server and knows of the engine only how many runs are in flight.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import json
import math
import re
import secrets
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from playground.wording import say

SCOPE_KEY = "playground.visitor"
START = re.compile(r"/gradio_api/(queue/join|(?:call/v2|call|run|api)/([^/]+))")  # every way to start an event
PAGE_RUNS = "predict"  # where Gradio's page sends what goes past the queue
UPLOADS = ("/gradio_api/upload", "/gradio_api/component_server")
CLOSED = re.compile(  # parts of Gradio that this page does not use
    r"/(gradio_api/)?(monitoring|openapi\.json|docs|redoc|dev|vibe-.*|undo-vibe-edit|process_recording|runs|run-history"
    r"|deep_link|profiling|proxy=.*)(/.*)?"
)
# Gradio compiles templates and event code in the browser ('unsafe-eval') and its page has scripts and styles inline.
CONTENT_POLICY = "; ".join((
    "default-src 'self'", "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:", "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:", "media-src 'self' data: blob:", "font-src 'self' data:",
    "connect-src 'self' data: blob:", "worker-src 'self' blob:", "object-src 'none'", "base-uri 'self'",
    "form-action 'self'", "frame-ancestors 'none'",
))
HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "X-Robots-Tag": "noindex, nofollow",
}


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much one visitor, one address and everybody together may ask for.

    posts_*: runs started in post_seconds; in_flight: runs that wait or work; wrong passwords lock an address for
    lock_seconds, and after wrong_in_all of them in that time each try by anyone takes slow_seconds longer; *_bytes: of
    one request; uploaded_*: bytes in upload_seconds. Addresses can be forged behind a tunnel: hence the _in_all.
    """

    posts_per_visitor: int = 8
    posts_per_address: int = 32
    posts_in_all: int = 64
    post_seconds: float = 10
    in_flight: int = 64
    wrong_passwords: int = 10
    lock_seconds: float = 60
    wrong_in_all: int = 30
    slow_seconds: float = 1
    json_bytes: int = 1_000_000
    upload_bytes: int = 32_000_000
    uploaded_per_address: int = 500_000_000
    uploaded_in_all: int = 4_000_000_000
    upload_seconds: float = 3600


class Window:
    """At most `most` of something within the last `seconds`, for each key."""

    def __init__(self, *, most: float, seconds: float) -> None:
        self.most = most
        self.seconds = seconds
        self._spent: dict[str, deque[tuple[float, float]]] = {}
        self._sweep_at = 1_000

    def used(self, key: str) -> float:
        """What the key has spent in the window."""
        return sum(weight for _, weight in self._fresh(key))

    def wait(self, key: str, weight: float = 1) -> float:
        """Seconds until `weight` more would fit; 0 if it fits now."""
        spent, over = self._fresh(key), self.used(key) + weight - self.most
        for moment, size in spent:
            if over <= 0:
                break
            over -= size
            if over <= 0:
                return max(moment + self.seconds - time.monotonic(), 0.001)
        return 0.0 if over <= 0 else self.seconds

    def take(self, key: str, weight: float = 1) -> tuple[float, float]:
        """Spends; the answer can be given back with `refund`."""
        if len(self._spent) > self._sweep_at:
            for old in list(self._spent):
                self._fresh(old)
            self._sweep_at = max(1_000, 2 * len(self._spent))
        entry = (time.monotonic(), weight)
        self._spent.setdefault(key, deque()).append(entry)
        return entry

    def refund(self, key: str, entry: tuple[float, float]) -> None:
        """Takes one spending back."""
        spent = self._spent.get(key, ())
        if entry in spent:
            spent.remove(entry)

    def clear(self, key: str) -> None:
        """Forgets what a key has spent."""
        self._spent.pop(key, None)

    def _fresh(self, key: str) -> deque[tuple[float, float]]:
        spent = self._spent.get(key)
        if spent is None:
            return deque()
        while spent and spent[0][0] <= time.monotonic() - self.seconds:
            spent.popleft()
        if not spent:
            del self._spent[key]
        return spent


def address_of(scope: Scope) -> str:
    """The client's address; of IPv6 the first 64 bits, because one customer has all the rest."""
    host = (scope.get("client") or ("unknown", 0))[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return f"address:{host}"
    if address.version == 6 and not address.is_loopback:
        return f"address:{ipaddress.ip_network((address, 64), strict=False).network_address}/64"
    return f"address:{host}"


def visitor_of(request: Any) -> str:
    """Who is asking, for a handler's gr.Request: "visitor:<id>" of a valid cookie, else "address:<client>"."""
    scope = getattr(getattr(request, "request", None) or request, "scope", None) or {}
    return scope.get(SCOPE_KEY) or address_of(scope)


def refusal(status: int, sentence: str, *, wait: float = 0) -> Response:
    """A refusal in words: Gradio's page and client show `detail` as it is."""
    headers = {"Retry-After": str(math.ceil(wait))} if wait else {}
    return JSONResponse({"detail": sentence, "error": sentence}, status_code=status, headers=headers)


def seconds(wait: float) -> str:
    """A waiting time for people."""
    return say("guard.seconds", count=max(1, math.ceil(wait)))


class Guard:
    """The middleware.

    in_flight: how many runs wait or work now; cheap: the fn indices and api names of events that start no run
    (whatever is not in it counts as a run); secret: signs the cookies, new in each process unless given.
    """

    def __init__(
        self, app: ASGIApp, *, in_flight: Callable[[], int], cheap: frozenset[int | str], limits: Limits | None = None,
        secret: bytes | None = None,
    ) -> None:
        self.app = app
        self.limits = limits = limits or Limits()
        self._in_flight = in_flight
        self._cheap = cheap
        self._secret = secret or secrets.token_bytes(32)
        self._cookie = f"playground-{hashlib.sha256(self._secret).hexdigest()[:8]}"  # two pages on a host must differ
        self._by_visitor = Window(most=limits.posts_per_visitor, seconds=limits.post_seconds)
        self._by_address = Window(most=limits.posts_per_address, seconds=limits.post_seconds)
        self._by_all = Window(most=limits.posts_in_all, seconds=limits.post_seconds)
        self._wrong = Window(most=limits.wrong_passwords, seconds=600)
        self._wrong_in_all = Window(most=math.inf, seconds=limits.lock_seconds)
        self._locks = Window(most=1, seconds=limits.lock_seconds)
        self._uploaded = Window(most=limits.uploaded_per_address, seconds=limits.upload_seconds)
        self._uploaded_in_all = Window(most=limits.uploaded_in_all, seconds=limits.upload_seconds)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        known = self._visitor(HTTPConnection(scope).cookies.get(self._cookie, ""))
        scope[SCOPE_KEY] = known or address_of(scope)
        send = self._dressed(scope, send, greet=known is None)
        path = scope["path"].rstrip("/")
        if CLOSED.fullmatch(path):
            await refusal(404, say("guard.no_page"))(scope, receive, send)
        elif path == "/robots.txt":
            await PlainTextResponse("User-agent: *\nDisallow: /\n")(scope, receive, send)
        elif scope["method"] != "POST":
            await self.app(scope, receive, send)
        elif path in UPLOADS:
            await self._upload(scope, receive, send)
        else:
            await self._post(path, scope, receive, send)

    def _visitor(self, cookie: str) -> str | None:
        """The visitor of a cookie that this process has signed, else None."""
        name, _, mark = cookie.partition(".")
        if name and hmac.compare_digest(mark.encode(), self._sign(name).encode()):
            return f"visitor:{name}"
        return None

    def _sign(self, name: str) -> str:
        return hmac.new(self._secret, name.encode(), hashlib.sha256).hexdigest()

    def _dressed(self, scope: Scope, send: Send, *, greet: bool) -> Send:
        """A send that adds the security headers, and on a page load the visitor's cookie where there is none."""

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                page = headers.get("content-type", "").startswith("text/html") and message["status"] == 200
                if greet and page and scope["method"] == "GET":
                    name = secrets.token_urlsafe(12)
                    secure = "; Secure" if scope.get("scheme") == "https" else ""
                    headers.append(
                        "Set-Cookie", f"{self._cookie}={name}.{self._sign(name)}; Path=/; HttpOnly; SameSite=Lax{secure}"
                    )
            await send(message)

        return dressed

    async def _post(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        body = await read_body(receive, most=self.limits.json_bytes)
        if body is None:
            sentence = say("guard.large_post", most=f"{self.limits.json_bytes / 1e6:g}")
            await refusal(413, sentence)(scope, receive, send)
        elif path == "/login":
            await self._login(scope, replay(body, receive), send)
        elif (start := START.fullmatch(path)) and self._costly(start, body):
            await self._run(scope, replay(body, receive), send)
        else:
            await self.app(scope, replay(body, receive), send)

    def _costly(self, start: re.Match[str], body: bytes) -> bool:
        """Whether this post may start a run: a name in the address and a number in the body can both say which."""
        name = start[2]
        if name == PAGE_RUNS:
            name = None  # no event's name: the number says which
        elif name is not None and name not in self._cheap:
            return True
        if name is not None and start[1].startswith("call/"):
            return False
        try:
            index = json.loads(body).get("fn_index")
        except (ValueError, AttributeError):
            return True
        if index is None and name is not None:
            return False
        return type(index) is not int or index not in self._cheap

    async def _run(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets a run through where it is within the limits; one that Gradio's login refuses is not counted."""
        limits, visitor, address = self.limits, scope[SCOPE_KEY], address_of(scope)
        if wait := self._by_visitor.wait(visitor):
            window = seconds(limits.post_seconds)
            sentence = say("guard.too_fast", count=limits.posts_per_visitor, window=window, wait=seconds(wait))
            await refusal(429, sentence, wait=wait)(scope, receive, send)
            return
        if wait := max(self._by_address.wait(address), self._by_all.wait("")):
            sentence = say("guard.busy", wait=seconds(wait))
            await refusal(429, sentence, wait=wait)(scope, receive, send)
            return
        if self._in_flight() >= limits.in_flight:
            sentence = say("engine.full", count=limits.in_flight)
            await refusal(503, sentence, wait=30)(scope, receive, send)
            return
        spendings = [(w, k, w.take(k)) for w, k in (
            (self._by_visitor, visitor), (self._by_address, address), (self._by_all, ""),
        )]
        status = Status(send)
        await self.app(scope, receive, status)
        if status.code == 401:
            for window, key, spending in spendings:
                window.refund(key, spending)

    async def _login(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Counts a try as wrong until it proves right, so that many at once are no way around the lock."""
        address = address_of(scope)
        wait = self._locks.wait(address)
        if wait or self._wrong.wait(address):
            sentence = say("guard.locked", wait=seconds(wait or 1))
            await refusal(429, sentence, wait=wait or 1)(scope, receive, send)
            return
        spending = self._wrong.take(address)
        if self._wrong_in_all.used("") >= self.limits.wrong_in_all:
            await asyncio.sleep(self.limits.slow_seconds)
        status = Status(send)
        await self.app(scope, receive, status)
        if status.code != 400:
            self._wrong.refund(address, spending)
            return
        self._wrong_in_all.take("")
        if self._wrong.used(address) >= self.limits.wrong_passwords:
            self._wrong.clear(address)
            self._locks.take(address)

    async def _upload(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Files: Gradio checks each one's size, this checks the whole post and how much came lately."""
        length, address = HTTPConnection(scope).headers.get("content-length", ""), address_of(scope)
        if not length.isdecimal():
            await PlainTextResponse(say("guard.no_length"), 411)(scope, receive, send)
            return
        size = int(length)
        if size > self.limits.upload_bytes:
            sentence = say("guard.large_upload", most=f"{self.limits.upload_bytes / 1e6:g}")
            await PlainTextResponse(sentence, 413)(scope, receive, send)
            return
        if self._uploaded.wait(address, size) or self._uploaded_in_all.wait("", size):
            await PlainTextResponse(say("guard.uploaded"), 429)(scope, receive, send)
            return
        self._uploaded.take(address, size)
        self._uploaded_in_all.take("", size)
        await self.app(scope, receive, send)


class Status:
    """A send that remembers the response's status code."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.code = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.code = message["status"]
        await self._send(message)


async def read_body(receive: Receive, *, most: int) -> bytes | None:
    """The whole body; None where it is longer than `most` bytes."""
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > most:
            return None
        more = message.get("more_body", False)
    return b"".join(parts)


def replay(body: bytes, receive: Receive) -> Receive:
    """A receive that gives the body once more, then what the connection says."""
    told = False

    async def again() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
