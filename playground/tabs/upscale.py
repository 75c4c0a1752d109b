"""The Upscale tab: a picture enlarged."""

from __future__ import annotations

import gradio as gr
from PIL import Image

from playground.events import Done, Event
from playground.images import on_white
from playground.requests import SuperResolutionRequest
from playground.tabs import frame, pictures
from playground.tabs.frame import Site
from playground.tabs.image_to_image import prepare
from playground.wiring import Job, Show, Updates, wire

LABEL = "Upscale"
TASK = SuperResolutionRequest.task
EXAMPLES = tuple((str(frame.EXAMPLES / name), scale) for name, scale in (("apple.png", 4), ("cat.png", 4), ("rocket.png", 2)))


def build(site: Site) -> None:
    """Lays the tab out and wires it."""
    frame.heading("Super-resolution", "Give a small picture and get a larger one with crisp edges.")
    cards = site.engine.catalog.serving(TASK)
    with gr.Row(equal_height=False, elem_classes="pg-tab"):
        with gr.Column(scale=2, min_width=300, elem_classes="pg-ask"):
            image = frame.upload_box(TASK)
            scale = gr.Radio(
                [("2 times", 2), ("4 times", 4)], value=4, label="How much larger (scale)", elem_id=f"{TASK}-scale",
            )
            parts = frame.buttons(TASK, "Enlarge")
            with frame.later():
                frame.examples([list(example) for example in EXAMPLES], [image, scale])
                model, details = frame.model_choice(cards, TASK)
                with gr.Accordion("More control", open=False):
                    tile = frame.slider(
                        SuperResolutionRequest, cards[0], "tile", "Piece size (tile)",
                        "Large pictures are done in pieces of this many pixels, to save memory. 0 does all at once.", step=32,
                    )
        with gr.Column(scale=3, min_width=300):
            result = gr.HTML(pictures.empty("Plain stretching and the model's result appear here."), elem_id=f"{TASK}-result")
            made = gr.HTML(elem_id=f"{TASK}-made")
    controls = {"model": model, "image": image, "scale": scale, "tile": tile}
    job = Job(
        request=SuperResolutionRequest, controls=controls, go=parts.go, stop=parts.stop, status=parts.status,
        made_by=made, begin=lambda values: shown(site, result), prepare=prepare,
    )
    wire(site.engine, job, outputs=(result,))
    frame.follow_model(model, details, cards, SuperResolutionRequest, {"tile": tile})


def shown(site: Site, result: gr.HTML) -> Show:
    """The result beside bicubic stretching, under one slider."""

    def show(event: Event, request: SuperResolutionRequest) -> Updates:
        if not isinstance(event, Done):
            return {}
        after: Image.Image = event.result.images[0]
        stretched = on_white(request.image).resize(after.size, Image.Resampling.BICUBIC)
        addresses = [site.shelf.picture(picture)[1] for picture in (stretched, after)]
        names = ("Plain stretching (bicubic)", "Model")
        return {result: pictures.compare(*addresses, after.size, names=names, alt="The enlarged picture")}

    return show

