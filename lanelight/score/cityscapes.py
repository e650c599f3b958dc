"""Score the prediction files of Cityscapes: PNGs of label ids against the gold ones."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from lanelight.errors import FormatError, LanelightError
from lanelight.formats.cityscapes import LABELS, FrameFiles, Pair, find_pairs
from lanelight.frames import read_map
from lanelight.frames.image import SUFFIXES
from lanelight.geometry import Scene
from lanelight.machine import usable_processors
from lanelight.metrics.base import Figures
from lanelight.metrics.cityscapes import CityscapesIoU, FrameCounts, count_frame
from lanelight.score.base import BenchmarkScore, Watch

LAST_TRAIN_ID = max(label.train_id for label in LABELS if label.train_id is not None)


def score(
    gold: str | Path, pred: str | Path, *, threads: int | None = None, watch: Watch | None = None
) -> CityscapesScore:
    """Score the predictions of every labelled frame.

    Args:
        gold: folder above the gold files.
        pred: folder above the predictions.
        threads: number of frames decoded and counted at a time; None takes every usable processor.
        watch: called with the numbers of frames done and in all.

    Raises:
        FormatError: gold or predictions are missing, or a file cannot be used; a score over the rest would not be the
            benchmark's.
    """
    pairs = find_pairs(gold, pred)
    counts: list[FrameCounts] = []
    faults: list[LanelightError] = []
    with ThreadPoolExecutor(threads or usable_processors()) as pool:
        for done, result in enumerate(pool.map(_try_to_count, pairs), 1):
            if isinstance(result, LanelightError):
                faults.append(result)
            else:
                counts.append(result)
            if watch is not None:
                watch(done, len(pairs))
    if faults:
        others = f" ({len(faults) - 1} more of {len(pairs)} frames cannot be scored)" if len(faults) > 1 else ""
        raise FormatError(f"{faults[0]}{others}") from faults[0]
    return CityscapesScore(pairs, counts)


class CityscapesScore(BenchmarkScore):
    """The benchmark's figures over frames.

    Args:
        pairs: the files of each frame.
        counts: what was counted in each, about 5 kB a frame; also an attribute.
    """

    def __init__(self, pairs: Sequence[Pair], counts: Sequence[FrameCounts]) -> None:
        self._pairs = pairs
        self.counts = counts
        self._images: tuple[Path, FrameFiles] | None = None
        metric = CityscapesIoU()
        for one in counts:
            metric.add(one)
        self.figures = metric.compute()
        self.void = frozenset(label.id for label in LABELS if label.ignored)
        self.names = [pair.name for pair in pairs]
        self.warnings = [*_instance_warnings(pairs), *_id_warnings(metric)]

    def frame(self, index: int) -> Figures:
        """Return the benchmark's figures of one frame by itself."""
        metric = CityscapesIoU()
        metric.add(self.counts[index])
        return metric.compute()

    def badness(self, index: int) -> tuple[float, ...]:
        """Return 1 - mean IoU of the frame's classes; 0 where no pixel is evaluated."""
        miou = self.frame(index)["class_miou"]
        return (0.0 if miou is None else 1.0 - miou,)

    def caption(self, index: int) -> str:
        """Return the frame's name and its figures."""
        return f"{self.names[index]}  class IoU {1 - self.badness(index)[0]:.3f}"

    def scenes(self, index: int) -> tuple[Scene, Scene]:
        """Read one frame's files again and return (predicted, true) scenes with label ids as classes."""
        pair = self._pairs[index]
        return _scene(pair.pred), _scene(pair.gold)

    def picture(self, index: int, images: Path) -> Path | None:
        """Return the picture below `images` whose name begins as the frame's, ``..._leftImg8bit.png`` before others.

        Raises:
            FormatError: there is no such folder.
        """
        if self._images is None or self._images[0] != images:
            self._images = (images, FrameFiles(images, sorted(SUFFIXES)))
        files = [file for file in self._images[1].of(self.names[index]) if "_gt" not in file.name]
        return min(files, key=lambda file: ("_leftImg8bit." not in file.name, file.name), default=None)


def _try_to_count(pair: Pair) -> FrameCounts | LanelightError:
    """Count one frame, or return what is wrong with it: the frames after it are to be checked too."""
    try:
        pred, gold = read_map(pair.pred), read_map(pair.gold)
        instances = None if pair.instances is None else read_map(pair.instances)
    except LanelightError as error:
        return error
    try:
        return count_frame(pred, gold, instances)
    except LanelightError as error:
        return FormatError(f"{pair.pred} against {pair.gold}: {error}")


def _scene(path: Path) -> Scene:
    classes = read_map(path).astype(np.uint8)
    return Scene((classes.shape[1], classes.shape[0]), classes=classes)


def _instance_warnings(pairs: Sequence[Pair]) -> list[str]:
    without = [pair for pair in pairs if pair.instances is None]
    if len(without) in (0, len(pairs)):
        return []
    return [
        f"{len(without)} of {len(pairs)} frames have no map of instance ids, the first is {without[0].gold}: "
        "no instance scores"
    ]


def _id_warnings(metric: CityscapesIoU) -> list[str]:
    """Notice train ids: all of them are label ids, too, so that nothing but the score would show the mistake."""
    later = slice(LAST_TRAIN_ID + 1, None)
    if metric.confusion[:, later].any() or not metric.confusion[later].any():
        return []
    return [
        f"no predicted id is above {LAST_TRAIN_ID}, though true ones are: if the predictions are trainIds, "
        "write them as labelIds"
    ]
