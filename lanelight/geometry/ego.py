"""Where lanes lie beside the vehicle: their order from left to right, the ego pair, and the slots counted from it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from lanelight.geometry.curve import FloatArray
from lanelight.geometry.lane import Lane
from lanelight.geometry.scene import Scene

EGO_SLOTS = (1, 2)  # of 0..3, counted from the left
LOWEST_SHARE = 0.2  # of a lane's height: what a straight line continues down to the bottom of the frame


def ego_pair(lanes: Sequence[Lane], size: tuple[int, int]) -> tuple[Lane, ...]:
    """Return the lanes that `ego_indices` chooses."""
    return tuple(lanes[index] for index in ego_indices(lanes, size))


def ego_indices(lanes: Sequence[Lane], size: tuple[int, int]) -> tuple[int, ...]:
    """Return which lanes bound the vehicle's own lane, left before right; none, one or two of them.

    Where every lane has a slot, those in slots 1 and 2. Else, of the places where the lanes meet the bottom row, the
    nearest left of the middle of the frame, and the nearest at or right of it. A lane that ends above the bottom row
    is continued along the straight line through its lowest fifth. Lanes with fewer than two distinct finite points
    are never chosen; of equal ones the first is.

    Args:
        lanes: all lanes of a frame.
        size: (width, height) of the frame, px.
    """
    if all(lane.slot is not None for lane in lanes):
        real = [index for index, lane in enumerate(lanes) if len(_distinct(lane.points)) >= 2]
        in_slot = ((index for index in real if lanes[index].slot == slot) for slot in EGO_SLOTS)
        return tuple(index for slot in in_slot for index in list(slot)[:1])
    left, right = _sides(_lowest_x(lanes, size[1]), size[0])
    return (*left[:1], *right[:1])


def slotted(scene: Scene) -> Scene:
    """Return the scene with slots counted from the vehicle, where no lane has one.

    The nearest lane left of the middle at the bottom row is in slot 1, the next in 0; the nearest right is in 2, the
    next in 3. Lanes farther out, and those with fewer than two distinct points, stay without a slot. A scene in which
    any lane has a slot is returned as it is.
    """
    if any(lane.slot is not None for lane in scene.lanes):
        return scene
    x = _lowest_x(scene.lanes, scene.size[1])
    return Scene(scene.size, _with_slots(scene.lanes, x, scene.size[0]), scene.classes)


def placed(lanes: Sequence[Lane], size: tuple[int, int]) -> list[Lane]:
    """Return lanes without slots from left to right, with the slots that `slotted` gives them.

    Args:
        lanes: all lanes of a frame; a slot that one has is replaced.
        size: (width, height) of the frame, px.
    """
    x = _lowest_x(lanes, size[1])
    found = _with_slots(lanes, x, size[0])
    return [found[index] for index in sorted(range(len(found)), key=lambda index: x.get(index, math.inf))]


def left_to_right(lanes: Sequence[Lane], size: tuple[int, int]) -> list[Lane]:
    """Return lanes from left to right: by slot where each has its own, else by where they meet the bottom row.

    Lanes without a finite point come last; of equal ones the first stays first.

    Args:
        lanes: all lanes of a frame.
        size: (width, height) of the frame, px.
    """
    slots = {lane.slot for lane in lanes if lane.slot is not None}
    if len(slots) == len(lanes):
        return sorted(lanes, key=lambda lane: lane.slot or 0)
    return sorted(lanes, key=lambda lane: x_at_bottom(lane, size[1] - 1.0))


def x_at_bottom(lane: Lane, bottom: float) -> float:
    """Return x where a lane meets the bottom row, px.

    A lane that ends above it is continued along the straight line through its lowest fifth; a single point or a level
    lane keeps its x.

    Args:
        lane: the lane, its points in any order.
        bottom: y of the row, px.

    Returns:
        x; infinite for a lane without a finite point.
    """
    return _x_at_bottom(lane, _distinct(lane.points), bottom)


def _x_at_bottom(lane: Lane, points: FloatArray, bottom: float) -> float:
    """Return what `x_at_bottom` does, from a lane and its points as `_distinct` has them."""
    if len(points) == 0:
        return math.inf
    if points[0, 1] >= bottom and math.isfinite(met := float(lane.x_at([bottom])[0])):
        return met
    y = points[:, 1]
    lowest = y >= y[0] - LOWEST_SHARE * (y[0] - y[-1])
    if y[lowest].min() == y[0]:  # one row alone has no direction: take the next one too
        lowest |= y >= y[y < y[0]].max(initial=y[-1])
    part = points[lowest] - points[lowest].mean(axis=0)
    spread = float(part[:, 1] @ part[:, 1])
    slope = float(part[:, 0] @ part[:, 1]) / spread if spread > 0 else 0.0  # a level lane keeps its x
    x, row = points[lowest].mean(axis=0)
    return float(x + slope * (bottom - row))


def _lowest_x(lanes: Sequence[Lane], height: int) -> dict[int, float]:
    """Return where lanes with at least two distinct points meet the bottom row, px, by their index."""
    points = {index: _distinct(lane.points) for index, lane in enumerate(lanes)}
    return {
        index: _x_at_bottom(lanes[index], distinct, height - 1.0)
        for index, distinct in points.items()
        if len(distinct) >= 2
    }


def _sides(x: Mapping[int, float], width: int) -> tuple[list[int], list[int]]:
    """Return the lanes left and those right of the middle of the frame, the nearest first, from their x by index."""
    middle = (width - 1) / 2
    left = sorted((index for index in x if x[index] < middle), key=lambda index: -x[index])
    right = sorted((index for index in x if x[index] >= middle), key=lambda index: x[index])
    return left, right


def _with_slots(lanes: Sequence[Lane], x: Mapping[int, float], width: int) -> list[Lane]:
    """Return the lanes, the two nearest of each side with their slots, the others without."""
    left, right = _sides(x, width)
    slots = {**dict(zip(left, (1, 0), strict=False)), **dict(zip(right, (2, 3), strict=False))}
    return [replace(lane, slot=slots.get(index)) for index, lane in enumerate(lanes)]


def _distinct(points: FloatArray) -> FloatArray:
    """Return the finite points without repetitions, the lowest in the frame first, (P, 2)."""
    finite = points[np.isfinite(points).all(axis=1)]
    if len(finite) < 2 or (finite[1:, 1] < finite[:-1, 1]).all():  # as decoders give them: nothing to do
        return finite
    unique = np.unique(finite, axis=0)
    return unique[np.argsort(-unique[:, 1], kind="stable")]
