"""Stamps give the pixels that drawing gives, wherever a lane runs."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from lanelight.metrics.lane_masks import area, draw_lane, make_pen, shared_area
from lanelight.metrics.thick_line import Canvas, mask_of_line

STEPS = st.tuples(st.integers(-5, 5), st.integers(-5, 5)).filter(lambda step: step != (0, 0))


def pixels_of(canvas: Canvas) -> NDArray[np.uint8]:
    """Return the whole frame of a window, (H, W)."""
    frame = np.zeros((canvas.height, (canvas.width + 63) // 64), np.uint64)
    rows, words = canvas.bits.shape
    frame[canvas.row0 : canvas.row0 + rows, canvas.word0 : canvas.word0 + words] = canvas.bits
    return np.unpackbits(frame.view(np.uint8), axis=1, bitorder="little")[:, : canvas.width]


@given(
    st.tuples(st.integers(100, 260), st.integers(60, 150)),
    st.tuples(st.integers(-40, 300), st.integers(-40, 190)),
    st.lists(STEPS, max_size=60),
    st.sampled_from([2, 3, 10, 15, 16, 30, 31, 44, 60]),
)
def test_a_lane_is_the_union_of_its_thick_lines(
    size: tuple[int, int], start: tuple[int, int], steps: list[tuple[int, int]], thickness: int
) -> None:
    path = np.cumsum([start, *steps], axis=0, dtype=np.int64)
    drawn = draw_lane(path, make_pen(*size, thickness))
    wanted = mask_of_line(size, start, start, thickness)
    for a, b in zip(path.tolist(), path[1:].tolist(), strict=False):
        wanted |= mask_of_line(size, (a[0], a[1]), (b[0], b[1]), thickness)
    assert np.array_equal(pixels_of(drawn), wanted)
    assert area(drawn) == wanted.sum()


@given(*(st.lists(st.tuples(st.integers(-50, 250), st.integers(-50, 150)), min_size=1, max_size=4) for _ in range(2)))
def test_shared_pixels_are_those_set_in_both(a: list[tuple[int, int]], b: list[tuple[int, int]]) -> None:
    pen = make_pen(200, 100, 20)
    one, other = (draw_lane(np.array(points, dtype=np.int64), pen) for points in (a, b))
    assert shared_area(one, other) == (pixels_of(one) & pixels_of(other)).sum()
    assert shared_area(one, one) == area(one)
