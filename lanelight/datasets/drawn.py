"""Pictures or frames of a video with labels that people drew in a tool, as data sets and as native ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lanelight.datasets.base import FrameDataset, LabelledPictures
from lanelight.datasets.conversion import Report, convert
from lanelight.datasets.label_files import READERS, Labelled, LabelRow, find_label_files, format_of, read_labels
from lanelight.datasets.picture_index import PictureIndex, frame_number
from lanelight.errors import FormatError, SourceError, unknown_name
from lanelight.formats import bdd100k_labels
from lanelight.formats.drawing import EVERY_LINE, Meaning
from lanelight.frames import Frame, Image
from lanelight.frames.source import VIDEO_SUFFIXES, VideoSource
from lanelight.geometry import Scene


@dataclass
class Found:
    """What was found in label files.

    Attributes:
        items: (picture, or number of the frame; what is known about it), each once.
        labels: how many shapes there are of each kind, label and meaning.
        passed: files that hold no labels of a known tool.
        failed: one message for each file, picture or frame that could not be taken.
        unlabelled: number of pictures on which nothing is drawn.
    """

    items: list[tuple[str, Labelled]] = field(default_factory=list)
    labels: Counter[LabelRow] = field(default_factory=Counter)
    passed: list[Path] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    unlabelled: int = 0


class DrawnPictures(LabelledPictures):
    """Picture files with what was drawn on them."""

    def __init__(self, root: Path, items: Sequence[tuple[str, Labelled]], class_names: Sequence[str] = ()) -> None:
        super().__init__(root, [key for key, _ in items], class_names)
        self._items = items

    def picture(self, index: int) -> Path:
        """Return the file of a picture."""
        return self.root / self.keys[index]

    def scene(self, index: int, size: tuple[int, int]) -> Scene:
        """Return what was drawn on a picture.

        Raises:
            FormatError: it was drawn on a picture of another size, or an attribute is damaged.
        """
        return _scene(self._items[index][1], size)


class DrawnFrames:
    """Frames of a video with what was drawn on them, to be read in order; going back starts the video again.

    Args:
        video: the file.
        items: names ``000012.jpg`` of frames and what was drawn on them, in the order of the video.
        class_names: what the ids of the class maps mean.
    """

    def __init__(self, video: Path, items: Sequence[tuple[str, Labelled]], class_names: Sequence[str] = ()) -> None:
        self.video = video
        self.class_names = tuple(class_names)
        self._items = items
        self._frames: Generator[Frame, None, None] | None = None
        self._last: Frame | None = None

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self._items)

    def __getitem__(self, index: int) -> tuple[str, Image, Scene]:
        """Return (key, frame (H, W, 3) uint8 RGB, Scene).

        Raises:
            SourceError: the video ends before this frame.
            FormatError: its labels are for another size or damaged.
        """
        key, labelled = self._items[index]
        number = int(Path(key).stem)
        if self._frames is None or self._last is None or self._last.index > number:
            self._frames, self._last = VideoSource(self.video).frames(), None
        while self._last is None or self._last.index < number:
            following = next(self._frames, None)
            if following is None:
                raise SourceError(f"{labelled.where}: expected frame {number} in {self.video}, which ends before it")
            self._last = following
        image = self._last.image
        return key, image, _scene(labelled, (image.shape[1], image.shape[0]))


def import_labels(
    source: str | Path,
    images: str | Path | None,
    out: str | Path,
    *,
    kind: str = "auto",
    meaning: Meaning = EVERY_LINE,
    split: str = "train",
    unlabelled: bool = True,
    watch: Callable[[int], None] | None = None,
) -> tuple[Found, Report]:
    """Write labels of a tool and their pictures as a native data set.

    A label file or picture that cannot be taken is reported in `Found.failed` or `Report.failed`, the rest goes on.

    Args:
        source: label file, or a folder of label files.
        images: folder of the pictures, or the video whose frames were labelled; None takes the folder of `source`.
        out: folder of the data set; it must be new or empty.
        kind: one of `READERS`, or ``"auto"``, which tells each file by its content.
        meaning: what labels stand for.
        split: name of the list file that is written.
        unlabelled: whether pictures on which nothing is drawn are taken, as pictures without lanes.
        watch: called with the number of pictures done.

    Raises:
        FormatError: no file holds labels that can be taken, a label that `meaning` names occurs nowhere, or a single
            file is damaged.
        SourceError: the source, the folder of the pictures or the video is missing.
        OutputError: the folder is not empty or cannot be written.
    """
    source = Path(source)
    place = Path(images) if images is not None else source if source.is_dir() else source.parent
    video = place if place.suffix.lower() in VIDEO_SUFFIXES and place.is_file() else None
    key_of = _frame_key if video is not None else _picture_key(PictureIndex(place))
    found = find_labels(source, key_of, kind=kind, meaning=meaning, unlabelled=unlabelled)
    _check_labels(found, meaning)
    if not found.items:
        why = found.failed[0] if found.failed else "nothing is drawn on any picture"
        raise FormatError(f"{source}: expected labels of pictures, found none that can be taken; the first: {why}")
    names = _class_names(found, meaning)
    data: FrameDataset
    if video is not None:
        found.items.sort(key=lambda item: int(Path(item[0]).stem))
        data = DrawnFrames(video, found.items, names)
    else:
        data = DrawnPictures(place, found.items, names)
    return found, convert(data, "native", out, split=split, images="copy", watch=watch)


def find_labels(
    source: Path,
    key_of: Callable[[Labelled, str], str],
    *,
    kind: str = "auto",
    meaning: Meaning = EVERY_LINE,
    unlabelled: bool = True,
) -> Found:
    """Read label files and find the picture of each drawing.

    Args:
        source: label file, or a folder of label files.
        key_of: returns the picture of a drawing; gets the folder of the label file below `source` too.
        kind: one of `READERS`, or ``"auto"``.
        meaning: what labels stand for.
        unlabelled: whether pictures on which nothing is drawn are taken.

    Raises:
        FormatError: no file holds labels, or a single file is damaged.
        SourceError: the source is missing.
    """
    if kind not in ("auto", *READERS):
        raise FormatError(unknown_name("label format", kind, ("auto", *READERS)))
    collector = _Collector(key_of, unlabelled)
    found = collector.found
    files = find_label_files(source)
    for path in files:
        try:
            name = format_of(path) if kind == "auto" else kind
            if name is None:
                found.passed.append(path)
                continue
            folder = path.parent.relative_to(source).as_posix() if source.is_dir() else ""
            for labelled in read_labels(path, name, meaning):
                collector.add(labelled, folder)
        except FormatError as error:
            if len(files) == 1 and not found.items:
                raise
            found.failed.append(str(error))
    if len(found.passed) == len(files):
        raise FormatError(f"{source}: expected label files ({', '.join(READERS)}), found other ones; see --format")
    return found


class _Collector:
    """Takes what files say of pictures, each picture once."""

    def __init__(self, key_of: Callable[[Labelled, str], str], unlabelled: bool) -> None:
        self.found = Found()
        self._key_of = key_of
        self._unlabelled = unlabelled
        self._first_at: dict[str, str] = {}

    def add(self, labelled: Labelled, folder: str) -> None:
        """Take what a file in a folder below the source says of one picture."""
        self.found.labels.update(labelled.labels)
        if not labelled.labels:
            self.found.unlabelled += 1
            if not self._unlabelled:
                return
        try:
            key = self._key_of(labelled, folder)
        except FormatError as error:
            self.found.failed.append(str(error))
            return
        if key in self._first_at:
            self.found.failed.append(
                f"{labelled.where}: {key} has labels already, from {self._first_at[key]}; remove one of them"
            )
            return
        self._first_at[key] = labelled.where
        self.found.items.append((key, labelled))


def _picture_key(index: PictureIndex) -> Callable[[Labelled, str], str]:
    return lambda labelled, folder: index.find(labelled.name, labelled.where, folder)


def _frame_key(labelled: Labelled, _folder: str) -> str:
    number = frame_number(labelled.name)
    if number is None:
        raise FormatError(
            f"{labelled.where}: expected the number of a frame, such as frame_000012, got {labelled.name}"
        )
    return f"{number:06d}.jpg"


def _scene(labelled: Labelled, size: tuple[int, int]) -> Scene:
    if labelled.size is not None and labelled.size != size:
        raise FormatError(
            f"{labelled.where}: expected a picture of {labelled.size} px, on which it was drawn, got one of {size}"
        )
    return labelled.scene(size)


def _check_labels(found: Found, meaning: Meaning) -> None:
    """Check that every label the user named occurs, so that a misspelt one is no silent loss."""
    lines = {label for kind, label, _ in found.labels if kind == "line"}
    areas = {label for kind, label, _ in found.labels if kind == "area"}
    for given, there, what in (
        (meaning.lanes or (), lines, "label of a line"),
        (meaning.outlines, areas, "label of an area"),
        (meaning.classes, areas, "label of an area"),
    ):
        for label in given:
            if label not in there:
                raise FormatError(unknown_name(what, label, there))


def _class_names(found: Found, meaning: Meaning) -> list[str]:
    classes: Mapping[str, int] = meaning.classes
    if not classes:
        areas = any(role == "class" for _, _, role in found.labels)
        return list(bdd100k_labels.CLASS_NAMES) if areas else []
    names = ["background", *(f"class {number}" for number in range(1, max(classes.values()) + 1))]
    for label, number in classes.items():
        names[number] = label
    return names
