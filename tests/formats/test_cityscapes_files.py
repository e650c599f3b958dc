"""The label table is the benchmark's, and each frame finds its files or says what is missing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lanelight.errors import FormatError
from lanelight.formats.cityscapes import CATEGORIES, LABELS, FrameFiles, find_pairs

TRAIN_IDS = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
A, B = "aachen_000000_000019", "ulm_000001_000019"


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def data_set(root: Path) -> None:
    touch(root / f"gold/aachen/{A}_gtFine_labelIds.png", root / f"gold/ulm/{B}_gtFine_labelIds.png")
    touch(root / f"gold/aachen/{A}_gtFine_instanceIds.png", root / f"gold/aachen/{A}_gtFine_color.png")
    touch(root / f"pred/{A}_leftImg8bit.png", root / f"pred/deep/er/{B}.png", root / "pred/notes.txt")


def test_rows_of_the_table_stand_at_their_ids_and_have_known_categories() -> None:
    assert [label.id for label in LABELS] == list(range(34))
    assert list(dict.fromkeys(label.category for label in LABELS)) == list(CATEGORIES)
    assert len({label.name for label in LABELS}) == 34


def test_the_nineteen_evaluated_classes_have_the_train_ids_in_their_order() -> None:
    assert [label.id for label in LABELS if label.train_id is not None] == list(TRAIN_IDS)
    assert [label.train_id for label in LABELS if label.train_id is not None] == list(range(19))
    assert all(label.ignored == (label.train_id is None) for label in LABELS)


def test_people_and_vehicles_have_instances() -> None:
    assert {label.category for label in LABELS if label.has_instances} == {"human", "vehicle"}
    assert sum(label.has_instances for label in LABELS) == 10


def test_each_frame_finds_its_prediction_and_its_instances(tmp_path: Path) -> None:
    data_set(tmp_path)
    first, second = find_pairs(tmp_path / "gold", tmp_path / "pred")
    assert first.name == A
    assert first.pred == tmp_path / f"pred/{A}_leftImg8bit.png"
    assert first.instances == tmp_path / f"gold/aachen/{A}_gtFine_instanceIds.png"
    assert second == (
        B,
        tmp_path / f"gold/ulm/{B}_gtFine_labelIds.png",
        tmp_path / f"pred/deep/er/{B}.png",
        None,
    )


def test_the_folder_of_one_city_is_enough(tmp_path: Path) -> None:
    data_set(tmp_path)
    assert [pair.name for pair in find_pairs(tmp_path / "gold/ulm", tmp_path / "pred")] == [B]


def test_links_to_folders_are_followed_without_going_in_circles(tmp_path: Path) -> None:
    data_set(tmp_path)
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked/aachen").symlink_to(tmp_path / "gold/aachen")
    (tmp_path / "linked/again").symlink_to(tmp_path / "linked")
    assert [pair.name for pair in find_pairs(tmp_path / "linked", tmp_path / "pred")] == [A]


def test_hidden_files_are_not_labels(tmp_path: Path) -> None:
    data_set(tmp_path)
    touch(tmp_path / f"gold/ulm/.{B}_gtFine_labelIds.png", tmp_path / f"gold/ulm/._{A}_gtFine_labelIds.png")
    assert [pair.name for pair in find_pairs(tmp_path / "gold", tmp_path / "pred")] == [A, B]


def test_a_frame_number_is_not_the_beginning_of_a_longer_one(tmp_path: Path) -> None:
    touch(*(tmp_path / name for name in ("a_0_1.png", "a_0_10.png", "a_0_1_x.png", "a_0_2.png", "a_0.png")))
    files = FrameFiles(tmp_path, (".png",))
    assert [file.name for file in files.of("a_0_1")] == ["a_0_1.png", "a_0_1_x.png"]
    assert files.of("a_0_3") == []


def test_missing_predictions_are_counted_and_the_first_is_named(tmp_path: Path) -> None:
    data_set(tmp_path)
    (tmp_path / f"pred/{A}_leftImg8bit.png").unlink()
    with pytest.raises(FormatError, match=f"each of 2 labelled frames, 1 have none, the first is {A}"):
        find_pairs(tmp_path / "gold", tmp_path / "pred")


def test_several_predictions_for_a_frame_are_named(tmp_path: Path) -> None:
    data_set(tmp_path)
    touch(tmp_path / f"pred/{B}_color.png")
    with pytest.raises(FormatError, match=rf"1 of 2 have several.*{B}\.png and .*{B}_color\.png"):
        find_pairs(tmp_path / "gold", tmp_path / "pred")


def test_a_frame_that_is_labelled_twice_is_named(tmp_path: Path) -> None:
    data_set(tmp_path)
    touch(tmp_path / f"gold/copy/{A}_gtFine_labelIds.png")
    with pytest.raises(FormatError, match=f"each frame once, got .*{A}.* and .*{A}"):
        find_pairs(tmp_path / "gold", tmp_path / "pred")


def test_a_folder_without_gold_is_named(tmp_path: Path) -> None:
    data_set(tmp_path)
    with pytest.raises(FormatError, match=re.escape(f"{tmp_path / 'pred'}: expected gold files")):
        find_pairs(tmp_path / "pred", tmp_path / "pred")


@pytest.mark.parametrize("side", ["gold", "pred"])
def test_a_folder_that_is_not_there_is_named(tmp_path: Path, side: str) -> None:
    data_set(tmp_path)
    folders = {"gold": tmp_path / "gold", "pred": tmp_path / "pred"} | {side: tmp_path / "nowhere"}
    with pytest.raises(FormatError, match="nowhere: expected a folder, got nothing there"):
        find_pairs(**folders)
