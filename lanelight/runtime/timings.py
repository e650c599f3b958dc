"""How long each stage of a job took, frame by frame."""

from __future__ import annotations

import time
from array import array
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from lanelight.geometry import FloatArray

STAGES = ("read", "view", "network", "decode", "draw", "write")


class Timings:
    """Durations per stage; different threads may add to different stages."""

    def __init__(self) -> None:
        self._seconds = {stage: array("d") for stage in STAGES}
        self._cpu_seconds = {stage: array("d") for stage in STAGES}

    def add(self, stage: str, seconds: float) -> None:
        """Note one duration of a stage of `STAGES`."""
        self._seconds[stage].append(seconds)

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Note how long the block takes."""
        start, used = time.perf_counter(), time.process_time()
        yield
        self.add(stage, time.perf_counter() - start)
        self._cpu_seconds[stage].append(time.process_time() - used)

    def wall_ms(self, stage: str) -> FloatArray:
        """Return the durations of a stage, ms, in the order in which they were noted."""
        return 1000 * np.array(self._seconds[stage])

    def cpu_ms(self, stage: str) -> FloatArray:
        """Return what the process computed while each block of a stage was measured, ms.

        All of its threads count: the figures are a stage's own only while no other stage runs beside it.
        """
        return 1000 * np.array(self._cpu_seconds[stage])

    def latest_ms(self, *stages: str) -> float:
        """Return the sum of the latest durations of some stages, ms."""
        return 1000 * sum(self._seconds[stage][-1] for stage in stages if self._seconds[stage])

    def summary(self) -> dict[str, dict[str, float]]:
        """Return stage -> count, and mean, median and 95th percentile in ms; stages that never ran are left out."""
        table = {}
        for stage, seconds in self._seconds.items():
            if seconds:
                values = 1000 * np.frombuffer(seconds, dtype=np.float64)
                p50, p95 = np.percentile(values, [50, 95])
                table[stage] = {
                    "count": len(values),
                    "mean_ms": round(float(values.mean()), 3),
                    "p50_ms": round(float(p50), 3),
                    "p95_ms": round(float(p95), 3),
                }
        return table

    def clear(self) -> None:
        """Forget everything, for example after a warm-up."""
        for stage in STAGES:
            self._seconds[stage], self._cpu_seconds[stage] = array("d"), array("d")
