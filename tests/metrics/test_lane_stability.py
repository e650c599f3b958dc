from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanelight.errors import LanelightError
from lanelight.geometry import Lane, Scene
from lanelight.metrics.stability import LaneStability

SIZE = (1000, 400)
ROWS = np.arange(399.0, 100.0, -10.0)


def _scene(places: Sequence[float | None], *, tracks: Sequence[int | None] | None = None) -> Scene:
    """Return upright lanes at these x, None is no lane."""
    numbers = tracks or [None] * len(places)
    lanes = [
        Lane(np.stack([np.full_like(ROWS, x), ROWS], axis=1), track=number)
        for x, number in zip(places, numbers, strict=True)
        if x is not None
    ]
    return Scene(SIZE, lanes)


def _figures(places: Sequence[Sequence[float | None]], gold: Sequence[float | None] | None = None) -> dict[str, object]:
    metric = LaneStability()
    for each in places:
        metric.update(_scene(each), None if gold is None else _scene(gold))
    return metric.compute()


def test_even_motion_is_no_jitter() -> None:
    figures = _figures([(100 + 7 * t, 600 - 3 * t) for t in range(30)])
    assert figures["jitter_px"] == figures["jitter_typical_px"] == 0.0
    assert (figures["frames"], figures["lanes"], figures["switches"]) == (30, 60, None)


def test_jitter_is_the_standard_deviation_of_white_noise() -> None:
    rng = np.random.default_rng(1)
    figures = _figures([(200 + 4 * t / 10 + rng.normal(0, 2), 600 + rng.normal(0, 2)) for t in range(2000)])
    assert figures["jitter_px"] == pytest.approx(2.0, rel=0.05)
    assert figures["jitter_typical_px"] == pytest.approx(2.0, rel=0.08)


def test_one_leap_counts_in_the_root_mean_square_and_not_in_the_median() -> None:
    figures = _figures([(200.0 + 30 * (t == 50),) for t in range(100)])
    assert figures["jitter_px"] == pytest.approx(np.sqrt((30**2 + 60**2 + 30**2) / 98 / 6), rel=1e-3)
    assert figures["jitter_typical_px"] == 0.0


def test_motion_of_the_truth_is_no_error_jitter() -> None:
    metric = LaneStability()
    for t in range(40):
        x = 300 + 20 * np.sin(t / 3)
        metric.update(_scene([x + 2]), _scene([x]))
    figures = metric.compute()
    assert figures["jitter_px"] > 0.5
    assert figures["error_jitter_px"] == 0.0
    assert figures["error_px"] == pytest.approx(2.0)


@pytest.mark.parametrize("with_truth", [True, False])
def test_a_drop_out_lies_between_two_findings(with_truth: bool) -> None:
    found = [True] * 5 + [False] * 3 + [True] * 5 + [False] + [True] * 2 + [False] * 4
    figures = _figures([(200.0, 600.0 if seen else None) for seen in found], (200.0, 600.0) if with_truth else None)
    assert (figures["dropouts"], figures["dropout_frames"], figures["longest_dropout"]) == (2, 4, 3)
    assert figures["dropout_share"] == pytest.approx(4 / 36)
    assert figures["missed_share"] == (pytest.approx(8 / 40) if with_truth else None)


@pytest.mark.parametrize("with_truth", [True, False])
def test_a_switch_is_another_number_on_the_same_lane(with_truth: bool) -> None:
    metric = LaneStability()
    gold = _scene([200, 600]) if with_truth else None
    for numbers in ([0, 1], [0, 1], [1, 0], [1, 0], [1, 5]):
        metric.update(_scene([200, 600], tracks=numbers), gold)
    assert metric.compute()["switches"] == 3


def test_a_lane_in_another_slot_than_before_flickers() -> None:
    metric = LaneStability()
    for slots in ([1, 2], [1, 2], [0, 2], [1, 2], [1, 3], [1, None], [1, 3]):
        lanes = [replace(lane, slot=slot) for lane, slot in zip(_scene([200, 600]).lanes, slots, strict=True)]
        metric.update(Scene(SIZE, lanes))
    assert metric.compute()["slot_changes"] == 3
    assert _figures([(200.0, 600.0)] * 3)["slot_changes"] is None


def test_the_number_of_lanes_changes_within_a_video_alone() -> None:
    metric = LaneStability()
    for video in ([(200.0,), (200.0, 600.0), (200.0, 600.0), (300.0,)], [(200.0, 600.0), (300.0, 700.0), ()]):
        for places in video:
            metric.update(_scene(places))
        metric.next_video()
    assert metric.compute()["count_changes"] == 3


def test_lanes_without_truth_beside_them_are_extra() -> None:
    figures = _figures([(200.0, 600.0, 900.0)] * 4, (200.0, 610.0))
    assert figures["extra_share"] == pytest.approx(1 / 3)
    assert figures["error_px"] == pytest.approx(5.0)


def test_true_tracks_tell_identity_through_a_jump_of_the_truth() -> None:
    metric = LaneStability()
    for t in range(4):
        metric.update(_scene([200 + 300 * (t > 1)], tracks=[7]), _scene([200 + 300 * (t > 1)], tracks=[3]))
    figures = metric.compute()
    assert (figures["switches"], figures["dropouts"]) == (0, 0)
    assert figures["jitter_px"] > 50


@given(st.lists(st.lists(st.floats(0, 999), max_size=4), max_size=8), st.integers(0, 8), st.randoms())
def test_videos_add_up_to_the_same_bits_in_any_order(videos: list[list[float]], cut: int, random: object) -> None:
    def counted(parts: list[list[float]]) -> LaneStability:
        metric = LaneStability()
        for x in parts:
            for t in range(4):
                metric.update(_scene([v + 0.37 * t * t for v in x], tracks=[t // 2] * len(x)), _scene(x))
            metric.next_video()
        return metric

    whole = counted(videos)
    first, second = counted(videos[cut:]), counted(videos[:cut])
    first.merge(second)
    assert first.compute() == whole.compute()


def test_an_empty_metric_has_no_figures_and_reset_brings_it_back() -> None:
    metric = LaneStability()
    empty = metric.compute()
    assert empty["jitter_px"] is empty["error_px"] is empty["switches"] is None
    for _ in range(5):
        metric.update(_scene([200], tracks=[1]), _scene([201]))
    metric.reset()
    assert metric.compute() == empty
    metric.update(_scene([]))
    assert metric.compute()["lanes"] == 0


def test_sizes_and_truth_do_not_change_within_a_video() -> None:
    metric = LaneStability()
    metric.update(_scene([200]), _scene([200]))
    with pytest.raises(LanelightError, match="next_video"):
        metric.update(_scene([200]))
    with pytest.raises(LanelightError, match="frame of"):
        metric.update(_scene([200]), replace(_scene([200]), size=(640, 400)))
    metric.next_video()
    metric.update(_scene([200]))
    with pytest.raises(LanelightError, match="reach"):
        LaneStability(reach=0)
