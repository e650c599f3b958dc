"""`ClassRule`: how class maps are compared with those of a data set, whole frames at a time, and written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from lanelight.datasets import CamVid, Cityscapes, LabelledPictures
from lanelight.errors import FormatError, LanelightError, ModelError
from lanelight.formats import camvid, cityscapes
from lanelight.formats.text import make_folder
from lanelight.frames import read_map, write_image
from lanelight.geometry import Scene
from lanelight.geometry.warp import IGNORE
from lanelight.metrics.base import Figures
from lanelight.metrics.cityscapes import EVALUATED, CityscapesIoU, LabelMap, count_frame
from lanelight.metrics.class_iou import ClassIoU
from lanelight.runtime.class_ids import CITYSCAPES, Ids, frame_of, looked_up, table
from lanelight.runtime.manifest import Manifest
from lanelight.runtime.scoring import Compared, ScoringRule, Write, make_empty

VOID = "void"  # a class of this name does not count


class ClassRule(ScoringRule):
    """IoU of classes on whole frames: of Cityscapes the benchmark's own figures, of other data `ClassIoU`.

    Attributes:
        data: the frames.

    Args:
        data: frames with class maps: of Cityscapes label ids or train ids.
        names: of the network's classes; None: of Cityscapes the train ids, of other data those of the data but void.

    Raises:
        LanelightError: the data have no classes.
        ModelError: a name is none of the data's classes.
    """

    def __init__(self, data: LabelledPictures, names: Sequence[str] | None = None) -> None:
        self.data: LabelledPictures = data
        self._counts: _LabelIds | _OwnIds = _LabelIds(data) if isinstance(data, Cityscapes) else _OwnIds(data)
        self._to_id = self._counts.table(self._counts.names if names is None else names)

    def prepare(self, manifest: Manifest) -> None:
        """Learn from a network's manifest what its ids mean.

        Raises:
            ModelError: it finds no classes, or some that the data do not have.
        """
        if not manifest.classes:
            raise ModelError(
                f"model {manifest.name!r}: expected a network with classes of pixels, its manifest has none; "
                "evaluate it on a data set of lanes"
            )
        try:
            self._to_id = self._counts.table(manifest.classes)
        except ModelError as error:
            raise ModelError(f"model {manifest.name!r}: {error}") from error

    def count(self, index: int, pred: Scene, gold: Scene) -> Compared:
        """Count one frame; of Cityscapes with its instances, where their map lies beside that of the labels.

        Raises:
            LanelightError: a scene has no classes, or the true ones cannot be used; the message names the frame.
        """
        if pred.classes is None or gold.classes is None:
            raise LanelightError(f"{self.data.keys[index]}: expected classes to compare, got a Scene without")
        seen = looked_up(self._to_id, pred.classes)
        try:
            miou, true, counted = self._counts.add(index, seen, gold.classes)
        except LanelightError as error:
            raise FormatError(f"{self.data.picture(index)}: {error}") from error
        return Compared(
            (0.0 if miou is None else 1.0 - miou,),
            "nothing to compare" if miou is None else f"class IoU {miou:.3f}",
            _shown(pred.size, seen, counted),
            _shown(gold.size, true, counted),
        )

    def figures(self) -> Figures:
        """Return the figures of `CityscapesIoU`, or of `ClassIoU`."""
        return self._counts.metric.compute()

    @contextmanager
    def saving(self, path: Path, model: str) -> Iterator[Write]:  # noqa: ARG002  # the format has no place for it
        """Write class maps into a folder: of Cityscapes label ids, else the data's ids, in the tree of the data."""
        make_empty(path)

        def write(index: int, pred: Scene, latency_ms: float) -> None:  # noqa: ARG001  # no place for it either
            if pred.classes is not None:
                file = path / self._counts.file(index)
                make_folder(file.parent)
                self._counts.write(file, looked_up(self._to_id, pred.classes))

        yield write

    def notes(self) -> Iterator[str]:
        """Yield what the reader of the figures should know."""
        return self._counts.notes()


class _LabelIds:
    """The counts of Cityscapes, in label ids."""

    names = cityscapes.TRAIN_NAMES

    def __init__(self, data: Cityscapes) -> None:
        self.metric = CityscapesIoU()
        self._data = data
        self._from_train = len(data.class_names) == len(cityscapes.TRAIN_LABELS)

    def table(self, names: Sequence[str]) -> Ids:
        return table(names, CITYSCAPES, 0)

    def add(self, index: int, pred: Ids, gold: Ids) -> tuple[float | None, Ids, Ids]:
        """Count one frame; return its IoU, the true ids, and 255 where they count, else 0."""
        true = cityscapes.to_label_ids(gold) if self._from_train else gold
        counts = count_frame(pred, true, self._instances(index))
        self.metric.add(counts)
        alone = CityscapesIoU()
        alone.add(counts)
        miou: float | None = alone.compute()["class_miou"]
        return miou, true, looked_up(_EVALUATED, true)

    def file(self, index: int) -> str:
        return f"{frame_of(Path(self._data.keys[index]).name)}_labelIds.png"

    def write(self, path: Path, ids: Ids) -> None:
        cityscapes.write_label_ids(path, ids)

    def notes(self) -> Iterator[str]:
        if self.metric.frames and not self.metric.confusion[list(EVALUATED)].any():
            yield from _unlabelled()
        elif 0 < self.metric.frames_with_instances < self.metric.frames:
            yield (
                f"{self.metric.frames - self.metric.frames_with_instances} of {self.metric.frames} frames have no map "
                "of instance ids: no instance scores"
            )

    def _instances(self, index: int) -> LabelMap | None:
        label = self._data.label(index)
        path = label.with_name(label.name.removesuffix(cityscapes.LABEL_IDS) + cityscapes.INSTANCE_IDS)
        return read_map(path) if path.is_file() else None


class _OwnIds:
    """The counts of other data, in their own ids."""

    def __init__(self, data: LabelledPictures) -> None:
        if not data.class_names:
            raise LanelightError(f"{data.root}: expected frames with class maps, got a data set without classes")
        self.names = tuple(name for name in data.class_names if name != VOID)
        self.metric = ClassIoU(self.names)
        self._data = data
        self._ids = {name: index for index, name in enumerate(data.class_names) if name != VOID}
        # Void may stand between others: the metric counts the others without a gap.
        self._place = np.arange(256, dtype=np.uint8)
        self._place[: len(data.class_names)] = IGNORE
        self._place[list(self._ids.values())] = range(len(self.names))

    def table(self, names: Sequence[str]) -> Ids:
        if VOID not in self._data.class_names:
            return table(names, self._ids, IGNORE)
        void = self._data.class_names.index(VOID)
        return table(names, self._ids | {VOID: void}, void)  # a network may say void: a miss where another class is

    def add(self, index: int, pred: Ids, gold: Ids) -> tuple[float | None, Ids, Ids]:  # noqa: ARG002
        """Count one frame; return its IoU, the true ids, and 255 where they count, else 0."""
        true = looked_up(self._place, gold)
        counts = self.metric.count(looked_up(self._place, pred), true)
        self.metric.add(counts)
        alone = ClassIoU(self.names)
        alone.add(counts)
        miou: float | None = alone.compute()["class_miou"]
        return miou, gold, looked_up(_NOT_IGNORED, true)

    def file(self, index: int) -> str:
        label = self._data.listed[index].label if isinstance(self._data, CamVid) else Path(self._data.keys[index])
        return str(label.with_suffix(".png"))

    def write(self, path: Path, ids: Ids) -> None:
        if isinstance(self._data, CamVid):
            camvid.write_classes(path, ids)
        else:
            write_image(path, ids)

    def notes(self) -> Iterator[str]:
        if self.metric.frames and not self.metric.confusion.any():
            yield from _unlabelled()


# Tables of 256 ids.
_EVALUATED = np.where(np.isin(np.arange(256), EVALUATED), 255, 0).astype(np.uint8)
_NOT_IGNORED = np.where(np.arange(256) == IGNORE, 0, 255).astype(np.uint8)
_FROM_ONE = (np.minimum(np.arange(256), 254) + 1).astype(np.uint8)


def _shown(size: tuple[int, int], ids: Ids, counted: Ids) -> Scene:
    """Return ids from 1 on to be drawn in comparison, 0 where nothing counts."""
    return Scene(size, classes=np.asarray(cv2.bitwise_and(looked_up(_FROM_ONE, ids), counted), dtype=np.uint8))


def _unlabelled() -> Iterator[str]:
    yield "no pixel of these frames has a class that counts, so there are no figures: take a split that is labelled"
