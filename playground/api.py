"""The HTTP API: six endpoints, one a task, whose parameters are exactly the request's fields."""

from __future__ import annotations

import dataclasses
import inspect
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr

from playground.catalog import ModelCard
from playground.engine import Engine
from playground.errors import BadRequest, PlaygroundError, explain
from playground.events import AudioResult, Done, ImagesResult, Notice, TextResult
from playground.guard import visitor_of
from playground.images import open_image
from playground.requests import REQUESTS, Request
from playground.shelf import Shelf
from playground.sounds import read_reference, tags_of
from playground.status import facts_of
from playground.wiring import IN_FLIGHT
from playground.wording import say

log = logging.getLogger(__name__)
LISTS = ("history", "loras")
FILES = {"image": open_image, "mask": open_image, "reference": read_reference}


def build(engine: Engine, shelf: Shelf) -> None:
    """Adds the six endpoints to the page, invisibly; they share nothing with the buttons but the engine."""
    with gr.Group(visible=False):
        for request in REQUESTS:
            inputs = {f.name: component(f) for f in dataclasses.fields(request)}
            result = gr.Textbox(label="result") if request.task == "text_generation" else gr.File(
                label="result", file_count="multiple" if "num_images" in inputs else "single",
            )
            gr.Button(visible=False).click(
                endpoint(engine, shelf, request), inputs_kwargs=inputs, outputs=[result, gr.JSON(label="facts")],
                api_name=request.task, api_description=inspect.getdoc(request), concurrency_limit=IN_FLIGHT,
            )


def component(field: dataclasses.Field) -> gr.components.Component:
    """An invisible component that carries a field's value and default over HTTP."""
    default = None if field.default is dataclasses.MISSING else field.default
    if field.name in FILES:
        return gr.File(label=field.name, type="filepath")
    if field.name in LISTS:
        return gr.JSON(value=[], label=field.name)
    if isinstance(default, bool):
        return gr.Checkbox(value=default, label=field.name)
    if "limits" in field.metadata or field.name == "scale":
        return gr.Number(value=default, label=field.name)
    return gr.Textbox(value=default, label=field.name)


def endpoint(engine: Engine, shelf: Shelf, request: type[Request]) -> Callable[..., Iterator[tuple[Any, Any]]]:
    """The function behind one endpoint; its signature names the fields and their defaults."""

    def run(http: gr.Request, **values: Any) -> Iterator[tuple[Any, Any]]:
        events, notices = None, []
        try:
            asked, card = engine.check(request(**decoded(values)))
            events = engine.run(asked, visitor_of(http))
            for event in events:
                if isinstance(event, Notice):
                    notices.append(event.text)
                if isinstance(event, Done):
                    yield delivered(shelf, event, asked, card), facts_of(card, event, asked) | {"notices": notices}
                else:
                    yield gr.skip(), gr.skip()
        except PlaygroundError as error:
            raise gr.Error(refusal(error), print_exception=False) from None
        except Exception as error:  # nothing foreign may reach a client
            log.error("%s failed over HTTP", request.task, exc_info=error)
            raise gr.Error(str(explain(error)), print_exception=False) from None
        finally:
            if events is not None:
                events.close()

    parameters = [inspect.Parameter("http", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=gr.Request)]
    for field in dataclasses.fields(request):
        default = inspect.Parameter.empty if field.default is dataclasses.MISSING else field.default
        parameters.append(inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=default))
    run.__signature__ = inspect.Signature(parameters)
    run.__annotations__ = {"http": gr.Request}
    run.costly = True
    return run


def refusal(error: PlaygroundError) -> str:
    """An error's sentence, with the name of the field that is to blame: a client does not see the page's labels."""
    field = getattr(error, "field", "")
    return say("api.named", sentence=error, field=field) if field else str(error)


def decoded(values: dict[str, Any]) -> dict[str, Any]:
    """Files opened, empty texts that mean "the model's own" as None."""
    values = dict(values)
    for name, opened in FILES.items():
        if values.get(name):
            try:
                values[name] = opened(values[name])
            except BadRequest as error:  # an opener does not know for which field it opens a file
                raise BadRequest(str(error), field=name) from None
    for name in LISTS:
        if isinstance(values.get(name), str):
            try:
                values[name] = json.loads(values[name] or "[]")
            except (TypeError, ValueError, RecursionError):
                raise BadRequest(say(f"requests.{name}"), field=name) from None
    for name in ("scheduler", "voice"):
        if values.get(name) == "":
            values[name] = None
    return values


def delivered(shelf: Shelf, done: Done, request: Request, card: ModelCard) -> Any:
    """The result as text or as paths of files, which Gradio hands out under addresses of its own."""
    match done.result:
        case TextResult(text=text):
            return text
        case ImagesResult(images=images):
            paths = [str(shelf.picture(image, f"picture-{i}.png")[0]) for i, image in enumerate(images, 1)]
            return paths if hasattr(request, "num_images") else paths[0]
        case AudioResult(samples=samples, sample_rate=rate):
            tags = tags_of(request, model=card.title, seed=done.seed)
            return str(shelf.sound(samples, rate, f"speech.{request.format}", tags=tags)[0])
    raise TypeError(f"no way to deliver {type(done.result).__name__}")
