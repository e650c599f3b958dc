from __future__ import annotations

import json
from pathlib import Path

import class_network
import numpy as np
import pytest

from lanelight.cli import main
from lanelight.frames import read_image, read_map


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return class_network.write_model(tmp_path_factory.mktemp("model"), class_network.CAMVID_NAMES)


def predict(model: Path, *words: str | Path) -> int:
    return main(["predict", "--model", str(model), "--threads", "1", *map(str, words)])


def test_pictures_become_maps_overlays_and_triptychs(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, out, report = class_network.write_camvid(tmp_path / "data"), tmp_path / "out", tmp_path / "report.json"
    words = ("--save", "frames,classes,triptych,sheet", "--gold", root / "labels", "--out", out, "--json", report)
    assert predict(model, root / "images", *words) == 0
    told = capsys.readouterr()
    assert "images: 3 frames, 11 classes, " in told.out
    assert told.err == ""
    (source,) = json.loads(report.read_text())["sources"]
    assert source["classes"] == 11
    assert list(source["outputs"]) == ["lanes", "frames", "classes", "triptych", "sheet"]
    for index in range(3):
        true, shown = class_network.camvid_ids(index)
        assert np.array_equal(read_map(out / f"classes/drive_{index}.png"), shown)
        assert read_image(out / f"triptych/drive_{index}.jpg").shape[1] > 3 * true.shape[1]
    overlay = read_image(out / "frames/drive_0.png").astype(int)
    assert overlay[100, 200] == pytest.approx((128, 64, 128), abs=3)  # painted in its colour, tinted with it


def test_mistakes_are_one_line(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images = class_network.write_camvid(tmp_path / "data") / "images"
    for more, message in (
        (["--save", "tusimple"], "--save tusimple: expected a network that finds lanes"),
        (["--gold", str(images)], "--gold: expected --save triptych"),
        (["--save", "triptych", "--gold", str(tmp_path / "no")], "expected a folder"),
        (["--score", "0.5"], "expected a network that finds single lanes"),
    ):
        out = tmp_path / "out"
        assert predict(model, images, "--out", out, *more) == 1
        told = capsys.readouterr().err
        assert (told.startswith("error: "), told.count("\n")) == (True, 1)
        assert message in told
        assert not out.exists()
