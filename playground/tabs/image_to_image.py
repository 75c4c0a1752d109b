"""The Image to image tab: a picture redrawn after words."""

from __future__ import annotations

import gradio as gr

from playground.catalog import ModelCard
from playground.events import Done, Event, Step
from playground.images import on_white
from playground.remembered import remember
from playground.requests import ImageToImageRequest
from playground.site import Door, Site
from playground.tabs import additions, frame, pictures, use_in
from playground.tabs import cards as examples
from playground.tabs.image import common_controls, tunable
from playground.tabs.use_in import Offers
from playground.wiring import Job, Show, Updates, wire
from playground.wording import say

TASK = ImageToImageRequest.task


def build(site: Site) -> Offers:
    """Lays the tab out and wires it."""
    head = frame.heading(TASK)
    cards = site.engine.catalog.serving(TASK)
    with gr.Row(equal_height=False, elem_classes="pg-tab"):
        with gr.Column(scale=2, min_width=300, elem_classes="pg-ask"):
            image = frame.upload_box(TASK, height=190)
            prompt = gr.Textbox(
                label=say("image_to_image.prompt"), info=say("image_to_image.prompt_help"), lines=2, max_lines=4,
                elem_id=f"{TASK}-prompt", value=examples.of(TASK)[0].request["prompt"],
            )
            counter = additions.token_line(site, TASK)
            strength = frame.slider(ImageToImageRequest, cards[0], "strength")
            parts = frame.buttons(TASK)
            with frame.later():
                with gr.Column(elem_classes=frame.EXPERT):
                    model, details = frame.model_choice(site, TASK)
                with frame.more():
                    controls = common_controls(ImageToImageRequest, cards[0])
                    num_images = frame.slider(ImageToImageRequest, cards[0], "num_images")
                    added = additions.build(site, TASK, cards[0])
        with gr.Column(scale=3, min_width=300, elem_classes="pg-show"):
            result = gr.HTML(pictures.earlier(TASK, pictures.names("before", "after")), elem_id=f"{TASK}-result")
            offers = use_in.offers(TASK)
            made = gr.HTML(elem_id=f"{TASK}-made")
            row = examples.row(TASK)
    controls |= {"prompt": prompt, "model": model, "num_images": num_images, "image": image, "strength": strength}
    controls |= added.controls
    job = Job(
        place=TASK, request=ImageToImageRequest, controls=controls, made_by=made,
        prepare=lambda values: frame.opened(additions.folded(values)), begin=lambda values: shown(site, result, offers),
        triggers=(parts.go.click, prompt.submit), **vars(parts),
    )

    def more(card: ModelCard) -> Updates:
        return {
            strength: gr.update(visible=not card.options.get("edits_by_instruction")),
            prompt: gr.update(info=frame.asked(TASK, card)),
        } | added.chosen(card)

    frame.tell_unreadable(image, parts.status)
    chosen = frame.follow_model(site, model, details, ImageToImageRequest, tunable(controls), more=more, head=head)
    wire(site, job, frame.card_job(job, row, controls, chosen), outputs=(result, *offers.outputs()))
    remember(site, TASK, controls, chosen, parts.go, fresh=added.fresh)
    additions.count_tokens(site, counter, model, prompt)
    site.doors[TASK] = Door(model=model, status=parts.status, picture=image)
    return offers


def shown(site: Site, result: gr.HTML, offers: Offers) -> Show:
    """Previews while it works; then before and after under one slider, or all pictures where there are several."""

    def show(event: Event, request: ImageToImageRequest) -> Updates:
        match event:
            case Step() if event.preview is not None:
                return {result: pictures.drawing(event)}
            case Done(result=done):
                before = on_white(request.image).resize(done.images[0].size)
                return pictures.redrawn(site.shelf, result, offers, request, before, done.images)
        return {}

    return show
