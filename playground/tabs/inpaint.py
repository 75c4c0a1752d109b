"""The Inpaint tab: a part of a picture painted anew, the rest left as it is to the byte."""

from __future__ import annotations

from typing import Any

import gradio as gr
import numpy as np
from PIL import Image, ImageOps

from playground.errors import BadRequest
from playground.events import Done, Event, Step
from playground.images import on_white, open_image
from playground.requests import InpaintingRequest
from playground.tabs import frame, pictures
from playground.tabs.frame import Site
from playground.tabs.image import common_controls, tunable
from playground.wiring import Job, Show, Updates, wire

LABEL = "Inpaint"
TASK = InpaintingRequest.task
CANVAS = 512
EXAMPLES = ((str(frame.EXAMPLES / "apple.png"), "a blue heart"), (str(frame.EXAMPLES / "cat.png"), "a bear"))
PAINTED, REGION, UPLOADED = "What I painted", "A box set by sliders", "A mask picture"


def build(site: Site) -> None:
    """Lays the tab out and wires it."""
    frame.heading("Inpainting", "Paint over a part of a picture and say what should be there instead.")
    cards = site.engine.catalog.serving(TASK)
    with gr.Row(equal_height=False, elem_classes="pg-tab"):
        with gr.Column(scale=2, min_width=300, elem_classes="pg-ask"):
            image = frame.upload_box(TASK, label="1. Your picture", height=170)
            editor = gr.ImageEditor(
                type="pil", label="2. Paint over what should change", layers=False, transforms=(), sources=(),
                canvas_size=(CANVAS, CANVAS), brush=gr.Brush(colors=["#ff2fa0"], color_mode="fixed", default_size=28),
                eraser=gr.Eraser(default_size=28), height=420, elem_id=f"{TASK}-editor", buttons=[],
            )
            prompt = gr.Textbox(
                label="3. What should be there? (prompt)", lines=2, max_lines=4, elem_id=f"{TASK}-prompt", value="a red heart",
            )
            parts = frame.buttons(TASK, "Repaint")
            with frame.later():
                model, details = frame.model_choice(cards, TASK)
                with gr.Accordion("More control", open=False):
                    region = region_controls()
                    strength = frame.slider(
                        InpaintingRequest, cards[0], "strength", "How much to change (strength)",
                        "1 forgets what was under the paint.",
                    )
                    feather = frame.slider(
                        InpaintingRequest, cards[0], "feather", "Soft edge (feather)",
                        "Pixels inside the painted part where old and new blend.",
                    )
                    controls = common_controls(InpaintingRequest, cards[0])
                    num_images = frame.slider(InpaintingRequest, cards[0], "num_images", "How many pictures", "Drawn together.")
        with gr.Column(scale=3, min_width=300):
            result = gr.HTML(pictures.empty("Before and after appear here."), elem_id=f"{TASK}-result")
            made = gr.HTML(elem_id=f"{TASK}-made")
    frame.examples([list(example) for example in EXAMPLES], [image, prompt])
    image.change(
        on_canvas, image, [editor, parts.status], queue=False, show_progress="hidden", api_visibility="private",
    )
    controls |= region | {
        "prompt": prompt, "model": model, "num_images": num_images, "image": image, "editor": editor,
        "strength": strength, "feather": feather,
    }
    job = Job(
        request=InpaintingRequest, controls=controls, go=parts.go, stop=parts.stop, status=parts.status, made_by=made,
        begin=lambda values: shown(site, result), prepare=prepare,
    )
    wire(site.engine, job, also=(prompt.submit,), outputs=(result,))
    frame.follow_model(model, details, cards, InpaintingRequest, tunable(controls))


def region_controls() -> dict[str, gr.components.Component]:
    """Ways to choose the part without a brush: a box by sliders, a mask file, and its opposite."""
    which = gr.Radio([PAINTED, REGION, UPLOADED], value=PAINTED, label="Which part to change", elem_id=f"{TASK}-which")
    sides = {
        name: gr.Slider(0, 100, value=value, step=1, label=label, elem_id=f"{TASK}-{name}", visible=False)
        for name, label, value in (
            ("left", "Box: left edge, percent", 25), ("top", "Box: top edge, percent", 25),
            ("right", "Box: right edge, percent", 75), ("bottom", "Box: bottom edge, percent", 75),
        )
    }
    mask_file = gr.Image(
        type="filepath", image_mode=None, label="Mask: white is repainted", sources=["upload"], height=140, visible=False,
        elem_id=f"{TASK}-mask", buttons=[],
    )
    invert = gr.Checkbox(label="Change everything else instead (invert)", elem_id=f"{TASK}-invert")
    which.change(
        lambda w: [*(gr.update(visible=w == REGION) for _ in sides), gr.update(visible=w == UPLOADED)],
        which, [*sides.values(), mask_file], queue=False, show_progress="hidden", api_visibility="private",
    )
    return {"which": which, "mask_file": mask_file, "invert": invert} | sides


def on_canvas(path: str | None) -> tuple[Any, Any]:
    """The upload as the editor's background, small enough to paint on; a file that cannot be read is said in words."""
    if not path:
        return None, gr.skip()
    try:
        picture = on_white(open_image(path))
    except BadRequest as error:
        return None, frame.status_line(str(error), "error")
    picture.thumbnail((CANVAS, CANVAS))
    if max(picture.size) < CANVAS // 2:
        factor = CANVAS // 2 // max(picture.size)
        picture = picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.NEAREST)
    return {"background": picture, "layers": [], "composite": None}, frame.status_line("Now paint over what should change.")


def prepare(values: dict[str, Any]) -> dict[str, Any]:
    """The request's image and mask from the upload, the editor, the sliders or the mask file."""
    values = dict(values)
    chosen = {name: values.pop(name) for name in ("which", "mask_file", "invert", "left", "top", "right", "bottom", "editor")}
    if not values.get("image"):
        raise BadRequest("There is no picture yet. Choose one first.", field="image")
    values["image"] = open_image(values["image"])
    mask = mask_of(chosen, values["image"].size)
    values["mask"] = ImageOps.invert(mask) if chosen["invert"] else mask
    return values


def mask_of(chosen: dict[str, Any], size: tuple[int, int]) -> Image.Image:
    """The mask, mode L of the picture's size: 255 where to repaint."""
    if chosen["which"] == REGION:
        return box(size, *(chosen[side] for side in ("left", "top", "right", "bottom")))
    if chosen["which"] == UPLOADED:
        if not chosen["mask_file"]:
            raise BadRequest("There is no mask picture yet. Choose one, or paint instead.", field="mask")
        return on_white(open_image(chosen["mask_file"])).convert("L").resize(size, Image.Resampling.NEAREST)
    layers = (chosen["editor"] or {}).get("layers") or []
    painted = np.zeros((1, 1), np.uint8)
    for layer in layers:
        painted = np.maximum(painted, np.asarray(layer.convert("RGBA"))[..., 3])
    return Image.fromarray(painted).resize(size, Image.Resampling.NEAREST)


def box(size: tuple[int, int], left: float, top: float, right: float, bottom: float) -> Image.Image:
    """A box given in percent of the picture, at least one pixel large."""
    width, height = size
    if right <= left or bottom <= top:
        raise BadRequest(
            "The box is empty. Its right edge must lie right of the left one, its bottom below its top.", field="mask"
        )
    mask = np.zeros((height, width), np.uint8)
    x, y = min(int(width * left / 100), width - 1), min(int(height * top / 100), height - 1)
    mask[y:max(y + 1, round(height * bottom / 100)), x:max(x + 1, round(width * right / 100))] = 255
    return Image.fromarray(mask)


def shown(site: Site, result: gr.HTML) -> Show:
    """Previews of the model's part while it works, then before and after under one slider."""

    def show(event: Event, request: InpaintingRequest) -> Updates:
        match event:
            case Step() if event.preview is not None:
                return {result: pictures.drawing(event, "the part that the model sees")}
            case Done(result=done):
                addresses = [site.shelf.picture(picture)[1] for picture in (request.image, *done.images)]
                if len(done.images) == 1:
                    return {result: pictures.compare(
                        *addresses, request.image.size, names=("Before", "After"), alt=request.prompt,
                    )}
                return {result: pictures.gallery(addresses[1:], [i.size for i in done.images], request.prompt)}
        return {}

    return show
