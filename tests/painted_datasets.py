"""Data sets in the real on-disk formats whose lanes the network of `fake_network` finds, but for planted faults.

Frame 0 is labelled as it is painted; in frame 1 one true lane lies elsewhere; frame 2 has a true lane more than is
painted; frame 3 is labelled without lanes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import fake_network
import numpy as np

from lanelight.formats import bdd100k, culane, tusimple
from lanelight.formats.native import LaneLog
from lanelight.frames import write_image
from lanelight.geometry import Lane, Scene
from lanelight.metrics.bdd100k import draw_lanes

FRAMES = 4
TUSIMPLE_ROWS = list(range(180, 360, 10))
SHIFT_PX = 150.0  # of the true lane that lies elsewhere


def scenes(size: tuple[int, int]) -> Iterator[tuple[np.ndarray[tuple[int, ...], np.dtype[np.uint8]], Scene]]:
    """Yield four frames and their true lanes, from left to right and in slots."""
    lines = fake_network.marker_lines(size)
    for index in range(FRAMES):
        frame = fake_network.painted(size, slots=(0, 1, 2) if index == 2 else (0, 1, 2, 3))
        true = {
            slot: line + np.array([SHIFT_PX, 0.0]) if (index, slot) == (1, 1) else line for slot, line in lines.items()
        }
        yield frame, Scene(size, [] if index == 3 else [Lane(line, slot=slot) for slot, line in true.items()])


def write_culane(root: Path, size: tuple[int, int] = culane.SIZE) -> Path:
    """Write a CULane folder with the list of the test and lists of three categories, and return it."""
    names = [f"driver_1/a.MP4/{index:05d}.png" for index in range(FRAMES)]
    (root / "driver_1" / "a.MP4").mkdir(parents=True)
    (root / "list" / "test_split").mkdir(parents=True)
    for name, (frame, scene) in zip(names, scenes(size), strict=True):
        write_image(root / name, frame)
        culane.write_labels(root / culane.lines_name(name), scene)
    for file, chosen in {
        "test": names,
        "test_split/test0_normal": names[:2],
        "test_split/test7_cross": names[3:],
    }.items():
        (root / "list" / f"{file}.txt").write_text("".join(f"/{name}\n" for name in chosen))
    (root / "list" / "test_split" / "test1_crowd.txt").write_text(f"/{names[2]}\n")
    return root


def write_native(root: Path, size: tuple[int, int] = (640, 360)) -> Path:
    """Write a native data set with a split ``val`` of its first two frames, and return it."""
    (root / "list").mkdir(parents=True)
    with LaneLog(root / "lanes.jsonl", source="", model="", size=size) as log:
        for index, (frame, scene) in enumerate(scenes(size)):
            write_image(root / f"{index}.png", frame)
            log.write(index, None, scene, name=f"{index}.png")
    (root / "list" / "val.txt").write_text("0.png\n1.png\n")
    return root


def write_bdd100k_masks(root: Path, size: tuple[int, int] = (640, 360)) -> Path:
    """Write pictures, true lane masks and a list of the test as the SAD release has them, and return the root."""
    lines = []
    for index, (frame, scene) in enumerate(scenes(size)):
        image, label = f"val_img/val/{index}.png", f"val_label/final_val/{index}.png"
        for name in (image, label):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
        write_image(root / image, frame)
        bdd100k.write_mask(root / label, draw_lanes(scene.lanes, scene.size, 2))
        lines.append(f"/{image} /{label} 1 1 1 1\n")
    (root / "list").mkdir()
    (root / "list" / "test_gt_bdd.txt").write_text("".join(lines))
    return root


def write_bdd100k_labels(root: Path, size: tuple[int, int] = (640, 360)) -> Path:
    """Write BDD100K's own labels, each lane as two borders 6 px apart, with a drivable area, and return the root."""
    (root / "images" / "100k" / "test").mkdir(parents=True)
    (root / "labels").mkdir()
    frames = []
    for index, (frame, scene) in enumerate(scenes(size)):
        cv2.imwrite(str(root / "images" / "100k" / "test" / f"{index}.jpg"), frame[..., ::-1])
        shapes = [
            (lane.points + np.array([side, 0.0]), "lane", "LL", False) for lane in scene.lanes for side in (-3.0, 3.0)
        ]
        shapes.append(
            (np.array([[0.0, 0.0], [size[0], 0.0], [size[0], 90.0], [0.0, 90.0]]), "drivable area", "LLLL", True)
        )
        labels = [
            {
                "category": category,
                "attributes": {"laneTypes": "single white"} if category == "lane" else {"areaType": "direct"},
                "poly2d": [{"vertices": points.tolist(), "types": types, "closed": closed}],
            }
            for points, category, types, closed in shapes
        ]
        frames.append({"name": f"{index}.jpg", "labels": labels})
    (root / "labels" / "bdd100k_labels_images_test.json").write_text(json.dumps(frames))
    return root


def write_tusimple(root: Path, size: tuple[int, int] = (640, 360)) -> Path:
    """Write a TuSimple folder with ``test_label.json`` and return it."""
    lines = []
    for index, (frame, scene) in enumerate(scenes(size)):
        raw_file = f"clips/{index}/20.png"
        (root / raw_file).parent.mkdir(parents=True)
        write_image(root / raw_file, frame)
        lines.append(tusimple.to_entry(scene, raw_file, TUSIMPLE_ROWS, 0.0))
    tusimple.write(root / "test_label.json", lines)
    return root
