from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanelight.survey.likeness import (
    MEAN_LIMIT,
    MOST_LIMIT,
    Thumbs,
    fingerprint,
    frame_difference,
    near_identical,
    thumbnail,
    thumbs,
)


def by_force(first: Thumbs, second: Thumbs) -> dict[int, float]:
    """Return the least difference of each frame that has a near-identical one, every pair being compared."""
    found = {}
    for index, wanted in enumerate(second):
        apart = np.abs(first.astype(int) - wanted.astype(int))
        near = [pair.mean() for pair in apart if pair.mean() <= MEAN_LIMIT and pair.max() <= MOST_LIMIT]
        if near:
            found[index] = min(near)
    return found


@given(st.integers(0, 2**32 - 1))
def test_every_near_identical_pair_is_found_and_no_other(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first = np.repeat(np.repeat(rng.integers(0, 256, (40, 3, 4)), 6, axis=1), 8, axis=2)
    first = np.clip(first + rng.integers(-9, 10, first.shape), 0, 255).astype(np.uint8)
    noise = rng.integers(1, 6)
    copies = first[rng.integers(0, 40, 20)] + rng.integers(-noise, noise + 1, (20, 18, 32))
    others = rng.integers(0, 256, (5, 18, 32))
    second = np.clip(np.concatenate([copies, others]), 0, 255).astype(np.uint8)
    found = {pair.second: pair for pair in near_identical(first, second)}
    assert {index: pair.difference for index, pair in found.items()} == pytest.approx(by_force(first, second))
    for pair in found.values():
        apart = np.abs(first[pair.first].astype(int) - second[pair.second]).mean()
        assert pair.difference == pytest.approx(apart)


def test_equal_pixels_have_one_fingerprint_and_another_shape_has_another() -> None:
    frame = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    assert fingerprint(frame) == fingerprint(frame.copy())
    assert fingerprint(frame) != fingerprint(frame.reshape(4, 2, 3))
    changed = frame.copy()
    changed[1, 3, 2] += 1
    assert fingerprint(frame) != fingerprint(changed)
    assert fingerprint(frame[:, ::-1]) == fingerprint(np.ascontiguousarray(frame[:, ::-1]))


def test_thumbnails_come_back_from_one_block_of_bytes() -> None:
    frames = [np.full((90, 160, 3), value, np.uint8) for value in (10, 200)]
    packed = b"".join(thumbnail(frame) for frame in frames)
    assert thumbs(packed).shape == (2, 18, 32)
    assert thumbs(packed).mean(axis=(1, 2)).tolist() == [10.0, 200.0]


def test_the_difference_is_the_mean_over_pixels_and_channels() -> None:
    rng = np.random.default_rng(3)
    first, second = rng.integers(0, 256, (2, 30, 40, 3), dtype=np.uint8)
    assert frame_difference(second, first) == pytest.approx(np.abs(second.astype(float) - first).mean(), rel=1e-12)
    assert frame_difference(first, None) == pytest.approx(first.mean(), rel=1e-12)
    assert frame_difference(first, second[:20]) == float("inf")
