"""Every encoding of a ROS image gives the same RGB picture."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from lanelight.errors import SourceError
from lanelight.frames.ros_image import ENCODINGS, read_compressed, read_raw

COLOR = (200, 120, 40)


@dataclass
class Raw:
    height: int
    width: int
    encoding: str
    step: int
    data: bytes


@dataclass
class Compressed:
    format: str
    data: bytes


def plain(size: tuple[int, int] = (8, 6)) -> NDArray[np.uint8]:
    return np.full((size[1], size[0], 3), COLOR, np.uint8)


def pixels(encoding: str) -> NDArray[np.uint8]:
    """Return rows of bytes of a picture of one colour, written by the encoding's definition."""
    height, width = plain().shape[:2]
    red, green, blue = COLOR
    y, u, v = (int(value) for value in cv2.cvtColor(plain(), cv2.COLOR_RGB2YUV)[0, 0])
    luma, cb, cr = (
        16 + y * 219 / 255,
        128 + (u - 128) * 224 / 255 * 0.564 / 0.492,
        128 + (v - 128) * 224 / 255 * 0.713 / 0.877,
    )
    rows: dict[str, list[list[float]]] = {
        "rgb8": [[red, green, blue]] * width,
        "bgr8": [[blue, green, red]] * width,
        "8UC3": [[blue, green, red]] * width,
        "rgba8": [[red, green, blue, 255]] * width,
        "bgra8": [[blue, green, red, 255]] * width,
        "mono8": [[99]] * width,
        "8UC1": [[99]] * width,
        "yuv422": [[cb, luma], [cr, luma]] * (width // 2),
        "uyvy": [[cb, luma], [cr, luma]] * (width // 2),
        "yuv422_yuy2": [[luma, cb], [luma, cr]] * (width // 2),
        "yuyv": [[luma, cb], [luma, cr]] * (width // 2),
    }
    if encoding.startswith("bayer"):
        letters = dict(zip("rgb", COLOR, strict=True))
        tile = np.array([letters[letter] for letter in encoding[6:10]], np.uint8).reshape(2, 2)
        return np.tile(tile, (height // 2, width // 2))
    row = np.array(rows[encoding]).ravel()
    return np.tile(np.round(row).astype(np.uint8), (height, 1))


def message(encoding: str, *, padding: int = 0) -> Raw:
    rows = pixels(encoding)
    padded = np.pad(rows, ((0, 0), (0, padding)), constant_values=7)
    return Raw(plain().shape[0], plain().shape[1], encoding, padded.shape[1], padded.tobytes())


@pytest.mark.parametrize("padding", [0, 5])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_encoding_gives_the_picture_with_or_without_padding(encoding: str, padding: int) -> None:
    image = read_raw(message(encoding, padding=padding), "/camera")
    wanted = (99, 99, 99) if encoding in ("mono8", "8UC1") else COLOR
    assert image.shape == plain().shape
    assert image.dtype == np.uint8
    close = 3 if encoding.startswith(("yuv", "uyvy", "yuyv")) else 0
    assert np.abs(image.astype(int) - wanted).max() <= close


def test_pixels_keep_their_places_and_the_picture_is_no_view_of_the_message() -> None:
    picture = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    image = read_raw(Raw(4, 6, "rgb8", 18, picture.tobytes()), "/camera")
    np.testing.assert_array_equal(image, picture)
    image[0] = 0  # bytes of a message cannot be written


def test_an_encoding_that_is_no_picture_is_told_by_name_with_the_known_ones() -> None:
    with pytest.raises(SourceError, match=r"/depth: unknown encoding '16UC1': .*known: 8UC1, .*rgb8"):
        read_raw(Raw(2, 2, "16UC1", 4, bytes(8)), "/depth")


@pytest.mark.parametrize(("height", "step", "size"), [(6, 24, 100), (6, 20, 144), (0, 24, 144)])
def test_a_message_whose_bytes_do_not_fill_the_picture_is_damaged(height: int, step: int, size: int) -> None:
    with pytest.raises(SourceError, match=r"/camera: expected .* the message is damaged"):
        read_raw(Raw(height, 8, "rgb8", step, bytes(size)), "/camera")


def test_colours_shared_by_two_pixels_need_an_even_width() -> None:
    with pytest.raises(SourceError, match="even width, got 3"):
        read_raw(Raw(2, 3, "uyvy", 6, bytes(12)), "/camera")


@pytest.mark.parametrize("form", ["jpeg", "png"])
def test_compressed_pictures_are_decoded(form: str) -> None:
    data = cv2.imencode(f".{form}", plain()[..., ::-1])[1].tobytes()
    image = read_compressed(Compressed(f"bgr8; {form} compressed bgr8", data), "/camera/compressed")
    assert np.abs(image.astype(int) - COLOR).max() <= 3


def test_a_cut_compressed_picture_and_a_depth_map_are_told() -> None:
    data = cv2.imencode(".jpg", plain((64, 48)))[1].tobytes()
    with pytest.raises(SourceError, match="/camera: the picture is cut off"):
        read_compressed(Compressed("jpeg", data[:-20]), "/camera")
    with pytest.raises(SourceError, match=r"depth map \(16UC1; compressedDepth\).*--topic"):
        read_compressed(Compressed("16UC1; compressedDepth", data), "/camera")
