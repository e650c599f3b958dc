"""`render_drive`: a short drive along one rendered road."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from lanelight.datasets.synthetic.config import RoadConfig
from lanelight.datasets.synthetic.road import BEHIND_M
from lanelight.datasets.synthetic.world import camera_at, draw_world, paint
from lanelight.errors import LanelightError
from lanelight.geometry import Scene

SPEED = 25.0  # m/s


def render_drive(
    config: RoadConfig, *, seed: int, frames: int, fps: float = 25.0
) -> Iterator[tuple[NDArray[np.uint8], Scene]]:
    """Yield the frames of a drive and their exact lanes.

    Args:
        config: ranges of everything random; one road is drawn.
        seed: of the drive.
        frames: how many.
        fps: frames per second; the car drives at about 25 m/s.

    Yields:
        (H, W, 3) uint8 RGB and the Scene of each frame.

    Raises:
        LanelightError: no frames or no frame rate.
    """
    if frames < 1 or not fps > 0:
        raise LanelightError(f"render_drive: expected one frame or more and a positive fps, got {frames=}, {fps=}")
    return _drive(config, seed, frames, fps)


def _drive(config: RoadConfig, seed: int, frames: int, fps: float) -> Iterator[tuple[NDArray[np.uint8], Scene]]:
    """Yield the frames; apart so that wrong arguments raise at the call."""
    rng = np.random.default_rng([seed, 0x0D51])
    config = replace(config, supersample=min(config.supersample, 0.9))  # large frames need no more, and cost much
    world = draw_world(config, rng, frames / fps * SPEED)
    mount, lane = world.mount, world.road.lane_middle(world.road.ego, BEHIND_M)
    start = [replace(v, speed=max(v.speed, SPEED)) if abs(v.d - lane) < 2.2 else v for v in world.traffic]
    waves = rng.uniform(0, 2 * np.pi, 4)
    gain: float | None = None
    for k in range(frames):
        t = k / fps
        s = BEHIND_M + SPEED * t
        nod = 0.0012 * np.sin(2 * np.pi * 1.4 * t + waves[0]) + 0.0006 * np.sin(2 * np.pi * 3.7 * t + waves[1])
        weave = 0.12 * np.sin(2 * np.pi * 0.09 * t + waves[2])
        sway = replace(
            mount,
            pitch=mount.pitch + float(nod),
            yaw=mount.yaw + 0.003 * float(np.cos(2 * np.pi * 0.09 * t + waves[2])),
            lateral_m=mount.lateral_m + float(weave),
        )
        now = replace(world, traffic=[vehicle.after(t) for vehicle in start])
        frame, scene, measured = paint(now, camera_at(now, s, sway=sway), s, frame=k, gain=gain)
        gain = measured if gain is None else 0.9 * gain + 0.1 * measured
        yield frame, scene
