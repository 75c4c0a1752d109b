"""How a family of picture models wants to be called: what it names its guidance, and what it needs beside the request."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from playground.catalog import ModelCard
from playground.catalog.families import FAMILIES
from playground.requests import DiffusionRequest

TWO_STEPS = 2  # the only number of steps for which Sana Sprint has a middle timestep of its own


def sister(card: ModelCard, loaded: str, task: str) -> str:
    """The class that serves a task with the weights of a loaded class; "" where the library's own table knows it."""
    known = FAMILIES[loaded].sisters if loaded in FAMILIES else {}
    return card.sisters.get(task) or known.get(task, "")


def options(card: ModelCard, loaded: str) -> Mapping[str, Any]:
    """What is to be known of a model: of its class, and of itself where its card says more."""
    known = FAMILIES[loaded].options if loaded in FAMILIES else {}
    return {**known, **card.options}


def takes_negative_prompt(pipe: Any, known: Mapping[str, Any]) -> bool:
    """Whether a negative prompt has an effect: a network with its guidance distilled into it has no unguided half."""
    network = getattr(pipe, "unet", None)
    distilled = network is not None and network.config.get("time_cond_proj_dim") is not None
    if distilled or known.get("guidance_distilled"):
        return False
    return "negative_prompt" in inspect.signature(pipe.__call__).parameters


def arguments(request: DiffusionRequest, pipe: Any, known: Mapping[str, Any]) -> dict[str, Any]:
    """What the request says, by the names that the pipeline has for it; None for what it is not to be told."""
    negative = request.negative_prompt or known.get("empty_negative", "")
    return {
        "prompt": request.prompt, "negative_prompt": negative if takes_negative_prompt(pipe, known) else None,
        "num_inference_steps": request.steps, "strength": getattr(request, "strength", None),
        known.get("guidance", "guidance_scale"): request.guidance_scale,
    } | dict(known.get("arguments", {}))


def taken(arguments: Mapping[str, Any], pipe: Any) -> dict[str, Any]:
    """Those of the arguments that the pipeline knows, and those that follow from them."""
    parameters = inspect.signature(pipe.__call__).parameters
    wanted = {name: value for name, value in arguments.items() if name in parameters and value is not None}
    if "max_area" in parameters:
        wanted["max_area"] = wanted["width"] * wanted["height"]
    if "intermediate_timesteps" in parameters and wanted["num_inference_steps"] != TWO_STEPS:
        wanted["intermediate_timesteps"] = None
    return wanted
