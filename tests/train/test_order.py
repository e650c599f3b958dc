from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanelight.errors import LanelightError
from lanelight.train.order import BLOCK, LARGEST, Drawn, Shuffled


@given(length=st.integers(1, 50), seed=st.integers(0, 99), epoch=st.integers(0, 30))
def test_every_frame_comes_once_before_any_comes_again(length: int, seed: int, epoch: int) -> None:
    order = Shuffled([length], [1.0], seed)
    seen = [order(index)[1] for index in range(epoch * length, (epoch + 1) * length)]
    assert sorted(seen) == list(range(length))


def test_parts_have_their_shares_and_their_frames_their_turns() -> None:
    order = Shuffled([7, 300], [1.0, 3.0], 5)
    drawn = [order(index)[:2] for index in range(2 * BLOCK)]
    assert Counter(part for part, _ in drawn) == {0: 500, 1: 1500}
    counts = Counter(frame for part, frame in drawn if part == 1)
    assert set(counts.values()) == {5}
    assert {71, 72} == set(Counter(frame for part, frame in drawn if part == 0).values())


@pytest.mark.parametrize("kind", [Drawn, Shuffled])
def test_a_sample_does_not_depend_on_those_before(kind: type[Drawn | Shuffled]) -> None:
    def told(order: Drawn | Shuffled, index: int) -> tuple[int, int, float]:
        part, frame, rng = order(index)
        return part, frame, float(rng.random())

    order = kind([9, 40], [0.2, 0.8], 3)
    forward = [told(order, index) for index in range(2500)]
    assert [told(order, index) for index in range(2499, -1, -1)] == forward[::-1]
    assert told(kind([9, 40], [0.2, 0.8], 3), 1700) == forward[1700]
    assert [told(kind([9, 40], [0.2, 0.8], 4), index) for index in range(5)] != forward[:5]


def test_epochs_differ_and_data_without_end_are_taken_in_order() -> None:
    order = Shuffled([40], [1.0], 0)
    first, second = ([order(epoch * 40 + index)[1] for index in range(40)] for epoch in range(2))
    assert first != second
    endless = Shuffled([LARGEST + 1], [1.0], 0)
    assert [endless(index)[1] for index in (0, 1, 5000)] == [0, 1, 5000]


def test_drawn_samples_follow_the_shares() -> None:
    order = Drawn([10, 10], [1.0, 3.0], 0)
    assert np.mean([order(index)[0] for index in range(2000)]) == pytest.approx(0.75, abs=0.03)


def test_a_share_too_small_to_have_a_turn_is_refused() -> None:
    with pytest.raises(LanelightError, match="at least 1/1000"):
        Shuffled([5, 5], [1.0, 1e-5], 0)
