"""`python -m playground.bench`: start-up, overhead over the bare pipeline, warm times and Stop, as a table and JSON.

Every comparison is made within one run, in turns, so that ratios hold where the machine's speed does not.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
BARE = """
import gradio as gr
with gr.Blocks(analytics_enabled=False) as demo:
    with gr.Tabs():
        for name in ("Text", "Image", "Image to image", "Inpaint", "Upscale", "Speech"):
            with gr.Tab(name):
                gr.Textbox(); gr.Button("Go"); gr.Textbox()
demo.launch(server_name="127.0.0.1", server_port={port}, ssr_mode=False, quiet=True)
"""


STORY = (
    "Once upon a time there was a lighthouse by the sea. A girl lived in it with her old grey cat. Every night she lit the"
    " lamp. One night the lamp would not burn. What could she do? She took her little lantern and climbed the stairs. The"
    " wind blew, and the rain fell. Far away a ship was looking for the harbour. She waved her light until the morning came."
    " Then the ship came home."
)  # ten sentences


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m playground.bench", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="runs of each figure; medians are printed (default 5)")
    parser.add_argument("--json", type=Path, help="where the figures go as JSON")
    parser.add_argument("--skip-start-up", action="store_true", help="leave out the two servers' start-up")
    parser.add_argument("--gpu", action="store_true", help="the large models' sizes with random weights, on the graphics card")
    parser.add_argument("--tiny", action="store_true", help="with --gpu: the same code in tiny sizes, on any device")
    args = parser.parse_args(argv)
    from playground import device

    device.prepare_threads()
    if args.gpu:
        from playground import bench_gpu

        bench_gpu.main(tiny=args.tiny, runs=args.runs, where=args.json)
        return
    figures: dict[str, Any] = {"machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"}
    rows: list[tuple[str, str]] = []
    if not args.skip_start_up:
        rows += start_up(figures, args.runs)
    rows += runs(figures, args.runs)
    width = max(len(name) for name, _ in rows)
    print(f"\n{figures['machine']}, medians of {args.runs}\n")
    print(f"| {'figure':{width}} | value |\n|{'-' * (width + 2)}|---|")
    for name, value in rows:
        print(f"| {name:{width}} | {value} |")
    if args.json:
        args.json.write_text(json.dumps(figures, indent=1) + "\n")


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def served(command: list[str], port: int) -> tuple[float, int]:
    """Seconds from process start to the first HTTP 200, and resident bytes a second later."""
    import psutil

    begun = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
                    if answer.status == 200:
                        break
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                pass
            if time.perf_counter() - begun > 120 or process.poll() is not None:
                raise SystemExit(f"no page on port {port}: {' '.join(command[:3])} … did not start")
            time.sleep(0.02)
        return time.perf_counter() - begun, psutil.Process(process.pid).memory_info().rss
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def start_up(figures: dict[str, Any], count: int) -> list[tuple[str, str]]:
    """Playground and a bare six-tab Gradio app, in turns."""
    ours, bare = [], []
    for _ in range(count):
        port = free_port()
        bare.append(served([sys.executable, "-c", BARE.format(port=port)], port))
        port = free_port()
        ours.append(served([sys.executable, "app.py", "--port", str(port)], port))
    seconds = [statistics.median(s for s, _ in runs) for runs in (ours, bare)]
    memory = [statistics.median(m for _, m in runs) for runs in (ours, bare)]
    figures["start_up"] = {
        "seconds": seconds[0], "bare_seconds": seconds[1], "ratio": seconds[0] / seconds[1],
        "bytes": memory[0], "bare_bytes": memory[1],
    }
    return [
        ("start to first page", f"{seconds[0]:.2f} s ({seconds[0] / seconds[1]:.2f} times a bare six-tab Gradio app)"),
        ("memory at that moment", f"{memory[0] / 1e6:.0f} MB (bare app: {memory[1] / 1e6:.0f} MB)"),
    ]


def requests_of_starters() -> list[Any]:
    """One default request for each task that a starter serves."""
    from PIL import Image, ImageDraw

    from playground.catalog import Catalog, cards
    from playground.requests import REQUESTS

    catalog = Catalog(cards())
    picture = Image.new("RGB", (128, 128), "white")
    ImageDraw.Draw(picture).ellipse((30, 30, 100, 100), fill="red")
    mask = Image.new("L", (128, 128))
    ImageDraw.Draw(mask).rectangle((40, 40, 90, 90), fill=255)
    own = {"prompt": "a fox", "text": STORY, "image": picture, "mask": mask, "seed": 1}
    made = []
    for request in REQUESTS:
        card = catalog.serving(request.task)[0]
        if card.starter:
            names = request.__dataclass_fields__
            made.append(card.complete(request(model=card.id, **{k: v for k, v in own.items() if k in names})))
    return made


def seconds(call: Callable[[], Any]) -> float:
    """Wall seconds of a call."""
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def runs(figures: dict[str, Any], count: int) -> list[tuple[str, str]]:
    """Each starter's warm run: the bare model, through the engine, through HTTP, in turns; then Stop."""
    from playground import device, page, pipelines, theme
    from playground.catalog import Catalog, cards
    from playground.engine import Engine
    from playground.pool import ModelPool
    from playground.shelf import Shelf

    rows = []
    with tempfile.TemporaryDirectory() as folder:
        os.environ["GRADIO_TEMP_DIR"] = folder
        shelf = Shelf(Path(folder) / "made")
        pool = ModelPool(choose=lambda: device.choose("auto"), load=pipelines.load)
        engine = Engine(catalog=Catalog(cards()), pool=pool)
        demo = page.build(engine, shelf=shelf, shared=False)
        port = free_port()
        demo.queue(default_concurrency_limit=8).launch(
            server_port=port, prevent_thread_lock=True, quiet=True, ssr_mode=False, run_history=False, **theme.look()
        )
        figures["tasks"] = {}
        for request in requests_of_starters():
            card = engine.catalog.find(request.model)
            with pool.lease(card, ignore) as model:
                model.run(request, ignore)
            turns = [in_turn(engine, card, request, port) for _ in range(count)]
            b, e, h = (statistics.median(column) for column in zip(*turns, strict=True))
            more = variants(engine, card, request, count)
            stop = statistics.median(stopped(engine, request) for _ in range(count))
            figures["tasks"][request.task] = {"model": b, "engine": e, "http": h, "stop": stop} | more
            rows.append((
                f"{request.task}, warm",
                f"{b:.2f} s; engine {1000 * (e - b):+.0f} ms, HTTP {1000 * (h - b):+.0f} ms; Stop to idle {stop:.2f} s",
            ))
            rows += [(f"{request.task}, {name}, warm", f"{value:.2g} s") for name, value in more.items()]
        demo.close()
        engine.close()
    return rows


def variants(engine: Any, card: Any, request: Any, count: int) -> dict[str, float]:
    """Median seconds of the bare model for four pictures at once and for one in 20 steps, and of speech until its first
    sentence and for each second of sound; {} for other tasks."""
    if request.task == "text_to_speech":
        return spoken(engine, card, request, count)
    if request.task != "text_to_image":
        return {}
    changed = {"four pictures": replace(request, num_images=4), "20 steps": replace(request, steps=20)}
    with engine.pool.lease(card, ignore) as model:
        return {
            name: statistics.median(seconds(partial(model.run, other, ignore)) for _ in range(count))
            for name, other in changed.items()
        }


def spoken(engine: Any, card: Any, request: Any, count: int) -> dict[str, float]:
    """Median seconds until the first sentence of a text is there, and the real-time factor of the whole."""
    firsts, factors = [], []
    with engine.pool.lease(card, ignore) as model:
        for _ in range(count):
            told: list[float] = []
            begun = time.perf_counter()
            result = model.run(request, lambda event, told=told: told.append(time.perf_counter()))
            firsts.append(told[0] - begun)
            factors.append((time.perf_counter() - begun) / (len(result.samples) / result.sample_rate))
    return {"first of ten sentences": statistics.median(firsts), "a second of speech": statistics.median(factors)}


def in_turn(engine: Any, card: Any, request: Any, port: int) -> tuple[float, float, float]:
    """Seconds of one run each: the bare model, through the engine, through HTTP."""
    with engine.pool.lease(card, ignore) as model:
        bare = seconds(lambda: model.run(request, ignore))
    return bare, seconds(lambda: list(engine.run(request, "bench"))), seconds(lambda: over_http(port, request))


def ignore(event: Any) -> None:
    """An emit() that nobody reads."""


def stopped(engine: Any, request: Any) -> float:
    """Seconds from closing a run, just after its first progress, until the engine is idle."""
    from playground.events import Audio, Step, Text

    events = engine.run(request, "bench")
    for event in events:
        if isinstance(event, Step | Text | Audio):
            break
    begun = time.perf_counter()
    events.close()
    while engine.in_flight:
        time.sleep(0.002)
    return time.perf_counter() - begun


def over_http(port: int, request: Any) -> None:
    """One call of an endpoint over plain HTTP: post, then read the event stream to its end."""
    base = f"http://127.0.0.1:{port}/gradio_api"
    body = {"data": over_wire(base, request)}
    post = urllib.request.Request(
        f"{base}/call/{request.task}", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(post) as answer:
        event = json.load(answer)["event_id"]
    with urllib.request.urlopen(f"{base}/call/{request.task}/{event}") as stream:
        text = stream.read().decode()
    if "event: complete" not in text:
        raise SystemExit(f"{request.task} over HTTP failed: {text[-300:]}")


def over_wire(base: str, request: Any) -> list[Any]:
    """A request's fields in the endpoint's order, files uploaded first."""
    import io

    from PIL import Image

    with urllib.request.urlopen(f"{base}/info") as answer:
        parameters = json.load(answer)["named_endpoints"][f"/{request.task}"]["parameters"]
    values = []
    for name in (parameter["parameter_name"] for parameter in parameters):
        value = getattr(request, name)
        if isinstance(value, Image.Image):
            buffer = io.BytesIO()
            value.save(buffer, format="PNG")
            edge = "playground-bench"
            form = (
                f'--{edge}\r\nContent-Disposition: form-data; name="files"; filename="{name}.png"\r\n'
                "Content-Type: image/png\r\n\r\n"
            ).encode() + buffer.getvalue() + f"\r\n--{edge}--\r\n".encode()
            post = urllib.request.Request(f"{base}/upload", form, {"Content-Type": f"multipart/form-data; boundary={edge}"})
            with urllib.request.urlopen(post) as answer:
                value = {"path": json.load(answer)[0], "meta": {"_type": "gradio.FileData"}}
        values.append(value)
    return values


if __name__ == "__main__":
    main()
