"""Every foreign exception becomes a sentence for people, and nothing of its own text is ever shown."""

from __future__ import annotations

import errno
import json

import pytest

from playground.errors import (
    FOREIGN,
    BadRequest,
    ModelBroken,
    NoNetwork,
    NotInstalled,
    OutOfMemory,
    PlaygroundError,
    Unexpected,
    explain,
)

SECRET = "/home/someone/.cache/model.safetensors C:\\Users\\someone token=abc"


def check(sentence: str) -> None:
    """One or two plain sentences without a path, a format field or a foreign word."""
    assert sentence.endswith(".") and sentence[0].isupper()
    assert sentence.isprintable() and len(sentence) < 200
    for sign in ("/", "\\", "{", "}", "someone", "token", "Traceback", "Error", ".safetensors"):
        assert sign not in sentence


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_names_have_their_sentence(name: str) -> None:
    kind = type(name, (Exception,), {})
    made, _ = FOREIGN[name]
    for error in (kind(SECRET), type("Special", (kind,), {})(SECRET)):
        found = explain(error, model="Words")
        assert type(found) is made
        check(str(found))


@pytest.mark.parametrize("name", FOREIGN)
def test_sentences_say_what_to_do(name: str) -> None:
    what, *to_do = str(explain(type(name, (Exception,), {})())).split(". ")
    assert to_do, f"{what}: and what should the reader do?"


@pytest.mark.parametrize(("error", "expected", "words"), [
    (OSError(errno.ENOSPC, "No space left on device", SECRET), Unexpected, "disk is full"),
    (OSError("No space left on device: " + SECRET), Unexpected, "disk is full"),
    (OSError(f"{SECRET} does not appear to have a file named config.json."), NotInstalled, "incomplete"),
    (OSError("Error no file named model.safetensors found in directory " + SECRET), NotInstalled, "incomplete"),
    (OSError("Cannot allocate memory " + SECRET), OutOfMemory, "out of memory"),
    (OSError(errno.ENOMEM, "Cannot allocate memory", SECRET), OutOfMemory, "out of memory"),
    (FileNotFoundError(errno.ENOENT, "No such file or directory", SECRET), Unexpected, "Try again"),
    (PermissionError(errno.EACCES, "Permission denied", SECRET), Unexpected, "Try again"),
    (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB " + SECRET), OutOfMemory, "out of memory"),
    (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried " + SECRET), OutOfMemory, "memory"),
    (RuntimeError("DefaultCPUAllocator: not enough memory: you tried " + SECRET), OutOfMemory, "memory"),
    (RuntimeError("MPS backend out of memory " + SECRET), OutOfMemory, "out of memory"),
    (MemoryError(), OutOfMemory, "out of memory"),
    (ModuleNotFoundError("No module named 'secret'", name="secret"), NotInstalled, "package"),
    (ConnectionResetError(errno.ECONNRESET, SECRET), NoNetwork, "hub"),
    (ValueError(SECRET), Unexpected, "Try again"),
    (KeyError(SECRET), Unexpected, "Try again"),
    (ZeroDivisionError(), Unexpected, "Try again"),
    (KeyboardInterrupt(), Unexpected, "Try again"),
])
def test_exceptions_are_told_in_words(error: BaseException, expected: type[PlaygroundError], words: str) -> None:
    found = explain(error, model="Words")
    assert type(found) is expected
    assert words in str(found)
    check(str(found))


def test_real_exceptions_of_the_libraries() -> None:
    """The names above are those that the installed libraries use."""
    import httpx
    import torch
    from huggingface_hub import errors as hub
    from PIL import Image, UnidentifiedImageError
    from safetensors import SafetensorError

    kinds = {
        torch.OutOfMemoryError: OutOfMemory, hub.GatedRepoError: NotInstalled,
        hub.RepositoryNotFoundError: NotInstalled, hub.HfHubHTTPError: NoNetwork,
        hub.LocalEntryNotFoundError: NotInstalled, hub.OfflineModeIsEnabled: NotInstalled,
        httpx.ConnectError: NoNetwork, httpx.ConnectTimeout: NoNetwork, httpx.TransportError: NoNetwork,
        ConnectionError: NoNetwork,
        SafetensorError: ModelBroken, json.JSONDecodeError: ModelBroken,
        Image.DecompressionBombError: BadRequest, UnidentifiedImageError: BadRequest,
        ImportError: NotInstalled, ModuleNotFoundError: NotInstalled, MemoryError: OutOfMemory,
    }
    assert {kind.__name__ for kind in kinds} == set(FOREIGN)
    for kind, expected in kinds.items():
        error = kind.__new__(kind)
        assert type(explain(error)) is expected
    for broken in (httpx.ReadTimeout, httpx.ProxyError, httpx.RemoteProtocolError):
        assert type(explain(broken("x"))) is NoNetwork


@pytest.mark.parametrize("kind", [PlaygroundError, *PlaygroundError.__subclasses__()])
def test_our_own_errors_come_back_as_they_are(kind: type[PlaygroundError]) -> None:
    error = kind("A sentence.")
    assert explain(error) is error


def test_a_bad_request_names_its_field() -> None:
    assert BadRequest("Seed is odd.", field="seed").field == "seed"
    assert BadRequest("Something is odd.").field == ""
