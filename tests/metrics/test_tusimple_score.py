from __future__ import annotations

import json
import lzma
import math
from fractions import Fraction
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanelight.errors import FormatError, LanelightError
from lanelight.formats import tusimple
from lanelight.geometry import FloatArray, Lane, Scene
from lanelight.metrics import TuSimpleAccuracy
from lanelight.metrics.tusimple import score_entries, score_frame
from lanelight.metrics.tusimple_frames import Comparison, score_frames

ROWS = np.arange(200.0, 400.0, 10.0)  # 20 rows: 17 hits are exactly the 85 % that find a lane


def upright(*xs: float) -> FloatArray:
    return np.repeat(np.array(xs, dtype=np.float64)[:, None], len(ROWS), axis=1)


def test_a_perfect_copy_scores_one() -> None:
    assert score_frame(upright(100, 300), upright(100, 300), ROWS) == (1.0, 0.0, 0.0)


def test_nineteen_pixels_hit_and_twenty_miss() -> None:
    assert score_frame(upright(119.9), upright(100), ROWS) == (1.0, 0.0, 0.0)
    assert score_frame(upright(120), upright(100), ROWS) == (0.0, 1.0, 1.0)


def test_the_tolerance_grows_with_the_slope_of_the_true_lane() -> None:
    slope = 0.75  # 20 / cos(atan(0.75)) = 25 px
    gold = (500 + slope * (ROWS - 200))[None]
    assert score_frame(gold + 24.9, gold, ROWS)[0] == 1.0
    assert score_frame(gold + 25.1, gold, ROWS)[0] == 0.0


def test_a_tie_at_slope_2_4_hits_as_in_the_benchmarks_script() -> None:
    rows = np.arange(160.0, 610.0, 10.0)
    gold = 100 + 24 * np.arange(45.0)[None]
    y, x = rows - rows.mean(), gold[0] - gold.mean()
    slope = np.linalg.lstsq(y[:, None], x, rcond=None)[0][0]  # its last bit makes 52.00000000000004 px on x86-64
    hit = 20 / np.cos(np.arctan(slope)) > 52
    assert score_frame(gold + 52, gold, rows)[0] == hit


def test_seventeen_of_twenty_rows_find_a_lane_and_sixteen_do_not() -> None:
    for missed, wanted in ((3, (0.85, 0.0, 0.0)), (4, (0.8, 1.0, 1.0))):
        pred = upright(100)
        pred[0, :missed] = 500
        assert score_frame(pred, upright(100), ROWS) == wanted


def test_absent_on_both_sides_is_a_hit_and_on_one_side_a_miss() -> None:
    gold = upright(100)
    gold[0, :10] = np.nan
    assert score_frame(gold, gold, ROWS)[0] == 1.0
    assert score_frame(upright(100), gold, ROWS)[0] == 0.5
    assert score_frame(np.where(np.isnan(gold), -2, gold), gold, ROWS)[0] == 1.0


def test_one_prediction_that_finds_two_lanes_makes_the_false_positive_rate_negative() -> None:
    assert score_frame(upright(105), upright(100, 110), ROWS) == (1.0, -1.0, 0.0)


def test_three_predictions_too_many_lose_the_frame_and_two_do_not() -> None:
    assert score_frame(upright(100, 500, 700), upright(100), ROWS) == (1.0, 2 / 3, 0.0)
    assert score_frame(upright(100, 500, 700, 900), upright(100), ROWS) == (0.0, 0.0, 1.0)


def test_slow_frames_are_lost() -> None:
    assert score_frame(upright(100), upright(100), ROWS, 200) == (1.0, 0.0, 0.0)
    assert score_frame(upright(100), upright(100), ROWS, 200.1) == (0.0, 0.0, 1.0)


def test_with_five_true_lanes_the_worst_is_forgiven() -> None:
    gold = upright(100, 300, 500, 700, 900)
    assert score_frame(gold[:4], gold, ROWS) == (1.0, 0.0, 0.0)
    assert score_frame(gold[:3], gold, ROWS) == (0.75, 0.0, 0.25)
    assert score_frame(gold[:3], gold[:4], ROWS) == (0.75, 0.0, 0.25)


def test_frames_without_true_lanes_score_zero() -> None:
    assert score_frame(np.empty((0, 20)), [], ROWS) == (0.0, 0.0, 0.0)
    assert score_frame(upright(100), [], ROWS) == (0.0, 1.0, 0.0)
    assert score_frame([], upright(100, 200), ROWS) == (0.0, 0.0, 1.0)


def test_lanes_of_another_number_of_rows_are_refused() -> None:
    with pytest.raises(LanelightError, match=r"expected predicted lanes of shape \(N, 20\)"):
        score_frame(np.zeros((1, 19)), upright(1), ROWS)
    with pytest.raises(LanelightError, match="at least one"):
        score_frame([], [], [])


def slow_score(pred: list[list[float]], gold: list[list[float]], rows: list[float]) -> tuple[float, float, float]:
    """Return the score of a frame lane by lane and row by row, straight from the benchmark's rule."""
    if len(pred) > len(gold) + 2:
        return 0.0, 0.0, 1.0
    best = []
    for truth in gold:
        seen = np.array([(y, x) for x, y in zip(truth, rows, strict=True) if x >= 0])
        slope = np.polyfit(seen[:, 0], seen[:, 1], 1)[0] if len(seen) > 1 else 0.0
        tolerance = 20 / math.cos(math.atan(slope))
        shares = [
            sum(
                abs((p if p >= 0 else -100) - (t if t >= 0 else -100)) < tolerance
                for p, t in zip(lane, truth, strict=True)
            )
            / len(rows)
            for lane in pred
        ]
        best.append(max(shares, default=0.0))
    found = sum(share >= 0.85 for share in best)
    missed = len(gold) - found
    total = sum(best)
    if len(gold) > 4:
        missed, total = max(0, missed - 1), total - min(best)
    divisor = max(min(4, len(gold)), 1)
    return total / divisor, (len(pred) - found) / len(pred) if pred else 0.0, missed / divisor


x_values = st.integers(0, 60).map(float) | st.just(-2.0)  # whole px: no error lies within rounding of a tolerance
frame_lanes = st.lists(st.lists(x_values, min_size=7, max_size=7), max_size=6)


@given(frame_lanes, frame_lanes)
def test_the_score_is_that_of_the_rule_written_out(pred: list[list[float]], gold: list[list[float]]) -> None:
    rows = [10.0 * k for k in range(7)]
    assert score_frame(pred, gold, rows) == pytest.approx(slow_score(pred, gold, rows), abs=1e-12)


@given(st.lists(st.tuples(st.floats(0, 1279), st.floats(0, 1279)), min_size=1, max_size=4))
def test_any_scene_against_itself_is_perfect(ends: list[tuple[float, float]]) -> None:
    scene = Scene((1280, 720), tuple(Lane(np.array([[a, 719.0], [b, 100.0]])) for a, b in ends))
    metric = TuSimpleAccuracy()
    metric.update(scene, scene)
    result = metric.compute()
    assert result["accuracy"] == 1.0
    assert result["fn"] == 0.0
    assert result["fp"] <= 0.0  # negative where two lanes lie so close that one prediction finds both


scenes = st.lists(st.floats(0, 1279), max_size=5).map(
    lambda xs: Scene((1280, 720), tuple(Lane(np.array([[x, 719.0], [640.0, 100.0]])) for x in xs))
)


@given(st.lists(st.tuples(scenes, scenes), max_size=6), st.integers(0, 6))
def test_merged_parts_score_as_all_frames_together(frames: list[tuple[Scene, Scene]], cut: int) -> None:
    together, first, second = TuSimpleAccuracy(), TuSimpleAccuracy(), TuSimpleAccuracy()
    for index, (pred, gold) in enumerate(frames):
        together.update(pred, gold)
        (first if index < cut else second).update(pred, gold)
    first.merge(second)
    assert first.frames == together.frames == len(frames)
    assert first.compute() == together.compute()


scores = st.tuples(st.floats(0, 1), st.floats(-3, 1), st.floats(0, 1))


@given(st.lists(scores, max_size=12), st.randoms(use_true_random=False), st.integers(0, 12))
def test_no_order_of_frames_or_merges_changes_a_bit(
    frames: list[tuple[float, float, float]], random: Random, cut: int
) -> None:
    straight = TuSimpleAccuracy()
    for score in frames:
        straight.add(score)
    shuffled = random.sample(frames, len(frames))
    parts = [TuSimpleAccuracy(), TuSimpleAccuracy()]
    for index, score in enumerate(shuffled):
        parts[index < cut].add(score)
    parts[0].merge(parts[1])
    assert parts[0].compute() == straight.compute()
    exact = [sum(map(Fraction, column)) / len(frames) for column in zip(*frames, strict=True)]
    assert list(straight.compute().values()) == pytest.approx([float(mean) for mean in exact] or [0, 0, 0], abs=1e-15)


lanes_of = {
    count: st.lists(st.lists(x, min_size=count, max_size=count), max_size=6)
    for count, x in ((5, st.integers(-3, 90)), (8, st.integers(0, 60)))
}
comparisons = st.one_of(
    *(
        st.builds(
            Comparison,
            lanes,
            lanes,
            st.just([10.0 * k for k in range(count)]),
            st.sampled_from([None, 1.0, 200.0, 201.0]),
        )
        for count, lanes in lanes_of.items()
    )
)


@given(st.lists(comparisons, max_size=12))
def test_many_frames_at_once_score_as_each_alone(frames: list[Comparison]) -> None:
    together = score_frames(frames)
    assert together == [score_frame(*frame) for frame in frames]


def test_more_frames_than_fit_one_pass_keep_their_places() -> None:
    frames = [Comparison(upright(100 + k % 40), upright(100), ROWS) for k in range(300)]
    assert [accuracy for accuracy, _, _ in score_frames(frames)] == [float(k % 40 < 20) for k in range(300)]


@given(frame_lanes, frame_lanes, st.randoms(use_true_random=False))
def test_the_order_of_lanes_does_not_matter(pred: list[list[float]], gold: list[list[float]], random: Random) -> None:
    rows = [10.0 * k for k in range(7)]
    shuffled = random.sample(pred, len(pred)), random.sample(gold, len(gold))
    assert score_frame(*shuffled, rows) == pytest.approx(score_frame(pred, gold, rows), abs=1e-15)
    assert score_frame(shuffled[0], gold, rows) == score_frame(pred, gold, rows)


def test_reset_forgets_and_no_frames_score_zero() -> None:
    scene = Scene((1280, 720), (Lane(np.array([[100.0, 719.0], [600.0, 100.0]])),))
    metric = TuSimpleAccuracy()
    metric.update(scene, scene)
    assert metric.compute() == {"accuracy": 1.0, "fp": 0.0, "fn": 0.0}
    metric.reset()
    assert metric.compute() == {"accuracy": 0.0, "fp": 0.0, "fn": 0.0}


def test_predicted_lanes_above_all_rows_are_ignored_and_true_ones_count() -> None:
    road = Lane(np.array([[100.0, 719.0], [600.0, 100.0]]))
    above = Lane(np.array([[100.0, 90.0], [110.0, 80.0]]))
    metric = TuSimpleAccuracy()
    metric.update(Scene((1280, 720), (road, above)), Scene((1280, 720), (road,)))
    assert metric.compute() == {"accuracy": 1.0, "fp": 0.0, "fn": 0.0}
    metric.reset()
    metric.update(Scene((1280, 720), (road,)), Scene((1280, 720), (road, Lane(np.empty((0, 2))))))
    assert metric.compute() == {"accuracy": 0.5, "fp": 0.0, "fn": 0.5}


def test_scenes_of_different_frames_are_refused() -> None:
    with pytest.raises(LanelightError, match=r"\(1280, 720\)"):
        TuSimpleAccuracy().update(Scene((640, 360)), Scene((1280, 720)))


def entry(name: str, *lanes: FloatArray, rows: FloatArray | None = ROWS) -> tusimple.Entry:
    return tusimple.Entry(name, lanes, rows)


def test_files_must_have_the_same_frames() -> None:
    gold = [entry("a.jpg", upright(100)[0]), entry("b.jpg", upright(100)[0])]
    with pytest.raises(FormatError, match="each of 2 labelled frames, got 1"):
        score_entries(gold[:1], gold)
    with pytest.raises(FormatError, match=r"c\.jpg: predicted, but the label file has no such frame"):
        score_entries([entry("c.jpg"), gold[0]], gold)
    with pytest.raises(FormatError, match=r"b\.jpg: expected 20 values in every lane.* predicted lane 2 has 3"):
        score_entries([gold[0], entry("b.jpg", upright(100)[0], np.zeros(3), rows=None)], gold)


def test_the_order_of_predictions_does_not_matter() -> None:
    gold = [entry("a.jpg", upright(100)[0]), entry("b.jpg", upright(300)[0])]
    assert score_entries(gold[::-1], gold) == {"accuracy": 1.0, "fp": 0.0, "fn": 0.0}


def test_golden_frames_score_exactly_as_the_benchmarks_script(shared: Path, tmp_path: Path) -> None:
    goldens = shared / "goldens" / "metrics"
    for side in ("gt", "pred"):
        (tmp_path / side).write_bytes(lzma.decompress((goldens / f"tusimple_{side}.json.xz").read_bytes()))
    pred, gold = tusimple.read_predictions(tmp_path / "pred"), tusimple.read_labels(tmp_path / "gt")
    expected = json.loads(lzma.decompress((goldens / "tusimple_expected.json.xz").read_bytes()))
    by_name = {entry.raw_file: entry for entry in gold}
    for line, (name, kind, *wanted) in zip(pred, expected["per_image"], strict=True):
        truth = by_name[name]
        assert line.raw_file == name
        assert truth.rows is not None
        got = score_frame(list(line.lanes), list(truth.lanes), truth.rows, line.run_time_ms)
        assert list(got) == wanted, f"{name} ({kind})"
    totals = expected["official_totals"]
    wanted = {"accuracy": totals["Accuracy"], "fp": totals["FP"], "fn": totals["FN"]}
    assert score_entries(pred, gold) == pytest.approx(wanted, rel=0, abs=1e-12)  # the script rounds after every frame


def test_the_benchmarks_own_baseline_scores_as_published_by_its_script(shared: Path) -> None:
    folder = shared / "data" / "tusimple_eval"
    got = score_entries(
        tusimple.read(folder / "pred_official_baseline.json"),
        tusimple.read(folder / "test_label.json", rows_required=True),
    )
    assert got == pytest.approx({"accuracy": 0.6534776069, "fp": 0.6965312725, "fn": 0.6477054877}, abs=5e-11)
