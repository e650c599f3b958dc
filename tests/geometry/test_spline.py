from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanelight.errors import LanelightError
from lanelight.geometry import FloatArray
from lanelight.geometry.spline import spline

KNOTS = np.array([0.0, 1.0, 2.5, 3.0, 7.0, 7.5])
BETWEEN = np.linspace(-1.0, 8.5, 60)  # and a little beyond both ends


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6])
def test_a_polynomial_of_the_degree_that_the_points_allow_comes_back_exactly(count: int) -> None:
    polynomial = np.poly1d([0.3, -2.0, 1.0, 4.0][-min(4, count) :])
    knots = KNOTS[:count]
    assert np.allclose(spline(knots, polynomial(knots), BETWEEN), polynomial(BETWEEN), rtol=1e-10, atol=1e-9)


@given(values=st.lists(st.floats(-1e3, 1e3), min_size=5, max_size=40), seed=st.integers(0, 100))
def test_the_curve_meets_its_points_and_is_smooth(values: list[float], seed: int) -> None:
    knots = np.cumsum(np.random.default_rng(seed).uniform(0.2, 5.0, len(values)))
    assert np.allclose(spline(knots, values, knots), values, atol=1e-8)
    left, right = (_derivatives(knots, np.array(values), inner) for inner in (knots[1:-1] - 1e-9, knots[1:-1] + 1e-9))
    scale = 1 + np.abs(left).max(axis=1, keepdims=True)
    assert (np.abs(left[:2] - right[:2]) / scale[:2] < 1e-4).all()  # the first and second derivative
    assert (np.abs(left[2] - right[2])[[0, -1]] / scale[2] < 1e-4).all()  # not-a-knot: the third at both ends


def _derivatives(knots: FloatArray, values: FloatArray, at: FloatArray) -> FloatArray:
    """Return the first three derivatives of the curve, (3, N), from four values on the piece that `at` lies on."""
    piece = np.clip(np.searchsorted(knots, at) - 1, 0, len(knots) - 2)
    length = np.diff(knots)[piece]
    shares = np.array([0.05, 0.35, 0.65, 0.95])
    found = np.empty((3, len(at)))
    for i, (k, h, x) in enumerate(zip(piece, length, at, strict=True)):
        cubic = np.poly1d(np.polyfit(shares, spline(knots, values, knots[k] + shares * h), 3))
        found[:, i] = [cubic.deriv(n)((x - knots[k]) / h) / h**n for n in (1, 2, 3)]
    return found


def test_single_values_and_no_values_can_be_asked_for() -> None:
    assert spline([2.0], [7.0], [1.0, 3.0]).tolist() == [7.0, 7.0]
    assert spline(KNOTS, KNOTS**2, []).shape == (0,)
    assert spline([0.0, 4.0], [0.0, 8.0], 1.0) == 2.0


@pytest.mark.parametrize(
    ("knots", "values"), [([], []), ([0.0, 1.0], [1.0]), ([0.0, 1.0, 1.0], [1.0, 2.0, 3.0]), ([1.0, 0.0], [1.0, 2.0])]
)
def test_points_that_make_no_curve_are_named(knots: list[float], values: list[float]) -> None:
    with pytest.raises(LanelightError, match="spline: expected"):
        spline(knots, values, [0.5])
