"""Where a model's weights can stand: whole on the GPU, its parts there in turn, or in 8 bits; decided by bytes alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from playground.catalog.card import ModelCard
from playground.device import Device
from playground.footprints import Footprints
from playground.requests import DiffusionRequest, Request, SuperResolutionRequest, TextGenerationRequest
from playground.wording import say

WHOLE, OFFLOAD, FP8 = "whole", "offload", "fp8"
ORDER = (WHOLE, OFFLOAD, FP8)  # from the fastest to the one that needs least
HALVED = ("text", "diffusion", "diffusion_upscale")  # adapters that load 16-bit weights where the device computes with them
IN_PARTS = ("diffusion",)  # adapters whose models are several networks that work one after the other
LARGEST = 0.75  # of a model that does not say how large its largest part is
NARROW = 0.6  # what is left of a part in 8 bits: norms and embeddings stay as they are
TILED, IN_TURN = 1, 2  # what a loaded model's ease() can be asked for, in the order in which it is tried


@dataclass(frozen=True, kw_only=True)
class Need:
    """Bytes that a placement takes. device: on the device while it runs, the usual working memory left out, for which
    a device's budget leaves room; ram: of the computer's own memory beside it."""

    device: int
    ram: int = 0


def need(card: ModelCard, device: Device, placement: str, *, footprint: Footprints | None = None) -> Need:
    """What a model takes in a placement: as measured here where it was, else as its card estimates."""
    room = device.free_memory - device.budget
    known = footprint.of(card.id, device.dtype, placement) if footprint else None
    whole = footprint.of(card.id, device.dtype, WHOLE) if footprint else None
    weights = whole.weights if whole else estimate(card, device)
    if placement == WHOLE:
        return Need(device=max(weights, known.peak - room) if known else weights)
    if known and known.peak:
        return Need(device=max(0, known.peak - room), ram=max(weights, known.weights))
    largest = min(card.largest or int(weights * LARGEST), weights)
    # Weights are read in full before they are narrowed.
    return Need(device=int(largest * NARROW) if placement == FP8 else largest, ram=weights)


def estimate(card: ModelCard, device: Device) -> int:
    """Bytes of a model's weights on a device before it was ever loaded there: the cards of the hub's large families count
    16-bit weights, and a CPU takes twice that."""
    doubled = card.repository and card.adapter in HALVED and device.dtype == "float32"
    return card.memory * (2 if doubled else 1)


def possible(card: ModelCard, device: Device) -> tuple[str, ...]:
    """The placements that there are for a model on a device, whether it fits or not."""
    if card.adapter not in IN_PARTS or device.name.partition(":")[0] not in ("cuda", "xpu"):
        return (WHOLE,)
    return ORDER if device.name.startswith("cuda") else (WHOLE, OFFLOAD)


def fitting(card: ModelCard, device: Device, *, footprint: Footprints | None = None) -> tuple[str, ...]:
    """Every placement that fits the device's budget and the computer's memory, the best first."""
    made = []
    for placement in possible(card, device):
        wanted = need(card, device, placement, footprint=footprint)
        if wanted.device <= device.budget and (not device.ram or wanted.ram <= device.ram_budget):
            made.append(placement)
    return tuple(made)


def fits(card: ModelCard, device: Device, *, footprint: Footprints | None = None) -> str | None:
    """The best placement that fits the device's budget and the computer's memory; None where none does.

    footprint: what was measured on this machine, which replaces the card's estimates.
    """
    return next(iter(fitting(card, device, footprint=footprint)), None)


def instead(
    card: ModelCard, others: Iterable[ModelCard], device: Device, *, footprint: Footprints | None = None
) -> ModelCard | None:
    """The largest model among others that is smaller than a card's and fits; None where there is none."""
    smaller = [o for o in others if o.id != card.id and o.memory < card.memory and fits(o, device, footprint=footprint)]
    return max(smaller, key=lambda other: other.memory, default=None)


def smaller(request: Request, card: ModelCard) -> str:
    """What to do after a run was out of memory in spite of everything: the smaller request that the model could take."""
    if isinstance(request, DiffusionRequest):
        if request.num_images > 1:
            return say("placing.fewer", model=card.title, count=request.num_images)
        sides = [smaller_side(request, card, name) for name in ("width", "height")]
        if all(sides):
            return say("placing.smaller", model=card.title, size=f"{sides[0]}x{sides[1]}")
    if isinstance(request, SuperResolutionRequest):
        tile = max(64, (request.tile or 512) // 2)
        if not request.tile or tile < request.tile:
            return say("placing.smaller_tile", model=card.title, tile=tile)
    if isinstance(request, TextGenerationRequest):
        return say("placing.shorter", model=card.title)
    return say("errors.out_of_memory", model=card.title)


def smaller_side(request: DiffusionRequest, card: ModelCard, name: str) -> int | None:
    """Three quarters of a side, as the model takes it; None where it takes nothing smaller."""
    side, limits = getattr(request, name), card.range(type(request), name)
    if side is None:
        return None
    multiple = max(64, limits.multiple_of)
    less = int(side * 0.75) // multiple * multiple
    return less if limits.low <= less < side else None
