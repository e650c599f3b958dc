"""The labelled frames of `accuracy.py`, the scores on them with their intervals, and pictures of the worst."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from finders import Finder, Spot, folder_of, median_lanes

from lanelight.datasets import CULane, LabelledPictures, Native, TuSimple
from lanelight.datasets.rendering import write_views
from lanelight.datasets.synthetic import WORLDS
from lanelight.formats.tusimple import read_labels, to_scene
from lanelight.frames import read_image
from lanelight.geometry import Scene
from lanelight.geometry.ego import slotted
from lanelight.metrics.culane import Which
from lanelight.runtime.evaluate import BadFrame, write_worst
from lanelight.runtime.scoring import Compared, ScoringRule, TuSimpleRule
from lanelight.runtime.scoring_lines import CULaneRule, LineCounts, NativeRule

ROADS_SEED = 1_000_003  # of rendered roads that no run trains on
ROADS_SIZE = (1280, 720)
WORST = 9
BLOCK, DRAWS = 10, 500  # frames that follow each other resemble each other, and are drawn together


@dataclass(frozen=True)
class Trial:
    """Labelled frames and the rule that they are scored by.

    Attributes:
        name: of its columns.
        data: the frames.
        score: makes a `Score` without counts.
        labels: part and place of a frame -> the median of labels of other frames.
        maps: folder of the other network's answers, named as the frames; None where there are none.
        parts: what is reported apart -> places of its frames.
    """

    name: str
    data: LabelledPictures
    score: Callable[[], Score]
    labels: Callable[[str, int], Scene]
    maps: Path | None
    parts: Mapping[str, Sequence[int]]

    def spot(self, part: str, index: int, size: tuple[int, int]) -> Spot:
        """Return where a frame is from."""
        file = None if self.maps is None else (self.maps / self.data.keys[index]).with_suffix(".png")
        return Spot(size, lambda: self.labels(part, index), file)


class Score:
    """The counts of one finder on one trial.

    Attributes:
        rule: by which frames are counted.
        bad: place of a frame -> what was counted.
    """

    def __init__(self, rule: ScoringRule) -> None:
        self.rule = rule
        self.bad: dict[int, BadFrame] = {}

    def add(self, index: int, pred: Scene, gold: Scene) -> None:
        """Count a frame."""
        self.bad[index] = BadFrame(index, self.rule.count(index, pred, gold))

    def worst(self, chosen: Sequence[int]) -> list[BadFrame]:
        """Return the worst of some frames, the worst first."""
        return sorted((self.bad[i] for i in chosen), key=lambda frame: frame.compared.badness, reverse=True)[:WORST]

    def total(self) -> dict[str, float]:
        """Return the figures over all frames, the main one first."""
        figures = self.rule.figures()
        return {name: figures[name] for name in ("accuracy", "fp", "fn")}

    def main(self, chosen: Sequence[int]) -> float:
        """Return the main figure over some frames; a frame may count several times."""
        return float(np.mean([1 - self.bad[i].compared.badness[0] for i in chosen]))


class LineScore(Score):
    """By the rule of CULane, at an intersection over union of 0.5.

    Args:
        rule: makes the rule of its counts.
        lanes: all, or those of the ego lane.
    """

    def __init__(self, rule: Callable[[LineCounts], ScoringRule], lanes: Which) -> None:
        self._counts = LineCounts(lanes=lanes)
        super().__init__(rule(self._counts))

    def total(self) -> dict[str, float]:
        """Return the figures over all frames, the main one first."""
        figures = self._counts.figures()["iou_0.5"]
        return {name: figures[name] for name in ("f1", "precision", "recall")}

    def main(self, chosen: Sequence[int]) -> float:
        """Return F1 over some frames; a frame may count several times."""
        return float(self._counts.figures(chosen)["iou_0.5"]["f1"])


def culane_trial(root: Path, maps: Path | None) -> Trial:
    """Return the labelled frames of the clip in CULane's form: the two lines of the ego lane, rule of CULane."""
    data = CULane(root, root / "list" / "labelled.txt")
    size = _size(data)
    half = len(data) // 2

    @cache
    def other(first: bool) -> Scene:
        return median_lanes([data.scene(i, size) for i in (range(half, len(data)) if first else range(half))])

    return Trial(
        "culane", data, lambda: LineScore(lambda counts: CULaneRule(data, counts), "ego"),
        lambda _, index: other(index < half), maps, {"culane": range(len(data))},
    )  # fmt: skip


def tusimple_trial(root: Path, others: Path, maps: Path | None) -> Trial:
    """Return the TuSimple frames; constant lanes are those of another label file, without the frames themselves."""
    data = TuSimple(root, root / "label_data_pool.json")

    @cache
    def medians() -> Scene:
        own = set(data.keys)
        return median_lanes([to_scene(entry) for entry in read_labels(others) if entry.raw_file not in own])

    return Trial(
        "tusimple", data, lambda: Score(TuSimpleRule(data)), lambda *_: medians(), maps,
        {"tusimple": range(len(data))},
    )  # fmt: skip


def rendered_trial(folder: Path, count: int, threads: int) -> Trial:
    """Return rendered roads of all worlds, made at the first call: lanes in the four slots, rule of CULane."""
    root = folder / f"roads_{count}"
    if not root.is_dir():
        total = count * len(WORLDS)
        write_views(
            root, "native", list(WORLDS), frames=total, seed=ROADS_SEED, size=ROADS_SIZE, split="val", threads=threads
        )
    data = Native(root)
    parts = {world: [i for i, key in enumerate(data.keys) if f"{world}/" in f"/{key}"] for world in WORLDS}

    @cache
    def medians(world: str, left_out: int) -> Scene:
        return median_lanes([data.scene(i, ROADS_SIZE) for i in parts[world] if i != left_out])

    return Trial(
        "rendered", data, lambda: LineScore(lambda counts: _Slotted(data, counts), "all"), medians, None, parts
    )


class _Slotted(NativeRule):
    """Asks for the lanes in the four slots alone."""

    def count(self, index: int, pred: Scene, gold: Scene) -> Compared:
        """Count one frame."""
        return super().count(index, pred, Scene(gold.size, [x for x in slotted(gold).lanes if x.slot in range(4)]))


def score_all(trial: Trial, finders: Sequence[Finder], *, limit: int | None, out: Path) -> dict[str, dict[str, float]]:
    """Score all finders on a trial, frame by frame, and write their worst frames.

    Returns:
        finder -> column -> figure; nothing of a finder that cannot see these frames.
    """
    parts = {part: list(chosen)[:limit] for part, chosen in trial.parts.items()}
    scores = {finder.name: trial.score() for finder in finders}
    for part, chosen in parts.items():
        for index in chosen:
            _, frame, gold = trial.data[index]
            spot = trial.spot(part, index, gold.size)
            for finder in finders:
                pred = finder.find(frame, spot)
                if pred is not None:
                    scores[finder.name].add(index, pred, gold)
    found = {name: score for name, score in scores.items() if score.bad}
    for name, score in found.items():
        for part, chosen in parts.items():
            write_worst(folder_of(out, name) / f"{part}_worst.jpg", trial.data, score.worst(chosen))
    return {name: columns(trial.name, score, parts) for name, score in found.items()}


def columns(name: str, score: Score, parts: Mapping[str, Sequence[int]]) -> dict[str, float]:
    """Return the cells of a trial: its figures, the interval of the main one, and that of each of several parts."""
    total = score.total()
    low, high = interval(score.main, len(score.bad))
    cells = {"frames": len(score.bad)} | total | {"low": low, "high": high}
    apart = {part: score.main(chosen) for part, chosen in parts.items()} if len(parts) > 1 else {}
    return {f"{name}_{key}": value for key, value in (cells | apart).items()}


def interval(figure: Callable[[Sequence[int]], float], count: int) -> tuple[float, float]:
    """Return between which values 95 % of the figure lie when blocks of successive frames are drawn anew.

    Args:
        figure: of frames 0, 1, ..., of which one may be named several times.
        count: number of frames.
    """
    rng = np.random.default_rng(0)
    size = min(BLOCK, count)
    starts = rng.integers(0, count - size + 1, size=(DRAWS, -(-count // size)))
    drawn = (starts[:, :, None] + np.arange(size)).reshape(DRAWS, -1)[:, :count]
    low, high = np.percentile([figure(chosen.tolist()) for chosen in drawn], [2.5, 97.5])
    return float(low), float(high)


def _size(data: LabelledPictures) -> tuple[int, int]:
    """Return (width, height) of the first frame, which is that of all."""
    frame = read_image(data.picture(0))
    return frame.shape[1], frame.shape[0]
