"""The Image tab: a picture from words."""

from __future__ import annotations

import gradio as gr

from playground.events import Done, Event, Step
from playground.requests import TextToImageRequest
from playground.tabs import frame, pictures
from playground.tabs.frame import Site
from playground.wiring import Job, Show, Updates, wire

LABEL = "Image"
TASK = TextToImageRequest.task
EXAMPLES = (
    "a red apple", "a lion on a grey background", "a pear", "a rainbow", "a penguin", "a cupcake on an orange background",
    "a car on a yellow background", "an umbrella", "a robot on a pink background", "a blue heart",
)


def build(site: Site) -> None:
    """Lays the tab out and wires it."""
    frame.heading("Text to image", "Describe a picture in a few words and watch it come out of noise.")
    cards = site.engine.catalog.serving(TASK)
    with gr.Row(equal_height=False, elem_classes="pg-tab"):
        with gr.Column(scale=2, min_width=300, elem_classes="pg-ask"):
            prompt = gr.Textbox(
                label="What should be drawn? (prompt)", value=EXAMPLES[0], lines=2, max_lines=4, elem_id=f"{TASK}-prompt",
                submit_btn=False,
            )
            num_images = frame.slider(TextToImageRequest, cards[0], "num_images", "How many pictures", "Drawn together.")
            parts = frame.buttons(TASK, "Draw")
            with frame.later():
                frame.examples([[e] for e in EXAMPLES], [prompt])
                model, details = frame.model_choice(cards, TASK)
                with gr.Accordion("More control", open=False):
                    controls = common_controls(TextToImageRequest, cards[0])
        with gr.Column(scale=3, min_width=300):
            result = gr.HTML(pictures.empty("Your picture appears here."), elem_id=f"{TASK}-result")
            made = gr.HTML(elem_id=f"{TASK}-made")
    controls |= {"prompt": prompt, "model": model, "num_images": num_images}
    job = Job(
        request=TextToImageRequest, controls=controls, go=parts.go, stop=parts.stop, status=parts.status, made_by=made,
        begin=lambda: shown(site, result),
    )
    wire(site.engine, job, also=(prompt.submit,), outputs=(result,))
    frame.follow_model(model, details, cards, TextToImageRequest, tunable(controls))


def common_controls(request: type, card) -> dict[str, gr.components.Component]:
    """The controls that the three picture tabs share, for "More control"."""
    task = request.task
    return {
        "steps": frame.slider(request, card, "steps", "Steps", "More steps take longer and can be cleaner."),
        "guidance_scale": frame.slider(
            request, card, "guidance_scale", "How closely to follow the words (guidance scale)",
            "Low is freer, high is stricter and can look harsh.", step=0.5,
        ),
        "negative_prompt": gr.Textbox(label="What to avoid (negative prompt)", elem_id=f"{task}-negative_prompt"),
        "width": frame.slider(request, card, "width", "Width", "In pixels.", visible=not fixed(request, card, "width")),
        "height": frame.slider(request, card, "height", "Height", "In pixels.", visible=not fixed(request, card, "height")),
        "scheduler": frame.scheduler_choice(task),
        "seed": frame.seed_box(task),
    }


def fixed(request: type, card, name: str) -> bool:
    """Whether a model knows only one value."""
    limits = card.range(request, name)
    return limits.low == limits.high


def tunable(controls: dict) -> dict:
    """The controls that another model has other defaults for."""
    return {k: v for k, v in controls.items() if k in ("steps", "guidance_scale", "width", "height", "strength", "scheduler")}


def shown(site: Site, result: gr.HTML) -> Show:
    """Turns a run's events into the frame: each step's preview, then the pictures."""

    def show(event: Event, request: TextToImageRequest) -> Updates:
        match event:
            case Step(preview=preview, index=index, total=total) if preview is not None:
                return {result: pictures.preview(preview, f"Step {index} of {total}, not finished yet")}
            case Done(result=done):
                places = [site.shelf.picture(image)[1] for image in done.images]
                return {result: pictures.gallery(places, [i.size for i in done.images], request.prompt)}
        return {}

    return show
