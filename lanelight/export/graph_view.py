"""`GraphView`: the part of an exported graph that makes of a source frame what the network sees."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lanelight.geometry import Viewport


class GraphView(nn.Module):
    """Crop and resize as `Viewport.apply` does, and scale to [0, 1].

    Each of OpenCV's interpolations is a weighted sum of a few rows and then of a few columns, so the graph gathers
    these and adds them up: exact, and with a tenth of the work of a product with full matrices.

    Args:
        view: the network's view of frames of one size.
    """

    def __init__(self, view: Viewport) -> None:
        super().__init__()
        x0, y0, x1, y1 = view.crop
        halved = (x1 - x0, y1 - y0) == (2 * view.target[0], 2 * view.target[1])
        self.half_up = halved and view.interpolation == cv2.INTER_AREA
        columns = taps(x1 - x0, view.target[0], view.interpolation)
        rows = taps(y1 - y0, view.target[1], view.interpolation)
        for name, (places, weights), first in (("columns", columns, x0), ("rows", rows, y0)):
            self.register_buffer(name, torch.from_numpy(places + first))
            self.register_buffer(f"{name}_weights", torch.from_numpy(weights))

    columns: Tensor
    columns_weights: Tensor
    rows: Tensor
    rows_weights: Tensor

    def forward(self, frame: Tensor) -> Tensor:
        """Map (H, W, 3) uint8 RGB to float32 (1, 3, h, w) in [0, 1]."""
        # Whole rows first: they lie together in memory, and what is left for the columns is small.
        seen = _sum(frame, self.rows, self.rows_weights.unsqueeze(-1).unsqueeze(-1), dim=0)
        seen = _sum(seen, self.columns, self.columns_weights.unsqueeze(-1), dim=1)
        # The network is used to whole levels; OpenCV rounds halves to even, but up where it averages four pixels.
        seen = (seen + 0.5).floor() if self.half_up else seen.round()
        seen = seen.clamp(0, 255) * float(np.float32(1 / 255))
        return seen.permute(2, 0, 1).unsqueeze(0)


def taps(source: int, target: int, interpolation: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return which pixels of a line of pictures make each pixel of the resized line, and with which weights.

    Args:
        source: length of the line, px.
        target: of the resized line, px.
        interpolation: OpenCV's number.

    Returns:
        (T, target) places and weights; unused ones repeat a place with the weight 0.
    """
    # OpenCV itself resizes the identity: what comes out is the matrix of its interpolation.
    matrix = cv2.resize(np.eye(source, dtype=np.float32), (source, target), interpolation=interpolation)
    used = matrix != 0
    count = int(used.sum(axis=1).max())
    first = np.minimum(used.argmax(axis=1), source - count)
    places = first + np.arange(count)[:, None]
    weights = matrix[np.arange(target), places]
    return places.astype(np.int64), np.asarray(weights, np.float32)


def nearest(source: int, target: int) -> NDArray[np.int64]:
    """Return which pixel of a line each pixel of the resized line repeats, (target,), as OpenCV's exact nearest does.

    Args:
        source: length of the line, px.
        target: of the resized line, px.
    """
    line: Any = np.arange(source, dtype=np.float32)[None]
    found = cv2.resize(line, (target, 1), interpolation=cv2.INTER_NEAREST_EXACT)
    return np.asarray(found[0], np.int64)


def _sum(picture: Tensor, places: Tensor, weights: Tensor, dim: int) -> Tensor:
    """Return the sum of rows or columns of a picture, each taken from its places with its weights."""
    parts = [
        picture.index_select(dim, place).to(torch.float32) * weight
        for place, weight in zip(places, weights, strict=True)
    ]
    return torch.stack(parts).sum(dim=0) if len(parts) > 8 else sum(parts[1:], start=parts[0])
