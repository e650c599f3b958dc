from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanelight.errors import FormatError
from lanelight.formats import culane
from lanelight.geometry import Lane, Scene


def lane(*points: tuple[float, float]) -> Lane:
    return Lane(np.array(points, dtype=np.float64))


def test_rows_are_the_benchmarks_own_in_its_frame_and_scale_with_others() -> None:
    assert culane.rows(590).tolist() == list(range(589, -1, -20))
    np.testing.assert_allclose(culane.rows(1180), (np.arange(589, -1, -20) + 0.5) * 2 - 0.5)
    assert all(0 <= y <= 719 for y in np.round(culane.rows(720)))


def test_a_lane_is_written_from_the_bottom_upwards_at_every_twentieth_row() -> None:
    text = culane.lines_text(Scene((1640, 590), (lane((860, 589), (800, 549)), lane((100, 569), (120, 529)))))
    assert text == "860 589 830 569 800 549\n100 569 110 549 120 529\n"


def test_points_outside_the_frame_and_lanes_below_two_points_are_left_out() -> None:
    leaving = lane((-100, 589), (100, 549))
    assert culane.lines_text(Scene((1640, 590), (leaving,))) == "0 569 100 549\n"
    single = lane((5, 572), (5, 560))
    assert culane.lines_text(Scene((1640, 590), (single, Lane(np.empty((0, 2)))))) == ""


@given(st.integers(100, 3000), st.integers(100, 2200), st.floats(-0.2, 1.2), st.floats(-0.2, 1.2))
def test_written_lanes_are_read_back_to_a_thousandth_of_a_pixel(width: int, height: int, a: float, b: float) -> None:
    straight = lane((a * width, height - 1.0), (b * width, height * 0.3))
    scene = Scene((width, height), (straight,))
    text = culane.lines_text(scene)
    for line in text.splitlines():
        points = np.array(line.split(), dtype=np.float64).reshape(-1, 2)
        assert (np.diff(points[:, 1]) < 0).all()
        assert (points >= 0).all()
        assert (points[:, 0] <= width - 1).all()
        inner = points[(points[:, 0] > 0) & (points[:, 0] < width - 1) & (points[:, 1] > 0)]
        steepness = abs(b - a) * width / (height * 0.7 - 1)
        np.testing.assert_allclose(straight.x_at(inner[:, 1]), inner[:, 0], atol=0.002 * (1 + steepness))


def test_files_come_back(tmp_path: Path) -> None:
    scene = Scene((1640, 590), (lane((860, 589), (800, 549)), lane((100, 589), (120.5, 469))))
    culane.write_lanes(tmp_path / "a.lines.txt", scene)
    back = culane.read_lanes(tmp_path / "a.lines.txt")
    assert back.size == (1640, 590)
    assert back.lanes[0].points.tolist() == [[860, 589], [830, 569], [800, 549]]
    assert [path.name for path in tmp_path.iterdir()] == ["a.lines.txt"]


def test_odd_files_are_read_as_the_official_reader_does(tmp_path: Path) -> None:
    path = tmp_path / "a.lines.txt"
    path.write_bytes(b"1 2 3.5 4e1 5\r\n\n7 8\t9 x 10 11\nnan 1\n-1.5 +2 .5 6.")
    lanes = culane.read_lanes(path).lanes
    assert [lane.points.tolist() for lane in lanes] == [
        [[1, 2], [3.5, 40]], [], [[7, 8]], [], [[-1.5, 2], [0.5, 6]],
    ]  # fmt: skip


def test_an_empty_file_is_a_frame_without_lanes(tmp_path: Path) -> None:
    (tmp_path / "a.lines.txt").write_text("")
    assert culane.read_lanes(tmp_path / "a.lines.txt").lanes == ()
    with pytest.raises(FormatError, match="cannot read"):
        culane.read_lanes(tmp_path / "b.lines.txt")


def test_real_lane_files_are_read(shared: Path) -> None:
    files = sorted((shared / "data" / "culane_clip").rglob("*.lines.txt"))
    counts = [len(culane.read_lanes(file).lanes) for file in files]
    assert len(files) == 180
    assert sum(count == 2 for count in counts) == 157
    assert sum(count == 0 for count in counts) == 23


def test_the_lane_file_of_a_picture_has_its_name() -> None:
    assert culane.lines_name("/driver_1/a.MP4/00030.jpg") == "/driver_1/a.MP4/00030.lines.txt"
