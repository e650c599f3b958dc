"""`GraphMasks`: the part of an exported graph that decodes masks of lanes, as `MaskDecoder` does."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lanelight.decode import MaskDecoder
from lanelight.export.graph_lanes import GraphLanes, packed, to_source
from lanelight.geometry import Viewport


class GraphMasks(nn.Module):
    """Trace each existing lane through its mask, row by row.

    What `MaskDecoder` does with lists that grow is done here with as many chains as rows: the chain that begins at row
    r is number r, so that their order is that of the lists.

    Args:
        decoder: its thresholds.
        view: the network's view of the frame.
    """

    def __init__(self, decoder: MaskDecoder, view: Viewport) -> None:
        super().__init__()
        self.decoder = decoder
        self.view = view
        height = view.target[1]
        self.register_buffer("rows", torch.arange(height - 1, -1, -decoder.row_step))
        self.register_buffer("offsets", torch.arange(-decoder.reach, decoder.reach + 1))

    rows: Tensor
    offsets: Tensor

    def forward(self, outputs: dict[str, Tensor]) -> GraphLanes:
        """Decode ``lanes`` logits (1, K, H, W) and ``exist`` logits (1, K - 1)."""
        decoder = self.decoder
        mask = outputs["lanes"][0].index_select(1, self.rows).softmax(dim=0)[1:]
        peak, x = self._read_rows(mask)
        chain = self._heaviest_chain(x, peak)
        y = self.rows.to(torch.float32).expand_as(x)
        points, counts = packed(torch.stack([x, y], dim=-1), chain)
        points = torch.stack([smoothed(points, counts, decoder.smooth), points[..., 1]], dim=-1)
        scores = outputs["exist"][0].sigmoid()
        there = (scores > decoder.exist_threshold) & (counts >= max(2, decoder.min_rows))
        slots = torch.arange(len(x), dtype=torch.int32)
        return GraphLanes.of(to_source(points, self.view), counts, scores, slots, there)

    def _read_rows(self, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return peak probability and sub-pixel column of each row, both (L, R), from masks (L, R, W)."""
        half = self.decoder.blur // 2
        blurred = F.avg_pool1d(F.pad(mask, (half, half), mode="replicate"), self.decoder.blur, stride=1)
        peak, centre = blurred.amax(dim=-1), blurred.argmax(dim=-1)
        window = centre.unsqueeze(-1) + self.offsets
        width = mask.shape[-1]
        inside = (window >= 0) & (window < width)
        window = window.clamp(0, width - 1)
        low = ~inside | (blurred.gather(-1, window) < self.decoder.edge * peak.unsqueeze(-1))
        beyond = self.decoder.reach + 1
        left = torch.where(low & (self.offsets < 0), self.offsets, -beyond).amax(dim=-1, keepdim=True)
        right = torch.where(low & (self.offsets > 0), self.offsets, beyond).amin(dim=-1, keepdim=True)
        weights = mask.gather(-1, window) * ((self.offsets > left) & (self.offsets < right)).to(torch.float32)
        moment = (weights * self.offsets.to(torch.float32)).sum(dim=-1)
        return peak, centre.to(torch.float32) + moment / weights.sum(dim=-1).clamp(min=1e-12)

    def _heaviest_chain(self, x: Tensor, peak: Tensor) -> Tensor:
        """Tell which rows belong to the heaviest chain of each lane, (L, R) bool, from column and peak (L, R)."""
        decoder = self.decoder
        lanes, rows = x.shape
        numbers = torch.arange(rows)
        found = peak > decoder.point_threshold
        gap = decoder.max_gap * self.view.target[1]
        last_x = torch.zeros(lanes, rows)
        last_row = torch.zeros(lanes, rows)
        length = torch.zeros(lanes, rows)
        weight = torch.zeros(lanes, rows)
        chain_of = []
        for row in range(rows):
            rise = (row - last_row) * decoder.row_step
            near = (length > 0) & (rise <= gap) & ((x[:, row, None] - last_x).abs() <= decoder.max_slope * rise)
            longest, chain = torch.where(near, length, torch.zeros_like(length)).max(dim=-1)
            chain = torch.where(longest > 0, chain, row)
            here = found[:, row, None] & (numbers == chain.unsqueeze(-1))
            last_x = torch.where(here, x[:, row, None], last_x)
            last_row = torch.where(here, float(row), last_row)
            length = length + here.to(torch.float32)
            weight = weight + torch.where(here, peak[:, row, None], 0.0)
            chain_of.append(chain)
        best = weight.argmax(dim=-1, keepdim=True)
        return found & (torch.stack(chain_of, dim=-1) == best)


def smoothed(points: Tensor, counts: Tensor, window: int) -> Tensor:
    """Return each x as the value of a line fitted to its neighbours, (L, P), as `lanelight.decode.masks.smoothed` does.

    Args:
        points: (L, P, 2) x and y of lanes; y differs from point to point.
        counts: (L,) points of each lane; what stands behind them is no neighbour.
        window: number of neighbours with the point itself, odd.
    """
    half = window // 2
    size = points.shape[1]
    if half < 1:
        return points[..., 0]
    place = torch.arange(size).unsqueeze(-1) + torch.arange(-half, half + 1)
    known = (place >= 0) & (place < counts.reshape(-1, 1, 1))
    near = points[:, place.clamp(0, size - 1)]  # (L, P, window, 2)
    share = known.to(torch.float32).unsqueeze(-1)
    mean = (near * share).sum(dim=2) / share.sum(dim=2).clamp(min=1)
    part = (near - mean.unsqueeze(2)) * share
    spread = (part[..., 1] * part[..., 1]).sum(dim=-1)
    slope = (part[..., 0] * part[..., 1]).sum(dim=-1) / spread.clamp(min=1e-9)
    return mean[..., 0] + slope * (points[..., 1] - mean[..., 1])
