"""`drive` and `render_drive`: a drive along one rendered road, with what a perfect sensor would measure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lanelight.datasets.synthetic.camera import Camera
from lanelight.datasets.synthetic.config import RoadConfig
from lanelight.datasets.synthetic.road import BEHIND_M
from lanelight.datasets.synthetic.tables import STEP_M
from lanelight.datasets.synthetic.world import World, camera_at, draw_world, paint
from lanelight.errors import LanelightError
from lanelight.geometry import Scene


@dataclass(frozen=True)
class Ego:
    """Where the camera is in its lane; everything that has a sign is positive to the right.

    Attributes:
        offset_m: of the camera from the middle of its lane; positive: the camera is right of it.
        heading_rad: of the camera's axis relative to the direction of the road beside it; positive: it looks to the
            right of it.
        curvature_per_m: of the middle of the lane beside the camera, seen from above; positive: it bends to the right.
        lane_width_m: of the lane.
        distance_m: driven along the road since the first frame.
    """

    offset_m: float
    heading_rad: float
    curvature_per_m: float
    lane_width_m: float
    distance_m: float


@dataclass(frozen=True)
class DriveFrame:
    """One frame of a drive.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        scene: its exact lanes and drivable lanes.
        ego: where the camera is.
        time_s: since the first frame.
    """

    image: NDArray[np.uint8]
    scene: Scene
    ego: Ego
    time_s: float


def drive(config: RoadConfig, *, seed: int, frames: int, fps: float = 25.0) -> Iterator[DriveFrame]:
    """Yield the frames of a drive at `config.speed_m_s`.

    Args:
        config: ranges of everything random; one road is drawn.
        seed: of the drive.
        frames: how many.
        fps: frames per second.

    Raises:
        LanelightError: no frames, no frame rate, or a negative seed.
    """
    if frames < 1 or not fps > 0 or seed < 0:
        raise LanelightError(
            f"drive: expected one frame or more, a positive fps and a seed of 0 or more, got {frames=}, {fps=}, {seed=}"
        )
    return _drive(config, seed, frames, fps)


def render_drive(
    config: RoadConfig, *, seed: int, frames: int, fps: float = 25.0
) -> Iterator[tuple[NDArray[np.uint8], Scene]]:
    """Yield picture (H, W, 3) uint8 RGB and Scene of the frames of a `drive`; arguments and errors are the same."""
    return ((frame.image, frame.scene) for frame in drive(config, seed=seed, frames=frames, fps=fps))


def _drive(config: RoadConfig, seed: int, frames: int, fps: float) -> Iterator[DriveFrame]:
    """Yield the frames; apart so that wrong arguments raise at the call."""
    rng = np.random.default_rng([seed, 0x0D51])
    speed = config.speed_m_s
    config = replace(config, supersample=min(config.supersample, 0.9))  # motion hides what more would show
    world = draw_world(config, rng, frames / fps * speed)
    mount, lane = world.mount, world.road.lane_middle(world.road.ego, BEHIND_M)
    start = [replace(v, speed=max(v.speed, speed)) if abs(v.d - lane) < 2.2 else v for v in world.traffic]
    waves = rng.uniform(0, 2 * np.pi, 4)
    gain: float | None = None
    for k in range(frames):
        t = k / fps
        s = BEHIND_M + speed * t
        nod = 0.0012 * np.sin(2 * np.pi * 1.4 * t + waves[0]) + 0.0006 * np.sin(2 * np.pi * 3.7 * t + waves[1])
        weave = 0.12 * np.sin(2 * np.pi * 0.09 * t + waves[2])
        sway = replace(
            mount,
            pitch=mount.pitch + float(nod),
            yaw=mount.yaw + 0.003 * float(np.cos(2 * np.pi * 0.09 * t + waves[2])),
            lateral_m=mount.lateral_m + float(weave),
        )
        now = replace(world, traffic=[vehicle.after(t) for vehicle in start])
        camera = camera_at(now, s, sway=sway)
        image, scene, measured = paint(now, camera, s, frame=k, gain=gain)
        gain = measured if gain is None else 0.9 * gain + 0.1 * measured
        yield DriveFrame(image, scene, _measured(world, camera, s), t)


def _measured(world: World, camera: Camera, s: float) -> Ego:
    """Return what a perfect sensor would measure beside the camera."""
    road = world.road
    d = road.lateral_of(camera.position, s)
    middle = road.lane_middle(road.ego, s)
    i = min(int(s / STEP_M), len(road.path) - 2)
    bend = float(np.interp(s / STEP_M, [i, i + 1], road.path[i : i + 2, 3]))  # to the left of the centre line
    width = float(road.lines[road.ego + 1].offset[i] - road.lines[road.ego].offset[i])
    return Ego(
        offset_m=d - middle,
        heading_rad=road.heading_at(s) - camera.heading,
        curvature_per_m=0.0 - bend / (1.0 + bend * middle),
        lane_width_m=width,
        distance_m=s - BEHIND_M,
    )
