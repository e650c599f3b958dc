"""`GraphClasses`: the part of an exported graph that brings a class map to the source frame, as `ClassDecoder` does."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lanelight.export.graph_view import nearest
from lanelight.geometry import Viewport
from lanelight.geometry.warp import IGNORE


class GraphClasses(nn.Module):
    """Give each pixel of the frame the class of the nearest pixel of the network.

    Args:
        view: the network's view of the frame.
    """

    def __init__(self, view: Viewport) -> None:
        super().__init__()
        x0, y0, x1, y1 = view.crop
        self.margins = (x0, view.source[0] - x1, y0, view.source[1] - y1)
        self.register_buffer("columns", torch.from_numpy(nearest(view.target[0], x1 - x0)))
        self.register_buffer("rows", torch.from_numpy(nearest(view.target[1], y1 - y0)))

    columns: Tensor
    rows: Tensor

    def forward(self, outputs: dict[str, Tensor]) -> tuple[Tensor]:
        """Map ``classes`` logits (1, K, h, w) to ids (H, W) uint8, 255 outside the network's view."""
        ids = outputs["classes"][0].argmax(dim=0).to(torch.uint8)
        ids = ids.index_select(1, self.columns).index_select(0, self.rows)
        if not any(self.margins):
            return (ids,)
        return (F.pad(ids, self.margins, value=IGNORE),)
