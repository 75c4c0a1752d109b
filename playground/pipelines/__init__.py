"""One adapter for each kind of library pipeline; every adapter module has `load(card, device) -> Model`."""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

from playground import hub
from playground.catalog import ModelCard
from playground.device import Device

if TYPE_CHECKING:
    from playground.pool import Model

ADAPTERS = ("text", "diffusion", "upscale", "speech")


def load(card: ModelCard, device: Device) -> Model:
    """Loads a card's model with its adapter. A starter never asks the network for anything."""
    if card.adapter not in ADAPTERS:
        raise ValueError(f"card {card.id} names an unknown adapter {card.adapter}")
    return importlib.import_module(f"playground.pipelines.{card.adapter}").load(card, device)


def where(card: ModelCard) -> dict[str, Any]:
    """from_pretrained's arguments on where to look: a folder only, the hub only where it can be reached."""
    if card.folder is not None:
        return {"local_files_only": True, "use_safetensors": True}
    return {} if hub.reachable() else {"local_files_only": True}


def warm_up() -> None:
    """Imports the heavy libraries, so that the first click does not wait for them; meant for a background thread."""
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    for adapter in ADAPTERS:
        module = importlib.import_module(f"playground.pipelines.{adapter}")
        module.imports()
