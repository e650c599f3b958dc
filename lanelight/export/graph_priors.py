"""`GraphPriors`: the part of an exported graph that decodes lanes as rows of 78 numbers, as `PriorDecoder` does."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lanelight.decode import PriorDecoder
from lanelight.export.graph_lanes import GraphLanes, packed, to_source
from lanelight.geometry import Viewport
from lanelight.geometry.ego import LOWEST_SHARE
from lanelight.geometry.priors import ROWS, STRIPS, Priors, row_ys


class GraphPriors(nn.Module):
    """Score threshold, lane NMS, polylines in the frame, and slots counted from the vehicle.

    The NMS is greedy and exact over all candidates: a round takes the best that is left and removes those that are the
    same lane, and there are as many rounds as lanes may be kept.

    Args:
        decoder: its thresholds.
        view: the network's view of the frame.
    """

    def __init__(self, decoder: PriorDecoder, view: Viewport) -> None:
        super().__init__()
        self.decoder = decoder
        self.view = view
        # The lowest row lies half a px below the input: lanes end on its edge.
        height = view.target[1]
        y = row_ys(height)
        self.share = float((y[0] - (height - 0.5)) / (y[0] - y[1]))
        y[0] = height - 0.5
        self.register_buffer("y", torch.from_numpy(y).to(torch.float32))

    y: Tensor

    def forward(self, outputs: dict[str, Tensor]) -> GraphLanes:
        """Decode ``priors`` (1, P, 78)."""
        rows = outputs["priors"][0]
        logits = Priors(rows).logits
        scores = (logits[:, 1] - logits[:, 0]).sigmoid()
        kept, there = self._nms(rows, scores)
        priors = Priors(rows[kept])
        width = self.view.target[0]
        x = priors.xs * (width - 1)
        reached = reached_rows(priors) & (x < width - 0.5)
        x = torch.where(reached, x, 0.0)
        lowest = torch.where(reached[:, 0] & reached[:, 1], x[:, 0] + self.share * (x[:, 1] - x[:, 0]), x[:, 0])
        x = torch.cat([lowest.unsqueeze(-1), x[:, 1:]], dim=-1)
        points, counts = packed(torch.stack([x, self.y.expand_as(x)], dim=-1), reached)
        there = there & (counts >= self.decoder.min_points)
        points = to_source(points, self.view)
        order, slots = placed(points, counts, there, self.view.source)
        return GraphLanes.of(points[order], counts[order], scores[kept][order], slots[order], there[order])

    def _nms(self, rows: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
        """Return which rows are lanes, the best first, (N,), and which of these N there are, (N,) bool."""
        priors = Priors(rows)
        start = (priors.start_y * STRIPS + 0.5).trunc().clamp(min=0)
        reach = priors.length * STRIPS - 1
        stop = (start + reach + 0.5 - (reach < 0).to(torch.float32)).trunc().clamp(max=STRIPS)
        xs = priors.xs * (self.view.target[0] - 1)
        numbers = torch.arange(ROWS)
        left = scores >= self.decoder.score_threshold
        kept, there = [], []
        for _ in range(self.decoder.max_lanes):
            score, best = torch.where(left, scores, -1.0).max(dim=0, keepdim=True)
            kept.append(best)
            there.append(score >= 0)
            first, last = torch.maximum(start, start[best]), torch.minimum(stop, stop[best])
            common = (numbers >= first.unsqueeze(-1)) & (numbers <= last.unsqueeze(-1))
            distance = torch.where(common, (xs - xs[best]).abs(), 0.0).sum(dim=-1)
            same = (last >= first) & (distance < self.decoder.nms_px * (last - first + 1))
            left = left & ~same & (torch.arange(len(scores)) != best)
        return torch.cat(kept), torch.cat(there)


def reached_rows(priors: Priors[Tensor]) -> Tensor:
    """Tell at which rows lanes have a point, (K, 72) bool, as `lanelight.decode.priors.reached_rows` does."""
    numbers = torch.arange(ROWS, dtype=torch.float32)
    start = (priors.start_y * STRIPS).round().clamp(0, STRIPS).unsqueeze(-1)
    end = (start + (priors.length * STRIPS).round().unsqueeze(-1) - 1).clamp(max=STRIPS)
    xs = priors.xs
    outside = (start > numbers) & ~((xs >= 0) & (xs <= 1))
    last_outside = torch.where(outside, numbers, -1.0).amax(dim=-1, keepdim=True)
    return (last_outside < numbers) & (end >= numbers) & (xs >= 0)


def placed(points: Tensor, counts: Tensor, there: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Return the order of lanes from left to right, and their slots counted from the vehicle, (L,) each.

    As `lanelight.geometry.ego.placed` does: the two nearest lanes on each side of the middle have a slot.

    Args:
        points: (L, P, 2) px of the frame, y falling from point to point.
        counts: (L,) number of points.
        there: (L,) bool: lanes that exist; the others come last.
        size: (width, height) of the frame, px.

    Returns:
        The places of the lanes in order, and slots by the old places; -1 is none.
    """
    x = torch.where(there, x_at_bottom(points, counts, size[1] - 1.0), float("inf"))
    numbers = torch.arange(len(counts))
    earlier = (x == x.unsqueeze(-1)) & (numbers < numbers.unsqueeze(-1))
    before, nearer = (x < x.unsqueeze(-1)) | earlier, (x > x.unsqueeze(-1)) | earlier
    rank = before.to(torch.int32).sum(dim=-1)
    places = (rank == numbers.unsqueeze(-1)).to(torch.int32).argmax(dim=-1)
    middle = (size[0] - 1) / 2
    left, right = there & (x < middle), there & (x >= middle)
    from_left, from_right = ((of & side).to(torch.int32).sum(dim=-1) for of, side in ((nearer, left), (before, right)))
    slots = torch.where(left & (from_left < 2), 1 - from_left, -1)
    return places, torch.where(right & (from_right < 2), 2 + from_right, slots)


def x_at_bottom(points: Tensor, counts: Tensor, bottom: float) -> Tensor:
    """Return x where lanes meet the bottom row, (L,) px, as `lanelight.geometry.ego.x_at_bottom` does.

    Args:
        points: (L, P, 2) px of the frame, y falling from point to point.
        counts: (L,) number of points; of fewer than two, x is of no meaning.
        bottom: y of the row.
    """
    known = torch.arange(points.shape[1]) < counts.unsqueeze(-1)
    x, y = points[..., 0], points[..., 1]
    first, last = y[:, :1], torch.where(known, y, float("inf")).amin(dim=-1, keepdim=True)
    second = y[:, 1:2]
    lowest = known & ((y >= first - LOWEST_SHARE * (first - last)) | (y >= second))
    share = lowest.to(torch.float32)
    number = share.sum(dim=-1, keepdim=True).clamp(min=1)
    mean_x, mean_y = (x * share).sum(dim=-1, keepdim=True) / number, (y * share).sum(dim=-1, keepdim=True) / number
    dx, dy = (x - mean_x) * share, (y - mean_y) * share
    slope = (dx * dy).sum(dim=-1) / (dy * dy).sum(dim=-1).clamp(min=1e-9)
    continued = mean_x[:, 0] + slope * (bottom - mean_y[:, 0])
    # Where the row lies between two points, x is between theirs.
    meets = known[:, 1:] & (y[:, 1:] <= bottom) & (y[:, :-1] >= bottom)
    part = (y[:, :-1] - bottom) / (y[:, :-1] - y[:, 1:]).clamp(min=1e-9)
    between = x[:, :-1] + part * (x[:, 1:] - x[:, :-1])
    place = meets.to(torch.int32).argmax(dim=-1, keepdim=True)
    return torch.where(meets.any(dim=-1), between.gather(-1, place)[:, 0], continued)
