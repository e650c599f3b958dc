"""Images as ROS carries them, `sensor_msgs/Image` and `sensor_msgs/CompressedImage`, as RGB arrays.

Written against the fields alone, which are the same in rospy, rclpy and rosbags: no package of ROS is imported.
cv_bridge is not used: it is compiled for one version of NumPy, and these are a few lines.
"""

from __future__ import annotations

from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from lanelight.errors import SourceError, unknown_name
from lanelight.frames.image import Image, decode_image

RAW, COMPRESSED = "Image", "CompressedImage"

# encoding -> bytes a pixel, and OpenCV's code for RGB; names: sensor_msgs/image_encodings.h. OpenCV names a Bayer
# pattern by the second row's second and third pixel, ROS by the first row's first two.
ENCODINGS: dict[str, tuple[int, int | None]] = {
    "rgb8": (3, None),
    "bgr8": (3, cv2.COLOR_BGR2RGB),
    "rgba8": (4, cv2.COLOR_RGBA2RGB),
    "bgra8": (4, cv2.COLOR_BGRA2RGB),
    "mono8": (1, cv2.COLOR_GRAY2RGB),
    "8UC1": (1, cv2.COLOR_GRAY2RGB),
    "8UC3": (3, cv2.COLOR_BGR2RGB),  # without a meaning of its own; cv_bridge takes OpenCV's order
    "yuv422": (2, cv2.COLOR_YUV2RGB_UYVY),
    "uyvy": (2, cv2.COLOR_YUV2RGB_UYVY),
    "yuv422_yuy2": (2, cv2.COLOR_YUV2RGB_YUY2),
    "yuyv": (2, cv2.COLOR_YUV2RGB_YUY2),
    "bayer_rggb8": (1, cv2.COLOR_BayerBG2RGB),
    "bayer_bggr8": (1, cv2.COLOR_BayerRG2RGB),
    "bayer_gbrg8": (1, cv2.COLOR_BayerGR2RGB),
    "bayer_grbg8": (1, cv2.COLOR_BayerGB2RGB),
}
SUBSAMPLED = frozenset({"yuv422", "uyvy", "yuv422_yuy2", "yuyv"})  # two pixels share their colour


class RawImage(Protocol):
    """The fields of `sensor_msgs/Image` that make the picture."""

    height: int
    width: int
    encoding: str
    step: int

    @property
    def data(self) -> bytes | NDArray[np.uint8]:
        """The rows, `step` bytes each."""
        ...


class CompressedImage(Protocol):
    """The fields of `sensor_msgs/CompressedImage` that make the picture."""

    format: str

    @property
    def data(self) -> bytes | NDArray[np.uint8]:
        """The content of a picture file."""
        ...


def read_raw(message: RawImage, name: str) -> Image:
    """Return the picture of a `sensor_msgs/Image`.

    Args:
        message: of any ROS library.
        name: of the message, for errors: its topic and number.

    Returns:
        (H, W, 3) uint8 RGB, an array of its own.

    Raises:
        SourceError: an encoding that is no picture of 8 bits, or data that do not fill it.
    """
    if message.encoding not in ENCODINGS:
        raise SourceError(f"{name}: {unknown_name('encoding', message.encoding, ENCODINGS)}")
    size, code = ENCODINGS[message.encoding]
    height, width, step = int(message.height), int(message.width), int(message.step)
    data = np.frombuffer(message.data, np.uint8)
    if min(height, width) < 1 or step < width * size or data.size < height * step:
        raise SourceError(
            f"{name}: expected {height} rows of {width} pixels of {size} bytes ({message.encoding}), got "
            f"{data.size} bytes in rows of {step}; the message is damaged"
        )
    if message.encoding in SUBSAMPLED and width % 2:
        raise SourceError(f"{name}: expected an even width, got {width}; pixels of {message.encoding} come in pairs")
    rows = data[: height * step].reshape(height, step)[:, : width * size].reshape(height, width, size)
    if code is None:
        return rows.copy()
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(rows), code), dtype=np.uint8)


def read_compressed(message: CompressedImage, name: str) -> Image:
    """Return the picture of a `sensor_msgs/CompressedImage`: JPEG, PNG or what else OpenCV reads.

    Args:
        message: of any ROS library.
        name: of the message, for errors: its topic and number.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        SourceError: the picture is damaged, or a depth map.
    """
    if "compressedDepth" in message.format:
        raise SourceError(f"{name}: expected a picture, got a depth map ({message.format}); choose another --topic")
    return decode_image(bytes(message.data), name)
