from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lanelight.decode import EmbeddingDecoder, decoder_from_dict
from lanelight.decode.base import Arrays
from lanelight.errors import ModelError
from lanelight.geometry import FloatArray, Lane, Viewport

SIZE = (512, 256)
VIEW = Viewport((1280, 720), (0, 0, 1280, 720), SIZE)
CENTRES = np.random.default_rng(0).permutation(np.array(np.meshgrid(*[[-1.0, 1.0]] * 5)).reshape(5, -1).T) * 0.7
DBSCAN = EmbeddingDecoder(method="dbscan", radius=0.3)
both_ways = pytest.mark.parametrize("decoder", [EmbeddingDecoder(), DBSCAN], ids=["mean_shift", "dbscan"])


def outputs(
    lines: Sequence[Sequence[FloatArray]], *, thick: float = 6.0, seed: int = 0, noise: int = 0
) -> dict[str, np.ndarray]:
    """Return what a trained network says of lanes, each made of pieces (P, 2) target px.

    A pixel's lane probability falls off with its distance from the middle and is 0.5 at half the thickness.
    """
    rng = np.random.default_rng(seed)
    width, height = SIZE
    nearest = np.full((height, width), np.inf)
    embedding = np.zeros((5, height, width), np.float32)
    for centre, pieces in zip(CENTRES, lines, strict=False):
        away = _distance(pieces)
        mine = away < nearest
        embedding[:, mine] = centre[:, None]
        nearest = np.minimum(nearest, away)
    embedding += rng.normal(0, 0.05, embedding.shape).astype(np.float32)
    margin = np.clip(2 * (thick / 2 - nearest), -8, 8).astype(np.float32)
    for x, y in zip(rng.integers(0, width, noise), rng.integers(0, height, noise), strict=True):
        margin[y, x], embedding[:, y, x] = 5, rng.uniform(5, 50, 5)
    return {"mask": np.stack([-margin / 2, margin / 2]), "embedding": embedding}


def _distance(pieces: Sequence[FloatArray]) -> FloatArray:
    """Return each pixel's distance from polylines."""
    y, x = np.mgrid[: SIZE[1], : SIZE[0]].astype(np.float64)
    nearest = np.full(x.shape, np.inf)
    for piece in pieces:
        for (x0, y0), (x1, y1) in pairwise(piece):
            share = ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / ((x1 - x0) ** 2 + (y1 - y0) ** 2)
            share = np.clip(share, 0, 1)
            nearest = np.minimum(nearest, np.hypot(x - x0 - share * (x1 - x0), y - y0 - share * (y1 - y0)))
    return nearest


def straight(x0: float, x1: float, *, top: float = 90.0, bottom: float = 262.0) -> FloatArray:
    return np.array([[x0, bottom], [x1, top]])


def fan(count: int) -> list[list[FloatArray]]:
    """Return lanes that meet in the distance, without touching."""
    return [[straight(x, 256 + (x - 256) * 0.18)] for x in np.linspace(20, 490, count)]


def far_from(lane: Lane, pieces: Sequence[FloatArray], view: Viewport = VIEW) -> FloatArray:
    """Return the distance of a lane's points from polylines, target px."""
    x, y = view.to_target(lane.points).T
    nearest = np.full(len(x), np.inf)
    for piece in pieces:
        fine = np.concatenate([a + np.linspace(0, 1, 400)[:, None] * (b - a) for a, b in pairwise(piece)])
        nearest = np.minimum(nearest, np.hypot(x[:, None] - fine[:, 0], y[:, None] - fine[:, 1]).min(axis=1))
    return nearest


@both_ways
@pytest.mark.parametrize("count", range(7))
def test_any_number_of_lanes_comes_back_to_a_fraction_of_a_pixel(decoder: EmbeddingDecoder, count: int) -> None:
    lines = fan(count)
    scene = decoder(outputs(lines, noise=40), VIEW)
    assert len(scene.lanes) == count
    assert scene.size == (1280, 720)
    for lane, pieces in zip(scene.lanes, lines, strict=True):  # from left to right
        away = far_from(lane, pieces)
        assert away[3:-3].max() < 0.4
        assert away.max() < 3  # half a thickness: its ends are round
        assert (np.diff(lane.points[:, 1]) < 0).all()
        assert lane.points[0, 1] > 640  # from the bottom of the frame, or where it enters at the side
        assert lane.points[-1, 1] < VIEW.to_source(np.array([0.0, 92.0]))[1]
        assert 0.7 < lane.score <= 1


@settings(max_examples=20)
@given(low=st.floats(60, 450), high=st.floats(60, 450))
def test_a_straight_lane_keeps_its_place_at_any_slope(low: float, high: float) -> None:
    lines = [[straight(low, high)]]
    (lane,) = EmbeddingDecoder()(outputs(lines), VIEW).lanes
    assert far_from(lane, lines[0])[2:-2].max() < 0.5


def test_slots_are_counted_from_the_vehicle() -> None:
    assert [lane.slot for lane in EmbeddingDecoder()(outputs(fan(6)), VIEW).lanes] == [None, 0, 1, 2, 3, None]


@both_ways
def test_a_curve_that_leaves_the_picture_and_comes_back_is_one_lane(decoder: EmbeddingDecoder) -> None:
    y = np.linspace(262, 60, 80)
    curve = np.stack([-25 + 0.012 * (y - 160) ** 2, y], axis=1)
    lines = [[curve], [straight(300, 280)]]
    scene = decoder(outputs(lines), VIEW)
    assert len(scene.lanes) == 2
    lane = scene.lanes[0]
    away = far_from(lane, [curve])
    assert np.median(away) < 0.5
    assert away.max() < 3.2  # at the edge half of the line is cut off
    rows = VIEW.to_target(lane.points)[:, 1]
    assert rows.max() > 250
    assert rows.min() < 70
    assert -np.diff(rows).min() > 40  # where it was outside


@both_ways
def test_a_lane_with_gaps_is_one_line_that_goes_straight_on(decoder: EmbeddingDecoder) -> None:
    dashes = [
        straight(100 + 0.4 * (256 - low), 100 + 0.4 * (256 - low + 20), bottom=low, top=low - 20)
        for low in (250, 200, 130)
    ]
    (lane,) = decoder(outputs([dashes]), VIEW).lanes
    away = far_from(lane, [np.array([dashes[0][0], dashes[-1][1]])])
    assert away[1:-1].max() < 0.8  # beyond its ends a line has round ones
    assert 9 <= len(lane.points) <= 24


def test_pixels_of_a_cluster_beside_its_line_are_left_out() -> None:
    made = outputs([[straight(200, 240)]])
    stray = (slice(120, 128), slice(400, 412))
    made["mask"][1][stray], made["mask"][0][stray] = 4, -4
    made["embedding"][(slice(None), *stray)] = made["embedding"][:, 250, 203][:, None, None]
    (lane,) = EmbeddingDecoder()(made, VIEW).lanes
    assert far_from(lane, [straight(200, 240)])[1:-1].max() < 0.4


@pytest.mark.parametrize("rise", [0.0, 4.0, 30.0])
def test_a_lane_that_lies_flat_is_read_by_columns(rise: float) -> None:
    line = np.array([[290.0, 140.0], [480.0, 140.0 - rise]])
    (lane,) = EmbeddingDecoder()(outputs([[line]]), VIEW).lanes
    assert far_from(lane, [line])[1:-1].max() < 0.4
    target = VIEW.to_target(lane.points)
    assert target[0, 0] < 294  # from the vehicle outwards
    assert target[-1, 0] > 476
    mirrored = [np.array([[511 - x, y] for x, y in line])]
    (lane,) = EmbeddingDecoder()(outputs([mirrored]), VIEW).lanes
    assert VIEW.to_target(lane.points)[0, 0] > 511 - 294


def test_small_clusters_short_lines_and_unsure_lanes_are_dropped() -> None:
    made = outputs([[straight(100, 150)], [straight(300, 300, bottom=120, top=117)]])
    assert len(EmbeddingDecoder(min_pixels=10, min_rows=2)(made, VIEW).lanes) == 2
    assert len(EmbeddingDecoder(min_pixels=150)(made, VIEW).lanes) == 1
    assert len(EmbeddingDecoder(min_rows=20)(made, VIEW).lanes) == 1
    assert EmbeddingDecoder(min_rows=300)(made, VIEW).lanes == ()
    assert EmbeddingDecoder(score_threshold=0.99)(made, VIEW).lanes == ()


def test_the_largest_clusters_are_the_lanes() -> None:
    lines = [*fan(4), [straight(250, 255, top=200)]]
    found = EmbeddingDecoder(max_lanes=4)(outputs(lines), VIEW).lanes
    assert [far_from(lane, pieces).max() < 5 for lane, pieces in zip(found, fan(4), strict=True)] == [True] * 4


def test_an_empty_mask_and_one_of_noise_give_no_lanes() -> None:
    empty = outputs([])
    assert EmbeddingDecoder()(empty, VIEW).lanes == ()
    assert EmbeddingDecoder()(outputs([], noise=60), VIEW).lanes == ()


def test_a_mask_that_is_lane_everywhere_is_no_error() -> None:
    rng = np.random.default_rng(0)
    made: Arrays = {
        "mask": np.stack([np.zeros((64, 128)), np.ones((64, 128))]).astype(np.float32),
        "embedding": rng.normal(0, 3, (5, 64, 128)).astype(np.float32),
    }
    assert len(EmbeddingDecoder()(made, VIEW).lanes) <= 8


def test_the_rule_of_the_reference_looks_at_the_lane_logit_alone() -> None:
    made = outputs([[straight(200, 240)]])
    made["mask"] += np.float32(2)  # both logits: probabilities stay
    wide = EmbeddingDecoder(logit_threshold=0.5)(made, VIEW)
    plain = EmbeddingDecoder()(made, VIEW)
    assert len(wide.lanes) == len(plain.lanes) == 1
    assert wide.lanes[0].score < plain.lanes[0].score  # pixels that are rather background belong to it now


def test_lanes_lie_in_the_frame_whatever_the_view() -> None:
    view = Viewport((1640, 590), (0, 240, 1640, 590), SIZE)
    lines = fan(3)
    for lane, pieces in zip(EmbeddingDecoder()(outputs(lines), view).lanes, lines, strict=True):
        assert far_from(lane, pieces, view)[3:-3].max() < 0.4
        assert lane.points[:, 1].min() > 240


def test_the_decoder_survives_the_manifest() -> None:
    decoder = EmbeddingDecoder(threshold=0.4, method="dbscan", radius=0.2, logit_threshold=0.5, max_lanes=5)
    assert decoder_from_dict(decoder.to_dict()) == decoder


def test_wrong_values_and_shapes_are_named() -> None:
    with pytest.raises(ModelError, match="did you mean 'mean_shift'"):
        EmbeddingDecoder(method="meanshift")  # type: ignore[arg-type]
    with pytest.raises(ModelError, match=r"expected a threshold between 0 and 1, got 1\.5"):
        EmbeddingDecoder(threshold=1.5)
    with pytest.raises(ModelError, match="expected a positive radius"):
        EmbeddingDecoder(radius=0)
    with pytest.raises(ModelError, match=r"expected 'mask' of shape \(2, H, W\)"):
        EmbeddingDecoder()(
            {"mask": np.zeros((1, 8, 8), np.float32), "embedding": np.zeros((5, 8, 8), np.float32)}, VIEW
        )
    with pytest.raises(ModelError, match=r"got \(2, 8, 8\) and \(5, 8, 9\)"):
        EmbeddingDecoder()(
            {"mask": np.zeros((2, 8, 8), np.float32), "embedding": np.zeros((5, 8, 9), np.float32)}, VIEW
        )
    broken = outputs(fan(2))
    broken["embedding"][:] = np.nan
    with pytest.raises(ModelError, match="expected finite points"):
        EmbeddingDecoder()(broken, VIEW)
