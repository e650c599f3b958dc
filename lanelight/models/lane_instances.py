"""What networks that tell lanes apart by an embedding have in common: targets and loss terms (SegNet, ENet)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from lanelight.errors import ModelError
from lanelight.geometry import Lane, Scene, Viewport
from lanelight.geometry.ego import left_to_right, x_at_bottom
from lanelight.geometry.warp import IGNORE
from lanelight.losses.class_map import class_cross_entropy
from lanelight.losses.discriminative import discriminative
from lanelight.models.drawing import draw_lane, seen_classes

LANES = IGNORE - 1  # most that an 8-bit map of instances can tell apart


@dataclass(frozen=True)
class InstanceLoss:
    """Weights and forms of the loss of a lane mask and an embedding.

    Attributes:
        mask: weight of the mask's cross-entropy.
        mask_weights: of its two classes, background and lane; the mean is divided by their sum over pixels, so that
            only their ratio counts. The default is 1 / ln(1.02 + p) (Paszke et al. 2016) for lanes on 5 % of the
            pixels.
        pull: weight of the term that draws the embedding of each lane together.
        push: weight of the term that keeps lanes apart.
        centre: weight of the term that keeps them near the origin.
        pull_margin: distance from its lane's mean at which a pixel is near enough.
        push_margin: half the distance at which the means of two lanes are far enough.
        form: of the push term: "reference" is half of "paper".
        clusters: so many lanes count in every image, whether it has them or not; None: those that it has.

    Raises:
        ModelError: a weight or margin that no loss can have.
    """

    mask: float = 1.0
    mask_weights: tuple[float, float] = (1.47, 14.8)
    pull: float = 1.0
    push: float = 1.0
    centre: float = 0.001
    pull_margin: float = 0.5
    push_margin: float = 1.5
    form: Literal["paper", "reference"] = "paper"
    clusters: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "mask_weights", tuple(self.mask_weights))
        if not (len(self.mask_weights) == 2 and min(self.mask_weights) >= 0 < sum(self.mask_weights)):
            raise ModelError(f"InstanceLoss: expected mask_weights of background and lane, got {self.mask_weights}")
        names = ("mask", "pull", "push", "centre", "pull_margin", "push_margin")
        wrong = [f"{name} {getattr(self, name)}" for name in names if not getattr(self, name) >= 0]
        if wrong:
            raise ModelError(f"InstanceLoss: expected weights and margins of 0 and more, got {', '.join(wrong)}")
        if self.clusters is not None and not 1 <= self.clusters <= LANES:
            raise ModelError(f"InstanceLoss: expected clusters from 1 to {LANES}, or null, got {self.clusters}")

    @property
    def trains_all(self) -> bool:
        """Say whether every weight of a network gets a gradient."""
        return self.mask > 0 and max(self.pull, self.push, self.centre) > 0


# How jaeoh2/Road-Lane-Instance-Segmentation-PyTorch trains.
REFERENCE = InstanceLoss(mask_weights=(1.0, 1.0), pull_margin=0.1, push_margin=0.6, form="reference", clusters=5)


def check_instances(network: str, lanes: int, terms: object) -> None:
    """Make sure that a network can be trained on so many lanes, with these terms of the loss.

    Raises:
        ModelError: it cannot.
    """
    if not 1 <= lanes <= LANES:
        raise ModelError(f"{network}: expected from 1 to {LANES} lanes, got {lanes}")
    if not isinstance(terms, InstanceLoss | None):
        raise ModelError(f"{network}: expected the loss of lane instances (mask, pull, push, ...), got {terms}")


def instance_target(scene: Scene, view: Viewport, *, width_px: int, lanes: int) -> dict[str, NDArray[Any]]:
    """Draw a Scene for a network with a lane mask and an embedding.

    Lanes are drawn as one line, at one width in both maps. Lanes of one slot are parts of one lane, which left the
    picture and came back. Where two lines cover a pixel, it belongs to the one whose middle is near. Of more lanes than
    there is room for, those nearest the vehicle are told apart; the others are lane pixels without an instance.

    Differs: the reference draws lines of 15 px for the mask and of 7 px for the instances, and shrinks both by cubic
    interpolation.

    Args:
        scene: in px of the source frame. Pixels of class 1 are lane, of which one nobody knows; pixels of class 255
            teach nothing.
        view: the network's view of the frame.
        width_px: width of the lines, px of the input.
        lanes: room for so many, at most 254.

    Returns:
        ``mask`` (H, W) int64: 0 background, 1 lane, 255 ignored; ``instances`` (H, W) int64: 0 no lane, 1, 2, ... the
        lanes from left to right, 255 ignored.
    """
    mask = np.zeros(view.target[::-1], dtype=np.uint8)
    seen = seen_classes(scene, view)
    if seen is not None:
        mask[seen == IGNORE] = IGNORE
        mask[seen == 1] = 1
    visible = [lane for lane in scene.lanes if draw_lane(mask, lane, view, 1, width_px)]
    instances = np.where(mask > 0, np.uint8(IGNORE), np.uint8(0))
    told = _nearest(_whole(left_to_right(visible, scene.size)), lanes, scene.size)
    width = width_px
    while width >= 1:  # thinner and thinner: the pixels near the middle of a line are its own
        for number, parts in enumerate(told, start=1):
            for part in parts:
                draw_lane(instances, part, view, number, width)
        width //= 2
    return {"mask": mask.astype(np.int64), "instances": instances.astype(np.int64)}


def instance_terms(
    outputs: Mapping[str, Tensor], targets: Mapping[str, Tensor], form: InstanceLoss
) -> dict[str, Tensor]:
    """Return the weighted terms ``mask``, ``pull``, ``push`` and ``centre``.

    Args:
        outputs: ``mask`` (B, 2, H, W) logits and ``embedding`` (B, E, H, W).
        targets: ``mask`` and ``instances`` (B, H, W) int64 as `instance_target` draws them, with a batch axis.
        form: weights and forms.
    """
    apart = discriminative(
        outputs["embedding"],
        targets["instances"],
        pull_margin=form.pull_margin,
        push_margin=form.push_margin,
        form=form.form,
        clusters=form.clusters,
    )
    mask = class_cross_entropy(outputs["mask"].float(), targets["mask"], weights=form.mask_weights)
    return {
        "mask": form.mask * mask,
        "pull": form.pull * apart.pull,
        "push": form.push * apart.push,
        "centre": form.centre * apart.centre,
    }


def _whole(lanes: Sequence[Lane]) -> list[list[Lane]]:
    """Return the parts of each lane: lanes of one slot are one, a lane without a slot is one of its own."""
    whole: dict[object, list[Lane]] = {}
    for number, lane in enumerate(lanes):
        whole.setdefault(("alone", number) if lane.slot is None else lane.slot, []).append(lane)
    return list(whole.values())


def _nearest(lanes: list[list[Lane]], count: int, size: tuple[int, int]) -> list[list[Lane]]:
    """Return so many of the lanes, those that meet the bottom row nearest to its middle, in their order."""
    middle, bottom = (size[0] - 1) / 2, size[1] - 1.0
    away = [min(abs(x_at_bottom(part, bottom) - middle) for part in parts) for parts in lanes]
    return [lanes[i] for i in sorted(np.argsort(away, kind="stable")[:count].tolist())]
