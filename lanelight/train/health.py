"""What is watched while a network trains."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from lanelight.errors import LanelightError


class Watch(Callback):
    """Stop at a loss that is not a number, and write the weights whenever the network was scored.

    Args:
        save: writes the weights of the network; called after each epoch.
    """

    def __init__(self, save: Callable[[], object]) -> None:
        self.save = save

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Check the loss."""
        loss = float(outputs["loss"])
        if not math.isfinite(loss):
            terms = {key: float(value) for key, value in trainer.callback_metrics.items() if key.startswith("loss/")}
            raise LanelightError(
                f"the loss became {loss} at step {trainer.global_step} (batch {batch_idx}): {terms}; lower optimizer.lr"
            )

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the weights."""
        self.save()
