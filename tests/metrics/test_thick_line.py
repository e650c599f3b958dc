"""The thick line of OpenCV up to 4.12, pixel for pixel."""

from __future__ import annotations

import zlib
from pathlib import Path

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lanelight.metrics.thick_line import mask_of_line

FRAME = (1640, 590)


def test_all_golden_segments_have_the_same_pixels(shared: Path) -> None:
    golden = np.load(shared / "goldens/metrics/thick_segments.npz")
    for (x0, y0, x1, y1), width, area, crc in zip(
        golden["seg"].tolist(), golden["width"].tolist(), golden["area"], golden["crc"], strict=True
    ):
        mask = mask_of_line(FRAME, (x0, y0), (x1, y1), width)
        assert mask.sum() == area, (x0, y0, x1, y1, width)
        assert zlib.crc32(np.packbits(mask, axis=1).tobytes()) == crc, (x0, y0, x1, y1, width)


@given(
    st.tuples(st.integers(60, 200), st.integers(60, 140)),
    st.tuples(st.integers(60, 200), st.integers(60, 140)),
    st.integers(2, 50),
)
def test_inside_the_frame_every_opencv_draws_the_same(start: tuple[int, int], end: tuple[int, int], width: int) -> None:
    drawn = cv2.line(np.zeros((200, 260), np.uint8), start, end, 1, width)
    assert np.array_equal(mask_of_line((260, 200), start, end, width), drawn)


def test_a_dot_is_a_disc_of_709_pixels_and_an_upright_line_is_31_wide() -> None:
    assert mask_of_line(FRAME, (300, 300), (300, 300), 30).sum() == 709
    upright = mask_of_line(FRAME, (300, 100), (300, 400), 30)
    assert upright[250].sum() == 31


def test_a_crop_of_a_larger_frame_has_other_pixels() -> None:
    """The outline is clipped to the frame before it is walked: why lanes are drawn for their true frame."""
    start, end = (-37, 75), (208, 101)
    exact = mask_of_line((200, 100), start, end, 30)
    large = mask_of_line((400, 300), (start[0] + 100, start[1] + 100), (end[0] + 100, end[1] + 100), 30)
    crop = large[100:200, 100:300]
    assert exact.shape == crop.shape
    assert 0 < (exact != crop).sum() < 20


def test_ends_far_outside_take_no_time_and_nothing_is_drawn_for_what_is_never_seen() -> None:
    lowest = -(2**31)
    assert mask_of_line(FRAME, (lowest, lowest), (lowest + 5, lowest), 30).sum() == 0
    assert mask_of_line(FRAME, (2**31 - 1, 300), (2**31 - 1, 100), 30).sum() == 0
    assert mask_of_line(FRAME, (800, lowest), (800, 2**31 - 1), 30)[:, 800].all()
