"""What a run writes while it trains: scores, weights, and the state from which it can go on."""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint, EMAWeightAveraging
from lightning.pytorch.plugins.io import TorchCheckpointIO

from lanelight.decode import ClassDecoder
from lanelight.errors import ModelError, OutputError
from lanelight.formats.text import NO_SPACE, cannot_write, part_name
from lanelight.models import LaneModel, checkpoints
from lanelight.train.health import Report
from lanelight.train.pictures import write_pictures
from lanelight.train.recipe import Recipe
from lanelight.train.validate import ValidationFrames

log = logging.getLogger(__name__)

STATE_FILE, LAST_FILE, BEST_FILE = "checkpoints/last.ckpt", "last.safetensors", "best.safetensors"
WEIGHTS_FILE = "weights.safetensors"  # the result: a copy of one of the two
OURS = "lanelight"  # our entry in the state


@dataclass(frozen=True)
class Shape:
    """What must be the same where a run goes on, else its steps would have other frames or other weights."""

    network: str
    size: tuple[int, int]
    batch: int
    accumulate: int
    processes: int


class Saver(Checkpoint):
    """Score the network every few steps, and write its weights and the state of the run.

    Everything of a step is done before its state is saved, and the state is saved last. A run that is killed at any
    moment goes on from the last state and writes the same again.

    Args:
        recipe: how often, and which weights are the result.
        folder: of the run.
        model: the network.
        shape: goes into the state.
        average: moving average of the weights, or None.
        report: what else is told of the scores.
    """

    def __init__(
        self,
        recipe: Recipe,
        folder: Path,
        model: LaneModel,
        *,
        shape: Shape,
        average: EMAWeightAveraging | None,
        report: Report | None,
    ) -> None:
        self.recipe, self.folder, self.model, self.shape = recipe, folder, model, shape
        self.average, self.report = average, report
        self.validation = ValidationFrames(recipe) if recipe.val_frames else None
        self.figure = None
        if self.validation is not None:
            self.validation.check(model)
            self.figure = self.validation.figure
        self.best, self.best_step = -1.0, -1
        self._step = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Learn where the run begins."""
        self._step = trainer.global_step

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Validate and save where it is time."""
        step = trainer.global_step
        if step == self._step:  # gradients of more passes are to come
            return
        self._step = step
        ends = step == trainer.max_steps
        validates = step % self.recipe.val_every == 0 or ends
        if validates:
            self._validate(trainer, pl_module, step)
        if validates or step % (self.recipe.save_every or self.recipe.val_every) == 0:
            self.write_last(trainer, pl_module)
            trainer.save_checkpoint(self.folder / STATE_FILE)  # all processes take part

    def write_last(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the weights as they are now, and the result."""
        if trainer.is_global_zero:
            with self._averaged(trainer, pl_module):
                checkpoints.save(self.model, self.folder / LAST_FILE, network=self.recipe.network)
            self.write_result()

    def write_result(self) -> Path:
        """Copy the weights that the recipe wants exported; return the file."""
        best = self.recipe.exported == "best" and self.best_step >= 0
        source = self.folder / (BEST_FILE if best else LAST_FILE)
        return write_whole(self.folder / WEIGHTS_FILE, source.read_bytes())

    def _validate(self, trainer: Trainer, pl_module: LightningModule, step: int) -> None:
        """Score the network; the first process does, because norms keep statistics of their own in each."""
        if self.validation is None or not trainer.is_global_zero:
            return
        training = [module for module in self.model.modules() if module.training]
        with self._averaged(trainer, pl_module), torch.inference_mode():
            scores = self.validation.score(self.model.eval())
            found = scores[self.validation.figure]
            if found > self.best:
                self.best, self.best_step = found, step
                checkpoints.save(self.model, self.folder / BEST_FILE, network=self.recipe.network)
        for module in training:
            module.training = True
        decoder = self.model.decoder
        names = decoder.names if isinstance(decoder, ClassDecoder) else ()
        write_pictures(self.folder, step, self.validation.shown, names)
        row = {f"val/{name}": value for name, value in scores.items()}
        for logger in trainer.loggers:
            logger.log_metrics(row, step=step)
        told = [f"{name} {value:.4f}" for name, value in row.items() if isinstance(value, float)]  # not the counts
        log.info("step %d: %s", step, ", ".join(told))
        if self.report is not None:
            self.report(step, row)

    @contextmanager
    def _averaged(self, trainer: Trainer, pl_module: LightningModule) -> Iterator[None]:
        """Put the averaged weights into the network for a while, where there are any."""
        if self.average is None:
            yield
            return
        self.average.on_validation_epoch_start(trainer, pl_module)
        try:
            yield
        finally:
            self.average.on_validation_epoch_end(trainer, pl_module)

    def state_dict(self) -> dict[str, Any]:
        """Return the best score so far, its name and its step."""
        return {"figure": self.figure, "best": self.best, "best_step": self.best_step}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take them back; a score of another name tells nothing."""
        if state_dict.get("figure") == self.figure:
            self.best, self.best_step = state_dict["best"], state_dict["best_step"]
        elif state_dict["best_step"] >= 0:
            log.warning("the best weights so far were chosen by another figure than %s: chosen anew", self.figure)

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Add what tells whose state it is."""
        checkpoint[OURS] = {**asdict(self.shape), "size": list(self.shape.size), "step": trainer.global_step}


class WholeFiles(TorchCheckpointIO):
    """Write a state whole or not at all.

    Lightning's own way writes to the folder of temporary files first, and moving from there is no single step where it
    lies on another disk.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Write the state."""
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        write_whole(Path(path), buffer.getvalue())


def write_whole(path: Path, content: bytes) -> Path:
    """Write a file that takes its name only when it is complete and on the disk; return the path.

    Raises:
        OutputError: the place cannot be written, or is full.
    """
    part = part_name(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        if error.errno in NO_SPACE:
            told = f"cannot write {path}: {error.strerror}; make room on the disk, then go on with --resume"
            raise OutputError(told) from error
        raise cannot_write(path, error) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return path


def saved_step(folder: Path, shape: Shape) -> int:
    """Return the step at which a run was saved.

    Args:
        folder: of the run.
        shape: of the run as it is to go on.

    Raises:
        ModelError: there is no state, it is damaged, of an older version, or of another network or number of processes.
    """
    path = folder / STATE_FILE
    if not path.is_file():
        raise ModelError(f"{path}: expected the state of a run, found none; it ended before it was saved: train anew")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # a dozen types for a damaged file
        raise ModelError(f"{path}: expected the state of a run, got a file that cannot be read ({error})") from error
    ours = state.get(OURS)
    if ours is None:
        raise ModelError(
            f"{path}: expected a state with the order of its frames, got one of an older version; "
            f"start anew from its weights with --init {folder / WEIGHTS_FILE}"
        )
    for name, value in asdict(shape).items():
        was = tuple(ours[name]) if name == "size" else ours[name]
        if was != value:
            raise ModelError(f"{path}: expected a state with {name} {value}, got one with {was}; it is another run's")
    return int(ours["step"])
