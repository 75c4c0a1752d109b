"""--list, --get and --remove: the table of models, a download that is told, refused and cancelled; with the real client too."""

from __future__ import annotations

import dataclasses
import io
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from playground import command_line, own
from playground.catalog import Catalog, ModelCard, cards
from playground.downloads import Fetch
from playground.errors import NotInstalled
from playground.plans import Plan
from playground.store import Kept, Part, Store
from tests import tiny_upscale
from tests.fake_hub import Hub
from tests.fakes import CPU, card

ROOT = Path(__file__).parents[1]
TOLD = re.compile(r"\r?([^\r\n]+)")


class FakeStore:
    """Knows which ids are here."""

    def __init__(self, *here: str) -> None:
        self.here = set(here)

    def ready(self, card: ModelCard) -> bool:
        return card.folder is not None or card.id in self.here

    def commit(self, card: ModelCard) -> str:
        return "0123456789abcdef"

    def kept(self) -> dict[str, Kept]:
        return {}

    def size(self, card: ModelCard) -> int:
        return 0


class FakeDownloads:
    """Goes through states, one at each look; a cancel ends it. interrupt: after so many looks Ctrl-C is pressed."""

    def __init__(self, store: FakeStore, states: list[Fetch], *, interrupt: int = 1_000) -> None:
        self.store, self.states, self.interrupt = store, states, interrupt
        self.looks, self.started, self.cancelled, self.made = 0, [], [], []

    def start(self, card: ModelCard, *, made: Plan | None = None) -> None:
        self.started.append(card.id)
        self.made.append(made)

    def cancel(self, model: str) -> None:
        self.cancelled.append(model)
        self.states = [dataclasses.replace(self.states[0], state="cancelled")]

    def fetches(self) -> tuple[Fetch, ...]:
        self.looks += 1
        if self.looks == self.interrupt:
            raise KeyboardInterrupt
        fetch = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        if fetch.state == "done":
            self.store.here.add(fetch.id)
        return (fetch,)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


LAPTOP = dataclasses.replace(CPU, free_memory=32 * 10**9)
FAR = dataclasses.replace(card("far"), repository="acme/far", licence="mit", download=10**9)
PLAN = Plan(
    model="far", parts=(), total=2 * 10**9, to_fetch=10**9, free=7 * 10**10, licence="cc0", gated=False, commit="0123",
)


def state(state: str, **values) -> Fetch:
    return Fetch(id="far", title="Far", state=state, **values)


def got(states: list[Fetch], *, stream=None, name: str = "far", plan=lambda card, store: PLAN, here=(), **options):
    """The exit code of a --get, the lines that it told, and the downloads."""
    stream, store = stream or io.StringIO(), FakeStore(*here)
    downloads = FakeDownloads(store, states, **options)
    code = command_line.get(
        name, catalog=Catalog((*cards()[:1], FAR)), store=store, downloads=downloads, plan=plan, stream=stream,
        find_own=lambda repository: own.card_of(repository, {"model_type": "swin2sr"}),
    )
    return code, TOLD.findall(stream.getvalue()), downloads


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command_line, "LOOK_SECONDS", 0)


def test_the_table_shows_every_model_and_marks_one_of_each_tab() -> None:
    lines: list[str] = []
    every = cards()
    assert command_line.listed(Catalog(every), FakeStore("sd-turbo"), LAPTOP, told=["Left out."], tell=lines.append) == 0
    rows = lines[1:lines.index("")]
    assert [row[3:].split()[0] for row in rows] == [c.id for c in every]
    by_id = dict(zip((c.id for c in every), rows, strict=True))
    assert by_id["words"].endswith("yes") and "included" in by_id["words"]
    assert re.search(r"2\.6 GB .* yes$", by_id["sd-turbo"]) and by_id["sd-turbo"].startswith("*")
    assert re.search(r"Apache-2\.0 +no +no$", by_id["qwen-image-2512"])
    assert re.search(r"slow on a CPU +no$", by_id["qwen3.5-2b"])
    assert ", asks first" in by_id["csm-1b"]
    assert lines[-3:] == [
        "* the best of its tab for this machine (CPU)", "Get one with: python app.py --get ID", "Left out.",
    ]
    assert len({re.search(r"Apache-2\.0|MIT", row).start() for row in rows if re.search(r"Apache-2\.0|MIT", row)}) == 1


def test_a_download_is_told_line_by_line_where_nobody_watches() -> None:
    fetching = state("fetching", done=5 * 10**8, total=10**9, speed=2e6, seconds_left=250)
    code, lines, downloads = got([state("waiting"), state("looking"), fetching, fetching, state("checking"), state("done")])
    assert code == 0 and downloads.started == ["far"] and downloads.made == [PLAN], "the hub is asked once"
    assert lines == [
        "Far (acme/far)", "Looking it up on the hub…", "Licence: cc0", "To fetch: 1.0 GB of 2.0 GB. Free on the disk: 70.0 GB.",
        "500 MB of 1.0 GB, 2 MB/s, 4:10 left",
        "Checking what came…", "Far is here now: 0123456789ab",
    ]


def test_a_terminal_shows_one_line_that_is_written_over() -> None:
    stream = Terminal()
    got([
        state("fetching", done=5 * 10**8, total=10**9, speed=2e6, seconds_left=4_000),
        state("fetching", done=9 * 10**8, total=10**9),
        state("fetching", done=9 * 10**8, total=10**9, note="The hub is busy; it is asked again."), state("done"),
    ], stream=stream)
    *_, written, last = stream.getvalue().rstrip("\n").split("\n")
    shown = [line.rstrip() for line in written.split("\r")]
    assert shown == [
        "", "500 MB of 1.0 GB, 2 MB/s, 1:06:40 left", "900 MB of 1.0 GB", "The hub is busy; it is asked again.",
    ]
    assert len({len(line) for line in written.split("\r")[1:]}) == 1, "a shorter text leaves nothing of a longer one"
    assert last == "Far is here now: 0123456789ab"


def test_ctrl_c_cancels() -> None:
    code, lines, downloads = got([state("fetching", done=1, total=10)], interrupt=3)
    assert code == 1 and downloads.cancelled == ["far"]
    assert lines[-1].startswith("Fetching Far was cancelled.")


def test_ctrl_c_before_the_download_ends_too() -> None:
    def interrupted(card, store):
        raise KeyboardInterrupt

    code, lines, downloads = got([], plan=interrupted)
    assert code == 1 and downloads.started == []
    assert lines[-1] == "Fetching far was cancelled before anything came."


def test_what_fails_is_a_sentence_and_one(capsys: pytest.CaptureFixture) -> None:
    code, lines, _ = got([state("fetching"), state("failed", error="The disk is full.")])
    assert code == 1 and capsys.readouterr().err == "The disk is full.\n"
    assert not any("here now" in line for line in lines)

    def gated(card, store):
        raise NotInstalled("Ask first.")

    assert got([], plan=gated)[0] == 1 and capsys.readouterr().err == "Ask first.\n"
    assert got([], name="no-such")[0] == 1
    assert capsys.readouterr().err.startswith("There is no model called no-such. See python app.py --list")


def test_what_is_here_already_is_not_fetched() -> None:
    code, lines, downloads = got([], here=("far",))
    assert (code, downloads.started) == (0, [])
    assert lines == [
        "Far is on this computer already.", "Its files have their full size; their checksums are not known here.",
    ]
    code, lines, downloads = got([], name="words")
    assert code == 0 and "nothing to fetch" in lines[0] and downloads.started == []


@pytest.mark.parametrize("name", ["far", "FAR", " acme/far "])
def test_a_model_is_found_by_its_id_and_its_repository(name: str) -> None:
    assert got([state("done")], name=name)[2].started == ["far"]


def test_another_repository_is_looked_up() -> None:
    fetch = Fetch(id="own-ann--big", title="ann/big", state="done")
    code, lines, downloads = got([fetch], name="ann/big")
    assert code == 0 and downloads.started == ["own-ann--big"] and lines[0] == "ann/big (ann/big)"


def process(tmp_path: Path, hub: Hub, *arguments: str) -> subprocess.Popen:
    """app.py with its own home and cache, which knows the fake hub only."""
    plain = {k: v for k, v in os.environ.items() if "proxy" not in k.lower() and not k.startswith("HF_")}
    return subprocess.Popen(
        [sys.executable, str(ROOT / "app.py"), *arguments], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env=plain | {
            "HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "hf"), "HOME": str(tmp_path), "OMP_NUM_THREADS": "1",
            "XDG_CACHE_HOME": str(tmp_path / "cache"),
        },
    )


def ran(tmp_path: Path, hub: Hub, *arguments: str) -> tuple[int, list[str], str]:
    """The exit code, the lines and the errors of a command."""
    there = process(tmp_path, hub, *arguments)
    out, err = there.communicate(timeout=120)
    return there.returncode, out.splitlines(), err


def test_own_repositories_are_fetched_cancelled_and_found_again(tmp_path: Path) -> None:
    tiny_upscale.swin2sr(tmp_path / "files")
    with Hub() as hub:
        hub.serve("ann/crisp", tmp_path / "files", slow=4_000)
        there = process(tmp_path, hub, "--get", "ann/crisp")
        for line in there.stdout:
            if " of " in line and not line.startswith("To fetch"):
                there.send_signal(signal.SIGINT)
                break
        out, err = there.communicate(timeout=60)
        assert (there.returncode, err) == (1, "") and "was cancelled" in out

        hub.serve("ann/crisp", tmp_path / "files", licence="cc0-1.0")
        code, lines, err = ran(tmp_path, hub, "--get", "ann/crisp")
        assert (code, err) == (0, "")
        assert lines[0] == "ann/crisp (ann/crisp)" and "Licence: cc0-1.0" in lines
        assert lines[-1] == f"ann/crisp is here now: {hub.repositories['ann/crisp'].commit[:12]}"
        code, lines, _ = ran(tmp_path, hub, "--get", "ann/crisp")
        assert code == 0 and lines[0] == "ann/crisp is on this computer already."
        assert lines[-1] == "2 files of it were checked and are as they left the hub."
        weights = next((tmp_path / "hf").rglob("snapshots/*/model.safetensors"))
        whole = weights.read_bytes()
        weights.resolve().write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        code, lines, err = ran(tmp_path, hub, "--get", "ann/crisp")
        assert (code, err) == (0, "") and weights.read_bytes() == whole
        assert "1 file of it is damaged and is fetched again." in lines and "is here now" in lines[-1]
        code, _, err = ran(tmp_path, hub, "--get", "ann/other")
        assert code == 1 and err.startswith("The hub shows nobody ann/other") and err.count("\n") == 1
    code, lines, err = ran(tmp_path, hub, "--list", "--device", "cpu")
    (row,) = [line for line in lines if "own-ann--crisp" in line]
    assert code == 0 and row.split()[1] == "Upscale" and row.endswith("yes") and "cc0-1.0" in row
    code, lines, err = ran(tmp_path, hub, "--remove", "ann/crisp", "--device", "cpu")
    assert (code, err, len(lines)) == (0, "", 1)
    assert re.fullmatch(r"ann/crisp was removed, which frees \d+ kB\.", lines[0])
    assert not any((tmp_path / "hf").rglob("*.safetensors"))
    code, lines, err = ran(tmp_path, hub, "--remove", "ann/crisp", "--device", "cpu")
    assert (code, lines, err) == (1, [], "ann/crisp is not on this computer, so there is nothing to remove.\n")


def test_what_is_no_download_is_not_removed(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    store = Store(tmp_path / "hub", record=tmp_path / "models.json")
    mine = dataclasses.replace(card("own-mine"), folder=tmp_path / "mine", title="mine")
    catalog = Catalog((*cards()[:1], mine, FAR))
    for name, sentence in {
        "words": "Words (starter) is a part of Playground and stays.", "nothing": "There is no model called nothing.",
        "own-mine": f"mine is a model of your own. Delete it yourself: {tmp_path / 'mine'}",
        "far": "Far is not on this computer, so there is nothing to remove.",
        "ann/other": "ann/other is not on this computer, so there is nothing to remove.",
    }.items():
        assert command_line.remove(name, catalog=catalog, store=store) == 1
        assert capsys.readouterr().err.startswith(sentence)
    assert not (tmp_path / "models.json").exists()


@pytest.mark.skipif(os.name != "posix", reason="a reader that ends is told otherwise here")
def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    with Hub() as hub:
        there = process(tmp_path, hub, "--list", "--device", "cpu")
        there.stdout.close()
        there.stdout = None
        assert "Traceback" not in there.communicate(timeout=60)[1] and there.returncode == 1


def test_what_was_fetched_is_made_anew_from_the_record(tmp_path: Path) -> None:
    store = Store(tmp_path / "hub", record=tmp_path / "models.json")
    card = own.card_of("ann/crisp", {"model_type": "swin2sr", "upscale": 3})
    part = Part(repository="ann/crisp", commit="c0", files={"config.json": 0, "model.safetensors": 5})
    folder = store.snapshot(part)
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{"model_type": "swin2sr", "upscale": 3}')
    (folder / "model.safetensors").write_bytes(b"12345")
    part = dataclasses.replace(part, files={p.name: p.stat().st_size for p in folder.iterdir()})
    store.keep(card, Kept(parts=(part,), licence="mit"))
    store.keep(FAR, Kept(parts=(part,)))
    (found,) = own.remembered(store)
    assert (found.id, found.licence, found.options["scale"], found.download) == (card.id, "mit", 3, 5)
    assert store.ready(found) and store.resolved(found).folder == folder
    (folder / "config.json").write_text("{")
    assert own.remembered(store) == ()


def test_what_was_begun_is_offered_and_what_cannot_be_is_swept_after_a_day(tmp_path: Path) -> None:
    store = Store(tmp_path / "hub", record=tmp_path / "models.json")
    for name, text, when in (("half", '{"model_type": "swin2sr"}', 0.0), ("odd", "[", 0.0), ("new", "[", time.time())):
        part = Part(repository=f"ann/{name}", commit="c0", files={"config.json": len(text), "model.safetensors": 5})
        store.snapshot(part).mkdir(parents=True)
        (store.snapshot(part) / "config.json").write_text(text)
        store.begin(dataclasses.replace(FAR, id=f"own-ann--{name}"), Kept(parts=(part,), when=when))
    (found,) = own.remembered(store)
    assert (found.id, found.repository, found.download) == ("own-ann--half", "ann/half", 5) and not store.ready(found)
    assert sorted(path.name for path in store.folder.iterdir()) == ["models--ann--half", "models--ann--new"]
    stream = io.StringIO()
    assert command_line.remove("ann/half", catalog=Catalog((found,)), store=store, stream=stream) == 0
    assert "ann/half was removed" in stream.getvalue() and not (store.folder / "models--ann--half").exists()
