"""Lanes before and after tracking: jitter, drop-outs, switches and error on drives, and the cost of a frame.

Drives on a plane road, known exactly, seen by a detector whose errors are drawn; rendered drives and videos seen by the
network.

python benchmarks/tracking.py [VIDEO...] [--model default] [--rendered 60] [--seeds 3 8]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from record import record

from lanelight.geometry import FloatArray, Lane, Scene
from lanelight.metrics.stability import LaneStability
from lanelight.runtime import Detector
from lanelight.runtime.tracking import LaneTracker, TrackerOptions

SIZE, FOCAL_PX, HORIZON, CAMERA_M = (1280, 720), 900.0, 320.0, 1.4
LANE_M, SPEED, FPS = 3.6, 25.0, 25.0
SECONDS = 12.0
ROUNDS = 5
FLICKER = ("slot_changes", "count_changes")  # `accuracy.py` tells them

Frames = list[tuple[Scene, Scene | None]]  # found, true
Profile = Callable[[FloatArray], FloatArray]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("video", nargs="*")
    parser.add_argument("--model", default="default")
    parser.add_argument("--rendered", type=int, default=60, help="frames of each rendered drive; 0 for none")
    parser.add_argument("--seeds", type=int, nargs="+", default=[3, 8], help="of the rendered drives")
    args = parser.parse_args()
    rows = [row for name, truth in drives().items() for row in compared(name, noisy(truth, seed=1), "drawn errors")]
    if args.video or args.rendered:
        with Detector.load(args.model, threads=1) as detector:
            for seed in args.seeds if args.rendered else ():
                frames = rendered(detector, seed, args.rendered)
                rows += compared(f"rendered {seed}", frames, detector.manifest.name)
            for video in args.video:
                frames = [(result.scene, None) for result in detector.stream(video, track=False)]
                rows += compared(Path(video).name, frames, detector.manifest.name)
    for row in rows:
        print(row)
    print(record("tracking", rows))


def rendered(detector: Detector, seed: int, count: int) -> Frames:
    """Return what the network finds on a rendered drive, and its truth."""
    from lanelight.datasets.synthetic import RoadConfig, render_drive

    drive = render_drive(RoadConfig(size=SIZE, steep_share=0.0), seed=seed, frames=count)
    return [(detector.predict(frame), scene) for frame, scene in drive]


def drives() -> dict[str, list[Scene]]:
    """Return the true scenes of a straight drive, of one into and out of a curve, and of one with a lane change."""
    t = np.arange(0.0, SECONDS, 1 / FPS)
    weave = 0.12 * np.sin(2 * np.pi * 0.09 * t)
    curve = np.interp(t, [2, 4, 8, 10], [0, 1 / 400, 1 / 400, 0])
    phase = np.clip((t - 3.0) / 4.0, 0.0, 1.0)
    change = LANE_M * (phase - np.sin(2 * np.pi * phase) / (2 * np.pi))
    still = np.zeros_like(t)
    return {
        "straight": plane_drive(weave, still),
        "curve": plane_drive(weave, curve),
        "lane change": plane_drive(change, still),
    }


def plane_drive(lateral_m: FloatArray, curvature: FloatArray, *, nod_px: float = 1.0) -> list[Scene]:
    """Return the scenes of a camera over a plane road with four lanes; tracks count the lines, slots those in sight.

    A line at X m, seen from d m, meets row y at x = cx + (X - d) (y - h) / H + k f^2 H / (2 (y - h)) - f psi with the
    horizon h, the height H, the curvature k and the heading psi = d' / speed.

    Args:
        lateral_m: (T,) place right of the start, m.
        curvature: (T,) of the road, 1/m, right is positive.
        nod_px: how far the horizon moves as the car nods.
    """
    t = np.arange(len(lateral_m)) / FPS
    heading = np.gradient(lateral_m, 1 / FPS) / SPEED
    horizon = HORIZON + nod_px * (np.sin(2 * np.pi * 1.4 * t) + 0.5 * np.sin(2 * np.pi * 3.7 * t))
    lines = LANE_M * (np.arange(5) - 1.5)
    scenes = []
    for d, k, psi, h in zip(lateral_m, curvature, heading, horizon, strict=True):
        depth = np.arange(SIZE[1] - 1.0, HORIZON + 20, -10.0) - h
        bend = k * FOCAL_PX**2 * CAMERA_M / (2 * depth) - FOCAL_PX * psi
        ego = int(np.searchsorted(lines, d))  # the first line right of the camera is slot 2
        lanes = []
        for number, line in enumerate(lines):
            x = (SIZE[0] - 1) / 2 + (line - d) * depth / CAMERA_M + bend
            inside = (x >= -0.5) & (x <= SIZE[0] - 0.5)
            slot = number - ego + 2
            if inside.sum() >= 2 and 0 <= slot < 4:
                points = np.stack([x, depth + h], axis=1)[inside]
                lanes.append(Lane(points, slot=slot, track=number))
        scenes.append(Scene(SIZE, lanes))
    return scenes


def noisy(truth: Sequence[Scene], *, seed: int, sigma_px: float = 3.0) -> Frames:
    """Return what a detector sees of true scenes: errors that last along a lane and in time, leaps, gaps, false lanes.

    The figures are those of the bundled network: errors reach over about 40 px along a lane, half of one is still
    there a frame later, and one frame in thirty is far off.
    """
    rng = np.random.default_rng(seed)
    knots = np.linspace(0, SIZE[1], 19)
    errors, gaps = {n: rng.normal(size=len(knots)) for n in range(5)}, dict.fromkeys(range(5), 0)
    frames: Frames = []
    for scene in truth:
        lanes = []
        for lane in scene.lanes:
            n = int(lane.track or 0)
            errors[n] = 0.5 * errors[n] + np.sqrt(0.75) * rng.normal(size=len(knots))
            gaps[n] = gaps[n] - 1 if gaps[n] else int(rng.integers(1, 5)) * int(rng.random() < 0.03)
            leap = 4.0 * rng.normal() if rng.random() < 1 / 30 else 0.0
            if not gaps[n]:
                off = np.interp(lane.points[:, 1], knots, errors[n]) + leap
                points = lane.points + np.stack([sigma_px * off, np.zeros_like(off)], axis=1)
                lanes.append(Lane(points, score=0.9, slot=lane.slot))
        if rng.random() < 0.03:
            y = np.arange(SIZE[1] - 1.0, 400.0, -10.0)
            lanes.append(Lane(np.stack([rng.uniform(0, SIZE[0] - 1) + 0.3 * (y - 700), y], axis=1), score=0.6))
        frames.append((Scene(scene.size, lanes), scene))
    return frames


def compared(name: str, frames: Frames, detector: str) -> list[dict[str, Any]]:
    """Return one row of figures for each way: lanes as they were found, with identities alone, and smoothed."""
    options = TrackerOptions()
    ways = {"found": None, "tracked": replace(options, smooth=False), "tracked, smoothed": options}
    rows = []
    for way, option in ways.items():
        figures, cost_ms = judged(frames, option)
        values = {k: round(v, 4) if isinstance(v, float) else v for k, v in figures.items() if k not in FLICKER}
        rows.append({"drive": name, "detector": detector, "lanes_are": way, "cost_ms_p50": cost_ms, **values})
    return rows


def judged(frames: Frames, options: TrackerOptions | None) -> tuple[dict[str, Any], float]:
    """Return the stability of one way, and the median time that tracking takes for a frame, ms."""
    times = []
    answers = [found for found, _ in frames]
    for _ in range(ROUNDS if options else 0):
        tracker, answers = LaneTracker(options), []
        for found, _ in frames:
            start = time.perf_counter()
            answers.append(tracker.update(found))
            times.append(time.perf_counter() - start)
    metric = LaneStability()
    for answer, (_, true) in zip(answers, frames, strict=True):
        metric.update(answer, true)
    return metric.compute(), round(1000 * float(np.median(times)), 3) if times else 0.0


if __name__ == "__main__":
    main()
