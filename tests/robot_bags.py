"""Bags of ROS 1 and ROS 2 as a robot would record them, written by rosbags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rosbags import rosbag1, rosbag2
from rosbags.typesys import Stores, get_typestore

START_NS = 1_700_000_000_000_000_000
STEP_NS = 40_000_000
DELAY_NS = 7_000_000  # from the camera to the recorder
FORMS = ("ros1", "mcap", "sqlite3")

Pictures = Sequence[NDArray[np.uint8]]


@dataclass(frozen=True)
class Topic:
    """What is recorded of one topic.

    Attributes:
        pictures: (H, W, 3) uint8 RGB.
        encoding: of raw images, or "jpeg" or "png" for compressed ones.
        frame_id: of the camera.
        stamped: whether the headers tell the time.
        spoilt: number of a message -> the bytes that are recorded in its place.
    """

    pictures: Pictures
    encoding: str = "bgr8"
    frame_id: str = "front"
    stamped: bool = True
    spoilt: dict[int, bytes] = field(default_factory=dict)


def write(path: Path, form: str, topics: dict[str, Topic], *, texts: int = 0) -> Path:
    """Write a bag in one of `FORMS` and return its path; `texts` adds messages that are no images."""
    ros1 = form == "ros1"
    types = message_types(ros1)
    encode = types.serialize_ros1 if ros1 else types.serialize_cdr
    writer: Any = rosbag1.Writer(path) if ros1 else _writer2(path, form)
    with writer:
        for name, topic in topics.items():
            kind = "CompressedImage" if topic.encoding in ("jpeg", "png") else "Image"
            connection = writer.add_connection(name, f"sensor_msgs/msg/{kind}", typestore=types)
            for index, picture in enumerate(topic.pictures):
                message = _message(types.types, topic, picture, index, ros1=ros1)
                data = topic.spoilt.get(index) or bytes(encode(message, connection.msgtype))
                writer.write(connection, START_NS + index * STEP_NS + DELAY_NS, data)
        if texts:
            connection = writer.add_connection("/chatter", "std_msgs/msg/String", typestore=types)
            for index in range(texts):
                message = types.types["std_msgs/msg/String"](data=str(index))
                writer.write(connection, START_NS + index, encode(message, connection.msgtype))
    return path


def contents(path: Path) -> dict[str, list[tuple[int, Any]]]:
    """Return topic -> (time of recording, message) of a bag, read by rosbags alone."""
    ros1 = path.suffix == ".bag"
    types = message_types(ros1)
    decode = types.deserialize_ros1 if ros1 else types.deserialize_cdr
    found: dict[str, list[tuple[int, Any]]] = {}
    reader: Any = rosbag1.Reader(path) if ros1 else rosbag2.Reader(path)
    with reader:
        for connection, time_ns, data in reader.messages():
            found.setdefault(connection.topic, []).append((time_ns, decode(data, connection.msgtype)))
    return found


@cache
def message_types(ros1: bool) -> Any:
    """Return rosbags' types of messages."""
    return get_typestore(Stores.ROS1_NOETIC if ros1 else Stores.ROS2_HUMBLE)


def _writer2(path: Path, form: str) -> rosbag2.Writer:
    plugin = rosbag2.StoragePlugin.MCAP if form == "mcap" else rosbag2.StoragePlugin.SQLITE3
    return rosbag2.Writer(path, version=9, storage_plugin=plugin)


def _message(kinds: Any, topic: Topic, picture: NDArray[np.uint8], index: int, *, ros1: bool) -> Any:
    sec, nanosec = divmod(START_NS + index * STEP_NS if topic.stamped else 0, 10**9)
    time = kinds["builtin_interfaces/msg/Time"](sec=sec, nanosec=nanosec)
    number = {"seq": index} if ros1 else {}
    header = kinds["std_msgs/msg/Header"](stamp=time, frame_id=topic.frame_id, **number)
    bgr = np.ascontiguousarray(picture[..., ::-1])
    if topic.encoding in ("jpeg", "png"):
        data = cv2.imencode(f".{topic.encoding}", bgr)[1].ravel()
        return kinds["sensor_msgs/msg/CompressedImage"](header=header, format=topic.encoding, data=data)
    height, width = picture.shape[:2]
    return kinds["sensor_msgs/msg/Image"](
        header=header,
        height=height,
        width=width,
        encoding=topic.encoding,
        is_bigendian=0,
        step=3 * width,
        data=(picture if topic.encoding == "rgb8" else bgr).ravel(),
    )
