"""What can be wrong with the lanes of one frame, told from their points alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lanelight.geometry import FloatArray, Lane, Scene
from lanelight.survey.findings import Point

OUTSIDE = 0.05  # of width and height: CULane's lines go on to the next row behind the edge, up to 18 px in real ones
CROSSING = 0.01  # of the width, on either side: lines that meet at the vanishing point may cross by a few px
SAME_PX = 2.0  # what a second click on the same line differs by
SAME_SHARE = 0.8  # of the rows of both lanes that two of the same line have in common
ROW_STEP_PX = 4
FEWEST_ROWS = 3  # 12 px; less has no direction


class LaneFault(NamedTuple):
    """A fault or note about lanes.

    Attributes:
        kind: a key of `findings.KINDS`.
        message: what is wrong.
        lane: place of the lane in the scene, from 0; None where all are meant.
        points: where in the picture, (x, y) px.
    """

    kind: str
    message: str
    lane: int | None
    points: tuple[Point, ...] = ()


def lane_faults(scene: Scene, *, ordered: bool) -> list[LaneFault]:
    """Return what is wrong with the lanes of a frame.

    Points that are not finite are left out, as the native format allows them.

    Args:
        scene: lanes and the size of their picture.
        ordered: whether the format says that rows run one way along a lane.
    """
    with np.errstate(all="ignore"):  # coordinates may be anything, up to 1e308
        return _faults(scene, ordered)


def _faults(scene: Scene, ordered: bool) -> list[LaneFault]:
    paths = [lane.known_points for lane in scene.lanes]
    faults = [fault for place, path in enumerate(paths) for fault in _of_path(path, place, ordered)]
    too_large = _for_larger_picture(paths, scene.size)
    if too_large is not None:
        faults.append(too_large)
    else:
        faults += [fault for place, path in enumerate(paths) for fault in _outside(path, place, scene.size)]
    faults += _slots(scene.lanes)
    return faults + list(_between(scene, paths))


def _of_path(path: FloatArray, place: int, ordered: bool) -> Iterator[LaneFault]:
    if len(path) < 2:
        if len(path):
            yield LaneFault("lone_point", f"the only point is {_text(path[0])}", place, _points(path))
        else:
            yield LaneFault("pointless_lane", "the lane has no point", place)
        return
    repeated = _repeated(path)
    if len(repeated):
        message = f"point {_text(path[repeated[0]])} is given twice" + _more(len(repeated))
        yield LaneFault("repeated_point", message, place, _points(path[repeated]))
    if not ordered:
        return
    steps = np.diff(path[:, 1])
    moved = (np.diff(path, axis=0) != 0).any(axis=1)
    way = np.sign(path[-1, 1] - path[0, 1]) or 1.0
    wrong = np.flatnonzero((steps * way <= 0) & moved)
    if len(wrong):
        where = path[wrong + 1]
        message = f"row {where[0, 1]:g} follows row {path[wrong[0], 1]:g}, against the order of the lane"
        yield LaneFault("unsorted_points", message + _more(len(wrong)), place, _points(where))


def _repeated(path: FloatArray) -> NDArray[np.intp]:
    """Return the places of points that occurred before; a last point that closes a ring does not count."""
    ring = len(path) > 3 and bool((path[0] == path[-1]).all())
    inner = path[:-1] if ring else path
    _, first = np.unique(inner, axis=0, return_index=True)
    return np.setdiff1d(np.arange(len(inner)), first)


def _for_larger_picture(paths: Sequence[FloatArray], size: tuple[int, int]) -> LaneFault | None:
    """Return a fault where the lanes as a whole do not fit the picture."""
    points = np.concatenate([path for path in paths if len(path) > 1] or [np.empty((0, 2))])
    if len(points) == 0:
        return None
    width, height = size
    beyond = (points[:, 0] > (1 + OUTSIDE) * width) | (points[:, 1] > (1 + OUTSIDE) * height)
    if 2 * beyond.sum() < len(points):
        return None
    x, y = points.max(axis=0)
    return LaneFault(
        "label_size", f"the lanes reach to ({x:g}, {y:g}), most of them beyond the picture of {width}x{height}", None
    )


def _outside(path: FloatArray, place: int, size: tuple[int, int]) -> Iterator[LaneFault]:
    if len(path) == 0:
        return
    limit = np.array(size, dtype=np.float64)
    over = np.maximum(-0.5 - path, path - (limit - 0.5))  # px beyond the nearer edge, in x and in y
    inside = (over <= 0).all(axis=1)
    far = (over > OUTSIDE * limit).any(axis=1)
    if inside.any() and not far.any():
        return
    worst = int((over / limit).max(axis=1).argmax())
    share = "no point" if not inside.any() else f"{inside.sum()} of {len(path)} points"
    message = (
        f"{share} inside the picture of {size[0]}x{size[1]}; {_text(path[worst])} lies {over[worst].max():g} px out"
    )
    yield LaneFault("outside_frame", message, place, _points(path[worst][None]))


def _slots(lanes: Sequence[Lane]) -> list[LaneFault]:
    number = Counter(lane.slot for lane in lanes if lane.slot is not None)
    last = {lane.slot: place for place, lane in enumerate(lanes)}
    return [
        LaneFault("slot_twice", f"{times} lanes have slot {slot}", last[slot])
        for slot, times in number.items()
        if times > 1
    ]


def _between(scene: Scene, paths: Sequence[FloatArray]) -> Iterator[LaneFault]:
    """Yield pairs of lanes that are the same or cross."""
    width, height = scene.size
    rows = np.arange(0.0, height, ROW_STEP_PX)
    x = [lane.x_at(rows) if len(path) > 1 else None for lane, path in zip(scene.lanes, paths, strict=True)]
    for first, second in combinations(range(len(paths)), 2):
        a, b = x[first], x[second]
        if a is None or b is None:
            continue
        if _same(paths[first], paths[second], a, b):
            message = f"runs along lane {first + 1}"
            yield LaneFault("duplicate_lane", message, second, _points(paths[second]))
            continue
        if _across(scene.lanes[first]) or _across(scene.lanes[second]):
            continue
        apart = a - b
        met = np.flatnonzero(np.isfinite(apart))
        if len(met) < 2 or not min(apart[met].max(), -apart[met].min()) > CROSSING * width:
            continue
        at = met[np.flatnonzero(np.diff(np.sign(apart[met])) != 0)[0]]
        message = f"crosses lane {first + 1} near row {rows[at]:g}"
        yield LaneFault("crossing_lanes", message, second, ((float(a[at]), float(rows[at])),))


def _same(first: FloatArray, second: FloatArray, a: FloatArray, b: FloatArray) -> bool:
    if first.shape == second.shape and bool((first == second).all()):
        return True
    here, there = np.isfinite(a), np.isfinite(b)
    both = here & there
    if both.sum() < FEWEST_ROWS or both.sum() < SAME_SHARE * max(here.sum(), there.sum()):
        return False
    return bool(np.abs(a[both] - b[both]).max() <= SAME_PX)


def _across(lane: Lane) -> bool:
    """Tell whether a marking lies across the road, as BDD100K says it, where it crosses others by its nature."""
    return lane.attributes.get("laneDirection") == "vertical" or lane.attributes.get("laneTypes") == "crosswalk"


def _points(path: FloatArray, most: int = 24) -> tuple[Point, ...]:
    chosen = path[np.unique(np.linspace(0, len(path) - 1, min(most, len(path))).astype(int))] if len(path) else path
    return tuple((float(x), float(y)) for x, y in chosen)


def _text(point: FloatArray) -> str:
    return f"({point[0]:g}, {point[1]:g})"


def _more(number: int) -> str:
    return f", and {number - 1} more of the kind" if number > 1 else ""
