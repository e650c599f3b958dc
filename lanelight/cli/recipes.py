"""`lanelight recipes`: the training recipes."""

from __future__ import annotations

import json
from typing import Any


def add_arguments(parser: Any) -> None:
    """Add the options of the verb."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="show this recipe, resolved (needs the train extra)")
    parser.add_argument("--json", metavar="FILE", help="write the table as JSON")


def run(args: Any) -> int:
    """Run the verb."""
    from lanelight.formats.text import write_json
    from lanelight.recipes import RECIPES, recipe

    if args.name:
        print(json.dumps(recipe(args.name).to_dict(), indent=2))
        return 0
    if args.json:
        write_json(args.json, {name: summary for name, (_, summary) in RECIPES.items()})
    wide = max(map(len, RECIPES))
    for name, (_, summary) in RECIPES.items():
        print(f"{name:<{wide}}  {summary}")
    return 0
