from __future__ import annotations

from itertools import permutations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lanelight.geometry import Lane
from lanelight.geometry.pairing import pair, row_distances, x_on_rows

COSTS = st.sampled_from([0.0, 1.0, 2.0, 3.5, 5.0, 8.0, np.inf])


def _least(cost: np.ndarray[tuple[int, int], np.dtype[np.float64]], limit: float) -> float:
    """Return the smallest sum over all ways to pair, by trying them all."""
    rows, columns = cost.shape
    options = [*range(columns), *[-1] * rows]
    return min(
        sum(limit if j < 0 or cost[i, j] > limit else float(cost[i, j]) for i, j in enumerate(chosen))
        for chosen in set(permutations(options, rows))
    )


@given(st.data())
def test_pairs_cost_as_little_as_the_best_of_all_choices(data: st.DataObject) -> None:
    rows, columns = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 4))
    cost = np.array(data.draw(st.lists(COSTS, min_size=rows * columns, max_size=rows * columns)), dtype=np.float64)
    cost = cost.reshape(rows, columns)
    pairs = pair(cost, 4.0)
    assert len({i for i, _ in pairs}) == len({j for _, j in pairs}) == len(pairs)
    assert all(cost[i, j] <= 4.0 for i, j in pairs)
    assert sum(cost[i, j] for i, j in pairs) + 4.0 * (rows - len(pairs)) == _least(cost, 4.0)


def test_ten_lanes_that_all_compete_are_paired_to_the_best() -> None:
    cost = np.abs(np.subtract.outer(np.arange(10.0), np.arange(10.0) + 0.9))  # everybody's nearest is another's
    assert pair(cost, 100.0) == [(i, i) for i in range(10)]


def test_nothing_is_paired_with_nothing() -> None:
    assert pair(np.empty((0, 3)), 1.0) == pair(np.empty((3, 0)), 1.0) == []
    assert pair(np.full((2, 2), np.inf), 1.0) == []


def test_distances_are_means_over_common_rows_and_infinite_without_any() -> None:
    a = np.array([[0.0, 10.0, np.nan]])
    b = np.array([[1.0, 13.0, 5.0], [np.nan, np.nan, 5.0]])
    assert row_distances(a, b).tolist() == [[2.0, np.inf]]


@given(st.lists(st.tuples(st.floats(-50, 50), st.integers(0, 40)), min_size=0, max_size=6))
def test_places_on_rows_are_those_of_the_lane(points: list[tuple[float, int]]) -> None:
    lane = Lane(np.array(points, dtype=np.float64).reshape(-1, 2))
    rows = np.linspace(0, 40, 17)
    np.testing.assert_allclose(x_on_rows([lane], rows)[0], lane.x_at(rows), atol=1e-9)
