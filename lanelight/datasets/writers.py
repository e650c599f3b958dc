"""Write frames of lanes as a data set of any format, frame by frame."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import ClassVar, Self

import numpy as np

from lanelight.datasets import losses as held
from lanelight.datasets.bdd100k import AREA_MASKS, IMAGES, LANE_LABELS
from lanelight.datasets.losses import Losses
from lanelight.datasets.native import CLASSES, FRAMES, LANES, class_map_name
from lanelight.errors import OutputError, unknown_name
from lanelight.formats import bdd100k_labels, culane, drivable, tusimple_labels
from lanelight.formats.bdd100k_shapes import to_scene
from lanelight.formats.culane_lists import list_line, slot_flags
from lanelight.formats.drawing import LIMIT_PX
from lanelight.formats.native import LaneLog
from lanelight.formats.text import json_writer, make_folder, relative_name, replacing
from lanelight.frames import write_image
from lanelight.frames.image import SUFFIXES
from lanelight.geometry import Scene

SPLITS = ("train", "val", "test")


class DatasetWriter(ABC):
    """Writes the labels of frames into a folder; lists and label files appear when the ``with`` block ends well.

    Attributes:
        losses: what the format could not hold of the frames so far.

    Args:
        out: folder of the new data set.
        split: ``train``, ``val`` or ``test``, which names the list or label file.
        class_names: what the ids of the class maps mean.

    Raises:
        OutputError: the split has another name.
    """

    HOLDS: ClassVar[frozenset[str]]

    def __init__(self, out: str | Path, *, split: str = "train", class_names: Sequence[str] = ()) -> None:
        if split not in SPLITS:
            raise OutputError(unknown_name("split", split, SPLITS))
        self.out = Path(out)
        self.split = split
        self.class_names = tuple(class_names)
        self.losses = Losses()
        self._files = ExitStack()

    def write(self, key: str, scene: Scene) -> Path:
        """Write the labels of a frame.

        Args:
            key: name of the frame in its data set; one without a picture suffix gets ``.jpg``.
            scene: what is known about it.

        Returns:
            Where its picture belongs; the folder is there.

        Raises:
            OutputError: the place cannot be written.
            FormatError: the name leads out of the folder.
        """
        name = relative_name(key, "frame")
        name += "" if PurePosixPath(name).suffix.lower() in SUFFIXES else ".jpg"
        self.losses.add_unheld(key, scene, self._holds(scene))
        picture = self.out / self._write(name, scene)
        make_folder(picture.parent)
        return picture

    def __enter__(self) -> Self:
        make_folder(self.out)
        self._begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._files.__exit__(kind, error, trace)
            return
        with self._files:
            self._finish()

    def _near(self, name: str, scene: Scene) -> Scene:
        """Return the scene without points so far away that they are no coordinates, and count these."""
        near = [~(np.abs(lane.points) > LIMIT_PX).any(axis=1) for lane in scene.lanes]
        self.losses.add("points a million px and more away", name, sum(int((~one).sum()) for one in near))
        lanes = [lane.with_points(lane.points[one]) for lane, one in zip(scene.lanes, near, strict=True)]
        return Scene(scene.size, lanes, scene.classes)

    def _holds(self, scene: Scene) -> frozenset[str]:  # noqa: ARG002  # some formats hold some scenes better
        """Return what the format holds of a scene, words of `losses`."""
        return self.HOLDS

    @abstractmethod
    def _begin(self) -> None:
        """Open the files that all frames share."""

    def _finish(self) -> None:  # noqa: B027  # not every format has more to write
        """Write what is known only after the last frame."""

    @abstractmethod
    def _write(self, name: str, scene: Scene) -> str:
        """Write a frame and return where its picture belongs, relative to the folder."""


class NativeWriter(DatasetWriter):
    """``lanes.jsonl``, pictures in ``frames/``, class maps in ``classes/``; holds everything."""

    HOLDS = frozenset({held.SLOTS, held.SCORES, held.TRACKS, held.ATTRIBUTES, held.CLASSES, held.GAPS})

    def _begin(self) -> None:
        self._log: LaneLog | None = None
        self._names: list[str] = []
        self._maps: set[str] = set()

    def _write(self, name: str, scene: Scene) -> str:
        if self._log is None:  # the header wants the size of the frames
            log = LaneLog(self.out / LANES, source="", model="", size=scene.size, class_names=self.class_names)
            self._log = self._files.enter_context(log)
        classes = None
        if scene.classes is not None:
            classes = f"{CLASSES}/{class_map_name(name)}"
            classes = classes if classes not in self._maps else f"{CLASSES}/{name}.png"
            self._maps.add(classes)
            make_folder((self.out / classes).parent)
            write_image(self.out / classes, scene.classes)
        infinite = sum(int(np.isinf(lane.points).any(axis=1).sum()) for lane in scene.lanes)
        self.losses.add("points at infinity", name, infinite)
        lanes = [lane.with_points(lane.points[~np.isinf(lane.points).any(axis=1)]) for lane in scene.lanes]
        self._log.write(len(self._names), None, Scene(scene.size, lanes), name=name, classes=classes)
        self._names.append(name)
        return f"{FRAMES}/{name}"

    def _finish(self) -> None:
        make_folder(self.out / "list")
        with replacing(self.out / "list" / f"{self.split}.txt") as file:
            file.writelines(f"{name}\n" for name in self._names)


class CULaneWriter(DatasetWriter):
    """A lane file beside each picture, a list of the split, and one with existence flags where lanes have slots."""

    HOLDS = frozenset({held.SLOTS})

    def _begin(self) -> None:
        make_folder(self.out / "list")
        self._list = self._files.enter_context(replacing(self.out / "list" / f"{self.split}.txt"))
        self._flagged: list[str] = []
        self._any_slot = False

    def _holds(self, scene: Scene) -> frozenset[str]:
        return self.HOLDS if slot_flags(scene) is not None else frozenset()

    def _write(self, name: str, scene: Scene) -> str:
        lines = self.out / culane.lines_name(name)
        if lines.exists():
            raise OutputError(f"{lines}: expected one lane file a picture, but {name} has the name of another picture")
        make_folder(lines.parent)
        culane.write_labels(lines, scene)
        flags = slot_flags(scene)
        self._list.write(list_line(name))
        self._flagged.append(list_line(name, flags))
        self._any_slot |= bool(scene.lanes) and flags is not None
        short = sum(len(lane.points) - held.missing_points(lane) < 2 for lane in scene.lanes)
        self.losses.add(
            "lanes of fewer than two points, which the scorer never counts as found", name, short, noted=True
        )
        return name

    def _finish(self) -> None:
        if self._any_slot:
            with replacing(self.out / "list" / f"{self.split}_gt.txt") as file:
                file.writelines(self._flagged)


class TuSimpleWriter(DatasetWriter):
    """A label file with the lanes at rows: the benchmark's, or those on which the lanes have their points."""

    HOLDS: ClassVar[frozenset[str]] = frozenset()

    def _begin(self) -> None:
        self._line = self._files.enter_context(json_writer(self.out / tusimple_labels.LABEL_FILES[self.split]))

    def _write(self, name: str, scene: Scene) -> str:
        scene = self._near(name, scene)
        rows = tusimple_labels.label_rows(scene)
        label = tusimple_labels.to_label(scene, name, rows)
        self._line(label)
        away, again, order = 0, 0, 0
        for lane, x in zip(scene.lanes, label["lanes"], strict=True):
            kept = {(at, y) for at, y in zip(x, rows.tolist(), strict=True) if at >= 0}
            points = lane.known_points
            lost = [y for at, y in points.tolist() if (at, y) not in kept]
            met = {y for _, y in kept}
            away += sum(y not in met for y in lost)
            again += sum(y in met for y in lost)
            order += bool((np.diff(points[:, 1]) > 0).any())
        self.losses.add("points off the rows or outside the frame", name, away)
        self.losses.add("points on a row that the lane meets before", name, again)
        self.losses.add("orders of points other than bottom up", name, order)
        return name


class BDD100KWriter(DatasetWriter):
    """A label file of lanes, and masks of the drivable area where that is what the classes are."""

    HOLDS = frozenset({held.SLOTS, held.SCORES, held.TRACKS, held.ATTRIBUTES})

    def _begin(self) -> None:
        path = self.out / LANE_LABELS.format(split=self.split)
        make_folder(path.parent)
        self._frame = self._files.enter_context(bdd100k_labels.writing(path))

    def _holds(self, scene: Scene) -> frozenset[str]:  # noqa: ARG002
        return self.HOLDS | ({held.CLASSES} if self.class_names == bdd100k_labels.CLASS_NAMES else frozenset())

    def _write(self, name: str, scene: Scene) -> str:
        scene = self._near(name, scene)
        frame = bdd100k_labels.from_lanes(name, scene.lanes, scene.size)
        self._frame(frame)
        back = [lane.points.tolist() for lane in to_scene(frame, scene.size).lanes]
        turned = sum(shape.vertices.tolist() not in back for shape in frame.shapes)
        self.losses.add("orders of points other than bottom up", name, turned)
        ordered = turned or back == [shape.vertices.tolist() for shape in frame.shapes]
        self.losses.add("orders of lanes other than left to right", name, int(not ordered))
        if scene.classes is not None and held.CLASSES in self._holds(scene):
            mask = self.out / AREA_MASKS.format(split=self.split) / Path(name).with_suffix(".png")
            make_folder(mask.parent)
            drivable.write_mask(mask, scene.classes)
        return f"{IMAGES.format(split=self.split)}/{name}"


# format: (folder, split=..., class_names=...) -> writer
WRITERS: dict[str, Callable[..., DatasetWriter]] = {
    "native": NativeWriter,
    "culane": CULaneWriter,
    "tusimple": TuSimpleWriter,
    "bdd100k": BDD100KWriter,
}
