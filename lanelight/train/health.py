"""What is watched while a network trains: losses, rates and speed; and what errors of the machine mean."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from lanelight.errors import LanelightError, OutputError
from lanelight.formats.text import NO_SPACE
from lanelight.train.recipe import Recipe

Report = Callable[[int, dict[str, float]], None]  # (steps done, figures by name), from the first process


class Watch(Callback):
    """Log every few steps the terms of the loss over the frames of all processes, the rate, and the speed.

    Args:
        every: steps between two rows.
        frames: frames a step of all processes together.
        report: what else is told of a row.
    """

    def __init__(self, every: int, frames: int, report: Report | None = None) -> None:
        self.every, self.frames, self.report = every, frames, report
        self._passes: list[dict[str, Tensor]] = []
        self._rate = 0.0
        self._steps = 0
        self._began = self._ended = time.perf_counter()
        self._waited = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        self._steps, self._began, self._ended = trainer.global_step, time.perf_counter(), time.perf_counter()

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Count the time the network waited for the batch."""
        self._waited += time.perf_counter() - self._ended
        self._rate = trainer.optimizers[0].param_groups[0]["lr"]

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Log a row where one is due."""
        self._passes.append({"loss": outputs["loss"].detach(), **_terms(outputs["terms"]), **outputs["figures"]})
        step = trainer.global_step
        if step > self._steps and (step % self.every == 0 or step == trainer.max_steps):
            self._log(trainer, step)
        if (batch_idx + 1) % trainer.accumulate_grad_batches == 0:
            self._passes.clear()
        self._ended = time.perf_counter()

    def _log(self, trainer: Trainer, step: int) -> None:
        names = list(self._passes[0])
        sums = torch.stack([torch.stack([terms[name].float() for name in names]) for terms in self._passes])
        # Lightning divides the loss of a pass by the number of passes; the terms are as they were.
        means = trainer.strategy.reduce(sums.mean(dim=0), reduce_op="mean").tolist()
        row = dict(zip(names, means, strict=True))
        row["loss"] = sum(value for name, value in row.items() if name.startswith("loss/"))
        took = time.perf_counter() - self._began
        row |= {
            "lr": self._rate,
            "frames_per_s": (step - self._steps) * self.frames / max(took, 1e-9),
            "share_waiting": self._waited / max(took, 1e-9),
        }
        for logger in trainer.loggers:
            logger.log_metrics(row, step=step)
        if self.report is not None and trainer.is_global_zero:
            self.report(step, row)
        self._steps, self._began, self._waited = step, time.perf_counter(), 0.0


def _terms(terms: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"loss/{name}": term for name, term in terms.items()}


def explained(error: Exception, recipe: Recipe) -> LanelightError | None:
    """Return what an error of the machine means for a run, or None where it is something else.

    Args:
        error: what training raised.
        recipe: the run.
    """
    text = str(error)
    if isinstance(error, LanelightError):
        # A process that prepares frames sends its traceback as the message; what it means is in the last line.
        inner = text.strip().splitlines()[-1].partition(": ")[2] if "Original Traceback" in text else text
        return type(error)(inner)
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or "not enough memory" in text or "alloc_cpu" in text:
        return LanelightError(
            f"out of memory: lower batch (now {recipe.batch}; double accumulate, now {recipe.accumulate}, for the same "
            f"frames a step), or size (now {recipe.size[0]}x{recipe.size[1]})"
        )
    if "DataLoader worker" in text and "killed by signal" in text:
        return LanelightError(
            f"a process that prepares frames was killed, most likely for memory: lower workers (now {recipe.workers}) "
            "or data.N.pool"
        )
    if isinstance(error, OSError) and error.errno in NO_SPACE:
        return OutputError(
            f"cannot write {error.filename or 'the run folder'}: {error.strerror}; make room on the disk"
        )
    return None
