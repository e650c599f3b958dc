"""The detector: painted lines come back as lanes in pixels of the frame, whatever its size."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Generator
from pathlib import Path

import fake_network
import numpy as np
import pytest

import lanelight
from lanelight.errors import LanelightError, ModelError, SourceError
from lanelight.frames import Frame, Source, write_image
from lanelight.runtime import BACKENDS, Detector
from lanelight.runtime.prefetch import prefetch
from lanelight.runtime.timings import Timings


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fake_network.write_model(tmp_path_factory.mktemp("model"))


def distances(lane: lanelight.Lane, size: tuple[int, int]) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Return how far the points of a lane are from the painted line of its slot, along x, px."""
    assert lane.slot is not None
    line = fake_network.marker_lines(size)[lane.slot][::-1]
    return np.abs(lane.points[:, 0] - np.interp(lane.points[:, 1], line[:, 1], line[:, 0]))


@pytest.mark.parametrize("backend", sorted(BACKENDS))
@pytest.mark.parametrize("size", [(256, 128), (640, 360), (500, 411)])
def test_painted_lines_come_back_as_lanes_in_their_slots(model: Path, backend: str, size: tuple[int, int]) -> None:
    with lanelight.load(model, backend=backend, threads=1) as detector:
        scene = detector.predict(fake_network.painted(size, slots=(0, 2, 3)))
    assert scene.size == size
    assert [lane.slot for lane in scene.lanes] == [0, 2, 3]
    pixel = size[0] / fake_network.TARGET[0]  # one px of the network's input, in px of the frame
    for lane in scene.lanes:
        assert np.median(distances(lane, size)) < 1.0 * pixel
        assert lane.points[0, 1] > 0.95 * size[1]
        assert lane.points[-1, 1] < 0.55 * size[1]
        assert (np.diff(lane.points[:, 1]) < 0).all()


def test_both_runtimes_find_the_same_lanes(model: Path) -> None:
    frame = fake_network.painted((640, 360))
    scenes = [lanelight.load(model, backend=backend).predict(frame) for backend in sorted(BACKENDS)]
    for one, other in zip(*(scene.lanes for scene in scenes), strict=True):
        assert np.abs(one.points - other.points).max() < 1e-3


def test_an_empty_road_has_no_lanes(model: Path) -> None:
    assert lanelight.load(model).predict(fake_network.painted((640, 360), slots=())).lanes == ()


def test_auto_takes_the_backend_of_the_manifest(tmp_path: Path) -> None:
    model = fake_network.write_model(tmp_path)
    assert lanelight.load(model).backend == "onnxruntime"
    path = model.with_suffix(".json")
    path.write_text(path.read_text().replace('"backend": "onnxruntime"', '"backend": "openvino"'))
    assert lanelight.load(model).backend == "openvino"


def test_the_score_threshold_can_be_raised(model: Path) -> None:
    frame = fake_network.painted((640, 360))
    assert len(lanelight.load(model, score=0.5).predict(frame).lanes) == 4
    assert len(lanelight.load(model, score=1.0).predict(frame).lanes) == 0
    with pytest.raises(ModelError, match=r"\[0, 1\], got 2"):
        lanelight.load(model, score=2)


@pytest.mark.parametrize("frame", [np.zeros((4, 4)), np.zeros((4, 4, 3), np.float32), np.zeros((4, 4, 4), np.uint8)])
def test_a_frame_of_another_shape_or_type_is_refused(
    model: Path, frame: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
) -> None:
    with pytest.raises(LanelightError, match=r"shape \(H, W, 3\) uint8"):
        lanelight.load(model).predict(frame)


def test_a_stream_yields_frames_scenes_and_times(model: Path, tmp_path: Path) -> None:
    video = fake_network.write_video(tmp_path / "a.mp4", 12)
    detector = lanelight.load(model, threads=1)
    results = list(detector.stream(video))
    assert [result.index for result in results] == list(range(12))
    assert [result.time_s for result in results] == pytest.approx(np.arange(12) / 25, abs=1e-3)
    for result in results:
        assert len(result.scene.lanes) == 4
        assert result.frame.shape == (192, 320, 3)
        assert result.latency_ms > 0
    first, second = (result.scene.lanes[1].points[0, 0] for result in results[:2])
    assert second - first == pytest.approx(2.0, abs=0.8)  # the lines move 2 px a frame
    assert set(detector.timings.summary()) == {"read", "view", "network", "decode"}
    assert detector.timings.summary()["network"]["count"] == 12


def test_every_and_limit_choose_frames_over_several_sources(model: Path, tmp_path: Path) -> None:
    videos = [fake_network.write_video(tmp_path / name, 5) for name in ("a.mp4", "b.mp4")]
    detector = lanelight.load(model, threads=1)
    assert [result.index for result in detector.stream(videos, every=2)] == [0, 2, 4, 0, 2, 4]
    assert [result.index for result in detector.stream(videos, every=2, limit=4)] == [0, 2, 4, 0]
    assert list(detector.stream(videos, limit=0)) == []


@pytest.mark.parametrize("at_once", [1, 2])
def test_a_stream_gives_the_good_frames_before_the_error(model: Path, tmp_path: Path, at_once: int) -> None:
    write_image(tmp_path / "1.png", fake_network.painted((320, 192)))
    (tmp_path / "2.png").write_text("no picture")
    stream = lanelight.load(model, threads=2, frames_at_once=at_once).stream(tmp_path)
    assert next(stream).name == "1.png"
    with pytest.raises(SourceError, match=r"2\.png"):
        next(stream)


class Camera(Source):
    """A source that produces frames faster than anybody takes them."""

    kind = "video"
    live_now = True

    @property
    def live(self) -> bool:
        return self.live_now

    def frames(self, every: int = 1) -> Generator[Frame, None, None]:
        for index in range(0, 60, every):
            yield Frame(index, index / 25, np.zeros((2, 2, 3), np.uint8), str(index))
            time.sleep(0.001)


def test_a_live_source_drops_old_frames_and_a_recorded_one_none() -> None:
    camera = Camera("camera", "camera")
    seen = []
    for frame in prefetch(camera, timings=Timings()):
        seen.append(frame.index)
        time.sleep(0.01)
    assert seen == sorted(seen)
    assert len(seen) < 40
    assert seen[-1] >= 56  # the latest frames are there
    camera.live_now = False
    assert [frame.index for frame in prefetch(camera, timings=Timings())] == list(range(60))


@pytest.mark.parametrize("at_once", [1, 2])
def test_leaving_a_stream_early_ends_its_threads(model: Path, tmp_path: Path, at_once: int) -> None:
    video = fake_network.write_video(tmp_path / "a.mp4", 40)
    stream = lanelight.load(model, threads=2, frames_at_once=at_once).stream(video)
    next(stream)
    names = {thread.name.rstrip("_0123456789") for thread in threading.enumerate()}
    assert "lanelight-read" in names
    assert ("lanelight-network" in names) == (at_once > 1)
    assert isinstance(stream, Generator)
    stream.close()
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("lanelight-")]


def test_the_network_is_freed_with_the_block(model: Path) -> None:
    with Detector.load(model) as detector:
        detector.warm_up()
    with pytest.raises(AttributeError):
        detector.warm_up()


def test_importing_lanelight_is_quick_and_loads_nothing_heavy() -> None:
    script = (
        "import sys, time; t = time.perf_counter(); import lanelight; took = time.perf_counter() - t; "
        "heavy = {'torch', 'cv2', 'av', 'numpy', 'onnxruntime', 'openvino', 'rich'} & set(sys.modules); "
        "print(took < 0.3, sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split(maxsplit=1) == ["True", "[]\n"]


def test_every_public_name_is_there() -> None:
    assert len(lanelight.__all__) <= 20
    for name in lanelight.__all__:
        assert getattr(lanelight, name) is not None
    assert set(lanelight.__all__) <= set(dir(lanelight))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        lanelight.nothing  # noqa: B018
