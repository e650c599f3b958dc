"""What networks of the CLR family learn from a Scene: lanes as rows of 78 numbers, and an auxiliary mask.

Zheng et al. 2022 (CLRNet), sec. 3.1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lanelight.geometry import FloatArray, Lane, Scene, Viewport
from lanelight.geometry.ego import slotted
from lanelight.geometry.priors import FIELDS, STRIPS, Priors, row_ys
from lanelight.geometry.spline import spline
from lanelight.geometry.warp import IGNORE
from lanelight.models.drawing import draw_lane, seen_classes

NEAREST_PX = 0.1  # between the y of two points: a curve through closer ones would swing out on their rounding errors
FARTHEST_PX = 2.0**20  # in the frame: a point beyond is put there, so that nothing overflows


def prior_target(scene: Scene, view: Viewport, *, lanes: int, width_px: int, classes: int) -> dict[str, NDArray[Any]]:
    """Describe a Scene for a network of the CLR family.

    A lane with fewer than two rows inside the input is left out. Of more lanes than there is room for, those nearest
    the vehicle stay. In the mask, a lane without a class of its own is ignored.

    A Scene may mark pixels that teach nothing with 255 in its class map. It then does not know either which lanes it
    lacks.

    Args:
        scene: in px of the source frame; where no lane has a slot, slots are counted from the vehicle.
        view: the network's view of the frame.
        lanes: room for so many.
        width_px: width of the lines of the mask, px of the input.
        classes: of the mask: background and slots.

    Returns:
        ``lanes`` (lanes, 78) float32 in the layout and units of `Priors`, logits (0, 1) for a lane and (1, 0) for an
        empty row; x is NaN in rows where there is no lane. ``segmentation`` (H, W) int64 (0 background, slot + 1, 255
        ignored). ``complete`` () float32: 0 where the Scene does not know which lanes it lacks, else 1.
    """
    scene = slotted(Scene(scene.size, [_tamed(lane) for lane in scene.lanes], scene.classes))
    mask = np.zeros(view.target[::-1], dtype=np.uint8)
    seen = seen_classes(scene, view)
    if seen is not None:
        mask[seen == IGNORE] = IGNORE
    complete = np.array(not mask.any(), dtype=np.float32)
    _draw(mask, scene.lanes, view, width_px, classes)
    found = [(lane, *encoded) for lane in scene.lanes if (encoded := _encoded(lane, view)) is not None]
    if len(found) > lanes:
        found = _nearest(found, lanes, view.target[0])
    rows = np.zeros((lanes, FIELDS), dtype=np.float32)
    rows[:, 0] = 1
    Priors(rows).xs[:] = np.nan
    for row, (_, numbers, _) in zip(rows, found, strict=False):
        row[:] = numbers
    return {"lanes": rows, "segmentation": mask.astype(np.int64), "complete": complete}


def _tamed(lane: Lane) -> Lane:
    """Return a lane without its missing points, and with none too far away to be computed with."""
    if (np.abs(lane.points) <= FARTHEST_PX).all():  # which NaN is not
        return lane
    return lane.with_points(np.clip(lane.known_points, -FARTHEST_PX, FARTHEST_PX))


def _draw(mask: NDArray[np.uint8], lanes: Sequence[Lane], view: Viewport, width_px: int, classes: int) -> None:
    """Draw lanes as slot + 1, over those that have no such class, which are ignored."""
    values = [IGNORE if lane.slot is None or not 0 <= lane.slot < classes - 1 else lane.slot + 1 for lane in lanes]
    for value, lane in sorted(zip(values, lanes, strict=True), key=lambda pair: pair[0] != IGNORE):
        draw_lane(mask, lane, view, value, width_px)


def _encoded(lane: Lane, view: Viewport) -> tuple[FloatArray, float] | None:
    """Return the 78 numbers of a lane, and x where it meets the bottom edge, px; None where too little is inside.

    Differs: the reference packs the x inside the input from `start_y` on, whatever rows they belong to, which shifts
    lanes that leave the input anywhere but at its bottom. Here every x keeps its row, and the run of rows without a
    break that shows most of the lane is the lane.
    """
    width, height = view.target
    points = _descending(view.to_target(lane.points))
    if len(points) < 2:
        return None
    rows = row_ys(height)
    x = _row_xs(points, rows)
    start, stop = _longest_run((x >= 0) & (x < width), rows <= points[0, 1])
    if stop - start < 2:
        return None
    run = x[start:stop]
    rise = np.arange(1, len(run)) * (height / STRIPS)
    # In (0, pi): 0 lies to the right. The shift of a lane that goes straight up is the reference's.
    theta = float(np.arctan2(rise, run[1:] - run[0] + 1e-5).mean()) / math.pi
    numbers = np.full(FIELDS, np.nan)
    numbers[:6] = 0, 1, start / STRIPS, run[0] / (width - 1), theta, len(run) / STRIPS
    Priors(numbers).xs[start:stop] = run / (width - 1)
    return numbers, float(x[0])


def _descending(points: FloatArray) -> FloatArray:
    """Return the part of a polyline that climbs from its lowest point, every point higher than those before, (P, 2)."""
    if len(points) < 2:
        return points
    lowest = int(points[:, 1].argmax())
    arms = points[lowest:], points[lowest::-1]
    points = min(arms, key=lambda arm: float(arm[:, 1].min()))
    if np.diff(points[:, 1]).max(initial=-np.inf) < -NEAREST_PX:
        return points
    kept, reached = [], math.inf
    for i, y in enumerate(points[:, 1].tolist()):
        if y < reached - NEAREST_PX:
            kept.append(i)
            reached = y
    return points[kept]


def _row_xs(points: FloatArray, rows: FloatArray) -> FloatArray:
    """Return x of a lane at rows, (72,) px: a spline between its points, straight below them, NaN above them.

    Differs: the reference lets the spline swing as far as it will. Where an almost level stretch turns upwards that
    may be hundreds of px; here it stays near the straight line between two points, near being the distance between
    their y and half of that between their x.

    Args:
        points: (P, 2) px with falling y.
        rows: (72,) px, falling.
    """
    x, y = points[::-1].T
    found = np.full(rows.shape, np.nan)
    below, between = rows > y[-1], (rows <= y[-1]) & (rows >= y[0])
    found[below] = x[-1] + (rows[below] - y[-1]) * (x[-1] - x[-2]) / (y[-1] - y[-2])
    met = rows[between]
    straight = np.interp(met, y, x)
    width, height = np.abs(np.diff(x)), np.diff(y)
    near = (height + width / 2)[np.clip(np.searchsorted(y, met) - 1, 0, len(height) - 1)]
    found[between] = np.clip(spline(y, x, met), straight - near, straight + near)
    return found


def _longest_run(inside: NDArray[np.bool_], known: NDArray[np.bool_]) -> tuple[int, int]:
    """Return the first row of the run of rows inside with most known ones, and the row after it.

    Of runs that are equal in that the lowest counts; without any known row inside there is none: (0, 0).
    """
    edges = np.flatnonzero(np.diff(inside, prepend=False, append=False)).reshape(-1, 2)
    counts = np.diff(np.append(0, np.cumsum(known))[edges], axis=1)
    if not counts.any():
        return 0, 0
    start, stop = edges[counts.argmax()].tolist()
    return start, stop


def _nearest(
    found: list[tuple[Lane, FloatArray, float]], count: int, width: int
) -> list[tuple[Lane, FloatArray, float]]:
    """Return so many of the lanes, those nearest the vehicle, in their order: by slot where all have one, else by x."""
    if all(lane.slot is not None for lane, _, _ in found):
        distances = [abs((lane.slot or 0) - 1.5) for lane, _, _ in found]
    else:
        distances = [abs(x - (width - 1) / 2) for _, _, x in found]
    chosen = np.argsort(distances, kind="stable")[:count]
    return [found[i] for i in sorted(chosen.tolist())]
