from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from lanelight.errors import FormatError, SourceError
from lanelight.score.bdd100k import score

UInt8 = NDArray[np.uint8]


def mask(*columns: int, lane: int = 255, background: int = 0, size: tuple[int, int] = (32, 20)) -> UInt8:
    """Return a mask with lanes of one pixel from top to bottom."""
    values = np.full(size[::-1], background, np.uint8)
    values[:, list(columns)] = lane
    return values


def save(path: Path, values: UInt8) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), values)
    return path


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Write three frames: found whole, found half with as much false lane, and without lanes."""
    gold, pred = tmp_path / "gold", tmp_path / "pred"
    for name, true, seen in (("a", (4, 9), (4, 9)), ("b", (4, 9), (9, 20)), ("c", (), ())):
        save(gold / "val" / f"{name}.png", mask(*true))
        save(pred / f"{name}.png", mask(*seen))
    return gold, pred


def test_the_means_are_over_frames_and_one_without_lanes_contributes_zero(folders: tuple[Path, Path]) -> None:
    done: list[tuple[int, ...]] = []
    result = score(*folders, watch=lambda *counts: done.append(counts))
    assert result.figures == {
        "accuracy": 0.5,
        "iou": pytest.approx((1 + 1 / 3) / 3),
        "frames": 3,
        "pooled": {"recall": 0.75, "precision": 0.75, "iou": 0.6},
    }
    assert list(result.names) == ["a", "b", "c"]
    assert list(result.warnings) == []
    assert done == [(1, 3), (2, 3), (3, 3)]
    json.dumps(result.figures, allow_nan=False)


def test_frames_show_their_figures_and_the_worst_come_first(folders: tuple[Path, Path]) -> None:
    result = score(*folders)
    assert result.frame(1) == {"tp": 20, "gold": 40, "pred": 40, "accuracy": 0.5, "iou": 1 / 3}
    assert result.worst(3) == [1, 0, 2]
    pred, gold = result.scenes(1)
    assert pred.size == gold.size == (32, 20)
    assert pred.classes is not None
    assert gold.classes is not None
    np.testing.assert_array_equal(gold.classes, mask(4, 9, lane=1))
    np.testing.assert_array_equal(pred.classes, mask(9, 20, lane=1))


def test_widened_true_lanes_are_reported_apart(folders: tuple[Path, Path]) -> None:
    plain, result = score(*folders), score(*folders, dilate=3)
    apart = result.figures.pop("matched_width")
    assert result.figures == plain.figures
    assert apart == {
        "dilate_px": 3,
        "accuracy": pytest.approx((1 / 3 + 1 / 6) / 3),
        "iou": pytest.approx((2 / 6 + 1 / 7) / 3),
        "pooled": {"recall": 3 / 12, "precision": 3 / 4, "iou": 3 / 13},
    }
    assert result.frame(1)["matched_width"]["gold"] == 120
    with pytest.raises(FormatError, match="at least 1 px, got 0"):
        score(*folders, dilate=0)


def test_each_folder_has_its_own_kind_of_mask(folders: tuple[Path, Path], tmp_path: Path) -> None:
    gold, pred = folders
    wanted = score(gold, pred).figures
    bits = tmp_path / "bits"
    for path in gold.rglob("*.png"):
        lanes = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert lanes is not None
        save(bits / path.name, np.where(lanes > 0, 0, 255).astype(np.uint8))
    assert score(bits, pred).figures == wanted
    assert score(bits, bits, kind="bitmask").figures["pooled"]["iou"] == 1.0


def test_a_folder_that_mixes_kinds_is_an_error_until_the_kind_is_given(folders: tuple[Path, Path]) -> None:
    gold, pred = folders
    save(pred / "b.png", mask(4, 9, lane=0, background=255))
    with pytest.raises(FormatError, match=r"b\.png: expected a binary mask like those before it .* give the kind"):
        score(gold, pred)
    assert score(gold, pred, kind="binary").frame(1)["pred"] == 30 * 20


def test_missing_predictions_count_as_no_lanes_with_a_warning(folders: tuple[Path, Path]) -> None:
    gold, pred = folders
    (pred / "a.png").unlink()
    result = score(gold, pred)
    assert result.frame(0) == {"tp": 0, "gold": 40, "pred": 0, "accuracy": 0.0, "iou": 0.0}
    [warning] = result.warnings
    assert warning.startswith("1 of 3 frames have no prediction")
    assert warning.endswith("a.png")
    seen = result.scenes(0)[0].classes
    assert seen is not None
    assert not seen.any()


def test_predictions_of_other_frames_are_told(folders: tuple[Path, Path]) -> None:
    gold, pred = folders
    save(pred / "more" / "z.png", mask(1))
    [warning] = score(gold, pred).warnings
    assert warning.startswith("1 predictions belong to no gold mask")
    assert "z.png" in warning


def test_a_list_chooses_the_frames_and_tells_their_pictures(folders: tuple[Path, Path], tmp_path: Path) -> None:
    names = tmp_path / "val.txt"
    names.write_text("/val_img/val/b.jpg /val/b.png 1 1 1 1\n/val_img/val/a.jpg /elsewhere/a.png 1 1 1 1\n")
    result = score(*folders, names=names)
    assert list(result.names) == ["b", "a"]
    assert list(result.warnings) == []
    assert result.figures["accuracy"] == 0.75
    picture = save(tmp_path / "images" / "val_img" / "val" / "b.jpg", mask())
    assert result.picture(0, tmp_path / "images") == picture
    assert result.picture(1, tmp_path / "images") is None
    names.write_text("a.jpg a.png 1 1 1 1\n" * 2)
    [warning] = score(*folders, names=names).warnings
    assert "1 frames are listed more than once and count so, the first is a" in warning
    names.write_text("a.jpg a.png 1 1 1 1\nx.jpg x.png 1 1 1 1\n")
    with pytest.raises(FormatError, match=r"val\.txt line 2: expected a gold mask x\.png"):
        score(*folders, names=names)


def test_without_a_list_pictures_are_found_by_name(folders: tuple[Path, Path], tmp_path: Path) -> None:
    picture = save(tmp_path / "images" / "100k" / "val" / "b.jpg", mask())
    result = score(*folders)
    assert result.picture(1, tmp_path / "images") == picture
    assert result.picture(0, tmp_path / "images") is None


def test_threads_change_nothing(folders: tuple[Path, Path]) -> None:
    assert score(*folders, threads=1).figures == score(*folders, threads=4).figures


def test_masks_of_different_sizes_are_named_both(folders: tuple[Path, Path]) -> None:
    gold, pred = folders
    save(pred / "b.png", mask(4, size=(16, 10)))
    with pytest.raises(FormatError, match=r"pred/b\.png: expected 32x20 px as .*gold/val/b\.png has, found 16x10"):
        score(gold, pred)


def test_folders_without_masks_are_errors(folders: tuple[Path, Path], tmp_path: Path) -> None:
    gold, pred = folders
    (tmp_path / "empty").mkdir()
    with pytest.raises(FormatError, match="empty: expected PNG masks below this folder"):
        score(gold, tmp_path / "empty")
    with pytest.raises(FormatError, match="expected a folder of PNG masks, found nothing"):
        score(tmp_path / "nowhere", pred)
    with pytest.raises(FormatError, match="expected a folder of PNG masks, found a file"):
        score(gold, pred / "a.png")
    save(tmp_path / "others" / "x.png", mask(1))
    with pytest.raises(FormatError, match=r"others: expected masks named as those in .*for example a\.png, found none"):
        score(gold, tmp_path / "others")
    save(gold / "train" / "b.png", mask(1))
    with pytest.raises(FormatError, match=r"val/b\.png: expected one mask of each name .*train/b\.png too"):
        score(gold, pred)


def test_a_damaged_mask_is_named(folders: tuple[Path, Path]) -> None:
    gold, pred = folders
    (pred / "b.png").write_bytes(b"no picture")
    with pytest.raises(SourceError, match=r"b\.png: expected a picture"):
        score(gold, pred)


def test_real_bitmasks_score_as_counted_by_hand(shared: Path) -> None:
    lanes = shared / "data" / "bdd_eval_cases" / "lane"
    accuracy, iou = [], []
    for path in sorted((lanes / "gts").glob("*.png")):
        gold, pred = cv2.imread(str(path), cv2.IMREAD_UNCHANGED), cv2.imread(str(lanes / "res" / path.name), -1)
        assert gold is not None
        assert pred is not None
        true, seen = gold != 255, pred != 255  # 0 is a lane marking here
        accuracy.append((true & seen).sum() / true.sum())
        iou.append((true & seen).sum() / (true | seen).sum())
    result = score(lanes / "gts", lanes / "res", dilate=8)
    assert len(accuracy) == result.figures["frames"] == 4
    assert result.figures["accuracy"] == pytest.approx(float(np.mean(accuracy)), abs=1e-15)
    assert result.figures["iou"] == pytest.approx(float(np.mean(iou)), abs=1e-15)
    assert result.frame(0)["gold"] == 351 + 3007 + 2444 + 2660
    matched = result.figures["matched_width"]
    assert matched["accuracy"] < result.figures["accuracy"]
    assert matched["pooled"]["precision"] == 1.0
