"""Whether the model hub can be reached, asked once and quickly, so that nobody waits for a network that is not there."""

from __future__ import annotations

import os
import socket
import threading
from urllib.parse import urlsplit

PROBE_SECONDS = 3.0


def endpoint() -> str:
    """The hub's address; HF_ENDPOINT names another one."""
    return os.environ.get("HF_ENDPOINT") or "https://huggingface.co"


def reachable(address: str | None = None, *, timeout: float = PROBE_SECONDS) -> bool:
    """Whether a connection to the hub opens within `timeout` seconds, the look-up of its name counted.

    With HF_HUB_OFFLINE set it is not asked; behind a proxy it is taken to be there, as only a request could tell.
    """
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}:
        return False
    if any(os.environ.get(name) for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")):
        return True
    parts = urlsplit(address or endpoint())
    port = parts.port or (443 if parts.scheme == "https" else 80)
    opened = threading.Event()

    def knock() -> None:
        try:
            socket.create_connection((parts.hostname, port), timeout=timeout).close()
            opened.set()
        except OSError:
            pass

    caller = threading.Thread(target=knock, name="hub probe", daemon=True)
    caller.start()
    caller.join(timeout)
    return opened.is_set()
