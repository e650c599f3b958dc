"""`lanelight models`: tables and cards without torch."""

from __future__ import annotations

import json
from pathlib import Path

import fake_network
import pytest

from lanelight.cli import main
from lanelight.cli.models import ARCHITECTURES
from lanelight.runtime import BUNDLED, bundled


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the bundled weights lie in an empty folder."""
    monkeypatch.setattr(bundled, "WEIGHTS", tmp_path)
    return tmp_path


def test_the_table_names_every_network_with_its_facts(weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for entry in set(BUNDLED.values()):
        fake_network.write_model(weights, entry.stem)
    assert main(["models", "--json", str(weights / "table.json")]) == 0
    told = capsys.readouterr().out
    assert all(name in told for name in (*BUNDLED, *ARCHITECTURES))
    assert "MB, onnxruntime, Apache-2.0" in told
    table = json.loads((weights / "table.json").read_text())
    assert [row["name"] for row in table["bundled"]] == list(BUNDLED)
    assert all(row["bytes"] > 100 and "problem" not in row for row in table["bundled"])


def test_a_missing_or_damaged_file_is_told_in_its_row(weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models"]) == 0
    assert "found none; install lanelight again" in capsys.readouterr().out


def test_a_bundled_name_without_its_file_is_an_error(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    video = fake_network.write_video(tmp_path / "a.mp4", 2)
    assert main(["predict", str(video), "--out", str(tmp_path / "out")]) == 1
    assert "expected its weights enet_sad_road.onnx" in capsys.readouterr().err


def test_a_card_is_printed(weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (weights / f"{BUNDLED['default'].stem}.md").write_text("# A card\n\nTrained on roads.\n")
    assert main(["models", "default"]) == 0
    assert capsys.readouterr().out == "# A card\n\nTrained on roads.\n"
    (weights / f"{BUNDLED['default'].stem}.md").unlink()
    assert main(["models", "default"]) == 1
    assert "the card cannot be read" in capsys.readouterr().err


def test_an_architecture_has_a_summary_and_an_unknown_name_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "enet_sad"]) == 0
    assert "self attention distillation" in capsys.readouterr().out
    assert main(["models", "enet_sed"]) == 1
    assert "did you mean 'enet_sad'" in capsys.readouterr().err


def test_weights_that_lie_in_no_layer_are_counted_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "clrkdnet_r18", "--layers"]) == 0
    *_, table, total = capsys.readouterr().out.splitlines()
    assert table.split() == ["table", "Parameter", "576"]
    assert total.split()[-1] == "11,481,203"


def test_the_layers_of_an_architecture_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "enet_sad", "--layers"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.split() == ["all", "EnetSad", "800x288", "1,106,423"]
    assert main(["models", "--layers"]) == 1


def test_the_torch_free_table_names_the_same_networks_as_the_real_one() -> None:
    models = pytest.importorskip("lanelight.models", reason="needs the train extra", exc_type=ImportError)
    assert set(ARCHITECTURES) == set(models.MODELS)
