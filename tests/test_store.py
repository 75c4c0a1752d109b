"""What is on the disk: told without the hub, from the record and from what is really there; removed without harm to others."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from filelock import FileLock

from playground.catalog import Extra, ModelCard, cards
from playground.errors import NotInstalled, Unexpected
from playground.store import Kept, Part, Store

ROOT = Path(__file__).parents[1]


def card(name: str = "far", **values) -> ModelCard:
    """A card of a repository of the hub."""
    return ModelCard(**{
        "id": name, "title": name.title(), "repository": "acme/far", "adapter": "text", "tasks": frozenset({"text_generation"}),
        "sentence": "", "bad_at": "", "licence": "as on its page", "training_data": "", "memory": 1,
    } | values)


def part(store: Store, files: dict[str, bytes], *, repository: str = "acme/far", commit: str = "c1", kind: str = "model") -> Part:
    """A part of a model whose files are put into the cache, as the client lays them out."""
    made = Part(repository=repository, commit=commit, kind=kind, files={name: len(data) for name, data in files.items()})
    for name, data in files.items():
        blob = store.folder / f"{kind}s--{repository.replace('/', '--')}" / "blobs" / f"{hash(data):x}"
        path = store.snapshot(made) / name
        blob.parent.mkdir(parents=True, exist_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        blob.write_bytes(data)
        if not path.is_symlink():
            path.symlink_to(os.path.relpath(blob, path.parent))
    return made


@pytest.fixture
def store(tmp_path) -> Store:
    """An empty cache."""
    return Store(tmp_path / "hub", record=tmp_path / "own" / "models.json")


FILES = {"config.json": b"{}", "sub/model.safetensors": b"weights"}


def test_a_model_is_ready_once_it_is_recorded_and_there(store):
    wanted = card(variant="fp16")
    made = part(store, FILES)
    assert not store.ready(wanted) and store.size(wanted) == 0 and store.commit(wanted) == ""
    store.keep(wanted, Kept(parts=(made,), variant="bf16", licence="mit"))
    assert store.ready(wanted) and store.size(wanted) == 9 and store.commit(wanted) == "c1" and store.licence(wanted) == "mit"
    found = store.resolved(wanted)
    assert (found.folder, found.commit, found.variant) == (store.snapshot(made), "c1", "bf16")
    assert (found.folder / "sub" / "model.safetensors").read_bytes() == b"weights"
    assert Store(store.folder, record=store.folder.parent / "own" / "models.json").ready(wanted), "another start knows it too"


def test_what_is_not_ready_is_refused_in_a_sentence(store):
    with pytest.raises(NotInstalled, match="Far is not on this computer"):
        store.resolved(card())


def test_a_local_folder_is_always_ready(store, tmp_path):
    local = card(folder=tmp_path, repository="")
    assert store.ready(local) and store.resolved(local) is local and store.size(local) == 0


@pytest.mark.parametrize("harm", ["pointer", "blob", "shorter", "snapshot", "everything"])
def test_what_was_deleted_by_hand_is_noticed(store, harm):
    made = part(store, FILES)
    store.keep(card(), Kept(parts=(made,)))
    file = store.snapshot(made) / "sub" / "model.safetensors"
    if harm == "pointer":
        file.unlink()
    elif harm == "blob":
        file.resolve().unlink()
    elif harm == "shorter":
        file.resolve().write_bytes(b"weigh")
    elif harm == "snapshot":
        store.snapshot(made).rename(store.folder / "elsewhere")
    else:
        store.folder.rename(store.folder.with_name("elsewhere"))
    assert not store.ready(card())


def test_a_card_that_asks_for_something_else_now_is_not_ready(store):
    own, extra = part(store, FILES), part(store, FILES, repository="acme/codec")
    store.keep(card(), Kept(parts=(own,)))
    assert store.ready(card())
    assert not store.ready(card(repository="acme/other"))
    assert not store.ready(card(commit="c2"))
    with_codec = card(extras=(Extra(repository="acme/codec"),))
    assert not store.ready(with_codec)
    store.keep(card(), Kept(parts=(own, extra)))
    assert store.ready(with_codec) and store.resolved(with_codec).places["acme/codec"] == store.snapshot(extra)
    assert not store.ready(card(extras=(Extra(repository="acme/codec", kind="dataset"),)))


@pytest.mark.parametrize("text", [
    "", "{", "[]", "null", '{"models": 3, "begun": {}}', '{"models": {"far": {"parts": [{}]}}}', "\x00",
])
def test_a_damaged_record_begins_anew(store, text):
    made = part(store, FILES)
    store.keep(card(), Kept(parts=(made,)))
    record = store.folder.parent / "own" / "models.json"
    record.write_text(text)
    assert not store.ready(card())
    store.keep(card("other"), Kept(parts=(made,)))
    assert store.ready(card("other")) and json.loads(record.read_text())["models"].keys() == {"other"}
    left = sorted(path.name for path in record.parent.iterdir() if path.suffix != ".lock")
    assert left == ["models.json", "models.json.damaged"]
    assert record.with_name("models.json.damaged").read_text() == text


def test_one_bad_entry_of_the_record_does_no_harm_to_the_others(store):
    made = part(store, FILES)
    store.keep(card(), Kept(parts=(made,)))
    record = store.folder.parent / "own" / "models.json"
    known = json.loads(record.read_text())
    known["models"] = {"odd": {"parts": [{}]}, "odder": 3} | known["models"]
    record.write_text(json.dumps(known))
    assert store.ready(card()) and store.kept().keys() == {"far"}
    store.keep(card("other"), Kept(parts=(made,)))
    assert store.kept().keys() == {"far", "other"} and store.ready(card())
    assert json.loads(record.with_name("models.json.damaged").read_text())["models"]["odder"] == 3


@pytest.mark.parametrize("harm", ["file", "below a file"])
def test_a_record_that_cannot_be_written_names_its_folder(store, harm):
    place = store.folder.parent / "own"
    place.write_text("")
    beside = Store(store.folder, record=(place if harm == "file" else place / "deeper") / "models.json")
    assert not beside.ready(card())
    with pytest.raises(Unexpected, match="XDG_CACHE_HOME") as told:
        beside.keep(card(), Kept(parts=(part(store, FILES),)))
    assert str(place) in str(told.value)


def test_what_is_dispensable_is_left_out_where_it_is_not_there(store):
    own, extra = part(store, FILES), part(store, {"tiny.safetensors": b"tiny"}, repository="acme/tiny")
    wanted = card(extras=(Extra(repository="acme/tiny", optional=True),))
    store.keep(wanted, Kept(parts=(own,)))
    assert store.ready(wanted) and store.resolved(wanted).places.keys() == {"acme/far"}
    store.keep(wanted, Kept(parts=(own, extra)))
    assert store.resolved(wanted).places.keys() == {"acme/far", "acme/tiny"} and store.size(wanted) == 13
    store.drop(extra, "tiny.safetensors")
    assert store.ready(wanted) and store.resolved(wanted).places.keys() == {"acme/far"} and store.size(wanted) == 9
    assert not store.ready(card(extras=(Extra(repository="acme/tiny"),)))


def test_a_folder_that_is_gone_is_told(store, tmp_path):
    local = card("own-mine", folder=tmp_path / "mine", repository="")
    assert not store.ready(local)
    with pytest.raises(NotInstalled, match="The folder of Own-Mine is not there any more"):
        store.resolved(local)
    (tmp_path / "mine").mkdir()
    assert store.ready(local) and store.resolved(local) is local
    assert store.ready(next(one for one in cards() if one.starter))


def test_another_process_s_record_is_seen(store):
    beside = Store(store.folder, record=store.folder.parent / "own" / "models.json")
    made = part(store, FILES)
    assert not store.ready(card())
    beside.keep(card(), Kept(parts=(made,)))
    assert store.ready(card())
    store.keep(card("second"), Kept(parts=(made,)))
    assert beside.ready(card()) and beside.ready(card("second"))


def test_looking_needs_no_library(tmp_path):
    script = "import sys; from pathlib import Path; from playground.store import Store\n" \
        "from tests.test_store import card\n" \
        "assert not Store(Path('x'), record=Path('y')).ready(card())\n" \
        "print(sorted({'torch', 'transformers', 'diffusers', 'gradio', 'huggingface_hub'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr


def test_removing_frees_what_nobody_else_uses(store):
    shared, own = {"config.json": b"{}"}, {"model.safetensors": b"weights"}
    first, second = part(store, shared | own), part(store, shared)
    older = part(store, shared | {"model.safetensors": b"weights", "old.safetensors": b"old"}, commit="c0")
    store.keep(card("first"), Kept(parts=(first,)))
    store.keep(card("second"), Kept(parts=(second,)))
    assert store.remove(card("first")) == 0, "an older commit in the cache has the same weights"
    assert not store.ready(card("first")) and store.ready(card("second"))
    assert (store.snapshot(older) / "model.safetensors").read_bytes() == b"weights"
    assert store.remove(card("second")) == 0 and not store.snapshot(first).exists()
    assert store.remove(card("second")) == 0, "there is nothing left to remove"


def test_removing_the_last_of_a_repository_leaves_nothing(store):
    made = part(store, FILES)
    home = store.snapshot(made).parents[1]
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text("c1")
    extra = part(store, {"v.npy": b"123"}, repository="acme/vectors", kind="dataset")
    other = part(store, {"x": b"12"}, repository="acme/other")
    store.keep(card(), Kept(parts=(made, extra)))
    assert store.remove(card()) == 12
    assert sorted(path.name for path in store.folder.iterdir()) == ["models--acme--other"]
    assert store.holds(other, "x")


def test_an_unfinished_download_is_not_ready_and_can_be_removed(store):
    made = part(store, FILES)
    more = Part(repository=made.repository, commit=made.commit, files=dict(made.files) | {"late.safetensors": 5})
    store.begin(card(), Kept(parts=(more,)))
    assert not store.ready(card())
    assert store.remove(card()) == 9


def test_a_ref_to_a_removed_commit_goes_with_it(store):
    first, second = part(store, FILES, commit="c1"), part(store, {"config.json": b"{}"}, commit="c2")
    refs = store.snapshot(first).parents[1] / "refs"
    refs.mkdir()
    (refs / "main").write_text("c1")
    (refs / "next").write_text("c2")
    store.keep(card(), Kept(parts=(first,)))
    store.remove(card())
    assert [path.name for path in refs.iterdir()] == ["next"] and store.holds(second, "config.json")


def test_a_file_that_was_dropped_takes_its_contents_along(store):
    made = part(store, FILES)
    blob = (store.snapshot(made) / "config.json").resolve()
    assert store.drop(made, "config.json") == 2 and not blob.exists() and not store.holds(made, "config.json")
    assert store.drop(made, "config.json") == 0


def partial(store: Store, name: str, *, quiet: float) -> Path:
    """A partial file that has not grown for so many seconds."""
    path = store.folder / "models--acme--far" / "blobs" / f"{name}.1a2b3c4d.incomplete"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"half")
    os.utime(path, (time.time() - quiet,) * 2)
    return path


def test_only_partial_files_of_dead_downloads_are_swept(store):
    dead, ancient = partial(store, "dead", quiet=3600), partial(store, "old", quiet=100_000)
    young = partial(store, "new", quiet=0)
    held, freed = partial(store, "held", quiet=3600), partial(store, "freed", quiet=3600)
    whole = dead.with_name("whole")
    whole.write_bytes(b"all of it")
    locks = store.folder / ".locks" / "models--acme--far"
    locks.mkdir(parents=True)
    (locks / "freed.lock").touch()
    with FileLock(locks / "held.lock"), FileLock(locks / "old.lock"):
        assert store.sweep() == 12
    assert [path.exists() for path in (dead, ancient, young, held, freed, whole)] == [False, False, True, True, False, True]
    assert store.sweep() == 4 and not held.exists(), "its process has let go of it"


def test_sweeping_where_nothing_is_does_nothing(store):
    assert store.sweep() == 0 and not store.folder.exists()
