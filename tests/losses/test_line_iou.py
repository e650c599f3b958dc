"""LineIoU and LaneIoU of lanes at fixed rows."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from oracles import prior_loss
from torch import Tensor

from lanelight.losses.line_iou import gaps_to_iou, lane_iou, lane_widths, line_iou, row_gaps

ROW_PX = 320 / 71


def _lanes(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Return wavy lanes (count, 72) and others near them that are not everywhere, px."""
    rng = np.random.default_rng(seed)
    rows = np.arange(72)
    xs = rng.uniform(0, 800, (count, 1)) + rng.normal(0, 6, (count, 1)) * rows + rng.normal(0, 2, (count, 72))
    marks = xs + rng.normal(0, 20, (count, 1)) + rng.normal(0, 4, (count, 72))
    first, last = rng.integers(0, 30, (count, 1)), rng.integers(35, 73, (count, 1))
    marks[(rows < first) | (rows >= last)] = np.nan
    return torch.from_numpy(xs), torch.from_numpy(marks)


def _slope(px: float) -> Tensor:
    """Return a lane that moves so many px a row."""
    return 100 + px * torch.arange(72, dtype=torch.float64)


def _area(xs: Tensor, marks: Tensor, present: Tensor | None = None) -> Tensor:
    return lane_iou(xs, marks, half_width=15.0, row_px=ROW_PX, present=present)


@pytest.mark.parametrize(("gap", "iou"), [(0, 1), (10, 0.5), (30, 0), (60, -1 / 3)])
def test_a_constant_gap_has_the_iou_of_the_formula(gap: float, iou: float) -> None:
    lane = torch.linspace(100, 300, 72)
    assert float(line_iou(lane + gap, lane, half_width=15)) == pytest.approx(iou, abs=1e-6)


def test_rows_where_the_target_is_not_do_not_count() -> None:
    xs, marks = _lanes(1, 0)
    other = xs.clone()
    other[marks.isnan()] += 1e6
    assert torch.equal(line_iou(xs, marks, half_width=15), line_iou(other, marks, half_width=15))
    assert float(line_iou(xs, torch.full_like(xs, torch.nan), half_width=15)) == 0


@pytest.mark.parametrize("seed", range(5))
def test_both_forms_are_those_of_the_slow_version(seed: int) -> None:
    xs, marks = _lanes(6, seed)
    present = torch.from_numpy(np.random.default_rng(seed).random((6, 72)) < 0.7)
    line = line_iou(xs, marks, half_width=15)
    area = lane_iou(xs, marks, half_width=7.5, row_px=ROW_PX, stretch=2.05)
    limited = lane_iou(xs, marks, half_width=30, row_px=ROW_PX, stretch=2.05, present=present)
    for i in range(6):
        x, mark = xs[i].numpy(), marks[i].numpy()
        assert float(line[i]) == pytest.approx(prior_loss.line_iou(x, mark, 15), rel=1e-9)
        assert float(area[i]) == pytest.approx(prior_loss.lane_iou(x, mark, 7.5, row_px=ROW_PX, stretch=2.05), rel=1e-9)
        slow = prior_loss.lane_iou(x, mark, 30, row_px=ROW_PX, stretch=2.05, present=present[i].tolist())
        assert float(limited[i]) == pytest.approx(slow, rel=1e-9)


def test_all_with_all_is_lane_by_lane_for_every_pair() -> None:
    xs, marks = _lanes(5, 1)
    lines = line_iou(xs[:, None], marks[None, :3], half_width=15)
    areas = _area(xs[:, None], marks[None, :3])
    assert lines.shape == areas.shape == (5, 3)
    for p in range(5):
        for g in range(3):
            assert torch.allclose(lines[p, g], line_iou(xs[p], marks[g], half_width=15))
            assert torch.allclose(areas[p, g], _area(xs[p], marks[g]))


def test_gaps_and_counts_are_enough_for_the_iou() -> None:
    xs, marks = _lanes(4, 2)
    sums, counts = row_gaps(xs, marks)
    assert counts.tolist() == (~marks.isnan()).sum(dim=1).tolist()
    assert torch.equal(gaps_to_iou(sums, counts, half_width=15), line_iou(xs, marks, half_width=15))


def test_a_leaning_lane_is_as_wide_across_as_an_upright_one() -> None:
    upright = lane_widths(_slope(0), half_width=7.5, row_px=ROW_PX)
    leaning = lane_widths(_slope(ROW_PX), half_width=7.5, row_px=ROW_PX)  # 45 degrees
    assert upright.tolist() == pytest.approx([7.5] * 72)
    assert leaning.tolist() == pytest.approx([7.5 * math.sqrt(2)] * 72)
    squeezed = lane_widths(_slope(ROW_PX / 2), half_width=7.5, row_px=ROW_PX, stretch=2.0)
    assert torch.allclose(squeezed, leaning)


def test_widths_are_numbers_where_a_lane_ends_too() -> None:
    lane = _slope(5.0)
    lane[30:] = torch.nan
    widths = lane_widths(lane, half_width=7.5, row_px=ROW_PX)
    assert bool(torch.isfinite(widths).all())
    assert widths[29].item() == 7.5  # no neighbour above to take a direction from
    assert widths[28].item() > 10


def test_lane_iou_minds_a_gap_of_leaning_lanes_less() -> None:
    """What counts is the distance across the lane, which line_iou overrates where a lane is nearly level."""
    level, upright = _slope(20.0), _slope(0.0)
    assert float(line_iou(level + 20, level, half_width=15)) == pytest.approx(
        float(line_iou(upright + 20, upright, half_width=15))
    )
    assert float(_area(level + 20, level)) > 0.7
    assert float(_area(upright + 20, upright)) == pytest.approx(0.2)


def test_rows_with_one_lane_only_cost_where_starts_and_lengths_are_minded() -> None:
    lane = _slope(0.0)
    marks = lane.clone()
    marks[36:] = torch.nan
    everywhere = torch.ones(72, dtype=torch.bool)
    assert float(_area(lane, marks)) == pytest.approx(1)
    assert float(_area(lane, marks, everywhere)) == pytest.approx(0.5)
    assert float(_area(lane, marks, ~marks.isnan())) == pytest.approx(1)
    assert float(_area(lane, marks, marks.isnan())) == 0


def test_gradients_pull_a_lane_towards_its_target_and_are_numbers_everywhere() -> None:
    xs, marks = _lanes(4, 3)
    for name in ("line", "lane"):
        moved = (xs + 25).float().requires_grad_(True)
        goal = marks.float()
        iou = (
            line_iou(moved, goal, half_width=15)
            if name == "line"
            else lane_iou(moved, goal, half_width=7.5, row_px=ROW_PX, stretch=2.05)
        )
        (gradient,) = torch.autograd.grad((1 - iou).sum(), moved)
        assert bool(torch.isfinite(gradient).all())
        assert bool((gradient[marks.isnan()] == 0).all())
        assert bool((gradient[(xs + 25 - marks) > 1] >= 0).all())
        assert float(gradient.abs().sum()) > 0


def test_a_lane_gains_nothing_by_leaning_so_as_to_be_wider() -> None:
    """The gradient is that of the middles alone: one row's x does not reach its neighbours' widths."""
    xs = _slope(3.0).requires_grad_(True)
    marks = _slope(3.0).detach() + 10
    marks[0:40] = torch.nan
    iou = lane_iou(xs, marks, half_width=7.5, row_px=ROW_PX)
    (gradient,) = torch.autograd.grad(iou, xs)
    assert float(gradient[39]) == 0
    assert float(gradient[40]) != 0
