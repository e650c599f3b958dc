"""Scores of the public benchmarks: each has `update(pred, gold)`, `compute()`, `merge(other)` and `reset()`."""

from lanelight.metrics.base import SceneMetric
from lanelight.metrics.bdd100k import BDD100KLane
from lanelight.metrics.cityscapes import CityscapesIoU
from lanelight.metrics.class_iou import ClassIoU
from lanelight.metrics.culane import CULaneF1
from lanelight.metrics.stability import LaneStability
from lanelight.metrics.tusimple import TuSimpleAccuracy

__all__ = ["BDD100KLane", "CULaneF1", "CityscapesIoU", "ClassIoU", "LaneStability", "SceneMetric", "TuSimpleAccuracy"]
