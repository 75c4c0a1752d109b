"""The Upscale tab: a picture enlarged."""

from __future__ import annotations

import gradio as gr
from PIL import Image

from playground.events import Done, Event
from playground.images import on_white
from playground.remembered import remember
from playground.requests import SuperResolutionRequest
from playground.site import Door, Site
from playground.tabs import cards as examples
from playground.tabs import frame, pictures, use_in
from playground.tabs.use_in import Made, Offers
from playground.wiring import Job, Show, Updates, wire
from playground.wording import say

TASK = SuperResolutionRequest.task


def build(site: Site) -> Offers:
    """Lays the tab out and wires it."""
    head = frame.heading(TASK)
    cards = site.engine.catalog.serving(TASK)
    with gr.Row(equal_height=False, elem_classes="pg-tab"):
        with gr.Column(scale=2, min_width=300, elem_classes="pg-ask"):
            image = frame.upload_box(TASK)
            scale = gr.Radio(
                [(say("super_resolution.times", count=n), n) for n in (2, 4)], value=4, label=frame.label("scale"),
                elem_id=f"{TASK}-scale", info=say("help.scale"),
            )
            parts = frame.buttons(TASK)
            with frame.later():
                with gr.Column(elem_classes=frame.EXPERT):
                    model, details = frame.model_choice(site, TASK)
                with frame.more():
                    tile = frame.slider(SuperResolutionRequest, cards[0], "tile", step=32)
        with gr.Column(scale=3, min_width=300, elem_classes="pg-show"):
            result = gr.HTML(pictures.earlier(TASK, pictures.names("bicubic", "model")), elem_id=f"{TASK}-result")
            offers = use_in.offers(TASK)
            made = gr.HTML(elem_id=f"{TASK}-made")
            row = examples.row(TASK)
    controls = {"model": model, "image": image, "scale": scale, "tile": tile}
    job = Job(
        place=TASK, request=SuperResolutionRequest, controls=controls, made_by=made, prepare=frame.opened,
        begin=lambda values: shown(site, result, offers), **vars(parts),
    )

    frame.tell_unreadable(image, parts.status)
    chosen = frame.follow_model(site, model, details, SuperResolutionRequest, {"tile": tile}, head=head)
    wire(site, job, frame.card_job(job, row, controls, chosen), outputs=(result, *offers.outputs()))
    remember(site, TASK, controls, chosen, parts.go)
    site.doors[TASK] = Door(model=model, status=parts.status, picture=image)
    return offers


def shown(site: Site, result: gr.HTML, offers: Offers) -> Show:
    """The result beside bicubic stretching, under one slider."""

    def show(event: Event, request: SuperResolutionRequest) -> Updates:
        if not isinstance(event, Done):
            return {}
        after: Image.Image = event.result.images[0]
        stretched = on_white(request.image).resize(after.size, Image.Resampling.BICUBIC)
        addresses = [site.shelf.picture(picture)[1] for picture in (stretched, after)]
        names, alt = pictures.names("bicubic", "model"), say("pictures.enlarged")
        compared = pictures.compare(*addresses, after.size, names=names, alt=alt)
        return {result: compared} | offers.updates(Made(pictures=(addresses[1],), words=""))

    return show
