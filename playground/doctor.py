"""`python app.py --doctor`: what this machine offers, what is missing, and one run in every tab with its times."""

from __future__ import annotations

import dataclasses
import os
import platform
import re
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from playground import hub
from playground.command_line import amount
from playground.engine import Engine
from playground.errors import PlaygroundError
from playground.events import Done
from playground.requests import Request, TextToSpeechRequest
from playground.wording import say

REQUIREMENTS = Path(__file__).parents[1] / "requirements.txt"
PIN = r"^\s*([\w.-]+)(?:\[[^\]]*\])?\s*==\s*([^\s;#]+)"  # a name and the one version of it
LITTLE = 5e9  # bytes of free disk: hardly a model fits
SAID = "Good morning! All is well."


def at_once(text: str) -> None:
    """Prints a line that is read while the next is worked for."""
    print(text, flush=True)


@dataclass(kw_only=True)
class Report:
    """Lines with what is well and what is not. failed: how many things do not work."""

    tell: Callable[[str], None] = at_once
    failures: int = 0

    def ok(self, text: str) -> None:
        """Something that works."""
        self._line(say("doctor.ok"), text)

    def note(self, text: str) -> None:
        """Something that people should know of, and without which all works."""
        self._line(say("doctor.note"), text)

    def failed(self, text: str) -> None:
        """Something that does not work."""
        self.failures += 1
        self._line(say("doctor.failed"), text)

    def _line(self, verdict: str, text: str) -> None:
        self.tell(f"{verdict:7} {text}")


def doctor(
    engine: Engine, requests: tuple[Request, ...], *, folder: Path, tell: Callable[[str], None] = at_once,
    reachable: Callable[[], bool] = hub.reachable, requirements: Path = REQUIREMENTS,
    told: Iterable[str] = (),
) -> int:
    """Looks at everything and tells it line by line; the exit code, 1 where something does not work.

    requests: the runs that are tried; folder: where the hub's models are kept; told: sentences on models of one's own that
    were left out.
    """
    report = Report(tell=tell)
    report.ok(say("doctor.python", version=platform.python_version(), system=f"{platform.system()} {platform.machine()}"))
    packages(report, requirements)
    if machine(report, engine):
        disk(report, folder)
        network(report, reachable)
        for sentence in told:
            report.note(sentence)
        for request in requests:
            smoke(report, engine, request)
    count = report.failures
    report.tell(say("doctor.summary_failed", count=count) if count else say("doctor.summary_ok"))
    return 1 if count else 0


def packages(report: Report, requirements: Path) -> None:
    """The packages that are there beside those that the tests run with."""
    wanted = dict(re.findall(PIN, requirements.read_text(encoding="utf8"), re.M))
    same = 0
    for name, version in wanted.items():
        try:
            there = metadata.version(name)
        except metadata.PackageNotFoundError:
            report.failed(say("doctor.not_there", name=name))
            continue
        if there.partition("+")[0] == version:  # "+cpu" names a build of the same version
            same += 1
        else:
            report.failed(say("doctor.other_version", name=name, there=there, wanted=version))
    report.ok(say("doctor.packages", count=same))


def machine(report: Report, engine: Engine) -> bool:
    """The device and torch; whether there is one to run on."""
    try:
        device = engine.pool.device
        import torch
    except PlaygroundError as error:
        report.failed(str(error))
        return False
    except ImportError:
        report.failed(say("doctor.not_there", name="torch"))
        return False
    if torch.version.cuda:
        report.ok(say("doctor.torch", version=torch.__version__, cuda=torch.version.cuda))
    else:
        report.ok(say("doctor.no_cuda", version=torch.__version__))
    report.ok(say(
        "doctor.device", title=device.title, name=device.name, dtype=device.dtype, memory=amount(device.free_memory),
        threads=device.threads,
    ))
    return True


def disk(report: Report, folder: Path) -> None:
    """The room for models."""
    place = next((path for path in (folder, *folder.parents) if path.exists()), Path("/"))
    try:
        free = shutil.disk_usage(place).free
    except OSError:
        free = 0
    tell = report.note if free < LITTLE else report.ok
    tell(say("doctor.little_disk" if free < LITTLE else "doctor.disk", free=amount(free), folder=str(folder)))


def network(report: Report, reachable: Callable[[], bool]) -> None:
    """The hub and whether a token for it is there, which is never shown."""
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}:
        report.note(say("doctor.offline"))
    elif reachable():
        report.ok(say("doctor.network", hub=hub.endpoint()))
    else:
        report.note(say("doctor.no_network", hub=hub.endpoint()))
    from huggingface_hub import get_token

    report.ok(say("doctor.token")) if get_token() else report.note(say("doctor.no_token"))


def smoke(report: Report, engine: Engine, request: Request) -> None:
    """One run of a tab with the times of loading and running."""
    tab, title = say(f"{request.task}.tab"), engine.catalog.find(request.model).title
    try:
        done: Any = None
        for event in engine.run(request, "doctor"):
            done = event if isinstance(event, Done) else done
    except PlaygroundError as error:
        report.failed(say("doctor.tab_failed", tab=tab, model=title, why=str(error)))
        return
    load = done.timings.get("load", 0.0)
    report.ok(say("doctor.tab", tab=tab, model=title, load=f"{load:.1f}", run=f"{done.seconds - load:.1f}"))


def tried() -> tuple[Request, ...]:
    """A quick run of each tab with its starter."""
    from playground.bench import requests_of_starters

    return tuple(
        dataclasses.replace(request, text=SAID) if isinstance(request, TextToSpeechRequest) else request
        for request in requests_of_starters()
    )

