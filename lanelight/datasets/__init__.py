"""Data sets: frames and Scenes by index, in the on-disk layout of their publishers."""

from lanelight.datasets.base import FrameDataset
from lanelight.datasets.tusimple import TuSimple

__all__ = ["FrameDataset", "TuSimple"]
