from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanelight.decode import BenchmarkMaskDecoder, MaskDecoder, decoder_from_dict
from lanelight.errors import ModelError
from lanelight.geometry import FloatArray, Viewport, ViewportPolicy

SIZE = (512, 224)
VIEW = ViewportPolicy(target=SIZE).view((1280, 720))


def _outputs(
    lines: dict[int, FloatArray], *, size: tuple[int, int] = SIZE, exist: tuple[int, ...] | None = None
) -> dict[str, np.ndarray]:
    """Return logits of soft vertical profiles, sigma 2 px, around x(y) of each slot (NaN: no lane in this row)."""
    width, height = size
    lanes = np.zeros((5, height, width), np.float32)
    lanes[0] = 2.0
    columns = np.arange(width)
    for slot, x in lines.items():
        bump = np.exp(-((columns[None] - np.nan_to_num(x, nan=-1e4)[:, None]) ** 2) / 8)
        lanes[slot + 1] = 14 * bump - 2
    present = lines if exist is None else exist
    flags = np.array([6.0 if slot in present else -6.0 for slot in range(4)], np.float32)
    return {"lanes": lanes, "exist": flags}


@given(start=st.floats(100, 400), slope=st.floats(-1.5, 1.5))
def test_a_straight_lane_comes_back_to_a_fraction_of_a_pixel(start: float, slope: float) -> None:
    rows = np.arange(224.0)
    x = start + slope * (rows - 112)
    x[(x < 12) | (x > 500)] = np.nan
    scene = MaskDecoder()(_outputs({1: x}), VIEW)
    (lane,) = scene.lanes
    assert lane.slot == 1
    target = VIEW.to_target(lane.points)
    error = np.abs(target[:, 0] - np.interp(target[:, 1], rows[np.isfinite(x)], x[np.isfinite(x)]))
    assert error.max() < 0.3


def test_points_run_from_the_vehicle_outwards_and_lie_in_source_pixels() -> None:
    scene = MaskDecoder()(_outputs({2: np.full(224, 300.0)}), VIEW)
    points = scene.lanes[0].points
    assert (np.diff(points[:, 1]) < 0).all()
    assert points[0, 1] == pytest.approx(VIEW.to_source(np.array([0.0, 223.0]))[1])  # the lowest row of the band
    assert np.allclose(points[:, 0], (300.5) * 2.5 - 0.5, atol=0.2)


def test_existence_decides_and_no_lane_is_a_valid_answer() -> None:
    x = np.full(224, 200.0)
    assert MaskDecoder()(_outputs({1: x}, exist=()), VIEW).lanes == ()
    assert MaskDecoder()(_outputs({}), VIEW).lanes == ()
    assert MaskDecoder()(_outputs({}, exist=(0, 1, 2, 3)), VIEW).lanes == ()  # said to exist, but no mask carries it


def test_a_gap_is_bridged_and_a_stray_blob_elsewhere_is_left_out() -> None:
    x = np.full(224, 200.0)
    x[110:130] = np.nan
    outputs = _outputs({1: x})
    outputs["lanes"][2, 114:122, 420:428] = 12
    (lane,) = MaskDecoder()(outputs, VIEW).lanes
    assert np.allclose(VIEW.to_target(lane.points)[:, 0], 200, atol=0.3)
    assert lane.points[:, 1].min() < VIEW.to_source(np.array([0.0, 20.0]))[1]


def test_lanes_at_the_border_are_not_pulled_outside() -> None:
    (lane,) = MaskDecoder()(_outputs({0: np.full(224, 1.0)}), VIEW).lanes
    assert np.allclose(VIEW.to_target(lane.points)[:, 0], 1.0, atol=1.0)


@pytest.mark.parametrize(
    ("benchmark", "source", "first", "last", "count"),
    [("culane", (1640, 590), 589, 249, 18), ("tusimple", (1280, 720), 710, 160, 56)],
)
def test_benchmark_rows_are_those_of_the_benchmark(
    benchmark: str, source: tuple[int, int], first: int, last: int, count: int
) -> None:
    view = Viewport(source, (0, 0, *source), (800, 288))
    outputs = _outputs({1: np.full(288, 400.0)}, size=(800, 288))
    decoder = BenchmarkMaskDecoder(benchmark=benchmark)  # type: ignore[arg-type]
    (lane,) = decoder(outputs, view).lanes
    assert lane.points[0, 1] == first
    assert lane.points[-1, 1] == last
    assert len(lane.points) == count
    assert (lane.points[:, 0] == np.floor(400 / 800 * source[0])).all()


def test_the_benchmark_rule_leaves_out_lanes_with_fewer_than_two_points() -> None:
    view = Viewport((1640, 590), (0, 0, 1640, 590), (800, 288))
    assert BenchmarkMaskDecoder()(_outputs({}, size=(800, 288), exist=(0, 1)), view).lanes == ()


@pytest.mark.parametrize("decoder", [MaskDecoder(point_threshold=0.4), BenchmarkMaskDecoder(benchmark="tusimple")])
def test_a_decoder_survives_the_manifest(decoder: MaskDecoder | BenchmarkMaskDecoder) -> None:
    assert decoder_from_dict(decoder.to_dict()) == decoder


def test_unknown_decoders_and_thresholds_are_named() -> None:
    with pytest.raises(ModelError, match="did you mean 'masks'"):
        decoder_from_dict({"kind": "mask"})
    with pytest.raises(ModelError, match="expected its own thresholds"):
        decoder_from_dict({"kind": "masks", "eps": 1})
    with pytest.raises(ModelError, match="expected 'lanes' of shape"):
        MaskDecoder()({"lanes": np.zeros((1, 8, 8), np.float32), "exist": np.zeros(4, np.float32)}, VIEW)
