"""Run a recipe: the run folder, the trainer, the weights that come out."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader

from lanelight.errors import ModelError, OutputError, unknown_name
from lanelight.formats.text import write_json
from lanelight.models import MODELS, LaneModel, checkpoints
from lanelight.train.data import EpochSampler, TrainingFrames, frames_of
from lanelight.train.recipe import DataPart, Recipe
from lanelight.train.validate import RenderedRoads

log = logging.getLogger(__name__)

RECIPE_FILE, WEIGHTS_FILE = "recipe.json", "weights.safetensors"


def run(recipe: Recipe, out: str | Path) -> Path:
    """Train a network.

    Args:
        recipe: the whole run.
        out: run folder: ``recipe.json``, ``metrics.csv`` under ``logs``, ``weights.safetensors`` (last) and
            checkpoints.

    Returns:
        The file of the trained weights.

    Raises:
        LanelightError: the folder holds a run or cannot be written, data are missing, or the loss became NaN or
            infinite.
        KeyboardInterrupt: the run was interrupted; the weights so far are written first.
    """
    folder = Path(out)
    if (folder / RECIPE_FILE).exists():
        raise OutputError(f"{folder}: expected a new folder, but a run lies there already; choose another one")
    model = build(recipe)
    frames = TrainingFrames(recipe, model)  # missing weights or data are found before anything is written
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: expected a folder that can be written ({error})") from error
    write_json(folder / RECIPE_FILE, recipe.to_dict())
    _fit(recipe, folder, model, frames)
    return checkpoints.save(model, folder / WEIGHTS_FILE, network=recipe.network)


def build(recipe: Recipe) -> LaneModel:
    """Build the recipe's network, with the weights of `recipe.init` where their shapes fit."""
    if recipe.network not in MODELS:
        raise ModelError(unknown_name("network", recipe.network, MODELS))
    torch.manual_seed(recipe.seed)
    model = MODELS[recipe.network](size=recipe.size, width_px=recipe.width_px, loss_terms=recipe.loss)
    if recipe.init is not None:
        own, given = model.state_dict(), checkpoints.read(recipe.init, recipe.network).state
        fit = {
            key: tensor
            for key, tensor in given.items()
            if key in own and own[key].shape == tensor.shape and key.partition(".")[0] not in recipe.reset
        }
        left = sorted((own.keys() | given.keys()) - fit.keys())
        log.info("init %s: %d tensors taken, left as they were: %s", recipe.init, len(fit), ", ".join(left) or "none")
        model.load_state_dict(own | fit)
    return model


def load_run(folder: str | Path) -> tuple[Recipe, LaneModel]:
    """Read the recipe and the trained network of a run folder.

    Raises:
        LanelightError: no recipe or no weights there.
    """
    folder = Path(folder)
    recipe = Recipe.read(folder / RECIPE_FILE)
    model = checkpoints.load(folder / WEIGHTS_FILE, recipe.network, size=recipe.size)
    return recipe, model.eval()


def _fit(recipe: Recipe, folder: Path, model: LaneModel, frames: TrainingFrames) -> None:
    """Train the network in place."""
    from lightning.pytorch import Trainer
    from lightning.pytorch.callbacks import LearningRateMonitor, ModelCheckpoint
    from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger

    from lanelight.train.health import Watch
    from lanelight.train.task import Task

    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)  # its information is mostly advertisement
    every = min(recipe.val_every, recipe.steps)
    roads = frames_of(DataPart(seed=recipe.val_seed), recipe.size)
    loader = DataLoader(
        frames,
        batch_size=recipe.batch,
        sampler=EpochSampler(every * recipe.batch),
        num_workers=recipe.workers,
        persistent_workers=recipe.workers > 0,  # what they remember lasts for the run
        drop_last=True,
    )
    options: dict[str, Any] = {"save_dir": str(folder), "name": "logs", "version": ""}
    trainer = Trainer(
        accelerator="auto",
        devices=1,
        max_steps=recipe.steps,
        precision=recipe.precision,
        gradient_clip_val=recipe.optimizer.clip,
        logger=[CSVLogger(**options), TensorBoardLogger(**options)],
        callbacks=[
            ModelCheckpoint(dirpath=folder / "checkpoints", filename="{step}", save_last=True, every_n_epochs=1),
            LearningRateMonitor("step"),
            Watch(lambda: checkpoints.save(model, folder / WEIGHTS_FILE, network=recipe.network)),
        ],
        log_every_n_steps=min(10, every),
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    try:
        trainer.fit(Task(recipe, model, RenderedRoads(roads, recipe.val_frames)), loader)
    except SystemExit:  # how the trainer ends after Ctrl-C
        if not trainer.interrupted:
            raise
    if trainer.interrupted:
        weights = checkpoints.save(model, folder / WEIGHTS_FILE, network=recipe.network)
        log.info("interrupted at step %d; the weights so far are in %s", trainer.global_step, weights)
        raise KeyboardInterrupt
