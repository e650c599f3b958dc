"""The network of `fake_network` as one to train: it finds lines painted in marker colours from its first step on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import fake_network
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lanelight.decode import MaskDecoder
from lanelight.geometry import Scene, Viewport, ViewportPolicy
from lanelight.models import MODELS
from lanelight.models.base import LaneModel
from lanelight.models.layouts import LAYOUTS, Converted
from lanelight.models.slot_masks import mask_target
from lanelight.train import DataPart, Recipe


class Markers(LaneModel):
    """One convolution, whose loss is nothing, so that training leaves it as it is.

    Args:
        size: (width, height) of the input, px.
        _parts: what builders of real networks take too.
    """

    OUTPUTS: ClassVar[tuple[str, ...]] = ("lanes", "exist")

    def __init__(self, size: tuple[int, int], **_parts: Any) -> None:
        super().__init__()
        self.normalize, self.size, self.decoder = nn.Identity(), size, MaskDecoder()
        self.conv = nn.Conv2d(3, 5, 1)
        on = torch.tensor(fake_network.MARKERS) / 255
        with torch.no_grad():
            self.conv.weight.zero_()
            self.conv.bias.zero_()  # type: ignore[union-attr]  # it has one
            self.conv.weight[1:, :, 0, 0] = 24 * (2 * on - 1)
            self.conv.bias[1:] = 8 - 24 * on.sum(dim=1)  # type: ignore[index]

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Return ``lanes`` and ``exist``."""
        lanes = self.conv(self.normalize(images))
        return {"lanes": lanes, "exist": 1600 * lanes[:, 1:].sigmoid().mean(dim=(2, 3)) - 4}

    def target(self, scene: Scene, view: Viewport) -> dict[str, NDArray[Any]]:
        """Draw the lanes."""
        return mask_target(scene, view, channels=5, width_px=3)

    def loss(self, outputs: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> dict[str, Tensor]:  # noqa: ARG002
        """Return nothing to learn."""
        return {"mask": 0.0 * outputs["lanes"].mean()}


def offer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the network into the tables of a test under the name ``markers``."""
    monkeypatch.setitem(MODELS, "markers", Markers)
    monkeypatch.setitem(LAYOUTS, "markers", lambda state: Converted(state, {}))


def marker_recipe(validation: DataPart | None, **changes: Any) -> Recipe:
    """Return a run of one step, after which the network is as it was, and is validated."""
    settings: dict[str, Any] = {
        "size": fake_network.TARGET,
        "viewport": ViewportPolicy(fake_network.TARGET, fit="stretch"),
        "data": (DataPart(seed=1, pool=1),),
        "validation": validation,
        "val_frames": 100,
        "steps": 1,
        "batch": 3,
        "workers": 0,
        **changes,
    }
    return Recipe("markers", network="markers", **settings)
