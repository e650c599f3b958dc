from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.cluster import DBSCAN, MeanShift
from sklearn.metrics import adjusted_rand_score

from lanelight.decode import clusters
from lanelight.decode.clusters import NOISE, dbscan, mean_shift
from lanelight.errors import ModelError

Points = NDArray[np.float32]


def embeddings(
    seed: int, lanes: int, *, size: int = 520, axes: int = 5, stray: int = 0
) -> tuple[Points, NDArray[np.intp]]:
    """Return points as a trained network gives them, and their lanes: within 0.3 of centres that are 1.2 apart."""
    rng = np.random.default_rng(seed)
    centres: list[NDArray[np.float64]] = []
    while len(centres) < lanes:
        centre = rng.uniform(-2.5, 2.5, axes)
        if all(np.linalg.norm(centre - other) >= 1.2 for other in centres):
            centres.append(centre)
    lane = np.repeat(np.arange(lanes), rng.integers(size // 4, size, lanes))
    off = rng.normal(size=(len(lane), axes))
    off *= np.minimum(np.abs(rng.normal(0, 0.08, (len(lane), 1))), 0.3) / np.linalg.norm(off, axis=1, keepdims=True)
    points = np.array(centres).reshape(-1, axes)[lane] + off
    points = np.concatenate([points, rng.uniform(8, 60, (stray, axes))])
    order = rng.permutation(len(points))
    return points[order].astype(np.float32), np.append(lane, np.full(stray, NOISE))[order]


def check_dbscan(points: Points, eps: float, min_points: int) -> None:
    """Compare with scikit-learn: core points exactly, the others by what the definition leaves open."""
    wide = points.astype(np.float64)
    theirs = DBSCAN(eps=eps, min_samples=min_points).fit(wide)
    ours = dbscan(points, eps=eps, min_points=min_points)
    assert np.array_equal(ours == NOISE, theirs.labels_ == NOISE)
    core = theirs.core_sample_indices_
    pairs = set(zip(ours[core].tolist(), theirs.labels_[core].tolist(), strict=True))
    assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})  # one to one
    for index in np.setdiff1d(np.flatnonzero(ours != NOISE), core):
        near = core[np.linalg.norm(wide[core] - wide[index], axis=1) <= eps]
        assert ours[index] in ours[near]


@given(
    seed=st.integers(0, 10_000),
    count=st.integers(1, 300),
    axes=st.integers(1, 6),
    eps=st.floats(0.02, 2.0),
    min_points=st.integers(1, 9),
)
def test_dbscan_is_dbscan_whatever_the_points(seed: int, count: int, axes: int, eps: float, min_points: int) -> None:
    rng = np.random.default_rng(seed)
    middles = rng.uniform(-1, 1, (4, axes))
    spread = rng.choice([0.01, 0.1, 0.5], (count, 1))
    points = middles[rng.integers(0, 4, count)] + rng.normal(size=(count, axes)) * spread
    check_dbscan(points.astype(np.float32), eps, min_points)


@given(seed=st.integers(0, 10_000), axes=st.integers(1, 5), spacing=st.floats(0.6, 1.4))
def test_chains_hold_or_break_by_the_distance_of_their_points(seed: int, axes: int, spacing: float) -> None:
    """A row of points in any direction: along an axis and along a diagonal of the grid the cells touch differently."""
    rng = np.random.default_rng(seed)
    for way in (np.ones(axes), np.eye(axes)[0], rng.normal(size=axes)):
        step = way / np.linalg.norm(way) * spacing
        points = (rng.uniform(-1, 1, axes) + np.arange(30)[:, None] * step).astype(np.float32)
        if abs(spacing - 1) > 1e-3:
            assert len(np.unique(dbscan(points, eps=1.0, min_points=1))) == (1 if spacing < 1 else 30)


def test_points_of_cells_that_touch_may_be_farther_apart_than_eps() -> None:
    """Two groups whose cells share a corner in five dimensions, 1.05 eps from each other."""
    rng = np.random.default_rng(0)
    corner = np.full(5, 1.05 / 2 / np.sqrt(5))
    ball = rng.uniform(-1e-3, 1e-3, (20, 5))
    points = np.concatenate([ball - corner, ball + corner]).astype(np.float32)
    assert np.bincount(dbscan(points, eps=1.0, min_points=5)).tolist() == [20, 20]
    assert np.bincount(dbscan(points, eps=1.1, min_points=5)).tolist() == [40]


@given(seed=st.integers(0, 10_000), lanes=st.integers(0, 8), stray=st.integers(0, 12))
def test_lanes_that_stand_apart_are_found_whatever_their_number_and_stray_points_are_noise(
    seed: int, lanes: int, stray: int
) -> None:
    points, lane = embeddings(seed, lanes, stray=stray)
    for found in (dbscan(points, eps=0.3, min_points=5), mean_shift(points, bandwidth=0.5, min_points=14)):
        assert found.max(initial=NOISE) + 1 == lanes
        assert np.array_equal(found == NOISE, lane == NOISE)
        assert adjusted_rand_score(lane, found) == 1
        sizes = np.bincount(found[found >= 0])
        assert (np.diff(sizes) <= 0).all()  # the largest first


@pytest.mark.parametrize("seed", range(4))
def test_both_ways_agree_with_scikit_learn_on_separable_embeddings(seed: int) -> None:
    points, _ = embeddings(seed, 5)
    wide = points.astype(np.float64)
    theirs = MeanShift(bandwidth=0.5, bin_seeding=True).fit_predict(wide)
    assert adjusted_rand_score(theirs, mean_shift(points, bandwidth=0.5)) >= 0.99
    theirs = DBSCAN(eps=0.2, min_samples=5).fit_predict(wide)
    assert adjusted_rand_score(theirs, dbscan(points, eps=0.2, min_points=5)) >= 0.99


@pytest.mark.parametrize("seed", range(4))
def test_mean_shift_keeps_lanes_apart_that_a_chain_of_pixels_joins(seed: int) -> None:
    points, lane = embeddings(seed, 2)
    ends = np.stack([points[lane == 0].mean(axis=0), points[lane == 1].mean(axis=0)])
    share = np.linspace(0, 1, 60)[:, None]
    chained = np.concatenate([points, ends[:1] * (1 - share) + ends[1:] * share]).astype(np.float32)
    assert dbscan(chained, eps=0.2, min_points=3).max() == 0
    found = mean_shift(chained, bandwidth=0.5, min_points=100)[: len(lane)]
    theirs = MeanShift(bandwidth=0.5, bin_seeding=True).fit_predict(chained.astype(np.float64))[: len(lane)]
    assert adjusted_rand_score(lane, found) == 1
    assert adjusted_rand_score(theirs, found) >= 0.99


def test_neither_the_order_of_points_nor_a_shift_of_all_changes_the_clusters() -> None:
    points, _ = embeddings(1, 5, stray=5)
    order = np.random.default_rng(0).permutation(len(points))
    for found, moved in (
        (dbscan(points, eps=0.2, min_points=5), dbscan(points[order] + 7.3, eps=0.2, min_points=5)),
        (mean_shift(points, bandwidth=0.5), mean_shift(points[order] + 7.3, bandwidth=0.5)),
    ):
        assert adjusted_rand_score(found[order], moved) > 0.999


def test_points_far_apart_in_many_dimensions_fall_into_their_own_cells() -> None:
    rng = np.random.default_rng(0)
    points = np.repeat(rng.uniform(-1e4, 1e4, (6, 9)), 7, axis=0)
    for found in (dbscan(points, eps=0.5, min_points=5), mean_shift(points, bandwidth=0.5, min_points=5)):
        assert np.bincount(found).tolist() == [7] * 6
        assert (found.reshape(6, 7) == found.reshape(6, 7)[:, :1]).all()


def test_an_embedding_without_order_costs_no_more_than_the_fullest_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "MAX_CELLS", 20)
    rng = np.random.default_rng(0)
    points = np.concatenate([rng.uniform(-50, 50, (500, 5)), rng.normal(0, 1e-3, (90, 5))]).astype(np.float32)
    for found in (dbscan(points, eps=0.1, min_points=5), mean_shift(points, bandwidth=0.5, min_points=5)):
        assert np.array_equal(np.flatnonzero(found == 0), np.arange(500, 590))
        assert (found[:500] == NOISE).all()


def test_distances_in_several_portions_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    points = embeddings(3, 4)[0][:700]
    whole = dbscan(points, eps=0.06, min_points=4)
    monkeypatch.setattr(clusters, "PAIRS", 50)
    assert np.array_equal(dbscan(points, eps=0.06, min_points=4), whole)
    check_dbscan(points, 0.06, 4)


def test_no_points_and_one_point_are_valid() -> None:
    assert dbscan(np.empty((0, 5)), eps=1, min_points=1).shape == (0,)
    assert mean_shift(np.empty((0, 5)), bandwidth=1).shape == (0,)
    one = np.ones((1, 5))
    assert dbscan(one, eps=1, min_points=1).tolist() == mean_shift(one, bandwidth=1).tolist() == [0]
    assert dbscan(one, eps=1, min_points=2).tolist() == mean_shift(one, bandwidth=1, min_points=2).tolist() == [NOISE]


def test_what_cannot_be_clustered_is_named() -> None:
    with pytest.raises(ModelError, match=r"dbscan: expected points of shape \(N, E\), got \(3,\)"):
        dbscan(np.zeros(3), eps=1, min_points=1)
    with pytest.raises(ModelError, match="mean_shift: expected finite points"):
        mean_shift(np.array([[np.nan, 1]]), bandwidth=1)
    with pytest.raises(ModelError, match="dbscan: expected a positive eps, got 0"):
        dbscan(np.zeros((3, 2)), eps=0, min_points=1)
