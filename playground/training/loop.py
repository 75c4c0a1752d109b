"""The loop around a stage's loss: it resumes, steps the optimizer, averages weights, logs, saves, and stops in time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from playground.training.recipe import Clock, Options, learning_rate, load_checkpoint, save_checkpoint, say

LOG_EVERY, SAVE_EVERY = 30, 240  # seconds
SMOKE_STEPS = 3


class Training:
    """One network's training, kept in `<work>/<name>.safetensors` and taken up from there.

    network: a module on its device; minutes: the budget over all interruptions; peak: learning rate; kept: how much
    of the averaged weights a step keeps in the long run (over fewer steps while there are few); clip: largest norm of
    the gradient.

        for _ in training.steps():
            training.learn(loss)
    """

    def __init__(
        self, options: Options, name: str, network: Any, *, minutes: float, peak: float, kept: float = 0.995,
        clip: float = 1.0, weight_decay: float = 1e-3,
    ) -> None:
        import torch
        from torch.optim.swa_utils import AveragedModel

        def towards(averages, currents, count):
            torch._foreach_lerp_(averages, currents, max(1 - kept, 9 / (10 + float(count))))

        self._name, self._network, self._peak, self._clip = name, network, peak, clip
        self._average = AveragedModel(network, multi_avg_fn=towards)
        self._optimizer = torch.optim.AdamW(
            network.parameters(), peak, betas=(0.9, 0.99), weight_decay=weight_decay, fused=True,
        )
        self._path = options.work / f"{name}.safetensors"
        self._modules = {"network": network, "average": self._average}
        self.step, spent = load_checkpoint(self._path, modules=self._modules, optimizers=[self._optimizer])
        torch.manual_seed(options.seed + self.step)
        self._last = self.step + SMOKE_STEPS if options.smoke else float("inf")
        self.clock = Clock(minutes, spent=spent)
        self._losses: list[float] = []

    def steps(self) -> Iterator[int]:
        """Counts steps until the budget is spent (a few in a smoke run), and saves on the way and at the end."""
        seen = saved = self.clock.spent
        while self.clock.progress < 1 and self.step < self._last:
            self._optimizer.param_groups[0]["lr"] = learning_rate(self._peak, self.clock.progress)
            yield self.step
            self.step += 1
            if self.clock.spent - seen > LOG_EVERY:
                say(f"{self._name} step {self.step} loss {np.mean(self._losses[-50:]):.4f} spent {self.clock.spent:.0f} s")
                seen = self.clock.spent
            if self.clock.spent - saved > SAVE_EVERY:
                self._save()
                saved = self.clock.spent
        self._save()

    def learn(self, loss: Any) -> None:
        """One step down the gradient of a scalar loss."""
        import torch

        self._optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._network.parameters(), self._clip)
        self._optimizer.step()
        self._average.update_parameters(self._network)
        self._losses = [*self._losses[-499:], loss.item()]

    def _save(self) -> None:
        save_checkpoint(
            self._path, modules=self._modules, optimizers=[self._optimizer], step=self.step, spent=self.clock.spent,
        )

    @property
    def averaged(self) -> Any:
        """The network with averaged weights, for use."""
        return self._average.module.eval()

    @property
    def facts(self) -> dict[str, Any]:
        """Steps, minutes and, where this process trained, the last steps' mean loss."""
        loss = {"loss": round(float(np.mean(self._losses[-200:])), 5)} if self._losses else {}
        return {"steps": self.step, "minutes": round(self.clock.spent / 60, 1)} | loss
