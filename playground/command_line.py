"""`python app.py --list`, `--get MODEL` and `--remove MODEL`: the models as a table, one of them fetched, checked or removed."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from playground.catalog import Catalog, ModelCard, missing, recommended
from playground.device import Device
from playground.downloads import checked
from playground.errors import BadRequest, NotInstalled, PlaygroundError
from playground.lora_files import tidy
from playground.placement import estimate, fits
from playground.requests import REQUESTS
from playground.wording import say

if TYPE_CHECKING:
    from playground.downloads import Checked, Downloads, Fetch, Plan, Store
    from playground.footprints import Footprints

LOOK_SECONDS = 0.2  # between two looks at how far a download is
LINE_SECONDS = 5.0  # between two lines where nobody watches a terminal
CANCEL_SECONDS = 15.0  # that a cancelled download is waited for
LONGEST_LICENCE = 32
ENDED = ("done", "cancelled", "failed")

Tell = Callable[[str], None]


def amount(count: float) -> str:
    """Bytes in words."""
    if count >= 1e9:
        return f"{count / 1e9:.1f} GB"
    return f"{count / 1e6:.0f} MB" if count >= 1e6 else f"{max(count, 0) / 1e3:.0f} kB"


def listed(
    catalog: Catalog, store: Store, device: Device, *, told: Iterable[str] = (), footprints: Footprints | None = None,
    tell: Tell = print,
) -> int:
    """Prints the table of all models, the best of each tab for this machine marked; the exit code.

    told: further sentences on models of one's own that were left out.
    """
    best = {card.id for request in REQUESTS if (card := recommended(catalog.serving(request.task), device, footprint=footprints))}
    head = ("", *(say(f"command_line.{name}") for name in ("id", "tabs", "size", "memory", "licence", "fits", "here")))
    rows = [head, *(row(card, store, device, best=card.id in best, footprints=footprints) for card in catalog.cards)]
    widths = [max(len(cells[i]) for cells in rows) for i in range(len(head))]
    for cells in rows:
        tell("  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip())
    tell("")
    tell(say("command_line.recommended", device=device.title))
    tell(say("command_line.how_to_get"))
    for sentence in told:
        tell(sentence)
    return 0


def row(
    card: ModelCard, store: Store, device: Device, *, best: bool, footprints: Footprints | None
) -> tuple[str, ...]:
    """A card's cells."""
    tabs = ", ".join(say(f"{request.task}.tab") for request in REQUESTS if request.task in card.tasks)
    fit = say("command_line.no") if fits(card, device, footprint=footprints) is None else say("command_line.yes")
    if device.name == "cpu" and not card.on_cpu and not card.starter and fit == say("command_line.yes"):
        fit = say("command_line.cpu_slow")
    if lacking := missing(card):
        fit = say("command_line.needs", names=", ".join(lacking))
    here = say("command_line.yes") if store.ready(card) else say("command_line.no")
    size = say("command_line.included") if card.starter else amount(card.download) if card.download else amount(card.memory)
    licence = clipped(card.licence) + (f", {say('command_line.gated')}" if card.gated else "")
    return "*" if best else "", card.id, tabs, size, amount(estimate(card, device)), licence, fit, here


def clipped(text: str) -> str:
    """A licence, which may be a sentence, for a column."""
    return text if len(text) <= LONGEST_LICENCE else f"{text[:LONGEST_LICENCE - 1].rstrip()}…"


def named(name: str, catalog: Catalog, find_own: Callable[[str], ModelCard]) -> ModelCard:
    """The card for an id, a title, or a repository; one of the hub that no card is for is asked there by find_own."""
    wanted = name.strip()
    for card in catalog.cards:
        if wanted.lower() in (card.id.lower(), card.title.lower()) or wanted and wanted == card.repository:
            return card
    if wanted.count("/") != 1:
        raise BadRequest(say("command_line.no_such", name=wanted[:100]), field="model")
    return find_own(wanted)


def get(
    name: str, *, catalog: Catalog, store: Store, downloads: Downloads, find_own: Callable[[str], ModelCard],
    plan: Callable[[ModelCard, Store], Plan], stream: Any = None,
) -> int:
    """Fetches a model and tells how far it is; the exit code: 0 where it is here in the end, else 1.

    plan: looks up what would be fetched; stream: where it is told, by default the standard output.
    """
    line = Line(sys.stdout if stream is None else stream)
    try:
        card = named(name, catalog, find_own)
        if card.starter or card.folder is not None:
            line.say(say("command_line.part_of_it", model=card.title))
            return 0
        if store.ready(card):
            line.say(say("command_line.already", model=card.title))
            damaged = verified(card, store, line).damaged
            if not damaged:
                return 0
            line.say(say("command_line.damaged", count=len(damaged)))
            card = dataclasses.replace(card, commit=store.commit(card))  # the rest of it is of that commit
            for part, file in damaged:
                store.drop(part, file)
        line.say(say("command_line.asks", model=card.title, repository=card.repository))
        line.say(say("command_line.looking"))
        made = plan(card, store)
        line.say(say("command_line.licence_line", licence=made.licence or card.licence))
        line.say(say(
            "command_line.space", size=amount(made.to_fetch), total=amount(made.total), free=amount(made.free),
        ))
        return fetched(card, store, downloads, line, made=made)
    except PlaygroundError as error:
        line.end()
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        line.end()
        line.say(say("command_line.cancelled_early", name=name.strip()[:100]))
        return 1


def remove(
    name: str, *, catalog: Catalog, store: Store, find_own: Callable[[str], ModelCard] | None = None, stream: Any = None,
) -> int:
    """Deletes the files of a model of the hub and tells what that frees; the exit code, 1 where there are none to delete.

    find_own: as for get(); a repository that no card is for has nothing here.
    """
    line = Line(sys.stdout if stream is None else stream)
    try:
        card = named(name, catalog, find_own or nothing_here)
        if card.starter:
            raise BadRequest(say("command_line.stays", model=card.title), field="model")
        if card.folder is not None:
            raise BadRequest(say("command_line.own_folder", model=card.title, folder=tidy(str(card.folder))), field="model")
        if card.id not in store.kept().keys() | store.begun().keys():
            return nothing_here(card.title)
        line.say(say("command_line.removed", model=card.title, size=amount(store.remove(card))))
        return 0
    except PlaygroundError as error:
        print(error, file=sys.stderr)
        return 1


def nothing_here(name: str) -> NoReturn:
    """Refuses to remove what is not here."""
    raise NotInstalled(say("command_line.not_here", model=name[:100]))


def verified(card: ModelCard, store: Store, line: Line) -> Checked:
    """Whether the files of a model that is here are as they left the hub, which is told."""
    total = store.size(card)

    def read(there: int) -> None:
        line.progress("verifying", say("command_line.verifying", done=amount(there), total=amount(total)))

    found = checked(store, card, read)
    line.end()
    if not found.damaged:
        line.say(say("command_line.sound", count=found.sound) if found.sound else say("command_line.sizes_only"))
    return found


def fetched(card: ModelCard, store: Store, downloads: Downloads, line: Line, *, made: Plan) -> int:
    """Waits for the download of a card, which Ctrl-C cancels; the exit code."""
    downloads.start(card, made=made)
    try:
        fetch = wait(card, downloads, line)
    except KeyboardInterrupt:
        downloads.cancel(card.id)
        fetch = wait(card, downloads, line, seconds=CANCEL_SECONDS)
    line.end()
    if fetch is not None and fetch.state == "done":
        line.say(say("command_line.got", model=card.title, commit=store.commit(card)[:12]))
        return 0
    if fetch is not None and fetch.state == "failed":
        raise PlaygroundError(fetch.error)
    line.say(say("command_line.cancelled", model=card.title))
    return 1


def wait(card: ModelCard, downloads: Downloads, line: Line, *, seconds: float = float("inf")) -> Fetch | None:
    """The last state of a card's download, once it has ended or the seconds are over; None where it is gone."""
    ends = time.monotonic() + seconds
    while True:
        fetch = next((one for one in downloads.fetches() if one.id == card.id), None)
        if fetch is None or fetch.state in ENDED or time.monotonic() > ends:
            return fetch
        if fetch.note or fetch.state not in ("waiting", "looking"):  # that it is looked up was told before the plan
            line.progress(fetch.state, words_of(fetch))
        time.sleep(LOOK_SECONDS)


def words_of(fetch: Fetch) -> str:
    """How far a download is."""
    if fetch.note:
        return fetch.note
    if fetch.state == "checking":
        return say("command_line.checking")
    done, total = amount(fetch.done), amount(fetch.total)
    if not fetch.speed or fetch.seconds_left is None:
        return say("command_line.no_speed", done=done, total=total)
    left = say("command_line.left", time=clock(fetch.seconds_left))
    return say("command_line.progress", done=done, total=total, speed=amount(fetch.speed), left=left)


def clock(seconds: float) -> str:
    """Seconds as m:ss or h:mm:ss."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@dataclass(kw_only=False)
class Line:
    """Lines on a stream; progress is one line that is written over on a terminal, else a line now and then."""

    stream: Any
    _open: int = 0
    _told: float = float("-inf")
    _state: str = ""

    def say(self, text: str) -> None:
        """A line of its own."""
        self.end()
        print(text, file=self.stream, flush=True)

    def progress(self, state: str, text: str) -> None:
        """How far it is now."""
        if self.stream.isatty():
            print(f"\r{text:{self._open}}", end="", file=self.stream, flush=True)
            self._open = max(self._open, len(text))
        elif state != self._state or time.monotonic() - self._told >= LINE_SECONDS:
            self._told, self._state = time.monotonic(), state
            print(text, file=self.stream, flush=True)

    def end(self) -> None:
        """Ends a line that is being written over."""
        if self._open:
            print(file=self.stream, flush=True)
            self._open = 0
