"""Run a detector over a data set and score it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lanelight.datasets.base import LabelledPictures
from lanelight.errors import LanelightError, ModelError
from lanelight.frames import read_image, write_image
from lanelight.metrics.base import Figures
from lanelight.render import contact_sheet, draw_comparison
from lanelight.runtime.predictor import Detector
from lanelight.runtime.scoring import Compared, ScoringRule

STAGES = ("view", "network", "decode")  # what counts as latency: from the frame in memory to its Scene
TILE_PX, LONGEST_NAME = 640, 36


class BadFrame(NamedTuple):
    """One of the worst frames.

    Attributes:
        place: index of the frame in the data set.
        compared: its figures and what was compared.
    """

    place: int
    compared: Compared


@dataclass(frozen=True)
class Evaluation:
    """What running over a data set gave.

    Attributes:
        scores: the metric's figures over the frames that could be read, as `lanelight score` has them.
        latencies_ms: time from a frame in memory to its Scene, for each frame scored.
        unreadable: one message for each frame whose picture or labels could not be read.
        worst: the worst frames, the worst first.
        notes: what the reader of the figures should know, one sentence each.
    """

    scores: Figures
    latencies_ms: tuple[float, ...]
    unreadable: tuple[str, ...]
    worst: tuple[BadFrame, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def frames(self) -> int:
        """Number of frames scored."""
        return len(self.latencies_ms)

    @property
    def latency_ms(self) -> float:
        """Median time from a frame in memory to its Scene; 0 without frames."""
        return float(np.median(self.latencies_ms)) if self.latencies_ms else 0.0


def evaluate(
    detector: Detector,
    rule: ScoringRule,
    *,
    limit: int | None = None,
    save: Path | None = None,
    worst: int = 0,
    watch: Callable[[int], None] | None = None,
) -> Evaluation:
    """Score a detector on the frames of a data set.

    Frames whose picture or labels cannot be used are left out and reported.

    Args:
        detector: what is scored.
        rule: the data set and how its frames are scored; it keeps its counts, so every evaluation takes a new one.
        limit: number of frames from the first on; None takes all.
        save: where predictions are written in the data set's own form: a file, or for CULane, BDD100K and classes a
            folder.
        worst: how many of the worst frames are kept.
        watch: called with the number of frames done after each one.

    Raises:
        ModelError: what the network finds cannot be compared with the labels.
        OutputError: the predictions cannot be written, or would replace other files.
    """
    rule.prepare(detector.manifest)
    unreadable: list[str] = []
    latencies: list[float] = []
    bad: list[BadFrame] = []
    detector.warm_up()
    with rule.saving(save, detector.manifest.name) if save is not None else nullcontext() as write:
        for index in range(len(rule.data) if limit is None else min(limit, len(rule.data))):
            try:
                _, frame, gold = rule.data[index]
                pred = detector.predict(frame)
                latency_ms = detector.timings.latest_ms(*STAGES)
                compared = rule.count(index, pred, gold)
            except ModelError:
                raise  # of the network, not of this frame
            except LanelightError as error:
                unreadable.append(str(error))
            else:
                latencies.append(latency_ms)
                if write is not None:
                    write(index, pred, latency_ms)
                if worst:
                    bad = _worst([*bad, BadFrame(index, compared)], worst)
            if watch is not None:
                watch(index + 1)
    return Evaluation(rule.figures(), tuple(latencies), tuple(unreadable), tuple(bad), tuple(rule.notes()))


def write_worst(path: Path, data: LabelledPictures, worst: Sequence[BadFrame]) -> None:
    """Write the worst frames as one picture, the truth green and predictions orange.

    Raises:
        LanelightError: there are no frames, or a picture can no longer be read.
        OutputError: the picture cannot be written.
    """
    tiles = [draw_comparison(read_image(data.picture(at)), found.pred, found.gold) for at, found in worst]
    captions = [f"{_short(data.keys[at])}  {found.caption}" for at, found in worst]
    write_image(path, contact_sheet(tiles, captions, tile_width=TILE_PX))


def _worst(frames: list[BadFrame], number: int) -> list[BadFrame]:
    """Return the worst frames, the worst first; equal ones in the order of the data."""
    return sorted(frames, key=lambda frame: frame.compared.badness, reverse=True)[:number]


def _short(name: str) -> str:
    """Return the end of a frame's name, which tells it from its neighbours."""
    return name if len(name) <= LONGEST_NAME else f"...{name[3 - LONGEST_NAME :]}"
