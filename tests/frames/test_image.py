"""Pictures come back as written, and what is no picture is named."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from lanelight.errors import OutputError, SourceError
from lanelight.frames import read_image, write_image
from lanelight.frames.image import quiet_opencv


def noise() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng(0).integers(0, 255, (40, 60, 3)).astype(np.uint8)


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif"])
def test_a_lossless_picture_comes_back_to_the_bit(tmp_path: Path, suffix: str) -> None:
    write_image(tmp_path / f"a{suffix}", noise())
    assert np.array_equal(read_image(tmp_path / f"a{suffix}"), noise())
    assert [file.name for file in tmp_path.iterdir()] == [f"a{suffix}"]


def test_colours_are_rgb(tmp_path: Path) -> None:
    red = np.zeros((16, 16, 3), np.uint8)
    red[..., 0] = 255
    write_image(tmp_path / "red.jpg", red)
    assert np.abs(read_image(tmp_path / "red.jpg").astype(int) - red).max() < 4
    bgr = cv2.imread(str(tmp_path / "red.jpg"))
    assert bgr is not None
    assert bgr[0, 0, 2] > 250  # OpenCV's own order


def test_a_grey_picture_is_read_with_three_channels(tmp_path: Path) -> None:
    write_image(tmp_path / "grey.png", noise()[..., 0])
    assert read_image(tmp_path / "grey.png").shape == (40, 60, 3)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".bmp"])
def test_a_picture_that_is_cut_off_is_an_error_and_prints_nothing(
    tmp_path: Path, suffix: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"cut{suffix}"
    write_image(path, noise())
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(SourceError, match=f"cut{suffix}"):
        read_image(path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"", "an empty file"), (b"hello there", "begins with b'hello th'")],
)
def test_what_is_no_picture_is_described(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=told):
        read_image(path)


def test_a_missing_picture_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"missing\.png"):
        read_image(tmp_path / "missing.png")


def test_an_unknown_suffix_or_a_place_that_is_no_folder_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"a\.xyz"):
        write_image(tmp_path / "a.xyz", noise())
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="choose another"):
        write_image(tmp_path / "file" / "a.png", noise())


def test_the_log_level_of_opencv_is_given_back() -> None:
    log = cv2.utils.logging
    before = log.getLogLevel()

    def failing() -> None:
        with quiet_opencv():
            assert log.getLogLevel() == log.LOG_LEVEL_SILENT
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    assert log.getLogLevel() == before
