"""Which models of the hub are on this computer, told without the hub: its cache on disk, and a record of what is complete."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import shutil
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from playground.catalog import ModelCard
from playground.errors import NotInstalled, Unexpected
from playground.wording import say

log = logging.getLogger(__name__)
QUIET_SECONDS = 60  # a partial file that nobody holds and that has not grown for so long belongs to a dead download
STALE_SECONDS = 86_400  # one that has not grown for so long is dead, whoever holds it


@dataclasses.dataclass(frozen=True, kw_only=True)
class Part:
    """What a model needs of one repository. kind: "model" or "dataset"; files: their bytes by name."""

    repository: str
    commit: str
    files: Mapping[str, int]
    kind: str = "model"

    @property
    def total(self) -> int:
        """Bytes of all files."""
        return sum(self.files.values())


@dataclasses.dataclass(frozen=True, kw_only=True)
class Kept:
    """A model on this computer; the first part is its own repository. when: seconds since 1970."""

    parts: tuple[Part, ...]
    variant: str = ""
    licence: str = ""
    when: float = 0.0


class Store:
    """The hub's cache folder, by default huggingface_hub's own, and the file that records which models are complete there."""

    def __init__(self, folder: Path | None = None, *, record: Path) -> None:
        self._folder = folder
        self._record = record
        self._lock = threading.RLock()
        self._known: tuple[Any, dict[str, dict[str, Kept]]] = (None, {})
        self._damaged = False

    @cached_property
    def folder(self) -> Path:
        """The cache."""
        if self._folder is not None:
            return self._folder
        from huggingface_hub import constants

        return Path(constants.HF_HUB_CACHE)

    def ready(self, card: ModelCard) -> bool:
        """Whether a model can be loaded now: all its files are there, in their full size. Asks no network."""
        if card.folder is not None:
            return card.starter or card.folder.exists()
        return self._whole(card) is not None

    def resolved(self, card: ModelCard) -> ModelCard:
        """The card with the folders that it is loaded from; NotInstalled where it is not ready."""
        if card.folder is not None:
            if not self.ready(card):
                raise NotInstalled(say("own.gone", model=card.title))
            return card
        kept = self._whole(card)
        if kept is None:
            raise NotInstalled(say("downloads.not_ready", model=card.title))
        places = {part.repository: self.snapshot(part) for part in kept.parts}
        own = kept.parts[0]
        return dataclasses.replace(
            card, folder=places[own.repository], commit=own.commit, variant=kept.variant, places=places
        )

    def kept(self) -> Mapping[str, Kept]:
        """All models that are recorded as complete, by id; whether their files are still there is not looked at."""
        return dict(self._read()["models"])

    def begun(self) -> Mapping[str, Kept]:
        """All models that were begun and never became complete, by id."""
        return dict(self._read()["begun"])

    def size(self, card: ModelCard) -> int:
        """Bytes on disk of a model that is ready, else 0."""
        kept = self._whole(card) if card.folder is None else None
        return sum(part.total for part in kept.parts) if kept else 0

    def commit(self, card: ModelCard) -> str:
        """The commit of a model that is ready, else ""."""
        kept = self._whole(card) if card.folder is None else None
        return kept.parts[0].commit if kept else card.commit

    def licence(self, card: ModelCard) -> str:
        """The licence as the hub told it when the model was fetched, else the card's."""
        kept = self._whole(card) if card.folder is None else None
        return kept.licence if kept and kept.licence else card.licence

    def snapshot(self, part: Part) -> Path:
        """The folder of a repository at a commit."""
        return self._repository(part) / "snapshots" / part.commit

    def holds(self, part: Part, name: str) -> bool:
        """Whether a file is there in its full size."""
        try:
            return os.stat(self.snapshot(part) / name).st_size == part.files[name]
        except OSError:
            return False

    def has_blob(self, part: Part, blob: str, size: int) -> bool:
        """Whether a file of this checksum is there, perhaps for another commit of the repository."""
        try:
            return bool(blob) and (self._repository(part) / "blobs" / blob).stat().st_size == size
        except OSError:
            return False

    def begin(self, card: ModelCard, kept: Kept) -> None:
        """Records what is being fetched, so that it can be removed also where it never becomes complete."""
        with self._changing() as record:
            record["begun"][card.id] = kept

    def keep(self, card: ModelCard, kept: Kept) -> None:
        """Records a model as complete."""
        with self._changing() as record:
            record["models"][card.id] = kept
            record["begun"].pop(card.id, None)

    def drop(self, part: Part, name: str) -> int:
        """Deletes one file and its contents; returns the bytes that this frees."""
        path = self.snapshot(part) / name
        target = path.resolve() if path.is_symlink() else path
        freed = target.stat().st_size if target.is_file() else 0
        path.unlink(missing_ok=True)
        if target.parent == (self._repository(part) / "blobs").resolve():
            target.unlink(missing_ok=True)
        return freed

    def remove(self, card: ModelCard) -> int:
        """Deletes a model's files, those of an unfinished download too; returns the bytes that this frees. What another
        model of the record, or another commit in the cache, needs as well stays."""
        return self._remove(card.id, ("models", "begun"))

    def abandon(self, model: str) -> int:
        """Deletes what is there of a model that was begun, by its id; returns the bytes that this frees."""
        return self._remove(model, ("begun",))

    def _remove(self, model: str, sections: Iterable[str]) -> int:
        with self._changing() as record:
            gone = [kept for section in sections if (kept := record[section].pop(model, None))]
            others = {
                (part.kind, part.repository, part.commit, name)
                for section in record.values() for kept in section.values() for part in kept.parts for name in part.files
            }
            freed = 0
            for part in {(p.kind, p.repository, p.commit): p for kept in gone for p in kept.parts}.values():
                freed += self._empty(part, [
                    name for kept in gone for p in kept.parts if self.snapshot(p) == self.snapshot(part)
                    for name in p.files if (p.kind, p.repository, p.commit, name) not in others
                ])
        return freed

    def sweep(self) -> int:
        """Deletes the partial files of downloads whose process is gone; returns their bytes. The client deletes its own
        when a download fails, but not when its process was killed, and it never goes on with one."""
        freed, now = 0, time.time()
        for path in self.folder.glob("*/blobs/*.incomplete"):
            try:
                found = path.stat()
                quiet = now - found.st_mtime
                if quiet > STALE_SECONDS or quiet > QUIET_SECONDS and self._unheld(path):
                    path.unlink()
                    freed += found.st_size
            except OSError:  # gone meanwhile, or not ours to delete
                continue
        return freed

    def _unheld(self, partial: Path) -> bool:
        """Whether no living process fetches the file: whoever does holds its lock."""
        from filelock import FileLock, Timeout

        lock = self.folder / ".locks" / partial.parent.parent.name / f"{partial.name.split('.')[0]}.lock"
        if not lock.exists():
            return True
        try:
            with FileLock(lock, timeout=0):
                return True
        except (Timeout, NotImplementedError, OSError):
            return False

    def _repository(self, part: Part) -> Path:
        return self.folder / f"{part.kind}s--{part.repository.replace('/', '--')}"

    def _whole(self, card: ModelCard) -> Kept | None:
        """What is recorded of a card, where all of it is there and is what the card asks for now; without the optional parts
        that are not."""
        kept = self._read()["models"].get(card.id)
        if kept is None or kept.parts[0].repository != card.repository:
            return None
        if card.commit and card.commit != kept.parts[0].commit:
            return None
        there = {(part.kind, part.repository) for part in kept.parts}
        needed = {("model", card.repository), *((e.kind, e.repository) for e in card.extras if not e.optional)}
        if not needed <= there:
            return None
        dispensable = {(extra.kind, extra.repository) for extra in card.extras} - needed
        whole = tuple(part for part in kept.parts if all(self.holds(part, name) for name in part.files))
        if any(part not in whole and (part.kind, part.repository) not in dispensable for part in kept.parts):
            return None
        return dataclasses.replace(kept, parts=whole)

    def _empty(self, part: Part, names: Iterable[str]) -> int:
        """Deletes files of a snapshot, what only they pointed to, and the folders that are empty then."""
        home, snapshot = self._repository(part), self.snapshot(part)
        targets, freed = set(), 0
        for name in names:
            path = snapshot / name
            if path.is_symlink():
                targets.add(path.resolve())
            elif path.is_file():  # a disk without links holds the contents here
                freed += path.stat().st_size
            path.unlink(missing_ok=True)
        used = {path.resolve() for path in (home / "snapshots").rglob("*") if path.is_symlink()}
        for target in targets - used:
            if target.is_file() and target.parent == (home / "blobs").resolve():
                freed += target.stat().st_size
                target.unlink()
        for folder in sorted((p for p in (home / "snapshots").rglob("*") if p.is_dir()), reverse=True):
            if not any(folder.iterdir()):
                folder.rmdir()
        if not any(path.is_file() or path.is_symlink() for path in (home / "snapshots").rglob("*")):
            shutil.rmtree(home, ignore_errors=True)
        else:
            for ref in (home / "refs").rglob("*"):
                if ref.is_file() and not (home / "snapshots" / ref.read_text(encoding="utf8").strip()).is_dir():
                    ref.unlink()
        return freed

    def _read(self) -> dict[str, dict[str, Kept]]:
        """The record; read again when its file has changed."""
        with self._lock:
            stamp = None
            try:
                found = self._record.stat()
                stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
                if self._known[0] != stamp:
                    self._damaged = True  # until all of it has been understood
                    found = json.loads(self._record.read_text(encoding="utf8"))
                    made = {section: dict(read(found[section])) for section in ("models", "begun")}
                    self._damaged = any(len(made[section]) < len(found[section]) for section in made)
                    self._known = stamp, made
            except (FileNotFoundError, NotADirectoryError):
                self._known, self._damaged = (None, {"models": {}, "begun": {}}), False
            except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
                log.warning("the record of models cannot be read and begins anew")
                self._known = stamp, {"models": {}, "begun": {}}
            return self._known[1]

    @contextmanager
    def _changing(self) -> Iterator[dict[str, dict[str, Kept]]]:
        """The record to change; it is written when the block ends. One process at a time."""
        from huggingface_hub.utils import WeakFileLock

        try:
            self._record.parent.mkdir(parents=True, exist_ok=True)
            self._record.with_name(f"{self._record.name}.lock").touch()  # the lock itself would wait where it may not write
        except OSError:
            raise Unexpected(say("downloads.no_record", folder=str(self._record.parent))) from None
        with self._lock, WeakFileLock(self._record.with_name(f"{self._record.name}.lock")):
            record = {section: dict(models) for section, models in self._read().items()}
            yield record
            part = self._record.with_name(f"{self._record.name}.{os.getpid()}.part")
            part.write_text(json.dumps({
                section: {i: dataclasses.asdict(kept) for i, kept in models.items()} for section, models in record.items()
            }, indent=1), encoding="utf8")
            if self._damaged:  # what is in it may be wanted again
                self._record.replace(self._record.with_name(f"{self._record.name}.damaged"))
            part.replace(self._record)


def read(section: Mapping[str, Any]) -> Iterator[tuple[str, Kept]]:
    """The models of one section of a record, without those that cannot be understood."""
    for name, kept in section.items():
        try:
            parts = tuple(
                Part(
                    repository=str(p["repository"]), commit=str(p["commit"]), kind=str(p["kind"]),
                    files={str(n): int(size) for n, size in p["files"].items()},
                )
                for p in kept["parts"]
            )
            made = Kept(
                parts=parts, variant=str(kept["variant"]), licence=str(kept["licence"]), when=float(kept["when"])
            )
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
            log.warning("what is recorded of %s cannot be read and is left out", ascii(name)[:80])
            continue
        if parts:
            yield name, made
