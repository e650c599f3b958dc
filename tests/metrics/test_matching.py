"""Which prediction belongs to which true lane."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from lanelight.metrics.matching import SLACK, match

NAN = float("nan")


@st.composite
def similarities(draw: st.DrawFn) -> NDArray[np.float64]:
    gold, pred = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    values = draw(st.lists(st.floats(0, 1, width=16), min_size=gold * pred, max_size=gold * pred))
    return np.array(values).reshape(gold, pred)


def best_total(similarity: NDArray[np.float64]) -> float:
    small = similarity if similarity.shape[0] <= similarity.shape[1] else similarity.T
    rows = range(small.shape[0])
    return max(
        sum(float(small[row, column]) for row, column in zip(rows, order, strict=False))
        for order in permutations(range(small.shape[1]), small.shape[0])
    )


@given(similarities())
def test_every_lane_of_the_smaller_side_is_matched_once_and_nearly_as_well_as_can_be(
    similarity: NDArray[np.float64],
) -> None:
    matched = match(similarity)
    pairs = [(gold, pred) for gold, pred in enumerate(matched.tolist()) if pred >= 0]
    assert len(pairs) == min(similarity.shape)
    assert len({pred for _, pred in pairs}) == len(pairs)
    total = sum(similarity[pair] for pair in pairs)
    assert best_total(similarity) - total <= 2 * SLACK * min(similarity.shape)


def test_the_order_of_lanes_decides_within_the_slack() -> None:
    """Both predictions are tight for the true lane: the first one is taken, though the second is better."""
    assert match(np.array([[0.700, 0.705]])).tolist() == [0]
    assert match(np.array([[0.705, 0.700]])).tolist() == [0]
    assert match(np.array([[0.700, 0.715]])).tolist() == [1]


def test_a_lane_that_sees_only_nan_ends_the_search_for_those_after_it() -> None:
    first = np.array([[NAN, NAN], [0.9, 0.1]])
    assert match(first).tolist() == [-1, -1]
    assert match(first[::-1].copy()).tolist() == [0, -1]


def test_nan_is_never_matched() -> None:
    assert match(np.array([[NAN, 0.2], [0.3, NAN]])).tolist() == [1, 0]


@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (2, 6), (6, 2), (100, 90)])
def test_similarities_of_zero_are_matched_too(shape: tuple[int, int]) -> None:
    assert (match(np.zeros(shape)) >= 0).sum() == min(shape)
