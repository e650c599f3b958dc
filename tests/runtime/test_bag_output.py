"""From bag to bag: `predict` reads a robot's recording and writes one to be played beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import fake_network
import numpy as np
import pytest
import robot_bags
from robot_bags import DELAY_NS, START_NS, STEP_NS, Topic

from lanelight.cli import main
from lanelight.formats import lane_message, native
from lanelight.frames import VideoReader, write_image

SIZE = (320, 192)
FRAMES = 6


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fake_network.write_model(tmp_path_factory.mktemp("model"))


def recorded(path: Path, form: str) -> Path:
    shown = [fake_network.painted(SIZE, shift_px=2.0 * index) for index in range(FRAMES)]
    other = [fake_network.painted(SIZE, slots=())]
    return robot_bags.write(path, form, {"/front/image_raw": Topic(shown), "/rear/image_raw": Topic(other)})


def predict(source: Path, model: Path, out: Path, *words: str) -> int:
    return main(["predict", str(source), "--model", str(model), "--threads", "1", "--out", str(out), *words])


def times(messages: list[tuple[int, Any]]) -> list[int]:
    """Return the times in the headers, ns."""
    return [message.header.stamp.sec * 10**9 + message.header.stamp.nanosec for _, message in messages]


@pytest.mark.parametrize(("form", "name", "bag"), [
    ("ros1", "drive.bag", "drive_lanes.bag"), ("mcap", "drive", "drive_lanes"), ("sqlite3", "drive", "drive_lanes"),
])  # fmt: skip
def test_lanes_of_a_bag_come_back_as_a_bag_with_its_headers(
    form: str, name: str, bag: str, model: Path, tmp_path: Path
) -> None:
    source = recorded(tmp_path / name, form)
    words = ("--topic", "/front/image_raw", "--save", "bag,lanes,video", "--no-track")
    assert predict(source, model, tmp_path / "out", *words) == 0
    found = robot_bags.contents(tmp_path / "out" / bag)
    headers = [START_NS + index * STEP_NS for index in range(FRAMES)]
    assert times(found["/lane_image/compressed"]) == headers
    assert {message.header.frame_id for _, message in found["/lane_image/compressed"]} == {"front"}
    for messages in found.values():
        assert [time_ns for time_ns, _ in messages] == [time_ns + DELAY_NS for time_ns in headers]
    _, records = native.read(tmp_path / "out" / "lanes.jsonl")
    for (_, message), record, time_ns in zip(found["/lanes"], records, headers, strict=True):
        header, said = lane_message.read(message.data)
        assert header == (time_ns, "front")
        assert (said.frame, said.time_s, len(said.scene.lanes)) == (record.frame, record.time_s, 4)
        for lane, other in zip(said.scene.lanes, record.scene.lanes, strict=True):
            np.testing.assert_array_equal(lane.points, other.points)
    drawn = cv2.imdecode(found["/lane_image/compressed"][0][1].data, cv2.IMREAD_COLOR_RGB)
    assert drawn is not None
    changed = np.abs(drawn.astype(int) - fake_network.painted(SIZE)).max(axis=2) > 40
    assert 0.02 < changed.mean() < 0.6
    with VideoReader(tmp_path / "out" / "drive.mp4") as reader:
        assert [round(time_s, 3) for _, time_s, _ in reader.frames()] == [0.0, 0.04, 0.08, 0.12, 0.16, 0.2]


def test_two_topics_without_a_choice_end_with_one_line(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert predict(recorded(tmp_path / "drive.bag", "ros1"), model, tmp_path / "out") == 1
    line = capsys.readouterr().err
    assert line.startswith("error: ")
    assert "/front/image_raw (6), /rear/image_raw (1); choose one with --topic" in line
    assert line.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_video_becomes_a_bag_of_ros_2_that_is_the_same_every_time(model: Path, tmp_path: Path) -> None:
    video = fake_network.write_video(tmp_path / "drive.mp4", 3)
    for name in ("one", "two"):
        assert predict(video, model, tmp_path / name, "--save", "bag") == 0
    one, two = (robot_bags.contents(tmp_path / name / "drive_lanes") for name in ("one", "two"))
    assert times(one["/lane_image/compressed"]) == times(two["/lane_image/compressed"])
    assert times(one["/lane_image/compressed"]) == [10**9, 10**9 + STEP_NS, 10**9 + 2 * STEP_NS]
    assert [message.data for _, message in one["/lanes"]] == [message.data for _, message in two["/lanes"]]


def test_pictures_stand_in_a_bag_half_a_second_apart(model: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for index in range(2):
        write_image(tmp_path / "in" / f"{index}.png", fake_network.painted(SIZE))
    assert predict(tmp_path / "in", model, tmp_path / "out", "--save", "bag") == 0
    found = robot_bags.contents(tmp_path / "out" / "in_lanes")
    assert times(found["/lane_image/compressed"]) == [1_000_000_000, 1_500_000_000]


def test_a_second_run_does_not_write_over_the_bag(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    video = fake_network.write_video(tmp_path / "drive.mp4", 2)
    assert predict(video, model, tmp_path / "out", "--save", "bag") == 0
    before = (tmp_path / "out" / "lanes.jsonl").read_bytes()
    assert predict(video, model, tmp_path / "out", "--save", "bag", "--limit", "1") == 1
    assert "drive_lanes: a bag is there already; choose another --out" in capsys.readouterr().err
    assert (tmp_path / "out" / "lanes.jsonl").read_bytes() == before


def test_damage_in_a_bag_is_reported_and_the_images_before_it_are_kept(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = [fake_network.painted(SIZE)] * 3
    path = robot_bags.write(tmp_path / "a.bag", "ros1", {"/cam": Topic(shown, spoilt={2: b"rubbish"})})
    assert predict(path, model, tmp_path / "out", "--save", "bag") == 1
    assert "/cam image 2: the message is damaged" in capsys.readouterr().err
    assert len(robot_bags.contents(tmp_path / "out" / "a_lanes.bag")["/lanes"]) == 2
