"""`lanelight train`: run a recipe."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from lanelight.cli.folders import numbered


def add_arguments(parser: Any) -> None:
    """Add the options of the verb."""
    parser.add_argument("recipe", metavar="RECIPE", help="a name from `lanelight recipes`, or a saved recipe.json")
    parser.add_argument(
        "--set",
        dest="settings",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change one entry of the recipe, for example optimizer.lr=0.001; may be repeated",
    )
    parser.add_argument("--init", metavar="FILE", help="start from these weights where their shapes fit")
    parser.add_argument("--out", metavar="DIR", help="run folder (a new runs/NAME, runs/NAME2, ...)")
    parser.add_argument("--print", dest="only_print", action="store_true", help="show the resolved recipe and stop")


def run(args: Any) -> int:
    """Run the verb."""
    from lanelight.recipes import recipe as named
    from lanelight.train.recipe import Recipe

    saved = Path(args.recipe)
    recipe = Recipe.read(saved) if saved.suffix == ".json" else named(args.recipe)
    settings = list(args.settings)
    if args.init:
        settings.append(f"init={args.init}")
    recipe = recipe.override(settings)
    if args.only_print:
        print(json.dumps(recipe.to_dict(), indent=2))
        return 0
    from lanelight.train.run import run as train

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    weights = train(recipe, Path(args.out) if args.out else numbered(Path("runs") / recipe.name))
    print(f"weights: {weights}\nexport:  lanelight export {weights.parent} --out {recipe.name}.onnx")
    return 0
