"""The compiled reader of lane files agrees with the plain one, byte for byte."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lanelight.formats.culane import lane_points, oddities
from lanelight.score.lane_text import parse

PIECES = [
    *(b"1", b"2.5", b".", b"e", b"E", b"+", b"-", b" ", b"  ", b"\n", b"\t", b"\r", b"\v", b"\f", b"nan", b"inf", b"0"),
    *(
        b"9",
        b"00",
        b".5",
        b"e5",
        b"x",
        b"0x10",
        b"1234567890123456789",
        b"0.1234567890123456789",
        b"3 4 ",
        b"1640.0 590 ",
    ),
    *(b"1e400", b"-1e400", b"1e-400", b"1e39", b"1e22", b"\x00", b"\xff"),
]
FILES = st.lists(st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=3)), max_size=15).map(b"".join))


@settings(max_examples=400)
@given(FILES)
def test_both_readers_find_the_same_lanes(files: list[bytes]) -> None:
    points, ends, file_ends = parse(files)
    start, lane = 0, 0
    for content, file_end in zip(files, file_ends.tolist(), strict=True):
        with np.errstate(over="ignore"):
            wanted = [points_of.astype(np.float32) for points_of in lane_points(content)]
        assert file_end - lane == len(wanted)
        for points_of in wanted:
            assert np.array_equal(points[start : ends[lane]], points_of)
            start, lane = int(ends[lane]), lane + 1


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=20))
def test_every_double_is_read_exactly(values: list[float]) -> None:
    text = " ".join(repr(value) for value in values).encode()
    with np.errstate(over="ignore"):
        wanted = np.array(values[: len(values) // 2 * 2]).astype(np.float32)
    points, _, _ = parse([text])
    assert np.array_equal(points.ravel(), wanted)


def test_exponents_and_decimals_of_any_length_are_read_exactly() -> None:
    points, _, _ = parse([b"0." + b"0" * 9990 + b"1e10000 1" + b"0" * 400 + b"e-400"])
    assert points.tolist() == [[1e9, 1.0]]


def test_lines_are_lanes_and_the_last_line_end_adds_none() -> None:
    for text, lanes in ((b"", 0), (b"\n", 1), (b"1 2", 1), (b"1 2\n", 1), (b"1 2\n\n", 2), (b"\n\n1 2 3 4\r\n", 3)):
        assert parse([text])[2].tolist() == [lanes]
        assert len(lane_points(text)) == lanes


def test_oddities_name_their_line() -> None:
    content = b"1 2 3 4\n\n5 6\n1 2 nan 4\n1 2 3 4 5\n1 2 1 2 3 4\n7 8 7 8\n1 2 3 4 1e10 5 6 7\n \t\r\n"
    found = {(line, what.split(";")[0]) for line, what in oddities(content)}
    assert found == {
        (2, "blank line"),
        (3, "one point"),
        (4, "'nan' is no number"),
        (4, "one point"),
        (5, "odd count of 5 numbers"),
        (6, "point 1 2 is given twice in a row"),
        (7, "point 7 8 is given twice in a row"),
        (8, "coordinates of 2147483648 px and more"),
        (9, "blank line"),
    }
    assert oddities(b"1 2 3 4\n5 6 7 8") == []
