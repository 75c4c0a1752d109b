"""What a download will take, asked of the hub before anything is fetched: files, bytes, licence, commit, room on the disk."""

from __future__ import annotations

import json
import logging
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from playground import hub, needed
from playground.calls import Cut
from playground.catalog import Extra, ModelCard
from playground.errors import NoNetwork, NotInstalled, PlaygroundError, Unexpected
from playground.store import Kept, Part, Store
from playground.wording import say

log = logging.getLogger(__name__)
SPARE = 1 << 28  # bytes that stay free on the disk
SMALL = 1 << 22  # bytes: files up to this come first, so that a refusal comes early
LARGEST = 50_000_000_000  # bytes of a single file that the hub gives over plain HTTP


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a download will take. parts: what is fetched of each repository; total, to_fetch: bytes, with and without what
    is here already; free: bytes on the disk; gated: whether its maker wants to be asked; commit: of its own repository;
    variant: of its weights; sums: the files with their checksums, by repository."""

    model: str
    parts: tuple[Part, ...]
    total: int
    to_fetch: int
    free: int
    licence: str
    gated: bool
    commit: str
    variant: str = ""
    sums: tuple[tuple[hub.File, ...], ...] = ()

    @property
    def kept(self) -> Kept:
        """What the record will say of it."""
        return Kept(parts=self.parts, variant=self.variant, licence=self.licence, when=time.time())

    @property
    def files(self) -> tuple[tuple[Part, hub.File], ...]:
        """Every file with its part: the small ones, then the rest from the largest."""
        every = [(part, file) for part, files in zip(self.parts, self.sums, strict=True) for file in files]
        return tuple(sorted(every, key=lambda one: (one[1].size > SMALL, -one[1].size)))


def plan(card: ModelCard, store: Store) -> Plan:
    """Asks the hub what a model consists of; fetches nothing but the index of its parts.

    Raises a PlaygroundError where it cannot be had: no network, gated, unknown, nothing in safetensors, a full disk.
    """
    if hub.switched_off():
        raise NotInstalled(say("downloads.switched_off"))
    if not hub.reachable():
        raise NoNetwork(say("downloads.no_hub"))
    asked = card.repository, "model"
    try:
        found, index = main_repository(card, store)
        chosen = needed.of_model(card, found.files, index)
        listings = {("model", card.repository): (found, list(chosen.files))}
        for extra in card.extras:
            asked = extra.repository, extra.kind
            try:
                add(extra, card, store, listings)
            except Cut:
                raise
            except Exception as error:
                told = hub.told(error, model=card.title, repository=asked[0], kind=asked[1], fetching=False)
                if not extra.optional or not isinstance(told, NotInstalled):
                    raise
                log.warning("%s is fetched without %s: %s", card.id, extra.repository, told)
    except (Cut, PlaygroundError):
        raise
    except Exception as error:
        raise hub.told(error, model=card.title, repository=asked[0], kind=asked[1], fetching=False) from error
    return weighed(card, store, listings, variant=chosen.variant)


def add(extra: Extra, card: ModelCard, store: Store, listings: dict) -> None:
    """Adds to the listings what is needed of an extra; raises what the client raises."""
    place = (extra.kind, extra.repository)
    listing, files = listings.get(place) or (hub.listing(extra.repository, kind=extra.kind, revision=extra.revision or None), [])
    if extra.files or extra.kind == "dataset":
        more = needed.of_extra(card, extra.files, listing.files)
    else:
        more = needed.of_model(card, listing.files)
    if listing.gated and more.files:
        hub.may_fetch(
            extra.repository, more.files[0].name, kind=extra.kind, commit=listing.commit, folder=store.folder
        )
    files += [file for file in more.files if file not in files]
    listings[place] = listing, files


def main_repository(card: ModelCard, store: Store) -> tuple[hub.Listing, dict | None]:
    """A model's own repository, and its index of parts where it has one; raises what the client raises."""
    found = hub.listing(card.repository, revision=card.commit or card.options.get("revision"))
    names = {file.name for file in found.files}
    place = {"kind": "model", "commit": found.commit, "folder": store.folder}
    if needed.INDEX in names:
        return found, json.loads(hub.fetch(card.repository, needed.INDEX, **place).read_text(encoding="utf8"))
    if found.gated and needed.CONFIG in names:
        hub.may_fetch(card.repository, needed.CONFIG, **place)
    return found, None


def weighed(card: ModelCard, store: Store, listings: dict, *, variant: str) -> Plan:
    """The plan for what was chosen, once it is known to fit on the disk."""
    parts = tuple(
        Part(repository=repository, kind=kind, commit=listing.commit, files={file.name: file.size for file in files})
        for (kind, repository), (listing, files) in listings.items()
    )
    own = listings["model", card.repository][0]
    sums = tuple(tuple(files) for _, files in listings.values())
    to_fetch = sum(
        file.size for part, files in zip(parts, sums, strict=True) for file in files
        if not store.holds(part, file.name) and not store.has_blob(part, file.sha256 or file.blob, file.size)
    )
    free = free_bytes(store.folder)
    if any(file.size >= LARGEST for files in sums for file in files):
        raise NotInstalled(say("downloads.file_too_large", model=card.title))
    if to_fetch + SPARE > free:
        raise Unexpected(say("downloads.no_room", model=card.title, needed=gigabytes(to_fetch), free=gigabytes(free)))
    licence = own.licence if own.licence.casefold() != card.licence.casefold() else ""
    return Plan(
        model=card.id, parts=parts, sums=sums, total=sum(part.total for part in parts), to_fetch=to_fetch, free=free,
        licence=licence or card.licence, gated=own.gated or card.gated, commit=own.commit, variant=variant,
    )


def free_bytes(folder: Path) -> int:
    """Bytes that are free where a folder is or will be."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def gigabytes(count: int) -> str:
    """A number of bytes in words."""
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{max(count, 1e5) / 1e6:.1f} MB"
