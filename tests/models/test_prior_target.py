from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from lanelight.decode import PriorDecoder
from lanelight.formats.culane import read_lanes
from lanelight.geometry import FloatArray, Lane, Scene, Viewport, ViewportPolicy
from lanelight.geometry.priors import Priors
from lanelight.models.prior_target import prior_target

SIZE = (800, 320)
WHOLE = Viewport.whole(SIZE)
CULANE = Viewport((1640, 590), (0, 270, 1640, 590), SIZE)


def _target(lanes: Sequence[Lane | FloatArray], view: Viewport = WHOLE, count: int = 4, **more: Any) -> dict[str, Any]:
    scene = Scene(view.source, [lane if isinstance(lane, Lane) else Lane(lane) for lane in lanes], more.get("classes"))
    return prior_target(scene, view, lanes=count, width_px=8, classes=5)


def _along(x: NDArray[Any], y: NDArray[Any]) -> FloatArray:
    return np.stack([x, y], axis=1).astype(np.float64)


I25, I22, I20 = np.arange(25), np.arange(22), np.arange(20)
L1 = _along(200 + I25, 310 - 10 * I25)
L2 = _along(720 + 4 * I22, 319 - 9 * I22)  # leaves the frame on its right
L3 = _along(600 - 0.5 * I20**2, 300 - 10 * I20)


@pytest.mark.parametrize(
    ("points", "start_x", "theta", "length", "known"),
    [
        (L1, 199.0, 0.46827, 56, {0: 199.0, 1: 199.4507, 20: 208.0141}),
        (L2, 719.5556, 0.36687, 41, {0: 719.5556}),
        (L3, 601.0, 0.60966, 47, {20: 575.4013}),
    ],
)
def test_lanes_are_encoded_as_the_specification_has_them(
    points: FloatArray, start_x: float, theta: float, length: int, known: dict[int, float]
) -> None:
    rows = Priors(_target([points])["lanes"][0])
    assert rows.logits.tolist() == [0, 1]
    assert rows.start_y == 0
    assert rows.start_x * 799 == pytest.approx(start_x, abs=1e-3)
    assert rows.theta == pytest.approx(theta, abs=1e-5)
    assert rows.length * 71 == pytest.approx(length, abs=1e-4)
    for row, x in known.items():
        assert rows.xs[row] * 799 == pytest.approx(x, abs=1e-3)
    assert np.isnan(rows.xs[length:]).all()
    assert np.isfinite(rows.xs[:length]).all()


def test_x_keeps_its_own_row_where_a_lane_leaves_the_input_above() -> None:
    xs = Priors(_target([L2])["lanes"][0]).xs * 799
    rows = 320 * (1 - np.arange(41) / 71)
    assert np.allclose(xs[:41], 720 + 4 * (319 - rows) / 9, atol=1e-3)


def test_a_lane_that_comes_in_from_the_side_starts_at_its_first_row_inside() -> None:
    y = np.arange(300.0, 60, -10)
    rows = Priors(_target([_along(400 - 2.5 * (y - 100), y)])["lanes"][0])  # x = 0 at y = 260
    first = int(np.ceil((320 - 260) / (320 / 71)))
    assert rows.start_y * 71 == pytest.approx(first)
    assert np.isnan(rows.xs[:first]).all()
    assert rows.start_x == rows.xs[first]
    assert rows.theta < 0.5  # it leans to the right


def test_empty_rows_say_no_lane() -> None:
    target = _target([L1])
    rows = Priors(target["lanes"])
    assert target["lanes"].shape == (4, 78)
    assert target["lanes"].dtype == np.float32
    assert rows.logits[1:].tolist() == [[1, 0]] * 3
    assert not target["lanes"][1:, 2:6].any()
    assert np.isnan(rows.xs[1:]).all()
    assert Priors(_target([])["lanes"]).logits.tolist() == [[1, 0]] * 4


@pytest.mark.parametrize(
    "points",
    [
        np.empty((0, 2)),
        np.array([[300.0, 200.0]]),
        np.array([[300.0, 200.0], [500.0, 200.0]]),  # level
        np.array([[300.0, 201.0], [302.0, 199.5]]),  # between two rows
        np.array([[300.0, 200.0], [np.nan, 100.0], [310.0, np.inf]]),
        np.array([[300.0, -90.0], [340.0, -200.0]]),  # above the input
        np.array([[900.0, 300.0], [850.0, 100.0]]),  # beside it
    ],
)
def test_lanes_that_show_too_little_are_left_out(points: FloatArray) -> None:
    assert Priors(_target([points, L1])["lanes"]).logits.tolist() == [[0, 1], *[[1, 0]] * 3]


def test_missing_points_are_passed_over() -> None:
    holes = np.insert(L1, 5, [[np.nan, 255.0]], axis=0)
    assert np.array_equal(_target([holes])["lanes"], _target([L1])["lanes"], equal_nan=True)


def test_the_order_of_points_and_repeated_ones_change_nothing() -> None:
    wanted = _target([L3])["lanes"]
    assert np.array_equal(_target([L3[::-1]])["lanes"], wanted, equal_nan=True)
    assert np.array_equal(_target([np.repeat(L3, 2, axis=0)])["lanes"], wanted, equal_nan=True)


def test_a_lane_that_turns_down_again_counts_to_its_crest() -> None:
    down = L1[:-1][::-1] + np.array([200.0, -3.0])
    over = np.concatenate([L1, down])
    xs = Priors(_target([over])["lanes"][0]).xs * 799
    assert np.allclose(xs[:56], Priors(_target([L1])["lanes"][0]).xs[:56] * 799, atol=1e-3)


def test_the_curve_does_not_swing_out_where_a_level_stretch_turns_upwards() -> None:
    points = np.array([[33.0, 204.6], [82.0, 203.7], [131.0, 202.8], [181.0, 201.9], [200.0, 190.0], [201.0, 170.0]])
    xs = Priors(_target([points])["lanes"][0]).xs * 799
    assert np.nanmax(xs) < 201 + 20 + 0.5


def test_of_too_many_lanes_those_nearest_the_vehicle_stay() -> None:
    bottoms = [20.0, 180.0, 330.0, 480.0, 630.0, 780.0]
    lanes = [np.array([[x, 319.0], [400 + 0.3 * (x - 400), 100.0]]) for x in bottoms]
    rows = Priors(_target(lanes, count=4)["lanes"])
    assert np.allclose(rows.start_x * 799, [180, 330, 480, 630], atol=2)
    slotted = [Lane(points, slot=slot) for points, slot in zip(lanes, range(6), strict=True)]
    assert np.allclose(Priors(_target(slotted, count=3)["lanes"]).start_x * 799, [20, 180, 330], atol=2)


def test_the_mask_has_slots_and_ignores_lanes_without_a_class() -> None:
    lanes = [np.array([[x, 319.0], [x, 0.0]]) for x in (100.0, 300.0, 500.0, 700.0)]
    target = _target(lanes)
    assert target["segmentation"].shape == (320, 800)
    assert target["segmentation"].dtype == np.int64
    assert target["segmentation"][100, [100, 300, 500, 700, 200]].tolist() == [1, 2, 3, 4, 0]
    mixed = [Lane(lanes[0], slot=7), Lane(lanes[0], slot=2), Lane(lanes[1]), Lane(lanes[2], slot=-1)]
    segmentation = _target(mixed)["segmentation"]
    assert segmentation[100, [100, 300, 500]].tolist() == [3, 255, 255]  # a lane with a class is drawn over one without


def test_pixels_that_teach_nothing_make_the_lanes_incomplete() -> None:
    classes = np.zeros((590, 1640), np.uint8)
    classes[:100] = 255  # outside the view
    assert _target([], CULANE, classes=classes)["complete"] == 1
    classes[500:, 1500:] = 255
    target = _target([], CULANE, classes=classes)
    assert target["complete"] == 0
    assert target["complete"].shape == ()
    assert target["complete"].dtype == np.float32
    assert target["segmentation"][300, 780] == 255


COORDINATES = st.one_of(
    st.integers(-3, 12).map(lambda k: k * 71.0), st.floats(-100, 1000), st.floats(allow_nan=True, allow_infinity=True)
)


@given(st.lists(st.lists(st.tuples(COORDINATES, COORDINATES), max_size=12), max_size=6))
def test_any_points_make_a_sound_target(lines: list[list[tuple[float, float]]]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        target = _target([Lane(np.array(line, dtype=np.float64).reshape(-1, 2)) for line in lines])
    rows = Priors(target["lanes"])
    present = rows.logits[:, 1] == 1
    assert np.isfinite(target["lanes"][:, :6]).all()
    assert np.array_equal(np.isfinite(rows.xs).sum(axis=1), np.round(rows.length * 71) * present)
    assert (rows.length[present] * 71 > 1.5).all()
    assert ((rows.theta[present] > 0) & (rows.theta[present] < 1)).all()
    xs = rows.xs[np.isfinite(rows.xs)] * 799
    assert ((xs >= 0) & (xs < 800 + 1e-3)).all()


@given(seed=st.integers(0, 1000), bend=st.floats(-60, 60), policy=st.sampled_from(["culane", "band", "small"]))
def test_decoding_the_target_gives_the_scene_back(seed: int, bend: float, policy: str) -> None:
    frame, view = {
        "culane": ((1640, 590), CULANE),
        "band": ((1280, 720), ViewportPolicy(target=(800, 320)).view((1280, 720))),
        "small": ((1280, 720), ViewportPolicy(target=(512, 224)).view((1280, 720))),
    }[policy]
    width, height = frame
    rng = np.random.default_rng(seed)
    y = np.arange(height - 1.0, height * 0.5, -10.0)
    share = (height - 1 - y) / height
    bottoms = np.array([0.08, 0.35, 0.62, 0.9]) * width + rng.uniform(-30, 30, 4)

    def lane_x(bottom: float, at: FloatArray) -> FloatArray:
        up = (height - 1 - at) / height
        return np.asarray(bottom + (width / 2 - bottom) * 1.2 * up + bend * (2 * up) ** 2)

    assert share.max() < 0.5
    scene = Scene(frame, [Lane(_along(lane_x(bottom, y), y)) for bottom in bottoms])
    target = prior_target(scene, view, lanes=4, width_px=8, classes=5)
    back = PriorDecoder(nms_px=20)({"priors": target["lanes"]}, view)
    assert [lane.slot for lane in back.lanes] == [0, 1, 2, 3]
    for lane, bottom in zip(back.lanes, bottoms, strict=True):
        inside = (lane.points[:, 1] <= y[0]) & (lane.points[:, 1] >= y[-1])
        points = lane.points[inside]
        assert np.abs(points[:, 0] - lane_x(bottom, points[:, 1])).max() < 0.5
        assert points[:, 1].min() - y[-1] < 2 * height / 71  # nothing is lost at the far end


def test_real_labels_come_back_to_a_fraction_of_a_pixel(shared: Path) -> None:
    errors = []
    for path in sorted((shared / "data" / "culane_clip").rglob("*.lines.txt")):
        scene = read_lanes(path)
        target = prior_target(scene, CULANE, lanes=4, width_px=8, classes=5)
        assert target["lanes"][:, 1].sum() == len(scene.lanes)
        for lane in PriorDecoder()({"priors": target["lanes"]}, CULANE).lanes:
            gaps = np.abs([label.x_at(lane.points[:, 1]) - lane.points[:, 0] for label in scene.lanes])
            nearest = gaps[np.nanmedian(gaps, axis=1).argmin()]
            errors.append(nearest[np.isfinite(nearest)])
    assert len(errors) > 300
    assert np.quantile(np.concatenate(errors), 0.99) < 0.5
