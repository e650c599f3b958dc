"""Robots' recordings, bags of ROS 1 and ROS 2, read by rosbags: no ROS is needed.

Only the two kinds of image message are ever decoded, by their published definitions, which have not changed since
ROS 1: other messages of the bag, of whatever package, cannot get in the way.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import islice, pairwise
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from lanelight.errors import SourceError, unknown_name
from lanelight.frames.image import Image
from lanelight.frames.ros_image import COMPRESSED, RAW, read_compressed, read_raw
from lanelight.frames.source import Frame, Source, Stamp

READERS: dict[str, Callable[[Any, str], Image]] = {
    f"sensor_msgs/msg/{RAW}": read_raw,
    f"sensor_msgs/msg/{COMPRESSED}": read_compressed,
}
PROBED = 16  # messages that tell the rate; more would only cost time: each is a whole picture on the disk
DAMAGED = "the bag is damaged or was not closed; try `rosbag reindex` or `ros2 bag reindex`"
MOST_TOPICS = 12  # that a message names


class BagSource(Source):
    """The images of one topic of a bag, in the order in which they were recorded.

    ``time_s`` counts from the first image by the stamps in the messages' headers, which are the camera's; where they
    are missing or do not rise, by the recorder's clock.

    Args:
        path: a ``.bag`` file of ROS 1, or of ROS 2 a folder with ``metadata.yaml`` or one of its files.
        topic: whose images are read; None takes the only topic with images.

    Attributes:
        path: of the bag.
        topic: whose images are read.
        ros1: whether it is a bag of ROS 1.

    Raises:
        SourceError: rosbags is not installed, the bag is damaged or empty, there is no such topic, none with images,
            or several to choose from.
    """

    kind = "video"

    def __init__(self, path: Path, topic: str | None = None) -> None:
        super().__init__(str(path), path.stem or path.resolve().name)
        self.path = path
        self.ros1 = path.suffix.lower() == ".bag" and path.is_file()
        with self._opened() as reader:
            self.topic = _chosen(self.name, reader.connections, topic)
            connections = _of_topic(reader, self.topic)
            self.count = sum(connection.msgcount for connection in connections)
            with _told(self.name):
                items = list(islice(reader.messages(connections=connections), PROBED))
        stamps = [message.stamp for message in self._probed(items)]
        self._by_header = _rising([stamp.time_ns for stamp in stamps])
        self.fps = _rate([self._clock(stamp) for stamp in stamps])

    @property
    def files(self) -> tuple[Path, ...]:
        """The bag's files."""
        return tuple(sorted(self.path.iterdir())) if self.path.is_dir() else (self.path,)

    def frames(self, every: int = 1) -> Generator[Frame, None, None]:
        """Yield the images; one that cannot be read is left out, and told at the end."""
        failed: list[SourceError] = []
        start: int | None = None
        with self._opened() as reader:
            items = reader.messages(connections=_of_topic(reader, self.topic))
            for index, item in enumerate(self._items(items)):
                if index % every:
                    continue
                try:
                    message = self._message(index, *item)
                    image = self._image(message)
                except SourceError as error:
                    failed.append(error)
                    continue
                clock = self._clock(message.stamp)
                start = clock if start is None else start
                yield Frame(index, round((clock - start) / 1e9, 6), image, f"{index:06d}", message.stamp)
        if failed:
            more = f"; {len(failed) - 1} more images could not be read" if len(failed) > 1 else ""
            raise SourceError(f"{failed[0]}{more}")

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        with _told(self.name):
            reader = _reader(self.path, self.ros1)
            reader.open()
        try:
            yield reader
        finally:
            with _told(self.name):
                reader.close()

    def _items(self, items: Iterator[tuple[Any, int, bytes]]) -> Iterator[tuple[Any, int, bytes]]:
        """Yield what a reader yields; where a bag is damaged, say so after what could be read."""
        done = 0
        while True:
            with _told(self.name, f"the bag is damaged after {done} of {self.count} images"):
                item = next(items, None)
            if item is None:
                break
            yield item
            done += 1
        if self.count is not None and done < self.count:
            raise SourceError(
                f"{self.name}: the bag is damaged: {done} of {self.count} images of {self.topic} are there"
            )

    def _message(self, index: int, connection: Any, received_ns: int, data: bytes) -> _Message:
        name = f"{self.name} {self.topic} image {index}"
        with _told(name, "the message is damaged"):
            types = _types(self.ros1)
            read = types.deserialize_ros1 if self.ros1 else types.deserialize_cdr
            body: Any = read(data, connection.msgtype)
        stamp = body.header.stamp
        time_ns = int(stamp.sec) * 10**9 + int(stamp.nanosec)
        return _Message(name, connection.msgtype, body, Stamp(time_ns, str(body.header.frame_id), received_ns))

    def _image(self, message: _Message) -> Image:
        return READERS[message.kind](message.body, message.name)

    def _probed(self, items: list[tuple[Any, int, bytes]]) -> list[_Message]:
        """Return those messages that can be read; the image of the first tells the size."""
        readable: list[_Message] = []
        failed: list[SourceError] = []
        for index, item in enumerate(items):
            try:
                message = self._message(index, *item)
                if self.size is None:
                    height, width = self._image(message).shape[:2]
                    self.size = (width, height)
            except SourceError as error:
                failed.append(error)
                continue
            readable.append(message)
        if not readable:
            raise failed[0]
        return readable

    def _clock(self, stamp: Stamp) -> int:
        return stamp.time_ns if self._by_header else stamp.received_ns


class _Message(NamedTuple):
    """An image message: its name for errors, type, fields, and stamp."""

    name: str
    kind: str
    body: Any
    stamp: Stamp


def _reader(path: Path, ros1: bool) -> Any:
    from rosbags import rosbag1, rosbag2

    return rosbag1.Reader(path) if ros1 else rosbag2.Reader(path)


@cache
def _types(ros1: bool) -> Any:
    from rosbags.typesys import Stores, get_typestore

    return get_typestore(Stores.ROS1_NOETIC if ros1 else Stores.ROS2_HUMBLE)  # a header of ROS 1 has a number more


@contextmanager
def _told(name: str, problem: str = DAMAGED) -> Iterator[None]:
    """Turn what goes wrong in rosbags into one line that names the bag."""
    try:
        yield
    except SourceError:
        raise
    except ModuleNotFoundError as error:
        raise SourceError(f"{name}: reading a bag needs {error.name}: pip install 'lanelight[ros]'") from error
    except OSError as error:
        raise SourceError(f"{name}: expected a readable bag, got: {error.strerror or error}") from error
    except Exception as error:  # damaged bytes make its parsers raise whatever they met: struct.error, KeyError, ...
        reason = " ".join(str(error).split()) or type(error).__name__
        raise SourceError(f"{name}: {problem} ({reason})") from error


def _of_topic(reader: Any, topic: str) -> list[Any]:
    return [one for one in reader.connections if one.topic == topic and one.msgtype in READERS]


def _chosen(name: str, connections: list[Any], topic: str | None) -> str:
    """Return the topic to read: the one asked for, or the only one with images."""
    counts: dict[str, int] = {}
    for connection in connections:
        if connection.msgtype in READERS:
            counts[connection.topic] = counts.get(connection.topic, 0) + connection.msgcount
    if not counts:
        others = ", ".join(sorted({f"{one.topic} ({one.msgtype})" for one in connections})[:MOST_TOPICS])
        raise SourceError(f"{name}: expected a topic of images ({' or '.join(READERS)}), got {others or 'no topics'}")
    if topic is not None and topic not in counts:
        raise SourceError(f"{name}: {unknown_name('topic', topic, counts)}")
    filled = {one: count for one, count in counts.items() if count}
    if topic is None and len(filled) > 1:
        told = ", ".join(f"{one} ({count})" for one, count in sorted(filled.items()))
        raise SourceError(f"{name}: expected one topic of images, got {told}; choose one with --topic")
    chosen = topic or next(iter(filled or counts))
    if not counts[chosen]:
        raise SourceError(f"{name}: the bag has no images on {chosen}: nothing was recorded")
    return chosen


def _rising(times_ns: list[int]) -> bool:
    """Tell whether the stamps are there and tell the time: 0 means that a camera does not know it."""
    return times_ns[0] > 0 and all(late > early for early, late in pairwise(times_ns))


def _rate(times_ns: list[int]) -> float | None:
    """Return images per second; the median keeps a gap in the recording out of it."""
    steps = [late - early for early, late in pairwise(times_ns) if late > early]
    return round(1e9 / median(steps), 3) if steps else None
