"""Other vehicles: where they are, how they move, and what they look like."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from lanelight.datasets.synthetic.bodywork import Colour, Vehicle, body
from lanelight.datasets.synthetic.config import RoadConfig
from lanelight.datasets.synthetic.foliage import SPRAY, shrunk
from lanelight.datasets.synthetic.light import Light
from lanelight.datasets.synthetic.road import BEHIND_M, Road
from lanelight.datasets.synthetic.sprites import Canvas, Polygon, add_glow, draw_cutout, draw_polygons
from lanelight.geometry import FloatArray

PAINTS: tuple[Colour, ...] = (
    (0.70, 0.70, 0.70),
    (0.42, 0.43, 0.44),
    (0.18, 0.19, 0.20),
    (0.03, 0.03, 0.035),
    (0.015, 0.015, 0.02),
    (0.30, 0.03, 0.03),
    (0.03, 0.07, 0.22),
    (0.10, 0.08, 0.05),
    (0.35, 0.31, 0.24),
    (0.04, 0.12, 0.08),
)


PAINT_SHARES = (0.26, 0.17, 0.13, 0.13, 0.13, 0.06, 0.05, 0.02, 0.03, 0.02)


def draw_traffic(config: RoadConfig, road: Road, rng: np.random.Generator, *, lamps: float) -> list[Vehicle]:
    """Draw the vehicles in sight of a camera at `BEHIND_M`."""
    low, high = config.traffic
    if high <= 0:
        return []
    count = int(rng.integers(low, high + 1) * rng.beta(1.0, 1.6))
    lanes = len(road.lines) - 1
    found: list[Vehicle] = []
    leader = rng.random() < config.ego_leader_share
    for k in range(count + leader):
        lane = int(rng.integers(0, lanes))
        ahead = float(np.exp(rng.uniform(np.log(9.0), np.log(260.0))))
        if (leader and k == 0) or lane == road.ego:
            lane = road.ego
            ahead = float(np.exp(rng.uniform(np.log(9.0), np.log(150.0))))
        elif rng.random() < 0.06:
            ahead = float(rng.uniform(1.0, 8.0))
        vehicle = _draw_vehicle(config, rng, road, lane, s=BEHIND_M + ahead, lamps=lamps)
        _park(found, vehicle)
    if rng.random() < config.close_share:
        for _ in range(int(rng.integers(1, 4))):
            side = int(rng.choice([-1, 0, 1], p=[0.44, 0.12, 0.44]))
            lane = int(np.clip(road.ego + side, 0, lanes - 1))
            ahead = float(rng.uniform(6.0, 16.0) if lane == road.ego else rng.uniform(0.7, 16.0))
            _park(found, _draw_vehicle(config, rng, road, lane, s=BEHIND_M + ahead, lamps=lamps))
    if road.kind == "highway" and rng.random() < 0.6:
        found += _beyond_median(config, road, rng, lamps)
    return found


def _park(found: list[Vehicle], vehicle: Vehicle) -> None:
    """Add a vehicle where there is room for it."""
    here, there = vehicle.s, vehicle.s + vehicle.size[0]
    if all(v.s > there + 2 or v.s + v.size[0] < here - 2 or abs(v.d - vehicle.d) > 2.3 for v in found):
        found.append(vehicle)


def _beyond_median(config: RoadConfig, road: Road, rng: np.random.Generator, lamps: float) -> list[Vehicle]:
    """Return traffic on the other carriageway."""
    near = float(road.left.min()) - float(rng.uniform(4, 12))
    found = []
    for _ in range(int(rng.integers(1, 7))):
        d = near - 3.6 * int(rng.integers(0, 3))
        vehicle = _draw_vehicle(
            config, rng, road, 0, s=BEHIND_M + float(np.exp(rng.uniform(np.log(12), np.log(250)))), lamps=lamps
        )
        found.append(replace(vehicle, d=d, speed=-27.0))
    return found


def _draw_vehicle(
    config: RoadConfig, rng: np.random.Generator, road: Road, lane: int, *, s: float, lamps: float
) -> Vehicle:
    """Draw one vehicle in a lane."""
    pick = rng.random()
    paint = np.array(PAINTS[int(rng.choice(len(PAINTS), p=PAINT_SHARES))]) * rng.uniform(0.8, 1.1)
    boxy, waist = False, float(rng.uniform(0.55, 0.64))
    if pick < 0.62:
        size = (rng.uniform(4.1, 4.9), rng.uniform(1.72, 1.88), rng.uniform(1.38, 1.52))
    elif pick < 0.84:
        size, waist = (rng.uniform(4.4, 5.3), rng.uniform(1.82, 2.0), rng.uniform(1.6, 1.95)), 0.58
    elif pick < 0.92:
        size, boxy, waist = (rng.uniform(5, 6), 2.0, rng.uniform(2.0, 2.6)), True, 0.6
    else:
        size, boxy, waist = (rng.uniform(8, 16), 2.5, rng.uniform(3.2, 4.0)), True, 1.0
        paint = np.array((0.6, 0.6, 0.6)) * rng.uniform(0.3, 1.2) if rng.random() < 0.7 else paint
    r, g, b = (float(c) for c in paint)
    speed = config.speed_m_s * float(rng.normal(0.97, 0.12)) * (-1.0 if lane < road.oncoming else 1.0)
    middle = road.lane_middle(lane, s) + float(rng.normal(0, 0.2))
    length, width, height = (float(v) for v in size)
    return Vehicle(s, middle, speed, (length, width, height), (r, g, b), boxy, waist, lamps)


def shadows_of(vehicles: list[Vehicle], slant: tuple[float, float], *, sunny: bool) -> FloatArray:
    """Return the rows of shadow that vehicles cast, (R, 6) see `tables.Lamplight`.

    Args:
        vehicles: what casts.
        slant: (along, lateral) length of the shadow of a stick of 1 m, m.
        sunny: False leaves the soft dark below each vehicle.
    """
    rows = []
    for v in vehicles:
        length, width, height = v.size
        low, high = v.d - width / 2, v.d + width / 2
        rows.append([v.s - 0.2, v.s + length + 0.2, low - 0.15, high + 0.15, 0.5, 0.85])
        if sunny:
            ds, dd = slant[0] * height * 0.8, slant[1] * height * 0.8
            rows.append([v.s + min(ds, 0), v.s + length + max(ds, 0), low + min(dd, 0), high + max(dd, 0), 0.2, 0.95])
    return np.array(rows, dtype=np.float64).reshape(-1, 6)


def paint_traffic(
    canvas: Canvas, road: Road, vehicles: list[Vehicle], sides: FloatArray, light: Light, *, s: float
) -> None:
    """Composite vehicles from far to near.

    Args:
        canvas: where to.
        road: where they drive.
        vehicles: what drives.
        sides: (3, 3) light on faces towards the camera, on sides, and of the sky that glass mirrors.
        light: what shines.
        s: of the camera along the road, m.
    """
    eye = np.array(canvas.camera.position)
    places = [(float(np.linalg.norm(road.at(np.array(v.s), np.array(v.d)) - eye)), v) for v in vehicles]
    for distance, vehicle in sorted(places, key=lambda place: -place[0]):
        if vehicle.s < s - 30 or distance > 420:
            continue
        polygons = body(road, vehicle, canvas.camera, sides)
        if not polygons:
            continue
        if light.wet > 0:
            _paint_mirrored(canvas, road, vehicle, polygons, distance, wet=light.wet)
        draw_polygons(canvas, polygons, distance)
        if vehicle.lamps >= 1.0:
            _paint_lamps(canvas, road, vehicle, light)
        if light.wet > 0.3 and distance > 6 and vehicle.speed > 8:
            foot = road.at(np.array(vehicle.s - 1.0), np.array(vehicle.d))
            draw_cutout(canvas, partial(shrunk, SPRAY), foot, 1.5 * vehicle.size[1] / 1.8, light.sky * 0.9 * light.wet)


def _paint_mirrored(
    canvas: Canvas, road: Road, vehicle: Vehicle, polygons: list[Polygon], distance: float, *, wet: float
) -> None:
    """Composite what a wet road mirrors of a vehicle: itself upside down, faint."""
    floor = float(road.at(np.array(vehicle.s), np.array(vehicle.d))[2])
    upside_down = [
        (np.concatenate([points[:, :2], 2 * floor - points[:, 2:]], axis=1), colour, opacity)
        for points, colour, opacity in polygons
    ]
    draw_polygons(canvas, upside_down, distance, cover=0.45 * wet, lying=True)


def _paint_lamps(canvas: Canvas, road: Road, v: Vehicle, light: Light) -> None:
    """Add the light of lamps that shine in the dark, and what a wet road mirrors of it."""
    oncoming = v.speed < 0
    height = 0.68 if v.size[2] < 2.5 else 0.95
    colour = np.array((1.0, 0.97, 0.88)) * 2.6 if oncoming else np.array((0.75, 0.02, 0.015)) * 0.55
    if not light.dark:
        colour = colour * 0.4
    half = v.size[1] / 2 - 0.2
    for x in (-half, half):
        at = road.at(np.array(v.s), np.array(v.d + x), height)
        add_glow(canvas, at, colour, 0.16 if oncoming else 0.10)
        if light.wet > 0:
            below = road.at(np.array(v.s), np.array(v.d + x), -height)
            add_glow(canvas, below, colour * 0.22 * light.wet, 0.14, stretch=6.0)
