"""One adapter for each kind of library pipeline; every adapter module has `load(card, device) -> Model`."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from playground import hub
from playground.catalog import ModelCard
from playground.device import Device
from playground.pipelines import integrity

if TYPE_CHECKING:
    from playground.lora_files import Lora
    from playground.pool import Model

ADAPTERS = ("text", "diffusion", "upscale", "diffusion_upscale", "speech")


def load(card: ModelCard, device: Device, *, loras: Mapping[str, Lora] | None = None) -> Model:
    """Loads a card's model with its adapter. A starter never asks the network for anything. loras: those of this computer
    by name, for the models that wear them."""
    if card.adapter not in ADAPTERS:
        raise ValueError(f"card {card.id} names an unknown adapter {card.adapter}")
    with integrity.watched(card):
        model = importlib.import_module(f"playground.pipelines.{card.adapter}").load(card, device)
    if hasattr(model, "loras"):
        model.loras = loras or {}
    return model


def where(card: ModelCard) -> dict[str, Any]:
    """from_pretrained's arguments on where to look: a folder only, the hub only where it can be reached."""
    if card.folder is not None:
        variant = {"variant": card.variant} if card.variant else {}
        return {"local_files_only": True, "use_safetensors": True} | variant
    return {} if hub.reachable() else {"local_files_only": True}


def warm_up() -> None:
    """Imports the heavy libraries, so that the first click does not wait for them; meant for a background thread."""
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    for adapter in ADAPTERS:
        module = importlib.import_module(f"playground.pipelines.{adapter}")
        module.imports()
