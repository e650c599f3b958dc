"""Networks are measured on real frames, and what is odd about them is told."""

from __future__ import annotations

from pathlib import Path

import fake_network
import numpy as np
import pytest

from lanelight.errors import SourceError
from lanelight.frames import find_sources, write_image
from lanelight.runtime.bench_frames import RENDERED, Shown, real_frames, rendered_frames


def pictures(folder: Path, count: int) -> Path:
    for number in range(count):
        write_image(folder / f"{number}.png", fake_network.painted((320, 192), shift_px=number))
    return folder


def shown(place: Path, limit: int) -> Shown:
    return real_frames(find_sources([place]), limit)


def test_the_first_frames_are_taken_and_fewer_than_wanted_are_told(tmp_path: Path) -> None:
    folder = pictures(tmp_path, 3)
    assert (len(shown(folder, 2).frames), shown(folder, 2).notes) == (2, [])
    few = shown(folder, 5)
    assert (few.source, len(few.frames)) == (tmp_path.name, 3)
    assert few.notes == [f"{tmp_path.name} has 3 frames, 5 were asked for"]


def test_one_frame_is_not_passed_off_as_many(tmp_path: Path) -> None:
    (note,) = shown(pictures(tmp_path, 1), 4).notes
    assert "one frame: every call sees the same" in note


def test_a_damaged_picture_is_told_and_the_others_are_taken(tmp_path: Path) -> None:
    folder = pictures(tmp_path, 2)
    (folder / "0.png").write_bytes(b"none")
    found = shown(folder, 4)
    assert len(found.frames) == 1
    assert "0.png" in found.notes[0]
    (folder / "1.png").write_bytes(b"none")
    with pytest.raises(SourceError, match=r"0\.png.*1\.png"):
        shown(folder, 4)


def test_pictures_of_one_colour_are_refused(tmp_path: Path) -> None:
    write_image(tmp_path / "grey.png", np.full((20, 30, 3), 90, np.uint8))
    with pytest.raises(SourceError, match="expected pictures of a road, got 1 of one colour"):
        shown(tmp_path, 4)


def test_rendered_frames_say_what_they_are() -> None:
    found = rendered_frames(1)
    assert found.source == RENDERED
    assert found.frames[0].shape == (720, 1280, 3)
    assert "not real frames" in found.notes[0]
