"""`lanelight ros` among real nodes: a master on loopback, and a peer that plays camera and listener.

Needs ROS 1, on Debian 12 for example the packages that `.ci/run` installs.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import xmlrpc.client
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import fake_network
import numpy as np
import pytest
import robot_bags
from numpy.typing import NDArray

import lanelight
from lanelight.cli import main
from lanelight.datasets.synthetic import WORLDS, render_drive
from lanelight.formats import lane_message
from lanelight.frames import VideoReader
from lanelight.render import draw_lanes
from lanelight.runtime.ros_node import Newest

PEER = Path(__file__).with_name("ros_peer.py")
FIND_ROS = "import rospy, rosbag, rosgraph, sensor_msgs.msg, std_msgs.msg; print(rospy.__file__)"
READ_BAG = """
import json, rosbag, sys
with rosbag.Bag(sys.argv[1]) as bag:
    pictures = [
        (message.header.stamp.to_nsec(), message.header.frame_id, message.format)
        for _, message, _ in bag.read_messages("/lane_image/compressed")
    ]
    print(json.dumps([pictures, [message.data for _, message, _ in bag.read_messages("/lanes")]]))
"""
SIZE = (640, 360)
FRAMES = 4


class Ros(NamedTuple):
    """An installed ROS 1: the Python that has it, the folder of its packages, and its master's environment."""

    python: str
    packages: Path
    env: dict[str, str]
    master: str


@pytest.fixture(scope="module")
def ros(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ros]:
    """Start a master of its own; the test is skipped where there is no ROS 1."""
    command = shutil.which("rosmaster")
    found = next(filter(None, map(ros_of, (sys.executable, "/usr/bin/python3"))), None)
    if command is None or found is None:
        pytest.skip(
            "needs ROS 1: rospy, rosbag, rosmaster, sensor_msgs and std_msgs, as .ci/run installs them on Debian 12"
        )
    home = tmp_path_factory.mktemp("ros")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    uri = f"http://127.0.0.1:{port}"
    env = {name: value for name, value in os.environ.items() if not name.startswith("ROS_")}
    env |= {"ROS_MASTER_URI": uri, "ROS_IP": "127.0.0.1", "ROS_HOME": str(home), "ROS_LOG_DIR": str(home / "log")}
    with (home / "master.txt").open("w") as log:
        master = subprocess.Popen([command, "--core", "-p", str(port)], env=env, stdout=log, stderr=log)
        try:
            wait_for_master(uri)
            yield Ros(*found, env, uri)
        finally:
            master.terminate()
            master.wait(20)


def ros_of(python: str) -> tuple[str, Path] | None:
    """Return an interpreter and its folder of ROS packages, None where it has none."""
    if not Path(python).exists():
        return None
    done = subprocess.run([python, "-c", FIND_ROS], capture_output=True, text=True, check=False, timeout=60)
    return (python, Path(done.stdout.strip()).parents[1]) if done.returncode == 0 else None


def wait_for_master(uri: str) -> None:
    end = time.monotonic() + 30
    while True:
        try:
            state(uri)
            return
        except OSError:
            assert time.monotonic() < end, "the master does not start"
            time.sleep(0.05)


def state(uri: str) -> Any:
    """Return the master's lists of publishers, subscribers and services."""
    with xmlrpc.client.ServerProxy(uri) as master:
        answer: Any = master.getSystemState("/test")
        return answer[2]


@contextmanager
def node(ros: Ros, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Run `lanelight ros` and end it if the test did not."""
    command = [sys.executable, "-m", "lanelight", "ros", "--ros-path", str(ros.packages), "--threads", "1", *words]
    started = subprocess.Popen(command, env=ros.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield started
    finally:
        if started.poll() is None:
            started.kill()
        started.communicate()


def play(ros: Ros, folder: Path, frames: Sequence[dict[str, Any]], **plan: Any) -> dict[str, Any]:
    """Let the peer publish frames; return what it got back."""
    names = {"images": "/usb_cam/image_raw", "overlay": "/lane_image", "lanes": "/lanes"}
    settings = {**names, "compressed": False, "burst": 0, "folder": str(folder), "frames": list(frames)}
    (folder / "plan.json").write_text(json.dumps(settings | plan))
    command = [ros.python, str(PEER), str(folder / "plan.json")]
    done = subprocess.run(command, env=ros.env, capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def saved(folder: Path, images: Sequence[NDArray[np.uint8]]) -> list[dict[str, Any]]:
    """Write images as a camera sends them, in bgr8, and return their entries in a plan."""
    entries = []
    for index, image in enumerate(images):
        file = folder / f"{index}.bgr"
        file.write_bytes(np.ascontiguousarray(image[..., ::-1]).tobytes())
        entries.append({"file": str(file), "size": [image.shape[1], image.shape[0]], "encoding": "bgr8"})
    return entries


def clip() -> list[NDArray[np.uint8]]:
    """Return some frames of a real drive; where there are no real data, of a rendered one."""
    folder = Path(os.environ.get("LANELIGHT_SHARED", Path(__file__).resolve().parents[3] / "shared"))
    real = folder / "data" / "udacity_clips" / "i280_cut.mp4"
    if real.is_file():
        with VideoReader(real) as reader:
            shown = [image for index, _, image in reader.frames(5) if index < 5 * FRAMES]
        return [np.asarray(cv2.resize(image, SIZE, interpolation=cv2.INTER_AREA), np.uint8) for image in shown]
    return [image for image, _ in render_drive(replace(WORLDS["highway"], size=SIZE), seed=102, frames=FRAMES)]


@pytest.mark.slow
def test_frames_of_a_drive_get_their_lanes_once_with_their_own_headers(ros: Ros, tmp_path: Path) -> None:
    images = clip()
    depth = {"file": str(tmp_path / "0.bgr"), "size": list(SIZE), "encoding": "16UC1", "unreadable": True}
    frames = saved(tmp_path, images)
    with node(ros, "--backend", "onnxruntime", "--no-track") as started:
        got = play(ros, tmp_path, [*frames[:2], depth, *frames[2:]], burst=40)
        ours = {name for name, who in state(ros.master)[0] if any("lanelight" in one for one in who)}
        assert ours == {"/lane_image", "/lanes", "/rosout"}
        started.send_signal(signal.SIGINT)
        out, err = started.communicate(timeout=60)
    assert started.returncode == 130, err
    assert "1 not readable" in out
    assert "unknown encoding '16UC1'" in err
    assert not any("lanelight" in one for names in state(ros.master) for _, who in names for one in who)

    told = [lane_message.read(text) for text in got["lanes"]]
    stamps = [header.time_ns for header, _ in told]
    assert [overlay["stamp_ns"] for overlay in got["overlays"]] == stamps
    assert {header.frame_id for header, _ in told} == {"front_camera"}
    assert {overlay["frame_id"] for overlay in got["overlays"]} == {"front_camera"}
    one_by_one = [100, 101, 103, 104]  # 102 is the depth map
    assert stamps[:FRAMES] == [second * 10**9 + 7 for second in one_by_one]
    burst = stamps[FRAMES:]
    assert burst == sorted(set(burst)), "an image was answered twice, or an older one after a newer one"
    assert burst[-1] == 5039 * 10**9 + 7
    assert len(burst) < 40, "every image of the burst was worked on: none was dropped for a newer one"

    with lanelight.load(backend="onnxruntime", threads=1) as detector:
        for image, (_, record), overlay in zip(images, told, got["overlays"], strict=False):
            scene = detector.predict(image)
            assert len(record.scene.lanes) == len(scene.lanes) >= 2
            for lane, other in zip(record.scene.lanes, scene.lanes, strict=True):
                np.testing.assert_allclose(lane.points, other.points, atol=1e-6)
            assert (overlay["encoding"], overlay["size"]) == ("rgb8", [*SIZE, 3 * SIZE[0]])
            pixels = np.frombuffer(Path(overlay["file"]).read_bytes(), np.uint8).reshape(image.shape)
            np.testing.assert_array_equal(pixels, draw_lanes(image, scene))


@pytest.mark.slow
def test_topics_can_be_named_and_remapped_and_images_may_be_compressed(ros: Ros, tmp_path: Path) -> None:
    model = fake_network.write_model(tmp_path)
    image = fake_network.painted(SIZE)
    (tmp_path / "0.jpg").write_bytes(cv2.imencode(".jpg", image[..., ::-1])[1].tobytes())
    topics = {"images": "/front/image_raw/compressed", "overlay": "/front/drawn", "lanes": "/found"}
    words = ("--images", topics["images"], "--overlay", topics["overlay"], "/lanes:=/found", "__name:=lane_finder")
    with node(ros, "--model", str(model), *words) as started:
        got = play(ros, tmp_path, [{"file": str(tmp_path / "0.jpg")}] * 3, compressed=True, **topics)
        with xmlrpc.client.ServerProxy(ros.master) as master:
            answer: Any = master.lookupNode("/test", "/lane_finder")
        # As a node shuts down it closes the connection on which it was told to.
        with xmlrpc.client.ServerProxy(answer[2]) as api, suppress(OSError, http.client.HTTPException):
            api.shutdown("/test", "as rosnode kill does")
        out, err = started.communicate(timeout=60)
    assert started.returncode == 0, err
    assert "images answered" in out
    assert len(got["lanes"]) == len(got["overlays"]) == 3
    records = [lane_message.read(text)[1] for text in got["lanes"]]
    assert [len(record.scene.lanes) for record in records] == [4, 4, 4]
    tracks = [[lane.track for lane in record.scene.lanes] for record in records]
    assert tracks[0] == tracks[1] == tracks[2]
    assert None not in tracks[0]


def test_the_tools_of_ros_read_our_bag(ros: Ros, tmp_path: Path) -> None:
    image = fake_network.painted(SIZE)
    robot_bags.write(tmp_path / "drive.bag", "ros1", {"/cam": robot_bags.Topic([image] * 3)})
    model = fake_network.write_model(tmp_path)
    words = ["--model", str(model), "--threads", "1", "--save", "bag", "--out", str(tmp_path)]
    assert main(["predict", str(tmp_path / "drive.bag"), *words]) == 0
    command = [ros.python, "-c", READ_BAG, str(tmp_path / "drive_lanes.bag")]
    done = subprocess.run(command, env=ros.env, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    pictures, texts = json.loads(done.stdout)
    headers = [[robot_bags.START_NS + index * robot_bags.STEP_NS, "front"] for index in range(3)]
    assert [picture[:2] for picture in pictures] == headers
    assert [list(lane_message.read(text)[0]) for text in texts] == headers


def test_a_name_that_ros_does_not_take_ends_with_one_line(ros: Ros) -> None:
    with node(ros, "--name", "a/b") as started:
        out, err = started.communicate(timeout=60)
    assert started.returncode == 1, out
    assert err.splitlines()[-1].startswith("error: lanelight ros: expected names that ROS takes, got a/b")


def test_without_a_master_the_node_says_so_and_ends(ros: Ros) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}"
    with node(ros._replace(env=ros.env | {"ROS_MASTER_URI": nobody})) as started:
        _, err = started.communicate(timeout=60)
    assert started.returncode == 1
    assert err == (
        f"error: no ROS master answers at {nobody}: start roscore (or rosmaster --core), or set ROS_MASTER_URI to "
        "where it runs\n"
    )


def test_where_rospy_is_not_found_the_way_to_it_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    if ros_of(sys.executable) is not None:
        pytest.skip("this Python has rospy")
    assert main(["ros"]) == 1
    line = capsys.readouterr().err
    assert line.startswith("error: lanelight ros needs ROS 1, and Python finds no rospy: ")
    assert "--ros-path /usr/lib/python3/dist-packages" in line
    assert line.count("\n") == 1


def test_a_ros_path_without_rospy_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ros", "--ros-path", str(tmp_path)]) == 1
    assert f"--ros-path {tmp_path}: expected a folder with the package rospy" in capsys.readouterr().err


def test_a_word_that_is_no_remapping_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ros", "/lanes"]) == 2
    assert "expected NAME:=VALUE, got '/lanes'" in capsys.readouterr().err


def test_only_the_newest_item_is_kept_and_taken_once() -> None:
    newest: Newest[str] = Newest()
    assert newest.take(0.0) is None
    for item in ("a", "b", "c"):
        newest.put(item)
    assert newest.take(0.0) == "c"
    assert newest.take(0.0) is None
    assert newest.replaced == 2


def test_a_waiting_taker_gets_an_item_as_soon_as_it_comes() -> None:
    newest: Newest[int] = Newest()
    timer = threading.Timer(0.1, newest.put, (5,))
    timer.start()
    assert newest.take(30.0) == 5
    timer.join()
