"""Complete runs by name. The table holds no torch; a recipe is built when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from lanelight.errors import LanelightError, unknown_name

if TYPE_CHECKING:
    from lanelight.train.recipe import Recipe

# name -> (module, one-line summary); the module has a function of the same name that returns the Recipe
RECIPES: dict[str, tuple[str, str]] = {
    "smoke": ("lanelight.recipes.smoke", "ENet-SAD at 128x56 on rendered roads, a minute: does training work here?"),
    "road": (
        "lanelight.recipes.road",
        "ENet-SAD 512x224, first stage of the bundled network: rendered roads and weakly labelled real frames",
    ),
    "road_finish": (
        "lanelight.recipes.road",
        "second stage: a short run from the weights of road (--init), with a new existence branch",
    ),
}

__all__ = ["RECIPES", "recipe"]


def recipe(name: str) -> Recipe:
    """Build a recipe by name.

    Raises:
        LanelightError: an unknown name.
    """
    if name not in RECIPES:
        raise LanelightError(unknown_name("recipe", name, RECIPES))
    module = import_module(RECIPES[name][0])
    built: Recipe = getattr(module, name)()
    return built
