from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from lanelight.cli import main
from lanelight.datasets import Native
from lanelight.formats import cvat
from lanelight.frames import write_image
from lanelight.geometry import Lane, Scene

SIZE = (64, 48)
AREA = '<polygon label="road" points="10.5,47.5;50.5,47.5;50.5,20.5;10.5,20.5" z_order="0"/>'


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a folder with three pictures and a label file: a lane that counts from 1, an area, and nothing."""
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        write_image(folder / name, np.full((48, 64, 3), 90, np.uint8))
    lane = Lane(np.array([[10.0, 47.0], [28.0, 20.0]]), slot=2)
    cvat.write(folder / "labels.xml", [("a.jpg", Scene(SIZE, [lane])), ("b.jpg", Scene(SIZE)), ("c.jpg", Scene(SIZE))])
    text = (folder / "labels.xml").read_text()
    (folder / "labels.xml").write_text(
        text.replace('"b.jpg" width="64" height="48">', f'"b.jpg" width="64" height="48">{AREA}')
    )
    return folder


def data(*words: object) -> int:
    return main(["data", "import", *map(str, words)])


def test_labels_become_a_data_set_and_a_table_tells_what_became_of_them(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert data(source, "--out", tmp_path / "out", "--first-slot", 1, "--json", tmp_path / "report.json") == 0
    told = capsys.readouterr()
    assert told.err == ""
    assert "3 frames with 1 lanes as native (train)" in told.out
    assert "nothing (passed over)" in told.out
    assert "--outlines LABEL" in told.out
    assert "1 pictures on which nothing is drawn" in told.out
    [lane] = Native(tmp_path / "out")[0][2].lanes
    assert lane.slot == 1
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["frames"], report["empty"], report["failed"]) == (3, 1, [])
    assert {"kind": "area", "label": "road", "becomes": None, "count": 1} in report["labels"]


def test_areas_become_classes_or_lanes_and_empty_pictures_are_left_out(source: Path, tmp_path: Path) -> None:
    assert data(source, "--out", tmp_path / "one", "--classes", "road=1", "--skip-empty", "--format", "cvat") == 0
    one = Native(tmp_path / "one")
    assert (len(one), one.class_names) == (2, ("background", "road"))
    assert data(source / "labels.xml", "--out", tmp_path / "two", "--outlines", "road", "--lanes", "lane") == 0
    assert [len(Native(tmp_path / "two")[index][2].lanes) for index in range(3)] == [1, 1, 0]


def test_what_cannot_be_taken_is_named_and_the_exit_code_is_1(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (source / "bad.xml").write_text("<annotations>")
    (source / "c.jpg").unlink()
    assert data(source, "--out", tmp_path / "out") == 1
    told = capsys.readouterr()
    assert "bad.xml: expected the XML of CVAT" in told.err
    assert "c.jpg" in told.err
    assert "2 label files or pictures could not be taken" in told.err
    assert "2 frames with 1 lanes" in told.out


@pytest.mark.parametrize(
    "words", [("--classes", "road"), ("--classes", "road=300"), ("--first-slot", "2"), ("--format", "voc")]
)
def test_wrong_options_are_wrong_usage(source: Path, tmp_path: Path, words: tuple[str, str]) -> None:
    assert data(source, "--out", tmp_path / "out", *words) == 2


def test_a_wrong_source_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert data(tmp_path / "missing", "--out", tmp_path / "out") == 1
    assert capsys.readouterr().err.startswith("error: ")
    assert not (tmp_path / "out").exists()
