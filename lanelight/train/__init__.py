"""Training: recipes as frozen dataclasses, run by Lightning."""

from lanelight.train.recipe import DataPart, Optimizer, Recipe
from lanelight.train.run import run

__all__ = ["DataPart", "Optimizer", "Recipe", "run"]
