"""Training: recipes as frozen dataclasses, run by Lightning."""

from lanelight.train.processes import Processes
from lanelight.train.recipe import DataPart, Optimizer, Recipe
from lanelight.train.run import resume, run

__all__ = ["DataPart", "Optimizer", "Processes", "Recipe", "resume", "run"]
