"""The files of a predict job: what is asked for, complete, and never over the source."""

from __future__ import annotations

from pathlib import Path

import fake_network
import numpy as np
import pytest

import lanelight
from lanelight.errors import OutputError
from lanelight.formats import culane, native, tusimple
from lanelight.frames import VideoReader, find_sources, read_image, write_image
from lanelight.runtime import Detector, Result, Timings
from lanelight.runtime.outputs import KINDS, Outputs, check_writable, tusimple_rows
from lanelight.runtime.stream import run_job


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Detector:
    return lanelight.load(fake_network.write_model(tmp_path_factory.mktemp("model")), threads=1)


def predict(detector: Detector, source: Path, folder: Path, *kinds: str, every: int = 1) -> Outputs:
    (found,) = find_sources([source])
    with Outputs(folder, found, kinds, model="markers", every=every, timings=detector.timings) as outputs:
        run_job(detector, found, outputs, every=every)
    return outputs


def test_every_kind_of_file_of_a_video_holds_every_frame(detector: Detector, tmp_path: Path) -> None:
    video = fake_network.write_video(tmp_path / "drive.mp4", 30)
    outputs = predict(detector, video, tmp_path / "out", *KINDS)
    assert sorted(outputs.paths) == sorted(KINDS)
    assert all(path.exists() for path in outputs.paths.values())
    header, records = native.read(tmp_path / "out" / "lanes.jsonl")
    assert (header.source, header.model, header.size) == (str(video), "markers", (320, 192))
    assert header.fps == pytest.approx(25)
    assert [record.frame for record in records] == list(range(30))
    assert all(len(record.scene.lanes) == 4 for record in records)
    with VideoReader(tmp_path / "out" / "drive.mp4") as reader:
        assert (reader.count, reader.size) == (30, (320, 192))
    pictures = sorted((tmp_path / "out" / "frames").iterdir())
    assert [path.name for path in pictures] == [f"{index:06d}.jpg" for index in range(30)]
    lane_files = sorted((tmp_path / "out" / "culane").iterdir())
    assert len(lane_files) == 30
    assert len(culane.read_lanes(lane_files[0], (320, 192)).lanes) == 4
    entries = tusimple.read(tmp_path / "out" / "tusimple.json")
    assert [entry.raw_file for entry in entries] == [f"{index:06d}" for index in range(30)]
    assert all(len(entry.lanes) == 4 and (entry.run_time_ms or 0) > 0 for entry in entries)
    assert read_image(tmp_path / "out" / "sheet.png").shape[1] > 3 * 480


def test_the_drawn_video_shows_the_lanes_and_the_source_is_untouched(detector: Detector, tmp_path: Path) -> None:
    video = fake_network.write_video(tmp_path / "drive.mp4", 3)
    before = video.read_bytes()
    predict(detector, video, tmp_path / "out", "video")
    assert video.read_bytes() == before
    with VideoReader(video) as plain, VideoReader(tmp_path / "out" / "drive.mp4") as drawn:
        for (_, time_s, one), (_, drawn_time_s, other) in zip(plain.frames(), drawn.frames(), strict=True):
            assert drawn_time_s == pytest.approx(time_s, abs=1e-3)
            changed = np.abs(one.astype(int) - other).max(axis=2) > 40
            assert 0.02 < changed.mean() < 0.6
            assert not changed[:60].any()


def test_every_second_frame_keeps_the_speed_of_the_drive(detector: Detector, tmp_path: Path) -> None:
    video = fake_network.write_video(tmp_path / "drive.mp4", 20)
    predict(detector, video, tmp_path / "out", "video", every=2)
    with VideoReader(tmp_path / "out" / "drive.mp4") as reader:
        assert reader.fps == pytest.approx(12.5, rel=0.01)
        assert [time_s for _, time_s, _ in reader.frames()] == pytest.approx(np.arange(10) * 0.08, abs=1e-3)


def test_pictures_keep_their_names_and_may_differ_in_size(detector: Detector, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name, size in (("b2.png", (320, 192)), ("b10.jpg", (400, 200))):
        write_image(tmp_path / "in" / name, fake_network.painted(size))
    predict(detector, tmp_path / "in", tmp_path / "out", "frames", "culane")
    assert {path.name for path in (tmp_path / "out" / "frames").iterdir()} == {"b2.png", "b10.jpg"}
    assert {path.name for path in (tmp_path / "out" / "culane").iterdir()} == {"b2.lines.txt", "b10.lines.txt"}
    header, records = native.read(tmp_path / "out" / "lanes.jsonl")
    assert header.fps is None
    assert [(record.name, record.time_s, record.scene.size) for record in records] == [
        ("b2.png", None, (320, 192)), ("b10.jpg", None, (400, 200)),
    ]  # fmt: skip


def test_a_source_is_never_written_over(detector: Detector, tmp_path: Path) -> None:
    video = fake_network.write_video(tmp_path / "drive.mp4", 3)
    with pytest.raises(OutputError, match="would replace this source"):
        predict(detector, video, tmp_path, "video")
    (tmp_path / "frames").mkdir()
    write_image(tmp_path / "frames" / "a.png", fake_network.painted((320, 192)))
    with pytest.raises(OutputError, match="would replace this source"):
        predict(detector, tmp_path / "frames", tmp_path, "frames")


def test_an_unknown_kind_is_named(detector: Detector, tmp_path: Path) -> None:
    video = fake_network.write_video(tmp_path / "drive.mp4", 3)
    with pytest.raises(OutputError, match="did you mean 'video'"):
        predict(detector, video, tmp_path / "out", "vidio")


def test_nothing_is_written_before_the_first_result(tmp_path: Path) -> None:
    (source,) = find_sources([fake_network.write_video(tmp_path / "drive.mp4", 3)])
    with Outputs(tmp_path / "out", source, KINDS, model="markers", timings=Timings()):
        pass
    assert not (tmp_path / "out").exists()


def test_a_sheet_of_a_long_source_shows_frames_from_start_to_end(tmp_path: Path) -> None:
    (source,) = find_sources([fake_network.write_video(tmp_path / "drive.mp4", 3)])
    with Outputs(tmp_path / "out", source, ("sheet",), model="markers", timings=Timings()) as outputs:
        for index in range(200):
            brightness = np.full((48, 64, 3), index, np.uint8)
            outputs.write(Result(brightness, lanelight.Scene((64, 48)), index / 25, index, str(index), 1.0))
    sheet = read_image(outputs.paths["sheet"])
    tile_x, tile_y, step_x, step_y = 6 + 240, 6 + 22 + 180, 486, 360 + 22 + 6
    shown = [int(sheet[tile_y + step_y * row, tile_x + step_x * column, 0]) for row in range(3) for column in range(4)]
    assert shown[0] == 0
    assert shown[-1] >= 184
    assert (np.diff(shown) > 8).all()


def test_rows_of_the_benchmark_scale_with_the_frame() -> None:
    assert np.array_equal(tusimple_rows(720), tusimple.ROWS)
    assert tusimple_rows(360)[[0, -1]].tolist() == [80, 355]


def test_a_folder_below_a_file_is_not_writable_and_checking_makes_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="is a file"):
        check_writable(tmp_path / "file" / "out")
    check_writable(tmp_path / "a" / "b")
    assert not (tmp_path / "a").exists()
