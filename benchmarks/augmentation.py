"""What a training sample costs: process time of decoding, warp, colours and targets, one thread, batch 1.

python benchmarks/augmentation.py FOLDER_OF_JPEGS [--frames 60] [--rounds 3]

FOLDER holds CULane pictures of 1640x590 with their lane files beside them. The stages are those of `Augment.apply`
and are timed inside whole samples, so they do not add up to the median of the whole to the last digit. `decode_half`
is what decoding costs where libjpeg gives half the size at once; it serves samples of at most half the frame's size
in both directions (800x288 of a whole frame; not 800x320 of the lower 320 rows) and is not part of `sample`.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from record import record

from lanelight.datasets.augment import AUGMENTS
from lanelight.formats.culane import lines_name, read_lanes
from lanelight.frames import read_image
from lanelight.geometry import FloatArray, Lane, Scene, Viewport, ViewportPolicy
from lanelight.models.drawing import draw_lane

UInt8 = NDArray[np.uint8]
LANE_PX = 16  # width of CULane's own masks, px of the frame
ROWS = 72  # of CLRNet's lanes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    files = sorted(args.folder.rglob("*.jpg"))[: args.frames]
    if not files:
        parser.error(f"{args.folder}: expected JPEG files, found none")
    rows = [measured(task, files, args.rounds) for task in TASKS]
    for row in rows:
        print(row)
    print(record("augmentation", rows))


class Task(NamedTuple):
    """A recipe to measure: what is shown, how it is augmented and what is learnt from it."""

    name: str
    policy: ViewportPolicy
    targets: Callable[[Scene], dict[str, NDArray[Any]]]
    classes: bool = False


def measured(task: Task, files: list[Path], rounds: int) -> dict[str, Any]:
    """Return the medians over all frames and rounds; the first round warms up."""
    augment = AUGMENTS[task.name]
    times: dict[str, list[float]] = {
        name: [] for name in ("sample", "decode", "warp", "colour", "targets", "decode_half")
    }
    for turn in range(rounds + 1):
        for index, file in enumerate(files):
            scene = labels(file, with_classes=task.classes)
            rng = np.random.default_rng((0, turn, index))
            clock = [time.process_time()]

            frame = read_image(file)
            clock.append(time.process_time())
            warp = augment.warp(task.policy.view(scene.size), rng)
            seen, there = warp.image(frame, augment.fill), warp.scene(scene)
            clock.append(time.process_time())
            image = augment.colored(seen, rng)
            image = image if image is seen else warp.fill_outside(image, augment.fill)
            clock.append(time.process_time())
            tensors = {"images": torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))}
            tensors |= {name: torch.from_numpy(array) for name, array in task.targets(there).items()}
            clock.append(time.process_time())

            half = time.process_time()
            cv2.imdecode(np.fromfile(file, np.uint8), cv2.IMREAD_REDUCED_COLOR_2)
            half = time.process_time() - half
            if turn:
                spans = [clock[-1] - clock[0], *np.diff(clock).tolist(), half]
                for name, span in zip(times, spans, strict=True):
                    times[name].append(1000 * span)
    width, height = task.policy.target
    return {
        "recipe": task.name,
        "input": f"{width}x{height}",
        "frames": len(files),
        "rounds": rounds,
        **{f"{name}_ms_p50": round(statistics.median(spans), 2) for name, spans in times.items()},
        "sample_ms_p95": round(float(np.percentile(times["sample"], 95)), 2),
    }


def labels(file: Path, *, with_classes: bool) -> Scene:
    """Return the lanes of a picture, ego pair in slots 1 and 2, and a class map in which they are drawn."""
    scene = read_lanes(lines_name(str(file)))
    ordered = sorted(scene.lanes, key=lambda lane: float(lane.points[0, 0]))
    lanes = [Lane(lane.points, slot=place + 1) for place, lane in enumerate(ordered[:2])]
    classes = None
    if with_classes:
        classes = np.zeros((scene.size[1], scene.size[0]), np.uint8)
        for lane in lanes:
            draw_lane(classes, lane, Viewport.whole(scene.size), 1, LANE_PX)
    return Scene(scene.size, lanes, classes)


def lane_rows(scene: Scene) -> dict[str, NDArray[Any]]:
    """Return what CLRNet learns from: x at 72 rows, and a mask of the lanes."""
    y = np.linspace(scene.size[1], 0, ROWS)
    x: FloatArray = np.stack([lane.x_at(y) for lane in scene.lanes] or [np.full(ROWS, np.nan)])
    return {"x": x.astype(np.float32), **lane_mask(scene)}


def lane_mask(scene: Scene) -> dict[str, NDArray[Any]]:
    """Return what ENet-SAD learns from: a mask of slots, and which of them exist."""
    mask = np.zeros((scene.size[1], scene.size[0]), np.uint8)
    exist = np.zeros(4, np.float32)
    view = Viewport.whole(scene.size)
    for lane in scene.lanes:
        if lane.slot is not None:
            exist[lane.slot] = draw_lane(mask, lane, view, lane.slot + 1, LANE_PX // 2)
    return {"lanes": mask.astype(np.int64), "exist": exist}


def class_map(scene: Scene) -> dict[str, NDArray[Any]]:
    """Return what Fast-SCNN learns from."""
    assert scene.classes is not None
    return {"classes": scene.classes.astype(np.int64)}


TASKS = (
    Task("clrnet", ViewportPolicy((800, 320), "stretch", top=270 / 590), lane_rows),
    Task("clrernet", ViewportPolicy((800, 320), "stretch", top=270 / 590), lane_rows),
    Task("enet_sad", ViewportPolicy((800, 288), "stretch"), lane_mask),
    Task("enet_sad_culane", ViewportPolicy((976, 208), "stretch", top=240 / 590), lane_mask),
    Task("road", ViewportPolicy((512, 224)), lane_mask),
    Task("fast_scnn", ViewportPolicy((768, 768), "stretch"), class_map, classes=True),
)

if __name__ == "__main__":
    main()
