from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lanelight.errors import ModelError
from lanelight.frames.preprocess import STEPS, Clahe, preprocessed, steps_from


def _dim(seed: int = 0) -> np.ndarray:
    """Return a dim grey picture with little contrast, brighter to the right."""
    noise = np.random.default_rng(seed).integers(0, 6, (64, 96, 1))
    ramp = np.linspace(20, 60, 96)[None, :, None]
    return (ramp + noise).astype(np.uint8).repeat(3, axis=2)


def test_clahe_spreads_the_lightness_and_leaves_grey_grey_and_the_picture_itself_alone() -> None:
    image = _dim()
    before = image.copy()
    spread = Clahe(clip=40.0)(image)
    assert spread.shape == image.shape
    assert spread.dtype == np.uint8
    assert np.array_equal(image, before)
    assert spread.std() > 1.5 * image.std()
    assert np.ptp(spread.astype(int), axis=2).max() <= 2


def test_clahe_keeps_colours() -> None:
    image = np.full((64, 64, 3), (120, 40, 40), np.uint8)
    image[:, ::2] = (140, 60, 60)
    before, after = (cv2.cvtColor(one, cv2.COLOR_RGB2Lab)[..., 1:].astype(int) for one in (image, Clahe()(image)))
    assert np.abs(before - after).max() <= 3


@settings(max_examples=20, deadline=None)
@given(st.floats(0.5, 50), st.integers(1, 16), st.integers(1, 16))
def test_every_step_comes_back_from_its_entry(clip: float, columns: int, rows: int) -> None:
    step = Clahe(clip, (columns, rows))
    assert steps_from([step.to_dict()], "model") == (step,)


def test_there_is_a_step_for_every_kind_and_steps_run_in_their_order() -> None:
    assert {step().to_dict()["kind"] for step in STEPS.values()} == set(STEPS)
    first, second = Clahe(2.0), Clahe(8.0, (2, 2))
    image = _dim()
    assert np.array_equal(preprocessed(image, (first, second)), second(first(image)))
    assert preprocessed(image, ()) is image


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"kind": "clahr"}, "model 'm': unknown preprocess step 'clahr': did you mean 'clahe'"),
        ({"clip": 2.0}, "expected preprocess steps such as {'kind': 'clahe'"),
        ("clahe", "expected preprocess steps such as .*, got 'clahe'"),
        ({"kind": "clahe", "tile": [8, 8]}, "preprocess step clahe: expected its own settings, got \\['tile'\\]"),
        ({"kind": "clahe", "clip": "much"}, "preprocess step clahe: expected its own settings"),
        ({"kind": "clahe", "clip": 0}, "clahe: expected a positive clip"),
        ({"kind": "clahe", "tiles": [0, 8]}, "clahe: expected a positive clip and tiles"),
    ],
)
def test_wrong_entries_are_told(entry: object, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        steps_from([entry], "model 'm'")  # type: ignore[list-item]
