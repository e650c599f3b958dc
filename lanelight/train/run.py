"""Run a recipe: the run folder, the trainer, the weights that come out."""

from __future__ import annotations

import inspect
import json
import logging
import typing
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from lanelight.distill.teacher_network import weights_file
from lanelight.distill.teaching import Teacher
from lanelight.errors import LanelightError, ModelError, OutputError, unknown_name
from lanelight.formats.text import write_json
from lanelight.machine import keep_freed_memory
from lanelight.models import MODELS, LaneModel, checkpoints
from lanelight.train import record, schedule
from lanelight.train.data import StepBatches, StepLoader, TrainingFrames
from lanelight.train.processes import Processes, is_first
from lanelight.train.recipe import Recipe

if TYPE_CHECKING:
    from lanelight.train.health import Report

log = logging.getLogger(__name__)

RECIPE_FILE, RECORD_FILE, WEIGHTS_FILE = "recipe.json", "run.json", "weights.safetensors"
OWN_ENTRIES = ("size", "width_px", "loss_terms", "decoder")  # of networks: the recipe has entries for these
HARMLESS = (
    ".*LeafSpec.*",  # Lightning of torch's trees
    ".*does not have many workers.*",  # the recipe's choice
)


def run(recipe: Recipe, out: str | Path, *, processes: Processes | None = None, report: Report | None = None) -> Path:
    """Train a network.

    Args:
        recipe: the whole run.
        out: run folder: ``recipe.json``, ``run.json`` (what the run was made of), ``logs`` (``metrics.csv`` and
            TensorBoard), ``last.safetensors``, ``best.safetensors``, ``checkpoints/last.ckpt`` (the state), and
            ``weights.safetensors``, the result: best or last as `Recipe.exported` says.
        processes: that train together; None is one.
        report: called with steps done and figures, for a display of progress.

    Returns:
        The file of the trained weights.

    Raises:
        LanelightError: the folder holds a run or cannot be written, data are missing, the loss became NaN or
            infinite, or memory or disk are too small.
        KeyboardInterrupt: the run was interrupted; the weights so far are written first.
    """
    folder, together = Path(out), processes or Processes()
    if is_first() and (folder / RECIPE_FILE).exists():
        raise OutputError(
            f"{folder}: expected a new folder, but a run lies there already; choose another one, or go on with --resume"
        )
    fit = _Fit(recipe, folder, together, report)  # missing weights or data are found before anything is written
    if is_first():
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{folder}: expected a folder that can be written ({error})") from error
        write_json(folder / RECORD_FILE, record.description(recipe, together, fit.lr))
        write_json(folder / RECIPE_FILE, recipe.to_dict())
    return fit(0)


def resume(folder: str | Path, *, processes: Processes | None = None, report: Report | None = None) -> Path:
    """Go on with a run that ended early; the weights are those of a run that did not, bit for bit.

    That holds on the same machine with the same packages and number of threads; what differs is logged and recorded.

    Args:
        folder: of the run.
        processes: as many as it was begun with.
        report: as in `run`.

    Returns:
        The file of the trained weights.

    Raises:
        LanelightError: there is no run, it was never saved, or as in `run`.
        KeyboardInterrupt: as in `run`.
    """
    from lanelight.train.saving import saved_step

    folder, together = Path(folder), processes or Processes()
    recipe = Recipe.read(folder / RECIPE_FILE)
    fit = _Fit(replace(recipe, init=None), folder, together, report)  # the state has all weights
    step = saved_step(folder, fit.shape)
    if is_first():
        _note_resumption(folder, record.description(recipe, together, fit.lr), step)
    if step >= recipe.steps:
        log.info("%s: the run is complete", folder)
    return fit(step)


def build(recipe: Recipe) -> LaneModel:
    """Build the recipe's network, with the weights of `recipe.init` where their shapes fit.

    Raises:
        ModelError: an unknown network, argument of it, or tap to distil from; or weights that do not fit.
    """
    if recipe.network not in MODELS:
        raise ModelError(unknown_name("network", recipe.network, MODELS))
    builder = MODELS[recipe.network]
    known = settable(builder)
    for name in recipe.parts:
        if known is not None and name not in known:
            raise ModelError(f"recipe {recipe.name}: parts: " + unknown_name(f"part of {recipe.network}", name, known))
    torch.manual_seed(recipe.seed)
    model = builder(size=recipe.size, width_px=recipe.width_px, loss_terms=recipe.loss, **recipe.parts)
    _check_taps(recipe, model)
    if recipe.init is not None:
        _start_from(recipe.init, recipe, model)
    return model


def settable(builder: Callable[..., LaneModel]) -> list[str] | None:
    """Return which arguments of a network's builder a recipe may set in `parts`; None where it takes any.

    A builder with ``**parts`` hands them to the class that it says it returns.
    """
    names: list[str] = []
    for function in (builder, typing.get_type_hints(builder).get("return", builder)):
        arguments = inspect.signature(function).parameters.values()
        names += [one.name for one in arguments if one.kind is one.KEYWORD_ONLY and one.name not in OWN_ENTRIES]
        if all(one.kind is not one.VAR_KEYWORD for one in arguments):
            return names
    return None


def _check_taps(recipe: Recipe, model: LaneModel) -> None:
    """Fail before training where distillation asks for features that the network does not show, or never begins."""
    sad = recipe.distillation
    if sad is None:
        return
    for name in sad.taps:
        if name not in model.TAPS:
            raise ModelError(
                f"recipe {recipe.name}: distillation.pairs: "
                + (unknown_name(f"tap of {recipe.network}", name, model.TAPS))
            )
    if sad.weight and sad.start_step >= recipe.steps:
        log.warning(
            "distillation never begins: distillation.start_step is %d, the run has %d steps",
            sad.start_step,
            recipe.steps,
        )


def _check_teacher(recipe: Recipe) -> None:
    """Make sure that the file of the recipe's teacher is there."""
    if recipe.teacher is not None:
        with _named(recipe):
            weights_file(recipe.teacher.file)


def _teacher(recipe: Recipe, model: LaneModel) -> Teacher | None:
    """Open the recipe's teacher; every error names the recipe."""
    settings = recipe.teacher
    if settings is None:
        return None
    for name, term in settings.named.items():
        if term.start_step >= recipe.steps:
            told = "%s never begins: its start_step is %d, the run has %d steps"
            log.warning(told, name, term.start_step, recipe.steps)
    with _named(recipe):
        return Teacher.open(settings, model)


@contextmanager
def _named(recipe: Recipe) -> Iterator[None]:
    """Let errors begin with the recipe's name."""
    try:
        yield
    except LanelightError as error:
        raise type(error)(f"recipe {recipe.name}: {error}") from error


def _start_from(file: str, recipe: Recipe, model: LaneModel) -> None:
    """Load what fits of a file of weights, and log what does not.

    Raises:
        ModelError: less than half of the network's tensors are in the file: it is of another network.
    """
    own, given = model.state_dict(), _given(file, recipe.network)
    wanted = [key for key in own if key.partition(".")[0] not in recipe.reset]
    fit = {key: given[key] for key in wanted if key in given and own[key].shape == given[key].shape}
    if 2 * len(fit) < len(wanted):
        raise ModelError(
            f"{file}: expected weights of {recipe.network}, but only {len(fit)} of its {len(wanted)} tensors fit; "
            "name a file of the same network"
        )
    parts = Counter(key.partition(".")[0] for key in own.keys() - fit.keys())
    left = ", ".join(f"{part} ({count})" for part, count in sorted(parts.items())) or "none"
    log.info("init %s: %d of %d tensors taken, left as they were: %s", file, len(fit), len(own), left)
    if unused := len(given.keys() - own.keys()):
        log.info("init %s: %d tensors are of no use to %s", file, unused, recipe.network)
    model.load_state_dict(own | fit)


def _given(file: str, network: str) -> checkpoints.State:
    """Read weights to start from; every error names the file."""
    try:
        return checkpoints.read(file, network).state
    except ModelError as error:
        if file in str(error):
            raise
        raise ModelError(f"{file}: {error}") from error


def load_run(run: str | Path) -> tuple[Recipe, LaneModel]:
    """Read the recipe and the trained network of a run.

    Args:
        run: its folder, or one of the files of weights in it.

    Raises:
        LanelightError: no recipe or no weights there.
    """
    weights = Path(run) if Path(run).is_file() else Path(run) / WEIGHTS_FILE
    recipe = Recipe.read(weights.parent / RECIPE_FILE)
    parts = {name: value for name, value in recipe.parts.items() if name != "pretrained_backbone"}  # replaced anyway
    model = checkpoints.load(weights, recipe.network, size=recipe.size, parts=parts)
    return recipe, model.eval()


class _Fit:
    """A run that is ready to begin: network, frames and all that is checked before anything is written."""

    def __init__(self, recipe: Recipe, folder: Path, processes: Processes, report: Report | None) -> None:
        from lanelight.train.saving import Saver, Shape

        self.recipe, self.folder, self.processes, self.report = recipe, folder, processes, report
        self.frames_per_step = recipe.batch * recipe.accumulate * processes.count
        self.lr = schedule.scaled_lr(recipe.optim, self.frames_per_step)
        _check_teacher(recipe)  # missing, it is told before a backbone's weights are fetched
        self.model = build(recipe)
        self.teacher = _teacher(recipe, self.model)
        self.frames = TrainingFrames(recipe, self.model)
        self.shape = Shape(recipe.network, recipe.size, recipe.batch, recipe.accumulate, processes.count)
        self.average = _average(recipe)
        self.saver = Saver(recipe, folder, self.model, shape=self.shape, average=self.average, report=report)

    def __call__(self, step: int) -> Path:
        """Train from a step on; return the file of the weights."""
        from lanelight.train.health import explained
        from lanelight.train.interrupts import Interrupts
        from lanelight.train.saving import STATE_FILE
        from lanelight.train.task import Task

        keep_freed_memory()
        recipe = self.recipe
        interrupts = Interrupts()
        trainer = self._trainer(step, interrupts)
        batches = StepBatches(
            recipe.batch,
            recipe.steps * recipe.accumulate,
            first=step * recipe.accumulate,
            rank=trainer.global_rank,
            world=self.processes.count,
        )
        task = Task(recipe, self.model, self.lr, self.frames.origin, teacher=self.teacher)
        state = str(self.folder / STATE_FILE) if step else None
        try:
            loader = StepLoader(self.frames, batches, recipe.workers)
            with warnings.catch_warnings(), interrupts:
                for harmless in HARMLESS:
                    warnings.filterwarnings("ignore", message=harmless)
                trainer.fit(task, loader, ckpt_path=state, weights_only=True)
        except SystemExit:  # how the trainer ends after Ctrl-C
            if not trainer.interrupted:
                raise
        except Exception as error:
            known = explained(error, recipe)
            if known is None:
                raise
            raise known from error
        if trainer.interrupted:
            self.saver.write_last(trainer, task)
            goes_on = f"; go on with --resume {self.folder}" if (self.folder / STATE_FILE).exists() else ""
            log.info(
                "interrupted at step %d; the weights so far are in %s%s", trainer.global_step, self.folder, goes_on
            )
            raise KeyboardInterrupt
        if is_first():
            self._note_result()
        return self.folder / WEIGHTS_FILE

    def _note_result(self) -> None:
        """Add to ``run.json`` which weights came out, and how they scored."""
        path = self.folder / RECORD_FILE
        saver = self.saver
        scored = {"step": saver.best_step, "figure": saver.figure, "value": saver.best}
        best = scored if saver.best_step >= 0 else None
        chosen = "best" if best and self.recipe.exported == "best" else "last"
        write_json(path, {**json.loads(path.read_text()), "result": {WEIGHTS_FILE: chosen, "best": best}})

    def _trainer(self, step: int, interrupts: Any) -> Any:
        """Build Lightning's trainer."""
        from lightning.pytorch import Trainer
        from lightning.pytorch.loggers import TensorBoardLogger

        from lanelight.train.health import Watch
        from lanelight.train.saving import WholeFiles
        from lanelight.train.table import Table

        for name in ("lightning.pytorch", "lightning.fabric"):  # their information is mostly advertisement
            logging.getLogger(name).setLevel(logging.WARNING)
        recipe, processes = self.recipe, self.processes
        logs = self.folder / "logs"
        board = TensorBoardLogger(save_dir=str(self.folder), name="logs", version="", purge_step=step + 1)
        watch = Watch(recipe.log_every, self.frames_per_step, self.report)
        return Trainer(
            accelerator="auto",
            devices=processes.devices,
            num_nodes=processes.nodes,
            strategy=_strategy(recipe, processes),
            use_distributed_sampler=False,  # ours knows its process
            max_steps=recipe.steps,
            accumulate_grad_batches=recipe.accumulate,
            precision=recipe.precision,
            gradient_clip_val=recipe.optim.clip or None,
            logger=[Table(logs / "metrics.csv", step), board],
            plugins=[WholeFiles()],
            callbacks=[*([self.average] if self.average else []), watch, self.saver, interrupts],
            log_every_n_steps=1,  # ours logs when it is time
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
        )


def _strategy(recipe: Recipe, processes: Processes) -> str:
    """Return Lightning's name for how processes train together."""
    if processes.count == 1:
        return "auto"
    return "ddp" if recipe.loss.trains_all else "ddp_find_unused_parameters_true"


def _average(recipe: Recipe) -> Any:
    """Return Lightning's moving average of the weights, or None."""
    if recipe.ema is None:
        return None
    from lightning.pytorch.callbacks import EMAWeightAveraging

    return EMAWeightAveraging(decay=recipe.ema)


def _note_resumption(folder: Path, now: dict[str, Any], step: int) -> None:
    """Add to ``run.json`` where the run went on, and log what is no longer as it was."""
    path = folder / RECORD_FILE
    try:
        noted = json.loads(path.read_text())
        differs = list(record.differences(noted, now))
    except (OSError, ValueError, AttributeError) as error:
        raise ModelError(f"{path}: expected the record of a run ({error}); train anew") from error
    for difference in differs:
        log.warning("no longer as in the run so far, so its weights may differ: %s", difference)
    noted["resumed"] = [*noted.get("resumed", []), {"step": step, "time": now["started"], "differs": differs}]
    write_json(path, noted)
