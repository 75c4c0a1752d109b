"""Results on disk: pictures and sounds under unguessable names, served at /made/ and swept away after an hour.

It knows nothing of tabs; a link holds no path of this machine. A sound's other formats and its spectrogram are made when
they are first asked for.
"""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from playground.sounds import encode, spectrogram_picture

KEPT_SECONDS = 3600
MEDIA = {
    ".png": "image/png", ".jpg": "image/jpeg", ".wav": "audio/wav", ".flac": "audio/flac", ".ogg": "audio/ogg",
    ".mp3": "audio/mpeg", ".vtt": "text/vtt; charset=utf-8",
}
DERIVED = (".flac", ".ogg", ".mp3", ".png")  # of a sound


class Shelf:
    """A folder of finished results. folder: made when the first result arrives."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._deriving = threading.Lock()  # one at a time: some take seconds of a core

    def _place(self, name: str) -> tuple[Path, str]:
        """A new file's path and its address on the page."""
        self._sweep()
        token = secrets.token_urlsafe(18)
        (self.folder / token).mkdir(parents=True)
        return self.folder / token / name, f"made/{token}/{name}"

    def _sweep(self) -> None:
        """Removes what is older than KEPT_SECONDS; another thread may be removing the same."""
        if not self.folder.exists():
            return
        for place in self.folder.iterdir():
            with suppress(FileNotFoundError):
                if time.time() - place.stat().st_mtime > KEPT_SECONDS:
                    for file in place.iterdir():
                        file.unlink(missing_ok=True)
                    place.rmdir()

    def picture(self, image: Image.Image, name: str = "picture.png") -> tuple[Path, str]:
        """Saves a PNG without metadata; returns its path and its address."""
        path, address = self._place(name)
        image.save(path, format="PNG", compress_level=1)
        return path, address

    def sound(
        self, samples: np.ndarray, sample_rate: int, name: str = "speech.wav", *, tags: Mapping[str, str] | None = None,
        captions: str | None = None,
    ) -> tuple[Path, str]:
        """Saves a sound in the format of its name (WAV in 16 bits); returns its path and its address.

        samples: (N,) in -1..1 at sample_rate Hz; tags: what the file says of itself; captions: WebVTT, saved beside it.
        """
        content = encode(samples, sample_rate, name.rpartition(".")[2], tags)
        path, address = self._place(name)
        path.write_bytes(content)
        if captions is not None:
            path.with_suffix(".vtt").write_text(captions, encoding="utf8")
        return path, address

    def derive(self, path: Path) -> bool:
        """Makes a sound's other format or its spectrogram where it is not there yet; whether it is there now."""
        source = path.with_suffix(".wav")
        if path.suffix not in DERIVED or not os.path.isfile(source):
            return False
        with self._deriving:
            if not path.is_file():
                import soundfile

                with soundfile.SoundFile(source) as file:
                    tags = {k: v for k, v in file.copy_metadata().items() if k in ("title", "artist", "comment")}
                    samples, rate = file.read(dtype="float32"), file.samplerate
                part = path.with_name(f".{path.name}")
                if path.suffix == ".png":
                    spectrogram_picture(samples, rate).save(part, format="PNG")
                else:
                    part.write_bytes(encode(samples, rate, path.suffix[1:], tags and tags | {"software": "Playground"}))
                part.replace(path)
        return True

    def path(self, address: str) -> Path:
        """The file behind an address that this shelf gave out; FileNotFoundError where it was swept away."""
        _, token, name = address.split("/")
        path = self.folder / token / name
        if not path.is_file():
            raise FileNotFoundError(name)
        return path

    def read(self, address: str) -> Image.Image:
        """The picture behind an address."""
        return Image.open(self.path(address))

    def route(self) -> Route:
        """The web route that serves the addresses."""

        async def serve(request: Request) -> Response:
            token, name = request.path_params["token"], request.path_params["name"]
            path = self.folder / token / name
            plain = token.replace("-", "").replace("_", "").isalnum() and "/" not in name and ".." not in name
            there = plain and path.suffix in MEDIA and (  # os.path's own, since Path's would raise
                os.path.isfile(path) or await run_in_threadpool(self.derive, path)
            )
            if not there:
                return PlainTextResponse("This result is gone; results are kept for an hour.", status_code=404)
            return FileResponse(path, media_type=MEDIA[path.suffix], headers={"Cache-Control": "private, max-age=3600"})

        return Route("/made/{token}/{name}", serve)
