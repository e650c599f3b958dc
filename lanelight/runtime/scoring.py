"""`ScoringRule`: how the frames of a data set are compared and its predictions written; TuSimple and BDD100K.

The rules of lane lines, CULane and native, are in `scoring_lines`, that of class maps in `scoring_classes`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lanelight.datasets import BDD100K, BDD100KMasks, LabelledPictures, TuSimple
from lanelight.errors import ModelError, OutputError
from lanelight.formats import bdd100k, tusimple
from lanelight.formats.text import make_folder
from lanelight.geometry import Scene
from lanelight.metrics import BDD100KLane, TuSimpleAccuracy
from lanelight.metrics.base import Figures
from lanelight.metrics.bdd100k import GOLD_WIDTH_PX, PRED_WIDTH_PX, count_lane_pixels, draw_lanes, widen
from lanelight.metrics.tusimple import score_frame
from lanelight.runtime.manifest import Manifest

LANE_CLASS = 1  # of `lanelight.decode.LaneAreaDecoder`
LANE_AREA = ("background", "lane")  # classes of a network that says where lanes are, but not which
Write = Callable[[int, Scene, float], None]  # index of a frame, its prediction, time the detector took in ms


class Compared(NamedTuple):
    """What comparing one frame gave.

    Attributes:
        badness: how bad the frame is; tuples compare, larger is worse.
        caption: its main figures in a few words.
        pred: what was compared of the prediction.
        gold: what was compared of the truth.
    """

    badness: tuple[float, ...]
    caption: str
    pred: Scene
    gold: Scene


class ScoringRule(ABC):
    """Compares predictions with the frames of a data set, and writes them in its own form.

    What is compared is what is written: where a benchmark has files, `lanelight score` finds the same counts in them.

    Class attributes:
        PIXELS: whether pixels of lanes are compared, so that a network without single lanes can be scored.

    Attributes:
        data: the frames.
    """

    PIXELS: ClassVar[bool] = False

    data: LabelledPictures

    def prepare(self, manifest: Manifest) -> None:
        """Make sure that what a network finds can be compared.

        Args:
            manifest: of the network.

        Raises:
            ModelError: the network finds no lanes.
        """
        classes = tuple(manifest.classes)
        if classes and not manifest.slots and not (self.PIXELS and classes == LANE_AREA):
            raise ModelError(
                f"model {manifest.name!r}: expected a network that finds lanes, its manifest has no lane slots, only "
                f"classes ({', '.join(classes)}); evaluate a lane network"
            )

    @abstractmethod
    def count(self, index: int, pred: Scene, gold: Scene) -> Compared:
        """Count one frame.

        Args:
            index: of the frame in the data set.
            pred: the detector's answer.
            gold: the truth, as the data set has it.

        Raises:
            LanelightError: the labels of the frame cannot be compared; the message names the frame.
        """

    @abstractmethod
    def figures(self) -> Figures:
        """Return the figures over all frames so far, as `lanelight score DATASET --json` writes them."""

    @abstractmethod
    def saving(self, path: Path, model: str) -> AbstractContextManager[Write]:
        """Open a file or folder of predictions; yield what writes a frame.

        Args:
            path: the file or folder.
            model: name of the network.

        Raises:
            OutputError: the place cannot be written, or other files would be replaced.
        """

    def notes(self) -> Iterator[str]:
        """Yield what the reader of the figures should know, one sentence each."""
        return iter(())


class TuSimpleRule(ScoringRule):
    """The TuSimple score, at each frame's own rows.

    The benchmark's limit of 200 ms a frame is not applied, since it would score the machine: the saved run times show
    it.

    Args:
        data: the frames.
    """

    def __init__(self, data: TuSimple) -> None:
        self.data: TuSimple = data
        self._metric = TuSimpleAccuracy()

    def count(self, index: int, pred: Scene, gold: Scene) -> Compared:
        """Count one frame; the true lanes are those of its line in the label file."""
        entry = self.data.entries[index]
        rows = tusimple.ROWS if entry.rows is None else entry.rows
        seen = tusimple.at_rows(pred.lanes, rows, pred.size[0])
        score = score_frame(seen[~np.isnan(seen).all(axis=1)], entry.lanes, rows)
        self._metric.add(score)
        accuracy, fp, fn = score
        return Compared((1.0 - accuracy, fp + fn), f"accuracy {accuracy:.3f} fp {fp:.2f} fn {fn:.2f}", pred, gold)

    def figures(self) -> Figures:
        """Return ``accuracy``, ``fp``, ``fn`` and ``frames``."""
        return {**self._metric.compute(), "frames": self._metric.frames}

    @contextmanager
    def saving(self, path: Path, model: str) -> Iterator[Write]:  # noqa: ARG002  # the format has no place for it
        """Write a prediction file; it appears at the end."""
        check_no_label(path, {Path(entry.where.rpartition(" line ")[0]) for entry in self.data.entries})
        lines: list[dict[str, Any]] = []

        def write(index: int, pred: Scene, latency_ms: float) -> None:
            entry = self.data.entries[index]
            rows = tusimple.ROWS if entry.rows is None else entry.rows
            lines.append(tusimple.to_entry(pred, entry.raw_file, rows, round(latency_ms, 3)))

        yield write
        tusimple.write(path, lines)


class BDD100KRule(ScoringRule):
    """The BDD100K lane score of the SAD paper: predicted lanes drawn 8 px wide, against 2 px wide true ones.

    Of a prediction with classes and no lanes, the pixels of class 1 are its lanes.

    Of JSON labels, the two border lines of a marking are joined to its centre line, as for the labels of the paper.
    Every labelled marking counts: kerbs, crossings and stop lines too.

    Args:
        data: the frames, with lane masks or JSON labels.
        dilate: side in px of the square that widens the true lanes for a second comparison, ``matched_width``.
    """

    PIXELS: ClassVar[bool] = True

    def __init__(self, data: BDD100K | BDD100KMasks, *, dilate: int | None = None) -> None:
        self.data: BDD100K | BDD100KMasks = data
        if isinstance(data, BDD100K):
            data.centred = True
        self._dilate = dilate
        self._metric, self._matched = BDD100KLane(), BDD100KLane()

    def count(self, index: int, pred: Scene, gold: Scene) -> Compared:  # noqa: ARG002  # of no use here
        """Count one frame."""
        seen = _lane_pixels(pred)
        if isinstance(self.data, BDD100KMasks) and gold.classes is not None:
            true = np.asarray(gold.classes > 0)
        else:  # the classes of JSON labels are the drivable area
            true = draw_lanes(gold.lanes, gold.size, GOLD_WIDTH_PX)
        counts = count_lane_pixels(seen, true)
        self._metric.add(counts)
        if self._dilate is not None:
            self._matched.add_masks(seen, widen(true, self._dilate))
        union = counts.gold + counts.pred - counts.both
        return Compared(
            (1.0 - counts.iou, float(union - counts.both)) if union else (0.0, 0.0),
            f"accuracy {counts.accuracy:.3f} IoU {counts.iou:.3f}",
            Scene(pred.size, classes=seen.astype(np.uint8)),
            Scene(gold.size, classes=true.astype(np.uint8)),
        )

    def figures(self) -> Figures:
        """Return ``accuracy``, ``iou``, ``frames``, ``pooled`` and, where asked for, ``matched_width``."""
        figures = self._metric.compute()
        if self._dilate is not None:
            matched = self._matched.compute()
            del matched["frames"]
            figures["matched_width"] = {"dilate_px": self._dilate, **matched}
        return figures

    @contextmanager
    def saving(self, path: Path, model: str) -> Iterator[Write]:  # noqa: ARG002  # the format has no place for it
        """Write binary masks into a folder, named as the true masks or as the pictures."""
        make_empty(path)

        def write(index: int, pred: Scene, latency_ms: float) -> None:  # noqa: ARG001  # no place for it either
            data = self.data
            name = str(data.listed[index].label) if isinstance(data, BDD100KMasks) else data.keys[index]
            file = path / Path(name).with_suffix(".png")
            make_folder(file.parent)
            bdd100k.write_mask(file, _lane_pixels(pred))

        yield write

    def notes(self) -> Iterator[str]:
        """Yield what true lanes were drawn of."""
        if isinstance(self.data, BDD100K):
            yield (
                f"true lanes: centre lines of all markings of the JSON labels, {GOLD_WIDTH_PX:g} px wide; the paper's "
                "figures are over its released masks, whose list file --list takes"
            )


def _lane_pixels(pred: Scene) -> NDArray[np.bool_]:
    """Return what a prediction calls lane, (H, W) bool."""
    if pred.classes is not None and not pred.lanes:
        return np.asarray(pred.classes == LANE_CLASS)
    return draw_lanes(pred.lanes, pred.size, PRED_WIDTH_PX)


def make_empty(folder: Path) -> None:
    """Make a folder for predictions.

    Raises:
        OutputError: it holds files, which could be labels or would be mixed with the predictions; or cannot be made.
    """
    if folder.is_dir() and any(folder.iterdir()):
        raise OutputError(f"cannot write {folder}: expected a new or empty folder for the predictions; name another")
    make_folder(folder)


def check_no_label(path: Path, labels: set[Path]) -> None:
    """Make sure that a file of predictions replaces no labels.

    Raises:
        OutputError: it is one of the label files.
    """
    if path.resolve() in {label.resolve() for label in labels}:
        raise OutputError(f"cannot write {path}: it holds the labels; name another file for the predictions")
    if path.is_dir():
        raise OutputError(f"cannot write {path}: expected a file for the predictions, got a folder; name a file in it")
