"""Anything a user may name - picture, folder, glob, video, robot's bag, camera, stream - as an iterable of frames."""

from __future__ import annotations

import glob
import re
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import ClassVar, NamedTuple

from lanelight.errors import SourceError
from lanelight.frames.image import SUFFIXES, Image, read_image
from lanelight.frames.video import VideoReader

VIDEO_SUFFIXES = frozenset(
    {".3gp", ".avi", ".flv", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ts", ".webm", ".wmv"}
)
BAG_SUFFIXES = frozenset({".bag", ".db3", ".mcap"})
KNOWN_SUFFIXES = SUFFIXES | VIDEO_SUFFIXES | BAG_SUFFIXES
BAG_INDEX = "metadata.yaml"  # what makes a folder a bag of ROS 2


class Stamp(NamedTuple):
    """When and where a robot took a frame, as the header of its ROS message says it.

    Attributes:
        time_ns: time of the picture, ns since 1970 or since the start of a simulation; 0 where the robot did not say.
        frame_id: name of the camera's coordinate frame.
        received_ns: when the recorder got the message, ns.
    """

    time_ns: int
    frame_id: str
    received_ns: int


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame of a source.

    Attributes:
        index: number of the frame in its source, from 0.
        time_s: seconds from the first frame, or None for pictures.
        image: (H, W, 3) uint8 RGB.
        name: file name of a picture (unique within the source), or the frame's number in a video.
        stamp: what a robot's recording says about the frame, None elsewhere.
    """

    index: int
    time_s: float | None
    image: Image
    name: str
    stamp: Stamp | None = None


class Source(ABC):
    """Where frames come from; found and checked before any work begins.

    Attributes:
        name: what the user named, for messages and file headers.
        stem: short name for output files.
        size: (width, height) px of the (first) frame, or None where it is known only later.
        fps: frames per second, or None.
        count: number of frames, or None where unknown.
    """

    kind: ClassVar[str]

    def __init__(self, name: str, stem: str) -> None:
        self.name = name
        self.stem = stem
        self.size: tuple[int, int] | None = None
        self.fps: float | None = None
        self.count: int | None = None

    @property
    def live(self) -> bool:
        """Whether frames come in real time, so that late ones are better dropped than waited for."""
        return False

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that are read, none of which may be written over."""
        return ()

    @abstractmethod
    def frames(self, every: int = 1) -> Generator[Frame, None, None]:
        """Yield every n-th frame.

        Raises:
            SourceError: at the end, when some frames could not be read; what could be read came before.
        """

    def __iter__(self) -> Iterator[Frame]:
        return self.frames()


class ImageSource(Source):
    """One or more picture files, in the order given."""

    kind = "images"

    def __init__(self, name: str, paths: Sequence[Path]) -> None:
        super().__init__(name, Path(name).stem if len(paths) == 1 else _folder_stem(name, paths))
        self.paths = tuple(paths)
        self.count = len(paths)

    @property
    def files(self) -> tuple[Path, ...]:
        """The pictures."""
        return self.paths

    def frames(self, every: int = 1) -> Generator[Frame, None, None]:
        """Yield the pictures; one that cannot be read is left out and named at the end."""
        names = _unique_names(self.paths)
        failed: list[SourceError] = []
        for index in range(0, len(self.paths), every):
            try:
                image = read_image(self.paths[index])
            except SourceError as error:
                failed.append(error)
                continue
            yield Frame(index, None, image, names[index])
        if len(failed) == 1:
            raise failed[0]
        if failed:
            total = len(range(0, len(self.paths), every))
            raise SourceError(f"{len(failed)} of {total} pictures could not be read: {'; '.join(map(str, failed))}")


class VideoSource(Source):
    """A video file; it may be iterated more than once."""

    kind = "video"

    def __init__(self, path: Path) -> None:
        super().__init__(str(path), path.stem)
        self.path = path
        with VideoReader(path) as reader:
            self.size, self.fps, self.count = reader.size, reader.fps, reader.count

    @property
    def files(self) -> tuple[Path, ...]:
        """The video."""
        return (self.path,)

    def frames(self, every: int = 1) -> Generator[Frame, None, None]:
        """Yield the frames; a file that is cut off raises after its last good frame."""
        with VideoReader(self.path) as reader:
            for index, moment, image in reader.frames(every):
                yield Frame(index, moment, image, f"{index:06d}")


class LiveSource(Source):
    """A camera or a stream address; opened at once and iterated once."""

    kind = "video"

    def __init__(self, place: str | int) -> None:
        stem = f"camera{place}" if isinstance(place, int) else re.sub(r"\W+", "_", place.split("://")[-1]).strip("_")
        super().__init__(str(place), stem)
        self._reader = VideoReader(place)
        self.size, self.fps = self._reader.size, self._reader.fps

    @property
    def live(self) -> bool:
        """Whether frames come in real time; a finished recording behind an address does not."""
        return self._reader.live

    def frames(self, every: int = 1) -> Generator[Frame, None, None]:
        """Yield the frames until the stream ends."""
        with self._reader as reader:
            for index, moment, image in reader.frames(every):
                yield Frame(index, moment, image, f"{index:06d}")


def find_sources(names: Sequence[str | Path], *, topic: str | None = None) -> list[Source]:
    """Find what the names mean and check that it is there.

    A name is a picture, a folder (its pictures, and its videos and bags one by one), a glob pattern, a video file, a
    bag of ROS 1 (``.bag``) or ROS 2 (a folder with ``metadata.yaml``, or its ``.mcap`` or ``.db3`` file), the number
    of a camera, or an address such as ``rtsp://...``. Pictures that follow each other make one source.

    Args:
        names: what the user wrote.
        topic: whose images are read from the bags; None takes the only one.

    Raises:
        SourceError: a name leads nowhere, to an empty folder, to a file that is neither picture, video nor bag, or a
            topic is named and no bag.
    """
    if not names:
        raise SourceError("expected at least one source: a picture, folder, video, bag, camera number or address")
    found = [item for name in names for item in _resolve(name)]
    if topic is not None and not any(isinstance(item, Path) and is_bag(item) for item in found):
        raise SourceError(f"--topic {topic}: expected a bag among the sources, got {', '.join(map(str, names))}")
    sources: list[Source] = []
    for pictures, group in groupby(found, key=lambda item: isinstance(item, Path) and _is_picture(item)):
        items = list(group)
        if pictures:
            paths = [item for item in items if isinstance(item, Path)]
            name = str(paths[0]) if len(paths) == 1 else _common_name(names, paths)
            sources.append(ImageSource(name, paths))
        else:
            sources.extend(_moving(item, topic) for item in items)
    return sources


def is_bag(path: Path) -> bool:
    """Tell whether a path is a robot's recording: a file, or a folder of ROS 2."""
    return (path / BAG_INDEX).is_file() if path.is_dir() else path.suffix.lower() in BAG_SUFFIXES


def natural_key(path: Path) -> list[tuple[int, int, str]]:
    """Return a sorting key that puts ``frame10`` behind ``frame9``."""
    parts = re.findall(r"\d+|\D+", str(path))
    return [(0, int(part), "") if part.isdigit() else (1, 0, part.lower()) for part in parts]


def _moving(item: Path | str | int, topic: str | None) -> Source:
    """Open a video, bag, camera or address."""
    if not isinstance(item, Path):
        return LiveSource(item)
    if is_bag(item):
        from lanelight.frames.bag import BagSource

        return BagSource(item, topic)
    return VideoSource(item)


def _resolve(name: str | Path) -> list[Path | str | int]:
    """Turn one name into files, an address or a camera number."""
    text = str(name)
    if isinstance(name, str) and re.fullmatch(r"\d{1,3}", text) and not Path(text).exists():
        return [int(text)]
    if isinstance(name, str) and re.match(r"[a-z][a-z0-9+.-]*://", text):
        return [text]
    path = Path(name)
    if path.is_file() or (path.is_dir() and is_bag(path)):
        return [path]
    if path.is_dir():
        return _listed(path)
    if glob.has_magic(text):
        found = glob.glob(text, recursive=True)  # noqa: PTH207  # the pattern may be absolute, which Path.glob refuses
        matches = sorted((Path(match) for match in found), key=natural_key)
        bags = {path for path in matches if path.is_dir() and is_bag(path)}  # `**` finds what is in them too
        files: list[Path | str | int] = [path for path in matches if _is_known(path) and path.parent not in bags]
        if not files:
            raise SourceError(f"{text}: no picture, video or bag matches this pattern")
        return files
    raise SourceError(f"{text}: no such file or folder")


def _listed(folder: Path) -> list[Path | str | int]:
    inside = [path for path in folder.iterdir() if not path.name.startswith(".")]
    known = sorted((path for path in inside if _is_known(path)), key=natural_key)
    pictures = [path for path in known if _is_picture(path)]
    if not known:
        others = sum(path.is_file() for path in inside)
        raise SourceError(f"{folder}: expected a folder with pictures, videos or bags, got {others} other files")
    return [*pictures, *(path for path in known if not _is_picture(path))]


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES


def _is_known(path: Path) -> bool:
    return is_bag(path) if path.is_dir() else path.is_file() and path.suffix.lower() in KNOWN_SUFFIXES


def _common_name(names: Sequence[str | Path], paths: Sequence[Path]) -> str:
    return str(names[0]) if len(names) == 1 else str(paths[0].parent)


def _folder_stem(name: str, paths: Sequence[Path]) -> str:
    folder = Path(name) if Path(name).is_dir() else paths[0].parent
    return folder.resolve().name or "images"


def _unique_names(paths: Sequence[Path]) -> list[str]:
    """Return each picture's file name; pictures of the same name in several folders keep their folders."""
    if len({path.stem for path in paths}) == len(paths):
        return [path.name for path in paths]
    if len({path.name for path in paths}) == len(paths):
        return [f"{path.stem}_{path.suffix.lstrip('.')}{path.suffix}" for path in paths]
    return ["_".join(part for part in path.parts if part not in ("/", "..", ".")) for path in paths]
