"""The Image to image tab: a picture redrawn after words."""

from __future__ import annotations

from typing import Any

import gradio as gr

from playground.catalog import ModelCard
from playground.events import Done, Event, Step
from playground.images import on_white, open_image
from playground.requests import ImageToImageRequest
from playground.tabs import frame, pictures
from playground.tabs.frame import Site
from playground.tabs.image import common_controls, tunable
from playground.wiring import Job, Show, Updates, wire

LABEL = "Image to image"
TASK = ImageToImageRequest.task


def build(site: Site) -> None:
    """Lays the tab out and wires it."""
    frame.heading("Image to image", "Give a picture and say what it should become; the model redraws it.")
    cards = site.engine.catalog.serving(TASK)
    with gr.Row(equal_height=False, elem_classes="pg-tab"):
        with gr.Column(scale=2, min_width=300, elem_classes="pg-ask"):
            image = frame.upload_box(TASK)
            prompt = gr.Textbox(
                label="What should it become? (prompt)", lines=2, max_lines=4, elem_id=f"{TASK}-prompt", value="a green apple",
            )
            strength = frame.slider(
                ImageToImageRequest, cards[0], "strength", "How much to change (strength)",
                "Low keeps the picture, high makes a new one.",
            )
            parts = frame.buttons(TASK, "Redraw")
            with frame.later():
                frame.examples(starts(), [image, prompt, strength])
                model, details = frame.model_choice(cards, TASK)
                with gr.Accordion("More control", open=False):
                    controls = common_controls(ImageToImageRequest, cards[0])
                    num_images = frame.slider(ImageToImageRequest, cards[0], "num_images", "How many pictures", "Drawn together.")
        with gr.Column(scale=3, min_width=300):
            result = gr.HTML(pictures.empty("Before and after appear here."), elem_id=f"{TASK}-result")
            made = gr.HTML(elem_id=f"{TASK}-made")
    controls |= {"prompt": prompt, "model": model, "num_images": num_images, "image": image, "strength": strength}
    job = Job(
        request=ImageToImageRequest, controls=controls, go=parts.go, stop=parts.stop, status=parts.status, made_by=made,
        begin=lambda values: shown(site, result), prepare=prepare,
    )
    wire(site.engine, job, also=(prompt.submit,), outputs=(result,))

    def more(card: ModelCard) -> dict[gr.components.Component, Any]:
        return {strength: gr.update(visible=not card.options.get("edits_by_instruction"))}

    frame.follow_model(model, details, cards, ImageToImageRequest, tunable(controls), more=more)


def starts() -> list[list[Any]]:
    """Example starts: pictures that the starter drew, a prompt, a strength."""
    folder = frame.EXAMPLES
    return [
        [str(folder / "apple.png"), "a green apple", 0.85],
        [str(folder / "cat.png"), "a fox on a blue background", 0.8],
        [str(folder / "sketch.png"), "a sunflower", 0.75],
        [str(folder / "grey.png"), "a red apple", 0.8],
    ]


def prepare(values: dict[str, Any]) -> dict[str, Any]:
    """The upload decoded, or None where there is none."""
    return values | {"image": open_image(values["image"]) if values.get("image") else None}


def shown(site: Site, result: gr.HTML) -> Show:
    """Previews while it works; then before and after under one slider, or all pictures where there are several."""

    def show(event: Event, request: ImageToImageRequest) -> Updates:
        match event:
            case Step() if event.preview is not None:
                return {result: pictures.drawing(event)}
            case Done(result=done) if len(done.images) == 1:
                after = done.images[0]
                before = on_white(request.image).resize(after.size)
                addresses = [site.shelf.picture(picture)[1] for picture in (before, after)]
                return {result: pictures.compare(*addresses, after.size, names=("Before", "After"), alt=request.prompt)}
            case Done(result=done):
                places = [site.shelf.picture(image)[1] for image in done.images]
                return {result: pictures.gallery(places, [i.size for i in done.images], request.prompt)}
        return {}

    return show
