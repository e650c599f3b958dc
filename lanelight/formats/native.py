"""`lanes.jsonl`, lanelight's own record of the lanes of a video or of pictures: a header line, then one line a frame.

The lanes come back exactly as they were written. A class map is a PNG of its own beside the file: the line of a frame
names it under ``classes``, the header names the classes under ``class_names``. Both keys are only written where there
is something to say; readers that do not know them pass over them.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import numpy as np

from lanelight.errors import FormatError, LanelightError, OutputError
from lanelight.formats.text import cannot_write, json_lines, part_name
from lanelight.geometry import FloatArray, Lane, Scene

FORMAT = "lanelight/1"
DAMAGED = (KeyError, TypeError, ValueError, AttributeError, OverflowError)  # what values of wrong kinds may raise


@dataclass(frozen=True)
class LogHeader:
    """What the first line says about all frames.

    Attributes:
        source: file, folder or stream the frames came from.
        model: name of the network.
        size: (width, height) of the frames in px; a frame of another size says so in its own line.
        fps: frames per second, None for pictures.
        class_names: what the ids 0, 1, ... of the class maps mean; empty where there are none.
    """

    source: str
    model: str
    size: tuple[int, int]
    fps: float | None
    class_names: tuple[str, ...] = ()


class LogRecord(NamedTuple):
    """One frame of a log.

    Attributes:
        frame: index from 0.
        time_s: time in the video, None for pictures.
        scene: its lanes.
        name: file name of a picture, None in videos.
        classes: name of the file of its class map, None where there is none; the scene has no class map yet.
    """

    frame: int
    time_s: float | None
    scene: Scene
    name: str | None = None
    classes: str | None = None


class LaneLog:
    """Write `lanes.jsonl` frame by frame.

    Every line is complete on the disk before the next begins. The file carries a temporary name until `close`,
    which leaving the ``with`` block calls, after an interruption too: the frames written so far are kept. Only a block
    that fails before its first frame leaves nothing.

    Args:
        path: the file to write; its folder must exist.
        source: file, folder or stream the frames come from.
        model: name of the network.
        size: (width, height) of the frames, px.
        fps: frames per second, None for pictures.
        class_names: what the ids of the class maps mean.

    Raises:
        OutputError: the file cannot be written.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        source: str,
        model: str,
        size: tuple[int, int],
        fps: float | None = None,
        class_names: Sequence[str] = (),
    ) -> None:
        self.path = Path(path)
        self.frames = 0
        self._size = (int(size[0]), int(size[1]))
        self._part = part_name(self.path)
        try:
            self._file = self._part.open("w", encoding="utf-8", newline="\n")
        except OSError as error:
            raise cannot_write(self.path, error) from error
        header = {"format": FORMAT, "source": source, "model": model, "size": list(self._size), "fps": fps}
        self._line(header | ({"class_names": list(class_names)} if class_names else {}))

    def write(
        self,
        frame_index: int,
        time_s: float | None,
        scene: Scene,
        *,
        name: str | None = None,
        classes: str | None = None,
    ) -> None:
        """Append the lanes of one frame.

        Args:
            frame_index: index from 0.
            time_s: time in the video, None for pictures.
            scene: its lanes, in px of the source frame.
            name: file name of a picture, so that its line can be found again.
            classes: name of the file of its class map, with forward slashes, relative to the folder of this file.

        Raises:
            OutputError: a coordinate is infinite, or the disk is full.
        """
        entry: dict[str, Any] = {"frame": frame_index, "time_s": time_s}
        if name is not None:
            entry["name"] = name
        if classes is not None:
            entry["classes"] = classes
        if scene.size != self._size:
            entry["size"] = list(scene.size)
        self._line(entry | {"lanes": lane_entries(scene)})
        self.frames += 1

    def close(self) -> None:
        """Give the file its name; calling it again does nothing.

        Raises:
            OutputError: the file cannot be written.
        """
        if self._file.closed:
            return
        try:
            self._file.close()
            self._part.replace(self.path)
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def discard(self) -> None:
        """Remove what was written."""
        self._file.close()
        self._part.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is not None and self.frames == 0:
            self.discard()
        else:
            self.close()

    def _line(self, entry: Mapping[str, Any]) -> None:
        try:
            text = json.dumps(entry, allow_nan=False)
        except ValueError as error:
            raise OutputError(f"{self.path}: expected finite numbers, got {error}; see what made them") from error
        try:
            self._file.write(text + "\n")
            self._file.flush()
        except OSError as error:
            raise cannot_write(self.path, error) from error


def read(path: str | Path) -> tuple[LogHeader, list[LogRecord]]:
    """Read what `LaneLog` wrote.

    Raises:
        FormatError: the file is missing, of a newer version, or a line is damaged; the message names the line.
    """
    lines = json_lines(path)
    where, first = next(lines, (str(path), {}))
    header = _read_header(where, first)
    return header, [record_of(where, entry, header.size) for where, entry in lines]


def lane_entries(scene: Scene) -> list[dict[str, Any]]:
    """Return the lanes of a frame as plain values, the ``lanes`` of its line."""
    return [_lane_entry(lane) for lane in scene.lanes]


def record_of(where: str, entry: Mapping[str, Any], size: tuple[int, int]) -> LogRecord:
    """Return the frame that a line tells.

    Args:
        where: file and line, for messages.
        entry: the line's JSON object.
        size: (width, height) px of a frame whose line does not name one.

    Raises:
        FormatError: something is missing or of a wrong kind.
    """
    try:
        width, height = entry.get("size", size)
        scene = Scene((width, height), tuple(_read_lane(lane) for lane in entry["lanes"]))
        time_s = None if entry["time_s"] is None else float(entry["time_s"])
        return LogRecord(int(entry["frame"]), time_s, scene, _text(entry.get("name")), _text(entry.get("classes")))
    except (*DAMAGED, LanelightError) as error:
        raise FormatError(f"{where}: expected frame, time_s and lanes with points [[x, y], ...] ({error!r})") from error


def _lane_entry(lane: Lane) -> dict[str, Any]:
    points: list[list[float | None]] = lane.points.tolist()
    if np.isnan(lane.points).any():
        points = [[None if x is not None and math.isnan(x) else x for x in point] for point in points]
    entry = {"points": points, "score": float(lane.score), "slot": lane.slot, "track": lane.track}
    return entry | ({"attributes": dict(lane.attributes)} if lane.attributes else {})


def _read_header(where: str, entry: Mapping[str, Any]) -> LogHeader:
    version = re.fullmatch(r"lanelight/(\d+)", str(entry.get("format")))
    if version is None:
        raise FormatError(f'{where}: expected a first line with "format": "{FORMAT}"; this is no lanes.jsonl')
    if entry["format"] != FORMAT:
        raise FormatError(
            f"{where}: the file has format lanelight/{version[1]}, this lanelight reads {FORMAT}; upgrade lanelight"
        )
    try:
        width, height = entry["size"]
        fps = entry["fps"]
        class_names = tuple(str(name) for name in entry.get("class_names", ()))
        size, rate = (int(width), int(height)), None if fps is None else float(fps)
        return LogHeader(str(entry["source"]), str(entry["model"]), size, rate, class_names)
    except DAMAGED as error:
        raise FormatError(f"{where}: expected source, model, size [w, h] and fps ({error!r})") from error


def _read_lane(entry: Mapping[str, Any]) -> Lane:
    points: FloatArray = np.array(entry["points"], dtype=np.float64)  # null becomes NaN
    if np.isinf(points).any():
        raise ValueError("a coordinate is infinite")
    attributes = {key: str(value) for key, value in dict(entry.get("attributes", {})).items()}
    return Lane(
        points, float(entry.get("score", 1.0)), _whole(entry.get("slot")), _whole(entry.get("track")), attributes
    )


def _whole(value: Any) -> int | None:
    """Return a whole number as it is; `int` would also take 1.5 and "1"."""
    if value is not None and type(value) is not int:
        raise TypeError(f"expected a whole number or null, found {value!r}")
    return value


def _text(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise TypeError(f"expected the name of a file, found {value!r}")
    return value
