"""A node of ROS 1: images of a camera in, lanes and the images with the lanes drawn in out.

Differs from the reference node, which re-sends its latest picture twenty times a second with the time of sending: here
every answer is sent once, with the header of the image that it answers, so that others can pair the two. Of the images
that came during the work on one, only the newest is looked at.

rospy is imported when the node starts; it comes with ROS, not from a package registry.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Generic, TypeVar

from lanelight.errors import LanelightError, SourceError
from lanelight.formats import lane_message
from lanelight.formats.lane_message import SECOND_NS, MessageHeader
from lanelight.frames import Image
from lanelight.frames.ros_image import read_compressed, read_raw
from lanelight.geometry import Scene
from lanelight.render import draw_lanes
from lanelight.runtime.predictor import Detector
from lanelight.runtime.tracking import LaneTracker

DEBIAN = Path("/usr/lib/python3/dist-packages")
COMPRESSED_SUFFIX = "/compressed"  # by this image_transport names topics of compressed images
BUFFER_BYTES = 1 << 25  # must hold an image: with less, rospy keeps the old ones waiting. 32 MiB: 3840x2160 of 3 bytes
POLL_S = 0.1  # how soon the node sees that it should stop
GAP_NS = 2 * SECOND_NS  # without images: what was known of the lanes is out of date
WARN_S = 10.0  # between warnings about images that cannot be read

Item = TypeVar("Item")


@dataclass(frozen=True)
class Topics:
    """The names that a node listens and answers to.

    Attributes:
        images: where the images come from; of compressed ones where the name ends with ``/compressed``.
        overlay: gets the images with the lanes drawn in, `sensor_msgs/Image` in rgb8.
        lanes: gets the lanes, `std_msgs/String` with the text of `lane_message`.
    """

    images: str
    overlay: str
    lanes: str


@dataclass
class NodeReport:
    """What a node did.

    Attributes:
        answered: number of images whose lanes were sent.
        passed_over: number of images that a newer one replaced before their turn.
        unreadable: number of images that could not be read.
    """

    answered: int = 0
    passed_over: int = 0
    unreadable: int = 0


class Newest(Generic[Item]):
    """A place for one item between two threads: a newer one replaces it.

    Attributes:
        replaced: number of items that nobody took.
    """

    def __init__(self) -> None:
        self.replaced = 0
        self._item: Item | None = None
        self._there = threading.Condition()

    def put(self, item: Item) -> None:
        """Leave an item."""
        with self._there:
            self.replaced += self._item is not None
            self._item = item
            self._there.notify()

    def take(self, timeout_s: float) -> Item | None:
        """Take the newest item; None where there is none within the time."""
        with self._there:
            self._there.wait_for(lambda: self._item is not None, timeout_s)
            item, self._item = self._item, None
            return item


class LaneNode:
    """Answers images until it is told to stop.

    Args:
        topics: names of the topics.
        name: of the node; ROS makes it unique.
        words: remappings in ROS's form, ``/lane_image:=/front/lane_image`` or ``__name:=lanes``.
        packages: folder with rospy, searched behind everything else; None where Python finds rospy by itself.

    Raises:
        LanelightError: rospy or its messages are not installed, or no master answers.
    """

    def __init__(
        self, topics: Topics, *, name: str = "lanelight", words: Sequence[str] = (), packages: Path | None = None
    ) -> None:
        self._ros = _import_ros(packages)
        self._messages = (_ros_module("sensor_msgs.msg"), _ros_module("std_msgs.msg"))
        _check_master()
        self._topics = topics
        self._name, self._words = name, tuple(words)
        self._newest: Newest[Any] = Newest()
        self._index = 0
        self._first_ns: int | None = None
        self._latest_ns = 0

    def run(self, detector: Detector, *, track: bool = True, stop: threading.Event) -> NodeReport:
        """Answer images until `stop` is set or ROS shuts the node down; then leave the master.

        Args:
            detector: the network.
            track: number, smooth and bridge lanes through the images.
            stop: ends the work.

        Raises:
            LanelightError: ROS takes none of the names.
        """
        report = NodeReport()
        try:
            read, overlay, lanes = self._join()
            tracker = LaneTracker() if track else None
            while not (stop.is_set() or self._ros.is_shutdown()):
                message = self._newest.take(POLL_S)
                if message is None:
                    continue
                try:
                    image = read(message, self._topics.images)
                except SourceError as error:
                    report.unreadable += 1
                    self._ros.logwarn_throttle(WARN_S, f"an image is passed over: {error}")
                    continue
                if self._is_cut(message) and tracker is not None:
                    tracker = LaneTracker()
                scene = detector.predict(image)
                scene = scene if tracker is None else tracker.update(scene)
                lanes.publish(data=self._text(scene, message, detector.manifest.name))
                if overlay.get_num_connections():  # else nobody would see the drawing
                    drawn = draw_lanes(image, scene, class_names=detector.manifest.classes)
                    overlay.publish(**_image_fields(message.header, drawn))
                report.answered += 1
        finally:
            self._ros.signal_shutdown("lanelight is done")  # closes the connections and tells the master
        report.passed_over = self._newest.replaced
        return report

    def _join(self) -> tuple[Callable[[Any, str], Image], Any, Any]:
        """Become a node; return how images are read, and what publishes the overlay and the lanes."""
        ros, (sensor, std), topics = self._ros, self._messages, self._topics
        try:
            # The signals stay ours: they end the loop, which then says goodbye to the master.
            ros.init_node(self._name, argv=[self._name, *self._words], anonymous=True, disable_signals=True)
            compressed = ros.resolve_name(topics.images).endswith(COMPRESSED_SUFFIX)
            kind = sensor.CompressedImage if compressed else sensor.Image
            overlay = ros.Publisher(topics.overlay, sensor.Image, queue_size=1)
            lanes = ros.Publisher(topics.lanes, std.String, queue_size=1)
            ros.Subscriber(topics.images, kind, self._newest.put, queue_size=1, buff_size=BUFFER_BYTES)
        except (ValueError, ros.ROSException) as error:
            raise LanelightError(
                f"lanelight ros: expected names that ROS takes, got {self._name}, {topics}: {error}"
            ) from error
        return (read_compressed if compressed else read_raw), overlay, lanes

    def _is_cut(self, message: Any) -> bool:
        """Tell whether an image does not follow the one before it: a gap, or a recording that begins again."""
        time_ns = message.header.stamp.to_nsec()
        before, self._latest_ns = self._latest_ns, time_ns
        return not 0 <= time_ns - before <= GAP_NS

    def _text(self, scene: Scene, message: Any, model: str) -> str:
        time_ns = message.header.stamp.to_nsec()
        self._first_ns = time_ns if self._first_ns is None else self._first_ns
        index, self._index = self._index, self._index + 1
        header = MessageHeader(time_ns, message.header.frame_id)
        time_s = round((time_ns - self._first_ns) / SECOND_NS, 6)
        return lane_message.write(scene, header, index=index, time_s=time_s, model=model)


def _image_fields(header: Any, image: Image) -> dict[str, Any]:
    """Return the fields of a `sensor_msgs/Image`."""
    height, width = image.shape[:2]
    rows = {"height": height, "width": width, "step": 3 * width}
    return {"header": header, **rows, "encoding": "rgb8", "is_bigendian": 0, "data": image.tobytes()}


def _import_ros(packages: Path | None) -> Any:
    if packages is not None:
        if not (packages / "rospy").is_dir():
            raise LanelightError(f"--ros-path {packages}: expected a folder with the package rospy, found none")
        if str(packages) not in sys.path:
            sys.path.append(str(packages))  # last: what lanelight was installed with comes first, NumPy above all
    return _ros_module("rospy")


def _ros_module(name: str) -> Any:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise LanelightError(f"lanelight ros needs ROS 1, and Python finds no {error.name}: {_advice()}") from error


def _advice() -> str:
    if (DEBIAN / "rospy").is_dir() and str(DEBIAN) not in sys.path:
        return f"it is installed here: add --ros-path {DEBIAN}"
    return (
        "source the setup.bash of your ROS, or on Debian 12 apt-get install python3-rospy python3-sensor-msgs "
        f"python3-std-msgs and add --ros-path {DEBIAN}"
    )


def _check_master() -> None:
    """Check that the master answers: rospy itself would wait for it without a word."""
    graph = _ros_module("rosgraph")
    if not graph.is_master_online():
        raise LanelightError(
            f"no ROS master answers at {graph.get_master_uri()}: start roscore (or rosmaster --core), or set "
            "ROS_MASTER_URI to where it runs"
        )
