"""Contact sheets: every frame in its place, under its caption."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from lanelight.errors import LanelightError
from lanelight.render import contact_sheet
from lanelight.render.sheet import CAPTION_PX, GAP_PX


def plain(brightness: int, width: int = 64, height: int = 32) -> NDArray[np.uint8]:
    return np.full((height, width, 3), brightness, np.uint8)


def test_frames_stand_row_by_row() -> None:
    sheet = contact_sheet([plain(40 * k + 40) for k in range(5)], columns=3, tile_width=64)
    assert sheet.shape == (2 * 32 + 3 * GAP_PX, 3 * 64 + 4 * GAP_PX, 3)
    for k in range(5):
        x = GAP_PX + k % 3 * (64 + GAP_PX)
        y = GAP_PX + k // 3 * (32 + GAP_PX)
        assert (sheet[y : y + 32, x : x + 64] == 40 * k + 40).all()


def test_captions_are_above_their_frames() -> None:
    sheet = contact_sheet([plain(90), plain(90)], ["frame 1", ""], columns=2, tile_width=64)
    captions = sheet[GAP_PX : GAP_PX + CAPTION_PX]
    assert captions[:, GAP_PX : GAP_PX + 64].max() > 150
    assert captions[:, 2 * GAP_PX + 64 :].max() < 50


def test_frames_of_other_sizes_keep_their_aspect() -> None:
    sheet = contact_sheet([plain(90), plain(200, 640, 640)], columns=2, tile_width=64)
    assert sheet.shape[0] == 64 + 2 * GAP_PX
    assert (sheet[GAP_PX : GAP_PX + 64, 2 * GAP_PX + 64 : 2 * GAP_PX + 128] == 200).all()


def test_no_frames_or_a_caption_too_few_are_refused() -> None:
    with pytest.raises(LanelightError, match="got 0 and 0"):
        contact_sheet([])
    with pytest.raises(LanelightError, match="got 2 and 1"):
        contact_sheet([plain(1), plain(2)], ["one"])
