from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import fake_network
import numpy as np
import painted_datasets
import pytest

from lanelight.cli import main
from lanelight.formats import native, tusimple
from lanelight.frames import read_image
from lanelight.metrics import CULaneF1
from lanelight.metrics.tusimple import score_entries
from lanelight.render.palette import FALSE, TRUE

WRITERS: dict[str, Callable[[Path], Path]] = {
    "culane": painted_datasets.write_culane,
    "tusimple": painted_datasets.write_tusimple,
    "bdd100k": painted_datasets.write_bdd100k_masks,
    "native": painted_datasets.write_native,
}


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fake_network.write_model(tmp_path_factory.mktemp("model"))


def evaluated(model: Path, data: str, root: Path, *more: str) -> int:
    words = () if data != "native" or "--split" in more or "--list" in more else ("--split", "all")
    return main(["eval", str(model), "--data", data, "--root", str(root), "--threads", "1", *words, *more])


def read(path: Path) -> dict[str, object]:
    found = json.loads(path.read_text())
    assert isinstance(found, dict)
    return found


def errors(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]


def test_tusimple_figures_are_those_of_the_frames(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, out = painted_datasets.write_tusimple(tmp_path / "data"), tmp_path / "out.json"
    assert evaluated(model, "tusimple", root, "--json", str(out)) == 0
    figures = json.loads(out.read_text())
    assert list(figures) == ["accuracy", "fp", "fn", "frames", "latency_ms"]
    # Of 4 lanes frame 1 misses one and finds a false one, frame 2 misses one; frame 3 has none: the rule counts it so.
    assert (figures["fp"], figures["fn"], figures["frames"]) == (0.25 / 4, (0.25 + 0.25 + 1.0) / 4, 4)
    assert figures["latency_ms"] > 0
    assert f"{figures['accuracy']:.4f}" in capsys.readouterr().out


def test_saved_tusimple_predictions_score_as_the_run_did(model: Path, tmp_path: Path) -> None:
    root, out, save = painted_datasets.write_tusimple(tmp_path / "data"), tmp_path / "out.json", tmp_path / "pred.json"
    assert evaluated(model, "tusimple", root, "--json", str(out), "--save", str(save)) == 0
    figures = read(out)
    pred = [
        tusimple.Entry(entry.raw_file, entry.lanes, entry.rows)  # without the run time, which a busy machine decides
        for entry in tusimple.read(save, rows_required=True)
    ]
    again = score_entries(pred, tusimple.read(root / "test_label.json"))
    assert again == {name: figures[name] for name in again}
    assert all(entry.rows is not None and entry.rows.tolist() == painted_datasets.TUSIMPLE_ROWS for entry in pred)


@pytest.mark.parametrize("lanes", ["all", "ego"])
@pytest.mark.parametrize("names", ["test.txt", "test_split"])
def test_saved_culane_predictions_score_as_the_run_did(model: Path, tmp_path: Path, lanes: str, names: str) -> None:
    root, save = painted_datasets.write_culane(tmp_path / "data"), tmp_path / "pred"
    ours, theirs = tmp_path / "ours.json", tmp_path / "theirs.json"
    listed = root / "list" / names
    rule = ["--iou", "0.5:0.9:0.1", "--lanes", lanes, "--list", str(listed)]
    assert evaluated(model, "culane", root, *rule, "--json", str(ours), "--save", str(save)) == 0
    assert main(["score", "culane", "--gold", str(root), "--pred", str(save), *rule, "--json", str(theirs)]) == 0
    figures, scored = read(ours), read(theirs)
    assert float(str(figures.pop("latency_ms"))) > 0
    assert list(figures.items()) == list(scored.items())
    right = {"tp": 10, "fp": 5, "fn": 2} if lanes == "all" else {"tp": 5, "fp": 3, "fn": 1}
    assert right.items() <= json.loads(ours.read_text())["iou_0.5"].items()
    assert ("categories" in figures) == (names == "test_split")


def test_culane_frames_of_another_size_score_with_the_same_option(model: Path, tmp_path: Path) -> None:
    root, save = painted_datasets.write_culane(tmp_path / "data", (640, 360)), tmp_path / "pred"
    ours, theirs = tmp_path / "ours.json", tmp_path / "theirs.json"
    rule = ["--iou", "0.7:0.9:0.05"]
    assert evaluated(model, "culane", root, *rule, "--json", str(ours), "--save", str(save)) == 0
    paths = ["--gold", str(root), "--pred", str(save), "--list", str(root / "list/test.txt"), "--json", str(theirs)]
    assert main(["score", "culane", *paths, *rule, "--size", "640", "360", "--width", "12"]) == 0
    figures = read(ours)
    assert read(theirs) == {name: figures[name] for name in figures if name not in ("latency_ms", "categories")}


def test_the_test_split_of_culane_has_its_categories(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, out = painted_datasets.write_culane(tmp_path / "data"), tmp_path / "out.json"
    assert evaluated(model, "culane", root, "--json", str(out)) == 0
    categories = json.loads(out.read_text())["categories"]
    assert list(categories) == ["normal", "crowd", "cross"]
    assert [categories[name]["iou_0.5"]["tp"] for name in ("normal", "crowd")] == [7, 3]
    assert categories["cross"] == {"iou_0.5": {"fp": 4}}
    assert "cross" in capsys.readouterr().out
    assert evaluated(model, "culane", root, "--split", "crowd", "--json", str(out)) == 0
    assert "categories" not in read(out)


def test_native_lines_are_scaled_with_the_frame_and_saved_lanes_count_the_same(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, out, save = painted_datasets.write_native(tmp_path / "data"), tmp_path / "out.json", tmp_path / "pred.jsonl"
    rule = ["--iou", "0.5", "0.8"]
    assert evaluated(model, "native", root, *rule, "--json", str(out), "--save", str(save)) == 0
    assert "lines 12 px wide in frames of 640x360" in capsys.readouterr().out
    figures = read(out)
    assert list(figures) == ["iou_0.5", "iou_0.8", "mf1", "frames", "latency_ms"]
    metric = CULaneF1((0.5, 0.8), line_px=12)
    header, records = native.read(save)
    for pred, gold in zip(records, native.read(root / "lanes.jsonl")[1], strict=True):
        assert pred.name == gold.name
        metric.update(pred.scene, gold.scene)
    assert metric.compute() == {name: figures[name] for name in ("iou_0.5", "iou_0.8", "mf1")}
    assert header.model == "markers"
    assert evaluated(model, "native", root, "--width", "2", *rule, "--json", str(out)) == 0
    assert "px wide" not in capsys.readouterr().out
    assert read(out)["iou_0.8"] != figures["iou_0.8"]


def test_saved_bdd100k_masks_score_as_the_run_did(model: Path, tmp_path: Path) -> None:
    root, save = painted_datasets.write_bdd100k_masks(tmp_path / "data"), tmp_path / "pred"
    ours, theirs = tmp_path / "ours.json", tmp_path / "theirs.json"
    assert evaluated(model, "bdd100k", root, "--width", "8", "--json", str(ours), "--save", str(save)) == 0
    paths = ["--gold", str(root / "val_label"), "--pred", str(save), "--json", str(theirs)]
    assert main(["score", "bdd100k", *paths, "--width", "8"]) == 0
    figures = json.loads(ours.read_text())
    del figures["latency_ms"]
    assert figures == read(theirs)
    assert 0.5 < figures["accuracy"] < 0.75  # all of frame 0, three quarters of two frames, nothing of the last


def test_the_drivable_area_of_bdd100k_labels_is_no_lane(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, out = painted_datasets.write_bdd100k_labels(tmp_path / "data"), tmp_path / "out.json"
    assert evaluated(model, "bdd100k", root, "--json", str(out)) == 0
    figures = json.loads(out.read_text())
    assert 0.5 < figures["accuracy"] < 0.75
    assert figures["pooled"]["recall"] > 0.5
    assert "centre lines" in capsys.readouterr().out


@pytest.mark.parametrize("data", WRITERS)
def test_the_worst_frames_are_drawn(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], data: str) -> None:
    root, sheet = WRITERS[data](tmp_path / "data"), tmp_path / "worst.png"
    assert evaluated(model, data, root, "--worst", "3", "--sheet", str(sheet)) == 0
    assert f"worst frames: {sheet}" in capsys.readouterr().out
    drawn = read_image(sheet).astype(int)
    tolerance = 12 if data != "bdd100k" else 110  # classes are tinted, lines are not
    for color in (TRUE, FALSE):
        assert (np.abs(drawn - color) < tolerance).all(axis=2).sum() > 300


def test_the_limit_counts_from_the_first_frame(model: Path, tmp_path: Path) -> None:
    root, save = painted_datasets.write_tusimple(tmp_path / "data"), tmp_path / "pred.json"
    assert evaluated(model, "tusimple", root, "--limit", "2", "--save", str(save)) == 0
    assert [entry.raw_file for entry in tusimple.read(save)] == ["clips/0/20.png", "clips/1/20.png"]


@pytest.mark.parametrize(
    ("data", "faults"),
    [
        ("tusimple", ("clips/1/20.png", "clips/2/20.png")),
        ("culane", ("driver_1/a.MP4/00001.lines.txt", "driver_1/a.MP4/00002.png")),
        ("native", ("1.png", "2.png")),
        ("bdd100k", ("val_label/final_val/1.png", "val_img/val/2.png")),
    ],
)
def test_unreadable_frames_are_named_and_the_rest_goes_on(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], data: str, faults: tuple[str, str]
) -> None:
    missing, damaged = faults
    root, out = WRITERS[data](tmp_path / "data"), tmp_path / "out.json"
    (root / missing).unlink()
    (root / damaged).write_bytes(b"no picture")
    assert evaluated(model, data, root, "--json", str(out)) == 1
    assert read(out)["frames"] == 2
    told = errors(capsys)
    assert len(told) == 3
    assert missing in told[0]
    assert damaged in told[1]
    assert "2 of 4 frames could not be read" in told[2]


def test_without_any_readable_frame_there_are_no_figures(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, out = painted_datasets.write_native(tmp_path / "data"), tmp_path / "out.json"
    for index in range(painted_datasets.FRAMES):
        (root / f"{index}.png").unlink()
    assert evaluated(model, "native", root, "--json", str(out), "--worst", "2", "--save", str(tmp_path / "p")) == 1
    assert "4 of 4 frames could not be read" in errors(capsys)[-1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]


@pytest.mark.parametrize(
    ("data", "save"),
    [("tusimple", "test_label.json"), ("native", "lanes.jsonl"), ("culane", "."), ("bdd100k", "val_label/final_val")],
)
def test_predictions_never_replace_labels(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], data: str, save: str
) -> None:
    root = WRITERS[data](tmp_path / "data")
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    assert evaluated(model, data, root, "--save", str(root / save)) == 1
    assert "cannot write" in errors(capsys)[0]
    assert before == {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("tusimpel", "unknown data set 'tusimpel': did you mean 'tusimple'?"),
        ("tusimple --root nowhere", "nowhere: expected the TuSimple folder"),
        ("tusimple --list nowhere.json", "cannot read nowhere.json"),
        ("tusimple --split tets", "unknown TuSimple split 'tets': did you mean 'test'?"),
        ("culane --split nihgt", "unknown CULane split 'nihgt': did you mean 'night'?"),
        ("bdd100k --split vall", "unknown BDD100K split 'vall': did you mean 'val'?"),
        ("native --split vla", "unknown split 'vla': did you mean 'val'?"),
        ("native --split test", "known: all, val"),
        ("culane --iou 1.5", "thresholds from 0 to below 1"),
        ("culane --iou half", "expected a number or start:stop:step"),
        ("native --width 1 --split all", "2 to 32767 px"),
        ("tusimple --json nowhere/out.json", "cannot write nowhere/out.json"),
        ("tusimple --save nowhere/pred.json", "cannot write nowhere/pred.json"),
        ("culane --save nowhere/pred", "cannot write nowhere/pred"),
        ("culane --worst 1 --sheet nowhere/w.png", "cannot write nowhere/w.png"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_one(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: str, message: str
) -> None:
    data, *more = words.split()
    root = WRITERS.get(data, painted_datasets.write_tusimple)(tmp_path / "data")
    assert main(["eval", str(model), "--data", data, "--root", str(root), *more]) == 1
    told = errors(capsys)
    assert len(told) == 1
    assert message in told[0]


@pytest.mark.parametrize(
    ("data", "more"),
    [
        ("tusimple", ("--limit", "0")),
        ("tusimple", ("--iou", "0.5")),
        ("bdd100k", ("--lanes", "ego")),
        ("tusimple", ("--width", "8")),
        ("culane", ("--sheet", "worst.png")),
    ],
)
def test_options_that_do_not_fit_are_wrong_usage(model: Path, tmp_path: Path, data: str, more: tuple[str, ...]) -> None:
    assert main(["eval", str(model), "--data", data, "--root", str(tmp_path), *more]) == 2


def test_real_culane_labels_score_as_their_saved_predictions(shared: Path, tmp_path: Path) -> None:
    root, save = shared / "data" / "culane_clip", tmp_path / "pred"
    few = tmp_path / "few.txt"
    few.write_text("".join((root / "list/labelled.txt").read_text().splitlines(keepends=True)[:8]))
    ours, theirs = tmp_path / "ours.json", tmp_path / "theirs.json"
    rule = ["--list", str(few), "--lanes", "ego", "--iou", "0.3", "0.5"]
    words = ["--data", "culane", "--root", str(root), "--json", str(ours), "--save", str(save), *rule]
    assert main(["eval", "default", *words]) == 0
    assert main(["score", "culane", "--gold", str(root), "--pred", str(save), "--json", str(theirs), *rule]) == 0
    figures = json.loads(ours.read_text())
    del figures["latency_ms"]
    assert figures == read(theirs)
    assert figures["iou_0.3"]["tp"] + figures["iou_0.3"]["fn"] == 16
    assert figures["iou_0.3"]["tp"] >= 8
