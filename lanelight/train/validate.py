"""Scores on rendered roads, by the TuSimple rule, for use during training."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from lanelight.datasets.base import FrameDataset
from lanelight.geometry import Scene, Viewport
from lanelight.metrics.any_size import count_any_size
from lanelight.metrics.tusimple import TuSimpleAccuracy
from lanelight.models import LaneModel


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
            count_any_size(metric, pred, gold)
        return metric.compute()
