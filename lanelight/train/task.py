"""The training step, as a Lightning module."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from lightning.pytorch import LightningModule
from torch import Tensor

from lanelight.distill.lesson import Lesson
from lanelight.distill.teaching import Teacher
from lanelight.errors import LanelightError
from lanelight.models import LaneModel
from lanelight.nn.taps import tapped
from lanelight.train import schedule
from lanelight.train.data import Sample
from lanelight.train.recipe import Recipe

Step = Callable[[Tensor], tuple[dict[str, Tensor], dict[str, Tensor]]]


class Task(LightningModule):
    """Trains a `LaneModel` by a `Recipe`.

    Args:
        recipe: the run.
        model: the network.
        lr: peak learning rate; see `lanelight.train.schedule.scaled_lr`.
        origin: says where a sample comes from, for messages.
        teacher: that the network learns from, or None. It is no module, so it is neither trained nor saved here.
    """

    def __init__(
        self,
        recipe: Recipe,
        model: LaneModel,
        lr: float,
        origin: Callable[[int], str],
        *,
        teacher: Teacher | None = None,
    ) -> None:
        super().__init__()
        self.recipe = recipe
        # Convolutions of a processor and of tensor cores are faster with a pixel's channels side by side.
        self.model = model.to(memory_format=torch.channels_last)
        self.lr = lr
        self.origin = origin
        self.teacher = teacher
        sources = (recipe.distillation, teacher)
        self._taps = sorted({name for source in sources if source is not None for name in source.taps})
        if recipe.compile:
            # What was compiled for an earlier run of this process would be taken again, with the taps that it had:
            # hooks are no part of what torch compares (torch._dynamo.config.skip_nnmodule_hook_guards).
            torch.compiler.reset()
        self._step: Step = torch.compile(self._features) if recipe.compile else self._features

    def _features(self, images: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return the outputs and the tapped features of one pass."""
        with tapped(self.model, self._taps) as features:
            outputs = self.model(images)
        return outputs, dict(features)

    def on_train_batch_start(self, batch: Sample, batch_idx: int) -> None:
        """Seed what the network draws (dropout): a function of the recipe's seed, the process and the pass.

        So a run that goes on needs no state of generators, and processes draw differently.
        """
        seeds = np.random.SeedSequence((self.recipe.seed, self.global_rank, batch_idx))
        torch.manual_seed(int(seeds.generate_state(1)[0]))

    def training_step(self, batch: Sample, batch_idx: int) -> dict[str, Any]:
        """Return the ``loss`` of a batch, its ``terms``, and other ``figures`` to be logged."""
        images = batch["images"].to(memory_format=torch.channels_last)
        outputs, features = self._step(images.float() / 255)
        lesson, figures = self._lesson(batch["images"])
        targets = {name: tensor for name, tensor in batch.items() if name not in ("images", "index")}
        with torch.autocast(self.device.type, enabled=False):  # sums over a million pixels want float32
            outputs, features = _float(outputs), _float(features)
            terms = self.model.loss(outputs, targets)
            sad = self.recipe.distillation
            if sad is not None and sad.active(self.global_step):
                found = sad(features, self.global_step)
                terms["sad"], figures["sad/peak"] = found.loss, found.peak
            if self.teacher is not None and lesson is not None:
                terms |= self.teacher.terms(lesson, outputs, features, self.global_step)
        loss = torch.stack(list(terms.values())).sum()
        if not bool(torch.isfinite(loss)):
            self._stop(terms, batch, batch_idx)
        return {"loss": loss, "terms": {name: term.detach() for name, term in terms.items()}, "figures": figures}

    def _lesson(self, images: Tensor) -> tuple[Lesson | None, dict[str, Tensor]]:
        """Return what the teacher says of a batch, None where it does not count yet, and figures to be logged."""
        if self.teacher is None or not self.teacher.settings.active(self.global_step):
            return None, {}
        lesson, share = self.teacher.lesson(images)
        cached = {"teacher/cached": torch.tensor(share, device=images.device)}
        return lesson, cached if self.teacher.settings.cache is not None else {}

    def configure_optimizers(self) -> Any:
        """Build the optimiser and its schedule."""
        settings, steps = self.recipe.optim, self.recipe.steps
        optimizer = schedule.optimizer(self.model, settings, self.lr)
        rates = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: schedule.factor(step, steps=steps, settings=settings)
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": rates, "interval": "step"}}

    def _stop(self, terms: dict[str, Tensor], batch: Sample, number: int) -> None:
        """Raise the error for a loss that is no number."""
        values = {name: float(term.detach()) for name, term in terms.items()}
        wrong = [name for name, value in values.items() if not np.isfinite(value)]
        samples = [int(index) for index in batch["index"]]
        frames = ", ".join(self.origin(index) for index in samples)
        raise LanelightError(
            f"the loss is no longer a number at step {self.global_step}: term {' and '.join(wrong) or 'sum'}, "
            f"batch {number}, samples {samples[0]} to {samples[-1]} ({frames}); all terms: "
            f"{', '.join(f'{name} {value:.4g}' for name, value in values.items())}; look at these frames, "
            "lower optim.lr, or lengthen optim.warmup_steps"
        )


def _float(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.float() for name, tensor in tensors.items()}
