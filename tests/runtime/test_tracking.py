"""Identity, births and deaths, slots, bridges, cuts and smoothing, on lanes over a plane road."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanelight.errors import LanelightError
from lanelight.geometry import FloatArray, Lane, Scene
from lanelight.runtime.tracking import BRIDGED, LaneTracker, TrackerOptions

SIZE = (1280, 720)
ROWS = np.arange(719.0, 340.0, -10.0)
HORIZON, PX_A_M = 300.0, 200.0 / 420  # at a row, px a metre and row below the horizon


def _scene(**bottoms: float) -> Scene:
    """Return straight lanes to (640, 300); slot0=..., slot1=... give x at the bottom."""
    lanes = []
    for name, bottom in bottoms.items():
        x = 640 + (bottom - 640) * (ROWS - 300) / 420
        lanes.append(Lane(np.stack([x, ROWS], axis=1), slot=int(name[-1])))
    return Scene(SIZE, lanes)


def _road(offsets_m: Sequence[float] | FloatArray, *, bend: float = 0.0, horizon: float = HORIZON) -> Scene:
    """Return the lines at so many m right of the camera; in a curve every x moves by bend over rows below horizon."""
    below = ROWS - horizon
    lanes = []
    for offset in offsets_m:
        x = 640 + offset * PX_A_M * below + bend / below
        inside = (x >= 0) & (x < SIZE[0])
        lanes.append(Lane(np.stack([x, ROWS], axis=1)[inside], score=0.9))
    return Scene(SIZE, lanes)


def _tracks(scene: Scene) -> list[int | None]:
    return [lane.track for lane in scene.lanes]


def _error(answer: Scene, truth: Scene) -> FloatArray:
    """Return how far right of the truth each lane lies on average, px."""
    return np.array([np.nanmean(a.x_at(ROWS) - b.x_at(ROWS)) for a, b in zip(answer.lanes, truth.lanes, strict=True)])


def _lane_change(seconds: float, *, fps: float = 25.0, width_m: float = 3.6) -> FloatArray:
    """Return where the camera is on its way to the next lane, m right of the start."""
    share = np.arange(round(seconds * fps)) / (seconds * fps)
    return np.asarray(width_m * (share - np.sin(2 * np.pi * share) / (2 * np.pi)))


def test_lanes_keep_their_track_while_they_drift() -> None:
    tracker = LaneTracker()
    seen = [_tracks(tracker.update(_scene(slot1=300 + 8 * t, slot2=980 + 8 * t))) for t in range(20)]
    assert seen == [[0, 1]] * 20


def test_a_lane_change_moves_slots_but_not_tracks() -> None:
    tracker = LaneTracker()
    for _ in range(3):
        tracker.update(_scene(slot1=200, slot2=700))  # about to cross the right line
    for _ in range(2):
        after = tracker.update(_scene(slot0=180, slot1=620, slot2=1180))
    assert [lane.slot for lane in after.lanes] == [0, 1, 2]
    assert _tracks(after) == [0, 1, 2]


def test_a_lane_that_is_missing_during_a_lane_change_moves_its_slot_with_the_others() -> None:
    tracker = LaneTracker()
    for _ in range(4):
        tracker.update(_scene(slot1=150, slot2=620, slot3=1090))
    after = tracker.update(_scene(slot0=145, slot1=615))
    assert [(lane.track, lane.slot) for lane in after.lanes] == [(0, 0), (1, 1), (2, 2)]
    assert after.lanes[2].attributes[BRIDGED] == "1"


def test_a_track_outlives_a_short_gap_and_ends_after_a_long_one() -> None:
    tracker = LaneTracker(TrackerOptions(patience=3, birth=1, bridge=0))
    tracker.update(_scene(slot1=300, slot2=980))
    for _ in range(3):
        tracker.update(_scene(slot1=300))
    assert _tracks(tracker.update(_scene(slot1=300, slot2=980))) == [0, 1]
    for _ in range(5):
        tracker.update(_scene(slot1=300))
    assert _tracks(tracker.update(_scene(slot1=300, slot2=980))) == [0, 2]


def test_a_drop_out_is_bridged_with_a_fading_score_where_the_lane_would_be() -> None:
    tracker = LaneTracker()
    for t in range(10):
        tracker.update(_scene(slot1=300 + 6 * t, slot2=980 + 6 * t))
    scores = []
    for t in range(10, 17):
        answer = tracker.update(_scene(slot1=300 + 6 * t))
        bridged = [lane for lane in answer.lanes if BRIDGED in lane.attributes]
        scores += [lane.score for lane in bridged]
        for lane in bridged:
            assert (lane.track, lane.slot) == (1, 2)
            off = lane.x_at(ROWS) - _scene(slot2=980 + 6 * t).lanes[0].x_at(ROWS)
            assert np.nanmax(np.abs(off)) < 0.1
    np.testing.assert_allclose(scores, 0.8 ** np.arange(1, 6))
    assert _tracks(tracker.update(_scene(slot1=402, slot2=1082))) == [0, 1]


def test_a_lane_seen_in_one_frame_alone_is_not_shown() -> None:
    tracker = LaneTracker()
    for _ in range(5):
        tracker.update(_scene(slot1=300, slot2=980))
    seen = [tracker.update(_scene(slot0=-300, slot1=300, slot2=980))]
    seen += [tracker.update(_scene(slot1=300, slot2=980)) for _ in range(4)]
    assert [_tracks(scene) for scene in seen] == [[0, 1]] * 5


def test_one_lane_found_twice_is_shown_once() -> None:
    tracker = LaneTracker()
    twice = Scene(SIZE, [*_scene(slot1=300).lanes, *_scene(slot2=310).lanes])
    assert [_tracks(tracker.update(twice)) for _ in range(4)] == [[0]] * 4


def test_frames_without_lanes_are_fine() -> None:
    tracker = LaneTracker()
    for _ in range(3):
        assert tracker.update(_scene()).lanes == ()
    assert _tracks(tracker.update(_scene(slot1=300))) == [0]
    assert _tracks(LaneTracker().update(Scene(SIZE, [Lane(np.empty((0, 2))), Lane(np.full((3, 2), np.nan))]))) == []


def test_a_cut_ends_all_tracks_at_once_and_nothing_is_bridged() -> None:
    tracker = LaneTracker()
    for _ in range(10):
        tracker.update(_scene(slot1=300, slot2=980))
    new = _scene(slot1=60, slot2=1240)
    after = tracker.update(new)
    assert _tracks(after) == [2, 3]
    assert np.abs(_error(after, new)).max() == 0.0


def test_a_jolt_that_moves_all_lanes_is_no_cut_and_is_followed_in_the_same_frame() -> None:
    tracker = LaneTracker()
    for _ in range(10):
        tracker.update(_road([-5.4, -1.8, 1.8, 5.4]))
    jolted = _road([-5.4, -1.8, 1.8, 5.4], horizon=HORIZON + 12)
    after = tracker.update(jolted)
    assert _tracks(after) == [0, 1, 2, 3]
    raw = np.nanmean(np.abs(jolted.lanes[3].x_at(ROWS) - _road([5.4]).lanes[0].x_at(ROWS)))
    assert np.abs(_error(after, jolted)).max() < 0.2 * raw


def test_a_single_leap_is_not_followed_and_one_that_stays_is() -> None:
    tracker = LaneTracker()
    for _ in range(10):
        tracker.update(_scene(slot1=300, slot2=980))
    assert np.abs(_error(tracker.update(_scene(slot1=300, slot2=1100)), _scene(slot1=300, slot2=980))).max() < 0.1
    assert np.abs(_error(tracker.update(_scene(slot1=300, slot2=980)), _scene(slot1=300, slot2=980))).max() < 0.1
    for _ in range(8):
        after = tracker.update(_scene(slot1=300, slot2=1100))
    assert np.abs(_error(after, _scene(slot1=300, slot2=1100))).max() < 2.0


@given(
    places=st.lists(st.floats(-9, 9), min_size=1, max_size=5),
    speed=st.floats(-0.08, 0.08),
    turn=st.floats(-4, 4),
)
def test_straight_lanes_that_drift_evenly_pass_unchanged(places: list[float], speed: float, turn: float) -> None:
    places = [place for k, place in enumerate(sorted(places)) if k == 0 or place - sorted(places)[k - 1] > 2.0]
    tracker = LaneTracker()
    first = None
    for t in range(25):
        lanes = [
            lane.with_points(lane.points + np.array([turn * t, 0]))
            for lane in _road([p - speed * t for p in places]).lanes
        ]
        scene = Scene(SIZE, [lane for lane in lanes if len(lane.points) > 2])
        if t == 0:
            first = len(scene.lanes)
        if len(scene.lanes) != first:
            return  # a line came into sight or left
        answer = tracker.update(scene)
        assert _tracks(answer) == list(range(len(scene.lanes)))
        for lane, true in zip(answer.lanes, scene.lanes, strict=True):
            np.testing.assert_allclose(lane.points, true.points, atol=0.01)


@pytest.mark.parametrize("seconds", [3.0, 5.0])
def test_no_lane_lags_behind_in_a_lane_change_nor_on_the_way_into_a_curve(seconds: float) -> None:
    lines = np.array([-5.4, -1.8, 1.8, 5.4])
    change = [_road(lines - d) for d in _lane_change(seconds)]
    curve = [_road(lines, bend=bend) for bend in np.linspace(0, 2000, round(seconds * 25))]
    for drive in (change, curve):
        tracker = LaneTracker()
        off = [_error(tracker.update(truth), truth) for truth in drive]
        assert np.abs(np.concatenate(off)).max() < 0.5


def test_noise_shrinks_by_a_third_and_a_lane_change_leaves_no_bias() -> None:
    rng = np.random.default_rng(5)
    lines = np.array([-5.4, -1.8, 1.8, 5.4])
    tracker, found, smoothed, bias = LaneTracker(), [], [], []
    for d in _lane_change(6.0):
        truth = _road(lines - d)
        noise = [rng.normal(0, 3) + rng.normal(0, 2, len(lane.points)) for lane in truth.lanes]
        seen = [
            lane.with_points(lane.points + np.stack([e, 0 * e], axis=1))
            for lane, e in zip(truth.lanes, noise, strict=True)
        ]
        answer = tracker.update(Scene(SIZE, seen))
        assert _tracks(answer) == [0, 1, 2, 3]
        found += [float(np.square(e).mean()) for e in noise]
        errors = [
            np.nanmean((a.x_at(ROWS) - b.x_at(ROWS)) ** 2) for a, b in zip(answer.lanes, truth.lanes, strict=True)
        ]
        smoothed += [float(e) for e in errors]
        bias.append(_error(answer, truth).mean())
    assert np.sqrt(np.mean(smoothed)) < 0.65 * np.sqrt(np.mean(found))
    assert abs(np.mean(bias[40:110])) < 0.5


def test_without_smoothing_points_are_those_of_the_detector() -> None:
    tracker = LaneTracker(TrackerOptions(smooth=False))
    for t in range(6):
        scene = _scene(slot1=300 + 9 * (t % 2), slot2=980)
        answer = tracker.update(scene)
        assert all(a.points.tobytes() == b.points.tobytes() for a, b in zip(answer.lanes, scene.lanes, strict=True))
        assert _tracks(answer) == [0, 1]


def test_reset_forgets_lanes_but_uses_no_number_again_and_so_does_another_frame_size() -> None:
    tracker = LaneTracker()
    tracker.update(_scene(slot1=300, slot2=980))
    tracker.reset()
    assert _tracks(tracker.update(_scene(slot1=300, slot2=980))) == [2, 3]
    small = Scene((640, 360), [replace(lane, points=lane.points / 2) for lane in _scene(slot1=300).lanes])
    assert _tracks(tracker.update(small)) == [4]


def test_impossible_options_are_refused() -> None:
    with pytest.raises(LanelightError, match="birth >= 1"):
        TrackerOptions(birth=0)
