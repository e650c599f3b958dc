"""Run a detector over a data set and score it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from lanelight.datasets import TuSimple
from lanelight.errors import SourceError
from lanelight.formats.tusimple import ROWS, to_entry
from lanelight.metrics import TuSimpleAccuracy
from lanelight.runtime.predictor import Detector

STAGES = ("view", "network", "decode")  # what counts as latency: from the frame in memory to its Scene


@dataclass(frozen=True)
class Evaluation:
    """What running over a data set gave.

    Attributes:
        scores: the metric's figures over the frames that could be read.
        latency_ms: median time from a frame in memory to its Scene; 0 without frames.
        frames: number of frames scored.
        unreadable: one message for each frame that could not be read.
        entries: the predictions as lines of the benchmark's file.
    """

    scores: dict[str, float]
    latency_ms: float
    frames: int
    unreadable: tuple[str, ...]
    entries: tuple[dict[str, Any], ...]


def evaluate_tusimple(
    detector: Detector, data: TuSimple, *, limit: int | None = None, watch: Callable[[int], None] | None = None
) -> Evaluation:
    """Score a detector on frames of TuSimple, at each frame's own rows.

    The benchmark's limit of 200 ms a frame is not applied, since it would score the machine: the saved run times
    show it.

    Args:
        detector: what is scored.
        data: the frames.
        limit: number of frames from the first on; None takes all.
        watch: called with the number of frames done after each one.
    """
    metric, entries, unreadable, latencies = TuSimpleAccuracy(), [], [], []
    detector.warm_up()
    for index in range(len(data) if limit is None else min(limit, len(data))):
        try:
            name, frame, gold = data[index]
        except SourceError as error:
            unreadable.append(str(error))
        else:
            rows = data.entries[index].rows
            pred = detector.predict(frame)
            latencies.append(detector.timings.latest_ms(*STAGES))
            metric.update(pred, gold, rows=ROWS if rows is None else rows)
            entries.append(to_entry(pred, name, ROWS if rows is None else rows, round(latencies[-1], 3)))
        if watch is not None:
            watch(index + 1)
    latency_ms = float(np.median(latencies)) if latencies else 0.0
    return Evaluation(metric.compute(), latency_ms, metric.frames, tuple(unreadable), tuple(entries))
