"""Lanes that were found, as labels to correct: the whole way from a drive to a data set and back."""

from __future__ import annotations

import json
from pathlib import Path

import fake_network
import numpy as np
import pytest

import lanelight
from lanelight.datasets import Native
from lanelight.datasets.drawn import import_labels
from lanelight.errors import OutputError
from lanelight.formats import cvat, labelme, native
from lanelight.frames import find_sources, read_image, write_image
from lanelight.geometry import Scene
from lanelight.runtime import Detector
from lanelight.runtime.outputs import Outputs
from lanelight.runtime.prelabels import TOLERANCE_PX, TOOLS
from lanelight.runtime.stream import run_job


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Detector:
    return lanelight.load(fake_network.write_model(tmp_path_factory.mktemp("model")), threads=1)


def predict(detector: Detector, source: Path, folder: Path, every: int = 1) -> list[Scene]:
    """Write pre-labels for all tools and return the lanes that were found."""
    (found,) = find_sources([source])
    with Outputs(folder, found, TOOLS, model="markers", every=every, timings=detector.timings) as outputs:
        run_job(detector, found, outputs, every=every)
    assert list(outputs.paths) == ["lanes", *TOOLS]
    return [record.scene for record in native.read(folder / "lanes.jsonl")[1]]


def assert_near(few: Scene, many: Scene) -> None:
    """Check that each lane has few points, no farther from the one that was found than stated."""
    assert few.size == many.size
    for lane, full in zip(few.lanes, many.lanes, strict=True):
        assert (lane.slot, lane.track) == (full.slot, full.track)
        assert 2 <= len(lane.points) <= 6 < len(full.points)
        rows = full.points[:, 1]
        slope = np.abs(np.gradient(full.points[:, 0], rows)).max()
        assert np.nanmax(np.abs(lane.x_at(rows) - full.points[:, 0])) <= (TOLERANCE_PX + 0.02) * np.hypot(1, slope)


def test_frames_of_a_video_and_their_lanes_are_written_for_every_tool(detector: Detector, tmp_path: Path) -> None:
    video = fake_network.write_video(tmp_path / "drive.mp4", 7)
    scenes = predict(detector, video, tmp_path / "out", every=3)
    names = ["000000.jpg", "000003.jpg", "000006.jpg"]
    for folder in ("cvat/images", "labelme"):
        assert sorted(path.name for path in (tmp_path / "out" / folder).glob("*.jpg")) == names
        shown = read_image(tmp_path / "out" / folder / names[1])
        assert np.abs(shown.astype(int) - fake_network.painted((320, 192), shift_px=6)).mean() < 3  # nothing drawn
    for (name, scene), full, expected in zip(
        cvat.read(tmp_path / "out" / "cvat" / "annotations.xml"), scenes, names, strict=True
    ):
        assert name == expected
        assert_near(scene, full)
        [(picture, again)] = labelme.read(tmp_path / "out" / "labelme" / f"{Path(name).stem}.json")
        assert picture == name
        assert_near(again, full)
    text = (tmp_path / "out" / "cvat" / "annotations.xml").read_text()
    assert [f'<image id="{number}" ' in text for number in (0, 1, 3, 6)] == [True, False, True, True]
    [label] = json.loads((tmp_path / "out" / "cvat" / "labels.json").read_text())
    assert {"slot", "track"} <= {attribute["name"] for attribute in label["attributes"]}


def test_pictures_are_copied_as_they_are(detector: Detector, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a.png", "b.jpg"):
        write_image(tmp_path / "in" / name, fake_network.painted((320, 192)))
    predict(detector, tmp_path / "in", tmp_path / "out")
    for name in ("a.png", "b.jpg"):
        for folder in ("cvat/images", "labelme"):
            assert (tmp_path / "out" / folder / name).read_bytes() == (tmp_path / "in" / name).read_bytes()
    assert {path.name for path in (tmp_path / "out" / "labelme").iterdir()} == {"a.png", "a.json", "b.jpg", "b.json"}


@pytest.mark.parametrize("tool", TOOLS)
def test_pre_labels_become_a_data_set(detector: Detector, tmp_path: Path, tool: str) -> None:
    video = fake_network.write_video(tmp_path / "drive.mp4", 3)
    scenes = predict(detector, video, tmp_path / "out")
    found, report = import_labels(tmp_path / "out" / tool, None, tmp_path / "data")
    assert (found.failed, report.failed, report.frames) == ([], [], 3)
    assert {label for _, label, _ in found.labels} <= {"lane", "lane_0", "lane_1", "lane_2", "lane_3"}
    data = Native(tmp_path / "data")
    for index, full in enumerate(scenes):
        assert_near(data[index][2], full)


@pytest.mark.parametrize(("tool", "folder"), [("cvat", "cvat/images"), ("labelme", "labelme")])
def test_pictures_to_correct_are_never_written_over(detector: Detector, tmp_path: Path, tool: str, folder: str) -> None:
    (tmp_path / folder).mkdir(parents=True)
    write_image(tmp_path / folder / "a.png", fake_network.painted((320, 192)))
    (source,) = find_sources([tmp_path / folder])
    with pytest.raises(OutputError, match="would replace this source"):
        Outputs(tmp_path, source, (tool,), model="markers", timings=detector.timings)


@pytest.mark.parametrize("tool", TOOLS)
def test_labels_that_may_be_corrected_are_never_written_over(detector: Detector, tmp_path: Path, tool: str) -> None:
    video = fake_network.write_video(tmp_path / "drive.mp4", 3)
    predict(detector, video, tmp_path / "out")
    (source,) = find_sources([video])
    with pytest.raises(OutputError, match="labels to correct are there already"):
        Outputs(tmp_path / "out", source, (tool,), model="markers", timings=detector.timings)
    Outputs(tmp_path / "out", source, ("lanes",), model="markers", timings=detector.timings).close()
