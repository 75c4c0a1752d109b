"""A stand-in for the model hub on this machine: serves folders as repositories to huggingface_hub, and misbehaves on request.

By hand, for a look at the page (HF_HOME keeps the real cache out of it):
    python -m tests.fake_hub --repo owner/name=FOLDER --port 8765 --slow 200000
    HF_ENDPOINT=http://127.0.0.1:8765 HF_HOME=/tmp/hf python app.py
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "hf_known"
LARGE = (".safetensors", ".bin", ".npy", ".zip")  # what a hub keeps by its SHA-256 rather than by git's sum
PIECE = 1 << 14
API = re.compile(r"/api/(?P<kind>model|dataset)s/(?P<name>[^/]+/[^/]+)(?:/revision/(?P<revision>[^/]+))?")
RESOLVE = re.compile(r"/(?P<kind>datasets/)?(?P<name>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<file>.+)")


@dataclass(frozen=True, kw_only=True)
class Manners:
    """How a repository behaves. gated: its files are for TOKEN alone; private: so is all of it; slow: bytes a second;
    the others are of the files whose name ends with `only`: status: instead of a file; silent, cut, reset, gone: after so
    many bytes it says nothing more, closes or resets the connection, or the whole hub is gone; times: how often for each
    file; wrong: how often it gives other bytes than it told the checksum of."""

    gated: bool = False
    private: bool = False
    slow: float = 0.0
    only: str = ""
    status: int = 0
    silent: int = 0
    cut: int = 0
    reset: int = 0
    gone: int = 0
    times: int = 1_000_000
    wrong: int = 0
    licence: str = "mit"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request that was seen. first: the first byte of a range, 0 for all of a file."""

    method: str
    path: str
    first: int
    token: str


@dataclass(kw_only=True)
class Repository:
    """A folder with its checksums."""

    folder: Path
    manners: Manners = field(default_factory=Manners)

    @cached_property
    def contents(self) -> dict[str, bytes]:
        """The bytes of each file by its name."""
        files = sorted(path for path in self.folder.rglob("*") if path.is_file())
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in files}

    @cached_property
    def commit(self) -> str:
        """A sum over everything."""
        return hashlib.sha1("".join(f"{n} {self.etag(n)}\n" for n in self.contents).encode()).hexdigest()

    def etag(self, name: str) -> str:
        """SHA-256 of a large file, git's sum of any other."""
        data = self.contents[name]
        if name.endswith(LARGE):
            return hashlib.sha256(data).hexdigest()
        return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()

    def described(self, name: str) -> dict:
        """What the hub tells of a repository."""
        return {
            "id": name, "modelId": name, "sha": self.commit, "private": self.manners.private, "tags": [],
            "gated": "manual" if self.manners.gated else False, "cardData": {"license": self.manners.licence},
            "siblings": [
                {"rfilename": file, "size": len(data), "blobId": self.etag(file)} | (
                    {"lfs": {"sha256": self.etag(file), "size": len(data), "pointerSize": 130}} if file.endswith(LARGE) else {}
                )
                for file, data in self.contents.items()
            ],
        }


class Hub:
    """The server; repositories by name, those of data sets with "datasets/" before it. A context: it ends with the block."""

    def __init__(self, *, port: int = 0) -> None:
        self.repositories: dict[str, Repository] = {}
        self.asked: list[Asked] = []
        self.open: set[socket.socket] = set()
        self.ended = threading.Event()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), type("Handler", (Handler,), {"hub": self}))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def serve(self, name: str, folder: Path, **manners) -> None:
        """Shows a folder as a repository from now on."""
        self.repositories[name] = Repository(folder=folder, manners=Manners(**manners))

    def due(self, fault: str, path: str, times: int) -> bool:
        """Whether a fault has not yet happened to a file as often as it should."""
        with self._lock:
            self._counts[fault, path] += 1
            return self._counts[fault, path] <= times

    def ranges(self, part: str) -> list[int]:
        """The first bytes of the ranges in which a file was fetched; part: of its address."""
        return [asked.first for asked in self.asked if asked.method == "GET" and part in asked.path and "/resolve/" in asked.path]

    def close(self) -> None:
        """Ends the server and every connection to it."""
        if self.ended.is_set():
            return
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()
        for connection in list(self.open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Hub:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class Handler(BaseHTTPRequestHandler):
    """One connection of a client."""

    protocol_version = "HTTP/1.1"
    hub: Hub

    def setup(self) -> None:
        super().setup()
        self.hub.open.add(self.connection)

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):  # the other side may hang up
            super().handle()

    def finish(self) -> None:
        self.hub.open.discard(self.connection)
        with contextlib.suppress(OSError):
            super().finish()

    def log_message(self, *args: object) -> None:
        """Nothing is printed."""

    def do_HEAD(self) -> None:
        """Any request: a description, a file, or a refusal."""
        path = unquote(urlsplit(self.path).path)
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        span = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        self.hub.asked.append(Asked(method=self.command, path=path, first=int(span[1]) if span else 0, token=token))
        about, file = API.fullmatch(path), RESOLVE.fullmatch(path)
        found = about or file
        if not found:
            return self.refuse(404, "")
        name = f"{'datasets/' if (found['kind'] or '').startswith('dataset') else ''}{found['name']}"
        repository = self.hub.repositories.get(name)
        if token not in ("", TOKEN):
            return self.refuse(401, "", "Invalid credentials in Authorization header")
        if repository is None or repository.manners.private and token != TOKEN:  # who is nobody is not told which it is
            return self.refuse(404 if token else 401, "RepoNotFound")
        if found["revision"] not in (None, "main", repository.commit):
            return self.refuse(404, "RevisionNotFound")
        if about:
            blobs = parse_qs(urlsplit(self.path).query).get("blobs")
            assert blobs, "sizes are asked for with the list"
            return self.send(200, json.dumps(repository.described(found["name"])).encode(), ctype="application/json")
        return self.file(repository, file["file"], int(span[1]) if span else None, token)

    do_GET = do_HEAD

    def refuse(self, status: int, code: str, text: str = "No.") -> None:
        """An error as the hub words it."""
        self.send(status, json.dumps({"error": text}).encode(), {"X-Error-Code": code, "X-Error-Message": text})

    def send(self, status: int, body: bytes, headers: dict[str, str] | None = None, *, ctype: str = "text/plain") -> None:
        """A whole answer."""
        self.begin(status, {"Content-Type": ctype, "Content-Length": str(len(body))} | (headers or {}))
        if self.command != "HEAD":
            self.wfile.write(body)

    def begin(self, status: int, headers: dict[str, str]) -> None:
        """The head of an answer."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def file(self, repository: Repository, name: str, first: int | None, token: str) -> None:
        """A file, from a byte on, in the manner of its repository."""
        manners = repository.manners
        if manners.gated and token != TOKEN:
            return self.refuse(401, "GatedRepo")
        if manners.gated and manners.status == 403:  # known, and not let in yet
            return self.refuse(403, "GatedRepo")
        if name not in repository.contents:
            return self.refuse(404, "EntryNotFound")
        special = name.endswith(manners.only)
        if special and manners.status and self.hub.due(self.command, self.path, manners.times):
            return self.refuse(manners.status, "")
        data, etag = repository.contents[name], f'"{repository.etag(name)}"'
        if special and self.command == "GET" and self.hub.due("wrong", self.path, manners.wrong):
            data = data[:-1] + bytes([data[-1] ^ 1])
        told = {"ETag": etag, "X-Linked-Etag": etag, "X-Linked-Size": str(len(data)), "X-Repo-Commit": repository.commit}
        if first is not None:
            told["Content-Range"] = f"bytes {first}-{len(data) - 1}/{len(data)}"
        self.begin(200 if first is None else 206, told | {"Content-Length": str(len(data) - (first or 0))})
        if self.command == "GET":
            self.pour(data[first or 0:], manners if special else Manners(slow=manners.slow))

    def pour(self, data: bytes, manners: Manners) -> None:
        """The bytes, until a fault is due."""
        for fault in ("silent", "cut", "reset", "gone"):
            after = getattr(manners, fault)
            if after and after < len(data) and self.hub.due(fault, self.path, manners.times):
                for piece in pieces(data[:after], manners.slow):
                    self.wfile.write(piece)
                self.wfile.flush()
                return self.misbehave(fault)
        for piece in pieces(data, manners.slow):
            self.wfile.write(piece)

    def misbehave(self, fault: str) -> None:
        """What happens after the last byte that was given."""
        self.close_connection = True
        if fault == "gone":
            self.hub.close()
        elif fault == "silent":
            self.connection.recv(1)  # until the other side hangs up
        elif fault == "reset":
            time.sleep(0.3)  # what the other side has not read yet is lost with the connection
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            self.connection.close()
        else:
            self.connection.shutdown(socket.SHUT_RDWR)


def pieces(data: bytes, slow: float) -> Iterator[bytes]:
    """The bytes piece by piece, at most `slow` of them a second."""
    step = min(PIECE, max(1, int(slow / 20))) if slow else len(data) or 1
    for start in range(0, len(data), step):
        yield data[start:start + step]
        if slow:
            time.sleep(step / slow)


def main() -> None:
    """Serves folders until it is interrupted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repo", action="append", required=True, metavar="OWNER/NAME=FOLDER")
    parser.add_argument("--port", type=int, default=8765)
    parser.add_argument("--slow", type=float, default=0.0, metavar="BYTES", help="bytes a second")
    parser.add_argument("--gated", action="append", default=[], metavar="OWNER/NAME", help=f"its files want the token {TOKEN}")
    options = parser.parse_args()
    with Hub(port=options.port) as hub:
        for name, _, folder in (repo.partition("=") for repo in options.repo):
            hub.serve(name, Path(folder), slow=options.slow, gated=name in options.gated)
        print(f"HF_ENDPOINT={hub.url}", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            hub.ended.wait()


if __name__ == "__main__":
    main()
