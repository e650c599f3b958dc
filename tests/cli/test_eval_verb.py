from __future__ import annotations

import json
from pathlib import Path

import fake_network
import numpy as np
import pytest

from lanelight.cli import main
from lanelight.formats import tusimple
from lanelight.frames import write_image
from lanelight.geometry import Lane, Scene
from lanelight.metrics.tusimple import score_entries

SIZE = (640, 360)
ROWS = list(range(180, 360, 10))


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fake_network.write_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Write four frames of painted lines and the labels that say where they are."""
    lines = []
    for index in range(4):
        shift_px = 5.0 * index
        raw_file = f"clips/{index}/20.png"
        (tmp_path / raw_file).parent.mkdir(parents=True)
        write_image(tmp_path / raw_file, fake_network.painted(SIZE, shift_px=shift_px))
        lanes = tuple(Lane(line) for line in fake_network.marker_lines(SIZE, shift_px).values())
        lines.append(tusimple.to_entry(Scene(SIZE, lanes), raw_file, ROWS, 0.0))
    tusimple.write(tmp_path / "label.json", lines)
    return tmp_path


def words(model: Path, root: Path, *more: str) -> list[str]:
    return ["eval", str(model), "--data", "tusimple", "--root", str(root), "--list", str(root / "label.json"), *more]


def test_a_network_that_finds_every_line_scores_one(
    model: Path, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words(model, root, "--json", str(root / "out.json"), "--threads", "1")) == 0
    figures = json.loads((root / "out.json").read_text())
    assert list(figures) == ["accuracy", "fp", "fn", "latency_ms", "frames"]
    assert figures["accuracy"] > 0.95
    assert (figures["fp"], figures["fn"], figures["frames"]) == (0.0, 0.0, 4)
    assert figures["latency_ms"] > 0
    assert f"{figures['accuracy']:.4f}" in capsys.readouterr().out


def test_saved_predictions_score_as_the_run_did(model: Path, root: Path) -> None:
    assert main(words(model, root, "--json", str(root / "out.json"), "--save", str(root / "pred.json"))) == 0
    figures = json.loads((root / "out.json").read_text())
    pred = [
        tusimple.Entry(entry.raw_file, entry.lanes, entry.rows)  # without the run time, which a busy machine decides
        for entry in tusimple.read(root / "pred.json", rows_required=True)
    ]
    again = score_entries(pred, tusimple.read(root / "label.json"))
    assert again == {name: figures[name] for name in again}
    assert all(entry.rows is not None and np.array_equal(entry.rows, ROWS) for entry in pred)


def test_the_limit_counts_from_the_first_frame(model: Path, root: Path) -> None:
    assert main(words(model, root, "--limit", "2", "--save", str(root / "pred.json"))) == 0
    assert [entry.raw_file for entry in tusimple.read(root / "pred.json")] == ["clips/0/20.png", "clips/1/20.png"]


def test_unreadable_frames_are_named_and_the_rest_goes_on(
    model: Path, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "clips/1/20.png").unlink()
    (root / "clips/2/20.png").write_bytes(b"no picture")
    assert main(words(model, root, "--json", str(root / "out.json"))) == 1
    assert json.loads((root / "out.json").read_text())["frames"] == 2
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 3
    assert "clips/1/20.png" in errors[0]
    assert "clips/2/20.png" in errors[1]
    assert "2 of 4 frames could not be read" in errors[2]


def test_a_split_names_the_list_in_the_root(model: Path, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "label.json").rename(root / "test_label.json")
    start = ["eval", str(model), "--data", "tusimple", "--root", str(root)]
    assert main(start) == 0
    assert main([*start, "--split", "tets"]) == 1
    assert "unknown split 'tets': did you mean 'test'?" in capsys.readouterr().err


def test_a_limit_without_frames_is_wrong_usage(model: Path, root: Path) -> None:
    assert main(words(model, root, "--limit", "0")) == 2


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--data", "tusimpel"], "unknown data set 'tusimpel': did you mean 'tusimple'?"),
        (["--root", "nowhere"], "nowhere: expected the TuSimple folder"),
        (["--list", "nowhere.json"], "cannot read nowhere.json"),
        (["--json", "nowhere/out.json"], "cannot write nowhere/out.json"),
        (["--save", "nowhere/pred.json"], "cannot write nowhere/pred.json"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_one(
    model: Path, root: Path, capsys: pytest.CaptureFixture[str], more: list[str], message: str
) -> None:
    assert main(words(model, root, *more)) == 1
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert message in errors[0]
