import csv
from pathlib import Path

import numpy as np
import pytest

from lanelight.datasets import open_dataset
from lanelight.datasets.rendering import write_drive, write_views
from lanelight.datasets.synthetic import EGO_LANE, WORLDS
from lanelight.errors import LanelightError, OutputError
from lanelight.formats import native
from lanelight.frames import VideoReader

SIZE = (320, 180)


@pytest.mark.parametrize("form", ["native", "culane", "tusimple"])
def test_views_are_a_data_set_that_reads_back(tmp_path: Path, form: str) -> None:
    done: list[int] = []
    number = write_views(tmp_path, form, ["highway", "rain"], frames=5, seed=4, size=SIZE, watch=done.append)
    assert number == 5
    assert done == [1, 2, 3, 4, 5]
    data = open_dataset(form, tmp_path)
    keys = [data[i][0] for i in range(len(data))]
    assert sorted(Path(key).stem for key in keys) == ["000000", "000000", "000001", "000001", "000002"]
    lanes = 0
    for i in range(len(data)):
        _, frame, scene = data[i]
        assert frame.shape == (180, 320, 3)
        lanes += len(scene.lanes)
    assert lanes >= 5
    if form == "native":
        maps = [data[i][2].classes for i in range(len(data))]
        assert any((one == EGO_LANE).any() for one in maps if one is not None)


def test_the_same_seed_writes_the_same_files_with_any_number_of_threads(tmp_path: Path) -> None:
    for name, threads in (("one", 1), ("three", 3)):
        write_views(tmp_path / name, "culane", ["rural", "night"], frames=4, seed=9, size=SIZE, threads=threads)
    first = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.*"))
    assert len(first) == 2 * 4 + 2
    for path in first:
        assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "three" / path).read_bytes()


def test_an_interrupt_leaves_a_whole_data_set(tmp_path: Path) -> None:
    def stop(done: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_views(tmp_path, "native", ["rural"], frames=9, seed=1, size=SIZE, watch=stop)
    data = open_dataset("native", tmp_path)
    assert len(data) == 3
    assert all(data[i][1].shape == (180, 320, 3) for i in range(3))
    assert not list(tmp_path.rglob("*.part*"))


def test_a_drive_is_a_video_with_lanes_and_truth_of_one_length(tmp_path: Path) -> None:
    def stop(done: int) -> None:
        if done == 6:
            raise KeyboardInterrupt

    write_drive(tmp_path / "whole", "tunnel", frames=4, seed=2, size=SIZE, fps=10.0)
    with pytest.raises(KeyboardInterrupt):
        write_drive(tmp_path / "cut", "tunnel", frames=20, seed=2, size=SIZE, fps=10.0, watch=stop)
    for name, length in (("whole", 4), ("cut", 6)):
        header, records = native.read(tmp_path / name / "lanes.jsonl")
        with VideoReader(tmp_path / name / "drive.mp4") as video:
            frames = list(video.frames())
        with (tmp_path / name / "ego.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert len(records) == len(frames) == len(rows) == length
        assert header.size == SIZE
        assert header.fps == 10.0
        assert [float(row["time_s"]) for row in rows] == pytest.approx([k / 10 for k in range(length)])
        driven = np.diff([float(row["distance_m"]) for row in rows])
        np.testing.assert_allclose(driven, WORLDS["tunnel"].speed_m_s / 10, rtol=1e-6)
        assert {"offset_m", "heading_rad", "curvature_per_m", "lane_width_m"} <= rows[0].keys()


def test_what_cannot_be_written_is_refused_before_work_begins(tmp_path: Path) -> None:
    (tmp_path / "kept.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError, match="empty folder"):
        write_views(tmp_path, "native", ["mixed"], frames=1, seed=0)
    with pytest.raises(LanelightError, match="highway"):
        write_views(tmp_path / "new", "native", ["higway"], frames=1, seed=0)
    with pytest.raises(LanelightError, match="culane"):
        write_views(tmp_path / "new", "cullane", ["mixed"], frames=1, seed=0)
    with pytest.raises(LanelightError, match="frames"):
        write_drive(tmp_path / "new", "mixed", frames=0, seed=0)
    with pytest.raises(LanelightError, match="seed"):
        write_drive(tmp_path / "new", "mixed", frames=1, seed=-1)
    assert not (tmp_path / "new").exists()
