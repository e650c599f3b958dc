from __future__ import annotations

from pathlib import Path

import pytest

from lanelight.datasets.picture_index import PictureIndex, frame_number
from lanelight.errors import FormatError, SourceError


def index(root: Path, *names: str) -> PictureIndex:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")
    return PictureIndex(root)


@pytest.mark.parametrize(
    ("name", "folder", "found"),
    [
        ("day/a.jpg", "", "day/a.jpg"),
        ("a.jpg", "day", "day/a.jpg"),
        ("a.jpg", "night", "night/a.jpg"),
        ("train/day/a.jpg", "", "day/a.jpg"),
        ("b.png", "", "night/b.png"),
        ("b", "", "night/b.png"),
        ("0a1b2c3d-b.png", "", "night/b.png"),
        ("frame_000012", "", "000012.jpg"),
        ("frame_12.png", "", "000012.jpg"),
    ],
)
def test_a_picture_is_found_by_its_name(tmp_path: Path, name: str, folder: str, found: str) -> None:
    pictures = index(tmp_path, "day/a.jpg", "night/a.jpg", "night/b.png", "000012.jpg", "notes.txt")
    assert pictures.find(name, "a.xml", folder) == found


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a.jpg", "found 2: day/a.jpg, night/a.jpg"),
        ("evening/a.jpg", "found none"),
        ("notes.txt", "found none"),
        ("12.jpg", "found none"),
        ("", "found none"),
    ],
)
def test_a_picture_that_is_missing_or_not_the_only_one_is_an_error(tmp_path: Path, name: str, message: str) -> None:
    pictures = index(tmp_path, "day/a.jpg", "night/a.jpg", "000012.jpg", "notes.txt")
    with pytest.raises(FormatError, match=f"a.xml: .*{message}"):
        pictures.find(name, "a.xml")


def test_a_folder_without_pictures_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="found none"):
        PictureIndex(tmp_path)
    with pytest.raises(SourceError, match="found no folder"):
        PictureIndex(tmp_path / "missing")


def test_numbers_of_frames() -> None:
    names = ["frame_000012", "frame_000012.PNG", "000012.jpg", "12.jpg", "a12.jpg", "frame_.jpg", "1" * 40]
    assert [frame_number(name) for name in names] == [12, 12, 12, None, None, None, None]
