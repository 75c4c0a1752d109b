"""What is asked of the model hub: quickly, whether it is there; what a repository holds; its files; its refusals in words."""

from __future__ import annotations

import errno
import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeVar

from playground import calls
from playground.errors import ModelBroken, NoNetwork, NotInstalled, PlaygroundError, Unexpected, explain
from playground.wording import say

log = logging.getLogger(__name__)
PROBE_SECONDS = 3.0
ANSWER_SECONDS = 10.0  # for a list of files; that of a large repository takes a moment
PAUSES = (1.0, 2.0, 4.0)  # seconds before a busy hub is asked again
Answer = TypeVar("Answer")


def endpoint() -> str:
    """The hub's address; HF_ENDPOINT names another one."""
    return os.environ.get("HF_ENDPOINT") or "https://huggingface.co"


def switched_off() -> bool:
    """Whether HF_HUB_OFFLINE is set."""
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}


def reachable(address: str | None = None, *, timeout: float = PROBE_SECONDS) -> bool:
    """Whether the hub answers a small question within `timeout` seconds, the look-up of its name counted.

    With HF_HUB_OFFLINE set it is not asked. A port that only takes connections does not count, nor does a proxy by itself.
    """
    if switched_off():
        return False
    import httpx2

    answered = threading.Event()

    def ask() -> None:
        try:
            with httpx2.Client(timeout=timeout) as client:
                client.head(f"{(address or endpoint()).rstrip('/')}/")
            answered.set()
        except Exception as error:  # no network, no such name, a silent server, an address that is none
            log.info("the hub does not answer: %s", type(error).__name__)

    caller = threading.Thread(target=ask, name="hub probe", daemon=True)
    caller.start()
    caller.join(timeout)
    return answered.is_set()


@dataclass(frozen=True, kw_only=True)
class File:
    """A file of a repository. size in bytes; sha256 of a large file, blob: git's own sum of any other; "" where unknown."""

    name: str
    size: int
    sha256: str = ""
    blob: str = ""


@dataclass(frozen=True, kw_only=True)
class Listing:
    """A repository at a commit, as the hub describes it. licence: as its maker wrote it, or ""."""

    repository: str
    kind: str
    commit: str
    files: tuple[File, ...]
    gated: bool = False
    licence: str = ""


def page(repository: str, kind: str = "model") -> str:
    """The address of a repository's page."""
    return f"{endpoint().rstrip('/')}/{'datasets/' if kind == 'dataset' else ''}{repository}"


def listing(repository: str, *, kind: str = "model", revision: str | None = None) -> Listing:
    """What a repository holds now. Raises what the client raises; a busy hub is asked again a few times."""
    from huggingface_hub import HfApi

    info = patiently(lambda: HfApi().repo_info(
        repository, repo_type=kind, revision=revision, files_metadata=True, timeout=ANSWER_SECONDS
    ))
    card = info.card_data or {}
    licence = card.get("license_name") if card.get("license") == "other" else card.get("license")
    return Listing(
        repository=repository, kind=kind, commit=info.sha, gated=bool(getattr(info, "gated", False)),
        licence=licence if isinstance(licence, str) else "",
        files=tuple(
            File(
                name=s.rfilename, size=(s.lfs.size if s.lfs else s.size) or 0, sha256=s.lfs.sha256 if s.lfs else "",
                blob="" if s.lfs else s.blob_id or "",
            )
            for s in info.siblings or () if inside(s.rfilename)
        ),
    )


def patiently(ask: Callable[[], Answer]) -> Answer:
    """The answer to a question; a busy hub is asked again a few times where the client itself gives up at once.

    So is, once, a hub that closed a connection that was kept open just when it was used again.
    """
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError

    call = calls.CURRENT.get() or calls.Call()
    broken = 0
    for pause in (*PAUSES, None):
        calls.prepare()
        try:
            return ask()
        except HfHubHTTPError as error:
            if pause is None or error.response.status_code not in calls.WAITS:
                raise
        except (httpx2.RemoteProtocolError, httpx2.ReadError, httpx2.WriteError):
            call.check()
            broken += 1
            if pause is None or broken > 1:
                raise
        call.wait(pause)
    raise AssertionError("the last question has no pause after it")


def inside(name: str) -> bool:
    """Whether a name means a file within its repository."""
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and "\\" not in name and ":" not in name


class Count:
    """Stands in for the client's progress bar and passes on how many bytes of one file there are."""

    def __init__(self, count: Callable[[int], None], *, initial: int = 0) -> None:
        self._count, self._there = count, 0
        self.update(initial)

    def __enter__(self) -> Count:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def update(self, more: int) -> None:
        self._there += more
        self._count(self._there)


def fetch(
    repository: str, name: str, *, kind: str, commit: str, folder: Path, count: Callable[[int], None] = lambda there: None
) -> Path:
    """Where one file is, fetched if it is not there; count(bytes) is told as they come. Raises what the client raises."""
    from huggingface_hub import hf_hub_download

    return Path(patiently(lambda: hf_hub_download(
        repository, name, repo_type=kind, revision=commit, cache_dir=folder,
        tqdm_class=lambda **bar: Count(count, initial=bar.get("initial", 0)),
    )))


def may_fetch(repository: str, name: str, *, kind: str, commit: str, folder: Path) -> None:
    """Raises what a fetch of the file would be refused with; a gated repository shows its list of files to everybody."""
    from huggingface_hub import hf_hub_download

    patiently(lambda: hf_hub_download(
        repository, name, repo_type=kind, revision=commit, cache_dir=folder, dry_run=True
    ))


def told(
    error: BaseException, *, model: str, repository: str = "", kind: str = "model", fetching: bool = True,
) -> PlaygroundError:
    """The sentence for whatever a download failed of; the client wraps what happened, so its causes are looked at too.
    fetching: whether anything was fetched yet, rather than only asked."""
    known: BaseException | None = error
    while known is not None:
        if isinstance(known, PlaygroundError):
            return known
        sentence = refusal(known, model=model, repository=repository, kind=kind)
        if sentence is not None:
            return sentence
        if broke(known):
            return NoNetwork(say("downloads.link_broke", model=model) if fetching else say("downloads.no_hub"))
        known = known.__cause__
    return explain(error, model=model)


def broke(error: BaseException) -> bool:
    """Whether an exception is about the line to the hub."""
    names = {kind.__name__ for kind in type(error).__mro__}
    return bool(names & {"TransportError", "ConnectionError"}) and "OfflineModeIsEnabled" not in names


def refusal(error: BaseException, *, model: str, repository: str, kind: str) -> PlaygroundError | None:
    """The sentence for one exception; None where it says nothing that a download needs to tell."""
    names = {kind.__name__ for kind in type(error).__mro__}
    status = getattr(getattr(error, "response", None), "status_code", 0)
    place = page(repository, kind)
    if "GatedRepoError" in names:
        if status == 403:
            return NotInstalled(say("downloads.not_granted", model=model, page=place))
        return NotInstalled(say("downloads.gated", model=model, page=place))
    if "RepositoryNotFoundError" in names or "HFValidationError" in names:
        return NotInstalled(say("downloads.unknown", repository=repository))
    if names & {"RevisionNotFoundError", "RemoteEntryNotFoundError"}:
        return NotInstalled(say("downloads.changed", model=model))
    if status == 401:
        return NotInstalled(say("downloads.bad_token"))
    if status == 403:
        return NotInstalled(say("downloads.forbidden", model=model, page=place))
    if status == 429:
        return NoNetwork(say("downloads.too_many"))
    if status >= 500:
        return NoNetwork(say("downloads.hub_trouble"))
    if isinstance(error, UnicodeEncodeError) or "LocalProtocolError" in names:  # the only text in a request that we do not write
        return NotInstalled(say("downloads.odd_token"))
    if isinstance(error, OSError) and error.errno in (errno.ENOTDIR, errno.EEXIST):
        return Unexpected(say("downloads.no_folder"))
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Unexpected(say("downloads.disk_full", model=model))
    if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return Unexpected(say("downloads.read_only"))
    if isinstance(error, OSError) and "consistency check" in str(error).lower():
        return ModelBroken(say("downloads.wrong_bytes", model=model))
    return None
