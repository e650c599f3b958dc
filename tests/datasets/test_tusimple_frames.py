from __future__ import annotations

from pathlib import Path

import fakes
import numpy as np
import pytest

from lanelight.datasets import FrameDataset, TuSimple
from lanelight.errors import FormatError, SourceError


def test_frames_and_lanes_belong_together(tmp_path: Path) -> None:
    data: FrameDataset = TuSimple(tmp_path, fakes.tusimple(tmp_path))
    assert len(data) == 3
    for index in range(len(data)):
        name, frame, scene = data[index]
        assert name == f"clips/0000/{index}/20.jpg"
        assert frame.shape == (720, 1280, 3)
        assert frame.dtype == np.uint8
        assert scene.size == (1280, 720)
        for lane in scene.lanes[:3]:
            x, y = np.round(lane.points[2:-2]).astype(int).T
            assert frame[y, x].min() > 180  # white paint under every point
        assert len(scene.lanes[3].points) == 0


def test_the_list_may_be_named_relative_to_the_root(tmp_path: Path) -> None:
    fakes.tusimple(tmp_path, frames=2)
    assert len(TuSimple(tmp_path, "label_data.json")) == 2


def test_a_missing_picture_is_named_when_it_is_asked_for(tmp_path: Path) -> None:
    data = TuSimple(tmp_path, fakes.tusimple(tmp_path))
    (tmp_path / "clips/0000/1/20.jpg").unlink()
    assert data[0][0] == "clips/0000/0/20.jpg"
    with pytest.raises(SourceError, match=r"clips/0000/1/20\.jpg"):
        data[1]
    with pytest.raises(IndexError):
        data[3]


def test_missing_folders_and_lists_are_named(tmp_path: Path) -> None:
    label_file = fakes.tusimple(tmp_path, frames=1)
    with pytest.raises(SourceError, match="nowhere: expected the TuSimple folder"):
        TuSimple(tmp_path / "nowhere", label_file)
    with pytest.raises(FormatError, match=r"cannot read .*other\.json"):
        TuSimple(tmp_path, tmp_path / "other.json")


def test_the_real_frames_are_read(shared: Path) -> None:
    root = shared / "data" / "tusimple"
    data = TuSimple(root, root / "label_data_pool.json")
    assert len(data) == 138
    name, frame, scene = data[137]
    assert name.startswith("clips/0313-1/")
    assert (frame.shape, scene.size) == ((720, 1280, 3), (1280, 720))
    rows = data.entries[137].rows
    assert rows is not None
    assert (rows[0], len(rows)) == (240, 48)
