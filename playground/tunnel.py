"""The public link: Gradio's tunnel, opened only with a verified program, and one sentence where it cannot be had."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from playground.errors import PlaygroundError
from playground.wording import say

if TYPE_CHECKING:
    import gradio as gr

log = logging.getLogger(__name__)
TUNNEL_SECONDS = 45.0
Tunnel = Callable[["gr.Blocks", threading.Event], str]


def public_link(demo: gr.Blocks, tunnel: Tunnel, stop: threading.Event) -> str:
    """Opens the tunnel; the sentence that says where the link is, or that there is none."""
    try:
        demo.share_url = tunnel(demo, stop)
    except PlaygroundError as error:
        return say("tunnel.no_link", why=error, local=say("tunnel.local"))
    except Exception as error:  # whatever a foreign tunnel raises, the page itself is up
        log.debug("no tunnel", exc_info=error)
        return say("tunnel.no_link", why=say("tunnel.no_service"), local=say("tunnel.local"))
    return say("tunnel.link", address=demo.share_url)


def open_tunnel(demo: gr.Blocks, stop: threading.Event) -> str:
    """Gradio's tunnel to this server; its program's checksum is verified each time, just before it is run."""
    from gradio import networking, tunneling

    made: list[str | BaseException] = []

    def work() -> None:
        try:
            tunneling.Tunnel.download_binary()
            verify(Path(tunneling.BINARY_PATH), tunneling.CHECKSUMS.get(tunneling.BINARY_URL))
            url = networking.setup_tunnel(demo.server_name, demo.server_port, demo.share_token, None, None)
            made.append(url.replace("http://", "https://", 1))
        except BaseException as error:  # told to the thread that waits
            made.append(error)

    # Gradio writes a certificate into the working directory, which may be read-only, and waits without a limit.
    with contextlib.chdir(writable_folder()):
        worker = threading.Thread(target=work, name="tunnel", daemon=True)
        worker.start()
        deadline = time.monotonic() + TUNNEL_SECONDS
        while worker.is_alive() and time.monotonic() < deadline and not stop.is_set():
            worker.join(0.1)
    if not made:
        raise PlaygroundError(say("tunnel.no_answer"))
    if isinstance(made[0], BaseException):
        raise made[0]
    return made[0]


def writable_folder() -> Path:
    """This process's own temp folder."""
    folder = Path(os.environ["GRADIO_TEMP_DIR"])
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def verify(program: Path, checksum: str | None) -> None:
    """PlaygroundError unless the tunnel program is the one that is known."""
    if checksum is None:
        raise PlaygroundError(say("tunnel.unknown_program"))
    if hashlib.sha256(program.read_bytes()).hexdigest() != checksum:
        raise PlaygroundError(say("tunnel.wrong_program", name=program.name))


def close_tunnels() -> None:
    """Ends the tunnels of this process, if gradio was asked for any."""
    tunneling = sys.modules.get("gradio.tunneling")
    for tunnel in tunneling.CURRENT_TUNNELS if tunneling else ():
        with contextlib.redirect_stdout(None):
            tunnel.kill()
