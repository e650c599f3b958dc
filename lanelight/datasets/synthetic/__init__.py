"""Rendered roads: endless views of procedural roads with exact lanes."""

from lanelight.datasets.synthetic.config import RoadConfig
from lanelight.datasets.synthetic.dataset import SyntheticRoads
from lanelight.datasets.synthetic.drive import render_drive
from lanelight.datasets.synthetic.labels import EGO_LANE, NOT_ROAD, OTHER_LANE

__all__ = ["EGO_LANE", "NOT_ROAD", "OTHER_LANE", "RoadConfig", "SyntheticRoads", "render_drive"]
