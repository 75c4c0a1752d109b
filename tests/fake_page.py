"""A small page over an engine with a slow fake model, for tests of the guard and of launching."""

from __future__ import annotations

import socket
import time

import gradio as gr

from playground.engine import Engine
from playground.guard import visitor_of
from playground.requests import Request, TextGenerationRequest
from tests.fakes import FakeModel, engine_of

STEP = 0.05  # seconds


class SlowModel(FakeModel):
    """Takes prompt seconds in steps; a step of a prompt "stuck" cannot be stopped."""

    def length(self, request: Request) -> int:
        if request.prompt == "stuck":
            time.sleep(30)
        return max(1, round(float(request.prompt) / STEP))


def build():
    """The page, its engine and the costly indices; events: /run (costly, works for so many seconds), /who, /tell."""
    engine: Engine = engine_of(lambda card: SlowModel(seconds=STEP))

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

