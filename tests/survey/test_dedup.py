from __future__ import annotations

from pathlib import Path

import fake_faults
import numpy as np
import pytest

from lanelight.datasets import CULane, TuSimple
from lanelight.errors import FormatError
from lanelight.frames import read_image
from lanelight.survey.dedup import find_different, read_differences, write_differences, write_list

GREYS = (40, 50, 60, 75, 76, 76, 91)  # differences 40, 10, 10, 15, 1, 0, 15


@pytest.fixture
def data(tmp_path: Path) -> CULane:
    """Write a drive that brightens, and a list with masks and flags."""
    lines = []
    for index, grey in enumerate(GREYS):
        frame = np.full((59, 164, 3), grey, np.uint8)
        line = fake_faults.add_frame(tmp_path, str(index), [], frame).strip()
        lines.append(f"{line} /laneseg_label_w16{line} 1 1 0 {index % 2}\n")
    (tmp_path / "train_gt.txt").write_text("".join(lines))
    return CULane(tmp_path, "train_gt.txt")


def test_frames_from_the_threshold_on_are_kept_and_the_first_is_compared_with_black(data: CULane) -> None:
    found = find_different(data, threads=2)
    assert found.values.tolist() == [40, 10, 10, 15, 1, 0, 15]
    assert found.kept == [0, 3, 6]


def test_against_the_last_kept_frame_slow_changes_add_up(data: CULane) -> None:
    found = find_different(data, against="kept", threads=2)
    assert found.kept == [0, 2, 3, 6]
    assert found.values.tolist() == [40, 10, 20, 15, 1, 1, 16]


def test_the_list_keeps_its_lines_as_they_were(data: CULane, tmp_path: Path) -> None:
    write_list(tmp_path / "kept.txt", data, [0, 3, 6])
    lines = (tmp_path / "train_gt.txt").read_text().splitlines(keepends=True)
    assert (tmp_path / "kept.txt").read_text() == lines[0] + lines[3] + lines[6]


def test_differences_serve_again_for_the_same_list_only(data: CULane, tmp_path: Path) -> None:
    write_differences(tmp_path / "d.npz", data, find_different(data).values)
    assert read_differences(tmp_path / "d.npz", data, 10).kept == [0, 1, 2, 3, 6]
    np.savez(tmp_path / "published.npz", data=np.array(GREYS, np.float64))  # the published files hold nothing else
    assert read_differences(tmp_path / "published.npz", data, 75).kept == [3, 4, 5, 6]
    turned = (tmp_path / "train_gt.txt").read_text().splitlines(keepends=True)[::-1]
    (tmp_path / "turned.txt").write_text("".join(turned))
    with pytest.raises(FormatError, match="another list or order"):
        read_differences(tmp_path / "d.npz", CULane(tmp_path, "turned.txt"))
    (tmp_path / "d.npz").write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(FormatError, match=r"d\.npz"):
        read_differences(tmp_path / "d.npz", data)


def test_a_lost_picture_is_named_and_the_rest_goes_on(data: CULane, tmp_path: Path) -> None:
    (tmp_path / "driver_1/3.png").unlink()
    found = find_different(data)
    assert found.kept == [0, 4, 6]  # frame 4 differs by 16 from frame 2
    assert np.isnan(found.values[3])
    assert len(found.unreadable) == 1
    assert "driver_1/3.png" in found.unreadable[0]


def test_real_frames_have_the_mean_difference_of_the_formula(shared: Path) -> None:
    data = CULane(shared / "data/culane_clip", "list/all.txt")
    found = find_different(data)
    frames = [read_image(data.picture(index)).astype(np.float64) for index in range(3)]
    slow = [frames[0].mean(), np.abs(frames[1] - frames[0]).mean(), np.abs(frames[2] - frames[1]).mean()]
    assert found.values[:3] == pytest.approx(slow, rel=1e-12)
    assert len(found.kept) == (found.values >= 15).sum() == 82


def test_label_lines_of_tusimple_are_kept_whole(shared: Path, tmp_path: Path) -> None:
    root = shared / "data/tusimple"
    write_list(tmp_path / "kept.json", TuSimple(root, "label_data_pool.json"), [5, 7])
    lines = (root / "label_data_pool.json").read_text().splitlines()
    assert (tmp_path / "kept.json").read_text().splitlines() == [lines[5].strip(), lines[7].strip()]
