"""`lanelight train`: run a recipe, or go on with a run."""

from __future__ import annotations

import json
import logging
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from lanelight.cli.folders import numbered
from lanelight.errors import LanelightError

LINE_EVERY_S = 5.0


def add_arguments(parser: Any) -> None:
    """Add the options of the verb."""
    parser.add_argument(
        "recipe",
        metavar="RECIPE",
        nargs="?",
        help="a name from `lanelight recipes`, or a saved recipe.json or run.json",
    )
    parser.add_argument(
        "--set",
        dest="settings",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change one entry of the recipe, for example optim.lr=0.001; may be repeated",
    )
    parser.add_argument("--teacher", metavar="FILE", help="learn from this run, its weights or an exported network too")
    parser.add_argument("--init", metavar="FILE", help="start from these weights where their shapes fit")
    parser.add_argument("--out", metavar="DIR", help="run folder (a new runs/NAME, runs/NAME2, ...)")
    parser.add_argument("--resume", metavar="DIR", help="go on with the run in this folder from its last saved state")
    parser.add_argument("--devices", type=int, metavar="N", help="processes on this machine, one for each GPU (1)")
    parser.add_argument("--nodes", type=int, metavar="N", help="machines; see `torchrun --help` for more than one (1)")
    parser.add_argument("--print", dest="only_print", action="store_true", help="show the resolved recipe and stop")


def run(args: Any) -> int:
    """Run the verb."""
    from lanelight.train.recipe import Recipe

    folder, recipe = _chosen(args)
    if args.only_print:
        print(json.dumps(recipe.to_dict(), indent=2))
        return 0
    from lanelight.train.processes import Processes, is_first
    from lanelight.train.run import resume
    from lanelight.train.run import run as train

    assert isinstance(recipe, Recipe)
    processes = Processes.chosen(args.devices, args.nodes)
    with Display(recipe.name, recipe.steps, shown=is_first()) as display:
        if args.resume:
            weights = resume(folder, processes=processes, report=display.update)
        else:
            weights = train(recipe, folder, processes=processes, report=display.update)
    if is_first():
        print(f"weights: {weights}\nexport:  lanelight export {weights.parent} --out {recipe.name}.onnx")
    return 0


def _chosen(args: Any) -> tuple[Path, Any]:
    """Return the run folder and the resolved recipe."""
    from lanelight.recipes import recipe as named
    from lanelight.train.recipe import Recipe

    if args.resume:
        if args.recipe or args.settings or args.init or args.out or args.teacher:
            raise LanelightError(
                "--resume: expected the folder alone, because a run goes on as it began; "
                "for other settings start a new run with --init"
            )
        return Path(args.resume), Recipe.read(Path(args.resume) / "recipe.json")
    if not args.recipe:
        raise LanelightError("expected a recipe, or --resume DIR; `lanelight recipes` lists them")
    saved = Path(args.recipe)
    recipe = Recipe.read(saved) if saved.suffix == ".json" else named(args.recipe)
    recipe = recipe.override([*args.settings, *([f"init={args.init}"] if args.init else [])])
    if args.teacher:
        recipe = _taught(recipe, args.teacher)
    return Path(args.out) if args.out else numbered(Path("runs") / recipe.name), recipe


def _taught(recipe: Any, file: str) -> Any:
    """Return a recipe with the file of its teacher.

    Raises:
        LanelightError: the recipe learns from none.
    """
    from lanelight.recipes import RECIPES
    from lanelight.recipes import recipe as named

    if recipe.teacher is None:
        known = [name for name in RECIPES if named(name).teacher is not None]
        raise LanelightError(
            f"--teacher: expected a recipe that learns from a teacher, but {recipe.name} has no entry for one; "
            f"choose one of these ({', '.join(known) or 'none yet'}), or say what to learn with --set teacher=JSON"
        )
    return replace(recipe, teacher=replace(recipe.teacher, file=file))


class Display:
    """Shows how far training is on stderr: a bar on a terminal, a plain line now and then elsewhere.

    Args:
        name: of the run.
        steps: of the whole run.
        shown: False in processes that others speak for.
    """

    def __init__(self, name: str, steps: int, *, shown: bool = True) -> None:
        self._name, self._steps, self._shown = name, steps, shown
        self._bar: Any = None
        self._task: Any = None
        self._last = 0.0

    def update(self, step: int, figures: dict[str, float]) -> None:
        """Show the losses and the speed at a step; scores are shown by the log."""
        if "loss" not in figures or not self._shown:
            return
        told = f"loss {figures['loss']:.4f}, {figures['frames_per_s']:.1f} frames/s"
        if self._bar is not None:
            self._bar.update(self._task, completed=step, told=told)
        elif time.monotonic() - self._last >= LINE_EVERY_S:
            self._last = time.monotonic()
            print(f"{self._name}: step {step} of {self._steps}, {told}", file=sys.stderr, flush=True)

    def __enter__(self) -> Self:
        level = logging.INFO if self._shown else logging.WARNING
        if not (self._shown and sys.stderr.isatty()):
            logging.basicConfig(level=level, format="%(message)s")
            return self
        from rich.console import Console
        from rich.logging import RichHandler
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        console = Console(stderr=True)  # one for both, else log lines break the bar
        handler = RichHandler(console=console, show_time=False, show_level=False, show_path=False)
        logging.basicConfig(level=level, format="%(message)s", handlers=[handler])
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[told]}", markup=False),
            TimeRemainingColumn(),
        )
        self._bar = Progress(*columns, console=console, transient=True)
        self._bar.start()
        self._task = self._bar.add_task(self._name, total=self._steps, told="")
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.stop()
