"""Scoring Cityscapes files gives the figures of the official script, or names the files that cannot be scored."""

from __future__ import annotations

import json
import lzma
import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from lanelight.errors import FormatError
from lanelight.score.cityscapes import CityscapesScore, score

TABLES = {
    "per_class": "classScores",
    "per_class_instance": "classInstScores",
    "per_category": "categoryScores",
    "per_category_instance": "categoryInstScores",
}
MEANS = {
    "class_miou": "averageScoreClasses",
    "class_iiou": "averageScoreInstClasses",
    "category_miou": "averageScoreCategories",
    "category_iiou": "averageScoreInstCategories",
}
FRAMES = ("a_0_1", "a_0_2", "b_0_1")


def write(path: Path, values: Any, kind: type = np.uint8) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.asarray(values).astype(kind))


def small_set(root: Path) -> None:
    """Write three frames of road and car; one pixel of the second is wrong."""
    for name in FRAMES:
        city = name[0]
        write(root / f"gold/{city}/{name}_gtFine_labelIds.png", [[7, 26, 26, 0]])
        write(root / f"gold/{city}/{name}_gtFine_instanceIds.png", [[7, 26000, 26000, 0]], np.uint16)
        write(root / f"pred/{city}/{name}_leftImg8bit.png", [[7, 26, 26, 7]])
    write(root / "pred/a/a_0_2_leftImg8bit.png", [[7, 26, 7, 7]])


def score_in(root: Path) -> CityscapesScore:
    return score(root / "gold", root / "pred")


def assert_official(got: dict[str, Any], official: dict[str, Any]) -> None:
    for ours, theirs in TABLES.items():
        with_nan = {name: math.nan if value is None else value for name, value in got[ours].items()}
        assert with_nan == pytest.approx(official[theirs], abs=1e-12, rel=0, nan_ok=True), ours
    for ours, theirs in MEANS.items():
        if theirs in official:
            assert got[ours] == pytest.approx(official[theirs], abs=1e-12, rel=0), ours


def test_every_figure_is_that_of_the_official_script(shared: Path, tmp_path: Path) -> None:
    maps = np.load(shared / "goldens/metrics/cityscapes_maps.npz")
    with lzma.open(shared / "goldens/metrics/cityscapes_expected.json.xz", "rt") as file:
        expected = json.load(file)
    for key in maps.files:
        name, side = key.split("/")
        file_name = {"gt": "gold/{}_gtFine_labelIds.png", "instance": "gold/{}_gtFine_instanceIds.png"}
        write(tmp_path / file_name.get(side, "pred/{}_pred.png").format(name), maps[key], maps[key].dtype.type)
    result = score_in(tmp_path)
    assert [f"{name}_gtFine_labelIds.png" for name in result.names] == expected["all"]["images"]
    assert_official(result.figures, expected["all"]["result"])
    confusion = np.zeros((34, 34), int)
    for index, official in enumerate(expected["per_image"]):
        assert official["image"].startswith(result.names[index])
        assert_official(result.frame(index), official)
        counted = result.counts[index].confusion
        assert counted.tolist() == official["confMatrix"]
        confusion += counted
    assert confusion.tolist() == expected["all"]["result"]["confMatrix"]
    assert list(result.warnings) == []


def test_real_labels_score_one_on_themselves_and_less_when_disturbed(shared: Path, tmp_path: Path) -> None:
    gold = shared / "data/cityscapes_sample/gtFine/train"
    files = sorted(gold.rglob("*_gtFine_labelIds.png"))
    assert len(files) == 4
    for file in files:
        labels = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
        assert labels is not None
        name = file.name.replace("_gtFine_labelIds", "_pred")
        write(tmp_path / "same" / name, labels)
        write(tmp_path / "shifted" / name, np.roll(labels, 12, axis=1))
    same, shifted = score(gold, tmp_path / "same"), score(gold, tmp_path / "shifted")
    for name in (*MEANS, "pixel_accuracy", "pixel_accuracy_with_void"):
        assert same.figures[name] == pytest.approx(1.0, abs=1e-12)
        assert 0.3 < shifted.figures[name] < 0.99
    picture = same.picture(2, shared / "data/cityscapes_sample")
    assert picture is not None
    assert picture.name == f"{same.names[2]}_leftImg8bit.png"


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_the_number_of_threads_changes_nothing(tmp_path: Path, threads: int) -> None:
    small_set(tmp_path)
    done: list[tuple[int, ...]] = []
    result = score(tmp_path / "gold", tmp_path / "pred", threads=threads, watch=lambda *counts: done.append(counts))
    assert result.figures == score_in(tmp_path).figures
    assert done == [(1, 3), (2, 3), (3, 3)]


def test_figures_are_json_without_nan(tmp_path: Path) -> None:
    small_set(tmp_path)
    result = score_in(tmp_path)
    text = json.dumps([result.figures, result.frame(1)], allow_nan=False)
    assert json.loads(text)[0]["per_class"]["bicycle"] is None
    assert result.figures["class_miou"] == pytest.approx((3 / 4 + 5 / 6) / 2)
    assert result.figures["pixel_accuracy"] == 8 / 9
    assert result.figures["pixel_accuracy_with_void"] == 8 / 12


def test_the_worst_frame_comes_first_with_its_scenes(tmp_path: Path) -> None:
    small_set(tmp_path)
    result = score_in(tmp_path)
    assert [result.names[index] for index in result.worst(2)] == ["a_0_2", "a_0_1"]
    pred, gold = result.scenes(1)
    assert pred.classes is not None
    assert gold.classes is not None
    assert pred.classes.tolist() == [[7, 26, 7, 7]]
    assert gold.classes.tolist() == [[7, 26, 26, 0]]


def test_a_frame_without_an_evaluated_pixel_is_not_bad(tmp_path: Path) -> None:
    small_set(tmp_path)
    write(tmp_path / "gold/a/a_0_1_gtFine_labelIds.png", [[0, 0, 0, 0]])
    write(tmp_path / "gold/a/a_0_1_gtFine_instanceIds.png", [[0, 0, 0, 0]], np.uint16)
    assert score_in(tmp_path).badness(0) == (0.0,)


def test_the_picture_of_a_frame_is_no_label_map(tmp_path: Path) -> None:
    small_set(tmp_path)
    write(tmp_path / "gold/a/a_0_1_leftImg8bit.png", [[1]])
    write(tmp_path / "gold/a/a_0_1_again.png", [[1]])
    result = score_in(tmp_path)
    assert result.picture(0, tmp_path / "gold") == tmp_path / "gold/a/a_0_1_leftImg8bit.png"
    assert result.picture(1, tmp_path / "gold") is None
    with pytest.raises(FormatError, match="expected a folder"):
        result.picture(1, tmp_path / "nowhere")


def test_predictions_of_sixteen_bits_are_read(tmp_path: Path) -> None:
    small_set(tmp_path)
    before = score_in(tmp_path).figures
    write(tmp_path / "pred/a/a_0_2_leftImg8bit.png", [[7, 26, 7, 7]], np.uint16)
    assert score_in(tmp_path).figures == before


def test_missing_instance_maps_are_a_warning_only_where_others_are_there(tmp_path: Path) -> None:
    small_set(tmp_path)
    maps = sorted((tmp_path / "gold").rglob("*_instanceIds.png"))
    maps[0].unlink()
    partly = score_in(tmp_path)
    assert partly.figures["class_iiou"] is None
    assert [warning.split(",")[0] for warning in partly.warnings] == [
        "1 of 3 frames have no map of instance ids",
    ]
    for path in maps[1:]:
        path.unlink()
    without = score_in(tmp_path)
    assert without.figures["category_iiou"] is None
    assert list(without.warnings) == []


def test_maps_of_train_ids_are_noticed(tmp_path: Path) -> None:
    small_set(tmp_path)
    for path in (tmp_path / "pred").rglob("*.png"):
        write(path, [[0, 13, 13, 0]])
    (warning,) = score_in(tmp_path).warnings
    assert "no predicted id is above 18" in warning
    assert "labelIds" in warning


def test_sizes_that_differ_name_both_files(tmp_path: Path) -> None:
    small_set(tmp_path)
    write(tmp_path / "pred/a/a_0_1_leftImg8bit.png", [[7, 26]])
    with pytest.raises(FormatError, match=r"a_0_1_leftImg8bit\.png against .*a_0_1_gtFine_labelIds\.png: .*\(1, 2\)"):
        score_in(tmp_path)


@pytest.mark.parametrize("side", ["pred", "gold"])
def test_an_id_out_of_range_names_both_files(tmp_path: Path, side: str) -> None:
    small_set(tmp_path)
    paths = {"pred": "pred/b/b_0_1_leftImg8bit.png", "gold": "gold/b/b_0_1_gtFine_labelIds.png"}
    write(tmp_path / paths[side], [[7, 26, 26, 255]])
    with pytest.raises(FormatError, match=r"b_0_1_leftImg8bit\.png against .*b_0_1_gtFine_labelIds\.png: .*got 255"):
        score_in(tmp_path)


def test_all_broken_files_are_counted_and_the_first_is_named(tmp_path: Path) -> None:
    small_set(tmp_path)
    write(tmp_path / "pred/a/a_0_1_leftImg8bit.png", np.zeros((1, 4, 3)))
    (tmp_path / "pred/a/a_0_2_leftImg8bit.png").write_bytes(b"no picture")
    (tmp_path / "gold/b/b_0_1_gtFine_instanceIds.png").write_bytes(b"")
    with pytest.raises(FormatError, match=r"a_0_1_leftImg8bit.*one channel.* \(2 more of 3 frames"):
        score_in(tmp_path)
