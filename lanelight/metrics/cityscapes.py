"""The Cityscapes pixel-level score: IoU of classes and categories, by pixels and by instances.

Gold pixels of ignored classes count nowhere. A predicted ignored class is a miss of the true class, like any other
wrong one. An instance weighs as much as one of its class's mean size: its hit and missed pixels are scaled by mean size
/ own size; false-positive pixels belong to no instance and are not scaled.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from lanelight.errors import LanelightError
from lanelight.formats.cityscapes import CATEGORIES, LABELS
from lanelight.geometry import Scene
from lanelight.metrics.base import Figures, SceneMetric

# Mean size of an instance in px, as in the benchmark's own script.
MEAN_SIZE_PX = {
    24: 3462.4756337644,  # person
    25: 3930.4788056518,  # rider
    26: 12794.0202738185,  # car
    27: 27855.1264367816,  # truck
    28: 35732.1511111111,  # bus
    31: 67583.7075812274,  # train
    32: 6298.7200839748,  # motorcycle
    33: 4672.3249222261,  # bicycle
}
EVALUATED = tuple(label.id for label in LABELS if not label.ignored)
MEMBERS = {  # the evaluated classes of each category; void has none
    category: tuple(label.id for label in LABELS if label.category == category and not label.ignored)
    for category in CATEGORIES
}
# The classes whose prediction hits an instance of the category: caravan and trailer, ignored elsewhere, are among them.
INSTANCE_MEMBERS = {
    category: tuple(label.id for label in LABELS if label.category == category)
    for category in CATEGORIES
    if all(label.has_instances for label in LABELS if label.category == category)
}

LabelMap = NDArray[np.uint8] | NDArray[np.uint16]
InstanceTotals = dict[tuple[int, int], tuple[int, int, int]]
CLASS_HITS, CATEGORY_HITS, PIXELS = range(3)  # places in those totals


class FrameCounts(NamedTuple):
    """What one frame adds to the score.

    Attributes:
        confusion: (34, 34) int32 pixels by [true id, predicted id].
        instances: (I, 4) int64, a row for each true instance that is evaluated: its class, its pixels, those predicted
            as its class, those predicted as a class with instances of its category; None where no instances are known.
    """

    confusion: NDArray[np.int32]
    instances: NDArray[np.int64] | None


class CityscapesIoU(SceneMetric):
    """The benchmark's figures over frames, from `Scene.classes` as label ids 0 to 33.

    Attributes:
        frames: number of frames counted.
        frames_with_instances: of these, the ones that came with a map of instance ids.
        confusion: (34, 34) int64 pixels by [true id, predicted id].
    """

    def __init__(self) -> None:
        self.reset()

    def update(self, pred: Scene, gold: Scene, instances: LabelMap | None = None) -> None:
        """Count one frame.

        Args:
            pred: the detector's classes.
            gold: the true classes, in the same frame size.
            instances: (H, W) true instance ids: class * 1000 + number for objects, a label id elsewhere. The instance
                figures are formed only if every frame has them.

        Raises:
            LanelightError: a scene has no classes, an id is out of range, or the sizes differ.
        """
        if pred.classes is None or gold.classes is None:
            side = "predicted" if pred.classes is None else "true"
            raise LanelightError(f"CityscapesIoU: expected Scene.classes of label ids, the {side} scene has None")
        self.add(count_frame(pred.classes, gold.classes, instances))

    def add(self, counts: FrameCounts) -> None:
        """Count one frame that `count_frame` has counted."""
        self.frames += 1
        self.confusion += counts.confusion
        if counts.instances is not None:
            self.frames_with_instances += 1
            for label, pixels, hits, category_hits in counts.instances.tolist():
                self._add_instances((label, pixels), (hits, category_hits, pixels))

    def compute(self) -> Figures:
        """Return the figures over all frames so far.

        ``class_miou``, ``class_iiou``, ``category_miou`` and ``category_iiou`` are means over those of ``per_class``,
        ``per_class_instance``, ``per_category`` and ``per_category_instance`` that are not None: a class or category is
        None that is ignored, or that neither gold nor prediction shows on an evaluated pixel; with instances, also one
        that has none, and all of them unless every frame came with instance ids.

        ``pixel_accuracy`` is the share of right ones among the pixels whose true class is evaluated;
        ``pixel_accuracy_with_void`` the share of pixels with the true id among all pixels, so that void and other
        ignored ones are wrong unless just their id is predicted, which networks of 19 classes cannot do.
        """
        confusion = self.confusion
        classes = {label.name: _iou(confusion, () if label.ignored else (label.id,)) for label in LABELS}
        categories = {category: _iou(confusion, MEMBERS[category]) for category in CATEGORIES}
        class_instances = {label.name: self._class_instance_iou(label.id) for label in LABELS}
        category_instances = {category: self._category_instance_iou(category) for category in CATEGORIES}
        right = confusion.diagonal()
        return {
            "class_miou": _mean(classes.values()),
            "class_iiou": _mean(class_instances.values()),
            "category_miou": _mean(categories.values()),
            "category_iiou": _mean(category_instances.values()),
            "pixel_accuracy": _ratio(int(right[list(EVALUATED)].sum()), int(confusion[list(EVALUATED)].sum())),
            "pixel_accuracy_with_void": _ratio(int(right.sum()), int(confusion.sum())),
            "per_class": classes,
            "per_class_instance": class_instances,
            "per_category": categories,
            "per_category_instance": category_instances,
        }

    def merge(self, other: Self) -> None:
        """Add the frames that another instance has counted."""
        self.frames += other.frames
        self.frames_with_instances += other.frames_with_instances
        self.confusion += other.confusion
        for key, counts in list(other._instances.items()):
            self._add_instances(key, counts)

    def reset(self) -> None:
        """Forget all frames."""
        self.frames = 0
        self.frames_with_instances = 0
        self.confusion = np.zeros((len(LABELS), len(LABELS)), np.int64)
        self._instances: InstanceTotals = {}  # by class and size: hits, hits of the category, pixels

    def _add_instances(self, key: tuple[int, int], counts: tuple[int, int, int]) -> None:
        hits, category_hits, pixels = self._instances.get(key, (0, 0, 0))
        self._instances[key] = (hits + counts[0], category_hits + counts[1], pixels + counts[2])

    def _class_instance_iou(self, label: int) -> float | None:
        if label not in MEAN_SIZE_PX:
            return None
        return self._instance_iou((label,), (label,), CLASS_HITS)

    def _category_instance_iou(self, category: str) -> float | None:
        if category not in INSTANCE_MEMBERS:
            return None
        return self._instance_iou(MEMBERS[category], INSTANCE_MEMBERS[category], CATEGORY_HITS)

    def _instance_iou(self, members: Sequence[int], predicted: Sequence[int], which: int) -> float | None:
        """Return the IoU of some evaluated classes taken as one, with hits and misses weighted by instance.

        Args:
            members: the true classes.
            predicted: the classes that are right for them.
            which: hits to take, `CLASS_HITS` or `CATEGORY_HITS`.
        """
        if not 0 < self.frames == self.frames_with_instances:
            return None
        hits, total = [], []
        for (label, size), counts in self._instances.items():
            if label in members:
                weight = MEAN_SIZE_PX[label] / size
                hits.append(counts[which] * weight)
                total.append(counts[PIXELS] * weight)
        others = [label for label in EVALUATED if label not in members]
        false_positives = int(self.confusion[np.ix_(others, list(predicted))].sum())
        return _ratio(math.fsum(hits), math.fsum([*total, false_positives]))


def count_frame(pred: LabelMap, gold: LabelMap, instances: LabelMap | None = None) -> FrameCounts:
    """Count the pixels of one frame.

    Args:
        pred: (H, W) predicted label ids.
        gold: (H, W) true label ids.
        instances: (H, W) true instance ids, or None.

    Raises:
        LanelightError: an id is out of range, or the sizes differ.
    """
    from lanelight.metrics.label_counts import instance_counts, pair_counts

    _check_size("the predicted map", pred, gold)
    pred, gold = _label_ids("predicted", pred), _label_ids("true", gold)
    confusion = pair_counts(pred, gold)[: len(LABELS), : len(LABELS)].astype(np.int32)
    if instances is None:
        return FrameCounts(confusion, None)
    _check_size("the map of instance ids", instances, gold)
    ids = np.ascontiguousarray(instances, dtype=np.uint16)
    rows = instance_counts(pred.ravel(), ids.ravel(), _GROUP_OF)
    if len(rows) and rows[-1, 0] >= len(LABELS):
        raise LanelightError(
            f"CityscapesIoU: expected instance ids below {len(LABELS) * 1000}, class * 1000 + number, got {ids.max()}"
        )
    return FrameCounts(confusion, rows[np.isin(rows[:, 0], list(MEAN_SIZE_PX))])


def _check_size(name: str, ids: LabelMap, gold: LabelMap) -> None:
    if ids.ndim != 2 or ids.shape != gold.shape:
        raise LanelightError(
            f"CityscapesIoU: expected {name} in the size of the true one, shape {gold.shape}, got {ids.shape}; "
            "resize it without interpolation"
        )


def _label_ids(name: str, ids: LabelMap) -> NDArray[np.uint8]:
    low, high = int(ids.min()), int(ids.max())
    if low < 0 or high >= len(LABELS):
        raise LanelightError(
            f"CityscapesIoU: expected {name} label ids 0 to {len(LABELS) - 1}, got {low if low < 0 else high}; "
            "give maps of labelIds, not of trainIds or colours"
        )
    return np.ascontiguousarray(ids, dtype=np.uint8)


def _iou(confusion: NDArray[np.int64], members: Sequence[int]) -> float | None:
    """Return the IoU of some evaluated classes taken as one; None where they do not occur."""
    chosen = list(members)
    hits = int(confusion[np.ix_(chosen, chosen)].sum())
    gold, pred = int(confusion[chosen].sum()), int(confusion[np.ix_(EVALUATED, chosen)].sum())
    return _ratio(hits, gold + pred - hits)


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _mean(scores: Iterable[float | None]) -> float | None:
    known = [score for score in scores if score is not None]
    return math.fsum(known) / len(known) if known else None


def _group_of() -> NDArray[np.uint8]:
    groups: NDArray[Any] = np.zeros(256, np.uint8)
    for number, members in enumerate(INSTANCE_MEMBERS.values(), 1):
        groups[list(members)] = number
    return groups


_GROUP_OF = _group_of()
