"""The lanes of one frame as the text of a `std_msgs/String` message of ROS.

One JSON object: the line that the frame has in `lanes.jsonl`, with its size and its message header.

    {"format": "lanelight/1", "model": "enet_sad_road", "header": {"stamp": {"sec": 12, "nanosec": 5}, "frame_id":
     "camera"}, "frame": 3, "time_s": 0.12, "size": [1280, 720], "lanes": [{"points": [[x, y], ...], "score": ...}]}

The geometry messages of ROS (`Polygon`, `PointCloud`, `Marker`) hold metres in a coordinate frame (REP 103). These
lanes are px of an image; as such a message, every viewer would draw them a kilometre wide. `String` is part of
every ROS 1 and ROS 2, has not changed between them, and keeps score, slot and track.
"""

from __future__ import annotations

import json
from typing import NamedTuple

from lanelight.errors import FormatError, OutputError
from lanelight.formats import native
from lanelight.formats.text import NOT_JSON
from lanelight.geometry import Scene

SECOND_NS = 1_000_000_000


class MessageHeader(NamedTuple):
    """The header of the image that the lanes were found in.

    Attributes:
        time_ns: when the image was taken, ns.
        frame_id: the camera's coordinate frame.
    """

    time_ns: int
    frame_id: str


def write(scene: Scene, header: MessageHeader, *, index: int, time_s: float | None, model: str) -> str:
    """Return the text for the lanes of one frame.

    Args:
        scene: the lanes, px of the image.
        header: of the image's message.
        index: number of the frame, from 0.
        time_s: seconds from the first frame, None for pictures.
        model: name of the network.

    Raises:
        OutputError: a coordinate is infinite.
    """
    sec, nanosec = divmod(header.time_ns, SECOND_NS)
    entry = {
        "format": native.FORMAT,
        "model": model,
        "header": {"stamp": {"sec": sec, "nanosec": nanosec}, "frame_id": header.frame_id},
        "frame": index,
        "time_s": time_s,
        "size": list(scene.size),
        "lanes": native.lane_entries(scene),
    }
    try:
        return json.dumps(entry, allow_nan=False)
    except ValueError as error:
        raise OutputError(f"frame {index}: expected finite numbers, got {error}; see what made them") from error


def read(text: str) -> tuple[MessageHeader, native.LogRecord]:
    """Read what `write` wrote.

    Raises:
        FormatError: the text is no message of lanes, or of a newer version.
    """
    where = "lanes message"
    try:
        entry = json.loads(text)
        if entry["format"] != native.FORMAT:
            raise FormatError(f"{where}: expected format {native.FORMAT}, got {entry['format']}; upgrade lanelight")
        stamp = entry["header"]["stamp"]
        header = MessageHeader(stamp["sec"] * SECOND_NS + stamp["nanosec"], str(entry["header"]["frame_id"]))
        return header, native.record_of(where, entry, entry["size"])
    except (*NOT_JSON, *native.DAMAGED) as error:
        raise FormatError(f"{where}: expected one JSON object with format, header and lanes ({error!r})") from error
