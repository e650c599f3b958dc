"""Rows of a comparison of networks: medians, 95th percentiles, and how many times faster than the first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lanelight.runtime.bench import Measured
from lanelight.runtime.bench_process import STEPS
from lanelight.runtime.differences import SceneDifference

DIFFERENCES = ("same_lanes", "lane_px", "mean_px", "f1", "other_class")
COLUMNS = (
    *("model", "backend", "precision", "device", "threads", "input", "source", "frames", "rounds"),
    *("parameters", "gflop"),
    *(f"{step}_{figure}" for step in STEPS for figure in ("ms_p50", "ms_p95", "cpu_ms_p50")),
    *(f"{step}_{clock}times_faster" for step in ("network", "end_to_end") for clock in ("", "cpu_")),
    *("load_s", "peak_mb"),
    *DIFFERENCES,
)


def rows_of(measured: Sequence[Measured], *, source: str) -> list[dict[str, Any]]:
    """Return one row for each contestant, with the `COLUMNS`; what is not known is None.

    Ratios are those of medians, of the first row's to the row's own: 2 is twice as fast. ``*_ms`` are wall time,
    ``*_cpu_ms`` what all threads of the process computed meanwhile. The last five tell how far what was found is from
    float32, as `SceneDifference` has them.

    Args:
        measured: what `lanelight.runtime.bench.measure` found.
        source: of the frames, in words.
    """
    return [_row(each, measured[0], source) for each in measured]


def _row(one: Measured, first: Measured, source: str) -> dict[str, Any]:
    rounds, frames = one.wall_ms["network"].shape
    row: dict[str, Any] = {
        "model": one.contestant.model,
        "backend": one.contestant.backend,
        "precision": one.loaded.precision,
        "device": one.loaded.device,
        "threads": one.loaded.threads,
        "input": "x".join(map(str, one.loaded.input)),
        "source": source,
        "frames": frames,
        "rounds": rounds,
        "parameters": one.cost.parameters if one.cost else None,
        "gflop": round(one.cost.gflop, 3) if one.cost else None,
    }
    for step in STEPS:
        p50, p95 = np.percentile(one.wall_ms[step], [50, 95])
        row[f"{step}_ms_p50"] = round(float(p50), 3)
        row[f"{step}_ms_p95"] = round(float(p95), 3)
        row[f"{step}_cpu_ms_p50"] = round(float(np.median(one.cpu_ms[step])), 3)
    for step in ("network", "end_to_end"):
        row[f"{step}_times_faster"] = _ratio(first.wall_ms[step], one.wall_ms[step])
        row[f"{step}_cpu_times_faster"] = _ratio(first.cpu_ms[step], one.cpu_ms[step])
    row["load_s"] = round(one.loaded.load_s, 2)
    row["peak_mb"] = None if one.peak_mb is None else round(one.peak_mb)
    return row | _difference(one.difference)


def _difference(found: SceneDifference | None) -> dict[str, Any]:
    values = {name: None if found is None else getattr(found, name) for name in DIFFERENCES}
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in values.items()}


def _ratio(base: Any, own: Any) -> float:
    return round(float(np.median(base) / np.median(own)), 2)
