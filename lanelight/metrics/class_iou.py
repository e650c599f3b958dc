"""IoU of any classes and pixel accuracy, counted as the Cityscapes score counts its classes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

from lanelight.errors import LanelightError
from lanelight.geometry import Scene
from lanelight.geometry.warp import IGNORE
from lanelight.metrics.base import Figures, SceneMetric


class ClassIoU(SceneMetric):
    """IoU of each class over frames, from `Scene.classes`.

    Pixels whose true class is 255 count nowhere. A predicted 255 is a miss of the true class.

    Attributes:
        names: of the classes 0, 1, ...
        frames: number of frames counted.
        confusion: (K, K + 1) int64 pixels by [true id, predicted id]; the last column is the predicted 255.

    Args:
        names: as above.

    Raises:
        LanelightError: no names, or more than ids below 255.
    """

    def __init__(self, names: Sequence[str]) -> None:
        if not 1 <= len(names) <= IGNORE:
            raise LanelightError(f"ClassIoU: expected names of 1 to {IGNORE} classes, got {len(names)}")
        self.names = tuple(names)
        self.reset()

    def update(self, pred: Scene, gold: Scene) -> None:
        """Count one frame.

        Raises:
            LanelightError: a scene has no classes, an id is out of range, or the sizes differ.
        """
        if pred.classes is None or gold.classes is None:
            side = "predicted" if pred.classes is None else "true"
            raise LanelightError(f"ClassIoU: expected Scene.classes, the {side} scene has None")
        self.add(self.count(pred.classes, gold.classes))

    def count(self, pred: NDArray[np.uint8], gold: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Return the confusion (K, K + 1) of one frame, which `add` adds.

        Args:
            pred: (H, W) predicted ids.
            gold: (H, W) true ids.

        Raises:
            LanelightError: an id is out of range, or the sizes differ.
        """
        if pred.ndim != 2 or pred.shape != gold.shape:
            raise LanelightError(
                f"ClassIoU: expected the predicted map in the size of the true one, shape {gold.shape}, got "
                f"{pred.shape}; resize it without interpolation"
            )
        pairs = np.bincount(gold.ravel().astype(np.intp) * 256 + pred.ravel(), minlength=256 * 256).reshape(256, 256)
        known = [*range(len(self.names)), IGNORE]
        self._check("true", pairs.sum(axis=1), known)
        self._check("predicted", pairs.sum(axis=0), known)
        return np.asarray(pairs[np.ix_(known[:-1], known)], dtype=np.int64)

    def add(self, confusion: NDArray[np.int64]) -> None:
        """Add one frame that `count` has counted."""
        self.frames += 1
        self.confusion += confusion

    def compute(self) -> Figures:
        """Return ``class_miou``, ``pixel_accuracy`` and ``per_class`` over all frames so far.

        A class is None that neither truth nor prediction shows on a pixel that counts; the mean is over the others.
        """
        found = [self._iou(index) for index in range(len(self.names))]
        known = [iou for iou in found if iou is not None]
        total = int(self.confusion.sum())
        return {
            "class_miou": math.fsum(known) / len(known) if known else None,
            "pixel_accuracy": int(self.confusion.trace()) / total if total else None,
            "per_class": dict(zip(self.names, found, strict=True)),
        }

    def merge(self, other: Self) -> None:
        """Add the frames that another instance has counted."""
        self.frames += other.frames
        self.confusion += other.confusion

    def reset(self) -> None:
        """Forget all frames."""
        self.frames = 0
        self.confusion = np.zeros((len(self.names), len(self.names) + 1), np.int64)

    def _iou(self, index: int) -> float | None:
        hits = int(self.confusion[index, index])
        union = int(self.confusion[index].sum()) + int(self.confusion[:, index].sum()) - hits
        return hits / union if union else None

    def _check(self, side: str, pixels: NDArray[np.intp], known: Sequence[int]) -> None:
        strange = sorted(set(np.flatnonzero(pixels).tolist()) - set(known))
        if strange:
            raise LanelightError(
                f"ClassIoU: expected {side} ids 0 to {len(self.names) - 1} ({self.names[0]} to {self.names[-1]}) or "
                f"{IGNORE}, got {', '.join(map(str, strange))}"
            )
