"""The loss on class maps written down pixel by pixel, in float64."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray


def slow_class_loss(
    logits: NDArray[Any],
    labels: NDArray[Any],
    *,
    weights: Sequence[float],
    threshold: float | None = None,
    min_kept: int = 0,
    smoothing: float = 0.0,
) -> float:
    """Return the loss of logits (B, K, H, W) on labels (B, H, W), 255 ignored."""
    batch, classes, height, width = logits.shape
    pixels = []  # (probability of the true class, loss, weight)
    for b in range(batch):
        for y in range(height):
            for x in range(width):
                label = int(labels[b, y, x])
                if label == 255:
                    continue
                values = [math.exp(float(value)) for value in logits[b, :, y, x]]
                chances = [value / sum(values) for value in values]
                loss = -(1 - smoothing) * weights[label] * math.log(chances[label])
                for k in range(classes):
                    loss -= smoothing / classes * weights[k] * math.log(chances[k])
                pixels.append((chances[label], loss, weights[label]))
    pixels.sort()
    if threshold is not None:
        limit = threshold
        if min_kept > 0 and pixels:
            limit = max(limit, pixels[min(min_kept, len(pixels)) - 1][0])
        pixels = [pixel for pixel in pixels if pixel[0] <= limit]
    total = sum(weight for _, _, weight in pixels)
    return sum(loss for _, loss, _ in pixels) / total if total else 0.0
