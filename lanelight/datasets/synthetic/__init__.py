"""Rendered roads: endless views of procedural roads with exact lanes."""

from lanelight.datasets.synthetic.config import RoadConfig
from lanelight.datasets.synthetic.dataset import SyntheticRoads
from lanelight.datasets.synthetic.drive import DriveFrame, Ego, drive, render_drive
from lanelight.datasets.synthetic.labels import CLASS_NAMES, EGO_LANE, NOT_ROAD, OTHER_LANE
from lanelight.datasets.synthetic.worlds import WORLDS

__all__ = [
    "CLASS_NAMES",
    "EGO_LANE",
    "NOT_ROAD",
    "OTHER_LANE",
    "WORLDS",
    "DriveFrame",
    "Ego",
    "RoadConfig",
    "SyntheticRoads",
    "drive",
    "render_drive",
]
