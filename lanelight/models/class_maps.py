"""What networks with one class per pixel have in common: targets, loss terms, names of classes (Fast-SCNN, ENet)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lanelight.errors import ModelError
from lanelight.formats import camvid, cityscapes
from lanelight.geometry import Scene, Viewport
from lanelight.geometry.warp import IGNORE
from lanelight.losses.class_map import class_cross_entropy, class_soft_iou

IOU_STEP = 2  # the soft IoU takes every second pixel of every second row: its sums of thousands hardly differ
AUXILIARY = "auxiliary_"  # how the names of auxiliary heads' outputs begin
# number of classes -> their names in the data set that has so many
NAMES: dict[int, tuple[str, ...]] = {
    len(names): names for names in (cityscapes.TRAIN_NAMES, camvid.TRAIN_NAMES, camvid.CLASS_NAMES)
}


@dataclass(frozen=True)
class ClassLoss:
    """Weights and forms of the loss on class maps.

    Attributes:
        auxiliary: weight of each auxiliary head's cross-entropy; 0 leaves them out, and the heads untrained.
        weights: of the classes; None: all 1.
        ohem_threshold: where given, only pixels count whose true class has at most this probability.
        ohem_min_kept: but at least so many pixels of a batch.
        label_smoothing: share of the target that is spread evenly over all classes.
        iou: weight of 1 minus the soft IoU of the network's own logits, at a quarter of the pixels; 0 leaves it out.

    Raises:
        ModelError: a weight or share that no loss can have.
    """

    auxiliary: float = 0.4
    weights: tuple[float, ...] | None = None
    ohem_threshold: float | None = None
    ohem_min_kept: int = 256
    label_smoothing: float = 0.0
    iou: float = 0.0

    def __post_init__(self) -> None:
        weights = None if self.weights is None else tuple(self.weights)
        object.__setattr__(self, "weights", weights)
        if min(self.auxiliary, self.iou) < 0 or not _can_weigh(weights):
            raise ModelError(
                f"ClassLoss: expected weights of 0 and more, got {self.auxiliary=}, {self.iou=}, {weights=}"
            )
        if self.ohem_threshold is not None and not (0 < self.ohem_threshold <= 1 and self.ohem_min_kept >= 0):
            raise ModelError(
                "ClassLoss: expected ohem_threshold between 0 and 1 and ohem_min_kept of 0 and more, "
                f"got {self.ohem_threshold} and {self.ohem_min_kept}"
            )
        if not 0 <= self.label_smoothing < 1:
            raise ModelError(f"ClassLoss: expected label_smoothing between 0 and 1, got {self.label_smoothing}")

    @property
    def trains_all(self) -> bool:
        """Say whether every weight of a network gets a gradient."""
        return self.auxiliary > 0


def _can_weigh(weights: tuple[float, ...] | None) -> bool:
    return weights is None or (min(weights, default=0) >= 0 and sum(weights) > 0)


# How Tramac/Fast-SCNN-pytorch trains on Cityscapes: weights by train id, and the hardest pixels.
TRAMAC = ClassLoss(
    weights=(
        0.8373, 0.918, 0.866, 1.0345, 1.0166, 0.9969, 0.9754, 1.0489, 0.8786, 1.0023,
        0.9539, 0.9843, 1.1116, 0.9037, 1.0865, 1.0955, 1.0865, 1.1529, 1.0507,
    ),
    ohem_threshold=0.7,
)  # fmt: skip


def class_names(network: str, classes: int, names: Sequence[str] | None) -> tuple[str, ...]:
    """Return the names of a network's classes.

    Args:
        network: its name, for the message.
        classes: how many it has.
        names: as they were given; None: those of Cityscapes for 19, of CamVid for 11 and, with void, for 12,
            else numbers.

    Raises:
        ModelError: another number of names than of classes.
    """
    if names is None:
        return NAMES.get(classes, tuple(f"class {index}" for index in range(classes)))
    if len(names) != classes:
        raise ModelError(
            f"{network}: expected {classes} names of classes, got {len(names)}; set parts.classes={len(names)}, "
            "or name the others too"
        )
    return tuple(names)


def check_loss(network: str, classes: int, terms: object) -> None:
    """Make sure that a network with so many classes can have these terms of the loss.

    Raises:
        ModelError: it cannot.
    """
    if not isinstance(terms, ClassLoss | None):
        raise ModelError(f"{network}: expected the loss of class maps (auxiliary, weights, ...), got {terms}")
    if terms is not None and terms.weights is not None and len(terms.weights) != classes:
        raise ModelError(
            f"{network}: expected {classes} weights of classes in the loss, got {len(terms.weights)}; "
            "give as many, or set loss.weights=null"
        )


def class_target(scene: Scene, view: Viewport, names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Show the classes of a Scene to a network.

    Args:
        scene: with classes, in px of the source frame.
        view: the network's view of the frame.
        names: of the classes that the network has.

    Returns:
        ``classes`` (H, W) int64, that of the nearest pixel; 255 is ignored.

    Raises:
        ModelError: the Scene has no classes, or another size than the view's source, or an id is none of the classes.
    """
    if scene.classes is None:
        raise ModelError(
            "expected a Scene with classes to train on, got one without; "
            "use data with class maps, and a split that is labelled"
        )
    if scene.size != view.source or scene.classes.shape != view.source[::-1]:
        shape = scene.classes.shape
        raise ModelError(
            f"expected classes of {view.source[0]}x{view.source[1]} px like the frame, "
            f"got {shape[1]}x{shape[0]} in a Scene of {scene.size[0]}x{scene.size[1]}; "
            "labels must have the size of their pictures"
        )
    x0, y0, x1, y1 = view.crop
    seen = scene.classes[y0:y1, x0:x1]
    if view.target != (x1 - x0, y1 - y0):
        seen = np.asarray(cv2.resize(seen, view.target, interpolation=cv2.INTER_NEAREST_EXACT), dtype=np.uint8)
    strange = (seen >= len(names)) & (seen != IGNORE)
    if strange.any():
        ids = ", ".join(map(str, np.unique(seen[strange]).tolist()))
        raise ModelError(
            f"expected class ids 0 to {len(names) - 1} ({names[0]} to {names[-1]}) or {IGNORE} for ignored pixels, "
            f"got {ids}; map the labels to the network's classes, or set parts.classes"
        )
    return {"classes": seen.astype(np.int64)}


def class_terms(outputs: Mapping[str, Tensor], targets: Mapping[str, Tensor], form: ClassLoss) -> dict[str, Tensor]:
    """Return the weighted terms ``classes``, ``iou`` (where its weight is not 0) and, with such heads, ``auxiliary``.

    Args:
        outputs: ``classes`` (B, K, H, W) logits; the outputs of auxiliary heads begin with `AUXILIARY` and have their
            own, smaller size: each pixel is compared with the label that lies where it is when corners are aligned.
        targets: ``classes`` (B, H, W) int64 as `class_target` gives them, with a batch axis.
        form: weights and forms.
    """
    labels = targets["classes"]
    terms = {"classes": _entropy(outputs["classes"], labels, form)}
    if form.iou:
        logits, known = (tensor[..., ::IOU_STEP, ::IOU_STEP] for tensor in (outputs["classes"], labels))
        terms["iou"] = form.iou * class_soft_iou(logits, known)
    heads = [logits for name, logits in outputs.items() if name.startswith(AUXILIARY)]
    if heads and form.auxiliary:
        each = [_entropy(logits, _sampled(labels, logits), form) for logits in heads]
        terms["auxiliary"] = form.auxiliary * torch.stack(each).sum()
    return terms


def _entropy(logits: Tensor, labels: Tensor, form: ClassLoss) -> Tensor:
    return class_cross_entropy(
        logits,
        labels,
        weights=form.weights,
        ohem_threshold=form.ohem_threshold,
        ohem_min_kept=form.ohem_min_kept,
        label_smoothing=form.label_smoothing,
    )


def _sampled(labels: Tensor, logits: Tensor) -> Tensor:
    """Return labels (B, h, w) for smaller logits (B, K, h, w), the corners being those of the labels."""
    rows, columns = (
        torch.linspace(0, full - 1, small, device=labels.device).round().long()
        for full, small in zip(labels.shape[-2:], logits.shape[-2:], strict=True)
    )
    return labels[:, rows][:, :, columns]
