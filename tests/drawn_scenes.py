"""Scenes as people draw them, for the tests of all labelling tools."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from lanelight.geometry import Lane, Scene

SIZE = (1280, 720)
# Whole hundredths, as tools write them.
coordinate = st.integers(-5000, 200_000).map(lambda hundredths: hundredths / 100)
words = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=8)
attributes = st.dictionaries(
    words.filter(lambda word: word not in ("slot", "score", "track", "label")), words, max_size=3
)
lanes = st.builds(
    Lane,
    points=st.lists(st.tuples(coordinate, coordinate), min_size=2, max_size=6).map(np.array),
    score=st.floats(0, 1),
    slot=st.none() | st.integers(0, 9),
    track=st.none() | st.integers(0, 10**6),
    attributes=attributes,
)
scenes = st.builds(Scene, st.just(SIZE), st.lists(lanes, max_size=4))


def same(a: Scene, b: Scene) -> bool:
    """Tell whether two scenes are equal to the last bit."""
    return a.size == b.size and [facts(lane) for lane in a.lanes] == [facts(lane) for lane in b.lanes]


def facts(lane: Lane) -> tuple[object, ...]:
    """Return all that a lane says, as plain values."""
    return lane.points.tolist(), lane.score, lane.slot, lane.track, dict(lane.attributes)


def road() -> Scene:
    """Return four lanes with slots, from left to right, in whole px from the vehicle outwards."""
    feet, tops = (100, 400, 880, 1180), (600, 620, 660, 680)
    return Scene(
        SIZE,
        [
            Lane(np.array([[foot, 719.0], [(foot + top) / 2, 520.0], [top, 320.0]]), slot=slot)
            for slot, (foot, top) in enumerate(zip(feet, tops, strict=True))
        ],
    )
