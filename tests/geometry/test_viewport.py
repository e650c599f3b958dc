from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from lanelight.errors import LanelightError, ModelError
from lanelight.geometry import FloatArray, Viewport, ViewportPolicy

px = st.floats(-3000, 3000)


@st.composite
def viewports(draw: st.DrawFn, low: int = 1, high: int = 2000) -> Viewport:
    width, height = draw(st.integers(low, high)), draw(st.integers(low, high))
    x0, y0 = draw(st.integers(0, width - low)), draw(st.integers(0, height - low))
    x1, y1 = draw(st.integers(x0 + low, width)), draw(st.integers(y0 + low, height))
    target = draw(st.integers(low, high)), draw(st.integers(low, high))
    return Viewport((width, height), (x0, y0, x1, y1), target)


@given(viewports(), st.lists(st.tuples(px, px), min_size=1, max_size=4))
def test_there_and_back_is_where_it_began(view: Viewport, points: list[tuple[float, float]]) -> None:
    xy = np.array(points)
    np.testing.assert_allclose(view.to_source(view.to_target(xy)), xy, atol=1e-6)
    np.testing.assert_allclose(view.to_target(view.to_source(xy)), xy, atol=1e-6)


@given(viewports())
def test_the_edges_of_the_crop_are_the_edges_of_the_target(view: Viewport) -> None:
    x0, y0, x1, y1 = view.crop
    edges = np.array([[x0 - 0.5, y0 - 0.5], [x1 - 0.5, y1 - 0.5]])
    wanted = [[-0.5, -0.5], [view.target[0] - 0.5, view.target[1] - 0.5]]
    np.testing.assert_allclose(view.to_target(edges), wanted, atol=1e-9)


@given(viewports(low=60, high=220), st.floats(0.4, 0.6), st.floats(0.4, 0.6))
def test_a_spot_moves_to_where_the_map_says(view: Viewport, across: float, down: float) -> None:
    assume(0.5 < view.scale[0] / view.scale[1] < 2)  # a spot squeezed to a line has no good centroid
    x0, y0, x1, y1 = view.crop
    centre = np.array([x0 + across * (x1 - x0), y0 + down * (y1 - y0)])
    moved = centroid(view.apply(spot(view.source, centre, sigma=max(2.0, 1.5 / min(view.scale)))))
    np.testing.assert_allclose(moved, view.to_target(centre), atol=0.15)


def test_a_picture_shown_at_its_own_size_is_unchanged() -> None:
    frame = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    view = Viewport((40, 30), (4, 3, 36, 30), (32, 27))
    np.testing.assert_array_equal(view.apply(frame), frame[3:30, 4:36])
    assert view.apply(frame).flags.c_contiguous


def test_a_frame_of_another_size_is_refused() -> None:
    with pytest.raises(LanelightError, match="expected a frame of 40x30, got 30x40"):
        Viewport((40, 30), (0, 0, 40, 30), (20, 10)).apply(np.zeros((40, 30, 3), np.uint8))


@pytest.mark.parametrize("crop", [(5, 0, 5, 10), (6, 0, 5, 10), (-1, 0, 5, 10), (0, 0, 41, 10), (0, 9, 40, 31)])
def test_a_crop_that_is_empty_or_leaves_the_frame_is_refused(crop: tuple[int, int, int, int]) -> None:
    with pytest.raises(LanelightError, match=r"crop is \(x0, y0, x1, y1\)"):
        Viewport((40, 30), crop, (20, 10))


def test_a_target_without_pixels_is_refused() -> None:
    with pytest.raises(LanelightError, match="positive sizes"):
        Viewport((40, 30), (0, 0, 40, 30), (0, 10))


sides = st.integers(1, 4000)
shares = st.floats(0, 0.99)
policies = st.builds(
    ViewportPolicy,
    target=st.tuples(st.integers(1, 1024), st.integers(1, 1024)),
    fit=st.sampled_from(["band", "stretch"]),
    horizon=shares,
    top=shares,
)


@given(policies, st.tuples(sides, sides))
def test_every_frame_size_has_a_viewport_inside_the_frame(policy: ViewportPolicy, size: tuple[int, int]) -> None:
    view = policy.view(size)  # a crop outside the frame would raise
    assert view.source == size
    assert view.target == policy.target
    assert (view.crop[0], view.crop[2]) == (0, size[0])


@given(policies.filter(lambda policy: policy.fit == "band"), st.tuples(st.integers(64, 4000), st.integers(64, 4000)))
def test_a_band_does_not_distort_unless_the_frame_is_too_wide(policy: ViewportPolicy, size: tuple[int, int]) -> None:
    view = policy.view(size)
    height = view.crop[3] - view.crop[1]
    wanted = size[0] * policy.target[1] / policy.target[0]
    assert height == size[1] if wanted > size[1] else abs(height - max(wanted, 1)) <= 0.5


def test_the_horizon_of_a_band_lies_in_the_middle_of_the_frame() -> None:
    view = ViewportPolicy((640, 256), horizon=0.25).view((1280, 1280))
    assert view.crop == (0, 512, 1280, 1024)  # 512 px high; a quarter of them above row 640


def test_a_stretched_view_cuts_off_the_top_share() -> None:
    assert ViewportPolicy((976, 208), fit="stretch", top=240 / 590).view((1640, 590)).crop == (0, 240, 1640, 590)


@given(policies)
def test_a_policy_survives_the_manifest(policy: ViewportPolicy) -> None:
    assert ViewportPolicy.from_dict(json.loads(json.dumps(policy.to_dict()))) == policy


@pytest.mark.parametrize(
    "entry",
    [{}, {"target": [1]}, {"target": [640, 256], "zoom": 2}, {"target": [640, 256], "fit": "letterbox"}, {"target": 5}],
)
def test_a_damaged_policy_is_a_model_error(entry: dict[str, object]) -> None:
    with pytest.raises(ModelError, match="viewport policy: expected"):
        ViewportPolicy.from_dict(entry)


def test_a_share_outside_the_frame_is_refused() -> None:
    with pytest.raises(ModelError, match=r"shares in \[0, 1\)"):
        ViewportPolicy((10, 10), horizon=1.0)


def spot(size: tuple[int, int], centre: FloatArray, *, sigma: float) -> NDArray[np.uint8]:
    x, y = np.arange(size[0]) - centre[0], np.arange(size[1]) - centre[1]
    light = np.exp(-(x[None] ** 2 + y[:, None] ** 2) / (2 * sigma**2))
    return np.repeat(np.round(255 * light).astype(np.uint8)[..., None], 3, axis=2)


def centroid(frame: NDArray[np.uint8]) -> FloatArray:
    light = frame[..., 0].astype(np.float64)
    y, x = np.indices(light.shape)
    return np.array([(x * light).sum() / light.sum(), (y * light).sum() / light.sum()])


def test_weights_that_were_trained_on_cubic_pictures_get_them() -> None:
    frame = np.random.default_rng(0).integers(0, 256, (90, 160, 3), dtype=np.uint8)
    policy = ViewportPolicy((64, 32), fit="stretch", resample="cubic")
    smooth = ViewportPolicy((64, 32), fit="stretch")
    view = policy.view((160, 90))
    wanted = cv2.resize(frame, (64, 32), interpolation=cv2.INTER_CUBIC)
    assert np.array_equal(view.apply(frame), wanted)
    assert not np.array_equal(smooth.view((160, 90)).apply(frame), wanted)
    assert policy.view((160, 90)).crop == smooth.view((160, 90)).crop
    assert ViewportPolicy.from_dict(json.loads(json.dumps(policy.to_dict()))) == policy
    assert "resample" not in smooth.to_dict()  # versions before that entry read it
    with pytest.raises(ModelError, match="expected resample 'smooth' or 'cubic', got 'area'"):
        ViewportPolicy.from_dict(smooth.to_dict() | {"resample": "area"})
