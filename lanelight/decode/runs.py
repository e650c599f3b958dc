"""Pixels of lanes -> one line per lane, through the middles of their runs, for all lanes of a picture at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lanelight.decode.masks import smoothed
from lanelight.geometry import FloatArray

Indices = NDArray[np.intp]


class Pixels(NamedTuple):
    """Pixels of lanes, in px of the network's input, (N,) each.

    Attributes:
        lane: number of the lane, ascending.
        row, column: where they are; those of a lane by rows, and in a row from left to right.
        weight: how much each counts for the middle of its run.
    """

    lane: Indices
    row: Indices
    column: Indices
    weight: FloatArray


class Runs(NamedTuple):
    """Unbroken pieces of rows, (R,) each; those of a lane lie together, its lowest row first.

    Attributes:
        lane, row: of each.
        left, right: first and last column, px.
        middle: weighted mean of the columns, px.
        weight: sum over its pixels.
    """

    lane: Indices
    row: Indices
    left: Indices
    right: Indices
    middle: FloatArray
    weight: FloatArray

    def at(self, chosen: Indices | NDArray[np.bool_]) -> Runs:
        """Return some of them."""
        return Runs(
            self.lane[chosen],
            self.row[chosen],
            self.left[chosen],
            self.right[chosen],
            self.middle[chosen],
            self.weight[chosen],
        )


def turned(pixels: Pixels, lanes: NDArray[np.bool_]) -> Pixels:
    """Swap rows and columns of some lanes.

    Args:
        pixels: of all lanes.
        lanes: (L,) which lanes.
    """
    swap = lanes[pixels.lane]
    row, column = np.where(swap, pixels.column, pixels.row), np.where(swap, pixels.row, pixels.column)
    order = np.lexsort((column, row, pixels.lane))
    return Pixels(pixels.lane[order], row[order], column[order], pixels.weight[order])


def find_runs(pixels: Pixels, max_hole: int) -> Runs:
    """Gather pixels into runs.

    Args:
        pixels: at least one.
        max_hole: pixels that may be missing inside a run.
    """
    lane, row, column = pixels.lane[::-1], pixels.row[::-1], pixels.column[::-1]  # the lowest first
    weight = pixels.weight[::-1]
    breaks = (column[:-1] - column[1:] > max_hole + 1) | (row[1:] != row[:-1]) | (lane[1:] != lane[:-1])
    starts = np.flatnonzero(np.append(True, breaks))
    mass = np.add.reduceat(weight, starts)
    middle = np.add.reduceat(weight * column, starts) / mass
    left = column[np.append(starts[1:], len(column)) - 1]
    return Runs(lane[starts], row[starts], left, column[starts], middle, mass)


def on_lines(runs: Runs, max_slope: float) -> Runs:
    """Leave out runs beside the line of their lane: of several lines that they could make, the heaviest stays.

    A line has at most one run in a row, and from one to the next it steps aside at most `max_slope` px per row, not
    counting the width of the runs. How many rows lie between two runs does not matter.
    """
    same = runs.lane[1:] == runs.lane[:-1]
    up = runs.row[:-1] - runs.row[1:]
    aside = np.maximum(runs.left[1:] - runs.right[:-1], runs.left[:-1] - runs.right[1:])
    torn = same & ((up < 1) | (aside > max_slope * up))
    if not torn.any():
        return runs
    kept = np.ones(len(runs.lane), bool)
    for lane in np.unique(runs.lane[1:][torn]):
        own = np.flatnonzero(runs.lane == lane)
        kept[own] = False
        kept[own[_heaviest_chain(runs.at(own), max_slope)]] = True
    return runs.at(kept)


def _heaviest_chain(runs: Runs, max_slope: float) -> list[int]:
    """Return which runs of one lane the heaviest line is made of."""
    row, left, right, weight = (part.tolist() for part in (runs.row, runs.left, runs.right, runs.weight))
    chains: list[list[int]] = []
    for i in range(len(row)):
        best: list[int] | None = None
        for chain in chains:
            last = chain[-1]
            up = row[last] - row[i]
            fits = up > 0 and max(left[i] - right[last], left[last] - right[i]) <= max_slope * up
            if fits and (best is None or len(chain) > len(best)):
                best = chain
        if best is None:
            chains.append([i])
        else:
            best.append(i)
    return max(chains, key=lambda chain: sum(weight[i] for i in chain))


def lines(runs: Runs, *, step: int, smooth: int) -> tuple[Indices, FloatArray]:
    """Return the points of all lines, smoothed and thinned out.

    Args:
        runs: at most one in each row of a lane.
        step: every so many-th run has a point, and the last before a gap of more than two steps has.
        smooth: rows of the moving local line fit, which does not reach over such gaps; 0 leaves the middles.

    Returns:
        Lane (P,) and (column, row) px (P, 2) of each point.
    """
    new, last = np.ones((2, len(runs.lane)), bool)
    new[1:] = (runs.lane[1:] != runs.lane[:-1]) | (runs.row[:-1] - runs.row[1:] > 2 * step)
    last[:-1] = new[1:]
    piece = np.cumsum(new)
    points = smoothed(np.stack([runs.middle, runs.row], axis=1), smooth, piece)
    first = np.flatnonzero(new)[piece - 1]
    chosen = ((np.arange(len(piece)) - first) % step == 0) | last
    return runs.lane[chosen], points[chosen]
