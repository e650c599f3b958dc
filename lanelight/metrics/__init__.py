"""Scores of the public benchmarks: each has `update(pred, gold)`, `compute()`, `merge(other)` and `reset()`."""

from lanelight.metrics.base import SceneMetric
from lanelight.metrics.tusimple import TuSimpleAccuracy

__all__ = ["SceneMetric", "TuSimpleAccuracy"]
