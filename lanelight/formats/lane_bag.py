"""What was found in a recording, as a bag of ROS 1 or ROS 2 to be played beside it; written by rosbags, without ROS.

- ``/lanes``, `std_msgs/String`: the lanes of each frame (`lane_message`).
- ``/lane_image/compressed``, `sensor_msgs/CompressedImage`: the frame with its lanes drawn in, a JPEG, a twentieth of
  the raw picture. The name is that of image_transport, so viewers find it as ``/lane_image``.

Both carry the header of the image that they answer, and stand in the bag at the time at which that was recorded.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import cv2
import numpy as np

from lanelight.errors import OutputError
from lanelight.formats.lane_message import SECOND_NS
from lanelight.formats.text import cannot_write
from lanelight.frames import Image, Stamp

LANES, OVERLAY = "/lanes", "/lane_image/compressed"
QUALITY = 90  # of the JPEG
METADATA: Literal[8] = 8  # form of metadata.yaml: the newest that ROS 2 Humble (supported until 2027) reads too


class LaneBag:
    """Write a bag message by message; it appears under its name when it is closed.

    Args:
        path: of a file ``NAME.bag`` for ROS 1, else of a folder for ROS 2, which holds an MCAP file and its
            ``metadata.yaml``; neither may exist.

    Raises:
        OutputError: rosbags is not installed, the place is taken or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        check_free(path)
        self.path = path
        self.messages = 0
        self._ros1 = path.suffix == ".bag"
        # A bag of ROS 2 names its file after its folder: the folder has its own name, in one that is temporary.
        self._part = path.with_name(f".{path.name}.{os.getpid()}.part")
        self._types = _types(self._ros1)
        self._writer: Any = None
        with self._told():
            self._part.mkdir(parents=True)
            self._writer = _writer(self._part / path.name, self._ros1)
            self._writer.open()
            self._lanes = self._connection(LANES, "std_msgs/msg/String")
            self._overlay = self._connection(OVERLAY, "sensor_msgs/msg/CompressedImage")

    def write(self, stamp: Stamp, text: str, overlay: Image) -> None:
        """Append what was found in one frame.

        Args:
            stamp: of the image's message.
            text: of `lane_message.write`.
            overlay: (H, W, 3) uint8 RGB with the lanes drawn in.

        Raises:
            OutputError: the disk is full.
        """
        quality = [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
        _, jpeg = cv2.imencode(".jpg", cv2.cvtColor(overlay, cv2.COLOR_RGB2BGR), quality)
        kinds = self._types.types
        sec, nanosec = divmod(stamp.time_ns, SECOND_NS)
        number = {"seq": self.messages} if self._ros1 else {}
        time = kinds["builtin_interfaces/msg/Time"](sec=sec, nanosec=nanosec)
        header = kinds["std_msgs/msg/Header"](stamp=time, frame_id=stamp.frame_id, **number)
        picture = kinds[self._overlay.msgtype](header=header, format="jpeg", data=np.asarray(jpeg).ravel())
        with self._told():
            self._put(self._lanes, stamp, kinds[self._lanes.msgtype](data=text))
            self._put(self._overlay, stamp, picture)
        self.messages += 1

    def close(self) -> None:
        """Finish the bag and give it its name; without any message nothing is left behind.

        Raises:
            OutputError: the place cannot be written.
        """
        if self._writer is None:
            return
        with self._told():
            writer, self._writer = self._writer, None
            writer.close()
            if self.messages:
                (self._part / self.path.name).replace(self.path)
            shutil.rmtree(self._part, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _connection(self, topic: str, kind: str) -> Any:
        return self._writer.add_connection(topic, kind, typestore=self._types)

    def _put(self, connection: Any, stamp: Stamp, message: Any) -> None:
        encode = self._types.serialize_ros1 if self._ros1 else self._types.serialize_cdr
        self._writer.write(connection, stamp.received_ns, encode(message, connection.msgtype))

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            writer, self._writer = self._writer, None
            if writer is not None:
                with suppress(Exception):  # the first error is the one to tell
                    writer.close()
            shutil.rmtree(self._part, ignore_errors=True)
            raise cannot_write(self.path, error) from error


def check_free(path: Path) -> None:
    """Check that rosbags is there, and no bag in the way.

    Raises:
        OutputError: it is not, or there is one: a recording is not written over.
    """
    _types(ros1=True)
    if path.exists():
        raise OutputError(f"{path}: a bag is there already; choose another --out")


@cache
def _types(ros1: bool) -> Any:
    try:
        from rosbags.typesys import Stores, get_typestore
    except ModuleNotFoundError as error:
        raise OutputError(f"--save bag needs {error.name}: pip install 'lanelight[ros]'") from error
    return get_typestore(Stores.ROS1_NOETIC if ros1 else Stores.ROS2_HUMBLE)


def _writer(path: Path, ros1: bool) -> Any:
    from rosbags import rosbag1, rosbag2

    if ros1:
        return rosbag1.Writer(path)
    return rosbag2.Writer(path, version=METADATA, storage_plugin=rosbag2.StoragePlugin.MCAP)
