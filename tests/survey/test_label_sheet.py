from __future__ import annotations

from pathlib import Path

import fake_faults
import numpy as np
import pytest

from lanelight.datasets import CULane
from lanelight.errors import FormatError
from lanelight.survey.classes import class_colors, legend, tinted
from lanelight.survey.sheet import choose, draw_labels, named


@pytest.fixture
def data(tmp_path: Path) -> CULane:
    (tmp_path / "all.txt").write_text("".join(fake_faults.healthy(tmp_path)))
    return CULane(tmp_path, "all.txt")


def test_the_same_seed_chooses_the_same_frames(data: CULane) -> None:
    chosen = choose(data, 5, np.random.default_rng(3))
    assert chosen == choose(data, 5, np.random.default_rng(3)) == sorted(set(chosen))
    assert chosen != choose(data, 5, np.random.default_rng(4))
    assert choose(data, 99, np.random.default_rng(0)) == list(range(fake_faults.HEALTHY))


def test_frames_are_found_by_name_and_misspelt_ones_are_told(data: CULane) -> None:
    assert named(data, ["driver_1/frame3.png", "/driver_1/frame0.png"]) == [3, 0]
    with pytest.raises(FormatError, match=r"did you mean 'driver_1/frame4\.png'"):
        named(data, ["driver_1/fram4.png"])


def test_lost_frames_are_named_and_the_others_drawn(data: CULane, tmp_path: Path) -> None:
    (tmp_path / "driver_1/frame1.png").unlink()
    sheet, unreadable = draw_labels(data, [0, 1, 2], tile_width=200, columns=2)
    assert sheet is not None
    assert sheet.shape[1] == 2 * 206 + 6
    assert len(unreadable) == 1
    nothing, unreadable = draw_labels(data, [1])
    assert nothing is None
    assert "frame1.png" in unreadable[0]


def test_the_background_and_unlabelled_pixels_stay_as_they_are() -> None:
    frame = np.full((1, 3, 3), 100, np.uint8)
    classes = np.array([[0, 1, 255]], np.uint8)
    drawn = tinted(frame, classes, ("background", "road"))
    assert (drawn[0, [0, 2]] == 100).all()
    assert drawn[0, 1].tolist() == (frame[0, 1] * 0.55 + class_colors()[1] * 0.45).astype(np.uint8).tolist()


def test_colours_of_classes_differ_and_the_legend_shows_each() -> None:
    colors = class_colors()
    assert len(np.unique(colors[:34], axis=0)) == 34
    strip = legend(range(34), [f"class {index}" for index in range(34)], 500)
    assert strip.shape[1] == 500
    for color in colors[:34]:
        assert (strip == color).all(axis=2).sum() >= 14 * 14
