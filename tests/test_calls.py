"""A call that lost its line: it waits until the other side is back, no longer than it has patience, and can be cut short."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from playground import calls
from playground.calls import Call, Cut


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(calls, "KNOCKS", 0.05)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_it_goes_on_once_the_other_side_is_back():
    call, port, opened = Call(patience=60), free_port(), threading.Event()
    call.broken = True

    def come_back() -> None:
        while not call.note:
            time.sleep(0.01)
        server.append(socket.create_server(("127.0.0.1", port)))
        opened.set()

    server: list[socket.socket] = []
    threading.Thread(target=come_back, daemon=True).start()
    call.outlast("127.0.0.1", port)
    assert opened.is_set() and not call.broken and "once it is back" in call.note
    server[0].close()


def test_its_patience_ends():
    call = Call(patience=0.2)
    call.broken = True
    call.outlast("127.0.0.1", free_port())
    assert not call.broken


def test_a_cut_ends_the_waiting():
    call, port = Call(patience=60), free_port()
    threading.Timer(0.2, call.stop).start()
    with pytest.raises(Cut):
        call.outlast("127.0.0.1", port)


def test_only_a_broken_line_is_waited_for(monkeypatch):
    import httpx2

    knocked = []
    monkeypatch.setattr(calls, "answered", lambda host, port: knocked.append((host, port)) or True)
    with Call(patience=60) as call:
        calls.asks(httpx2.Request("GET", "https://hub.invalid/a"))
        assert knocked == []
        call.broken = True
        calls.asks(httpx2.Request("GET", "https://hub.invalid/a"))
        calls.asks(httpx2.Request("GET", "http://127.0.0.1:8000/a"))
    assert knocked == [("hub.invalid", 443)]
