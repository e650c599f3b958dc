"""CULane lane files (`*.lines.txt`): one lane a line, "x y x y ..." in px of the frame, from the bottom upwards."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lanelight.formats.text import read_bytes, replacing
from lanelight.geometry import FloatArray, Lane, Scene

SIZE = (1640, 590)
STEP_PX = 20
SPACE = b" \t\v\f\r"
BLANKS = frozenset(SPACE[i : i + 1] for i in range(len(SPACE)))
COLLECTED = re.compile(rb"[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d*)?|\.\d+(?:[eE][-+]?\d*)?|\.)?")
NUMBER = re.compile(rb"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


def lines_name(image: str) -> str:
    """Return the name of the lane file of a picture: `.lines.txt` in place of all from its last dot on."""
    return image[: image.rfind(".")] + ".lines.txt" if "." in image else image + ".lines.txt"


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


def label_text(scene: Scene) -> str:
    """Return the lanes as the text of a true lane file: every lane and point as it is, in the order given.

    A lane without points becomes a blank line, which the official scorer counts as a lane that nothing matches.
    Missing coordinates cannot be written; their points are left out.
    """
    finite = (lane.points[np.isfinite(lane.points).all(axis=1)] for lane in scene.lanes)
    return "".join(" ".join(f"{_exact(x)} {_exact(y)}" for x, y in points.tolist()) + "\n" for points in finite)


def write_labels(path: str | Path, scene: Scene) -> None:
    """Write a true lane file, see `label_text`; it appears whole or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    with replacing(path) as file:
        file.write(label_text(scene))


def read_lanes(path: str | Path, size: tuple[int, int] = SIZE) -> Scene:
    """Read a lane file as leniently as the official scorer; see `lane_points`. Nothing is clipped to the frame.

    Args:
        path: the file.
        size: (width, height) of its frame, px.

    Raises:
        FormatError: the file cannot be read.
    """
    return Scene(size, tuple(Lane(points) for points in lane_points(read_bytes(path))))


def lane_points(content: bytes) -> list[FloatArray]:
    """Return the points of each lane of a file, (P, 2) x and y in px, as the official scorer's reader finds them.

    Every line is a lane, a blank one an empty lane. Numbers are read as a C++ stream does, up to the first place that
    is no number ("nan" and "inf" are none); "1.5.5" is two. A last odd number is dropped.
    """
    lines = content.split(b"\n")
    if lines[-1] == b"":  # the final line end begins no further line
        lines.pop()
    lanes = []
    for line in lines:
        values = [value for value, _ in _leading_numbers(line)]
        lanes.append(np.array(values[: len(values) // 2 * 2], dtype=np.float64).reshape(-1, 2))
    return lanes


def oddities(content: bytes) -> list[tuple[int, str]]:
    """Return what in a lane file is scored in a way that its writer may not expect, as (line, what it is)."""
    found = []
    for number, (line, points) in enumerate(zip(content.split(b"\n"), lane_points(content), strict=False), start=1):
        read = list(_leading_numbers(line))
        rest = line[read[-1][1] if read else 0 :].strip(SPACE)
        if not line.strip(SPACE):
            found.append((number, "blank line; it counts as a lane that nothing matches"))
            continue
        if rest:
            word = rest.split()[0].decode(errors="replace")[:20]
            found.append((number, f"{word!r} is no number; the lane ends before it"))
        if len(read) % 2:
            found.append((number, f"odd count of {len(read)} numbers; the last one is dropped"))
        if len(points) < 2:
            points_read = "one point" if len(points) else "no point"
            found.append((number, f"{points_read}; it counts as a lane that nothing matches"))
            continue
        exact = points.astype(np.float32)
        repeated = np.flatnonzero((exact[1:] == exact[:-1]).all(axis=1))
        if len(repeated):
            x, y = points[repeated[0]]
            what = "the whole lane is lost but for its last point" if len(points) > 2 else "the lane is one dot"
            found.append((number, f"point {_number(x)} {_number(y)} is given twice in a row; {what}"))
        if np.abs(exact).max() >= 2.0**31:
            found.append((number, "coordinates of 2147483648 px and more; the official tool's whole numbers end there"))
    return found


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


def _exact(value: float) -> str:
    """Return the shortest decimal that reads back as the same number."""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)


def _leading_numbers(line: bytes) -> Iterator[tuple[float, int]]:
    """Yield the numbers at the start of a line and where each ends."""
    at = 0
    while True:
        while line[at : at + 1] in BLANKS:
            at += 1
        word = COLLECTED.match(line, at)
        if word is None or NUMBER.fullmatch(word[0]) is None:
            return
        value = float(word[0])
        if math.isinf(value):  # out of range ends the lane too
            return
        at = word.end()
        yield value, at
