"""Scores on rendered roads, by the TuSimple rule, for use during training."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from lanelight.datasets.base import FrameDataset
from lanelight.geometry import Scene, Viewport
from lanelight.metrics.tusimple import TuSimpleAccuracy
from lanelight.models import LaneModel

REFERENCE_WIDTH = 1280  # the TuSimple tolerance of 20 px is meant for frames of this width


class RenderedRoads:
    """The first frames of a data set, rendered once, and a network's score on them.

    Args:
        frames: data set whose frames have the size of the network's input.
        count: how many of them.
    """

    def __init__(self, frames: FrameDataset, count: int) -> None:
        self._frames, self._count = frames, count

    @cached_property
    def samples(self) -> list[tuple[NDArray[np.uint8], Scene]]:
        """The frames and their Scenes; rendered at the first use."""
        return [self._frames[i][1:] for i in range(self._count)]

    def score(self, model: LaneModel) -> dict[str, float]:
        """Return ``accuracy``, ``fp`` and ``fn`` of the network as it is, in evaluation mode.

        Only lanes in slots count, as the network knows no others.
        """
        metric = TuSimpleAccuracy()
        device = next(model.parameters()).device
        for frame, gold in self.samples:
            images = torch.from_numpy(frame.transpose(2, 0, 1).copy()).float().div(255).unsqueeze(0).to(device)
            whole = Viewport(gold.size, (0, 0, *gold.size), gold.size)
            (pred,) = model.decode(model(images), [whole])
            update(metric, pred, gold)
        return metric.compute()


def update(metric: TuSimpleAccuracy, pred: Scene, gold: Scene) -> None:
    """Count one frame of any size as if it were `REFERENCE_WIDTH` px wide, rows every 10 px."""
    scale = REFERENCE_WIDTH / gold.size[0]
    height = round(gold.size[1] * scale)
    rows = np.arange(height - 10, 0, -10, dtype=np.float64)[::-1]
    truth = scaled(gold, scale, rows)
    if truth.lanes:
        metric.update(scaled(pred, scale, rows), truth, rows=rows)


def scaled(scene: Scene, scale: float, rows: NDArray[np.float64]) -> Scene:
    """Return the lanes of the slots in a frame `scale` times as large; lanes on fewer than two of the rows are left."""
    size = (round(scene.size[0] * scale), round(scene.size[1] * scale))
    lanes = [lane.with_points((lane.points + 0.5) * scale - 0.5) for lane in scene.lanes if lane.slot in range(4)]
    return Scene(size, [lane for lane in lanes if np.isfinite(lane.x_at(rows)).sum() >= 2])
