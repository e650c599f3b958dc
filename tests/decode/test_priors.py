from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from oracles.lane_nms import slow_nms

from lanelight.decode import BenchmarkPriorDecoder, PriorDecoder, decoder_from_dict
from lanelight.decode.priors import BENCHMARKS, best_priors, lane_curves, lane_nms, lane_scores, sampled
from lanelight.errors import ModelError
from lanelight.geometry import FloatArray, Viewport, ViewportPolicy
from lanelight.geometry.priors import Priors, row_ys

CULANE = Viewport((1640, 590), (0, 270, 1640, 590), (800, 320))
GOLDENS = [
    "clrnet_r18_culane",
    "clrnet_dla34_culane",
    "clrkdnet_teacher_r50",
    "clrkdnet_teacher_dla34",
    "clrkdnet_r18_culane",
]


def _rows(*lines: tuple[float, float], margin: float = 4.0, first: int = 0, count: int = 60) -> np.ndarray:
    """Return priors for an input 800 px wide: straight lanes from x at the bottom to x at the top, px."""
    rows = np.zeros((len(lines), 78), np.float32)
    named = Priors(rows)
    for i, (low, high) in enumerate(lines):
        named.logits[i] = (0, margin - 0.1 * i)
        named.start_y[i], named.length[i] = first / 71, count / 71
        named.xs[i] = np.linspace(low, high, 72) / 799
    return rows


@pytest.mark.parametrize("name", GOLDENS)
def test_scores_nms_and_curves_are_those_of_the_reference(shared: Path, name: str) -> None:
    z = np.load(shared / "goldens" / f"{name}.npz")
    facts = json.loads(str(z["meta"]))
    cut = facts["cut_height"] / facts["ori_img_h"]
    priors = z["pred__sub"].reshape(z["pred__shape"])
    for b, rows in enumerate(priors):
        scores = lane_scores(rows)
        assert np.allclose(scores, z["scores"][b], atol=1e-6)
        sure = np.flatnonzero(scores >= facts["conf_threshold"])
        assert np.array_equal(sure, z[f"pre_nms_idx_{b}"])
        kept, _ = best_priors(rows, PriorDecoder(), facts["img_w"], "reference")
        assert kept.tolist() == z[f"post_nms_idx_{b}"].tolist()
        rounded = rows[kept].copy()
        rounded[:, 5] = np.round(rounded[:, 5] * np.float32(71))
        assert np.array_equal(rounded, z[f"post_nms_pred_{b}"])
        _check_curves(z, b, [curve for curve in lane_curves(rows[kept], cut) if len(curve) >= 2], facts)
        every = [curve for curve in lane_curves(rows[sure], cut) if len(curve) >= 2]
        assert [len(curve) for curve in every] == z[f"pre_nms_lane_npts_{b}"].tolist()
        assert np.allclose(np.concatenate(every), z[f"pre_nms_lane_xy_{b}"], rtol=0, atol=1e-12)


def _check_curves(z: Any, b: int, curves: list[FloatArray], facts: dict[str, Any]) -> None:
    assert len(curves) == z[f"n_lanes_{b}"]
    size = (facts["ori_img_w"], facts["ori_img_h"])
    for i, curve in enumerate(curves):
        assert np.allclose(curve, z[f"lane_points_{b}_{i}"], rtol=0, atol=1e-12)
        points = sampled(curve, np.array(facts["sample_y"], dtype=np.float64), size)
        assert points.shape == z[f"lane_array_{b}_{i}"].shape
        assert np.allclose(points, z[f"lane_array_{b}_{i}"], rtol=0, atol=1e-8)


@pytest.mark.parametrize("name", GOLDENS)
def test_the_benchmark_decoder_gives_the_lanes_of_the_reference(shared: Path, name: str) -> None:
    z = np.load(shared / "goldens" / f"{name}.npz")
    for b, rows in enumerate(z["pred__sub"].reshape(z["pred__shape"])):
        curves = [z[f"lane_points_{b}_{i}"] for i in range(z[f"n_lanes_{b}"])]
        wanted = [sampled(curve, np.arange(582.0, 269, -8), (1640, 590)) for curve in curves]
        scene = BenchmarkPriorDecoder.of("culane")({"priors": rows}, CULANE)
        found = [lane.points for lane in scene.lanes]
        assert len(found) == sum(len(points) >= 2 for points in wanted)
        for points, golden in zip(found, (points for points in wanted if len(points) >= 2), strict=True):
            assert np.allclose(points, golden, rtol=0, atol=1e-6)


@given(
    seed=st.integers(0, 10_000),
    count=st.integers(0, 24),
    keep=st.integers(1, 6),
    negative_starts=st.sampled_from(["clamped", "reference"]),
)
def test_nms_keeps_what_the_kernel_keeps(
    seed: int, count: int, keep: int, negative_starts: Literal["clamped", "reference"]
) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.normal(0.5, 0.05, (count, 78)).astype(np.float32)
    rows[:, 2] = rng.uniform(-0.15, 0.3, count)  # starts from row -11 on
    rows[:, 5] = rng.uniform(-0.1, 1.1, count)
    rows[:, 6:] += rng.choice([0.0, 0.05, 0.2], (count, 1)).astype(np.float32)
    scores = rng.choice([0.5, 0.6, 0.7, 0.8], count)  # many are equal
    kept = lane_nms(rows, scores, threshold_px=50.0, width=800, keep=keep, negative_starts=negative_starts)
    assert kept.tolist() == slow_nms(rows, scores, 50.0, 800, keep, clamped=negative_starts == "clamped")


def test_lanes_that_begin_far_below_the_input_are_one_to_the_kernel_and_two_to_us() -> None:
    rows = _rows((100, 400), (700, 400), first=-7, count=50)
    scores = lane_scores(rows)
    kept = {
        rule: lane_nms(rows, scores, threshold_px=50.0, width=800, keep=4, negative_starts=rule).tolist()
        for rule in ("clamped", "reference")
    }
    assert kept == {"clamped": [0, 1], "reference": [0]}


def test_of_lanes_closer_than_the_threshold_the_best_stays_and_at_the_threshold_both_do() -> None:
    rows = _rows((300, 400), (349, 449), (350.5, 450.5), (600, 450))
    outputs = {"priors": rows[[1, 0, 3, 2]]}
    found = PriorDecoder()(outputs, Viewport.whole((800, 320))).lanes
    assert [round(float(lane.points[0, 0])) for lane in found] == [300, 351, 600]
    assert len(PriorDecoder(nms_px=0.0)(outputs, Viewport.whole((800, 320))).lanes) == 4
    assert len(PriorDecoder(max_lanes=1)(outputs, Viewport.whole((800, 320))).lanes) == 1


def test_points_lie_in_pixels_of_the_frame_from_the_bottom_up() -> None:
    (lane,) = PriorDecoder()({"priors": _rows((100, 171), count=40)}, CULANE).lanes
    assert len(lane.points) == 40
    target = CULANE.to_target(lane.points)
    assert np.allclose(target[1:, 1], row_ys(320)[1:40], atol=1e-9)
    assert np.allclose(target[1:, 0], 100.0 + np.arange(1, 40), atol=1e-4)
    # The row below the input is moved onto its edge, along the lane.
    assert target[0].tolist() == pytest.approx([100 + 0.5 / (320 / 71), 319.5], abs=1e-4)
    assert lane.points[0, 1] == pytest.approx(589.5)
    assert lane.score == pytest.approx(1 / (1 + np.exp(-4.0)))


def test_lanes_are_ordered_from_the_left_and_slots_count_from_the_vehicle() -> None:
    rows = _rows((780, 500), (250, 380), (520, 420), (20, 340))
    scene = PriorDecoder()({"priors": rows}, CULANE)
    assert [lane.slot for lane in scene.lanes] == [0, 1, 2, 3]
    assert [round(float(CULANE.to_target(lane.points)[0, 0])) for lane in scene.lanes] == [20, 250, 520, 780]
    right = PriorDecoder(nms_px=10)({"priors": _rows((450, 420), (560, 450), (700, 480))}, CULANE)
    assert [lane.slot for lane in right.lanes] == [2, 3, None]


def test_a_lane_goes_on_below_its_start_until_it_leaves_the_input() -> None:
    rows = _rows((-80, 400), first=30, count=20)
    (lane,) = PriorDecoder()({"priors": rows}, Viewport.whole((800, 320))).lanes
    assert len(lane.points) == 50 - 12  # x is negative in rows 0..11
    rows[0, 6 + 20] = 1.2  # a break: the run ends above it
    (lane,) = PriorDecoder()({"priors": rows}, Viewport.whole((800, 320))).lanes
    assert np.allclose(lane.points[:, 1], row_ys(320)[21:50])


def test_what_lies_beside_the_input_is_cut_and_short_lanes_are_dropped() -> None:
    view = Viewport.whole((800, 320))
    (lane,) = PriorDecoder()({"priors": _rows((600, 900), count=72)}, view).lanes
    assert lane.points[:, 0].max() <= 799.5
    assert PriorDecoder()({"priors": _rows((600, 700), count=1)}, view).lanes == ()
    assert len(PriorDecoder(min_points=60)({"priors": _rows((10, 400), (700, 400))}, view).lanes) == 2
    assert PriorDecoder(min_points=61)({"priors": _rows((10, 400), (700, 400))}, view).lanes == ()
    assert PriorDecoder()({"priors": np.zeros((0, 78), np.float32)}, view).lanes == ()


def test_scores_below_the_threshold_are_no_lanes() -> None:
    view = Viewport.whole((800, 320))
    assert PriorDecoder()({"priors": _rows((100, 400), margin=-0.5)}, view).lanes == ()
    assert len(PriorDecoder(score_threshold=0.3)({"priors": _rows((100, 400), margin=-0.5)}, view).lanes) == 1


@given(arrays(np.float32, (6, 78), elements=st.floats(width=32)))
def test_any_numbers_decode_to_lanes_inside_the_frame(rows: np.ndarray) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for lane in PriorDecoder(score_threshold=0.0)({"priors": rows}, CULANE).lanes:
            assert np.isfinite(lane.points).all()
            assert (CULANE.to_target(lane.points) > -0.5 - 1e-6).all()
            assert (CULANE.to_target(lane.points) < (799.5 + 1e-6, 319.5 + 1e-6)).all()


@pytest.mark.parametrize(("benchmark", "count"), [("culane", 40), ("tusimple", 56), ("llamas", 417)])
def test_the_benchmark_decoder_samples_the_rows_of_the_benchmark(
    benchmark: Literal["culane", "tusimple", "llamas"], count: int
) -> None:
    known = BENCHMARKS[benchmark]
    width, height = known.frame
    view = Viewport((width, height), (0, known.cut_px, width, height), (800, 320))
    decoder = BenchmarkPriorDecoder.of(benchmark)
    assert decoder.max_lanes == known.max_lanes
    scene = decoder({"priors": _rows((399.5, 399.5), count=72)}, view)
    (lane,) = scene.lanes
    assert lane.points[:, 1].tolist() == list(known.rows)
    assert len(lane.points) == count
    x = {"culane": 820.0, "tusimple": 640.0, "llamas": 637.5}[benchmark]
    assert np.allclose(lane.points[:, 0], x, atol=1e-3)


def test_tusimple_truncates_x_and_may_leave_the_frame() -> None:
    view = Viewport((1280, 720), (0, 160, 1280, 720), (800, 320))
    (lane,) = BenchmarkPriorDecoder.of("tusimple")({"priors": _rows((820, 400), count=72)}, view).lanes
    assert (lane.points[:, 0] == np.trunc(lane.points[:, 0])).all()
    assert lane.points[0].tolist() == [1301, 710]
    (inside,) = BenchmarkPriorDecoder("culane")({"priors": _rows((820, 400), count=72)}, CULANE).lanes
    assert inside.points[:, 0].max() < 1640


def test_a_lane_with_a_single_row_inside_is_left_out_unless_it_is_asked_for() -> None:
    outputs = {"priors": _rows((775, 1500))}  # leaves the frame between its rows 582 and 574
    assert BenchmarkPriorDecoder()(outputs, CULANE).lanes == ()
    (lane,) = BenchmarkPriorDecoder(min_rows=1)(outputs, CULANE).lanes
    assert lane.points[:, 1].tolist() == [582]


def test_the_benchmark_decoder_refuses_a_view_that_the_benchmark_does_not_have() -> None:
    with pytest.raises(ModelError, match="full width down to its bottom"):
        BenchmarkPriorDecoder()({"priors": _rows((100, 200))}, Viewport((1640, 590), (0, 0, 1640, 400), (800, 320)))


def test_any_frame_and_input_size_can_be_decoded() -> None:
    view = ViewportPolicy(target=(512, 224)).view((1920, 1080))
    rows = _rows((100, 400), (700, 420))
    scene = PriorDecoder(nms_px=32)({"priors": rows}, view)
    target = view.to_target(scene.lanes[0].points)
    assert np.allclose(target[1:, 1], row_ys(224)[1:60])
    assert np.allclose(target[1:, 0], Priors(rows).xs[0, 1:60] * 511, atol=1e-4)


@pytest.mark.parametrize("decoder", [PriorDecoder(nms_px=32.0), BenchmarkPriorDecoder.of("llamas")])
def test_a_prior_decoder_survives_the_manifest(decoder: PriorDecoder | BenchmarkPriorDecoder) -> None:
    assert decoder_from_dict(json.loads(json.dumps(decoder.to_dict()))) == decoder


def test_wrong_thresholds_benchmarks_and_shapes_are_named() -> None:
    for wrong in ({"score_threshold": 1.5}, {"nms_px": -1.0}, {"max_lanes": 0}, {"min_points": 1}):
        with pytest.raises(ModelError, match="PriorDecoder: expected a score threshold"):
            decoder_from_dict({"kind": "priors", **wrong})
    with pytest.raises(ModelError, match="did you mean 'culane'"):
        decoder_from_dict({"kind": "benchmark_priors", "benchmark": "cu_lane"})
    with pytest.raises(ModelError, match="min_rows of at least 1"):
        BenchmarkPriorDecoder(min_rows=0)
    with pytest.raises(ModelError, match=r"'priors' of shape \(P, 78\), got \(2, 77\)"):
        PriorDecoder()({"priors": np.zeros((2, 77), np.float32)}, CULANE)
