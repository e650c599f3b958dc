"""The exact Scene of a view: lane lines by projection, drivable lanes by pixel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lanelight.datasets.synthetic.camera import Camera
from lanelight.datasets.synthetic.config import RoadConfig
from lanelight.datasets.synthetic.road import Line, Road
from lanelight.datasets.synthetic.tables import STEP_M
from lanelight.geometry import FloatArray, Lane, Scene
from lanelight.geometry.curve import clip_to_frame

NOT_ROAD, EGO_LANE, OTHER_LANE = 0, 1, 2  # classes; lanes of either direction are "other", shoulders are no road
CLASS_NAMES = ("not road", "ego lane", "other lane")
NARROWEST_SHARE = 0.010  # a lane narrower than this share of the picture's width is beyond what anybody annotates
FLATTEST_SHARE = 0.004  # so is one of less than this from line to line, square to them: an arm along the horizon
NEAR_M = 8.0  # up to here a line is never that far away
# so dense that the chord between two points is nowhere 0.3 px from the line, behind any of our lenses
STEPS_M = np.concatenate(
    [np.arange(-3, -1, 0.25), np.arange(-1, 4, 0.08), np.arange(4, 12, 0.3), np.arange(12, 40, 1.0),
     np.arange(40, 100, 2.5), np.arange(100, 380, 8)]
)  # fmt: skip
SHORTEST_SHARE = 0.04  # of the picture's height


@dataclass(frozen=True)
class Land:
    """What each pixel of a twin camera sees of the land.

    Attributes:
        camera: the twin.
        depth: (H, W) float32 m.
        strip: (H, W) uint8 strip between bounds of the road, 255 elsewhere.
    """

    camera: Camera
    depth: NDArray[np.float32]
    strip: NDArray[np.uint8]


def label(config: RoadConfig, road: Road, camera: Camera, s: float, *, land: Land, taken: NDArray[np.bool_]) -> Scene:
    """Return what a camera at `s` along the road sees.

    Args:
        config: for the number of slots.
        road: what it drives on.
        camera: the camera.
        s: m along the road.
        land: what its twin sees.
        taken: (H, W) pixels of the twin where something stands before the land.
    """
    ego = _ego_lane(road, camera, s)
    lanes = []
    for k, line in enumerate(road.lines):
        if road.divider is not None and k < road.divider.line:
            continue
        points = _visible(line, road, camera, s, land, to_right=k <= ego)
        if len(points) < 2:
            continue
        slot = k - ego + config.slots // 2 - 1
        inside = _clipped(points, camera.size)
        if len(inside) < 2 or np.ptp(inside[:, 1]) < SHORTEST_SHARE * camera.size[1]:
            continue
        facts = {"style": line.style, "color": line.color}
        lanes.append(Lane(inside, 1.0, slot if 0 <= slot < config.slots else None, None, facts))
    classes = _classes(camera, ego=ego, lines=len(road.lines), land=land, taken=taken)
    return Scene(camera.size, tuple(lanes), classes)


def _ego_lane(road: Road, camera: Camera, s: float) -> int:
    """Return the lane in which the camera is, by its place a little ahead."""
    i = int(np.clip(round(s / STEP_M), 0, len(road.path) - 1))
    d = road.lateral_of(camera.position, s)
    offsets = np.array([line.offset[i] for line in road.lines])
    return int(np.clip(np.searchsorted(offsets, d) - 1, 0, len(offsets) - 2))


def _clipped(points: FloatArray, size: tuple[int, int]) -> FloatArray:
    """Return the longest part inside the frame; only where the line crosses an edge is there anything to compute."""
    inside = ((points >= -0.5) & (points <= np.array(size) - 0.5)).all(axis=1)
    changes = np.flatnonzero(np.diff(np.concatenate([[False], inside, [False]]).astype(np.int8)))
    if len(changes) == 0:
        return clip_to_frame(points, size)
    starts, stops = changes[::2], changes[1::2]
    best = int(np.argmax(stops - starts))
    start, stop = int(starts[best]), int(stops[best])
    parts = [points[start:stop]]
    if start > 0:
        parts.insert(0, clip_to_frame(points[start - 1 : start + 1], size)[:1])
    if stop < len(points):
        parts.append(clip_to_frame(points[stop - 1 : stop + 1], size)[-1:])
    return np.concatenate(parts)


def _visible(line: Line, road: Road, camera: Camera, s: float, land: Land, *, to_right: bool) -> FloatArray:
    """Return the visible points of a line in px, from the vehicle outwards; of a double line, of its nearer stripe.

    The own bonnet hides nothing: as in CULane and TuSimple a line goes on over the ground down to the last row.
    """
    if not line.painted:
        return np.empty((0, 2))
    furthest = camera.scale[0] * road.lane_width_m / (NARROWEST_SHARE * camera.size[0])
    at = s + STEPS_M[min(furthest, 380.0) > STEPS_M]
    at = at[(at >= line.span[0]) & (at <= line.span[1])]
    offset = np.interp(at / STEP_M, np.arange(len(line.offset)), line.nearer(to_right=to_right))
    world = road.at(at, offset)
    xy, depth = camera.project(world)
    ahead = depth > 0.3
    xy, world, at, offset = xy[ahead], world[ahead], at[ahead], offset[ahead]
    if len(xy) < 2:
        return np.empty((0, 2))
    seen = _seen(world, land)
    seen[_flat(xy, road, camera, at, offset) & (at > s + NEAR_M)] = False
    hidden = ~seen & (np.convolve(~seen, np.ones(3), mode="full")[: len(seen)] >= 3)
    stop = int(np.argmax(hidden)) - 2 if hidden.any() else len(xy)
    return np.asarray(xy[: max(stop, 0)], dtype=np.float64)


def _flat(xy: FloatArray, road: Road, camera: Camera, at: FloatArray, offset: FloatArray) -> NDArray[np.bool_]:
    """Tell where a lane beside a line is too narrow, measured square to the line as it is seen, to be told from it."""
    across = camera.project(road.at(at, offset + 0.5))[0] - camera.project(road.at(at, offset - 0.5))[0]
    along = np.gradient(xy, axis=0)
    square = np.abs(along[:, 0] * across[:, 1] - along[:, 1] * across[:, 0])
    length = np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-9)
    return np.asarray(square / length * road.lane_width_m < FLATTEST_SHARE * camera.size[0], dtype=np.bool_)


def _seen(world: FloatArray, land: Land) -> NDArray[np.bool_]:
    """Tell which points of the road no crest or wall hides; outside the picture nothing is hidden."""
    xy, depth = land.camera.project(world)
    height, width = land.depth.shape
    inside = (xy > 0).all(axis=1) & (xy[:, 0] < width - 1) & (xy[:, 1] < height - 1)
    x, y = np.where(inside[:, None], np.round(xy), 0).astype(int).T
    below = np.minimum(y + 1, height - 1)  # the pixel of a point on the very crest may show what is behind
    nearest = np.maximum(land.depth[y, x], land.depth[below, x])
    return np.asarray(~inside | (depth <= nearest * 1.06 + 1.0), dtype=np.bool_)


def _classes(camera: Camera, *, ego: int, lines: int, land: Land, taken: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return the drivable lanes by pixel, (H, W) uint8."""
    table = np.zeros(256, np.uint8)
    table[2 : lines + 1] = OTHER_LANE  # strips 0 and 1 are verge and shoulder
    table[ego + 2] = EGO_LANE
    classes = table[land.strip]
    classes[taken] = NOT_ROAD
    return camera.seen_from(land.camera, classes, smooth=False)
