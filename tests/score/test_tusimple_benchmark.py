from __future__ import annotations

import json
import lzma
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import fakes
import pytest

from lanelight.errors import FormatError
from lanelight.score.tusimple import score

Line = dict[str, Any]


@pytest.fixture
def gold(tmp_path: Path) -> Path:
    return fakes.tusimple(tmp_path, frames=3)


def predictions(gold: Path, change: Callable[[list[Line]], object] = len) -> Path:
    """Write a copy of the labels with a run time, changed line by line or as a whole."""
    lines = [{**json.loads(text), "run_time": 10} for text in gold.read_text().splitlines()]
    change(lines)
    return written(gold.parent / "pred.json", lines)


def written(path: Path, lines: list[Line]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_a_copy_of_the_labels_scores_one_without_warnings(gold: Path) -> None:
    done: list[tuple[int, ...]] = []
    result = score(gold, predictions(gold), watch=lambda *counts: done.append(counts))
    assert result.figures == {"accuracy": 1.0, "fp": 0.0, "fn": 0.0, "frames": 3}
    assert list(result.warnings) == []
    assert list(result.names) == [f"clips/0000/{index}/20.jpg" for index in range(3)]
    assert done == [(3, 3)]


def test_the_worst_frames_come_first_with_their_figures_scenes_and_pictures(gold: Path, tmp_path: Path) -> None:
    def change(lines: list[Line]) -> None:
        lines[1]["lanes"] = []
        lines[2]["lanes"] = lines[2]["lanes"][:1]
        del lines[2]["h_samples"]

    result = score(gold, predictions(gold, change))
    assert result.worst(2) == [1, 2]
    assert result.frame(1) == {"accuracy": 0.0, "fp": 0.0, "fn": 1.0}
    pred, true = result.scenes(2)
    assert pred.size == true.size == (1280, 720)
    assert (len(pred.lanes), len(true.lanes)) == (1, 4)
    assert pred.lanes[0].points.tolist() == true.lanes[0].points.tolist()
    assert result.picture(2, tmp_path) == tmp_path / "clips/0000/2/20.jpg"
    assert result.picture(2, tmp_path / "elsewhere") is None


def test_no_picture_is_taken_that_leads_out_of_the_images(gold: Path, tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "20.jpg").write_bytes(b"")
    lines = [{**json.loads(text), "raw_file": "../20.jpg", "run_time": 10} for text in gold.read_text().splitlines()]
    result = score(written(gold, lines[:1]), written(tmp_path / "pred.json", lines[:1]))
    with pytest.raises(FormatError, match=r"pred\.json line 1: expected a name below the root"):
        result.picture(0, tmp_path / "images")


def test_frames_lost_by_the_benchmarks_rules_are_told(gold: Path) -> None:
    def change(lines: list[Line]) -> None:
        lines[0]["run_time"] = 200
        lines[1]["run_time"] = 200.5
        lines[2]["lanes"] *= 2

    result = score(gold, predictions(gold, change))
    assert result.figures["fn"] == pytest.approx(2 / 3)
    slow, many = result.warnings
    assert slow.startswith("1 of 3 frames count as wholly missed because their run_time is over 200 ms")
    assert "clips/0000/1/20.jpg" in slow
    assert "pred.json line 2" in slow
    assert many.startswith("1 of 3 frames count as wholly missed because they have over 2 lanes more than their label")
    assert "pred.json line 3" in many


def test_a_frame_predicted_twice_counts_twice_with_a_warning(gold: Path) -> None:
    def change(lines: list[Line]) -> None:
        lines[2] = {**lines[0], "lanes": []}

    result = score(gold, predictions(gold, change))
    assert result.figures == {"accuracy": 2 / 3, "fp": 0.0, "fn": 1 / 3, "frames": 3}
    [warning] = result.warnings
    assert "pred.json: 1 frames have several lines, the first is clips/0000/0/20.jpg" in warning


def test_of_a_frame_labelled_twice_the_last_label_counts_and_the_divisor_is_one_less(gold: Path) -> None:
    lines = [json.loads(text) for text in gold.read_text().splitlines()]
    pred = predictions(gold, lambda own: own.__setitem__(2, own[0]))
    written(gold, [{**lines[0], "lanes": [[-2] * 48]}, lines[1], lines[0]])
    result = score(gold, pred)
    assert result.figures == {"accuracy": 1.5, "fp": 0.0, "fn": 0.0, "frames": 2}
    assert [warning.split(":")[0] for warning in result.warnings] == [str(pred), str(gold)]


def test_only_the_ego_pair_is_compared_when_asked(gold: Path) -> None:
    def outer_lane_wrong(lines: list[Line]) -> None:
        for line in lines:
            line["lanes"] = [[5.0] * 48, *line["lanes"][1:3]]  # fakes: lanes to x = 200, 640 and 1080 at the bottom

    pred = predictions(gold, outer_lane_wrong)
    assert score(gold, pred).figures["fn"] > 0
    frames = score(gold, pred, lanes="ego")
    assert [lane.points[0].tolist() for lane in frames.scenes(0)[1].lanes] == [[200, 710], [640, 710]]
    assert [lane.points[0].tolist() for lane in frames.scenes(0)[0].lanes] == [[5, 710], [640, 710]]

    def without_outer_lane(lines: list[Line]) -> None:
        for line in lines:
            line["lanes"] = line["lanes"][:2]

    whole = predictions(gold, without_outer_lane)
    assert score(gold, whole).figures["fn"] == 0.5
    assert score(gold, whole, lanes="ego").figures == {"accuracy": 1.0, "fp": 0.0, "fn": 0.0, "frames": 3}


def shorter_lane(lines: list[Line]) -> None:
    lines[1]["lanes"][2].pop()


def shorter_lanes_without_rows(lines: list[Line]) -> None:
    del lines[1]["h_samples"]
    lines[1]["lanes"] = [lane[1:] for lane in lines[1]["lanes"]]


def other_rows(lines: list[Line]) -> None:
    lines[1]["h_samples"] = [y + 5 for y in lines[1]["h_samples"]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: lines.pop(), r"pred\.json: expected one prediction for each of 3 .* got 2; .* clips/0000/2/20"),
        (lambda lines: lines.append(lines[0]), r"pred\.json: expected one prediction for each of 3 .* got 4$"),
        (lambda lines: lines[1].update(raw_file="b.jpg"), r"pred\.json line 2 \(b\.jpg\): .* no such frame"),
        (lambda lines: lines[1].pop("run_time"), r"pred\.json line 2: .* run_time is missing"),
        (lambda lines: lines[1].pop("lanes"), r"pred\.json line 2: .* lanes is missing"),
        (lambda lines: lines[1].pop("raw_file"), r"pred\.json line 2: .* raw_file is missing"),
        (shorter_lane, r"pred\.json line 2: expected 48 values in every lane.* lane 3 has 47"),
        (shorter_lanes_without_rows, r"pred\.json line 2 .* expected 48 values .* lane 1 has 47"),
        (other_rows, r"pred\.json line 2 .* h_samples of the label \(48 rows, 240 to 710\), found 48 rows, 245 to 715"),
    ],
)
def test_what_the_benchmark_refuses_is_named_by_file_and_line(
    gold: Path, change: Callable[[list[Line]], object], message: str
) -> None:
    with pytest.raises(FormatError, match=message):
        score(gold, predictions(gold, change))


def test_damaged_files_are_named_by_line(gold: Path, tmp_path: Path) -> None:
    pred = predictions(gold)
    pred.write_text(pred.read_text() + "{")
    with pytest.raises(FormatError, match=r"pred\.json line 4: expected one JSON object"):
        score(gold, pred)
    with pytest.raises(FormatError, match=r"cannot read .*nothing\.json"):
        score(tmp_path / "nothing.json", predictions(gold))
    with pytest.raises(FormatError, match=r"pred\.json line 1: .* run_time is missing"):
        score(gold, written(pred, [json.loads(gold.read_text().splitlines()[0])]))
    label = written(tmp_path / "bad.json", [{"raw_file": "a", "lanes": [[1]], "h_samples": [1, 2]}])
    with pytest.raises(FormatError, match=r"bad\.json line 1: expected 2 values in every lane"):
        score(label, predictions(gold))


@pytest.fixture(scope="module")
def golden(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, dict[str, Any]]:
    folder, goldens = tmp_path_factory.mktemp("golden"), shared / "goldens" / "metrics"
    for side in ("gt", "pred"):
        (folder / side).write_bytes(lzma.decompress((goldens / f"tusimple_{side}.json.xz").read_bytes()))
    expected = json.loads(lzma.decompress((goldens / "tusimple_expected.json.xz").read_bytes()))
    return folder / "gt", folder / "pred", expected


def test_golden_files_score_as_the_benchmarks_script(golden: tuple[Path, Path, dict[str, Any]]) -> None:
    gold, pred, expected = golden
    result = score(gold, pred)
    for index, (name, kind, *wanted) in enumerate(expected["per_image"]):
        assert result.names[index] == name
        assert list(result.frame(index).values()) == wanted, f"{name} ({kind})"
    totals = expected["official_totals"]
    wanted = {"accuracy": totals["Accuracy"], "fp": totals["FP"], "fn": totals["FN"], "frames": len(result.names)}
    assert result.figures == pytest.approx(wanted, rel=0, abs=1e-12)


def test_no_order_of_lines_changes_a_bit(golden: tuple[Path, Path, dict[str, Any]], tmp_path: Path) -> None:
    gold, pred, _ = golden
    wanted, random = score(gold, pred).figures, Random(0)
    for file in (gold, pred):
        lines = file.read_text().splitlines(keepends=True)
        (tmp_path / file.name).write_text("".join(random.sample(lines, len(lines))))
    assert score(tmp_path / "gt", tmp_path / "pred").figures == wanted


def test_the_benchmarks_own_baseline_scores_to_ten_digits_and_fast(shared: Path) -> None:
    folder = shared / "data" / "tusimple_eval"
    start = time.process_time()
    result = score(folder / "test_label.json", folder / "pred_official_baseline.json")
    spent_ms = (time.process_time() - start) * 1000 / len(result.names)
    figures = {name: f"{value:.10f}" for name, value in result.figures.items() if name != "frames"}
    assert figures == {"accuracy": "0.6534776069", "fp": "0.6965312725", "fn": "0.6477054877"}
    assert result.figures["frames"] == 2782
    assert list(result.warnings) == []
    assert spent_ms < 0.5  # 0.07 on an idle machine: far above, so that only another kind of algorithm fails
