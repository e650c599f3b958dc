"""Scores of class maps during training, by the rule of `lanelight eval` where the data set has one."""

from __future__ import annotations

from typing import Protocol

from lanelight.datasets import CamVid, Cityscapes
from lanelight.datasets.base import FrameDataset, LabelledPictures
from lanelight.decode import ClassDecoder
from lanelight.errors import FormatError, LanelightError
from lanelight.geometry import Scene
from lanelight.metrics.base import Figures
from lanelight.metrics.class_iou import ClassIoU
from lanelight.models import LaneModel
from lanelight.runtime.scoring_classes import ClassRule
from lanelight.train.recipe import Recipe

CLASS_METRICS = ("cityscapes", "camvid", "classes")


class Counter(Protocol):
    """Counts frame after frame, as a `lanelight.runtime.scoring.ScoringRule` does."""

    def count(self, index: int, pred: Scene, gold: Scene) -> object:
        """Count one frame."""
        ...

    def figures(self) -> Figures:
        """Return the figures over all frames so far."""
        ...


def check_metric(recipe: Recipe, frames: FrameDataset) -> None:
    """Make sure that a benchmark's metric has its own data.

    Raises:
        LanelightError: it has others.
    """
    own = {"cityscapes": Cityscapes, "camvid": CamVid}.get(recipe.validated_by)
    if own is not None and not isinstance(frames, own):
        raise LanelightError(
            f"recipe {recipe.name}: expected validation frames of {recipe.validated_by}, which the metric is of, got "
            f"others; set metric=classes"
        )


def class_counter(metric: str, frames: FrameDataset, model: LaneModel) -> Counter:
    """Return what counts a network's class maps.

    Args:
        metric: one of `CLASS_METRICS`.
        frames: the validation frames, with the network's ids.
        model: whose classes.

    Raises:
        LanelightError: the data do not have its classes.
    """
    assert isinstance(model.decoder, ClassDecoder)
    names = model.decoder.names
    if metric != "classes" and isinstance(frames, LabelledPictures):
        return ClassRule(frames, names)
    given = tuple(getattr(frames, "class_names", ()))
    if given and given != names:
        raise LanelightError(
            f"expected validation frames with the network's classes, {', '.join(names)}, got {', '.join(given)}; "
            "validate on data like those it is trained on"
        )
    return _Classes(frames, names)


class _Classes:
    """IoU of a network's own classes on any frames."""

    def __init__(self, frames: FrameDataset, names: tuple[str, ...]) -> None:
        self._frames, self._metric = frames, ClassIoU(names)

    def count(self, index: int, pred: Scene, gold: Scene) -> None:
        try:
            self._metric.update(pred, gold)
        except LanelightError as error:
            key = self._frames.keys[index] if isinstance(self._frames, LabelledPictures) else str(index)
            raise FormatError(f"validation frame {key}: {error}") from error

    def figures(self) -> Figures:
        return {**self._metric.compute(), "frames": self._metric.frames}
