"""Files below a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from lanelight.errors import FormatError
from lanelight.formats.tree import files_below


def test_links_are_followed_each_folder_once_and_hidden_files_left_out(tmp_path: Path) -> None:
    for name in ("root/a/1.txt", "root/.hidden", "other/2.txt"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    root = tmp_path / "root"
    (root / "link").symlink_to(tmp_path / "other")
    (root / "a" / "round").symlink_to(root)
    assert sorted(files_below(root)) == [root / "a/1.txt", root / "link/2.txt"]


def test_what_is_no_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name, told in (("file", "a file"), ("nowhere", "nothing there")):
        with pytest.raises(FormatError, match=f"expected a folder, got {told}"):
            list(files_below(tmp_path / name))
