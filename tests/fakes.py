"""Tiny data sets in the real on-disk formats."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

TUSIMPLE_ROWS = list(range(240, 720, 10))


def tusimple(root: Path, *, frames: int = 3, size: tuple[int, int] = (1280, 720)) -> Path:
    """Write a TuSimple folder of grey roads with white lanes and return its label file.

    Every frame has three straight lanes and, as part of the real labels, one lane that meets no row.
    """
    entries = []
    for index in range(frames):
        lanes = [straight_lane(bottom_x, index) for bottom_x in (200, 640, 1080)]
        raw_file = f"clips/0000/{index}/20.jpg"
        path = root / raw_file
        path.parent.mkdir(parents=True)
        cv2.imwrite(str(path), _painted(lanes, size))
        lanes.append([-2] * len(TUSIMPLE_ROWS))
        entries.append({"lanes": lanes, "h_samples": TUSIMPLE_ROWS, "raw_file": raw_file})
    label_file = root / "label_data.json"
    label_file.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    return label_file


def straight_lane(bottom_x: int, shift_px: int = 0) -> list[int]:
    """Return x at `TUSIMPLE_ROWS` of a line from the bottom to a vanishing point at (640, 260)."""
    share = [(row - 260) / 450 for row in TUSIMPLE_ROWS]
    return [round(640 + s * (bottom_x - 640)) + shift_px if s > 0 else -2 for s in share]


def _painted(lanes: list[list[int]], size: tuple[int, int]) -> NDArray[np.uint8]:
    picture = np.full((size[1], size[0], 3), 90, np.uint8)
    for lane in lanes:
        points = np.array([(x, y) for x, y in zip(lane, TUSIMPLE_ROWS, strict=True) if x >= 0], np.int32)
        cv2.polylines(picture, [points], isClosed=False, color=(255, 255, 255), thickness=8)
    return picture
