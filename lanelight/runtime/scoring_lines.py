"""Score lanes as lines, by the rule of CULane: its own data, and native data sets in frames of any size."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lanelight.datasets import CULane, Native
from lanelight.datasets.native import LANES
from lanelight.formats import culane
from lanelight.formats.culane_lists import CATEGORIES, read_list
from lanelight.formats.native import LaneLog
from lanelight.formats.text import make_folder
from lanelight.geometry import Lane, Scene
from lanelight.geometry.ego import ego_pair
from lanelight.metrics import CULaneF1
from lanelight.metrics.base import Figures
from lanelight.metrics.culane import LINE_PX, Which, key_of, ratios
from lanelight.runtime.scoring import Compared, ScoringRule, Write, check_no_label, make_empty

CROSS = "cross"  # the category of crossroads, whose frames have no lanes: only false ones can be counted
LISTED = re.compile(r"(.+) line \d+")
CATEGORY_FILE = re.compile(r"test\d_(\w+)")
THINNEST_PX = 2

Ints = NDArray[np.int64]


class LineCounts:
    """The counts of each frame by the rule of CULane.

    Args:
        thresholds: of the intersection over union; the first one tells how bad a frame is.
        line_px: width of the lines, px; None scales the benchmark's 30 px in 1640 px to the width of the frame.
        lanes: all, or only the two beside the vehicle.

    Raises:
        LanelightError: impossible thresholds or widths.
    """

    def __init__(
        self, thresholds: Sequence[float] = (0.5,), *, line_px: int | None = None, lanes: Which = "all"
    ) -> None:
        self.thresholds = CULaneF1(thresholds, line_px=line_px or LINE_PX).thresholds  # checks both
        self._line_px = line_px
        self._lanes = lanes
        self._frames: dict[int, tuple[Ints, int, int]] = {}  # hits at each threshold, predicted and true lanes
        self._scaled: dict[tuple[int, int], int] = {}

    def __len__(self) -> int:
        """Return the number of frames counted."""
        return len(self._frames)

    def add(self, index: int, pred: Scene, gold: Scene) -> Compared:
        """Count one frame.

        Raises:
            LanelightError: the two scenes have different frame sizes.
        """
        if self._lanes == "ego":
            pred, gold = (Scene(scene.size, ego_pair(scene.lanes, scene.size)) for scene in (pred, gold))
        metric = CULaneF1(self.thresholds, line_px=self._line_px or self._width_in(gold.size))
        metric.update(pred, gold)
        figures = metric.compute()
        hits = np.array([figures[key_of(threshold)]["tp"] for threshold in self.thresholds], np.int64)
        self._frames[index] = hits, len(pred.lanes), len(gold.lanes)
        tp = int(hits[0])
        fp, fn = len(pred.lanes) - tp, len(gold.lanes) - tp
        f1 = ratios(tp, fp, fn)["f1"] if fp + fn else 1.0  # a frame without any lane is perfect
        return Compared((1.0 - f1, fp + fn), f"tp {tp} fp {fp} fn {fn}", pred, gold)

    def figures(self, chosen: Iterable[int] | None = None) -> Figures:
        """Return the figures over some of the frames, or all; those that were not counted are left out."""
        total = CULaneF1(self.thresholds)
        for index in self._frames if chosen is None else chosen:
            if index in self._frames:
                total.add(*self._frames[index])
        return total.compute()

    def counted(self, chosen: Iterable[int]) -> bool:
        """Tell whether any of some frames was counted."""
        return any(index in self._frames for index in chosen)

    def notes(self) -> Iterator[str]:
        """Yield which lines were not as wide as the benchmark's."""
        for (width, height), line_px in self._scaled.items():
            yield (
                f"lines {line_px} px wide in frames of {width}x{height}: the benchmark's {LINE_PX} px in "
                f"{culane.SIZE[0]}x{culane.SIZE[1]}, scaled with the width (--width sets another)"
            )

    def _width_in(self, size: tuple[int, int]) -> int:
        line_px = max(THINNEST_PX, round(LINE_PX * size[0] / culane.SIZE[0]))
        if size != culane.SIZE:
            self._scaled[size] = line_px
        return line_px


class CULaneRule(ScoringRule):
    """The CULane score, as the benchmark's tool finds it in the lane files that `saving` writes.

    Predictions are compared at the benchmark's rows and without their slots, for that is what the files hold.

    Args:
        data: the frames.
        counts: how they are counted.
        categories: whether the benchmark's nine categories are reported, where its lists are in the data.
    """

    def __init__(self, data: CULane, counts: LineCounts, *, categories: bool = False) -> None:
        self.data: CULane = data
        self._counts = counts
        self._parts = _list_files(data)
        if categories and not self._parts:
            self._parts = _categories(data)

    def count(self, index: int, pred: Scene, gold: Scene) -> Compared:
        """Count one frame."""
        lines = culane.lane_points(culane.lines_text(pred).encode())
        true = [Lane(lane.points) for lane in gold.lanes]
        return self._counts.add(index, Scene(pred.size, [Lane(points) for points in lines]), Scene(gold.size, true))

    def figures(self) -> Figures:
        """Return tp, fp, fn, precision, recall and f1 of each threshold, ``mf1``, ``categories`` and ``frames``."""
        figures = self._counts.figures()
        parts = {name: chosen for name, chosen in self._parts.items() if self._counts.counted(chosen)}
        if parts:
            figures["categories"] = {name: self._part(name, chosen) for name, chosen in parts.items()}
        return {**figures, "frames": len(self._counts)}

    @contextmanager
    def saving(self, path: Path, model: str) -> Iterator[Write]:  # noqa: ARG002  # the format has no place for it
        """Write a lane file for each frame into a folder, in the tree of the data."""
        make_empty(path)

        def write(index: int, pred: Scene, latency_ms: float) -> None:  # noqa: ARG001  # no place for it either
            file = path / culane.lines_name(self.data.keys[index])
            make_folder(file.parent)
            culane.write_lanes(file, pred)

        yield write

    def notes(self) -> Iterator[str]:
        """Yield which lines were not as wide as the benchmark's."""
        return self._counts.notes()

    def _part(self, name: str, chosen: Sequence[int]) -> Figures:
        figures = self._counts.figures(chosen)
        if name != CROSS:
            return figures
        return {key: {"fp": row["fp"]} for key, row in figures.items() if key != "mf1"}


class NativeRule(ScoringRule):
    """The rule of CULane on a native data set: every lane as it is, in its frame's own size.

    Args:
        data: the frames.
        counts: how they are counted.
    """

    def __init__(self, data: Native, counts: LineCounts) -> None:
        self.data: Native = data
        self._counts = counts

    def count(self, index: int, pred: Scene, gold: Scene) -> Compared:
        """Count one frame; missing points of the true lanes are left out."""
        true = [lane.with_points(lane.points[np.isfinite(lane.points).all(axis=1)]) for lane in gold.lanes]
        return self._counts.add(index, Scene(pred.size, pred.lanes), Scene(gold.size, true))

    def figures(self) -> Figures:
        """Return tp, fp, fn, precision, recall and f1 of each threshold, ``mf1`` and ``frames``."""
        return {**self._counts.figures(), "frames": len(self._counts)}

    @contextmanager
    def saving(self, path: Path, model: str) -> Iterator[Write]:
        """Write a ``lanes.jsonl`` with a line for each frame."""
        check_no_label(path, {self.data.root / LANES})
        with ExitStack() as files:
            logs: list[LaneLog] = []  # the header wants the size of the first frame

            def write(index: int, pred: Scene, latency_ms: float) -> None:  # noqa: ARG001  # no place for it
                if not logs:
                    log = LaneLog(path, source=str(self.data.root), model=model, size=pred.size)
                    logs.append(files.enter_context(log))
                logs[0].write(index, None, pred, name=self.data.keys[index])

            yield write

    def notes(self) -> Iterator[str]:
        """Yield how wide the lines were."""
        return self._counts.notes()


def _list_files(data: CULane) -> dict[str, list[int]]:
    """Return the frames of each list file, where there are several."""
    parts: dict[str, list[int]] = {}
    for index, listed in enumerate(data.listed):
        file = LISTED.fullmatch(listed.where)
        if file is not None:
            stem = Path(file[1]).stem
            category = CATEGORY_FILE.fullmatch(stem)
            parts.setdefault(category[1] if category else stem, []).append(index)
    return parts if len(parts) > 1 else {}


def _categories(data: CULane) -> dict[str, list[int]]:
    """Return the frames of each category whose list is there.

    Raises:
        FormatError: a list is damaged.
    """
    place: dict[str, list[int]] = {}
    for index, key in enumerate(data.keys):
        place.setdefault(key, []).append(index)
    lists = {name: data.root / file for name, file in CATEGORIES.items() if (data.root / file).is_file()}
    return {
        name: [index for listed in read_list(file) for index in place.get(listed.image, ())]
        for name, file in lists.items()
    }
