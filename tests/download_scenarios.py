"""Downloads with the real client, in a process of their own: what each came to, as JSON. The hub is the one of HF_ENDPOINT.

    python -m tests.download_scenarios FOLDER      HF_ENDPOINT and HF_HOME are read when huggingface_hub is imported
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from playground import hub, pipelines
from playground.calls import PIECE
from playground.catalog import Extra, ModelCard
from playground.downloads import Downloads, Fetch, plan
from playground.errors import PlaygroundError
from playground.requests import TextGenerationRequest, TextToImageRequest
from playground.store import Store
from tests.fake_hub import TOKEN
from tests.fakes import CPU, wait_until

SCENARIOS: tuple[str, ...] = (
    "slow", "cut", "reset", "busy", "trouble", "wrong", "silent", "unready", "full", "pickle", "voice", "queue", "halves", "bare",
    "extra",
)
Outcome = dict[str, object]
CONFIG = 2  # bytes of the smallest file
BEFORE_SILENCE = 4 * PIECE + CONFIG


def card(name: str, **values) -> ModelCard:
    """A card of a repository of the hub."""
    facts = {"adapter": "text", "tasks": frozenset({"text_generation"})} | values
    return ModelCard(
        id=name, title=name.title(), repository=f"acme/{name}", sentence="", bad_at="", licence="as on its page",
        training_data="", memory=1, **facts,
    )


class Scenes:
    """All scenarios; they share a cache and its record, and each has a queue of its own."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def get(self, wanted: ModelCard, seen: Callable[[Fetch], None] = lambda fetch: None) -> Fetch:
        """The end of a download; what it was on the way goes to seen()."""
        downloads = Downloads(self.store)
        downloads.start(wanted)
        return self.end(downloads, wanted, seen)

    def end(self, downloads: Downloads, wanted: ModelCard, seen: Callable[[Fetch], None] = lambda fetch: None) -> Fetch:
        """The end of a download that was begun."""
        def ended() -> bool:
            seen(fetch := self.now(downloads, wanted))
            return fetch.state in ("done", "cancelled", "failed")

        wait_until(ended, what=wanted.id)
        return self.now(downloads, wanted)

    @staticmethod
    def now(downloads: Downloads, wanted: ModelCard) -> Fetch:
        """A download as it stands."""
        return next(fetch for fetch in downloads.fetches() if fetch.id == wanted.id)

    def told(self, fetch: Fetch) -> Outcome:
        """What a page would show, and what is on the disk."""
        home = self.store.folder / f"models--acme--{fetch.id}"
        left = [path.name for path in home.rglob("*") if path.name.endswith(".incomplete")]
        there = [path.relative_to(home / "snapshots").as_posix() for path in home.glob("snapshots/**/*.*")]
        return {
            "state": fetch.state, "error": fetch.error, "ready": self.store.ready(card(fetch.id)), "left": left,
            "done": fetch.done, "total": fetch.total,
            "files": sorted(name.partition("/")[2] for name in there),
        }

    def refused(self, wanted: ModelCard) -> str:
        """The sentence that a plan ends with."""
        try:
            plan(wanted, self.store)
        except PlaygroundError as error:
            return f"{type(error).__name__}: {error}"
        return ""

    def words(self) -> Outcome:
        """A language model, from the plan to its files."""
        wanted = card("words")
        before = plan(wanted, self.store)
        made = self.told(self.get(wanted))
        again = plan(wanted, self.store)
        return made | {
            "planned": before.total, "to_fetch": before.to_fetch, "free": before.free, "licence": before.licence,
            "commit": before.commit, "kept": self.store.commit(wanted), "size": self.store.size(wanted), "left": again.to_fetch,
        }

    def pictures(self) -> Outcome:
        """A picture model in half precision, with all that lies beside it in a repository."""
        wanted = card("pictures", adapter="diffusion", variant="fp16")
        before = plan(wanted, self.store)
        return self.told(self.get(wanted)) | {
            "planned": before.total, "variant": before.variant, "resolved": self.store.resolved(wanted).variant,
        }

    def rights(self) -> Outcome:
        """Gated, private and unknown repositories, without a token and with several; nobody else may run meanwhile."""
        made: Outcome = {name: self.refused(card(name)) for name in ("gated", "private", "nothing")}
        made["fetched"] = self.told(self.get(card("gated")))
        os.environ["HF_TOKEN"] = "hf_wrong"
        made["bad"] = self.refused(card("gated"))
        os.environ["HF_TOKEN"] = TOKEN
        made |= {name: self.refused(card(name)) for name in ("waiting", "missing")}
        made["let_in"] = [self.told(self.get(card(name)))["state"] for name in ("gated", "private")]
        made["asks"] = plan(card("gated"), self.store).gated
        del os.environ["HF_TOKEN"]
        return made

    def slow(self) -> Outcome:
        """Bytes as they come."""
        seen: list[Fetch] = []
        made = self.told(self.get(card("slow"), seen.append))
        working = [fetch for fetch in seen if fetch.state == "fetching"]
        return made | {
            "counts": sorted({fetch.done for fetch in working}), "speeds": [f.speed for f in working if f.speed],
            "seconds": [fetch.seconds_left for fetch in working if fetch.seconds_left is not None],
            "states": list(dict.fromkeys(fetch.state for fetch in seen)),
        }

    def noted(self, name: str) -> Outcome:
        """A download and what it said on the way."""
        notes: dict[str, None] = {}
        made = self.told(self.get(card(name), lambda fetch: notes.setdefault(fetch.note)))
        return made | {"notes": [note for note in notes if note]}

    def cut(self) -> Outcome:
        return self.noted("cut")

    def reset(self) -> Outcome:
        return self.noted("reset")

    def busy(self) -> Outcome:
        return self.noted("busy")

    def trouble(self) -> Outcome:
        return self.noted("trouble")

    def wrong(self) -> Outcome:
        """Bytes that do not fit their checksum, and a second try."""
        first = self.told(self.get(card("wrong")))
        return {"first": first, "second": self.told(self.get(card("wrong")))}

    def silent(self) -> Outcome:
        """Cancelled while the server says nothing more, and a second try."""
        wanted, downloads = card("silent"), Downloads(self.store)
        downloads.start(wanted)
        wait_until(lambda: self.now(downloads, wanted).done == BEFORE_SILENCE, what="the last bytes before the silence")
        downloads.cancel(wanted.id)
        at_once = self.now(downloads, wanted).state
        wait_until(lambda: not any(t.name == f"download {wanted.id}" for t in threading.enumerate()), what="the thread's end")
        first = self.told(self.now(downloads, wanted))
        downloads.start(wanted)
        return {"at_once": at_once, "first": first, "second": self.told(self.end(downloads, wanted))}

    def unready(self) -> Outcome:
        """Cancelled on the way, then removed."""
        wanted, downloads = card("unready"), Downloads(self.store)
        downloads.start(wanted)
        wait_until(lambda: self.now(downloads, wanted).done % PIECE == CONFIG, what="the first file")
        downloads.close(seconds=20)
        home = self.store.folder / "models--acme--unready"
        there = home.exists()
        return {"there": there, "freed": self.store.remove(wanted), "gone": not home.exists()}

    def full(self) -> Outcome:
        """A disk that is too small, one that fills up on the way, and room again."""
        from huggingface_hub import file_download

        usage, get = shutil.disk_usage, file_download.http_get

        class Full:
            """A file on a disk of 100 kB."""

            def __init__(self, file) -> None:
                self.file = file

            def write(self, data: bytes) -> int:
                if self.file.tell() + len(data) > 100_000:
                    raise OSError(28, "No space left on device")
                return self.file.write(data)

        def small(url: str, temp_file, **values):
            return get(url, Full(temp_file) if "acme/full" in url else temp_file, **values)

        wanted = card("full")
        elsewhere = Store(self.store.folder / "small", record=self.store.folder / "small.json")
        elsewhere.folder.mkdir(parents=True)
        shutil.disk_usage = lambda path: usage(path)._replace(free=1_000_000) if path == elsewhere.folder else usage(path)
        before = Scenes(elsewhere).refused(wanted)
        shutil.disk_usage, file_download.http_get = usage, small
        first = self.told(self.get(wanted))
        file_download.http_get = get
        return {"before": before, "first": first, "second": self.told(self.get(wanted))}

    def pickle(self) -> Outcome:
        return {"refused": self.refused(card("pickle"))} | self.told(self.get(card("pickle")))

    def bare(self) -> Outcome:
        """A card's variant that the repository does not have."""
        wanted = card("bare", variant="fp16")
        return self.told(self.get(wanted)) | {"resolved": self.store.resolved(wanted).variant}

    def halves(self) -> Outcome:
        return self.told(self.get(card("halves")))

    def voice(self) -> Outcome:
        """A model that needs another repository and a file of a data set."""
        extras = Extra(repository="acme/vocoder"), Extra(repository="acme/vectors", kind="dataset", files=("*.npy",))
        wanted = card("voice", extras=extras)
        before = plan(wanted, self.store)
        made = self.told(self.get(wanted))
        places = self.store.resolved(wanted).places
        return made | {
            "parts": [[part.repository, part.kind, sorted(part.files)] for part in before.parts],
            "there": {name: sorted(path.name for path in folder.iterdir()) for name, folder in places.items()},
        }

    def extra(self) -> Outcome:
        """A model with extras that it does not need and that are not there, refuse, or are of another kind."""
        def lacking(name: str, *, optional: bool = True) -> ModelCard:
            return card("extra", extras=(Extra(repository=f"acme/{name}", optional=optional),))

        wanted = lacking("nowhere")
        parts = {
            name: [part.repository for part in plan(lacking(name), self.store).parts] for name in ("nowhere", "pickle", "waiting")
        }
        needed = self.refused(lacking("nowhere", optional=False))
        fetch = self.get(wanted)
        return {
            "parts": parts, "needed": needed, "state": fetch.state, "ready": self.store.ready(wanted),
            "there": sorted(self.store.resolved(wanted).places),
        }

    def queue(self) -> Outcome:
        """Three models: one works, two wait, of which one is cancelled."""
        first, second, third = card("first"), card("second"), card("third")
        downloads = Downloads(self.store)
        for wanted in (first, second, third):
            downloads.start(wanted)
        wait_until(lambda: self.now(downloads, first).done > 0, what="the first bytes")
        states = [fetch.state for fetch in downloads.fetches()]
        downloads.cancel(second.id)
        together: list[int] = []
        self.end(downloads, third, lambda _: together.append(sum(
            fetch.state in ("looking", "fetching", "checking") for fetch in downloads.fetches()
        )))
        ends = [fetch.state for fetch in downloads.fetches()]
        downloads.clear(second.id)
        return {"states": states, "ends": ends, "most": max(together), "list": [fetch.id for fetch in downloads.fetches()]}

    def gone(self) -> Outcome:
        """The hub goes away in the middle; what was fetched before is loaded meanwhile, and works."""
        wanted, downloads = card("gone"), Downloads(self.store, patience=1)
        downloads.start(wanted)
        wait_until(lambda: not hub.reachable(), what="the hub's end")
        made = {"offline": self.refused(card("words")), "words": self.write(), "pictures": self.draw()}
        return made | self.told(self.end(downloads, wanted))

    def write(self) -> str:
        """What the fetched language model says."""
        model = pipelines.load(self.store.resolved(card("words")), CPU)
        asked = TextGenerationRequest(prompt="Once", model="words", seed=1, max_new_tokens=5, temperature=1, top_p=1, top_k=0,
                                      repetition_penalty=1)
        return model.run(asked, lambda event: None).text

    def draw(self) -> list[int]:
        """The size of what the fetched picture model draws."""
        wanted = card("pictures", adapter="diffusion", variant="fp16", tasks=frozenset({"text_to_image"}))
        model = pipelines.load(self.store.resolved(wanted), CPU)
        asked = TextToImageRequest(prompt="a", model="pictures", seed=1, steps=2, guidance_scale=1, width=64, height=64,
                                   num_images=1, scheduler="model's own")
        return list(model.run(asked, lambda event: None).images[0].size)


def main(folder: Path) -> None:
    """Runs all: those that change the token alone, then the patient ones side by side, then the end of the hub."""
    scenes = Scenes(Store(record=folder / "cache" / "models.json"))
    made = {name: getattr(scenes, name)() for name in ("rights", "words", "pictures")}
    with ThreadPoolExecutor(len(SCENARIOS)) as pool:
        running = {name: pool.submit(getattr(scenes, name)) for name in SCENARIOS}
        made |= {name: one.result() for name, one in running.items()}
    made["gone"] = scenes.gone()
    print(json.dumps(made))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
