"""Points of an embedding -> clusters, in about a millisecond: DBSCAN and flat-kernel mean shift on a grid of cells.

Both first gather the points in the cells of a grid, a few hundred where lanes have thousands of pixels, and then work
with cells.

`dbscan` is that of Ester et al. 1996 on the grid of Gunawan 2013: the diagonal of a cell is eps, so that the points of
a cell are neighbours of each other. Bounds on the distance of two cells' points decide most pairs of cells, and the
points of the pairs that they leave open are compared one by one. So neither do chains break that run along a diagonal
of the grid, nor do cells join that touch but whose points do not.

`mean_shift` is that of Comaniciu & Meer 2002 with a flat kernel, from binned seeds. A cell moves a mean as one point,
the mean of its own with their count, so that only cells which the surface of a ball cuts are weighed wrongly.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from lanelight.errors import ModelError
from lanelight.geometry import FloatArray

Labels = NDArray[np.intp]
Flags = NDArray[np.bool_]

NOISE = -1
MAX_CELLS = 4096  # of more, as untrained networks give, those with the most points are kept: 0.1 GB of distances
MAX_SEEDS = 128
CELLS_ACROSS = 5  # cells of mean shift in a bandwidth
STILL = 1e-3  # share of the bandwidth; a mean that moves less has come to rest
TURNS = 100
EXACT = 2.0**53  # whole numbers below it are exact in float64
PAIRS = 1 << 18  # distances of points that are taken at a time


def dbscan(points: NDArray[Any], *, eps: float, min_points: int) -> Labels:
    """Cluster points by density.

    A core point has at least `min_points` points within `eps`, itself counted. Core points within eps of each other are
    in one cluster, and any other point within eps of a core point is in the cluster of the nearest. That is the
    partition of DBSCAN, up to the rounding of distances that equal eps; of a point on the border of two clusters DBSCAN
    leaves open which of them gets it. Where more than `MAX_CELLS` cells are occupied, the points of the emptiest are
    noise.

    Args:
        points: (N, E), finite.
        eps: distance of neighbours.
        min_points: neighbours of a core point.

    Returns:
        (N,) clusters counted from 0, the largest first, and `NOISE`.

    Raises:
        ModelError: points are not (N, E), not finite, or a parameter is not positive.
    """
    _check("dbscan", points, eps=eps, min_points=min_points)
    if len(points) == 0:
        return np.empty(0, np.intp)
    # A hair less than the diagonal allows, for the rounding of the division.
    grid = _Grid.of(points, eps / math.sqrt(points.shape[1]) * (1 - 1e-9))
    away = np.sqrt(_squares(grid.means, grid.means))
    spread = grid.radii[:, None] + grid.radii
    sure, maybe = away <= eps - spread, away <= eps + spread
    np.fill_diagonal(sure, True)
    core = _core_points(grid, sure, maybe, eps, min_points)
    has_core = np.flatnonzero(np.logical_or.reduceat(core, grid.starts))
    square = np.ix_(has_core, has_core)
    inner = grid.only(core)
    found = np.full(len(core), NOISE)
    found[core] = _joined(inner, _connected(sure[square]), maybe[square], eps)[inner.cell]
    _place_border(grid, found, maybe, eps)
    return grid.labels(found)


def mean_shift(points: NDArray[Any], *, bandwidth: float, min_points: int = 1) -> Labels:
    """Cluster points around the modes of their density.

    Means of the points within `bandwidth` move until they rest, one from every occupied bin of that width (of more than
    `MAX_SEEDS`, from the fullest). Of modes within a bandwidth of each other, that with the most points stays. A point
    is in the cluster of the nearest mode if it is within the bandwidth, else it is noise.

    Args:
        points: (N, E), finite.
        bandwidth: radius of the ball of which means are taken. Half the distance that the loss keeps between centres
            is the largest at which no ball reaches into two clusters.
        min_points: points within the bandwidth of a mode.

    Returns:
        (N,) clusters counted from 0, the largest first, and `NOISE`.

    Raises:
        ModelError: points are not (N, E), not finite, or a parameter is not positive.
    """
    _check("mean_shift", points, bandwidth=bandwidth, min_points=min_points)
    if len(points) == 0:
        return np.empty(0, np.intp)
    grid = _Grid.of(points, bandwidth / CELLS_ACROSS)
    modes = _modes(grid, bandwidth, min_points)
    if len(modes) == 0:
        return np.full(len(points), NOISE)
    away = _squares(modes, grid.points)
    found = np.where(away.min(axis=0) <= bandwidth * bandwidth, away.argmin(axis=0), NOISE)
    return grid.labels(found)


class _Grid(NamedTuple):
    """Points in the order of their cells.

    Attributes:
        order: (P,) where they come from among the points that were given; P < N where cells were left out.
        points: (P, E), shifted so that the first is the origin.
        cell: (P,) index of the cell of each.
        starts, counts: (R,) first point and number of points of each cell.
        means: (R, E) of the points that each cell was made with.
        total: N.
    """

    order: Labels
    points: FloatArray
    cell: Labels
    starts: Labels
    counts: Labels
    means: FloatArray
    total: int

    @classmethod
    def of(cls, points: NDArray[Any], side: float) -> Self:
        """Sort points into cells of a side."""
        x = points.astype(np.float64)
        x -= x[0]  # squares of distances lose fewer digits near the origin
        order, starts = _sorted_into_cells(x, side)
        counts = np.diff(starts, append=len(order))
        if len(starts) > MAX_CELLS:
            full = np.zeros(len(starts), bool)
            full[np.argsort(-counts, kind="stable")[:MAX_CELLS]] = True
            order, counts = order[np.repeat(full, counts)], counts[full]
            starts = np.cumsum(counts) - counts
        x = x[order]
        means = np.add.reduceat(x, starts, axis=0) / counts[:, None]
        return cls(order, x, np.repeat(np.arange(len(counts)), counts), starts, counts, means, len(points))

    def only(self, chosen: Flags) -> Self:
        """Return the grid of some of its points (P,); the cells that lose all are left out."""
        counts = np.add.reduceat(chosen, self.starts, dtype=np.intp)
        filled = counts > 0
        counts = counts[filled]
        return type(self)(
            self.order[chosen],
            self.points[chosen],
            np.repeat(np.arange(len(counts)), counts),
            np.cumsum(counts) - counts,
            counts,
            self.means[filled],
            self.total,
        )

    @property
    def radii(self) -> FloatArray:
        """Largest distance of a cell's points from their mean, (R,)."""
        off = self.points - self.means[self.cell]
        return np.sqrt(np.maximum.reduceat(np.einsum("ij,ij->i", off, off), self.starts))

    def labels(self, found: Labels) -> Labels:
        """Return the clusters (N,) in the order of the points that were given, the largest first, from `found` (P,)."""
        kept = found >= 0
        sizes = np.bincount(found[kept])
        rank = np.empty(len(sizes), np.intp)
        rank[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes))
        labels = np.full(self.total, NOISE)
        labels[self.order[kept]] = rank[found[kept]]
        return labels


def _sorted_into_cells(x: FloatArray, side: float) -> tuple[Labels, Labels]:
    """Return the order of points by their cells, (N,), and where in it each cell starts, (R,)."""
    index = np.floor(x / side)
    index -= index.min(axis=0)
    widths = index.max(axis=0) + 1
    key, cells = index[:, 0], widths[0]
    for axis in range(1, len(widths)):
        column, width = index[:, axis], widths[axis]
        if cells * width > EXACT:
            (key, cells), (column, width) = _ranked(key), _ranked(column)
        key = key * width + column
        cells *= width
    # Numbers that end in the point's own sort four times as fast as an argsort.
    bits = len(x).bit_length()
    if cells * 2.0**bits > 2.0**62:
        key, _ = _ranked(key)
    tagged = (key.astype(np.int64) << bits) | np.arange(len(x))
    tagged.sort()
    sorted_key = tagged >> bits
    starts = np.flatnonzero(np.append(True, sorted_key[1:] != sorted_key[:-1]))
    return tagged & ((1 << bits) - 1), starts


def _ranked(key: FloatArray) -> tuple[FloatArray, float]:
    """Return the rank of each number among those that occur, and how many occur."""
    found, rank = np.unique(key, return_inverse=True)
    return rank.astype(np.float64), float(len(found))


def _core_points(grid: _Grid, sure: Flags, maybe: Flags, eps: float, min_points: int) -> Flags:
    """Tell which points have enough neighbours, (P,).

    Args:
        grid: the points.
        sure: (R, R) all points of two cells are neighbours.
        maybe: (R, R) some may be.
        eps: distance of neighbours.
        min_points: how many are enough.
    """
    core = np.ones(len(grid.points), bool)
    few = np.flatnonzero(grid.counts < min_points)
    open_cells = few[sure[few].astype(np.float64) @ grid.counts < min_points]
    rows, columns = _around(grid, maybe, open_cells)
    for part in np.array_split(rows, 1 + len(rows) * len(columns) // PAIRS):
        core[part] = (_squares(grid.points[part], grid.points[columns]) <= eps * eps).sum(axis=1) >= min_points
    return core


def _around(grid: _Grid, maybe: Flags, cells: Labels) -> tuple[Labels, Labels]:
    """Return the points of some cells, and all that may be neighbours of them."""
    chosen = np.zeros(len(grid.counts), bool)
    chosen[cells] = True
    near = np.logical_or.reduce(maybe[cells])
    return np.flatnonzero(chosen[grid.cell]), np.flatnonzero(near[grid.cell])


def _connected(link: Flags) -> Labels:
    """Return the connected components of a graph, counted from 0, (R,), from (R, R)."""
    found = np.full(len(link), NOISE)
    count = 0
    for first in range(len(link)):
        if found[first] != NOISE:
            continue
        front = np.array([first])
        while len(front):
            found[front] = count
            front = np.flatnonzero(link[front].any(axis=0) & (found == NOISE))
        count += 1
    return found


def _joined(grid: _Grid, groups: Labels, maybe: Flags, eps: float) -> Labels:
    """Join groups of cells that have points within eps of each other.

    Args:
        grid: the core points.
        groups: (R,) of their cells.
        maybe: (R, R) points of two cells may be within eps of each other.
        eps: distance of neighbours.

    Returns:
        (R,) groups.
    """
    first, second = np.nonzero(np.triu(maybe & (groups[:, None] != groups)))
    while len(first):
        pairs = np.cumsum(grid.counts[first] * grid.counts[second])
        here = max(1, int(np.searchsorted(pairs, PAIRS)))
        touch = _touching(grid, first[:here], second[:here], eps)
        a, b = groups[first[:here][touch]], groups[second[:here][touch]]
        link = np.eye(groups.max() + 1, dtype=bool)
        link[a, b] = link[b, a] = True
        groups = _connected(link)[groups]
        first, second = first[here:], second[here:]
        apart = groups[first] != groups[second]
        first, second = first[apart], second[apart]
    return groups


def _touching(grid: _Grid, a: Labels, b: Labels, eps: float) -> Flags:
    """Tell which pairs of cells (K,) and (K,) have points within eps of each other, (K,)."""
    sizes = grid.counts[a] * grid.counts[b]
    firsts = np.cumsum(sizes) - sizes
    turn = np.arange(sizes.sum()) - np.repeat(firsts, sizes)
    wide = np.repeat(grid.counts[b], sizes)
    off = grid.points[np.repeat(grid.starts[a], sizes) + turn // wide]
    off -= grid.points[np.repeat(grid.starts[b], sizes) + turn % wide]
    return np.asarray(np.logical_or.reduceat(np.einsum("ij,ij->i", off, off) <= eps * eps, firsts), dtype=np.bool_)


def _place_border(grid: _Grid, found: Labels, maybe: Flags, eps: float) -> None:
    """Write for points that are no core points the cluster of the nearest core point, if that is within eps.

    Args:
        grid: all points.
        found: (P,) clusters of core points, `NOISE` for the others.
        maybe: (R, R) points of two cells may be within eps of each other.
        eps: distance of neighbours.
    """
    rows, columns = _around(grid, maybe, np.unique(grid.cell[found == NOISE]))
    rows, columns = rows[found[rows] == NOISE], columns[found[columns] != NOISE]
    if len(columns) == 0:
        return
    for part in np.array_split(rows, 1 + len(rows) * len(columns) // PAIRS):
        away = _squares(grid.points[part], grid.points[columns])
        nearest = away.argmin(axis=1)
        close = away[np.arange(len(part)), nearest] <= eps * eps
        found[part[close]] = found[columns[nearest[close]]]


def _modes(grid: _Grid, bandwidth: float, min_points: int) -> FloatArray:
    """Return the modes of the density, those with the most points first, (K, E)."""
    sums = np.column_stack([grid.means * grid.counts[:, None], grid.counts])
    order, starts = _sorted_into_cells(grid.means, bandwidth)
    seeds = np.add.reduceat(sums[order], starts, axis=0)
    seeds = seeds[np.argsort(-seeds[:, -1], kind="stable")[:MAX_SEEDS]]
    means, mass = seeds[:, :-1] / seeds[:, -1:], seeds[:, -1].copy()
    moving = np.arange(len(means))
    for _ in range(TURNS):
        inside = _squares(means[moving], grid.means) <= bandwidth * bandwidth
        sum_inside = inside.astype(np.float64) @ sums
        mass[moving] = sum_inside[:, -1]
        sum_inside, moving = sum_inside[mass[moving] > 0], moving[mass[moving] > 0]
        moved = sum_inside[:, :-1] / sum_inside[:, -1:]
        off = moved - means[moving]
        means[moving] = moved
        moving = moving[np.einsum("ij,ij->i", off, off) > (STILL * bandwidth) ** 2]
        if len(moving) == 0:
            break
    means = means[np.argsort(-mass, kind="stable")][: np.count_nonzero(mass >= min_points)]
    return _apart(means, bandwidth)


def _apart(means: FloatArray, distance: float) -> FloatArray:
    """Keep means that no earlier one that is kept lies within a distance of."""
    near = _squares(means, means) <= distance * distance
    left = np.arange(len(means))
    kept: list[int] = []
    while len(left):
        kept.append(int(left[0]))
        left = left[1:]
        left = left[~near[kept[-1], left]]
    return means[kept]


def _squares(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return the squares of the distances of points (N, E) and (M, E), (N, M)."""
    squares = a @ (-2 * b.T)
    squares += np.einsum("ij,ij->i", a, a)[:, None]
    squares += np.einsum("ij,ij->i", b, b)
    return np.maximum(squares, 0, out=squares)


def _check(name: str, points: NDArray[Any], **positive: float) -> None:
    if points.ndim != 2 or points.shape[1] == 0:
        raise ModelError(f"{name}: expected points of shape (N, E), got {points.shape}")
    if not np.isfinite(points).all():
        raise ModelError(f"{name}: expected finite points, got NaN or infinite ones; the network's weights are broken")
    for key, value in positive.items():
        if not value > 0:
            raise ModelError(f"{name}: expected a positive {key}, got {value}")
