"""What 8 bits cost: what the float network finds is the truth that the 8-bit network is scored against."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from lanelight.errors import ModelError
from lanelight.geometry import Scene
from lanelight.metrics import ClassIoU
from lanelight.runtime.differences import scene_difference

LEAST_LANES = 20
LEAST_SHARE = 1e-3  # of all pixels; the IoU of a rarer class is that of a few pixels


@dataclass(frozen=True)
class Loss:
    """How far an 8-bit network is from its float one, over some frames.

    Attributes:
        backend: runtime of the 8-bit network.
        measure: ``"F1"`` of lanes drawn as lines, matched above an IoU of 0.5 (the rule of CULane, lines as wide as its
            30 px in 1640, scaled with the frame); ``"mIoU"`` of class maps, over the classes that the float network
            gives to a thousandth of the pixels or more.
        score: in [0, 1]; 1 where both find the same.
        px: mean distance in x between lanes that both found, px of the frame; None for a network of classes, and where
            they share none.
        px_largest: the largest distance.
        other_class: share of all pixels that have another class; None for a network of lanes.
    """

    backend: str
    measure: str
    score: float
    px: float | None = None
    px_largest: float | None = None
    other_class: float | None = None

    @property
    def drop(self) -> float:
        """What is lost: 1 - score."""
        return 1.0 - self.score

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {**asdict(self), "drop": self.drop}


def check_truth(truth: Sequence[Scene], classes: Sequence[str], limit: float, source: str) -> None:
    """Make sure that frames show enough to judge by: that one lane found elsewhere alone is not the limit.

    Args:
        truth: what the float network finds.
        classes: of a network of classes; empty for one of lanes.
        limit: on the drop.
        source: of the frames, in words.

    Raises:
        ModelError: they do not.
    """
    if classes:
        shown = len(_judged(_counted(truth, truth, classes)))
        if shown < 2:
            raise ModelError(
                f"{source}: expected frames in which the network finds 2 classes or more, got {shown} on {len(truth)} "
                "frames; calibrate with frames of what it is used for"
            )
        return
    found, needed = sum(len(scene.lanes) for scene in truth), max(LEAST_LANES, math.ceil(1 / limit))
    if found < needed:
        raise ModelError(
            f"{source}: expected {needed} lanes or more to judge a drop of {limit:g} by, the float network "
            f"finds {found} on {len(truth)} frames; calibrate with more frames of marked "
            "roads, or give a higher --int8-drop"
        )


def loss(truth: Sequence[Scene], found: Sequence[Scene], classes: Sequence[str], *, backend: str) -> Loss:
    """Score what an 8-bit network finds.

    Args:
        truth: what the float network finds, a Scene for each frame.
        found: what the 8-bit network finds on the same frames.
        classes: of a network of classes; empty for one of lanes.
        backend: runtime of the 8-bit network.
    """
    if classes:
        metric = _counted(truth, found, classes)
        per_class = metric.compute()["per_class"]
        score = float(np.mean([per_class[name] for name in _judged(metric)]))
        pixels = int(metric.confusion.sum())
        return Loss(backend, "mIoU", score, other_class=1 - int(metric.confusion.trace()) / pixels)
    apart = scene_difference(truth, found)
    return Loss(backend, "F1", apart.f1 or 0.0, apart.mean_px, apart.lane_px)


def _counted(truth: Sequence[Scene], found: Sequence[Scene], classes: Sequence[str]) -> ClassIoU:
    metric = ClassIoU(classes)
    for gold, pred in zip(truth, found, strict=True):
        metric.update(pred, gold)
    return metric


def _judged(metric: ClassIoU) -> list[str]:
    """Return the classes whose truth is large enough."""
    pixels = metric.confusion.sum(axis=1)
    return [name for name, own in zip(metric.names, pixels, strict=True) if own >= max(1, LEAST_SHARE * pixels.sum())]
