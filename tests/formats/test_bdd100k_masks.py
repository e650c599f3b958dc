from __future__ import annotations

from pathlib import Path, PurePosixPath

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from lanelight.errors import FormatError, SourceError
from lanelight.formats.bdd100k import find_kind, kind_of, read_lanes, read_list, write_mask
from lanelight.geometry import Lane
from lanelight.metrics.bdd100k import draw_lanes


def saved(path: Path, values: NDArray[np.uint8]) -> Path:
    cv2.imwrite(str(path), values)
    return path


def mask(background: int, *lanes: int) -> NDArray[np.uint8]:
    """Return a mask of 6x8 px with one pixel of each lane value in its first row."""
    values = np.full((6, 8), background, np.uint8)
    values[0, : len(lanes)] = lanes
    return values


def test_in_binary_masks_everything_but_zero_is_lane(tmp_path: Path) -> None:
    lanes = read_lanes(saved(tmp_path / "a.png", mask(0, 255, 1, 0, 4)), "binary")
    assert lanes.dtype == np.bool_
    assert lanes.shape == (6, 8)
    assert np.flatnonzero(lanes).tolist() == [0, 1, 3]


def test_in_bitmasks_bit_3_is_background_and_zero_is_a_lane(tmp_path: Path) -> None:
    dashed, across = 1 << 4, 1 << 5
    lanes = read_lanes(saved(tmp_path / "a.png", mask(255, 0, 7, 8, 4 | dashed | across, 255)), "bitmask")
    assert np.flatnonzero(lanes).tolist() == [0, 1, 3]


def test_real_bitmasks_hold_lanes_of_category_zero(shared: Path) -> None:
    folder = shared / "data" / "bdd_eval_cases" / "lane" / "gts"
    assert find_kind(sorted(folder.glob("*.png"))) == "bitmask"
    path = folder / "fe189115-9981a740.png"
    values = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert values is not None
    lanes = read_lanes(path, "bitmask", checked=True)
    np.testing.assert_array_equal(lanes, values != 255)
    assert lanes[values == 0].all()
    assert (values == 0).any()


def test_grey_masks_in_three_channels_are_read_and_coloured_ones_refused(tmp_path: Path) -> None:
    grey = np.repeat(mask(0, 255)[..., None], 3, axis=2)
    assert read_lanes(saved(tmp_path / "grey.png", grey), "binary").sum() == 1
    grey[0, 0] = (255, 0, 0)
    with pytest.raises(SourceError, match=r"colour\.png: expected one channel"):
        read_lanes(saved(tmp_path / "colour.png", grey), "binary")


def test_the_background_over_half_of_the_frame_tells_the_kind() -> None:
    half = np.zeros((4, 4), np.uint8)
    half[:2] = 255
    assert kind_of(half) is None
    half[2, 0] = 255
    assert kind_of(half) == "bitmask"
    assert kind_of(mask(0, 255)) == "binary"
    assert kind_of(mask(5)) is None


def test_a_folder_takes_the_kind_of_its_first_mask_that_shows_one(tmp_path: Path) -> None:
    unclear = saved(tmp_path / "a.png", mask(3))
    assert find_kind([unclear, saved(tmp_path / "b.png", mask(255, 4)), tmp_path / "never_read.png"]) == "bitmask"
    with pytest.raises(FormatError, match=r"mostly background \(0 in binary masks, 255 in bitmasks\).* give the kind"):
        find_kind([unclear])


def test_a_mask_of_the_other_kind_is_an_error_when_the_kind_was_guessed(tmp_path: Path) -> None:
    path = saved(tmp_path / "b.png", mask(255, 4))
    with pytest.raises(FormatError, match=r"b\.png: expected a binary mask .* most pixels 255, as in a bitmask mask"):
        read_lanes(path, "binary", checked=True)
    assert read_lanes(path, "binary").all()  # who gives the kind is obeyed
    read_lanes(saved(tmp_path / "a.png", mask(3)), "binary", checked=True)  # shows no kind: taken as told


def test_a_list_file_gives_pictures_labels_and_flags(tmp_path: Path) -> None:
    path = tmp_path / "val.txt"
    path.write_text("/val_img/val/a.jpg /val_label/final_val/a.png 1 1 1 1\n\nb.jpg b.png 0 1 0 1\n")
    first, second = read_list(path)
    assert first.image == PurePosixPath("val_img/val/a.jpg")
    assert first.label == PurePosixPath("val_label/final_val/a.png")
    assert first.flags == (True,) * 4
    assert second.flags == (False, True, False, True)
    assert second.where == f"{path} line 3"


@pytest.mark.parametrize("line", ["a.jpg", "a.jpg a.png", "a.jpg a.png 1 1 1", "a.jpg a.png 1 1 1 2", "a b c d e f"])
def test_other_lines_are_named_by_number(tmp_path: Path, line: str) -> None:
    (tmp_path / "list.txt").write_text(f"a.jpg a.png 1 1 1 1\n{line}\n")
    with pytest.raises(FormatError, match=r"list\.txt line 2: expected picture, label and four flags"):
        read_list(tmp_path / "list.txt")


def test_an_empty_or_missing_list_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("\n")
    with pytest.raises(FormatError, match="empty file"):
        read_list(tmp_path / "list.txt")
    with pytest.raises(FormatError, match="cannot read"):
        read_list(tmp_path / "nothing.txt")


def test_lanes_are_drawn_and_come_back_as_a_binary_mask(tmp_path: Path) -> None:
    far = Lane(np.array([[1e300, 1.0], [np.nan, 2.0]]))
    lanes = [Lane(np.array([[20.0, 50.0], [20.0, 10.0]])), far, Lane(np.empty((0, 2)))]
    drawn = draw_lanes(lanes, (64, 60), 8)
    assert drawn[30].sum() in (8, 9)  # an even width about a pixel's centre
    assert drawn[:, 40:].sum() == 0
    assert draw_lanes(lanes[:1], (64, 60), 2)[30].sum() < 4
    write_mask(tmp_path / "a.png", drawn)
    assert (read_lanes(tmp_path / "a.png", "binary", checked=True) == drawn).all()
