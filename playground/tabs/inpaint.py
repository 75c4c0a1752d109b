"""The Inpaint tab: a part of a picture painted anew, the rest left as it is to the byte."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image, ImageOps

from playground.errors import BadRequest
from playground.events import Done, Event, Step
from playground.images import on_white, open_image
from playground.remembered import remember
from playground.requests import InpaintingRequest
from playground.site import QUIET, Door, Site
from playground.status import Said
from playground.tabs import additions, frame, pictures, use_in
from playground.tabs import cards as examples
from playground.tabs.image import common_controls, tunable
from playground.tabs.use_in import Offers
from playground.wiring import Job, Show, Updates, wire
from playground.wording import say

TASK = InpaintingRequest.task
CANVAS = 512
BRUSH = 24  # radius in pixels of the canvas: wide enough for a finger on a phone, where the canvas is half as large
PAINTED, BOX, UPLOADED = "painted", "box", "uploaded"
HALVES = {  # parts that one click chooses: left, top, right, bottom in percent
    "middle": (25, 25, 75, 75), "left": (0, 0, 50, 100), "right": (50, 0, 100, 100), "top": (0, 0, 100, 50),
    "bottom": (0, 50, 100, 100),
}
THUMBNAIL = 300  # pixels of the picture in which a picked part is shown
SIDES = ("left", "top", "right", "bottom")


def build(site: Site) -> Offers:
    """Lays the tab out and wires it."""
    head = frame.heading(TASK)
    cards = site.engine.catalog.serving(TASK)
    with gr.Row(equal_height=False, elem_classes="pg-tab"):
        with gr.Column(scale=2, min_width=300, elem_classes="pg-ask"):
            image = frame.upload_box(TASK, title=say("inpainting.image"), height=170)
            editor = gr.ImageEditor(
                type="pil", label=say("inpainting.editor"), layers=False, transforms=(), sources=(),
                canvas_size=(CANVAS, CANVAS), brush=gr.Brush(colors=["#ff2fa0"], color_mode="fixed", default_size=BRUSH),
                eraser=gr.Eraser(default_size=BRUSH), height=400, elem_id=f"{TASK}-editor", buttons=[], visible=False,
            )
            region = region_controls()
            part = gr.HTML(elem_id=f"{TASK}-part")
            prompt = gr.Textbox(
                label=say("inpainting.prompt"), info=say("inpainting.prompt_help"), lines=2, max_lines=4,
                elem_id=f"{TASK}-prompt", value=examples.of(TASK)[0].request["prompt"],
            )
            counter = additions.token_line(site, TASK)
            parts = frame.buttons(TASK)
            with frame.later():
                with gr.Column(elem_classes=frame.EXPERT):
                    model, details = frame.model_choice(site, TASK)
                with frame.more():
                    strength = frame.slider(InpaintingRequest, cards[0], "strength")
                    feather = frame.slider(InpaintingRequest, cards[0], "feather")
                    controls = common_controls(InpaintingRequest, cards[0])
                    num_images = frame.slider(InpaintingRequest, cards[0], "num_images")
                    added = additions.build(site, TASK, cards[0])
        with gr.Column(scale=3, min_width=300, elem_classes="pg-show"):
            result = gr.HTML(pictures.earlier(TASK, pictures.names("before", "after")), elem_id=f"{TASK}-result")
            offers = use_in.offers(TASK)
            made = gr.HTML(elem_id=f"{TASK}-made")
            row = examples.row(TASK)
    image.change(on_canvas, image, [editor, parts.status], **QUIET)
    picked = [image, region["which"], *(region[side] for side in SIDES)]
    gr.on([one.change for one in picked], part_shown, picked, part, **QUIET)
    controls |= region | added.controls | {
        "prompt": prompt, "model": model, "num_images": num_images, "image": image, "editor": editor,
        "strength": strength, "feather": feather,
    }
    job = Job(
        place=TASK, request=InpaintingRequest, controls=controls, made_by=made, prepare=prepare,
        begin=lambda values: shown(site, result, offers), triggers=(parts.go.click, prompt.submit),
        foreseen=lambda values: prepare(values | {"which": "middle"}), **vars(parts),
    )
    chosen = frame.follow_model(site, model, details, InpaintingRequest, tunable(controls), more=added.chosen, head=head)
    boxed = {"which": BOX, "mask_file": None, "invert": False}
    wire(site, job, frame.card_job(job, row, controls, chosen, boxed), outputs=(result, *offers.outputs()))
    remember(site, TASK, controls, chosen, parts.go, fresh=added.fresh)
    additions.count_tokens(site, counter, model, prompt)
    site.doors[TASK] = Door(model=model, status=parts.status, picture=image)
    return offers


def region_controls() -> dict[str, gr.components.Component]:
    """Ways to choose the part: paint, a part that one click chooses, a box by sliders, a mask file; and its opposite."""
    which = gr.Radio(
        [(say(f"inpainting.part_{part}"), part) for part in (PAINTED, *HALVES, BOX, UPLOADED)], value=PAINTED,
        label=say("inpainting.part"), info=say("inpainting.part_help"), elem_id=f"{TASK}-which", elem_classes="pg-chips-choice",
    )
    sides = {
        name: frame.Slide(
            0, 100, value=value, step=1, label=say(f"inpainting.box_{name}"), elem_id=f"{TASK}-{name}", visible=False,
        )
        for name, value in zip(SIDES, HALVES["middle"], strict=True)
    }
    mask_file = frame.PictureFile(
        type="filepath", image_mode=None, label=say("inpainting.mask_file"), sources=["upload"], height=140, visible=False,
        elem_id=f"{TASK}-mask", buttons=[],
    )
    invert = gr.Checkbox(
        label=say("inpainting.invert"), info=say("inpainting.invert_help"), elem_id=f"{TASK}-invert",
        elem_classes=frame.EXPERT,
    )
    which.change(
        lambda w: [*(gr.update(visible=w == BOX) for _ in sides), gr.update(visible=w == UPLOADED)],
        which, [*sides.values(), mask_file], **QUIET,
    )
    return {"which": which, "mask_file": mask_file, "invert": invert} | sides


def percents(sides: Iterable[Any]) -> tuple[float, ...]:
    """The sides of a box as they were set or typed, none beyond the picture's edges."""
    return tuple(min(max(side, 0), 100) if type(side) in (int, float) else 0 for side in sides)


def part_shown(path: str | None, which: str, *sides: float) -> str:
    """The picture in small with a frame around the part that was picked; nothing where it is painted or a file."""
    sides = HALVES.get(which) or percents(sides)
    if not path or which in (PAINTED, UPLOADED) or sides[2] <= sides[0] or sides[3] <= sides[1]:
        return ""
    try:
        picture = on_white(open_image(path))
    except BadRequest:
        return ""
    picture.thumbnail((THUMBNAIL, THUMBNAIL))
    return (
        f'<div class="pg-part"><img src="{pictures.data_url(picture)}" width="{picture.width}" height="{picture.height}"'
        f' alt="{html.escape(say("inpainting.part_alt"))}">'
        f"{examples.framed(*sides)}</div>"
    )


def on_canvas(path: str | None) -> tuple[Any, Any]:
    """The upload as the editor's background, small enough to paint on; a file that cannot be read is said in words."""
    if not path:
        return gr.update(value=None, visible=False), gr.skip()
    try:
        picture = on_white(open_image(path))
    except BadRequest as error:
        return gr.update(value=None, visible=False), Said(text=str(error), kind="error").line()
    picture.thumbnail((CANVAS, CANVAS))
    if max(picture.size) < CANVAS // 2:
        factor = CANVAS // 2 // max(picture.size)
        picture = picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.NEAREST)
    canvas = gr.update(value={"background": picture, "layers": [], "composite": None}, visible=True)
    return canvas, gr.skip()


def prepare(values: dict[str, Any]) -> dict[str, Any]:
    """The request's image and mask from the upload, the editor, the sliders or the mask file."""
    values = frame.opened(additions.folded(values))
    chosen = {name: values.pop(name, None) for name in ("which", "mask_file", "invert", "editor", *SIDES)}
    mask = mask_of(chosen, values["image"].size)
    values["mask"] = ImageOps.invert(mask) if chosen["invert"] else mask
    return values


def mask_of(chosen: dict[str, Any], size: tuple[int, int]) -> Image.Image:
    """The mask, mode L of the picture's size: 255 where to repaint."""
    if chosen["which"] in HALVES:
        return box(size, *HALVES[chosen["which"]])
    if chosen["which"] == BOX:
        return box(size, *percents(chosen[side] for side in SIDES))
    if chosen["which"] == UPLOADED:
        if not chosen["mask_file"]:
            raise BadRequest(say("inpainting.no_mask"), field="mask")
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
        raise BadRequest(say("inpainting.empty_box"), field="mask")
    mask = np.zeros((height, width), np.uint8)
    x, y = min(int(width * left / 100), width - 1), min(int(height * top / 100), height - 1)
    mask[y:max(y + 1, round(height * bottom / 100)), x:max(x + 1, round(width * right / 100))] = 255
    return Image.fromarray(mask)


def shown(site: Site, result: gr.HTML, offers: Offers) -> Show:
    """Previews of the model's part while it works, then before and after under one slider."""

    def show(event: Event, request: InpaintingRequest) -> Updates:
        match event:
            case Step() if event.preview is not None:
                return {result: pictures.drawing(event, "unfinished_part")}
            case Done(result=done):
                return pictures.redrawn(site.shelf, result, offers, request, request.image, done.images)
        return {}

    return show
