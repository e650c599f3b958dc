"""Random predictions and lanes of the CLR family, for comparing fast and slow versions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def lanes(rng: np.random.Generator, counts: list[int], slots: int = 4) -> Array:
    """Return (B, slots, 78) targets with so many lanes, in slots drawn at random."""
    found = np.zeros((len(counts), slots, 78))
    found[..., 0] = 1
    found[..., 6:] = np.nan
    for image, count in enumerate(counts):
        for slot in rng.permutation(slots)[:count]:
            found[image, slot] = _lane(rng)
    return found


def stages(rng: np.random.Generator, goals: Array, stages: int = 3, priors: int = 40, *, noise: float = 0.02) -> Array:
    """Return (stages, B, priors, 78) predictions, half of them near some lane of their image, all uneven by `noise`."""
    count = len(goals)
    found = np.empty((stages, count, priors, 78))
    for stage in range(stages):
        for image in range(count):
            there = goals[image][goals[image, :, 1] == 1]
            for prior in range(priors):
                near = len(there) > 0 and prior % 2 == 0
                base = there[rng.integers(len(there))] if near else _lane(rng)
                base = base + rng.normal(0, noise, 78) + rng.normal(0, 0.01)
                gaps = np.isnan(base[6:])
                base[6:][gaps] = np.interp(np.flatnonzero(gaps), np.flatnonzero(~gaps), base[6:][~gaps])
                found[stage, image, prior] = base
    found[..., :2] = rng.normal(0, 2, (stages, count, priors, 2))
    return found


def _lane(rng: np.random.Generator) -> Array:
    """Return a bent lane (78,) that is inside the picture from some row to another."""
    rows = np.arange(72)
    first, last = rng.integers(0, 20), rng.integers(30, 72)
    start = rng.uniform(0.1, 0.9)
    xs = start + rng.normal(0, 0.006) * (rows - first) + rng.normal(0, 1e-5) * (rows - first) ** 2
    xs[(rows < first) | (rows > last) | (xs < 0) | (xs > 1)] = np.nan
    return np.concatenate([[0, 1, first / 71, start, rng.uniform(0.2, 0.8), (last - first + 1) / 71], xs])
