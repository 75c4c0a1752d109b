"""From options to a running server: the environment, one temp folder, a free port, a password, a tunnel, the end.

It knows nothing of models and tabs; gradio is imported inside functions, after the environment is set.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import ipaddress
import logging
import os
import platform
import re
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from playground.engine import Engine
from playground.errors import PlaygroundError
from playground.tunnel import Tunnel, close_tunnels, open_tunnel, public_link
from playground.wording import say

if TYPE_CHECKING:
    import gradio as gr

    from playground.guard import Limits

log = logging.getLogger(__name__)
PORTS_TRIED = 100
END_SECONDS = 4.0  # after so long an end that hangs is cut short: a worker may be inside torch
OWN_FOLDER = re.compile(r"playground-([0-9a-f]{8})-(\d+)-(\d+)")
KEPT_VARIABLES = {"GRADIO_ROOT_PATH", "GRADIO_SHARE_SERVER_ADDRESS", "GRADIO_HEARTBEAT_INTERVAL"}


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line asks for. password: whether a page that others can reach gets one; models: the folder of
    models of one's own; list, get, remove and doctor: what is done instead of opening the page."""

    host: str = "127.0.0.1"
    port: int = 7860
    share: bool = False
    password: bool = True
    device: str = "auto"
    models: Path | None = None
    list: bool = False
    get: str | None = None
    remove: str | None = None
    doctor: bool = False

    @property
    def command(self) -> bool:
        """Whether something is done instead of opening the page."""
        return self.list or self.get is not None or self.remove is not None or self.doctor

    @property
    def public(self) -> bool:
        """Whether others than the people at this machine can reach the page."""
        return self.share or not is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Whether an address means this machine only."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def parse(arguments: Sequence[str] | None = None) -> Options:
    """The options of a command line."""

    def port(text: str) -> int:
        if not text.isdecimal() or not 1 <= int(text) <= 65535:
            raise argparse.ArgumentTypeError(say("launch.options.wrong_port"))
        return int(text)

    parser = argparse.ArgumentParser(prog="app.py", description=say("launch.options.about"), allow_abbrev=False)
    parser.add_argument("--host", default=Options.host, help=say("launch.options.host"))
    parser.add_argument("--port", default=Options.port, type=port, help=say("launch.options.port"))
    parser.add_argument("--share", action="store_true", help=say("launch.options.share"))
    parser.add_argument("--no-password", action="store_true", help=say("launch.options.no_password"))
    parser.add_argument("--device", default=Options.device, help=say("launch.options.device"))
    parser.add_argument("--models", metavar="DIR", type=Path, help=say("launch.options.models"))
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument("--list", action="store_true", help=say("launch.options.list"))
    instead.add_argument("--get", metavar="MODEL", default=Options.get, help=say("launch.options.get"))
    instead.add_argument("--remove", metavar="MODEL", default=Options.remove, help=say("launch.options.remove"))
    instead.add_argument("--doctor", action="store_true", help=say("launch.options.doctor"))
    made = parser.parse_args(arguments)
    return Options(host=made.host or Options.host, port=made.port, share=made.share, password=not made.no_password,
                   device=made.device, models=made.models, list=made.list, get=made.get, remove=made.remove,
                   doctor=made.doctor)


@contextlib.contextmanager
def environment(options: Options) -> Iterator[Path]:
    """The variables that must be set before gradio is imported, and this process's temp folder while it lasts.

    Gradio's own variables are dropped: the options decide, and a GRADIO_SHARE left over from another program does not.
    """
    for name in [n for n in os.environ if n.startswith("GRADIO_") and n not in KEPT_VARIABLES]:
        del os.environ[name]
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    local = [os.environ.get("no_proxy") or os.environ.get("NO_PROXY", ""), "localhost", "127.0.0.1", "::1"]
    os.environ["no_proxy"] = ",".join(filter(None, local))  # Gradio asks its own page whether it is there
    if not options.share:  # nothing of ours stands in front: a visitor's X-Forwarded-For is not to be believed
        os.environ.setdefault("FORWARDED_ALLOW_IPS", "")
    place = Path(tempfile.gettempdir())
    remove_dead_folders(place)
    folder = place / folder_name(os.getpid())
    folder.mkdir(mode=0o700, exist_ok=True)
    os.environ["GRADIO_TEMP_DIR"] = str(folder / "gradio")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def folder_name(pid: int) -> str:
    """The name of a process's temp folder: machine, process and when it began, as numbers are used again."""
    return f"playground-{machine()}-{pid}-{int(psutil.Process(pid).create_time())}"


def machine() -> str:
    """This machine's name as 8 digits: containers may share a temp folder but not their process numbers."""
    return f"{zlib.crc32(platform.node().encode()):08x}"


def remove_dead_folders(place: Path) -> list[str]:
    """Removes the temp folders of Playground processes that are gone, and nothing else; returns their names."""
    removed = []
    for path in sorted(place.glob("playground-*")):
        match = OWN_FOLDER.fullmatch(path.name)
        if match is None or match[1] != machine() or path.is_symlink() or not path.is_dir():
            continue
        if hasattr(os, "getuid") and path.stat().st_uid != os.getuid():
            continue
        if not is_running(int(match[2]), since=int(match[3])):
            shutil.rmtree(path, ignore_errors=True)
            removed.append(path.name)
    return removed


def is_running(pid: int, *, since: int) -> bool:
    """Whether the process that began at `since` (seconds, clock changes allowed for) still runs."""
    try:
        process = psutil.Process(pid)
        return abs(process.create_time() - since) < 60 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return True


def free_port(host: str, first: int) -> int:
    """The first free port from `first` on; a PlaygroundError where there is none or the address is not ours."""
    bare = host.strip("[]")
    try:
        family, kind, _, _, address = socket.getaddrinfo(bare, first, type=socket.SOCK_STREAM)[0]
    except OSError:
        raise PlaygroundError(say("launch.no_address", host=host)) from None
    for port in range(first, min(first + PORTS_TRIED, 65536)):
        with socket.socket(family, kind) as probe:
            if os.name == "posix":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address[0], port, *address[2:]))
                probe.listen(1)
                return port
            except PermissionError:
                raise PlaygroundError(say("launch.reserved_port", port=port)) from None
            except OSError as error:
                if error.errno == errno.EADDRNOTAVAIL:
                    raise PlaygroundError(say("launch.other_address", host=host)) from None
    raise PlaygroundError(say("launch.no_port", port=first))


@dataclass(frozen=True, kw_only=True)
class Page:
    """What is served. costly: fn indices of events that start a run; look: theme, css and head for Gradio's launch;
    routes: further Starlette routes of the same server."""

    demo: gr.Blocks
    engine: Engine
    costly: frozenset[int]
    look: Mapping[str, Any] = field(default_factory=dict)
    routes: Sequence[Any] = ()

    def cheap(self) -> frozenset[int | str]:
        """Indices and names of the events that start no run."""
        costly_names = {fn.api_name for i, fn in self.demo.fns.items() if i in self.costly}
        names = {fn.api_name for fn in self.demo.fns.values() if isinstance(fn.api_name, str)} - costly_names
        return frozenset(self.demo.fns.keys() - self.costly) | names


def start(
    page: Page, options: Options, *, limits: Limits | None = None,
    tunnel: Tunnel = open_tunnel, stop: threading.Event | None = None, tell: Callable[[str], None] = print,
) -> str:
    """Serves the page, says where it is, and returns its address on this machine.

    tunnel: makes the public link; stop: set when the wait for it should end; tell: says it to the person who started this.
    """
    from starlette.middleware import Middleware

    from playground.guard import Guard

    port = free_port(options.host, options.port)
    if port != options.port:
        tell(say("launch.other_port", wanted=options.port, port=port))
    credentials = ("playground", secrets.token_urlsafe(9)) if options.public and options.password else None
    guard = Middleware(Guard, in_flight=lambda: page.engine.in_flight, cheap=page.cheap(), limits=limits)
    # Gradio must never queue runs itself: the engine does, fairly, and refuses what is too much.
    page.demo.queue(max_size=None, default_concurrency_limit=page.engine.max_in_flight + 16, api_open=False)
    page.demo.launch(
        server_name=bracketed(options.host), server_port=port, share=False, auth=credentials,
        auth_message=say("launch.login"), prevent_thread_lock=True, quiet=True, inbrowser=False, show_error=False,
        ssr_mode=False, pwa=False, mcp_server=False, num_workers=0, run_history=False, footer_links=[],
        enable_monitoring=False, max_file_size="10mb", max_threads=page.engine.max_in_flight + 32,
        state_session_capacity=200, strict_cors=True, allowed_paths=[], app_kwargs={
            "middleware": [guard], "routes": list(page.routes), "openapi_url": None, "docs_url": None, "redoc_url": None,
        },
        **page.look,
    )
    everywhere = options.host in ("0.0.0.0", "::", "[::]")
    address = f"http://{'127.0.0.1' if everywhere else bracketed(options.host)}:{port}"
    tell(say("launch.address", address=address))
    if everywhere:
        tell(say("launch.network", address=f"http://{own_address()}:{port}"))
    if options.share:
        tell(public_link(page.demo, tunnel, stop or threading.Event()))
    if credentials:
        tell(say("launch.credentials", user=credentials[0], password=credentials[1]))
    elif options.public:
        tell(say("launch.open"))
    return address


def bracketed(host: str) -> str:
    """A host as it stands in an address."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def own_address() -> str:
    """This machine's address on its network, found without sending anything."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            return probe.getsockname()[0]
        except OSError:
            return platform.node() or "this-machine"


def serve(
    page: Page, options: Options, *, warm_up: Callable[[], None], limits: Limits | None = None,
    tunnel: Tunnel = open_tunnel, folder: Path | None = None,
) -> int:
    """Serves the page until Ctrl-C or SIGTERM, then ends within END_SECONDS; the exit code.

    warm_up: called in the background once the page is up; folder: the temp folder to remove where the end is cut short.
    """
    stop = threading.Event()

    def on_signal(number: int, frame: object) -> None:
        if stop.is_set():  # asked twice
            leave(130, folder)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    start(page, options, limits=limits, tunnel=tunnel, stop=stop)
    threading.Thread(target=background, args=(page.engine, warm_up, stop), name="background", daemon=True).start()
    while not stop.wait(0.5):
        pass
    print(say("launch.ends"), flush=True)
    threading.Thread(target=cut_short, args=(folder,), name="deadline", daemon=True).start()
    end(page)
    if page.engine.in_flight:  # a run that cannot be left at once: torch is not safe to take down under it
        leave(0, folder)
    return 0


def background(engine: Engine, warm_up: Callable[[], None], stop: threading.Event) -> None:
    """Imports what runs need while the visitor reads, then puts idle models away once a minute."""
    chores = [warm_up]
    while chores:
        try:
            chores.pop()()
        except Exception as error:  # the page goes on; a click that needs what failed says so itself
            log.warning("work in the background failed: %s", type(error).__name__, exc_info=error)
        if not stop.wait(60):
            chores.append(engine.pool.unload_idle)


def end(page: Page) -> None:
    """Stops every run, the tunnel and the server, and gives runs a moment to notice."""
    page.engine.close()
    close_tunnels()
    if page.demo.server:  # open streams to pages are cut after a second, without a word in the log
        page.demo.server.config.timeout_graceful_shutdown = 1
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL + 1)
    page.demo.close(verbose=False)
    deadline = time.monotonic() + 1.0
    while page.engine.in_flight and time.monotonic() < deadline:
        time.sleep(0.05)


def cut_short(folder: Path | None) -> None:
    """Ends the process where the orderly end takes too long."""
    time.sleep(END_SECONDS)
    leave(0, folder)


def leave(code: int, folder: Path | None) -> None:
    """Ends the process at once."""
    if folder:
        shutil.rmtree(folder, ignore_errors=True)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
