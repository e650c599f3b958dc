from __future__ import annotations

import cv2
import numpy as np

from lanelight.datasets.augment import Augment
from lanelight.datasets.remembered import Remembered
from lanelight.geometry import Lane, Scene, ViewportPolicy


def test_a_painted_line_stays_under_its_lane_whatever_the_crop_and_flip() -> None:
    rows = np.arange(719.0, 300.0, -4.0)
    points = np.stack([500 + 0.8 * (719 - rows), rows], axis=1)
    frame = np.zeros((720, 1280, 3), np.uint8)
    cv2.polylines(frame, [np.round(points).astype(np.int32)], False, (255, 255, 255), 9)
    scene = Scene((1280, 720), [Lane(points, slot=1)])
    augment = Augment(gain=0, tint=0, gamma=0, blur=0, noise=0)
    policy = ViewportPolicy(target=(512, 224))
    seen = set()
    for seed in range(12):
        rng = np.random.default_rng(seed)
        moved, where = augment.mirrored(frame, scene, rng)
        view = augment.crop(policy.view(where.size), rng)
        image = augment.colored(view.apply(moved), rng)
        seen.add(where.lanes[0].slot)
        target = view.to_target(where.lanes[0].points)
        inside = ((target > 3) & (target < (508, 220))).all(axis=1)
        x, y = np.round(target[inside]).astype(int).T
        assert image[y, x].min() > 200
    assert seen == {1, 2}  # mirrored or not


def test_colours_change_and_the_same_generator_gives_the_same_picture() -> None:
    image = np.random.default_rng(0).integers(0, 255, (40, 60, 3), dtype=np.uint8)
    first, second, other = (Augment().colored(image, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)
    assert first.dtype == np.uint8


def test_frames_of_the_networks_own_size_are_not_cropped() -> None:
    view = ViewportPolicy(target=(512, 224)).view((512, 224))
    assert Augment().crop(view, np.random.default_rng(0)) == view


class _Counting:
    """A data set that counts how often a frame was made."""

    def __init__(self) -> None:
        self.made = 0

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> tuple[str, np.ndarray, Scene]:
        self.made += 1
        frame = np.full((32, 48, 3), (200, 100, 50), np.uint8)
        classes = np.arange(32 * 48, dtype=np.uint8).reshape(32, 48)
        return str(index), frame, Scene((48, 32), [Lane(np.array([[1.0, 2.0], [3.0, 4.0]]), slot=2)], classes)


def test_a_remembered_frame_is_made_once_and_keeps_colours_lanes_and_classes() -> None:
    source = _Counting()
    frames = Remembered(source)
    first, again = frames[1], frames[1]
    assert source.made == 1
    assert len(frames) == 2
    for key, frame, scene in (first, again):
        assert key == "1"
        assert np.abs(frame.astype(int) - (200, 100, 50)).max() <= 3  # JPEG; red stays red
        assert scene.lanes[0].slot == 2
        assert scene.classes is not None
        assert np.array_equal(scene.classes.ravel(), np.arange(32 * 48, dtype=np.uint8))
