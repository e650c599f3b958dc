"""The training step, as a Lightning module."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor

from lanelight.models import LaneModel
from lanelight.nn.taps import tapped
from lanelight.train import schedule
from lanelight.train.data import Sample
from lanelight.train.recipe import Recipe
from lanelight.train.validate import RenderedRoads

log = logging.getLogger(__name__)

Step = Callable[[Tensor], tuple[dict[str, Tensor], dict[str, Tensor]]]


class Task(LightningModule):
    """Trains a `LaneModel` by a `Recipe` and scores it on rendered roads between epochs.

    Args:
        recipe: the run.
        model: the network.
        validation: the roads it is scored on.
    """

    def __init__(self, recipe: Recipe, model: LaneModel, validation: RenderedRoads) -> None:
        super().__init__()
        self.recipe = recipe
        self.model = model
        self.validation = validation
        self._step: Step = torch.compile(self._features) if recipe.compile else self._features

    def _features(self, images: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return the outputs and the tapped features of one pass."""
        names = self.recipe.distillation.taps if self.recipe.distillation else ()
        with tapped(self.model, names) as features:
            outputs = self.model(images)
        return outputs, dict(features)

    def training_step(self, batch: Sample, _index: int) -> Tensor:
        """Return the loss of a batch."""
        outputs, features = self._step(batch["images"].float() / 255)
        targets = {name: tensor for name, tensor in batch.items() if name != "images"}
        with torch.autocast(self.device.type, enabled=False):  # sums over a million pixels want float32
            terms = self.model.loss({name: tensor.float() for name, tensor in outputs.items()}, targets)
            sad = self.recipe.distillation
            if sad is not None and sad.active(self.global_step):
                terms["sad"] = sad.loss({name: tensor.float() for name, tensor in features.items()})
        loss = torch.stack(list(terms.values())).sum()
        self.log_dict({f"loss/{name}": term.detach() for name, term in terms.items()})
        self.log("loss", loss.detach(), prog_bar=True)
        return loss

    def on_train_epoch_end(self) -> None:
        """Score the network on the validation roads."""
        self.model.eval()
        with torch.inference_mode():
            scores = self.validation.score(self.model)
        self.model.train()
        self.log_dict({f"val/{name}": value for name, value in scores.items()})
        losses = {key: f"{float(value):.4f}" for key, value in self.trainer.callback_metrics.items() if "loss" in key}
        log.info("step %d: %s, %s", self.global_step, losses, {key: f"{value:.4f}" for key, value in scores.items()})

    def configure_optimizers(self) -> Any:
        """Build the optimiser and its schedule."""
        settings, steps = self.recipe.optimizer, self.recipe.steps
        optimizer = schedule.optimizer(self.model, settings)
        rates = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: schedule.factor(step, steps=steps, settings=settings)
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": rates, "interval": "step"}}
