"""Lanes, scenes and viewports: the vocabulary of the whole package."""

from lanelight.geometry.curve import FloatArray
from lanelight.geometry.input_sizes import InputSizes
from lanelight.geometry.lane import Lane
from lanelight.geometry.scene import Scene
from lanelight.geometry.viewport import Viewport, ViewportPolicy

__all__ = ["FloatArray", "InputSizes", "Lane", "Scene", "Viewport", "ViewportPolicy"]
