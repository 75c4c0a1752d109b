"""Models of one's own: what stands in a folder that --models names, found again when it changes, and own hub repositories."""

from __future__ import annotations

import json
import logging
import os
import stat
import threading
import time
from collections.abc import Callable, ItemsView, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playground import hub
from playground.catalog import Catalog, ModelCard
from playground.errors import ModelBroken, NoNetwork, NotInstalled, PlaygroundError
from playground.lora_files import Header, Lora, enlarges, header, is_compact, is_for_text, is_lora, lora, tidy
from playground.own_cards import CONFIG, INDEX, PICKLED, Source, card_of, check_name, described, upscale_card
from playground.wording import say

if TYPE_CHECKING:
    from playground.downloads import Store

__all__ = ["Folder", "Found", "Lora", "Loras", "OwnModels", "card_of", "found", "looked_up", "remembered"]

log = logging.getLogger(__name__)
DEPTH = 3  # folders below the one that was named
MODEL_DEPTH = 2  # folders within a model's own
MOST_ENTRIES = 20_000  # that are looked at, so that a whole disk holds nobody up
LONGEST_SETTINGS = 20_000_000  # bytes of a JSON file that are read
MOST_TOLD = 40
FORGOTTEN_SECONDS = 86_400  # after so long nobody goes on with a download that was begun and cannot be offered
LOOK_SECONDS = 4.0  # between two looks at the folder
LOOK_SHARE = 50  # times as long as a look takes, nothing is done then


@dataclass(frozen=True, kw_only=True)
class Found:
    """What is in a folder. told: what was left out and why, a sentence each."""

    cards: tuple[ModelCard, ...] = ()
    loras: tuple[Lora, ...] = ()
    told: tuple[str, ...] = ()


class Folder:
    """The folder of one's own models, looked at anew only where something in it has changed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._seen: object = None
        self._found = Found()

    def found(self) -> Found:
        """What is in it now."""
        with self._lock:
            entries = listing(self.path)
            if entries != self._seen:
                self._found, self._seen = sorted_out(self.path, entries), entries
            return self._found


def found(folder: Path) -> Found:
    """What is in a folder."""
    return Folder(folder).found()


@dataclass(frozen=True)
class Entry:
    """A file or a folder; nothing else is looked at, as opening a pipe would wait for ever.

    path: its parts below the folder that was named; linked: whether it leads out of that folder.
    """

    path: tuple[str, ...]
    is_folder: bool
    size: int
    changed: int
    linked: bool = False


def listing(folder: Path) -> tuple[Entry, ...]:
    """All entries of a folder down to the depth where a model's files can stand, without hidden ones, in order."""
    root = os.path.realpath(folder)
    made: list[Entry] = []

    def look(place: str, parts: tuple[str, ...]) -> None:
        try:
            with os.scandir(place) as there:
                inner = sorted((e for e in there if not e.name.startswith(".")), key=lambda e: e.name)
        except OSError:
            return
        for entry in inner:
            if len(made) >= MOST_ENTRIES:
                return
            try:
                known, path = entry.stat(), (*parts, entry.name)
                if not stat.S_ISREG(known.st_mode) and not stat.S_ISDIR(known.st_mode):
                    continue
                outside = entry.is_symlink() and not within(root, os.path.realpath(entry.path))
                made.append(Entry(path, entry.is_dir(), known.st_size, known.st_mtime_ns, outside))
                if entry.is_dir() and not entry.is_symlink() and len(path) < DEPTH + MODEL_DEPTH:
                    look(entry.path, path)
            except OSError:  # gone meanwhile, or a link to nowhere
                continue

    look(root, ())
    return tuple(made)


def within(root: str, path: str) -> bool:
    """Whether a real path stands in a real folder."""
    return os.path.commonpath([root, path]) == root


def sorted_out(folder: Path, entries: tuple[Entry, ...]) -> Found:
    """The models and LoRAs among the entries."""
    search = Search(folder=Path(os.path.realpath(folder)), entries=entries)
    search.look((), name=folder.resolve().name)
    told = search.told
    if not folder.is_dir():
        told = [say("own.no_folder", name=str(folder))]
    elif len(entries) >= MOST_ENTRIES:
        told = [say("own.too_many", count=f"{MOST_ENTRIES:,}"), *told]
    if len(told) > MOST_TOLD:
        told = [*told[:MOST_TOLD], say("own.more", count=len(told) - MOST_TOLD)]
    return Found(cards=tuple(unique(search.cards)), loras=tuple(search.loras), told=tuple(printable(one) for one in told))


def printable(text: str) -> str:
    """A sentence that can be printed whatever a file is called: a name need not be text."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def unique(cards: list[ModelCard]) -> Iterator[ModelCard]:
    """The cards, the second of an id with a number behind it."""
    taken: set[str] = set()
    for card in cards:
        identity, number = card.id, 2
        while identity in taken:
            identity, number = f"{card.id}-{number}", number + 1
        taken.add(identity)
        yield replace(card, id=identity)


class Search:
    """One walk through a folder's entries: a folder that is a model is not looked into any further."""

    def __init__(self, *, folder: Path, entries: tuple[Entry, ...]) -> None:
        self.folder = folder
        self.cards: list[ModelCard] = []
        self.loras: list[Lora] = []
        self.told: list[str] = []
        self._inner: dict[tuple[str, ...], list[Entry]] = {}
        for entry in entries:
            self._inner.setdefault(entry.path[:-1], []).append(entry)

    def look(self, parts: tuple[str, ...], *, name: str) -> None:
        """Looks at one folder, and into those below it where it is no model itself."""
        inner = self._inner.get(parts, [])
        names = {entry.path[-1] for entry in inner if not entry.is_folder}
        settings = INDEX if INDEX in names else CONFIG
        try:
            if INDEX in names or (CONFIG in names and "model_type" in self.settings(parts, CONFIG)):
                self.cards.append(self.model(parts, settings, name=name))
                return
        except PlaygroundError as error:
            self.told.append(str(error))
            return
        except Exception as error:  # whatever a stranger's file holds, the others are still found
            place = "/".join((*parts, settings))
            log.warning("%s was not understood: %s", printable(place), type(error).__name__, exc_info=error)
            self.told.append(say("own.broken_settings", name=place))
            return
        for entry in inner:
            if entry.linked:
                self.told.append(say("own.linked", name="/".join(entry.path)))
            elif not entry.is_folder:
                self.file(entry, folder=name)
            elif len(entry.path) <= DEPTH:
                self.look(entry.path, name=entry.path[-1])

    def model(self, parts: tuple[str, ...], settings: str, *, name: str) -> ModelCard:
        """The card of a folder with settings; a PlaygroundError in a sentence where it cannot be used."""
        whole = [e for path, inner in self._inner.items() if path[:len(parts)] == parts for e in inner]
        if any(entry.linked for entry in whole):
            raise ModelBroken(say("own.linked", name=name))
        files = {"/".join(entry.path[len(parts):]): entry.size for entry in whole if not entry.is_folder}

        def read(path: str) -> Mapping[str, Any]:
            return self.settings(parts, path) if path in files else {}

        source = Source(name=name, place="/".join(parts), folder=self.folder.joinpath(*parts), files=files, read=read)
        return described(source, self.settings(parts, settings))

    def settings(self, parts: tuple[str, ...], path: str) -> Mapping[str, Any]:
        """The JSON of a file; ModelBroken where it is none, or no object."""
        try:
            return parsed(self.folder.joinpath(*parts, path))
        except (OSError, ValueError):
            raise ModelBroken(say("own.broken_settings", name="/".join((*parts, path)))) from None

    def file(self, entry: Entry, *, folder: str) -> None:
        """Looks at a file that stands loose, in a folder of this name."""
        path, name = self.folder.joinpath(*entry.path), entry.path[-1]
        if name.endswith(PICKLED):
            self.told.append(say("own.pickled", name=name))
        if not name.endswith(".safetensors"):
            return
        try:
            self.weights(path, header(path), folder=folder)
        except PlaygroundError as error:
            self.told.append(str(error))
        except Exception as error:  # as above
            log.warning("%s was not understood: %s", printable(name), type(error).__name__, exc_info=error)
            self.told.append(say("own.damaged", name=name))

    def weights(self, path: Path, known: Header, *, folder: str) -> None:
        """A loose safetensors file by what its header says it is."""
        if is_compact(known):
            name, place = (folder, path.parent) if path.stem == "model" else (path.stem, path)
            below = place.relative_to(self.folder).as_posix()
            source = Source(
                name=name, place="" if below == "." else below, folder=place, files={path.name: path.stat().st_size}
            )
            self.cards.append(upscale_card(source, scale=enlarges(known)))
        elif is_lora(known):
            made = lora(path, known, name=self.lora_name(path, folder))
            if not made.base and is_for_text(known):
                self.told.append(say("own.for_text", name=path.name))
            else:
                self.loras.append(made)
        else:
            self.told.append(say("own.unknown_file", name=path.name))

    def lora_name(self, path: Path, folder: str) -> str:
        """A LoRA's name: its file's, or its folder's where files of libraries are all called alike; each only once."""
        plain = path.stem if path.stem not in ("pytorch_lora_weights", "adapter_model") else folder
        plain = tidy(plain)
        names, name, number = {known.name for known in self.loras}, plain, 2
        while name in names:
            name, number = f"{plain} ({number})", number + 1
        return name


class Loras(Mapping[str, Lora]):
    """LoRA files by name, which change as a whole while others read them."""

    def __init__(self) -> None:
        self._known: dict[str, Lora] = {}

    def change(self, loras: Iterable[Lora]) -> None:
        """These and no others from now on."""
        self._known = {lora.name: lora for lora in loras}

    def __getitem__(self, name: str) -> Lora:
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def items(self) -> ItemsView[str, Lora]:
        """Names with their files, as they are at this moment."""
        return self._known.items()


class OwnModels:
    """A folder's models among those of the catalogue. changed: told the id of a model whose files are others now."""

    def __init__(
        self, path: Path | None, catalog: Catalog, *, changed: Callable[[str], object] = lambda model: None,
    ) -> None:
        self.loras = Loras()
        self._folder = Folder(path) if path else None
        self._catalog = catalog
        self._changed = changed
        self._cards: dict[str, ModelCard] = {}
        self._lock = threading.Lock()

    def refresh(self) -> tuple[str, ...]:
        """Takes in what is in the folder now; returns the sentences on what was left out."""
        if self._folder is None:
            return ()
        with self._lock:
            there = self._folder.found()
            now = {card.id: card for card in there.cards}
            for identity in dict.fromkeys((*self._cards, *now)):  # in their order, which a set would shake up
                if now.get(identity) == self._cards.get(identity):
                    continue
                if identity in now:
                    self._catalog.add(now[identity])
                else:
                    self._catalog.remove(identity)
                self._changed(identity)
            self._cards = now
            self.loras.change(there.loras)
            return there.told

    def keep_up(self, ended: threading.Event, *, seconds: float = LOOK_SECONDS) -> None:
        """Takes in what changes until it is ended, for those who ask without opening the page. A large or slow folder is
        looked at less often."""
        pause = seconds
        while self._folder is not None and not ended.wait(pause):
            begun = time.monotonic()
            try:
                self.refresh()
            except Exception as error:  # the next look may go well
                log.warning("the folder of models was not looked at: %s", type(error).__name__, exc_info=error)
            pause = max(seconds, LOOK_SHARE * (time.monotonic() - begun))


def looked_up(repository: str, store: Store) -> ModelCard:
    """The card of a hub repository that no card is for. Of its files only the settings are fetched; a PlaygroundError
    says why it cannot be used."""
    repository = repository.strip()
    check_name(repository)
    if hub.switched_off():
        raise NotInstalled(say("downloads.switched_off"))
    if not hub.reachable():
        raise NoNetwork(say("downloads.no_hub"))
    try:
        listing = hub.listing(repository)
        files = {file.name: file.size for file in listing.files}

        def read(path: str) -> Mapping[str, Any]:
            if not 0 < files.get(path, 0) <= LONGEST_SETTINGS:
                return {}
            file = hub.fetch(repository, path, kind="model", commit=listing.commit, folder=store.folder)
            try:
                return parsed(file)
            except ValueError:
                raise ModelBroken(say("own.hub_broken_settings", name=f"{repository}/{path}")) from None

        return card_of(
            repository, read(INDEX) or read(CONFIG), files=files, read=read, licence=listing.licence, gated=listing.gated,
        )
    except Exception as error:
        raise hub.told(error, model=repository, repository=repository, fetching=False) from error


def remembered(store: Store) -> tuple[ModelCard, ...]:
    """The cards of the own hub repositories that the store has fetched, or begun to fetch, so that they can be finished or
    removed; made anew from the files that are there."""
    made: dict[str, ModelCard] = {}
    for identity, kept in (*store.kept().items(), *store.begun().items()):
        if not identity.startswith("own-") or identity in made:
            continue
        part = kept.parts[0]
        folder = store.snapshot(part)

        def read(path: str, *, folder: Path = folder, files: Mapping[str, int] = part.files) -> Mapping[str, Any]:
            return parsed(folder / path) if path in files else {}

        try:
            card = card_of(
                part.repository, read(INDEX) or read(CONFIG), files=part.files, read=read, licence=kept.licence
            )
        except Exception as error:  # its files are gone, or others than they were
            log.info("%s is not offered any more: %s", identity, error)
            if time.time() - kept.when > FORGOTTEN_SECONDS:
                store.abandon(identity)
            continue
        made[identity] = replace(card, id=identity)
    return tuple(made.values())


def parsed(file: Path) -> Mapping[str, Any]:
    """The JSON of a file of settings; ValueError where it is none, or no object."""
    found = file.stat()
    if not stat.S_ISREG(found.st_mode) or found.st_size > LONGEST_SETTINGS:
        raise ValueError
    try:
        made = json.loads(file.read_text(encoding="utf8"))
    except RecursionError:
        raise ValueError from None
    if not isinstance(made, dict):
        raise ValueError
    return made
