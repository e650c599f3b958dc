"""`lanelight bench` from words to a table, CSV and JSON, and every kind of wrong input."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import fake_network
import pytest

from lanelight.cli import main
from lanelight.frames import write_image
from lanelight.runtime.openvino import computes_bf16


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a network and two pictures."""
    folder = tmp_path_factory.mktemp("bench")
    fake_network.write_model(folder)
    (folder / "road").mkdir()
    for number in range(2):
        write_image(folder / "road" / f"{number}.png", fake_network.painted((320, 192), shift_px=number))
    return folder


def bench(place: Path, *words: str) -> int:
    shared = ["--source", str(place / "road"), "--frames", "2", "--rounds", "1", "--threads", "1"]
    return main(["bench", str(place / "markers.onnx"), *shared, *words])


def test_both_runtimes_stand_side_by_side_in_table_csv_and_json(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, figures = tmp_path / "speed.csv", tmp_path / "speed.json"
    assert bench(place, "--csv", str(table), "--json", str(figures)) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "2 frames of road, 1 rounds after a warm-up, in turns; 1 threads; ms a frame, medians"
    assert told[1].split()[:5] == ["model", "backend", "precision", "input", "M"]
    assert [line.split()[:4] for line in told[2:4]] == [
        ["markers.onnx", "onnxruntime", "float32", "256x128"],
        ["markers.onnx", "openvino", "float32", "256x128"],
    ]
    assert told[2].split()[-3:] == ["1.00"] * 3
    assert "…" not in "".join(told)
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["backend"] for row in rows] == ["onnxruntime", "openvino"]
    assert all(row[key] for row in rows for key in ("machine", "date", "revision", "network_cpu_ms_p50", "parameters"))
    written = json.loads(figures.read_text())
    assert [row["model"] for row in written["rows"]] == ["markers.onnx"] * 2
    assert written["machine"] == rows[0]["machine"]
    assert written["rows"][1]["network_ms_p50"] == float(rows[1]["network_ms_p50"])


@pytest.mark.skipif(not computes_bf16(), reason="needs a processor with bfloat16")
def test_bf16_stands_beside_float32_with_its_difference(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = tmp_path / "speed.json"
    assert bench(place, "--precision", "float32,bf16", "--json", str(figures)) == 0
    told = capsys.readouterr().out.splitlines()
    assert [line.split()[1:3] for line in told[2:5]] == [
        ["onnxruntime", "float32"],
        ["openvino", "float32"],
        ["openvino", "bf16"],
    ]
    assert told[1].split()[-2:] == ["px", "F1"]
    *exact, low = json.loads(figures.read_text())["rows"]
    assert all(row["f1"] is row["lane_px"] is row["same_lanes"] is None for row in exact)
    assert (low["f1"], low["same_lanes"], low["other_class"]) == (1.0, 2, None)
    assert 0 <= low["mean_px"] <= low["lane_px"] < 1


def test_measuring_an_exported_network_needs_no_torch(place: Path) -> None:
    code = (
        "import sys; sys.modules['torch'] = None; from lanelight.cli import main; "
        f"sys.exit(main(['bench', {str(place / 'markers.onnx')!r}, '--backends', 'onnxruntime', '--rounds', '1', "
        f"'--source', {str(place / 'road')!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=250)
    assert done.returncode == 0
    assert "note: road has 2 frames, 20 were asked for" in done.stdout


def test_an_unknown_backend_is_wrong_usage(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench(place, "--backends", "openvin") == 2
    assert "did you mean 'openvino'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("{place}/none.onnx",), "none.onnx: no such model file"),
        (("{place}/markers.onnx", "--backends", "torch"), "runs in onnxruntime, openvino, got --backends torch"),
        (("{place}/markers.onnx", "--backends", "onnxruntime", "--precision", "bf16"), "has no kernels for it"),
        (("{place}/markers.onnx", "--source", "{place}/none.mp4"), "none.mp4: no such file or folder"),
        (("{place}/markers.onnx", "--source", "{place}/grey"), "got 1 of one colour"),
        (("{place}/run",), "expected a training run, which holds recipe.json"),
        (("{place}/markers.onnx", "--source", "{place}/road", "--csv", "{place}/old.csv"), "expected the columns"),
    ],
)  # fmt: skip
def test_what_cannot_be_measured_says_why_before_anything_runs(
    place: Path, words: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "run").mkdir(exist_ok=True)
    (place / "old.csv").write_text("model,ms\n")
    if not (place / "grey").is_dir():
        (place / "grey").mkdir()
        write_image(place / "grey" / "0.png", fake_network.painted((40, 30), slots=()))
    assert main(["bench", *(word.format(place=place) for word in words)]) == 1
    told = capsys.readouterr()
    assert (told.err.count("\n"), told.out) == (1, "")
    assert says in told.err
