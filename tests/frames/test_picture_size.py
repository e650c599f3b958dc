from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from lanelight.errors import SourceError
from lanelight.frames import read_image, write_image
from lanelight.frames.size import read_size

ORIENTATION = (
    b"\xff\xe1\x00\x22Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"  # turned by a quarter
)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".webp", ".tif"])
def test_the_size_is_that_of_the_picture_as_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    write_image(path, np.zeros((33, 57, 3), np.uint8))
    assert read_size(path) == (57, 33)


def test_a_turned_picture_has_its_turned_size(tmp_path: Path) -> None:
    write_image(tmp_path / "a.jpg", np.zeros((33, 57, 3), np.uint8))
    content = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "b.jpg").write_bytes(content[:2] + ORIENTATION + content[2:])
    assert read_image(tmp_path / "b.jpg").shape == (57, 33, 3)
    assert read_size(tmp_path / "b.jpg") == (33, 57)


def test_progressive_pictures_and_small_parts_before_the_frame_are_read(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.jpg"), np.zeros((20, 30), np.uint8), [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])
    content = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "b.jpg").write_bytes(content[:2] + b"\xff\xff\xfe\x00\x05abc" + content[2:])  # a comment
    assert read_size(tmp_path / "b.jpg") == (30, 20)


@pytest.mark.parametrize(
    "content", [b"", b"no picture", b"\xff\xd8", b"\xff\xd8\xff\xc0\x00\x02", b"\x89PNG\r\n\x1a\n"]
)
def test_files_that_are_no_pictures_are_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(SourceError, match=r"a\.jpg"):
        read_size(tmp_path / "a.jpg")
    with pytest.raises(SourceError, match=r"nowhere\.jpg"):
        read_size(tmp_path / "nowhere.jpg")
