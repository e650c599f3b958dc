"""Fences along a road: of pickets, of bars, on a line or beside it, as polygons."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lanelight.datasets.synthetic.config import RoadConfig
from lanelight.datasets.synthetic.land import height_at
from lanelight.datasets.synthetic.road import BEHIND_M, Road
from lanelight.datasets.synthetic.sprites import Canvas, Polygon, draw_polygons
from lanelight.datasets.synthetic.tables import Ground
from lanelight.geometry import FloatArray

FAR_M = 130.0
Reach = tuple[float, float]


@dataclass(frozen=True)
class Fence:
    """One fence.

    Attributes:
        d: m right of the centre line.
        bottom: height of what it stands on, m.
        height: m.
        panel: distance of its posts, m.
        gap: distance of its pickets, m; 0 has bars along the road alone.
        bars: heights of the bars along the road, share of the height.
        thick: width of pickets, m.
        colour: reflectance.
        span: (from, to) along the road, m.
    """

    d: float
    bottom: float
    height: float
    panel: float
    gap: float
    bars: tuple[float, ...]
    thick: float
    colour: tuple[float, float, float]
    span: Reach


def draw_fences(config: RoadConfig, road: Road, ground: Ground, rng: np.random.Generator) -> list[Fence]:
    """Draw the fences of a road: the one that divides its directions, and one beside it here and there."""
    found = []
    divider = road.divider
    if divider is not None and divider.kind == "fence":
        found.append(_draw_fence(rng, divider.d, 0.0))
    if road.kind != "tunnel":
        for d in (float(road.left.min()) - 0.3, float(road.right.max()) + 0.3):
            if rng.random() < config.fence_share:
                at = d + float(np.sign(d) * rng.choice([0.0, 1.0, 3.0]))
                found.append(_draw_fence(rng, at, height_at(ground, BEHIND_M, at)))
    return found


def paint_fences(canvas: Canvas, road: Road, fences: list[Fence], light: FloatArray, *, s: float) -> None:
    """Composite fences from far to near.

    Args:
        canvas: where to.
        road: along which they run.
        fences: what to draw.
        light: (3,) on what faces the camera.
        s: of the camera along the road, m.
    """
    for fence in fences:
        parts: list[tuple[float, Reach]] = []
        at = s + 0.8
        while at < min(s + FAR_M, fence.span[1]):
            panels = 1 if at - s < 30 else 3
            end = (
                float(np.floor(at / fence.panel + 1e-6) + panels) * fence.panel
            )  # posts stay where they are in a drive
            if at >= fence.span[0]:
                parts.append((at - s, (at, end)))
            at = end
        for ahead, reach in reversed(parts):
            _, depth = canvas.camera.project(road.at(np.array(sum(reach) / 2), np.array(fence.d)))
            if float(depth) > 0:
                draw_polygons(canvas, _panel(road, fence, reach, light, ahead), float(depth))


def _draw_fence(rng: np.random.Generator, d: float, bottom: float) -> Fence:
    """Draw a fence at `d`."""
    pale = rng.random() < 0.65
    level = float(rng.uniform(0.4, 0.75) if pale else rng.uniform(0.02, 0.35))
    r, g, b = (float(c) for c in level * (1 + rng.normal(0, 0.03 if pale else 0.2, 3)).clip(0.4, 1.5))
    pickets = rng.random() < 0.7
    bars = (0.12, 0.8) if pickets else tuple(float(v) for v in np.linspace(0.35, 0.97, int(rng.integers(2, 5))))
    begin = BEHIND_M + (float(rng.uniform(3, 25)) if rng.random() < 0.2 else -30.0)
    return Fence(
        d,
        bottom,
        float(rng.uniform(0.65, 1.25)),
        float(rng.uniform(2.0, 3.5)),
        float(rng.uniform(0.14, 0.32)) if pickets else 0.0,
        bars,
        float(rng.uniform(0.025, 0.06)),
        (r, g, b),
        (begin, begin + float(rng.uniform(25, 120)) if rng.random() < 0.3 else 1e9),
    )


def _panel(road: Road, fence: Fence, reach: Reach, light: FloatArray, ahead: float) -> list[Polygon]:
    """Return the polygons of a stretch of fence; farther away pickets are fewer and wider."""
    r, g, b = (float(c) for c in np.array(fence.colour) * light)
    boxes = []  # along from and to, height from and to, half width across
    fine = 0.6 if ahead < 12 else fence.panel
    for share in fence.bars:
        z = share * fence.height
        for at in np.arange(reach[0], reach[1] - 1e-6, fine):
            boxes.append((at, min(at + fine, reach[1]), z - 0.025, z + 0.025, 0.0))
    if fence.gap > 0 and ahead < 70:
        step = fence.gap * (1 if ahead < 14 else 2 if ahead < 30 else 5)
        half = fence.thick / 2 * (1 if ahead < 14 else 1.4 if ahead < 30 else 2.2)
        boxes += [(at, at, 0.06, fence.height, half) for at in np.arange(reach[0], reach[1], step)]
    boxes += [(at, at, 0.0, fence.height * 1.04, 0.045) for at in np.arange(reach[0], reach[1] - 1e-6, fence.panel)]
    table = np.array(boxes)
    low, high, bottom, top, half = table.T
    s = np.stack([low, high, high, low], axis=1)
    d = fence.d + np.stack([-half, half, half, -half], axis=1)
    h = fence.bottom + np.stack([bottom, bottom, top, top], axis=1)
    return [(corners, (r, g, b), 1.0) for corners in road.at(s, d, h)]
