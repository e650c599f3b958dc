"""Which prediction belongs to which true lane, by the rule of the CULane benchmark's tool; compiled.

Kuhn and Munkres' algorithm with a slack: an edge counts as tight within 0.01, nodes are tried in the order given, and
the search ends for all later lanes when one of them sees nothing but NaN. The result is not always the best assignment
(in about 1 % of ordinary images with many lanes), and depends on the order of the lanes; scores that should equal the
benchmark's must have both.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lanelight.compiled import compiled

FloatArray = NDArray[np.float64]
Indices = NDArray[np.int64]
Flags = NDArray[np.bool_]

SLACK = 0.01
LOWEST_LABEL = -1e5
NOTHING = 1e10


@compiled
def match(similarity: FloatArray) -> Indices:
    """Return for each true lane the index of its prediction, or -1.

    Args:
        similarity: (G, P) of each true lane with each prediction; NaN is never matched.
    """
    gold, pred = similarity.shape
    if gold <= pred:
        return _matched(similarity)
    matched = np.full(gold, -1, np.int64)
    for p, g in enumerate(_matched(np.ascontiguousarray(similarity.T))):
        if g >= 0:
            matched[g] = p
    return matched


class Search(NamedTuple):
    """The state of the search: rows are to be matched with columns, of which there are no fewer.

    Attributes:
        weight: (R, C) of each row with each column.
        row_label: (R,) and `column_label` (C,): their sum is at least the weight, nearly equal on tight edges.
        column_label: (C,).
        of_row: (R,) the column matched so far, or -1.
        of_column: (C,) the row.
        row_seen: (R,) rows met in this round.
        column_seen: (C,) columns met in this round.
    """

    weight: FloatArray
    row_label: FloatArray
    column_label: FloatArray
    of_row: Indices
    of_column: Indices
    row_seen: Flags
    column_seen: Flags


@compiled
def _matched(weight: FloatArray) -> Indices:
    """Match the rows, of which there are no more than columns; return each row's column or -1."""
    rows, columns = weight.shape
    s = Search(
        weight,
        np.full(rows, LOWEST_LABEL),
        np.zeros(columns),
        np.full(rows, -1, np.int64),
        np.full(columns, -1, np.int64),
        np.zeros(rows, np.bool_),
        np.zeros(columns, np.bool_),
    )
    for u in range(rows):
        for v in range(columns):
            if s.row_label[u] < weight[u, v]:  # noqa: PLR1730 - NaN must not get in
                s.row_label[u] = weight[u, v]
    for start in range(rows):
        while True:
            s.row_seen.fill(False)
            s.column_seen.fill(False)
            if _augmented(s, start):
                break
            least = _least_gap(s)
            if least == NOTHING:
                return s.of_row
            for u in range(rows):
                s.row_label[u] -= least * s.row_seen[u]
            for v in range(columns):
                s.column_label[v] += least * s.column_seen[v]
    return s.of_row


@compiled
def _least_gap(s: Search) -> float:
    """Return how far the labels are above the weight, at least, from the rows met to the columns not met."""
    least = NOTHING
    for u in range(len(s.of_row)):
        for v in range(len(s.of_column)):
            if s.row_seen[u] and not s.column_seen[v]:
                gap = s.row_label[u] + s.column_label[v] - s.weight[u, v]
                if gap < least:  # noqa: PLR1730 - NaN must not get in
                    least = gap
    return least


@compiled
def _augmented(s: Search, start: int) -> bool:
    """Find a free column for a row, depth first along tight edges, moving others on; tell whether there is one."""
    rows, columns = s.weight.shape
    path = np.empty(rows, np.int64)  # the rows on the way down
    tried = np.full(rows, -1, np.int64)  # the column each of them tries
    depth = 0
    path[0] = start
    s.row_seen[start] = True
    while depth >= 0:
        u, v = path[depth], tried[depth] + 1
        while v < columns and (s.column_seen[v] or not _is_tight(s, u, v)):
            v += 1
        tried[depth] = v
        if v == columns:
            depth -= 1
            continue
        s.column_seen[v] = True
        if s.of_column[v] == -1:
            for step in range(depth + 1):
                s.of_row[path[step]], s.of_column[tried[step]] = tried[step], path[step]
            return True
        depth += 1
        path[depth], tried[depth] = s.of_column[v], -1
        s.row_seen[s.of_column[v]] = True
    return False


@compiled
def _is_tight(s: Search, u: int, v: int) -> bool:
    return bool(abs(s.row_label[u] + s.column_label[v] - s.weight[u, v]) < SLACK)
