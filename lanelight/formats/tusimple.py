"""TuSimple label, task and prediction files: one JSON object a line with `raw_file`, `lanes`, `h_samples`, `run_time`.

A lane is a list of x, one for each row of `h_samples`; a negative x (-2) means that the lane does not meet the row.
Label files may hold lanes that meet no row; the benchmark counts them, so they are kept as lanes without points.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lanelight.errors import FormatError
from lanelight.formats.text import json_lines, replacing
from lanelight.geometry import FloatArray, Lane, Scene

SIZE = (1280, 720)
ROWS: FloatArray = np.arange(160.0, 720.0, 10.0)
ROWS.setflags(write=False)
ABSENT = -2


@dataclass(frozen=True, eq=False)
class Entry:
    """One line of a file.

    Attributes:
        raw_file: path of the frame relative to the data set's root.
        lanes: x in px of each lane at each row, (R,) float64, NaN where it is absent.
        rows: (R,) y in px; None in prediction files, whose rows are those of the label file.
        run_time_ms: time the detector took, where the file says so.
    """

    raw_file: str
    lanes: tuple[FloatArray, ...]
    rows: FloatArray | None = None
    run_time_ms: float | None = None


def read(path: str | Path, *, rows_required: bool = False) -> list[Entry]:
    """Read a label, task or prediction file.

    Args:
        path: the file.
        rows_required: whether every line must have `h_samples`, as in label and task files.

    Raises:
        FormatError: the file is missing or empty, or a line is damaged; the message names the line.
    """
    entries = [_entry(where, line, rows_required) for where, line in json_lines(path)]
    if not entries:
        raise FormatError(f"{path}: expected one JSON object a line, found an empty file")
    return entries


def write(path: str | Path, entries: Iterable[Mapping[str, Any]]) -> None:
    """Write what `to_entry` made, one line each; the file appears whole or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    with replacing(path) as file:
        file.writelines(json.dumps(entry) + "\n" for entry in entries)


def to_scene(entry: Entry, size: tuple[int, int] = SIZE) -> Scene:
    """Return the lanes of a line of a label file, points from the vehicle outwards.

    Args:
        entry: a line with rows.
        size: (width, height) of the frame, px.

    Raises:
        FormatError: the line has no rows.
    """
    rows = entry.rows
    if rows is None:
        raise FormatError(f"{entry.raw_file}: expected h_samples, found none; take them from the label file")
    outwards = np.argsort(-rows, kind="stable")
    lanes = (np.stack([x, rows], axis=1)[outwards] for x in entry.lanes)
    return Scene(size, tuple(Lane(points[~np.isnan(points[:, 0])]) for points in lanes))


def to_entry(scene: Scene, raw_file: str, h_samples: ArrayLike, run_time_ms: float) -> dict[str, Any]:
    """Return one line of a prediction file.

    Lanes that meet no row are left out: the benchmark would count each as a false one.

    Args:
        scene: the lanes.
        raw_file: path of the frame as the label file has it.
        h_samples: (R,) y in px.
        run_time_ms: time the detector took; over 200 ms the benchmark rejects the frame.
    """
    rows = np.asarray(h_samples)
    x = at_rows(scene.lanes, rows, scene.size[0])
    seen = x[~np.isnan(x).all(axis=1)]
    written = np.where(np.isnan(seen), ABSENT, seen).tolist()
    return {
        "raw_file": raw_file,
        "lanes": [[_short(value) for value in lane] for lane in written],
        "h_samples": [_short(y) for y in rows.tolist()],
        "run_time": run_time_ms,
    }


def at_rows(lanes: Sequence[Lane], rows: ArrayLike, width: int) -> FloatArray:
    """Return x of lanes at the rows of the benchmark, NaN where a lane does not meet the row inside the frame.

    The benchmark's own labels are whole pixels, but its scorer takes any number: x is kept to a tenth of a pixel.

    Args:
        lanes: N lanes.
        rows: (R,) y in px.
        width: width of the frame, px.

    Returns:
        (N, R) float64 px, in 0 .. width - 1.
    """
    rows = np.asarray(rows, dtype=np.float64)
    x = np.array([lane.x_at(rows) for lane in lanes]).reshape(len(lanes), len(rows))
    with np.errstate(invalid="ignore"):
        inside = (x >= -0.5) & (x <= width - 0.5)
    return np.where(inside, np.clip(np.round(x, 1), 0.0, width - 1.0), np.nan)


def _entry(where: str, line: Mapping[str, Any], rows_required: bool) -> Entry:
    try:
        raw_file, given = str(line["raw_file"]), line.get("h_samples")
        lanes = [np.array(lane, dtype=np.float64) for lane in line.get("lanes", ())]
        rows = None if given is None else np.array(given, dtype=np.float64)
        run_time = None if line.get("run_time") is None else float(line["run_time"])
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(
            f"{where}: expected raw_file, lanes as lists of x and h_samples as a list of y ({error!r})"
        ) from error
    if rows_required and rows is None:
        raise FormatError(f"{where}: expected h_samples, found {', '.join(line)}; give a label or task file")
    if rows is not None and (rows.ndim != 1 or len(rows) == 0):
        raise FormatError(f"{where}: expected h_samples as a list of y, at least one, found {given}")
    for lane in lanes:
        if lane.ndim != 1 or (rows is not None and lane.shape != rows.shape):
            wanted = "a flat list" if rows is None else f"{len(rows)} values, one for each of h_samples"
            raise FormatError(f"{where}: expected {wanted} in every lane, found shape {lane.shape}")
    absent = tuple(np.where(lane >= 0, lane, np.nan) for lane in lanes)
    return Entry(raw_file, absent, rows, run_time)


def _short(value: float) -> int | float:
    return int(value) if value == int(value) else value
