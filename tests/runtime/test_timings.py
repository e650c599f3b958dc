"""Timings: means and percentiles per stage, in milliseconds."""

from __future__ import annotations

import time

import pytest

from lanelight.runtime import Timings


def test_a_summary_tells_mean_median_and_percentile_in_milliseconds() -> None:
    timings = Timings()
    for value in (0.001, 0.002, 0.009):
        timings.add("network", value)
    assert timings.summary() == {"network": {"count": 3, "mean_ms": 4.0, "p50_ms": 2.0, "p95_ms": 8.3}}


def test_a_block_is_measured_and_the_latest_durations_add_up() -> None:
    timings = Timings()
    with timings.measure("view"):
        time.sleep(0.01)
    timings.add("decode", 0.5)
    assert 510 <= timings.latest_ms("view", "decode", "draw") < 700
    timings.clear()
    assert timings.summary() == {}


def test_a_stage_that_does_not_exist_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        Timings().add("lunch", 1.0)
