"""`lanelight export --format` and `--dynamic-size` from words to files that the other verbs use."""

from __future__ import annotations

import json
from pathlib import Path

import fake_network
import pytest
import torch

from lanelight.cli import main
from lanelight.errors import ModelError
from lanelight.export import export_openvino
from lanelight.formats.text import read_text
from lanelight.frames import write_image
from lanelight.geometry import ViewportPolicy
from lanelight.models import checkpoints
from lanelight.models.fast_scnn import fast_scnn
from lanelight.runtime import Detector, Manifest


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return converted weights of a class network."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "city.safetensors"
    facts = {"viewport": json.dumps(ViewportPolicy((128, 64)).to_dict())}
    checkpoints.save(fast_scnn((128, 64)), path, network="fast_scnn", facts=facts)
    return path


@pytest.mark.slow
def test_a_file_of_openvino_for_many_sizes_is_a_model_like_any_other(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, report = tmp_path / "out" / "city.xml", tmp_path / "report.json"
    assert main(["export", str(weights), "--dynamic-size", "--out", str(out), "--json", str(report)]) == 0
    told = capsys.readouterr().out
    assert sorted(path.name for path in out.parent.iterdir()) == ["city.bin", "city.json", "city.xml"]
    assert f"wrote {out}, {out.with_suffix('.bin')} and {out.with_suffix('.json')}" in told
    assert "openvino, 128x64: classes differ" in told
    assert "openvino, 96x64: classes differ" in told
    assert [each["size"] for each in json.loads(report.read_text())["parity"]] == [[128, 64], [96, 64]]
    assert Manifest.load(out).backend == "openvino"
    assert json.loads(read_text(out.with_suffix(".json")))["sizes"] == {"multiple": 1, "least": 64}

    write_image(tmp_path / "road.png", fake_network.painted((320, 192)))
    words = ["predict", f"{tmp_path}/road.png", "--model", str(out), "--save", "classes", "--out", f"{tmp_path}/seen"]
    assert main([*words, "--size", "200x100"]) == 0
    assert "city, openvino, " in capsys.readouterr().out
    assert main([*words, "--size", "200x10"]) == 1
    assert "model 'city': expected a size of at least 64x64, got 200x10" in capsys.readouterr().err
    shown = ["--source", str(tmp_path / "road.png"), "--rounds", "1", "--threads", "1"]
    assert main(["bench", str(out), *shown]) == 0
    assert ["city.xml", "openvino", "float32", "128x64"] in [
        line.split()[:4] for line in capsys.readouterr().out.splitlines()
    ]
    with pytest.raises(ModelError, match="use --backend openvino for OpenVINO IR"):
        Detector.load(out, backend="onnxruntime")


def test_a_name_that_the_other_format_has_is_refused(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = fake_network.write_model(tmp_path)
    assert main(["export", str(weights), "--out", str(tmp_path / "markers.xml")]) == 1
    assert "got that of markers.onnx beside it, which would lose its manifest markers.json" in capsys.readouterr().err
    with pytest.raises(ModelError, match="expected a name of its own"):
        export_openvino(model, tmp_path / "markers.xml")
    assert Manifest.load(model).name == "markers"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--format", "openvino", "--out", "a/lanes.onnx"],
         "expected a name that ends in .xml for the format openvino, got lanes.onnx; name it lanes.xml, or leave"),
        (["--format", "onnx", "--out", "lanes.xml"], "expected a name that ends in .onnx for the format onnx"),
        (["--out", "lanes.bin"], "got lanes.bin; name it lanes.onnx"),
        (["--out", "lanes.xml", "--backend", "onnxruntime"], "expected --backend openvino, which reads this format"),
        (["--out", "lanes.xml", "--end-to-end"], "--end-to-end: expected no --format openvino with it"),
        (["--out", "lanes.onnx", "--end-to-end", "--dynamic-size"], "expected no --dynamic-size with it"),
    ],
)  # fmt: skip
def test_words_that_disagree_are_named_before_anything_is_done(
    weights: Path, words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(weights), *words]) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert says in told
