"""IoU of lanes given as x at fixed rows, in two forms: LineIoU (CLRNet, sec. 3.3) and LaneIoU (CLRerNet, sec. 3.2).

A lane is a strip of some half width around its xs. Overlaps may be negative, so that lanes far apart still attract.
Shapes broadcast: (..., R) with (..., R) compares lane by lane, (..., P, 1, R) with (..., 1, M, R) all with all.
"""

from __future__ import annotations

import torch
from torch import Tensor

EPS = 1e-9


def row_gaps(xs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return the sum of |x - target| over the rows where the target is, and the number of those rows.

    Args:
        xs: (..., R).
        targets: (..., R), NaN where the lane is not.

    Returns:
        Sums (...) of the broadcast shape, and counts (...) of the targets' own shape.
    """
    known = ~torch.isnan(targets)
    gaps = (xs - torch.nan_to_num(targets)).abs() * known
    return gaps.sum(dim=-1), known.sum(dim=-1).to(xs.dtype)


def gaps_to_iou(sums: Tensor, counts: Tensor, *, half_width: float) -> Tensor:
    """Return the LineIoU that belongs to the sums and counts of `row_gaps`.

    In a row with a gap d, strips of half width r share 2 r - d and span 2 r + d.

    Args:
        sums: (...).
        counts: (...), broadcastable.
        half_width: in the unit of the sums.
    """
    full = 2 * half_width * counts
    return (full - sums) / (full + sums + EPS)


def line_iou(xs: Tensor, targets: Tensor, *, half_width: float) -> Tensor:
    """Return the LineIoU of lanes, in (-1, 1]; 0 where the target has no row.

    Args:
        xs: (..., R).
        targets: (..., R), NaN where the lane is not: those rows do not count.
        half_width: of both lanes, in the unit of the xs.
    """
    return gaps_to_iou(*row_gaps(xs, targets), half_width=half_width)


def lane_widths(xs: Tensor, *, half_width: float, row_px: float, stretch: float = 1.0) -> Tensor:
    """Return half the horizontal width, row by row, of lanes that are equally wide across their own direction.

    Args:
        xs: (..., R) px, NaN where the lane is not.
        half_width: across the lane, px.
        row_px: distance between two rows, px.
        stretch: how many px of height of the scene one px of width shows (2.05 where 1640x320 px are squeezed into
            800x320).

    Returns:
        (..., R), never NaN: `half_width` where there is no neighbour to take a direction from.
    """
    steps = (xs[..., 2:] - xs[..., :-2]) * stretch
    slopes = torch.nan_to_num(steps) / (2 * row_px)
    slopes = torch.cat([slopes[..., :1], slopes, slopes[..., -1:]], dim=-1)
    return half_width * (1 + slopes.square()).sqrt()


def lane_iou(
    xs: Tensor,
    targets: Tensor,
    *,
    half_width: float,
    row_px: float,
    stretch: float = 1.0,
    present: Tensor | None = None,
) -> Tensor:
    """Return the LaneIoU of lanes, in (-1, 1]: as `line_iou`, with strips as wide as `lane_widths` has them.

    Where a strip lies inside the other in some row, that row has no gradient.

    Args:
        xs: (..., R) px. No gradient flows through their widths: a lane is not to lean so as to grow.
        targets: (..., R) px, NaN where the lane is not.
        half_width: across the lane, px.
        row_px: distance between two rows, px.
        stretch: as for `lane_widths`.
        present: (..., R) bool, rows in which the first lanes are. Rows with one lane only add its width to the
            union. None: the rows of the targets count, and no others.
    """
    form = {"half_width": half_width, "row_px": row_px, "stretch": stretch}
    known = ~torch.isnan(targets)
    own, other = lane_widths(xs.detach(), **form), lane_widths(targets, **form)
    # Strips of half widths v and w whose middles are d apart share v + w - g and span v + w + g, with
    # g = max(d, |v - w|): one inside the other is no nearer for lying in its middle.
    gaps = torch.maximum((xs - torch.nan_to_num(targets)).abs(), (own - other).abs())
    both = known if present is None else known & present
    full, lost = ((own + other) * both).sum(dim=-1), (gaps * both).sum(dim=-1)
    if present is None:
        return (full - lost) / (full + lost + EPS)
    alone = 2 * (own * (present & ~known) + other * (known & ~present)).sum(dim=-1)
    return (full - lost) / (full + lost + alone + EPS)
