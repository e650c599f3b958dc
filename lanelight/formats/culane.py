"""CULane lane files (`*.lines.txt`): one lane a line, "x y x y ..." in px of the frame, from the bottom upwards."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np

from lanelight.formats.text import read_text, replacing
from lanelight.geometry import FloatArray, Lane, Scene

SIZE = (1640, 590)
STEP_PX = 20
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


def lines_name(image: str) -> str:
    """Return the name of the lane file of a picture: `.lines.txt` in place of its extension."""
    return str(PurePosixPath(image).with_suffix(".lines.txt"))


def rows(height: int) -> FloatArray:
    """Return the rows written for a frame: 589, 569, ... 9 in the benchmark's 590 px, scaled for other heights.

    Pixel centres lie at whole numbers, so a row y becomes ``(y + 0.5) * height / 590 - 0.5``.

    Args:
        height: height of the frame, px.

    Returns:
        (30,) float64, px from the top, bottom row first.
    """
    benchmark = np.arange(SIZE[1] - 1, -1, -STEP_PX, dtype=np.float64)
    return np.asarray((benchmark + 0.5) * (height / SIZE[1]) - 0.5, dtype=np.float64)


def lines_text(scene: Scene) -> str:
    """Return the lanes as the text of a lane file.

    A lane is written at `rows`, where it is inside the frame; lanes that meet fewer than two of them are left out,
    since the official scorer counts them as false ones whatever they show.
    """
    width, height = scene.size
    y = rows(height)
    lines = (_line(lane.x_at(y), y, width) for lane in scene.lanes)
    return "".join(f"{line}\n" for line in lines if line)


def write_lanes(path: str | Path, scene: Scene) -> None:
    """Write a lane file; it appears whole or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    with replacing(path) as file:
        file.write(lines_text(scene))


def read_lanes(path: str | Path, size: tuple[int, int] = SIZE) -> Scene:
    """Read a lane file as leniently as the official scorer.

    Every line is a lane, a blank one an empty lane; pairs are read up to the first that is no number, and a last odd
    number is dropped. Nothing is clipped to the frame.

    Args:
        path: the file.
        size: (width, height) of its frame, px.

    Raises:
        FormatError: the file is missing or not text.
    """
    lines = read_text(path).split("\n")
    if lines[-1] == "":
        lines.pop()
    return Scene(size, tuple(Lane(_points(line)) for line in lines))


def _line(x: FloatArray, y: FloatArray, width: int) -> str:
    with np.errstate(invalid="ignore"):
        inside = (x >= -0.5) & (x <= width - 0.5)
    if inside.sum() < 2:
        return ""
    x_px, y_px = np.clip(x[inside], 0.0, width - 1.0), np.maximum(y[inside], 0.0)
    return " ".join(f"{_number(a)} {_number(b)}" for a, b in zip(x_px, y_px, strict=True))


def _number(value: float) -> str:
    """Return a coordinate to a thousandth of a pixel without trailing zeros."""
    return f"{value + 0.0:.3f}".rstrip("0").rstrip(".")  # + 0.0: no "-0"


def _points(line: str) -> FloatArray:
    values = list(_leading_numbers(line))
    return np.array(values[: len(values) // 2 * 2], dtype=np.float64).reshape(-1, 2)


def _leading_numbers(line: str) -> Iterator[float]:
    for word in line.split():
        if NUMBER.fullmatch(word) is None:  # "nan" and "inf" are no numbers to the official reader either
            return
        yield float(word)
