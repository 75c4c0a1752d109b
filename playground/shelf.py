"""Results on disk: pictures and sounds under unguessable names, served at /made/ and swept away after an hour.

It knows nothing of tabs; a link holds no path of this machine.
"""

from __future__ import annotations

import os
import secrets
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

KEPT_SECONDS = 3600
MEDIA = {".png": "image/png", ".wav": "audio/wav", ".jpg": "image/jpeg"}


class Shelf:
    """A folder of finished results. folder: made when the first result arrives."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

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

    def sound(self, samples: np.ndarray, sample_rate: int, name: str = "speech.wav") -> tuple[Path, str]:
        """Saves 16-bit WAV; samples: (N,) float32 in -1..1 at sample_rate Hz; returns its path and its address."""
        import soundfile

        path, address = self._place(name)
        soundfile.write(path, samples, sample_rate, subtype="PCM_16")
        return path, address

    def read(self, address: str) -> Image.Image:
        """The picture behind an address that this shelf gave out."""
        _, token, name = address.split("/")
        return Image.open(self.folder / token / name)

    def route(self) -> Route:
        """The web route that serves the addresses."""

        async def serve(request: Request) -> Response:
            token, name = request.path_params["token"], request.path_params["name"]
            path = self.folder / token / name
            plain = token.replace("-", "").replace("_", "").isalnum() and "/" not in name and ".." not in name
            if not plain or path.suffix not in MEDIA or not os.path.isfile(path):  # Path's own would raise
                return PlainTextResponse("This result is gone; results are kept for an hour.", status_code=404)
            return FileResponse(path, media_type=MEDIA[path.suffix], headers={"Cache-Control": "private, max-age=3600"})

        return Route("/made/{token}/{name}", serve)
