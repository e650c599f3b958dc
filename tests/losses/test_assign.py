"""Dynamic assignment of priors to lanes."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
import torch
from oracles import prior_batch, prior_loss
from torch import Tensor

from lanelight.losses.assign import Pairs, area_pairs, assign, distance_pairs, lanes_present, rows_present

SIZE = (800, 320)
ODD_SIZE = (640, 384)
Cost = Literal["distances", "lane_iou"]
Conflicts = Literal["cheapest", "reference"]
COSTS: tuple[Cost, ...] = ("distances", "lane_iou")


def _batch(seed: int, counts: list[int], stages: int = 2) -> tuple[Tensor, Tensor]:
    rng = np.random.default_rng(seed)
    lanes = prior_batch.lanes(rng, counts)
    return torch.from_numpy(prior_batch.stages(rng, lanes, stages)), torch.from_numpy(lanes)


def _lane(x: float, *, start_y: float = 0.0, theta: float = 0.5, logit: float = 0.0) -> Tensor:
    """Return an upright lane (78,) at x (share of the width), a target and a prediction alike."""
    lane = torch.full((78,), x)
    lane[:6] = torch.tensor([0, 1 + logit, start_y, x, theta, 1])
    return lane


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("conflicts", ["cheapest", "reference"])
@pytest.mark.parametrize("seed", range(4))
def test_priors_are_assigned_as_by_the_slow_version(cost: Cost, conflicts: Conflicts, seed: int) -> None:
    counts = np.random.default_rng(100 + seed).integers(0, 5, 3).tolist()
    predictions, lanes = _batch(seed, counts)
    found = assign(predictions, lanes, size=ODD_SIZE, cost=cost, conflicts=conflicts, stretch=2.05)
    for stage in range(2):
        for image in range(3):
            slow = prior_loss.assign(
                predictions[stage, image].numpy(),
                lanes[image].numpy(),
                ODD_SIZE,
                cost=cost,
                conflicts=conflicts,
                stretch=2.05,
            )
            assert found[stage, image].tolist() == slow


@pytest.mark.parametrize("conflicts", ["cheapest", "reference"])
@pytest.mark.parametrize("cost", COSTS)
def test_an_image_is_assigned_the_same_alone_and_without_its_empty_slots(cost: Cost, conflicts: Conflicts) -> None:
    predictions, lanes = _batch(7, [2, 0, 4])
    found = assign(predictions, lanes, size=SIZE, cost=cost, conflicts=conflicts)
    for image in range(3):
        present = torch.nonzero(lanes_present(lanes[image]))[:, 0]
        alone = assign(predictions[:, image], lanes[image], size=SIZE, cost=cost, conflicts=conflicts)
        assert torch.equal(alone, found[:, image])
        if len(present):
            few = assign(predictions[:, image], lanes[image, present], size=SIZE, cost=cost, conflicts=conflicts)
            assert torch.equal(torch.where(few >= 0, present[few.clamp(min=0)], -1), found[:, image])


@pytest.mark.parametrize("cost", COSTS)
def test_an_image_without_lanes_has_no_prior_assigned(cost: Cost) -> None:
    predictions, lanes = _batch(8, [0, 0])
    assert bool((assign(predictions, lanes, size=SIZE, cost=cost) == -1).all())


@pytest.mark.parametrize("cost", COSTS)
def test_a_lane_far_from_all_priors_still_takes_one(cost: Cost) -> None:
    predictions = torch.stack([_lane(0.01 * i) for i in range(20)])
    found = assign(predictions, _lane(0.99)[None], size=SIZE, cost=cost)
    assert found.tolist() == [-1] * 19 + [0]


@pytest.mark.parametrize("cost", COSTS)
def test_a_lane_with_good_priors_takes_four_and_no_more(cost: Cost) -> None:
    predictions = torch.stack([_lane(x) for x in (0.1, 0.5, 0.5, 0.5, 0.5, 0.5, 0.9)])
    found = assign(predictions, _lane(0.5)[None], size=SIZE, cost=cost)
    assert found.tolist() == [-1, 0, 0, 0, 0, -1, -1]  # equals are taken in their order


@pytest.mark.parametrize("cost", COSTS)
def test_priors_far_off_do_not_take_away_from_those_that_fit(cost: Cost) -> None:
    predictions = torch.stack([_lane(x) for x in (0.1, 0.5, 0.5, 0.9)])
    assert assign(predictions, _lane(0.5)[None], size=SIZE, cost=cost).tolist() == [-1, 0, 0, -1]


def test_the_likelier_of_two_equal_priors_is_taken() -> None:
    predictions = torch.stack([_lane(0.1), _lane(0.4, logit=-1), _lane(0.4, logit=1), _lane(0.9)])
    assert assign(predictions, _lane(0.45)[None], size=SIZE).tolist() == [-1, -1, 0, -1]


def test_a_prior_that_two_lanes_took_stays_with_the_one_it_costs_least_whatever_their_order() -> None:
    # Eight priors, three lanes: the second and third are close, and both take prior 3, which suits the third better.
    predictions = torch.stack([_lane(x) for x in (0.1, 0.11, 0.12, 0.507, 0.7, 0.8, 0.9, 0.95)])
    left, middle, right = _lane(0.11), _lane(0.5), _lane(0.51)
    for order, best in (([left, middle, right], 2), ([left, right, middle], 1), ([right, middle, left], 0)):
        found = assign(predictions, torch.stack(order), size=SIZE)
        assert found[3] == best
        published = assign(predictions, torch.stack(order), size=SIZE, conflicts="reference")
        assert published[3] == (1 if order[0] is left else 0)


def test_a_prior_goes_to_a_lane_that_took_it_though_another_would_cost_less() -> None:
    # The lane in the middle is content with the prior that lies on it. Both others take the one beside.
    predictions = torch.stack([_lane(x) for x in (0.1, 0.515, 0.52, 0.9)])
    lanes = torch.stack([_lane(x) for x in (0.50, 0.52, 0.49)])
    costs = distance_pairs(predictions, lanes, size=SIZE).cost
    assert costs[1].argsort().tolist() == [1, 0, 2]
    assert assign(predictions, lanes, size=SIZE).tolist() == [-1, 0, 1, -1]
    assert assign(predictions, lanes, size=SIZE, conflicts="reference").tolist() == [-1, 1, 1, -1]


def test_all_priors_on_the_lane_itself_are_no_division_by_zero() -> None:
    predictions = torch.stack([_lane(0.5)] * 6)
    for pairs in (
        distance_pairs(predictions, _lane(0.5)[None], size=SIZE),
        area_pairs(predictions, _lane(0.5)[None], size=SIZE),
    ):
        assert isinstance(pairs, Pairs)
        assert bool(torch.isfinite(pairs.cost).all())
        assert pairs.iou.tolist() == [[pytest.approx(1)]] * 6


@pytest.mark.parametrize("cost", COSTS)
def test_huge_predictions_are_assigned_too(cost: Cost) -> None:
    predictions, lanes = _batch(12, [3, 1])
    huge = predictions.float()
    huge[..., 6:][:, :, ::5] = 1e12
    huge[..., 2:5][:, :, 1::5] = -1e12
    found = assign(huge, lanes.float(), size=SIZE, cost=cost)
    assert bool((found[:, :, ::5] == -1).all())
    assert bool((found >= 0).any(dim=-1).all())


def test_an_assignment_does_not_depend_on_the_size_of_the_input_where_the_aspect_stays() -> None:
    predictions, lanes = _batch(13, [3, 2])
    small, large = (assign(predictions, lanes, size=size) for size in ((800, 320), (1600, 640)))
    assert (small == large).double().mean() > 0.99  # width - 1 is not quite proportional


def test_a_predicted_lane_is_present_from_its_start_for_its_length() -> None:
    lane = _lane(0.5, start_y=10 / 71)
    lane[5] = 20 / 71
    assert torch.nonzero(rows_present(lane))[:, 0].tolist() == list(range(10, 30))
    lane[2], lane[5] = -0.2, 2.0
    assert bool(rows_present(lane).all())
    lane[5] = -1.0
    assert not bool(rows_present(lane).any())
