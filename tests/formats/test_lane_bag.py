"""Lanes as a message of ROS, and the bag that holds them beside the drawn images."""

from __future__ import annotations

import errno
import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import robot_bags
from numpy.typing import NDArray

from lanelight.errors import FormatError, OutputError
from lanelight.formats import lane_bag, lane_message
from lanelight.formats.lane_bag import LaneBag
from lanelight.formats.lane_message import MessageHeader
from lanelight.frames import Stamp
from lanelight.geometry import Lane, Scene

HEADER = MessageHeader(1_700_000_000_000_000_005, "front_camera")
STAMP = Stamp(HEADER.time_ns, HEADER.frame_id, HEADER.time_ns + 3_000_000)
POINTS = np.array([[10.5, 40.0], [20.25, 30.0], [1 / 3, 20.0]])
SCENE = Scene((64, 48), (Lane(POINTS, score=0.75, slot=1, track=7),))
PLACES = ["found.bag", "found"]


def text() -> str:
    return lane_message.write(SCENE, HEADER, index=3, time_s=0.12, model="markers")


def picture() -> NDArray[np.uint8]:
    return np.full((48, 64, 3), (200, 120, 40), np.uint8)


def test_lanes_come_back_from_their_message_exactly_with_the_header_of_the_image() -> None:
    header, record = lane_message.read(text())
    assert header == HEADER
    assert (record.frame, record.time_s, record.scene.size) == (3, 0.12, (64, 48))
    (lane,) = record.scene.lanes
    assert (lane.score, lane.slot, lane.track) == (0.75, 1, 7)
    np.testing.assert_array_equal(lane.points, POINTS)


def test_the_message_is_plain_json_for_readers_of_any_language() -> None:
    entry = json.loads(text())
    assert entry["header"] == {"stamp": {"sec": 1_700_000_000, "nanosec": 5}, "frame_id": "front_camera"}
    assert (entry["format"], entry["model"], entry["size"]) == ("lanelight/1", "markers", [64, 48])
    assert entry["lanes"][0]["points"][0] == [10.5, 40.0]


@pytest.mark.parametrize(
    "wrong", ["", "[]", "{}", '{"format": "lanelight/1"}', text()[:-5], text().replace("5}", '"5"}')]
)
def test_a_text_that_is_no_message_of_lanes_is_told(wrong: str) -> None:
    with pytest.raises(FormatError, match="lanes message: expected one JSON object"):
        lane_message.read(wrong)


def test_a_message_of_a_newer_version_is_told() -> None:
    with pytest.raises(FormatError, match=r"expected format lanelight/1, got lanelight/2; upgrade"):
        lane_message.read(text().replace("lanelight/1", "lanelight/2"))


def test_an_infinite_coordinate_is_refused() -> None:
    scene = Scene((64, 48), (Lane(np.array([[np.inf, 1.0], [2.0, 3.0]])),))
    with pytest.raises(OutputError, match="frame 0: expected finite numbers"):
        lane_message.write(scene, HEADER, index=0, time_s=None, model="markers")


@pytest.mark.parametrize("name", PLACES)
def test_a_bag_holds_lanes_and_pictures_with_the_headers_of_the_images(name: str, tmp_path: Path) -> None:
    with LaneBag(tmp_path / "new" / name) as bag:
        bag.write(STAMP, text(), picture())
        bag.write(STAMP._replace(received_ns=STAMP.received_ns + 40_000_000), text(), picture())
    found = robot_bags.contents(tmp_path / "new" / name)
    assert sorted(found) == ["/lane_image/compressed", "/lanes"]
    for messages in found.values():
        assert [time_ns for time_ns, _ in messages] == [STAMP.received_ns, STAMP.received_ns + 40_000_000]
    assert found["/lanes"][0][1].data == text()
    for index, (_, message) in enumerate(found["/lane_image/compressed"]):
        stamp = message.header.stamp
        assert (stamp.sec * 10**9 + stamp.nanosec, message.header.frame_id) == HEADER
        assert getattr(message.header, "seq", index) == index
        assert message.format == "jpeg"
        seen = cv2.imdecode(message.data, cv2.IMREAD_COLOR_RGB)
        assert seen is not None
        assert np.abs(seen.astype(int) - picture()).max() <= 4
    assert [path.name for path in (tmp_path / "new").iterdir()] == [name]


@pytest.mark.parametrize("name", PLACES)
def test_nothing_has_the_name_of_the_bag_before_it_is_complete(name: str, tmp_path: Path) -> None:
    bag = LaneBag(tmp_path / name)
    bag.write(STAMP, text(), picture())
    assert [path.name.startswith(f".{name}.") for path in tmp_path.iterdir()] == [True]
    bag.close()
    bag.close()
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", PLACES)
def test_a_bag_without_messages_leaves_nothing(name: str, tmp_path: Path) -> None:
    LaneBag(tmp_path / name).close()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", PLACES)
def test_a_recording_is_not_written_over(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(OutputError, match=rf"{name}: a bag is there already; choose another --out"):
        LaneBag(tmp_path / name)


@pytest.mark.parametrize("name", PLACES)
def test_a_full_disk_is_told_and_leaves_nothing(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bag = LaneBag(tmp_path / name)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(bag._writer, "write", full)
    with pytest.raises(OutputError, match=rf"cannot write .*{name}: No space left on device; make room"):
        bag.write(STAMP, text(), picture())
    bag.close()
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"cannot write .*found: .*choose a folder"):
        LaneBag(tmp_path / "file" / "found")


def test_without_rosbags_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("rosbags", "rosbags.typesys"):
        monkeypatch.setitem(sys.modules, name, None)
    lane_bag._types.cache_clear()
    with pytest.raises(OutputError, match=r"--save bag needs rosbags.*: pip install 'lanelight\[ros\]'"):
        LaneBag(tmp_path / "found")
