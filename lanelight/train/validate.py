"""Scores during training, on rendered roads or on a validation split, by the TuSimple rule."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from lanelight.datasets.base import FrameDataset
from lanelight.errors import FormatError
from lanelight.geometry import Scene, Viewport
from lanelight.metrics.any_size import count_any_size
from lanelight.metrics.tusimple import TuSimpleAccuracy
from lanelight.models import LaneModel
from lanelight.train.data import frames_of
from lanelight.train.recipe import DataPart, Recipe


class ValidationFrames:
    """The first frames of a data set, and a network's score on them.

    Args:
        recipe: says which frames, how many, and how they are shown to the network.

    Raises:
        LanelightError: the data are missing, or have no such split.
    """

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self._rendered = recipe.validation is None
        part = recipe.validation or DataPart(seed=recipe.val_seed)
        self._frames: FrameDataset = frames_of(part, recipe.size)
        if not len(self._frames):
            raise FormatError(f"recipe: expected validation frames in {part.frames!r}, found none")

    @cached_property
    def _roads(self) -> list[tuple[NDArray[np.uint8], Scene]]:
        """Rendered frames; rendering takes longer than the network, and they are small and few."""
        return [self._frames[index][1:] for index in range(self.recipe.val_frames)]

    def samples(self) -> Iterator[tuple[NDArray[np.uint8], Scene]]:
        """Yield the frames and their Scenes; pictures of data sets are read anew each time."""
        if self._rendered:
            yield from self._roads
            return
        for index in range(min(self.recipe.val_frames, len(self._frames))):
            yield self._frames[index][1:]

    def score(self, model: LaneModel) -> dict[str, float]:
        """Return ``accuracy``, ``fp``, ``fn`` and ``f1`` of the network as it is, in evaluation mode.

        Only lanes in slots count, as the network knows no others.
        """
        metric = TuSimpleAccuracy()
        device = next(model.parameters()).device
        for frame, gold in self.samples():
            view = Viewport.whole(gold.size) if gold.size == model.size else self.recipe.viewport.view(gold.size)
            seen = view.apply(frame).transpose(2, 0, 1).copy()
            images = torch.from_numpy(seen).float().div(255).unsqueeze(0).to(device)
            (pred,) = model.decode(model(images), [view])
            count_any_size(metric, pred, gold)
        scores = metric.compute()
        return {**scores, "f1": figure(scores)}


def figure(scores: dict[str, float]) -> float:
    """Return the figure by which weights are chosen: the harmonic mean of 1 - fp and 1 - fn, 0 where both are 0."""
    right, found = 1 - scores["fp"], 1 - scores["fn"]
    return 2 * right * found / (right + found) if right + found > 0 else 0.0
