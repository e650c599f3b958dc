"""How the camera sits in the car."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lanelight.datasets.synthetic.camera import corner, most_bend, pitch_for_horizon
from lanelight.datasets.synthetic.config import RoadConfig
from lanelight.datasets.synthetic.road import Road


@dataclass(frozen=True)
class Mount:
    """How the camera sits in the car.

    Attributes:
        focal_px: vertical px.
        stretch: horizontal px per vertical px of the same angle.
        bend: distortion by the lens, see `Camera`.
        height_m: above the road.
        pitch: rad, relative to the road.
        roll: rad.
        yaw: rad to the right, relative to the road.
        lateral_m: right of the middle of the lane.
    """

    focal_px: float
    stretch: float
    bend: float
    height_m: float
    pitch: float
    roll: float
    yaw: float
    lateral_m: float


def draw_mount(config: RoadConfig, road: Road, rng: np.random.Generator) -> Mount:
    """Draw the camera's lens and place."""
    width, height = config.size
    stretch = float(rng.uniform(*config.stretch)) if rng.random() < config.stretch_share else 1.0
    focal = width / 2 / stretch / np.tan(np.radians(float(rng.uniform(*config.hfov_deg))) / 2)
    if rng.random() < config.steep_share:
        horizon = float(rng.uniform(*config.steep_horizon))
    else:
        low, high = config.horizon
        horizon = low + (high - low) * float(rng.beta(1.6, 1.55))
    rim = (width / 2 / stretch / focal) ** 2
    far = corner(config.size, config.centre, np.array([focal * stretch, focal]))
    bend = max(float(rng.uniform(*config.bend)) / rim, most_bend(far)) if rng.random() < config.bend_share else 0.0
    pitch = pitch_for_horizon(horizon * height, config.centre[1], float(focal))
    lateral = float(np.clip(rng.normal(0, config.lateral_share / 2), -1, 1)) * road.lane_width_m
    yaw = float(rng.normal(0, 0.4)) * config.yaw_deg
    if rng.random() < config.lane_change_share:
        lateral = float(rng.uniform(-0.48, 0.48)) * road.lane_width_m
        yaw += float(rng.uniform(-1, 1)) * config.yaw_deg
    if road.divider is not None and road.divider.line == road.ego:  # nobody drives that close to a fence
        lateral = max(lateral, -0.2 * road.lane_width_m)
    roll = float(np.clip(rng.normal(0, 0.35), -1, 1)) * config.roll_deg
    height_m = float(rng.uniform(*config.camera_height_m))
    return Mount(float(focal), stretch, bend, height_m, pitch, np.radians(roll), np.radians(yaw), lateral)
