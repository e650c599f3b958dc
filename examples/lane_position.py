"""Where in its lane does the car drive? python examples/lane_position.py VIDEO."""

from __future__ import annotations

import sys

import lanelight
from lanelight.errors import LanelightError


def position(scene: lanelight.Scene) -> float | None:
    """Return 0 on the left line, 0.5 in the middle, 1 on the right line; None where a line is missing."""
    width, height = scene.size
    left, right = scene.in_slot(1), scene.in_slot(2)
    if left is None or right is None:
        return None
    row = 0.85 * height  # above the bonnet
    x_left, x_right = float(left.x_at(row)[0]), float(right.x_at(row)[0])
    share = (width / 2 - x_left) / (x_right - x_left)
    return share if 0 <= share <= 1 else None  # NaN, where a line does not reach that row, fails this too


if __name__ == "__main__":
    try:
        for result in lanelight.load("default").stream(sys.argv[1]):
            share = position(result.scene)
            print(f"{result.time_s or 0:7.2f} s  {'no ego lane' if share is None else f'{share:.2f}'}")
    except (IndexError, LanelightError) as error:
        sys.exit(f"error: {error}; usage: python examples/lane_position.py VIDEO")
