"""The training step, as a Lightning module."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from lightning.pytorch import LightningModule
from torch import Tensor

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
    """

    def __init__(self, recipe: Recipe, model: LaneModel, lr: float, origin: Callable[[int], str]) -> None:
        super().__init__()
        self.recipe = recipe
        self.model = model
        self.lr = lr
        self.origin = origin
        self._step: Step = torch.compile(self._features) if recipe.compile else self._features

    def _features(self, images: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return the outputs and the tapped features of one pass."""
        names = self.recipe.distillation.taps if self.recipe.distillation else ()
        with tapped(self.model, names) as features:
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
        outputs, features = self._step(batch["images"].float() / 255)
        targets = {name: tensor for name, tensor in batch.items() if name not in ("images", "index")}
        with torch.autocast(self.device.type, enabled=False):  # sums over a million pixels want float32
            terms = self.model.loss({name: tensor.float() for name, tensor in outputs.items()}, targets)
            figures: dict[str, Tensor] = {}
            sad = self.recipe.distillation
            if sad is not None and sad.active(self.global_step):
                found = sad({name: tensor.float() for name, tensor in features.items()}, self.global_step)
                terms["sad"], figures["sad/peak"] = found.loss, found.peak
        loss = torch.stack(list(terms.values())).sum()
        if not bool(torch.isfinite(loss)):
            self._stop(terms, batch, batch_idx)
        return {"loss": loss, "terms": {name: term.detach() for name, term in terms.items()}, "figures": figures}

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
