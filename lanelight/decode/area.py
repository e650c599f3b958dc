"""One lane mask -> class map, for networks that say where lanes are but not which (BDD100K)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import cv2
import numpy as np

from lanelight.decode.base import Arrays
from lanelight.errors import ModelError
from lanelight.geometry import Scene, Viewport


@dataclass(frozen=True)
class LaneAreaDecoder:
    """Mark the pixels of lanes. The Scene has classes, 0 background and 1 lane, and no lanes: none of them has a slot.

    Attributes:
        threshold: a pixel is lane where its probability, resized to the frame (bilinear), is above this.
    """

    CLASSES: ClassVar[tuple[str, ...]] = ("background", "lane")

    threshold: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.threshold < 1:
            raise ModelError(f"LaneAreaDecoder: expected a threshold between 0 and 1, got {self.threshold}")

    def __call__(self, outputs: Arrays, view: Viewport) -> Scene:
        """Decode ``lanes`` logits (1, H, W); what lies outside the network's view is background."""
        logits = np.asarray(outputs["lanes"], dtype=np.float32)
        if logits.ndim != 3 or logits.shape[0] != 1:
            raise ModelError(f"lane area decoder: expected 'lanes' of shape (1, H, W), got {logits.shape}")
        chances = 1 / (1 + np.exp(-np.clip(logits[0], -60, 60)))
        x0, y0, x1, y1 = view.crop
        classes = np.zeros((view.source[1], view.source[0]), np.uint8)
        classes[y0:y1, x0:x1] = cv2.resize(chances, (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR) > self.threshold
        return Scene(view.source, (), classes)

    def to_dict(self) -> dict[str, Any]:
        """Return the manifest's entry."""
        return {"kind": "lane_area", **asdict(self)}
