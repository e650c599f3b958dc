"""Positions of lanes over time, row by row: predicted, corrected, and the motion that all of them share.

What moves every lane of a frame at once is the camera: it turns, shifts, nods. All lanes together tell that motion with
little noise, so it is followed almost at once; what is left, a lane by itself, is mostly the detector's noise and is
filtered strongly. A filter that cannot tell the two apart must either tremble or lag.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lanelight.geometry import FloatArray

SHAPES = 3  # ways in which a lane drifts: shift, turn and bend; and the camera: sideways, about, up
# Shares of the weight by which a coefficient is drawn to zero: enough to tell apart what one short lane alone cannot,
# and for shift and turn too little to be felt, so that straight lanes are followed without bias.
LANE_RIDGE = (1e-9, 1e-7, 1e-2)
CAMERA_RIDGE = (1e-3, 1e-3, 1e-2)
STEADY = np.array([1.0, 1.0, 0.0])  # a camera drifts and turns on; up and down it swings
MEMORY = 10  # frames: a row counts as seen so often at most, and is forgotten when unseen as often


@dataclass(frozen=True)
class Gains:
    """How strongly the filter follows what it sees, of 0 (not) to 1 (wholly).

    Attributes:
        position: of a lane's own place.
        drift: of a lane's own velocity.
        camera: of the motion of all lanes, where they tell it without noise.
        agility: how far the camera moves unforeseen in a frame, share of the width: lanes that are noisier than that
            tell little of it.
        camera_drift: of the velocity of that motion.
        clip: a row's surprise counts at most so many times the lane's usual one.
    """

    position: float = 0.2
    drift: float = 0.03
    camera: float = 0.9
    agility: float = 0.0012
    camera_drift: float = 0.3
    clip: float = 2.5


class Course:
    """Where one lane is on each row, how it moves, and how noisy it is seen.

    Attributes:
        x: (R,) px, NaN where unknown.
        seen: (R,) how often a row was seen lately, 0..MEMORY.
        drift: (SHAPES,) own velocity, px a frame, over the powers of the row.
        hits: corrections since the start.
        noise: usual size of the surprise, px.
    """

    def __init__(self, x: FloatArray, noise: float) -> None:
        self.drift = np.zeros(SHAPES)
        self.restart(x, noise)

    def restart(self, x: FloatArray, noise: float) -> None:
        """Begin anew at the places seen now, px; the velocity stays."""
        self.x = x.copy()
        self.seen = np.isfinite(x).astype(np.int64)
        self.hits = 1
        self.noise = noise

    def correct(self, z: FloatArray, powers: FloatArray, gains: Gains, floor: float) -> None:
        """Take in the places seen, after `x` was moved to where they were expected.

        The gains begin as those of a line fitted to all frames so far, which is without bias from the second frame
        on, and end as constants.

        Args:
            z: (R,) px, NaN where unseen.
            powers: (SHAPES, R) of the row.
            gains: final gains.
            floor: smallest noise, px.
        """
        self.hits = n = self.hits + 1
        surprise = z - self.x
        both = np.isfinite(surprise)
        off = np.where(both, surprise, 0.0)
        limit = gains.clip * self.noise
        held = np.minimum(np.maximum(off, -limit), limit) if n > 2 else off
        position = max(gains.position, 2 * (2 * n - 1) / (n * (n + 1)))
        gain = np.maximum(position, 1.0 / (1.0 + self.seen))  # a row that came later starts later
        count = np.count_nonzero(both)
        if count:
            size = min(float(np.abs(off).sum()) / count, 3 * limit)
            self.noise = max(floor, self.noise + 0.15 * (size * 1.25 - self.noise))
            self.drift = self.drift + max(gains.drift, 6.0 / (n * (n + 1))) * fitted(powers, held, both, LANE_RIDGE)
        moved = self.x + gain * held
        fresh = np.isfinite(z)
        self.x = np.where(both, moved, np.where(fresh & ~both, z, self.x))
        self.seen = np.minimum(np.maximum(self.seen + np.where(fresh, 1, -1), 0), MEMORY)
        self.x[self.seen == 0] = np.nan


def fitted(
    shapes: FloatArray, values: FloatArray, weights: NDArray[np.bool_] | FloatArray, ridge: tuple[float, float, float]
) -> FloatArray:
    """Return the coefficients (3,) with which shapes (3, R) add up to values (R,), by weighted least squares.

    By Cramer's rule: for three unknowns a library's solver takes five times as long. The ridge keeps the determinant
    away from zero.
    """
    weighted = shapes * weights
    (a, b, c), (_, d, e), (_, _, f) = (weighted @ shapes.T).tolist()
    p, q, r = (weighted @ values).tolist()
    total = 1e-9 + float(weights.sum())
    a, d, f = a + ridge[0] * total, d + ridge[1] * total, f + ridge[2] * total
    u, v, w = d * f - e * e, c * e - b * f, b * e - c * d
    x, y, z = a * f - c * c, b * c - a * e, a * d - b * b
    determinant = a * u + b * v + c * w
    parts = [u * p + v * q + w * r, v * p + x * q + y * r, w * p + y * q + z * r]
    return np.array([part / determinant for part in parts])


class Camera:
    """The motion that all lanes share, frame by frame: sideways, about the far end, and up and down."""

    def __init__(self) -> None:
        self.velocity = np.zeros(3)
        self.frames = 1

    def correct(
        self, shapes: FloatArray, surprise: FloatArray, noise: FloatArray, gains: Gains, agility_px: float
    ) -> FloatArray:
        """Take in how far the lanes lie from where they were expected; return the motion (3,) that it shows.

        Args:
            shapes: (3, N, R) how each motion moves every row of every lane.
            surprise: (N, R) px, NaN where unknown.
            noise: (N,) usual surprise of each lane, px.
            gains: final gains.
            agility_px: usual surprise by the camera, px.
        """
        self.frames += 1
        if self.frames == 2:  # nobody's velocity is known yet: each lane takes its own, wholly and so without bias
            return np.zeros(3)
        known = np.isfinite(surprise)
        off = np.where(known, surprise, 0.0).ravel()
        flat = shapes.reshape(3, -1)
        trust = (known / noise[:, None] ** 2).ravel()
        weights = trust
        for _ in range(2):
            explained = fitted(flat, off, weights, CAMERA_RIDGE) @ flat
            rest = np.abs(off - explained)
            usual = float(rest @ trust) / float(trust.sum())
            weights = trust / np.maximum(rest / (1.5 * usual + 1e-3), 1.0)
        # Where one motion explains far more than it leaves over, it is no chance: a jolt is followed at once.
        clear = float(np.abs(explained) @ trust) / float(trust.sum()) - 3 * usual
        told = float(((max(agility_px, clear) / noise) ** 2).sum())
        share = gains.camera * told / (told + 1.0)
        motion: FloatArray = np.multiply(share, fitted(flat, off, weights, CAMERA_RIDGE))
        self.velocity = self.velocity + gains.camera_drift * motion * STEADY
        return motion


def slopes(x: FloatArray) -> FloatArray:
    """Return dx per row of lanes (N, R), one-sided at their ends, 0 where a row stands alone or is unknown."""
    step = x[:, 1:] - x[:, :-1]
    edge = np.full((len(x), 1), np.nan)
    before, after = np.concatenate([edge, step], axis=1), np.concatenate([step, edge], axis=1)
    before, after = np.where(np.isnan(before), after, before), np.where(np.isnan(after), before, after)
    return np.asarray(np.nan_to_num((before + after) / 2), dtype=np.float64)
