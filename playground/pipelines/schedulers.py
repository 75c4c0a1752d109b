"""The samplers by the names that people know, built on a model's own noise schedule."""

from __future__ import annotations

import inspect
from typing import Any

from playground.errors import BadRequest
from playground.requests import SCHEDULERS
from playground.wording import say

OWN = SCHEDULERS[0]
# clip_sample would cut latents at -1..1, which suits only models that work on pixels
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "DPM++ 2M": ("DPMSolverMultistepScheduler", {"algorithm_type": "dpmsolver++", "use_karras_sigmas": False}),
    "DPM++ 2M Karras": ("DPMSolverMultistepScheduler", {"algorithm_type": "dpmsolver++", "use_karras_sigmas": True}),
    "Euler": ("EulerDiscreteScheduler", {"use_karras_sigmas": False}),
    "Euler a": ("EulerAncestralDiscreteScheduler", {}),
    "DDIM": ("DDIMScheduler", {"clip_sample": False}),
    "UniPC": ("UniPCMultistepScheduler", {"use_karras_sigmas": False}),
    "Heun": ("HeunDiscreteScheduler", {"use_karras_sigmas": False, "clip_sample": False}),
}


def names(own: Any) -> tuple[str, ...]:
    """The schedulers that a model with this scheduler of its own can use; flow-matching models only their own."""
    if own.config.get("use_flow_sigmas") or own.config.get("prediction_type") == "flow_prediction":
        return (OWN,)
    usable = {kind.__name__ for kind in own.compatibles}
    return (OWN, *(name for name, (kind, _) in KINDS.items() if kind in usable))


def build(name: str | None, own: Any, *, title: str) -> Any:
    """A fresh scheduler for one run: a run leaves its state in it, so none is ever used twice."""
    if name in (None, OWN):
        return type(own).from_config(own.config)
    usable = names(own)
    if name not in usable:
        sentence = say("pipelines.diffusion.scheduler", model=title, name=name, names=", ".join(usable))
        raise BadRequest(sentence, field="scheduler")
    import diffusers

    kind = getattr(diffusers, KINDS[name][0])
    changes = dict(KINDS[name][1])
    if own.config.get("rescale_betas_zero_snr") and "rescale_betas_zero_snr" not in inspect.signature(kind).parameters:
        changes |= {"trained_betas": rescaled_betas(own)}
    return kind.from_config(own.config, **changes)


def rescaled_betas(own: Any) -> list[float]:
    """The betas of a schedule that ends in pure noise, for a class that cannot rescale them itself."""
    kept = own.alphas_cumprod.double().clone()  # (T,)
    kept[-1] = max(kept[-1].item(), 2**-24)  # as the other classes do: an infinite last sigma cannot be computed with
    alphas = kept.clone()
    alphas[1:] = kept[1:] / kept[:-1]
    return (1 - alphas).tolist()
