"""Score CULane lane files as the benchmark's own tool does.

Below both folders lies one ``*.lines.txt`` for each frame of the list, whose entries look like
``/driver_23_30frame/05151640_0419.MP4/00000.jpg``. A missing file is a frame without lanes; every line is a lane.
The list may be a folder of several, the benchmark's nine categories for instance: each is reported, and their sum.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lanelight.errors import FormatError
from lanelight.formats.culane import SIZE, lane_points, lines_name, oddities
from lanelight.formats.text import inside
from lanelight.geometry import Lane, Scene
from lanelight.geometry.ego import ego_indices, ego_pair
from lanelight.machine import usable_processors
from lanelight.metrics.base import Figures
from lanelight.metrics.culane import LINE_PX, CULaneF1, Which, key_of, pen_for, ratios
from lanelight.score.base import BenchmarkScore, Watch, short_name
from lanelight.score.culane_lists import Part, read_parts
from lanelight.score.culane_warnings import Extent, warnings_of

Ints = NDArray[np.int64]
Points = NDArray[np.float32]

CHUNK = 64  # frames counted in one call
CROSS = "cross"  # the category of crossroads, whose frames have no lanes: only false ones can be counted


@dataclass(frozen=True)
class Job:
    """What is compared, and how.

    Attributes:
        gold: folder of the true lanes.
        pred: folder of the predicted lanes.
        size: (width, height) of the frames, px.
        line_px: width of the lines, px.
        lanes: all, or the two beside the vehicle.
        thresholds: of the intersection over union.
    """

    gold: Path
    pred: Path
    size: tuple[int, int]
    line_px: int
    lanes: Which
    thresholds: tuple[float, ...]


class CULaneScore(BenchmarkScore):
    """The figures of CULane prediction files.

    Args:
        job: what was compared.
        parts: the lists of frames.
        hits: (N, T) right lanes of each frame at each threshold.
        lanes: (N, 2) true and predicted lanes of each frame.
        warnings: what the user should know.
    """

    def __init__(self, job: Job, parts: Sequence[Part], hits: Ints, lanes: Ints, warnings: Sequence[str]) -> None:
        self.names = [name for part in parts for name in part.names]
        self.warnings = warnings
        self._job = job
        self._hits = hits
        self._lanes = lanes
        self.figures = self._sum(0, len(hits))
        if len(parts) > 1:
            self.figures["categories"] = categories = {}
            first = 0
            for part in parts:
                figures = self._sum(first, first + len(part.names))
                categories[part.name] = _false_ones(figures) if part.name == CROSS else figures
                first += len(part.names)
        self.figures["frames"] = len(hits)

    def frame(self, index: int) -> Figures:
        """Return tp, fp and fn of one frame at each threshold."""
        gold, pred = self._lanes[index].tolist()
        return {
            key_of(threshold): {"tp": tp, "fp": pred - tp, "fn": gold - tp}
            for threshold, tp in zip(self._job.thresholds, self._hits[index].tolist(), strict=True)
        }

    def badness(self, index: int) -> tuple[float, ...]:
        """Return (1 - f1, fp + fn) at the first threshold; a frame without any lane is perfect."""
        gold, pred = self._lanes[index].tolist()
        tp = int(self._hits[index, 0])
        wrong = gold + pred - 2 * tp
        return (1.0 - ratios(tp, pred - tp, gold - tp)["f1"] if wrong else 0.0), wrong

    def caption(self, index: int) -> str:
        """Return the frame's name and its figures."""
        gold, pred = self._lanes[index].tolist()
        tp = int(self._hits[index, 0])
        return f"{short_name(self.names[index])}  tp {tp} fp {pred - tp} fn {gold - tp}"

    def scenes(self, index: int) -> tuple[Scene, Scene]:
        """Read one frame's (predicted, true) lanes again, those that were compared."""
        return self._scene(self._job.pred, index), self._scene(self._job.gold, index)

    def picture(self, index: int, images: Path) -> Path | None:
        """Return the frame below the folder, or None where there is no such file."""
        name = self.names[index].strip()
        file = inside(images, name, "the list of frames") if name else images
        return file if file.is_file() else None

    def oddities(self) -> Iterator[str]:
        """Yield everything odd in the files, by file and line; each file once."""
        seen = set()
        for root in (self._job.gold, self._job.pred):
            for name in self.names:
                if (root, name) in seen or not name.strip():
                    continue
                seen.add((root, name))
                content = _content(root, name)
                if content is None:
                    yield f"{_file(root, name)}: missing; it counts as a frame without lanes"
                else:
                    yield from (f"{_file(root, name)} line {line}: {what}" for line, what in oddities(content))

    def _scene(self, root: Path, index: int) -> Scene:
        lanes = [Lane(points) for points in lane_points(_content(root, self.names[index]) or b"")]
        return Scene(self._job.size, ego_pair(lanes, self._job.size) if self._job.lanes == "ego" else lanes)

    def _sum(self, first: int, last: int) -> Figures:
        metric = CULaneF1(self._job.thresholds, line_px=self._job.line_px, lanes=self._job.lanes)
        gold, pred = self._lanes[first:last].sum(axis=0).tolist()
        metric.add(self._hits[first:last].sum(axis=0), pred, gold)
        return metric.compute()


def score(
    gold: Path,
    pred: Path,
    *,
    names: Path | None = None,
    thresholds: Sequence[float] = (0.5,),
    size: tuple[int, int] = SIZE,
    line_px: int = LINE_PX,
    lanes: Which = "all",
    threads: int | None = None,
    watch: Watch | None = None,
) -> CULaneScore:
    """Score a folder of prediction files.

    Args:
        gold: folder of the true lanes.
        pred: folder of the predicted ones, the same tree.
        names: list file, or folder of list files; None takes every lane file below `gold`.
        thresholds: of the intersection over union, at least one.
        size: (width, height) of the frames, px.
        line_px: width of the lines, px.
        lanes: ``"ego"`` compares only the two lanes beside the vehicle, of each side; no benchmark does so.
        threads: number of threads; None takes every usable processor.
        watch: called with the numbers of frames done and in all.

    Raises:
        FormatError: a folder or list is missing or empty, a file is unreadable, or none of the listed frames has a file
            on one of the sides.
        LanelightError: impossible thresholds or widths.
    """
    rule = CULaneF1(thresholds, line_px=line_px, lanes=lanes)  # checks them
    job = Job(gold, pred, size, rule.line_px, lanes, rule.thresholds)
    for folder, what in ((gold, "true"), (pred, "predicted")):
        if not folder.is_dir():
            raise FormatError(f"{folder}: expected the folder of the {what} lanes (*.lines.txt), found none")
    parts = read_parts(names, gold)
    entries = [name for part in parts for name in part.names]
    hits, counts = np.zeros((len(entries), len(rule.thresholds)), np.int64), np.zeros((len(entries), 2), np.int64)
    extents = (Extent(), Extent())
    pen_for(size, rule.line_px)  # before the threads ask for it
    chunks = [entries[start : start + CHUNK] for start in range(0, len(entries), CHUNK)]
    done = 0
    with ThreadPoolExecutor(threads or usable_processors()) as pool:
        try:
            for found in pool.map(lambda chunk: _count(job, chunk), chunks):
                last = done + len(found.hits)
                hits[done:last], counts[done:last] = found.hits, found.lanes
                for extent, more in zip(extents, found.extents, strict=True):
                    extent.merge(more)
                done = last
                if watch is not None:
                    watch(done, len(entries))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return CULaneScore(job, parts, hits, counts, warnings_of(parts, extents, gold=gold, pred=pred, size=size))


@dataclass(frozen=True)
class _Counted:
    hits: Ints
    lanes: Ints
    extents: tuple[Extent, Extent]


def _count(job: Job, names: Sequence[str]) -> _Counted:
    """Read and count some frames."""
    from lanelight.metrics.culane_counts import Lanes, count_images
    from lanelight.score.lane_text import parse

    contents = [_content(root, name) if name.strip() else b"" for name in names for root in (job.gold, job.pred)]
    points, ends, file_ends = parse([content or b"" for content in contents])
    if job.lanes == "ego":
        points, ends, file_ends = _ego_only(points, ends, file_ends, job.size)
    lanes = Lanes(points, ends, file_ends[0::2], file_ends[1::2])
    hits = count_images(lanes, pen_for(job.size, job.line_px), np.array(job.thresholds))
    starts = np.concatenate([[0], file_ends[:-1]])
    lengths = np.diff(ends, prepend=0)
    side_of_lane = np.repeat(np.arange(len(file_ends)) % 2, file_ends - starts)
    side_of_point = np.repeat(side_of_lane, lengths)
    gold, pred = (
        Extent.of(
            points[side_of_point == side],
            lengths[side_of_lane == side],
            [name for name, content in zip(names, contents[side::2], strict=True) if content is None],
            job.size,
        )
        for side in (0, 1)
    )
    return _Counted(hits, (file_ends - starts).reshape(-1, 2), (gold, pred))


def _ego_only(points: Points, ends: Ints, file_ends: Ints, size: tuple[int, int]) -> tuple[Points, Ints, Ints]:
    """Keep of each file the lanes beside the vehicle."""
    lanes = np.split(points, ends[:-1]) if len(ends) else []
    kept: list[Points] = []
    kept_ends = []
    start = 0
    for end in file_ends.tolist():
        chosen = ego_indices([Lane(lane.astype(np.float64)) for lane in lanes[start:end]], size)
        kept += [lanes[start + index] for index in chosen]
        kept_ends.append(len(kept))
        start = end
    flat = np.concatenate([np.empty((0, 2), np.float32), *kept])
    return flat, np.cumsum([len(lane) for lane in kept], dtype=np.int64), np.array(kept_ends, dtype=np.int64)


def _false_ones(figures: Figures) -> Figures:
    return {key: {"fp": row["fp"]} for key, row in figures.items() if key != "mf1"}


def _file(root: Path, name: str) -> str:
    return f"{root}/{lines_name(name).lstrip('/')}"


def _content(root: Path, name: str) -> bytes | None:
    """Return the bytes of a frame's lane file, or None where there is none."""
    path = _file(root, name)
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - a Path costs as much as the reading
            return file.read()
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise FormatError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error
