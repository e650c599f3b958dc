from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import fake_network
import numpy as np
import painted_datasets
import pytest

from lanelight.datasets import CULane, Native
from lanelight.errors import LanelightError, ModelError
from lanelight.geometry import Lane, Scene
from lanelight.metrics import CULaneF1
from lanelight.runtime import Detector
from lanelight.runtime.evaluate import evaluate
from lanelight.runtime.scoring_lines import CULaneRule, LineCounts, NativeRule


@pytest.fixture
def detector(tmp_path: Path) -> Iterator[Detector]:
    with Detector.load(fake_network.write_model(tmp_path), backend="onnxruntime", threads=1) as loaded:
        yield loaded


def line(x: float, height: int = 100) -> Lane:
    return Lane(np.array([[x, height - 1.0], [x, 10.0]]))


def test_the_worst_frames_come_first_and_equal_ones_in_order(detector: Detector, tmp_path: Path) -> None:
    data = Native(painted_datasets.write_native(tmp_path / "data"))
    done = evaluate(detector, NativeRule(data, LineCounts()), worst=3)
    assert [frame.place for frame in done.worst] == [3, 1, 2]
    assert [frame.compared.caption for frame in done.worst] == ["tp 0 fp 4 fn 0", "tp 3 fp 1 fn 1", "tp 3 fp 0 fn 1"]
    assert done.frames == 4
    assert done.latency_ms == pytest.approx(np.median(done.latencies_ms))


def test_a_network_that_knows_classes_only_is_refused(detector: Detector, tmp_path: Path) -> None:
    data = Native(painted_datasets.write_native(tmp_path / "data"))
    detector.manifest = replace(detector.manifest, slots=0, classes=("road", "sky"))
    with pytest.raises(ModelError, match=r"no lane slots, only classes \(road, sky\)"):
        evaluate(detector, NativeRule(data, LineCounts()))


def test_counts_in_frames_of_several_sizes_are_added() -> None:
    counts = LineCounts((0.5, 0.9))
    for index, width in enumerate((200, 1640)):
        counts.add(index, Scene((width, 100), [line(60)]), Scene((width, 100), [line(60), line(150)]))
    total = counts.figures()
    assert (total["iou_0.5"]["tp"], total["iou_0.9"]["tp"], total["iou_0.5"]["fn"]) == (2, 2, 2)
    assert counts.figures([0, 7])["iou_0.5"]["tp"] == 1
    notes = list(counts.notes())
    assert notes[0].startswith("lines 4 px wide in frames of 200x100")
    assert notes[1].startswith("lines 30 px wide in frames of 1640x100")


def test_lines_are_never_thinner_than_the_metric_draws() -> None:
    counts = LineCounts()
    counts.add(0, Scene((40, 100), [line(20)]), Scene((40, 100), [line(20)]))
    assert next(counts.notes()).startswith("lines 2 px")


def test_the_ego_pair_is_chosen_by_slots_where_all_lanes_have_them() -> None:
    size = (1640, 590)
    slots = [Lane(line(x, 590).points, slot=slot) for slot, x in enumerate((900, 1000, 1100, 1200))]
    counts = LineCounts(lanes="ego")
    found = counts.add(0, Scene(size, slots), Scene(size, slots))
    assert [lane.slot for lane in found.pred.lanes] == [1, 2]
    assert found.caption == "tp 2 fp 0 fn 0"


def test_culane_compares_what_its_files_can_hold(tmp_path: Path) -> None:
    data = CULane(painted_datasets.write_culane(tmp_path / "data"))
    size = (1640, 590)
    short = Lane(np.array([[300.0, 585.0], [301.0, 570.0]]))  # meets one row of the files only: it is not written
    gold = data.scene(0, size)
    found = CULaneRule(data, LineCounts()).count(0, Scene(size, [*gold.lanes, short]), gold)
    assert found.caption == "tp 4 fp 0 fn 0"
    found = NativeRule(Native(painted_datasets.write_native(tmp_path / "native")), LineCounts()).count(
        0, Scene(size, [*gold.lanes, short]), gold
    )
    assert found.caption == "tp 4 fp 1 fn 0"


def test_missing_points_of_native_labels_are_left_out(tmp_path: Path) -> None:
    rule = NativeRule(Native(painted_datasets.write_native(tmp_path / "data")), LineCounts())
    points = np.array([[60.0, 99.0], [np.nan, 50.0], [60.0, 10.0]])
    whole = Scene((200, 100), [line(60)])
    assert rule.count(0, whole, Scene((200, 100), [Lane(points)])).caption == "tp 1 fp 0 fn 0"


def test_figures_are_those_of_the_metric_itself() -> None:
    rng = np.random.default_rng(3)
    counts, metric, size = LineCounts((0.3, 0.6)), CULaneF1((0.3, 0.6)), (1640, 590)
    for index in range(12):
        gold = Scene(size, [line(x, 590) for x in rng.uniform(0, 1640, rng.integers(0, 5))])
        moved = [lane.with_points(lane.points + np.array([rng.normal(0, 9), 0.0])) for lane in gold.lanes]
        pred = Scene(size, [*moved[: rng.integers(0, 5)], line(rng.uniform(0, 1640), 590)])
        counts.add(index, pred, gold)
        metric.update(pred, gold)
    assert counts.figures() == metric.compute()
    assert 0 < metric.compute()["iou_0.6"]["tp"] < metric.compute()["iou_0.3"]["tp"]


def test_impossible_widths_and_thresholds_are_refused() -> None:
    with pytest.raises(LanelightError, match="2 to 32767 px"):
        LineCounts(line_px=1)
    with pytest.raises(LanelightError, match="different thresholds"):
        LineCounts((0.5, 0.5))
