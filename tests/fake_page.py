"""A small page over an engine with a slow fake model, for tests of the guard and of launching."""

from __future__ import annotations

import socket
import time

import gradio as gr

from playground.catalog import Catalog, ModelCard
from playground.device import Device
from playground.engine import Engine
from playground.events import Step, TextResult
from playground.guard import visitor_of
from playground.pool import ModelPool
from playground.requests import TextGenerationRequest

CPU = Device(name="cpu", title="CPU", free_memory=8_000_000_000, dtype="float32", threads=1)
CARD = ModelCard(
    id="slow", title="Slow", sentence="Counts.", bad_at="everything", tasks=frozenset({"text_generation"}),
    adapter="text", licence="none", training_data="none", memory=1,
)


class SlowModel:
    """Takes prompt seconds in steps; a step of a prompt "stuck" cannot be stopped."""

    nbytes = 1
    dtype = "float32"

    def run(self, request, emit):
        if request.prompt == "stuck":
            time.sleep(30)
        end, index = time.monotonic() + float(request.prompt), 0
        while time.monotonic() < end:
            emit(Step(index=index, total=100))
            index += 1
            time.sleep(0.05)
        return TextResult(text="done", tokens=1)

    def close(self):
        pass


def build():
    """The page, its engine and the costly indices; events: /run (costly, works for so many seconds), /who, /tell."""
    engine = Engine(catalog=Catalog((CARD,)), pool=ModelPool(choose=lambda: CPU, load=lambda card, device: SlowModel()))

    def run(prompt: str, http: gr.Request):
        events = engine.run(TextGenerationRequest(prompt=prompt, model="slow"), visitor_of(http))
        try:
            for event in events:
                yield type(event).__name__
        finally:
            events.close()

    with gr.Blocks(title="Fake", analytics_enabled=False) as demo:
        prompt, out = gr.Textbox(label="prompt", value="0.1"), gr.Textbox(label="out")
        gr.ImageEditor(label="mask", type="pil", height=300)
        gr.HTML(value={"x": 3}, html_template="<b id='made'>${value.x + 1}</b>", js_on_load="element.title = 'on'")
        gr.Button("Go").click(run, prompt, out, api_name="run", trigger_mode="multiple", concurrency_limit=80)

        def who(http: gr.Request) -> str:
            return visitor_of(http)

        def tell(text: str) -> str:
            return text[:20]

        gr.Button("Who").click(who, None, out, api_name="who")
        gr.Button("Tell").click(tell, prompt, out, api_name="tell", queue=False)
    index = next(i for i, fn in demo.fns.items() if fn.api_name == "run")
    return demo, engine, frozenset({index})


def unused_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]

