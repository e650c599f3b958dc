"""TuSimple label, task and prediction files: one JSON object a line with `raw_file`, `lanes`, `h_samples`, `run_time`.

A lane is a list of x, one for each row of `h_samples`; a negative x (-2) means that the lane does not meet the row.
Label files may hold lanes that meet no row; the benchmark counts them, so they are kept as lanes without points.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
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
TASK_KEYS = ("raw_file", "h_samples")
LABEL_KEYS = ("raw_file", "lanes", "h_samples")
PREDICTION_KEYS = ("raw_file", "lanes", "run_time")
DAMAGED = (TypeError, ValueError, OverflowError)  # what values of wrong kinds, or beyond any float, may raise


@dataclass(frozen=True, eq=False)
class Entry:
    """One line of a file.

    Attributes:
        raw_file: path of the frame relative to the data set's root.
        lanes: x in px of each lane at each row, (R,) float64, NaN where it is absent.
        rows: (R,) y in px; None in prediction files, whose rows are those of the label file.
        run_time_ms: time the detector took, where the file says so.
        where: file and line it was read from; empty where it comes from elsewhere.
    """

    raw_file: str
    lanes: tuple[FloatArray, ...]
    rows: FloatArray | None = None
    run_time_ms: float | None = None
    where: str = ""


def read(path: str | Path, *, rows_required: bool = False) -> list[Entry]:
    """Read a label, task or prediction file; blank lines are skipped.

    Args:
        path: the file.
        rows_required: whether every line must have `h_samples`, as in label and task files.

    Raises:
        FormatError: the file is missing or empty, or a line is damaged; the message names the line.
    """
    return _read(path, TASK_KEYS if rows_required else ("raw_file",))


def read_labels(path: str | Path) -> list[Entry]:
    """Read a file of true lanes: every line has ``raw_file``, ``lanes`` and ``h_samples``.

    Raises:
        FormatError: as `read`.
    """
    return _read(path, LABEL_KEYS)


def read_predictions(path: str | Path) -> list[Entry]:
    """Read a file of predicted lanes: every line has ``raw_file``, ``lanes`` and ``run_time``, as the benchmark asks.

    Raises:
        FormatError: as `read`.
    """
    return _read(path, PREDICTION_KEYS)


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


def _read(path: str | Path, required: tuple[str, ...]) -> list[Entry]:
    known: dict[tuple[float, ...], FloatArray] = {}  # most frames have the same rows: one array serves them all
    entries = [_entry(where, line, required, known) for where, line in json_lines(path)]
    if not entries:
        raise FormatError(f"{path}: expected one JSON object a line, found an empty file")
    return entries


def _entry(
    where: str, line: Mapping[str, Any], required: tuple[str, ...], known: dict[tuple[float, ...], FloatArray]
) -> Entry:
    for key in required:
        if key not in line:
            raise FormatError(f"{where}: expected {', '.join(required)}, {_without(key, line)}")
    try:
        run_time = None if line.get("run_time") is None else float(line["run_time"])
    except DAMAGED as error:
        raise FormatError(f"{where}: expected run_time in ms, found {str(line['run_time'])[:40]!r}") from error
    rows = _rows(where, line["h_samples"], known) if line.get("h_samples") is not None else None
    if rows is None and "h_samples" in required:
        raise FormatError(f"{where}: expected h_samples as a list of y, found null")
    return Entry(str(line["raw_file"]), _lanes(where, line.get("lanes", []), rows), rows, run_time, where)


def _without(key: str, line: Mapping[str, Any]) -> str:
    advice = {
        "h_samples": "give a label or task file",
        "run_time": "give the time the detector took in ms",
    }
    found = ", ".join(line) or "an empty object"
    return f"found {found}; {key} is missing: {advice.get(key, 'one line stands for one frame')}"


def _rows(where: str, given: Any, known: dict[tuple[float, ...], FloatArray]) -> FloatArray:
    try:
        key = tuple(given)
        rows = known.get(key)
        if rows is None:
            rows = known[key] = _numbers(given)
            rows.setflags(write=False)
    except DAMAGED as error:
        raise FormatError(f"{where}: expected h_samples as a list of y, found {str(given)[:40]!r}") from error
    if rows.ndim != 1 or len(rows) == 0:
        raise FormatError(f"{where}: expected h_samples as a list of y, at least one, found {str(given)[:40]!r}")
    return rows


def _lanes(where: str, given: Any, rows: FloatArray | None) -> tuple[FloatArray, ...]:
    """Return the lanes as rows of one array."""
    if not isinstance(given, list):
        raise FormatError(f"{where}: expected lanes as lists of x, found {str(given)[:40]!r}")
    if not given:
        return ()
    if not all(isinstance(lane, list) for lane in given):
        raise FormatError(f"{where}: expected lanes as lists of x, found {str(given)[:40]!r}")
    wanted = len(given[0]) if rows is None else len(rows)
    for number, lane in enumerate(given, start=1):
        if len(lane) != wanted:
            source = "as lane 1 has" if rows is None else "one x for each of h_samples"
            raise FormatError(
                f"{where}: expected {wanted} values in every lane, {source}; lane {number} has {len(lane)}"
            )
    try:
        x = _numbers(given)
    except DAMAGED as error:
        raise FormatError(f"{where}: expected lanes as lists of x, negative where absent ({error})") from error
    if x.ndim != 2:
        raise FormatError(f"{where}: expected lanes as lists of x, found lists within lists of shape {x.shape}")
    x[x < 0] = np.nan
    return tuple(x)


def _numbers(given: list[Any]) -> FloatArray:
    """Return finite numbers; NumPy itself would read a null as NaN."""
    numbers = np.array(given, dtype=np.float64)
    if not isfinite(numbers.sum()):
        raise ValueError("null, NaN or Infinity is no number here")
    return numbers


def _short(value: float) -> int | float:
    return int(value) if value == int(value) else value
