"""Score lane masks on BDD100K by the protocol of the SAD paper.

Layout: two folders of PNG masks in the size of the frames (1280x720 in the benchmark), one a frame, with any folders
between; a prediction belongs to the gold mask of the same name without its suffix. Each folder may hold binary masks
or BDD100K's bitmasks (`lanelight.formats.bdd100k`). A list file of the SAD release chooses the frames; its label paths
are looked for below the gold folder, whole or by name.

JSON: ``{"accuracy":, "iou":, "frames":, "pooled": {"recall":, "precision":, "iou":}}``, shares from 0 to 1. The first
two are the benchmark's: means over frames, where one without lanes has accuracy 0. ``pooled`` is over the pixels of all
frames, null where undefined. With `dilate`, ``"matched_width": {"dilate_px":, "accuracy":, "iou":, "pooled":}`` beside
them is no benchmark's figure: the true lines, 2 px wide, are widened as those of the training labels are (8 px),
so that a network trained on these is not charged for its wide lines.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from lanelight.errors import FormatError
from lanelight.formats.bdd100k import Kind, Mask, find_kind, read_lanes, read_list
from lanelight.formats.tree import files_below
from lanelight.frames.image import SUFFIXES
from lanelight.geometry import Scene
from lanelight.machine import usable_processors
from lanelight.metrics.base import Figures
from lanelight.metrics.bdd100k import BDD100KLane, LaneCounts, count_lane_pixels, widen
from lanelight.score.base import BenchmarkScore, Watch, short_name


@dataclass(frozen=True)
class Files:
    """The files of one frame.

    Attributes:
        name: of the frame: the gold file's, without its suffix.
        gold: the true mask.
        pred: the predicted mask, or None where it is missing: no lanes.
        image: path of the picture below its folder, where a list tells it.
    """

    name: str
    gold: Path
    pred: Path | None
    image: str | None = None


@dataclass(frozen=True)
class Reading:
    """How masks are read and compared.

    Attributes:
        gold: kind of the true masks.
        pred: kind of the predicted masks.
        checked: whether a mask that looks like another kind is an error.
        dilate: by what square, px, true lanes are widened for the second comparison; None for none.
    """

    gold: Kind
    pred: Kind
    checked: bool
    dilate: int | None

    def masks(self, files: Files) -> tuple[Mask, Mask]:
        """Return the (predicted, true) lane pixels of a frame, (H, W) bool each.

        Raises:
            FormatError: the masks have different sizes, or are not of the kind of their folder.
            SourceError: a file cannot be read.
        """
        gold = read_lanes(files.gold, self.gold, checked=self.checked)
        if files.pred is None:
            return np.zeros_like(gold), gold
        pred = read_lanes(files.pred, self.pred, checked=self.checked)
        if pred.shape != gold.shape:
            raise FormatError(
                f"{files.pred}: expected {gold.shape[1]}x{gold.shape[0]} px as {files.gold} has, "
                f"found {pred.shape[1]}x{pred.shape[0]}; write predictions in the size of the frames"
            )
        return pred, gold

    def count(self, files: Files) -> tuple[LaneCounts, LaneCounts | None]:
        """Return the counts of a frame, and those with widened true lanes where they are asked for."""
        pred, gold = self.masks(files)
        matched = None if self.dilate is None else count_lane_pixels(pred, widen(gold, self.dilate))
        return count_lane_pixels(pred, gold), matched


class BDD100KScore(BenchmarkScore):
    """The figures of a folder of predicted masks.

    Args:
        files: of each frame.
        reading: how their masks are read.
        counts: of each frame, official and with widened true lanes.
        warnings: what the user should know.
    """

    def __init__(
        self,
        files: Sequence[Files],
        reading: Reading,
        counts: Sequence[tuple[LaneCounts, LaneCounts | None]],
        warnings: Sequence[str],
    ) -> None:
        self.names = [one.name for one in files]
        self.warnings = warnings
        self._files = files
        self._reading = reading
        self._counts = counts
        self._images: tuple[Path, dict[str, Path]] | None = None
        self.figures = _figures([official for official, _ in counts])
        if reading.dilate is not None:
            matched = _figures([wide for _, wide in counts if wide is not None])
            del matched["frames"]
            self.figures["matched_width"] = {"dilate_px": reading.dilate, **matched}

    def frame(self, index: int) -> Figures:
        """Return ``tp``, ``gold`` and ``pred`` (pixels), ``accuracy`` and ``iou`` of one frame.

        With `dilate`, the same five under ``matched_width``.
        """
        official, matched = self._counts[index]
        figures = _frame_figures(official)
        return figures if matched is None else {**figures, "matched_width": _frame_figures(matched)}

    def badness(self, index: int) -> tuple[float, ...]:
        """Return (1 - IoU, wrong pixels); zeros where neither side has lanes: nothing is wrong there."""
        both, gold, pred = self._counts[index][0]
        union = gold + pred - both
        return (1.0 - both / union, float(union - both)) if union else (0.0, 0.0)

    def caption(self, index: int) -> str:
        """Return the frame's name and its figures."""
        figures = self.frame(index)
        return f"{short_name(self.names[index])}  accuracy {figures['accuracy']:.3f} IoU {figures['iou']:.3f}"

    def scenes(self, index: int) -> tuple[Scene, Scene]:
        """Read one frame's masks again and return (predicted, true) scenes, class 1 on lanes."""
        pred, gold = self._reading.masks(self._files[index])
        return _scene(pred), _scene(gold)

    def picture(self, index: int, images: Path) -> Path | None:
        """Return the frame's picture below the folder: where the list has it, or of the same name; None without."""
        files = self._files[index]
        if files.image is not None and (images / files.image).is_file():
            return images / files.image
        if self._images is None or self._images[0] != images:
            found = (path for path in sorted(files_below(images), reverse=True) if path.suffix.lower() in SUFFIXES)
            self._images = (images, {path.stem: path for path in found})
        return self._images[1].get(files.name)


def score(
    gold: Path,
    pred: Path,
    *,
    names: Path | None = None,
    kind: Literal["auto"] | Kind = "auto",
    dilate: int | None = None,
    threads: int | None = None,
    watch: Watch | None = None,
) -> BDD100KScore:
    """Score a folder of predicted masks against a folder of true ones.

    A frame without a prediction counts as one without predicted lanes, with a warning.

    Args:
        gold: folder above the true masks.
        pred: folder above the predicted masks.
        names: list file of the frames to score; None takes all gold masks.
        kind: of the masks. ``"auto"`` decides once for each folder, by the first mask of which over half is 0 (binary)
            or 255 (bitmask); a later mask that looks like the other kind is an error.
        dilate: side in px of the square that widens the true lanes for ``matched_width``.
        threads: number of frames read at a time; None takes every usable processor.
        watch: called with the numbers of frames done and in all.

    Raises:
        FormatError: a folder has no masks, none of the predictions belongs to a frame, a listed frame has no gold
            mask, masks of one frame differ in size, or a folder seems to mix both kinds.
        SourceError: a mask cannot be read.
    """
    if dilate is not None and dilate < 1:
        raise FormatError(f"dilate: expected a square of at least 1 px, got {dilate}")
    golds, preds = _by_stem(gold), _by_stem(pred)
    files, warnings = _listed(names, gold, golds, preds) if names else _all(golds, preds)
    predicted = [one.pred for one in files if one.pred is not None]
    if not predicted:
        raise FormatError(
            f"{pred}: expected masks named as those in {gold}, for example {files[0].name}.png, found none of "
            f"{len(files)}; give the folder of the predictions of these frames"
        )
    if kind == "auto":
        reading = Reading(find_kind(one.gold for one in files), find_kind(predicted), True, dilate)
    else:
        reading = Reading(kind, kind, False, dilate)
    counts: list[tuple[LaneCounts, LaneCounts | None]] = []
    with ThreadPoolExecutor(threads or usable_processors()) as pool:
        for counted in pool.map(reading.count, files):
            counts.append(counted)
            if watch is not None:
                watch(len(counts), len(files))
    return BDD100KScore(files, reading, counts, [*warnings, *_missing(pred, files)])


def _by_stem(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise FormatError(
            f"{folder}: expected a folder of PNG masks, found {'a file' if folder.exists() else 'nothing'}"
        )
    by_stem: dict[str, Path] = {}
    for path in sorted(path for path in files_below(folder) if path.suffix == ".png"):
        other = by_stem.setdefault(path.stem, path)
        if other != path:
            raise FormatError(f"{path}: expected one mask of each name below {folder}, found {other} too; remove one")
    if not by_stem:
        raise FormatError(f"{folder}: expected PNG masks below this folder, found none")
    return by_stem


def _all(golds: dict[str, Path], preds: dict[str, Path]) -> tuple[list[Files], list[str]]:
    files = [Files(stem, path, preds.get(stem)) for stem, path in sorted(golds.items())]
    strangers = [path for stem, path in sorted(preds.items()) if stem not in golds]
    if not strangers:
        return files, []
    return files, [f"{len(strangers)} predictions belong to no gold mask and are ignored, the first is {strangers[0]}"]


def _listed(names: Path, gold: Path, golds: dict[str, Path], preds: dict[str, Path]) -> tuple[list[Files], list[str]]:
    files = []
    for line in read_list(names):
        whole = gold / line.label
        path = whole if whole.is_file() else golds.get(line.label.stem)
        if path is None:
            raise FormatError(f"{line.where}: expected a gold mask {line.label.stem}.png below {gold}, found none")
        files.append(Files(line.label.stem, path, preds.get(line.label.stem), str(line.image)))
    again = [name for name, number in Counter(one.name for one in files).items() if number > 1]
    if not again:
        return files, []
    return files, [f"{names}: {len(again)} frames are listed more than once and count so, the first is {again[0]}"]


def _missing(pred: Path, files: Sequence[Files]) -> list[str]:
    missing = [one.name for one in files if one.pred is None]
    if not missing:
        return []
    return [
        f"{len(missing)} of {len(files)} frames have no prediction below {pred} and count as without lanes, the first "
        f"is {missing[0]}.png"
    ]


def _figures(counts: Iterable[LaneCounts]) -> Figures:
    metric = BDD100KLane()
    for one in counts:
        metric.add(one)
    return metric.compute()


def _frame_figures(counts: LaneCounts) -> Figures:
    return {
        "tp": counts.both,
        "gold": counts.gold,
        "pred": counts.pred,
        "accuracy": counts.accuracy,
        "iou": counts.iou,
    }


def _scene(mask: Mask) -> Scene:
    return Scene((mask.shape[1], mask.shape[0]), classes=mask.astype(np.uint8))
