"""How alike frames are: equal pixels, near-identical pictures, difference in brightness."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from lanelight.frames.image import Image

SMALL = (32, 18)  # px of the pictures that are compared; 576 bytes a frame
BLOCKS = (4, 3)  # means of 8x6 px of them
MEAN_LIMIT, MOST_LIMIT = 2.0, 32  # of 255: a saved-again copy differs by under 1; 1/3 s of driving by 4 and more
FRAMES_AT_ONCE = 512

Thumbs = NDArray[np.uint8]


class Likeness(NamedTuple):
    """Two near-identical frames.

    Attributes:
        first: index in the first list.
        second: index in the second.
        difference: mean of the difference of their small grey pictures, of 255.
    """

    first: int
    second: int
    difference: float


def fingerprint(frame: Image) -> bytes:
    """Return 16 bytes that two frames share when they have the same size and pixels.

    Args:
        frame: (H, W, 3) uint8.
    """
    contents = hashlib.sha256(np.ascontiguousarray(frame).data)  # processors have instructions for this sum
    contents.update(repr(frame.shape).encode())
    return contents.digest()[:16]


def thumbnail(frame: Image) -> bytes:
    """Return the frame as a grey picture of `SMALL`, one byte a pixel.

    Args:
        frame: (H, W, 3) uint8 RGB.
    """
    height, width = frame.shape[:2]
    factor = max(1, min(width // SMALL[0], height // SMALL[1]) // 2)
    whole = frame[: height // factor * factor, : width // factor * factor]
    # By a whole number first: 5 times as fast as all at once.
    smaller = cv2.resize(whole, (width // factor, height // factor), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(smaller, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.resize(grey, SMALL, interpolation=cv2.INTER_AREA), dtype=np.uint8).tobytes()


def thumbs(packed: bytes | bytearray) -> Thumbs:
    """Return thumbnails that were written one behind the other, (N, 18, 32) uint8."""
    return np.frombuffer(packed, np.uint8).reshape(-1, SMALL[1], SMALL[0])


def near_identical(first: Thumbs, second: Thumbs) -> Iterator[Likeness]:
    """Yield the nearest frame of `first` for each of `second` that has a near-identical one.

    None is missed and none is guessed. A mean of differences is never smaller than the difference of the means, so
    the means of whole pictures, then of their blocks, rule out nearly all pairs; the rest are compared pixel by pixel.

    Args:
        first: (N, 18, 32) thumbnails.
        second: (M, 18, 32) thumbnails.
    """
    order = np.argsort(means := first.mean(axis=(1, 2)), kind="stable")
    sorted_means = means[order]
    blocks, other_blocks = _blocks(first), _blocks(second)
    for index, mean in enumerate(second.mean(axis=(1, 2))):
        low = np.searchsorted(sorted_means, mean - MEAN_LIMIT, side="left")
        high = np.searchsorted(sorted_means, mean + MEAN_LIMIT, side="right")
        near = order[low:high]
        near = near[np.abs(blocks[near] - other_blocks[index]).mean(axis=1) <= MEAN_LIMIT + 1e-3]
        found = _closest(first, near, second[index])
        if found is not None:
            yield Likeness(found[0], index, found[1])


def frame_difference(frame: Image, before: Image | None) -> float:
    """Return the mean absolute difference of two frames over all pixels and channels, of 255.

    Args:
        frame: (H, W, 3) uint8.
        before: the frame to compare with; None stands for a black one.

    Returns:
        The difference; infinite where the sizes differ.
    """
    if before is None:
        return float(cv2.norm(frame, cv2.NORM_L1)) / frame.size
    if frame.shape != before.shape:
        return float("inf")
    return float(cv2.norm(frame, before, cv2.NORM_L1)) / frame.size


def _closest(first: Thumbs, near: NDArray[np.intp], wanted: NDArray[np.uint8]) -> tuple[int, float] | None:
    best: tuple[int, float] | None = None
    for start in range(0, len(near), FRAMES_AT_ONCE):
        part = near[start : start + FRAMES_AT_ONCE]
        apart = np.abs(first[part].astype(np.int16) - wanted)
        mean = np.where(apart.max(axis=(1, 2)) <= MOST_LIMIT, apart.mean(axis=(1, 2)), np.inf)
        place = int(mean.argmin())
        if mean[place] <= MEAN_LIMIT and (best is None or mean[place] < best[1]):
            best = int(part[place]), float(mean[place])
    return best


def _blocks(small: Thumbs) -> NDArray[np.float32]:
    """Return the means of the blocks of each thumbnail, (N, B)."""
    across, down = BLOCKS
    parts = small.reshape(len(small), down, SMALL[1] // down, across, SMALL[0] // across)
    return np.asarray(parts.mean(axis=(2, 4), dtype=np.float32).reshape(len(small), across * down), dtype=np.float32)
