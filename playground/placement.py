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
HALVED_VOICES = ("Dia", "Csm", "VibeVoice")  # how the classes of the voices begin that do so too
IN_PARTS = ("diffusion",)  # adapters whose models are several networks that work one after the other
IN_LAYERS = ("text",)  # adapters whose models can fetch one layer after the other; that is slow, and better than nothing
NOT_IN_LAYERS = ("Gemma4",)  # how the classes of those begin that read the weights of one part from another
LAYER, WIDEST = 0.5, 6 * 10**9  # of such a model on the device at once, and the most bytes: the widest tables of words
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
    known = footprint.of(card, device.dtype, placement) if footprint else None
    whole = footprint.of(card, device.dtype, WHOLE) if footprint else None
    weights = whole.weights if whole else estimate(card, device)
    if placement == WHOLE:
        return Need(device=max(weights, known.peak - room) if known else weights)
    if known and known.peak:
        return Need(device=max(0, known.peak - room), ram=max(weights, known.weights))
    if card.adapter in IN_LAYERS:
        return Need(device=min(int(weights * LAYER), WIDEST), ram=weights)
    largest = min(int(card.largest * widening(card, device)) or int(weights * LARGEST), weights)
    # Weights are read in full before they are narrowed.
    return Need(device=int(largest * NARROW) if placement == FP8 else largest, ram=weights)


def estimate(card: ModelCard, device: Device) -> int:
    """Bytes of a model's weights on a device before it was ever loaded there."""
    return int(card.memory * widening(card, device))


def widening(card: ModelCard, device: Device) -> float:
    """How much larger a model's weights are in memory than its card says: a CPU works in 32 bits with weights of 16."""
    bits = card.bits or (16 if card.own else 0)  # what somebody brought along is of 16 bits where it does not say
    if not bits:
        return 1.0
    halved = card.adapter in HALVED or card.adapter == "speech" and card.pipeline.startswith(HALVED_VOICES)
    return (16 if halved and device.dtype != "float32" else 32) / bits


def possible(card: ModelCard, device: Device) -> tuple[str, ...]:
    """The placements that there are for a model on a device, whether it fits or not."""
    in_layers = card.adapter in IN_LAYERS and not card.pipeline.startswith(NOT_IN_LAYERS)
    if not (in_layers or card.adapter in IN_PARTS) or device.name.partition(":")[0] not in ("cuda", "xpu"):
        return (WHOLE,)
    return ORDER if device.name.startswith("cuda") and card.adapter in IN_PARTS else (WHOLE, OFFLOAD)


def fitting(card: ModelCard, device: Device, *, footprint: Footprints | None = None) -> tuple[str, ...]:
    """Every placement that fits the device's budget and the computer's memory, the best first. What was loaded here before
    may exceed a budget below what there is."""
    made = []
    for placement in possible(card, device):
        wanted = need(card, device, placement, footprint=footprint)
        known = footprint is not None and footprint.of(card, device.dtype, placement) is not None
        if wanted.device <= (device.limit if known else device.budget) and (not device.ram or wanted.ram <= device.ram_budget):
            made.append(placement)
    return tuple(made)


def fits(card: ModelCard, device: Device, *, footprint: Footprints | None = None) -> str | None:
    """The best placement that fits the device's budget and the computer's memory; None where none does.

    footprint: what was measured on this machine, which replaces the card's estimates.
    """
    return next(iter(fitting(card, device, footprint=footprint)), None)


def well(card: ModelCard, device: Device, *, footprint: Footprints | None = None) -> bool:
    """Whether a model fits so that it can be advised: layers that are fetched for each word take very long."""
    best = fits(card, device, footprint=footprint)
    return best == WHOLE or best is not None and card.adapter not in IN_LAYERS


def instead(
    card: ModelCard, others: Iterable[ModelCard], device: Device, *, footprint: Footprints | None = None
) -> ModelCard | None:
    """The largest model among others that is smaller than a card's and fits, a starter where there is no other; None where
    there is none."""
    most = need(card, device, WHOLE, footprint=footprint).device
    smaller = [
        o for o in others
        if o.id != card.id and need(o, device, WHOLE, footprint=footprint).device < most and well(o, device, footprint=footprint)
    ]
    return max(smaller, key=lambda other: (not other.starter, other.memory), default=None)


def sizes(*counts: int) -> tuple[str, ...]:
    """Bytes in words for people, with as many digits as it takes to tell them apart."""
    for further in (0, 1, 2):
        made = tuple(
            f"{count / 1e9:.{1 + further}f} GB" if count >= 1e9 else
            f"{count / 1e6:.{further}f} MB" if count >= 1e6 else
            f"{count / 1e3:.{further}f} kB" if count >= 1e3 else f"{count} bytes"
            for count in counts
        )
        if len(set(made)) == len(set(counts)):
            return made
    return tuple(f"{count:,} bytes" for count in counts)


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
