"""Crops of a frame: by its short side, beyond its edges, or not."""

from __future__ import annotations

import numpy as np
import pytest

from lanelight.datasets.augment import AUGMENTS, Augment
from lanelight.datasets.placement import Window
from lanelight.errors import LanelightError
from lanelight.geometry import Scene, Viewport
from lanelight.geometry.warp import IGNORE

VIEW = Viewport.whole((400, 200), (100, 80))


def _sizes(window: Window, count: int = 50) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    rng = np.random.default_rng(0)
    cuts = [window.draw(VIEW, rng) for _ in range(count)]
    return np.array([(x1 - x0, y1 - y0) for x0, y0, x1, y1 in cuts])


def test_of_the_short_side_means_that_the_sample_holds_it_whole() -> None:
    assert (_sizes(Window(of="short")) == (250, 200)).all()  # 80 px of the sample for 200 of the frame
    assert (_sizes(Window(of="frame")) == (100, 80)).all()
    drawn = _sizes(Window(scale=(0.5, 2.0), of="short"))
    assert drawn[:, 1].min() >= 100
    assert drawn[:, 1].max() <= 400
    assert np.abs(drawn[:, 0] / drawn[:, 1] - 1.25).max() < 0.02
    assert np.ptp(drawn[:, 1]) > 150


def test_scales_of_a_list_are_the_only_ones() -> None:
    heights = set(_sizes(Window(steps=(0.5, 1.0, 2.0), of="frame"))[:, 1].tolist())
    assert heights == {160, 80, 40}


@pytest.mark.parametrize(
    "window",
    [
        Window(scale=(0.3, 2.0), of="frame", beyond=False),
        Window(steps=(2.0, 0.3), of="frame", beyond=False),
        Window(scale=(0.9, 0.95), of="short", beyond=False),
    ],
)
def test_a_crop_larger_than_the_frame_is_an_error_where_nothing_may_be_filled(window: Window) -> None:
    with pytest.raises(LanelightError, match=r"crop: expected at most 400x200 px of the frame, got .*beyond=true"):
        window.check(VIEW)
    with pytest.raises(LanelightError, match="crop: expected at most 400x200 px"):
        _sizes(window, 200)


def test_a_crop_that_fits_is_none() -> None:
    window = Window(scale=(0.5, 2.0), of="frame", beyond=False)
    window.check(VIEW)
    sizes = _sizes(window)
    assert (sizes <= (400, 200)).all()


def test_what_a_crop_shows_beyond_the_frame_is_filled_and_ignored() -> None:
    frame, classes = np.full((200, 400, 3), 9, np.uint8), np.ones((200, 400), np.uint8)
    augment = Augment(window=Window(scale=(0.25, 0.25), of="frame"), fill=(124, 116, 104))
    image, scene = augment.apply(frame, Scene((400, 200), (), classes), VIEW, np.random.default_rng(0))
    assert scene.classes is not None
    outside = scene.classes == IGNORE
    assert (image[outside] == (124, 116, 104)).all()
    assert (image[~outside] == 9).all()
    assert outside.mean() == pytest.approx(1 - 50 / 80, abs=0.02)


@pytest.mark.parametrize("name", ["fast_scnn", "fast_scnn_short", "camvid"])
def test_the_presets_for_class_maps_change_scale_and_sides(name: str) -> None:
    preset = AUGMENTS[name]
    assert preset.window is not None
    assert preset.window.beyond
    assert preset.flip == 0.5
    assert (preset.table is None) == (name == "fast_scnn_short")
