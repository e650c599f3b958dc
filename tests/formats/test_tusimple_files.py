from __future__ import annotations

import json
from pathlib import Path

import fakes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanelight.errors import FormatError, LanelightError
from lanelight.formats import tusimple
from lanelight.geometry import Lane, Scene


def test_lanes_run_from_the_vehicle_outwards_and_skip_absent_rows(tmp_path: Path) -> None:
    entry = tusimple.read(fakes.tusimple(tmp_path, frames=1), rows_required=True)[0]
    scene = tusimple.to_scene(entry)
    assert scene.size == (1280, 720)
    assert len(scene.lanes) == 4
    first = scene.lanes[0]
    assert first.points[0].tolist() == [200, 710]
    assert np.all(np.diff(first.points[:, 1]) < 0)
    assert first.points[-1, 1] == 270
    assert len(scene.lanes[3].points) == 0


def test_a_label_line_survives_the_way_over_a_scene(tmp_path: Path) -> None:
    label_file = fakes.tusimple(tmp_path, frames=1)
    [wanted] = map(json.loads, label_file.read_text().splitlines())
    [entry] = tusimple.read(label_file)
    back = tusimple.to_entry(tusimple.to_scene(entry), entry.raw_file, wanted["h_samples"], run_time_ms=5.0)
    assert back["lanes"] == wanted["lanes"][:3]  # the lane without points is left out of predictions
    assert (back["raw_file"], back["h_samples"], back["run_time"]) == (wanted["raw_file"], wanted["h_samples"], 5.0)
    assert all(isinstance(x, int) for lane in back["lanes"] for x in lane)


def test_every_real_label_survives_the_way_over_a_scene(shared: Path) -> None:
    path = shared / "data" / "tusimple_eval" / "label_data_0601.json"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line, entry in zip(lines, tusimple.read(path, rows_required=True), strict=True):
        back = tusimple.to_entry(tusimple.to_scene(entry), entry.raw_file, line["h_samples"], 1.0)
        assert back["lanes"] == [lane for lane in line["lanes"] if max(lane) >= 0]


def test_x_is_kept_to_a_tenth_of_a_pixel_and_absent_outside_the_lane_and_the_frame() -> None:
    lane = Lane(np.array([[1300.0, 700.0], [1200.06, 600.0], [-100.0, 500.0]]))
    entry = tusimple.to_entry(Scene((1280, 720), (lane,)), "a.jpg", [490, 500, 550, 600, 690, 710], 1.0)
    assert entry["lanes"] == [[-2, -2, 550, 1200.1, -2, -2]]
    assert json.loads(json.dumps(entry)) == entry


def test_a_lane_that_meets_no_row_is_not_written() -> None:
    above = Lane(np.array([[10.0, 100.0], [20.0, 50.0]]))
    assert (
        tusimple.to_entry(Scene((1280, 720), (above, Lane(np.empty((0, 2))))), "a.jpg", tusimple.ROWS, 1.0)["lanes"]
        == []
    )
    assert tusimple.to_entry(Scene((1280, 720)), "a.jpg", tusimple.ROWS, 1.0)["lanes"] == []


@given(st.lists(st.floats(-5, 1285), min_size=2, max_size=8))
def test_written_x_is_absent_or_inside_the_frame(xs: list[float]) -> None:
    rows = np.arange(len(xs)) * 10.0
    scene = Scene((1280, 720), (Lane(np.stack([np.array(xs), rows], axis=1)),))
    for lane in tusimple.to_entry(scene, "a.jpg", rows, 1.0)["lanes"]:
        for written, x in zip(lane, xs, strict=True):
            assert (written == -2) == (not -0.5 <= x <= 1279.5)
            assert written == -2 or (0 <= written <= 1279 and abs(written - x) <= 0.551)


def test_written_predictions_are_read_back(tmp_path: Path) -> None:
    scene = Scene((1280, 720), (Lane(np.array([[10.25, 710.0], [600.0, 200.0]])),))
    tusimple.write(tmp_path / "pred.json", [tusimple.to_entry(scene, f"{i}.jpg", tusimple.ROWS, 3.5) for i in range(2)])
    entries = tusimple.read(tmp_path / "pred.json")
    assert [entry.raw_file for entry in entries] == ["0.jpg", "1.jpg"]
    assert entries[0].run_time_ms == 3.5
    assert entries[0].lanes[0][-1] == 10.2
    assert np.isnan(entries[0].lanes[0][:4]).all()


def test_task_files_without_lanes_are_read(tmp_path: Path) -> None:
    (tmp_path / "tasks.json").write_text('{"raw_file": "a.jpg", "h_samples": [240, 250]}\n\n')
    [entry] = tusimple.read(tmp_path / "tasks.json", rows_required=True)
    assert entry.lanes == ()
    assert entry.rows is not None
    assert entry.rows.tolist() == [240, 250]


def test_any_negative_x_is_absent(tmp_path: Path) -> None:
    (tmp_path / "pred.json").write_text('{"raw_file": "a.jpg", "lanes": [[-2, -100.5, 0, 3.25]], "run_time": 1}\n')
    [entry] = tusimple.read(tmp_path / "pred.json")
    np.testing.assert_array_equal(entry.lanes[0], [np.nan, np.nan, 0, 3.25])
    with pytest.raises(FormatError, match="expected h_samples"):
        tusimple.to_scene(entry)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "expected one JSON object"),
        ('{"lanes": [], "h_samples": [1]}', "raw_file"),
        (
            '{"raw_file": "a.jpg", "lanes": [[1, 2]], "h_samples": [10]}',
            "expected 1 values in every lane, one x for each of h_samples; lane 1 has 2",
        ),
        ('{"raw_file": "a.jpg", "lanes": [1], "h_samples": [10]}', r"lanes as lists of x, found '\[1\]'"),
        ('{"raw_file": "a.jpg", "lanes": [["x"]], "h_samples": [10]}', "lanes as lists of x"),
        ('{"raw_file": "a.jpg", "lanes": 5, "h_samples": [10]}', "lanes as lists of x, found '5'"),
        ('{"raw_file": "a.jpg", "lanes": [[[1]]], "h_samples": [10]}', "lists within lists"),
        ('{"raw_file": "a.jpg", "lanes": [[null]], "h_samples": [10]}', "null, NaN or Infinity"),
        ('{"raw_file": "a.jpg", "lanes": [[NaN]], "h_samples": [10]}', "null, NaN or Infinity"),
        ('{"raw_file": "a.jpg", "lanes": [], "h_samples": [null]}', "h_samples as a list of y"),
        ('{"raw_file": "a.jpg", "lanes": [], "h_samples": 10}', "h_samples as a list of y"),
        ('{"raw_file": "a.jpg", "lanes": [], "h_samples": null}', "found null"),
        ('{"raw_file": "a.jpg", "lanes": [], "h_samples": [10], "run_time": "soon"}', "run_time in ms, found 'soon'"),
        ('{"raw_file": "a.jpg", "lanes": []}', "give a label or task file"),
        ('{"raw_file": "a.jpg", "lanes": [], "h_samples": []}', "at least one"),
    ],
)
def test_a_damaged_line_is_named_by_file_and_number(tmp_path: Path, line: str, message: str) -> None:
    (tmp_path / "label.json").write_text('{"raw_file": "b.jpg", "lanes": [], "h_samples": [10]}\n' + line + "\n")
    with pytest.raises(FormatError, match=rf"label\.json line 2: .*{message}"):
        tusimple.read(tmp_path / "label.json", rows_required=True)


@pytest.mark.parametrize("missing", ["raw_file", "lanes", "run_time"])
def test_a_prediction_without_what_the_benchmark_asks_is_named(tmp_path: Path, missing: str) -> None:
    line = {"raw_file": "a.jpg", "lanes": [], "run_time": 5}
    file = tmp_path / "pred.json"
    file.write_text(json.dumps(line) + "\n" + json.dumps({k: v for k, v in line.items() if k != missing}) + "\n")
    with pytest.raises(FormatError, match=rf"pred\.json line 2: .*{missing} is missing"):
        tusimple.read_predictions(file)


@pytest.mark.parametrize("missing", ["raw_file", "lanes", "h_samples"])
def test_a_label_without_what_the_benchmark_asks_is_named(tmp_path: Path, missing: str) -> None:
    line = {"raw_file": "a.jpg", "lanes": [], "h_samples": [10]}
    file = tmp_path / "label.json"
    file.write_text(json.dumps({k: v for k, v in line.items() if k != missing}) + "\n")
    with pytest.raises(FormatError, match=rf"label\.json line 1: .*{missing} is missing"):
        tusimple.read_labels(file)


def test_lanes_of_different_lengths_are_named_even_without_h_samples(tmp_path: Path) -> None:
    (tmp_path / "pred.json").write_text('{"raw_file": "a.jpg", "lanes": [[1, 2], [1]], "run_time": 1}\n')
    with pytest.raises(FormatError, match=r"pred\.json line 1: expected 2 values .* lane 2 has 1"):
        tusimple.read_predictions(tmp_path / "pred.json")


def test_entries_know_their_line_and_share_equal_rows(tmp_path: Path) -> None:
    file = fakes.tusimple(tmp_path, frames=3)
    first, _, third = tusimple.read_labels(file)
    assert (first.where, third.where) == (f"{file} line 1", f"{file} line 3")
    assert first.rows is third.rows


def test_an_empty_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "label.json").write_text("\n")
    with pytest.raises(FormatError, match="empty file"):
        tusimple.read(tmp_path / "label.json")


def test_a_failed_write_keeps_the_older_file(tmp_path: Path) -> None:
    def lines() -> list[dict[str, object]]:
        raise LanelightError("the detector failed")

    (tmp_path / "pred.json").write_text("older\n")
    with pytest.raises(LanelightError, match="the detector failed"):
        tusimple.write(tmp_path / "pred.json", (line for _ in range(1) for line in lines()))
    assert [path.name for path in tmp_path.iterdir()] == ["pred.json"]
    assert (tmp_path / "pred.json").read_text() == "older\n"
