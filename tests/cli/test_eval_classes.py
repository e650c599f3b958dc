from __future__ import annotations

import json
from pathlib import Path

import class_network
import fake_network
import pytest

from lanelight.cli import main
from lanelight.frames import read_image


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return class_network.write_model(tmp_path_factory.mktemp("model"))


def evaluated(model: Path, data: str, root: Path, *more: str | Path) -> int:
    return main(["eval", str(model), "--data", data, "--root", str(root), "--threads", "1", *map(str, more)])


def test_cityscapes_figures_are_those_of_score_for_the_saved_maps(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, save = class_network.write_cityscapes(tmp_path / "data"), tmp_path / "pred"
    ours, theirs, sheet = (tmp_path / name for name in ("ours.json", "theirs.json", "worst.png"))
    words = ("--json", ours, "--save", save, "--worst", "2", "--sheet", sheet)
    assert evaluated(model, "cityscapes", root, *words) == 0
    told = capsys.readouterr().out
    gold = ["--gold", str(root / "gtFine"), "--pred", str(save), "--json", str(theirs)]
    assert main(["score", "cityscapes", *gold]) == 0
    scored = capsys.readouterr().out
    figures = json.loads(ours.read_text())
    assert (figures.pop("frames"), figures.pop("latency_ms") > 0) == (3, True)
    assert figures == json.loads(theirs.read_text())
    assert scored in told
    assert "ms a frame from picture to classes" in told
    assert read_image(sheet).shape[1] > 2 * 600


def test_camvid_has_a_table_of_its_classes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = class_network.write_model(tmp_path, class_network.CAMVID_NAMES)
    root, out = class_network.write_camvid(tmp_path / "data"), tmp_path / "out.json"
    assert evaluated(model, "camvid", root, "--json", out) == 0
    figures = json.loads(out.read_text())
    assert list(figures) == ["class_miou", "pixel_accuracy", "per_class", "latency_ms", "frames"]
    told = capsys.readouterr().out
    assert f"{'sky':>16}{1:>10.4f}\n" in told
    assert f"{'pole':>16}{'-':>10}\n" in told
    assert f"{'mean class':>16}{figures['class_miou']:>10.4f}\n" in told


def test_mistakes_are_one_line(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cityscapes = class_network.write_cityscapes(tmp_path / "cityscapes")
    camvid = class_network.write_camvid(tmp_path / "camvid")
    lanes = fake_network.write_model(tmp_path)
    for network, data, root, more, message in (
        (lanes, "cityscapes", cityscapes, [], "expected a network with classes of pixels"),
        (model, "camvid", camvid, [], "sidewalk"),
        (model, "cityscapes", cityscapes, ["--split", "test"], "unknown Cityscapes split 'test'"),
        (model, "cityscapes", cityscapes, ["--save", str(cityscapes / "gtFine")], "cannot write"),
        (model, "cityscapes", camvid, [], "leftImg8bit"),
        (model, "camvid", cityscapes, [], "list.txt"),
    ):
        assert evaluated(network, data, root, *more) == 1
        told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
        assert len(told) == 1
        assert message in told[0]


def test_a_missing_label_is_named_and_ends_with_one(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = class_network.write_cityscapes(tmp_path / "data")
    (root / "gtFine/val/ulm/ulm_000001_000019_gtFine_labelIds.png").unlink()
    assert evaluated(model, "cityscapes", root) == 1
    told = capsys.readouterr().err
    assert "ulm_000001_000019_gtFine_labelIds.png" in told
    assert "1 of 3 frames could not be read" in told
