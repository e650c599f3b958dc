from __future__ import annotations

from pathlib import Path

import fake_faults
import numpy as np
import pytest

from lanelight.datasets import CULane
from lanelight.geometry import Lane, Scene
from lanelight.survey.stats import Statistics, count, heat_picture


def test_figures_of_known_lanes() -> None:
    figures = Statistics()
    lane = Lane(np.array([(30.0, 99.5), (0.0, 59.5)]), slot=1, attributes={"style": "dashed"})
    figures.add(Scene((200, 100), (lane, Lane(np.empty((0, 2))))))
    figures.add(Scene((200, 100), (), np.array([[0] * 150 + [2] * 50] * 100, np.uint8)))
    entry = figures.entry(("road", "sky", "car"))
    assert entry["frames"] == 2
    assert entry["sizes"] == {"200x100": 2}
    assert entry["frames_by_lanes"] == {"0": 1, "2": 1}
    assert entry["lane"]["length_px"]["p50"] == 50
    assert entry["lane"]["top_share"]["mean"] == pytest.approx(0.6)
    assert entry["lane"]["bottom_share"]["mean"] == pytest.approx(1.0)
    assert entry["slots"] == {"1": 1}
    assert entry["attributes"] == {"style=dashed": 1}
    assert [(row["name"], row["pixel_share"], row["frame_share"]) for row in entry["classes"]] == [
        ("road", 0.75, 0.5),
        ("sky", 0.0, 0.0),
        ("car", 0.25, 0.5),
    ]


def test_the_heat_map_shows_the_share_of_frames_with_a_lane() -> None:
    figures = Statistics()
    for x in (50.0, 50.0, 50.0, 150.0):
        figures.add(Scene((200, 100), (Lane(np.array([(x, 99.0), (x, 0.0)])),)))
    middle = figures.heat[54]
    assert np.flatnonzero(middle).tolist() == [48, 144]
    assert middle[[48, 144]].tolist() == [3, 1]
    picture = heat_picture(figures)
    assert picture.shape == (480 + 44, 960, 3)
    bright = picture[240].astype(int).sum(axis=1)
    assert bright[242] > bright[722] > bright[480]


def test_lanes_of_real_frames_are_counted(shared: Path) -> None:
    figures = count(CULane(shared / "data/culane_clip", "list/all.txt"), every=4, threads=2)
    assert figures.frames == 45
    assert set(figures.lane_counts) == {0, 2}


def test_a_lost_picture_is_named_and_the_rest_is_counted(tmp_path: Path) -> None:
    lines = fake_faults.healthy(tmp_path)
    (tmp_path / "all.txt").write_text("".join(lines))
    (tmp_path / "driver_1/frame4.png").unlink()
    figures = count(CULane(tmp_path, "all.txt"))
    assert figures.frames == fake_faults.HEALTHY - 1
    assert len(figures.unreadable) == 1
    assert "frame4.png" in figures.unreadable[0]
    assert figures.lane_counts == {3: fake_faults.HEALTHY - 1}
