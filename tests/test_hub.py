"""Whether the hub is there: answered within the time that was given, and without asking where nobody should."""

from __future__ import annotations

import contextlib
import errno
import http.server
import socket
import threading
import time
from types import SimpleNamespace

import pytest

from playground import hub, pipelines
from playground.catalog import ModelCard
from playground.errors import BadRequest, ModelBroken, NoNetwork, NotInstalled, Unexpected

PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


@pytest.fixture(autouse=True)
def no_settings(monkeypatch):
    for name in (*PROXIES, "HF_HUB_OFFLINE", "HF_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)


@contextlib.contextmanager
def listening():
    """The address of a server that answers, if only with a refusal."""
    handler = type("Refusing", (http.server.BaseHTTPRequestHandler,), {"log_message": lambda *args: None})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@contextlib.contextmanager
def silent():
    """The address of a port that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def closed():
    """The address of a port that nobody listens at."""
    with listening() as address:
        return address


def test_a_server_that_answers_is_reachable():
    with listening() as address:
        assert hub.reachable(address)


@pytest.mark.parametrize("name", [None, *PROXIES])
def test_a_port_that_only_takes_connections_is_not_nor_is_a_proxy_that_does(monkeypatch, name):
    with silent() as address:
        if name:
            monkeypatch.setenv(name, address)
        assert not hub.reachable("https://hub.invalid" if name else address, timeout=0.3)


def test_a_closed_port_is_not_and_that_is_known_at_once():
    begun = time.monotonic()
    assert not hub.reachable(closed())
    assert time.monotonic() - begun < hub.PROBE_SECONDS


@pytest.mark.parametrize("slow", ["getaddrinfo", "create_connection"])
def test_nobody_waits_longer_than_the_given_time(monkeypatch, slow):
    """A look-up of a name, or a connection, that takes for ever."""
    end = threading.Event()

    def wait(*args, **values):
        end.wait(60)
        raise OSError

    monkeypatch.setattr(socket, slow, wait)
    begun = time.monotonic()
    assert not hub.reachable("https://hub.invalid", timeout=0.2)
    assert time.monotonic() - begun < 10
    end.set()


def test_a_name_that_nobody_knows_is_not_reachable(monkeypatch):
    def unknown(*args, **values):
        raise socket.gaierror("no such name")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert not hub.reachable("https://hub.invalid")


@pytest.mark.parametrize("value", ["1", "true", "YES", "on"])
def test_offline_by_wish_asks_nobody(monkeypatch, value):
    monkeypatch.setenv("HF_HUB_OFFLINE", value)
    monkeypatch.setattr(socket, "create_connection", lambda *args, **values: pytest.fail("asked"))
    with listening() as address:
        assert not hub.reachable(address)


@pytest.mark.parametrize("value", ["", "0", "false"])
def test_offline_can_be_written_as_no(monkeypatch, value):
    monkeypatch.setenv("HF_HUB_OFFLINE", value)
    with listening() as address:
        assert hub.reachable(address)


def test_behind_a_proxy_it_is_asked_through_it(monkeypatch):
    with listening() as address:
        monkeypatch.setenv("ALL_PROXY", address)
        assert hub.reachable("http://hub.invalid")


def test_another_hub_can_be_named(monkeypatch):
    assert hub.endpoint().startswith("https://")
    with listening() as address:
        monkeypatch.setenv("HF_ENDPOINT", address)
        assert hub.endpoint() == address
        assert hub.reachable()
    assert not hub.reachable()


def test_the_usual_port_follows_from_the_address(monkeypatch):
    asked = []

    def refuse(place, *args, **values):
        asked.append(place)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", refuse)
    for address in ("https://a.invalid", "http://b.invalid/path", "https://c.invalid:8443"):
        hub.reachable(address)
    assert asked == [("a.invalid", 443), ("b.invalid", 80), ("c.invalid", 8443)]


@pytest.mark.parametrize(("there", "expected"), [(True, {}), (False, {"local_files_only": True})])
def test_a_card_of_the_hub_is_only_asked_for_where_the_hub_is(monkeypatch, there, expected):
    facts = {"title": "", "sentence": "", "bad_at": "", "adapter": "text", "licence": "", "training_data": "", "memory": 1}
    card = ModelCard(id="far", tasks=frozenset({"text_generation"}), repository="acme/far", **facts)
    monkeypatch.setattr(hub, "reachable", lambda: there)
    assert pipelines.where(card) == expected


def test_a_starter_never_asks(monkeypatch, tmp_path):
    facts = {"title": "", "sentence": "", "bad_at": "", "adapter": "text", "licence": "", "training_data": "", "memory": 1}
    card = ModelCard(id="near", tasks=frozenset({"text_generation"}), folder=tmp_path, **facts)
    monkeypatch.setattr(hub, "reachable", lambda: pytest.fail("asked"))
    assert pipelines.where(card) == {"local_files_only": True, "use_safetensors": True}


def failure(name: str, *bases: str, status: int = 0) -> Exception:
    """An exception of the client by its name, with the hub's answer."""
    kind: type = Exception
    for base in (*reversed(bases), name):
        kind = type(base, (kind,), {})
    error = kind("hf_secret at /home/someone")
    error.response = SimpleNamespace(status_code=status)
    return error


@pytest.mark.parametrize(("error", "expected", "words"), [
    (failure("GatedRepoError", "RepositoryNotFoundError", "HfHubHTTPError", status=401), NotInstalled, "must be unlocked"),
    (failure("GatedRepoError", "RepositoryNotFoundError", "HfHubHTTPError", status=403), NotInstalled, "not let this token in"),
    (failure("RepositoryNotFoundError", "HfHubHTTPError", status=401), NotInstalled, "acme/far"),
    (failure("HFValidationError"), NotInstalled, "acme/far"),
    (failure("RevisionNotFoundError", "HfHubHTTPError", status=404), NotInstalled, "was changed"),
    (failure("HfHubHTTPError", status=401), NotInstalled, "token"),
    (failure("HfHubHTTPError", status=403), NotInstalled, "does not hand out"),
    (failure("HfHubHTTPError", status=429), NoNetwork, "pause"),
    (failure("HfHubHTTPError", status=503), NoNetwork, "trouble"),
    (failure("HfHubHTTPError", status=418), NoNetwork, "answered with an error"),
    (failure("ReadTimeout", "TransportError"), NoNetwork, "broke"),
    (ConnectionResetError(errno.ECONNRESET, "x"), NoNetwork, "broke"),
    (OSError(errno.ENOSPC, "x"), Unexpected, "disk became full"),
    (PermissionError(errno.EACCES, "x"), Unexpected, "cannot be written"),
    (NotADirectoryError(errno.ENOTDIR, "x"), Unexpected, "Name a folder by HF_HOME"),
    (FileExistsError(errno.EEXIST, "x"), Unexpected, "Name a folder by HF_HOME"),
    (UnicodeEncodeError("ascii", "hf_\u00fc", 3, 4, "x"), NotInstalled, "token has a letter"),
    (failure("LocalProtocolError", "TransportError"), NotInstalled, "token has a letter"),
    (OSError("Consistency check failed: file should be of size 3"), ModelBroken, "did not arrive"),
    (BadRequest("A sentence."), BadRequest, "A sentence."),
    (KeyError("x"), Unexpected, "not foreseen"),
])
def test_what_a_download_fails_of_is_told_in_words(error, expected, words):
    found = hub.told(error, model="Far", repository="acme/far")
    assert type(found) is expected and words in str(found)
    assert "secret" not in str(found) and "someone" not in str(found)


def test_the_cause_of_a_wrapped_error_is_told():
    outer = failure("LocalEntryNotFoundError", "FileNotFoundError")
    outer.__cause__ = failure("HfHubHTTPError", status=429)
    assert "pause" in str(hub.told(outer, model="Far"))


def test_a_line_that_breaks_before_anything_was_fetched_says_so():
    error = failure("ReadTimeout", "TransportError")
    assert "does not answer" in str(hub.told(error, model="Far", fetching=False))


def test_the_page_of_a_repository(monkeypatch):
    assert hub.page("acme/far") == "https://huggingface.co/acme/far"
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1/")
    assert hub.page("acme/far", "dataset") == "http://127.0.0.1:1/datasets/acme/far"
