"""Models of one's own: what stands in a folder that --models names, found again when it changes, and own hub repositories."""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Callable, ItemsView, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playground import hub
from playground.catalog import Catalog, ModelCard
from playground.errors import ModelBroken, NoNetwork, NotInstalled, PlaygroundError
from playground.lora_files import Header, Lora, enlarges, header, is_compact, is_for_text, is_lora, lora
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
    """A file or a folder. path: its parts below the folder that was named; linked: whether it leads out of that folder."""

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
    return Found(cards=tuple(unique(search.cards)), loras=tuple(search.loras), told=tuple(told))


def unique(cards: list[ModelCard]) -> Iterator[ModelCard]:
    """The cards, the second of a name with a number behind its id."""
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
        try:
            if INDEX in names or (CONFIG in names and "model_type" in self.settings(parts, CONFIG)):
                self.cards.append(self.model(parts, INDEX if INDEX in names else CONFIG, name=name))
                return
        except PlaygroundError as error:
            self.told.append(str(error))
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

        source = Source(name=name, folder=self.folder.joinpath(*parts), files=files, read=read)
        return described(source, self.settings(parts, settings))

    def settings(self, parts: tuple[str, ...], path: str) -> Mapping[str, Any]:
        """The JSON of a file; ModelBroken where it is none, or no object."""
        try:
            return parsed(self.folder.joinpath(*parts, path))
        except ModelBroken:
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

    def weights(self, path: Path, known: Header, *, folder: str) -> None:
        """A loose safetensors file by what its header says it is."""
        if is_compact(known):
            name, place = (folder, path.parent) if path.stem == "model" else (path.stem, path)
            source = Source(name=name, folder=place, files={path.name: path.stat().st_size})
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
            for identity in self._cards.keys() | now.keys():
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
            return parsed(hub.fetch(repository, path, kind="model", commit=listing.commit, folder=store.folder))

        return card_of(
            repository, read(INDEX) or read(CONFIG), files=files, read=read, licence=listing.licence, gated=listing.gated,
        )
    except Exception as error:
        raise hub.told(error, model=repository, repository=repository) from error


def remembered(store: Store) -> tuple[ModelCard, ...]:
    """The cards of the own hub repositories that the store has fetched, made anew from the files that are there."""
    made = []
    for identity, kept in store.kept().items():
        part = kept.parts[0]
        if not identity.startswith("own-"):
            continue
        folder = store.snapshot(part)

        def read(path: str, *, folder: Path = folder, files: Mapping[str, int] = part.files) -> Mapping[str, Any]:
            return parsed(folder / path) if path in files else {}

        try:
            card = card_of(
                part.repository, read(INDEX) or read(CONFIG), files=part.files, read=read, licence=kept.licence
            )
        except PlaygroundError as error:  # its files are gone, or others than they were
            log.info("%s is not offered any more: %s", identity, error)
            continue
        if card.id == identity:
            made.append(card)
    return tuple(made)


def parsed(file: Path) -> Mapping[str, Any]:
    """The JSON of a file of settings; ModelBroken where it is none, or no object."""
    try:
        if file.stat().st_size > LONGEST_SETTINGS:
            raise ValueError
        made = json.loads(file.read_text(encoding="utf8"))
        if not isinstance(made, dict):
            raise ValueError
    except (OSError, ValueError, RecursionError):
        raise ModelBroken(say("own.broken_settings", name=file.name)) from None
    return made
