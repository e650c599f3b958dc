from __future__ import annotations

import numpy as np

from lanelight.geometry import Lane, Scene
from lanelight.runtime.tracking import LaneTracker


def _scene(**bottoms: float) -> Scene:
    """Return straight lanes to (640, 300); slot0=..., slot1=... give x at the bottom."""
    rows = np.arange(719.0, 320.0, -10.0)
    lanes = []
    for name, bottom in bottoms.items():
        x = 640 + (bottom - 640) * (rows - 300) / 420
        lanes.append(Lane(np.stack([x, rows], axis=1), slot=int(name[-1])))
    return Scene((1280, 720), lanes)


def _tracks(scene: Scene) -> list[int | None]:
    return [lane.track for lane in scene.lanes]


def test_lanes_keep_their_track_while_they_drift() -> None:
    tracker = LaneTracker()
    seen = [_tracks(tracker.update(_scene(slot1=300 + 8 * t, slot2=980 + 8 * t))) for t in range(20)]
    assert seen == [[0, 1]] * 20


def test_a_lane_change_swaps_slots_but_not_tracks() -> None:
    tracker = LaneTracker()
    tracker.update(_scene(slot1=200, slot2=700))  # about to cross the right line
    after = tracker.update(_scene(slot0=180, slot1=620, slot2=1180))
    assert [lane.slot for lane in after.lanes] == [0, 1, 2]
    assert _tracks(after) == [0, 1, 2]


def test_a_track_outlives_a_short_gap_and_ends_after_a_long_one() -> None:
    tracker = LaneTracker(patience=3)
    tracker.update(_scene(slot1=300, slot2=980))
    for _ in range(3):
        tracker.update(_scene(slot1=300))
    assert _tracks(tracker.update(_scene(slot1=300, slot2=980))) == [0, 1]
    for _ in range(5):
        tracker.update(_scene(slot1=300))
    assert _tracks(tracker.update(_scene(slot1=300, slot2=980))) == [0, 2]


def test_an_empty_frame_is_fine() -> None:
    tracker = LaneTracker()
    assert tracker.update(_scene()).lanes == ()
    assert _tracks(tracker.update(_scene(slot1=300))) == [0]
