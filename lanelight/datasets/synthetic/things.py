"""Trees, bridges, signs and posts as the camera sees them."""

from __future__ import annotations

from functools import partial

import numpy as np

from lanelight.datasets.synthetic.backdrop import Backdrop
from lanelight.datasets.synthetic.foliage import shrunk
from lanelight.datasets.synthetic.land import height_at, highest_before
from lanelight.datasets.synthetic.road import Road
from lanelight.datasets.synthetic.sprites import Canvas, add_glow, draw_cutout, draw_polygons
from lanelight.datasets.synthetic.tables import Ground
from lanelight.geometry import FloatArray


def paint_things(
    canvas: Canvas, road: Road, ground: Ground, backdrop: Backdrop, light: FloatArray, *, lamp: FloatArray
) -> None:
    """Composite trees, bridges, signs and posts.

    Args:
        canvas: where to.
        road: beside which they stand.
        ground: on which they stand.
        backdrop: what stands there.
        light: (3,) on what faces the camera.
        lamp: (3,) colour of lamps that shine; 0 by day.
    """
    for s, d, height, kind, tone in backdrop.trees:
        foot = road.at(np.array(s), np.array(d), height_at(ground, s, d) - 0.15)
        draw_cutout(canvas, partial(shrunk, int(kind)), foot, float(height), light * tone)
    for s, clearance, thick, tone in backdrop.bridges:
        _paint_bridge(canvas, road, (s, clearance, thick, tone), light)
    for s, d, height, kind, tone in backdrop.posts:
        if kind == 2:
            _paint_gantry(canvas, road, s, light, green=tone > 0)
        else:
            bottom = max(highest_before(ground, d), height_at(ground, s, d))
            _paint_post(canvas, road, (s, d, height, tone), light, lamp=kind == 0, bottom=bottom)
            if kind == 0 and lamp.any():
                head = road.at(np.array(s), np.array(d + (1.8 if d < 0 else -1.8)), height - 0.15)
                add_glow(canvas, head, lamp * 4.0, 0.22)


def _paint_bridge(canvas: Canvas, road: Road, bridge: tuple[float, float, float, float], light: FloatArray) -> None:
    """Composite a bridge over the road: deck seen from below and in front, and its piers."""
    s, clearance, thick, tone = bridge
    _, depth = canvas.camera.project(road.at(np.array(s), np.array(0.0)))
    if float(depth) <= 3:
        return
    reach = min(40 + 4 * max(float(depth) - 12, 0.0), 240.0)  # what is behind the camera cannot be drawn
    far, (low, high) = s + 14.0, (float(road.left.min()) - reach, float(road.right.max()) + reach)
    r, g, b = (float(c) for c in light * tone)
    piers = []
    for d in (float(road.left.min()) - 2.0, float(road.right.max()) + 2.0):
        foot = [
            road.at(np.array(s + 5), np.array(d + e), h)
            for e, h in ((0, 0), (1.2, 0), (1.2, clearance), (0, clearance))
        ]
        piers.append((np.array(foot), (0.5 * r, 0.5 * g, 0.5 * b), 1.0))
    below = [road.at(np.array(a), np.array(d), clearance) for a, d in ((s, low), (s, high), (far, high), (far, low))]
    front = [
        road.at(np.array(s), np.array(d), h)
        for d, h in ((low, clearance), (high, clearance), (high, clearance + thick), (low, clearance + thick))
    ]
    shade = (0.12 * r, 0.12 * g, 0.13 * b)
    polygons = [*piers, (np.array(below), shade, 1.0), (np.array(front), (r, g, b), 1.0)]
    draw_polygons(canvas, polygons, float(depth))


def _paint_post(
    canvas: Canvas, road: Road, post: tuple[float, float, float, float], light: FloatArray, *, lamp: bool, bottom: float
) -> None:
    """Composite a lamp post or a sign, seen from `bottom` m above the road upwards: a wall hides the rest."""
    s, d, height, tone = post
    origin, axes = road.frame_at(s, d)
    _, depth = canvas.camera.project(origin)
    if float(depth) < 4:
        return

    def rect(x0: float, x1: float, z0: float, z1: float) -> FloatArray:
        return np.asarray(origin + np.array([(x0, 0, z0), (x1, 0, z0), (x1, 0, z1), (x0, 0, z1)]) @ axes)

    grey = float(tone) if lamp else 0.25
    r, g, b = (float(c) for c in light * grey)
    polygons = [(rect(-0.07, 0.07, min(bottom, height), height), (r, g, b), 1.0)]
    if lamp:
        arm = -2.0 if d > 0 else 2.0
        polygons.append((rect(min(0, arm), max(0, arm), height - 0.12, height), (r, g, b), 1.0))
    else:
        plates = ((0.7, 0.7, 0.7), (0.02, 0.2, 0.08), (0.7, 0.4, 0.02), (0.5, 0.03, 0.03), (0.03, 0.1, 0.4))
        pr, pg, pb = (float(c) for c in light * plates[int(tone)])
        polygons.append((rect(-0.5, 0.5, height - 0.9, height), (pr, pg, pb), 1.0))
    draw_polygons(canvas, polygons, float(depth))


def _paint_gantry(canvas: Canvas, road: Road, s: float, light: FloatArray, *, green: bool) -> None:
    """Composite signs on a gantry over the road."""
    low, high = float(road.left[int(s)]) - 1.5, float(road.right[int(s)]) + 1.5
    origin, axes = road.frame_at(s, 0.0)
    _, depth = canvas.camera.project(origin)
    if float(depth) < 6:
        return

    def rect(x0: float, x1: float, z0: float, z1: float) -> FloatArray:
        return np.asarray(origin + np.array([(x0, 0, z0), (x1, 0, z0), (x1, 0, z1), (x0, 0, z1)]) @ axes)

    r, g, b = (float(c) for c in light * 0.25)
    plate = np.array((0.01, 0.14, 0.06) if green else (0.02, 0.08, 0.32)) * light
    pr, pg, pb = (float(c) for c in plate)
    polygons = [(rect(low, high, 6.4, 6.8), (r, g, b), 1.0)]
    polygons += [(rect(d, d + 0.3, 0, 6.8), (r, g, b), 1.0) for d in (low, high)]
    for k in range(max(1, int((high - low) / 6))):
        x = low + 2 + 6 * k
        polygons.append((rect(x, x + 4.4, 5.4, 7.6), (pr, pg, pb), 1.0))
    draw_polygons(canvas, polygons, float(depth))
