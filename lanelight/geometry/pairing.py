"""Which lane of one set is which lane of another: distance at common rows, and the cheapest way to pair them all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lanelight.geometry.curve import FloatArray
from lanelight.geometry.lane import Lane


def x_on_rows(lanes: Sequence[Lane], rows: FloatArray) -> FloatArray:
    """Return x of every lane at the given rows, NaN outside a lane.

    Args:
        lanes: N lanes.
        rows: (R,) ascending y in px.

    Returns:
        (N, R) float64 px.
    """
    return np.stack([_x_at(lane, rows) for lane in lanes]) if len(lanes) else np.empty((0, len(rows)))


def row_distances(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return the mean distance in x of every lane of one set from every lane of another, over the rows both have.

    Args:
        a: (N, R) x in px, NaN where absent.
        b: (M, R) the same of the other set.

    Returns:
        (N, M) px; infinite where two lanes share no row.
    """
    apart = np.abs(a[:, None] - b[None])
    shared = np.isfinite(apart)
    count = shared.sum(axis=2)
    total = np.where(shared, apart, 0.0).sum(axis=2)
    return np.where(count > 0, total / np.maximum(count, 1), np.inf)


def pair(cost: FloatArray, limit: float) -> list[tuple[int, int]]:
    """Return the pairs of rows and columns that cost least together; being left alone costs `limit` a pair.

    The answer is exact: no other choice of pairs, each of at most `limit`, has a smaller sum of the costs of its pairs
    and of `limit` for every row without one. Of equal choices the one found first in the order of the rows is taken.

    Args:
        cost: (N, M), infinite where two must not be paired.
        limit: largest cost of a pair.

    Returns:
        (row, column) pairs in the order of the rows.
    """
    rows, columns = cost.shape
    if rows == 0 or columns == 0:
        return []
    best = cost.argmin(axis=1)
    least = cost[np.arange(rows), best]
    near = np.flatnonzero(least <= limit)
    if len(set(best[near].tolist())) == len(near):  # nobody competes: everybody's nearest is the optimum
        return [(int(i), int(best[i])) for i in near]
    # One private column a row stands for staying alone.
    alone = np.where(np.eye(rows, dtype=bool), limit, np.inf)
    table = np.concatenate([np.where(cost <= limit, cost, np.inf), alone], axis=1)
    chosen = _cheapest(table.tolist())
    return [(i, j) for i, j in enumerate(chosen) if j < columns]


def _x_at(lane: Lane, rows: FloatArray) -> FloatArray:
    """Return x of a lane at ascending rows; where y runs one way, which is usual, by the fast way."""
    x, y = lane.points.T
    if len(y) < 2:
        return lane.x_at(rows)
    steps = y[1:] - y[:-1]
    if (steps < 0).all():
        x, y = x[::-1], y[::-1]
    elif not (steps > 0).all():  # also where a point is NaN
        return lane.x_at(rows)
    if not np.isfinite(x.sum() + y[0] + y[-1]):
        return lane.x_at(rows)
    return np.asarray(np.interp(rows, y, x, left=np.nan, right=np.nan), dtype=np.float64)


def _cheapest(cost: list[list[float]]) -> list[int]:
    """Return the column of each row in the cheapest complete assignment of N rows to M >= N columns.

    Row after row is added along the shortest augmenting path; `row_price + column_price` stays below the cost
    everywhere and equal to it on the pairs, which proves the optimum. In plain Python: for ten lanes that is faster
    than calls on tiny arrays.
    """
    n, m = len(cost), len(cost[0])
    row_price, column_price = [0.0] * n, [0.0] * m
    row_of = [-1] * m
    for start in range(n):
        distance, before, done = [np.inf] * m, [-1] * m, [False] * m
        row, reached, here = start, 0.0, -1
        while True:
            for j in range(m):
                if done[j]:
                    continue
                through = reached + cost[row][j] - row_price[row] - column_price[j]
                if through < distance[j]:
                    distance[j], before[j] = through, here
            here = min((j for j in range(m) if not done[j]), key=distance.__getitem__)
            reached = distance[here]
            done[here] = True
            if row_of[here] < 0:
                break
            row = row_of[here]
        _reprice(row_price, column_price, row_of, start=start, done=done, distance=distance, reached=reached)
        while here >= 0:
            row_of[here] = row_of[before[here]] if before[here] >= 0 else start
            here = before[here]
    columns = [0] * n
    for j, row in enumerate(row_of):
        if row >= 0:
            columns[row] = j
    return columns


def _reprice(
    row_price: list[float],
    column_price: list[float],
    row_of: list[int],
    *,
    start: int,
    done: list[bool],
    distance: list[float],
    reached: float,
) -> None:
    """Move the prices of what a search has reached so that its path becomes tight, in place."""
    row_price[start] += reached
    for j, seen in enumerate(done):
        if seen and row_of[j] >= 0:
            row_price[row_of[j]] += reached - distance[j]
            column_price[j] -= reached - distance[j]
