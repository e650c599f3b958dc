"""The job of three threads: order, errors from each of them, stopping."""

from __future__ import annotations

import threading
from pathlib import Path

import fake_network
import pytest

import lanelight
from lanelight.errors import OutputError, SourceError
from lanelight.frames import Source, find_sources
from lanelight.runtime import Detector, Result
from lanelight.runtime.differences import lane_distance
from lanelight.runtime.stream import run_job


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Detector:
    return lanelight.load(fake_network.write_model(tmp_path_factory.mktemp("model")), threads=1)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fake_network.write_video(tmp_path_factory.mktemp("video") / "a.mp4", 40)


class Collected:
    """Keeps the results; can fail or ask to stop at one of them."""

    def __init__(self, *, fail_at: int | None = None, stop_at: int | None = None) -> None:
        self.indices: list[int] = []
        self.threads: set[str] = set()
        self.stop = threading.Event()
        self._fail_at, self._stop_at = fail_at, stop_at

    def write(self, result: Result) -> None:
        if result.index == self._fail_at:
            raise OutputError("the disk is full")
        if result.index == self._stop_at:
            self.stop.set()
        self.indices.append(result.index)
        self.threads.add(threading.current_thread().name)


def source_of(path: Path) -> Source:
    return find_sources([path])[0]


def test_results_arrive_in_order_in_the_writer_s_thread(detector: Detector, video: Path) -> None:
    sink, seen = Collected(), list[int]()
    report = run_job(detector, source_of(video), sink, progress=seen.append)
    assert sink.indices == list(range(40))
    assert sink.threads == {"lanelight-write"}
    assert seen == list(range(1, 41))
    assert (report.frames, report.lanes, report.interrupted, report.problem) == (40, 160, False, None)
    assert report.frames_per_second == pytest.approx(40 / report.seconds)


def test_frames_worked_on_at_the_same_time_give_what_they_give_one_by_one(tmp_path: Path, video: Path) -> None:
    model = fake_network.write_model(tmp_path)
    found = []
    for at_once in (1, 2):
        with lanelight.load(model, threads=2, frames_at_once=at_once) as detector:
            assert detector.frames_at_once == at_once
            found.append(list(detector.stream(video)))
    alone, together = found
    assert [result.index for result in together] == list(range(40))
    for one, other in zip(alone, together, strict=True):
        assert [lane.track for lane in other.scene.lanes] == [lane.track for lane in one.scene.lanes]
        assert len(other.scene.lanes) == 4
        assert lane_distance(one.scene, other.scene) == 0
    assert all(0 < result.latency_ms < 60_000 for result in together)


def test_what_the_sink_raises_reaches_the_caller(detector: Detector, video: Path) -> None:
    sink = Collected(fail_at=3)
    with pytest.raises(OutputError, match="the disk is full"):
        run_job(detector, source_of(video), sink)
    assert sink.indices == [0, 1, 2]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("lanelight")]


def test_the_last_write_may_fail_too(detector: Detector, video: Path) -> None:
    with pytest.raises(OutputError, match="the disk is full"):
        run_job(detector, source_of(video), Collected(fail_at=39))


def test_a_stop_ends_the_job_with_every_found_frame_written(detector: Detector, video: Path) -> None:
    sink = Collected(stop_at=5)
    report = run_job(detector, source_of(video), sink, stop=sink.stop)
    assert report.interrupted
    assert 6 <= report.frames < 30
    assert sink.indices == list(range(report.frames))


def test_a_cut_source_is_a_problem_of_the_report_and_one_without_frames_an_error(
    detector: Detector, video: Path, tmp_path: Path
) -> None:
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(video.read_bytes()[: video.stat().st_size * 7 // 10])
    sink = Collected()
    report = run_job(detector, source_of(cut), sink)
    assert isinstance(report.problem, SourceError)
    assert f": {report.frames} of 40 frames" in str(report.problem)
    assert sink.indices == list(range(report.frames))
    (tmp_path / "a.png").write_text("no picture")
    with pytest.raises(SourceError, match=r"a\.png"):
        run_job(detector, source_of(tmp_path / "a.png"), Collected())
