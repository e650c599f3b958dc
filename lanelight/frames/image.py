"""Read and write single pictures as RGB uint8 arrays."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from lanelight.errors import OutputError, SourceError

Image = NDArray[np.uint8]

SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
PNG = b"\x89PNG"
PNG_HEADER_END = 33  # signature of 8 bytes, then the header: length, name, 13 bytes (depth, colour type, ...), checksum
PNG_GREY, PNG_PALETTE = 0, 3  # colour types


def read_image(path: Path | str) -> Image:
    """Read a picture, turned as its EXIF orientation says.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        SourceError: the file is missing, cut off, or no picture that OpenCV knows.
    """
    return decode_image(_contents(Path(path)), str(path))


def decode_image(data: bytes, name: str) -> Image:
    """Return the picture that a file's bytes hold, turned as its EXIF orientation says.

    Args:
        data: content of a file, or of a message that carries one.
        name: where the bytes are from, for the message.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        SourceError: the picture is cut off, or of no kind that OpenCV knows.
    """
    return np.asarray(_decoded(name, data, cv2.IMREAD_COLOR_RGB), dtype=np.uint8)


def read_map(path: Path | str) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Read a picture whose values are no colours: class ids, instance ids, bit masks.

    A PNG with a palette holds the ids as places in the palette, which colours them for the eye only.

    Returns:
        (H, W) uint8 or uint16, the values as they stand in the file.

    Raises:
        SourceError: the file is missing, cut off, no picture, or has several channels.
    """
    data = _contents(Path(path))
    depth = _palette_bits(data)
    if depth is None:
        values = _decoded(str(path), data, cv2.IMREAD_UNCHANGED)
    else:  # OpenCV would give the colours
        values = _decoded(str(path), _as_grey(data), cv2.IMREAD_UNCHANGED) // (255 // (2**depth - 1))
    if values.ndim != 2 or values.dtype not in (np.uint8, np.uint16):
        raise SourceError(
            f"{path}: expected one channel of 8 or 16 bits, got shape {values.shape}, {values.dtype}; "
            "give the file of ids, not the coloured one"
        )
    return values


def write_image(path: Path | str, image: Image, *, quality: int = 92) -> None:
    """Write a picture in the format that its suffix names, through a temporary file in the same folder.

    Args:
        path: file name with a suffix of `SUFFIXES`.
        image: (H, W, 3) uint8 RGB or (H, W) uint8.
        quality: of a JPEG or WebP, 1 to 100.

    Raises:
        OutputError: the suffix is unknown or the place cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise OutputError(f"{path}: expected a picture suffix ({_known()}), got {path.suffix or 'none'!r}")
    options = {
        ".jpg": [cv2.IMWRITE_JPEG_QUALITY, quality],
        ".jpeg": [cv2.IMWRITE_JPEG_QUALITY, quality],
        ".webp": [cv2.IMWRITE_WEBP_QUALITY, quality],
    }
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR) if image.ndim == 3 else image
    done, encoded = cv2.imencode(path.suffix.lower(), bgr, options.get(path.suffix.lower(), []))
    if not done:
        raise OutputError(f"{path}: a picture of shape {image.shape} cannot be written as {path.suffix}")
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(encoded.tobytes())
        part.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror}; choose another output folder") from error
    finally:
        if part.parent.is_dir():  # else `unlink` itself would raise
            part.unlink(missing_ok=True)


@contextmanager
def quiet_opencv() -> Iterator[None]:
    """Keep OpenCV's own log off stderr: its lines would stand beside our one-line error."""
    log = cv2.utils.logging
    before = log.getLogLevel()
    log.setLogLevel(log.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        log.setLogLevel(before)


def _contents(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path}: expected a readable picture file, got: {error.strerror}") from error


def _decoded(name: str, data: bytes, how: int) -> NDArray[Any]:
    if _is_cut_off(data):
        raise SourceError(f"{name}: the picture is cut off (its end is missing); copy the file again")
    image = None
    if data:
        with quiet_opencv():
            try:
                image = cv2.imdecode(np.frombuffer(data, np.uint8), how)
            except cv2.error:  # some decoders raise where others return None; the message below serves both
                image = None
    if image is None:
        raise SourceError(f"{name}: expected a picture ({_known()}), got {_described(data)}")
    return np.asarray(image)


def _palette_bits(data: bytes) -> int | None:
    """Return the bits a pixel of a PNG with a palette; None for any other file."""
    if not data.startswith(PNG) or len(data) < PNG_HEADER_END or data[25] != PNG_PALETTE:
        return None
    return data[24] if data[24] in (1, 2, 4, 8) else None


def _as_grey(data: bytes) -> bytes:
    """Return a PNG with a palette as one without, whose greys are the places in the palette.

    Fewer than 8 bits a pixel are stretched to 0..255 by the decoder.
    """
    header = data[12:25] + bytes([PNG_GREY]) + data[26:29]
    parts = [data[:12], header, zlib.crc32(header).to_bytes(4, "big")]
    place = PNG_HEADER_END
    while place < len(data):
        end = place + 12 + int.from_bytes(data[place : place + 4], "big")
        if data[place + 4 : place + 8] in (b"IDAT", b"IEND"):
            parts.append(data[place:end])
        place = end
    return b"".join(parts)


def _is_cut_off(data: bytes) -> bool:
    """Tell whether a JPEG or PNG lacks its end; OpenCV would fill a cut JPEG with grey without a word."""
    if data.startswith(b"\xff\xd8"):
        return data.rfind(b"\xff\xd9") < data.rfind(b"\xff\xda")  # end of image before the last start of scan
    if data.startswith(PNG):
        return b"IEND" not in data[-4096:]  # some writers add bytes behind the end
    return False


def _described(data: bytes) -> str:
    if not data:
        return "an empty file"
    return f"a file that begins with {data[:8]!r}"


def _known() -> str:
    return ", ".join(sorted(suffix.lstrip(".") for suffix in SUFFIXES))
