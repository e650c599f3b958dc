"""Terms of the loss of networks that predict lanes as priors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from oracles import prior_batch, prior_loss
from torch import Tensor

from lanelight.losses.line_iou import line_iou
from lanelight.models.lane_priors import CLRERNET, PriorLoss, prior_terms

SIZE = (800, 320)
ODD_SIZE = (640, 384)
LANE_TERMS = ("classification", "regression", "iou")
Batch = tuple[dict[str, Tensor], dict[str, Tensor]]


def _batch(seed: int, counts: list[int], stages: int = 2, dtype: torch.dtype = torch.float32) -> Batch:
    """Return outputs and targets of images with so many lanes."""
    rng = np.random.default_rng(seed)
    lanes = prior_batch.lanes(rng, counts)
    found = torch.from_numpy(prior_batch.stages(rng, lanes, stages)).to(dtype)
    outputs = {
        "priors": found[-1],
        "stages": found.requires_grad_(True),
        "segmentation": torch.from_numpy(rng.normal(size=(len(counts), 5, 8, 12))).to(dtype).requires_grad_(True),
    }
    targets = {
        "lanes": torch.from_numpy(lanes).to(dtype),
        "segmentation": torch.from_numpy(rng.integers(0, 5, (len(counts), 8, 12))),
        "complete": torch.ones(len(counts)),
    }
    return outputs, targets


def _terms(batch: Batch, weights: PriorLoss | None = None, size: tuple[int, int] = SIZE) -> dict[str, Tensor]:
    return prior_terms(*batch, size=size, weights=weights or PriorLoss())


def _gradient(terms: dict[str, Tensor], outputs: dict[str, Tensor]) -> Tensor:
    """Return the gradient of the sum of terms on the stages."""
    (found,) = torch.autograd.grad(torch.stack(list(terms.values())).sum(), outputs["stages"])
    return found


@pytest.mark.parametrize("weights", [PriorLoss(), PriorLoss(conflicts="reference"), CLRERNET])
@pytest.mark.parametrize("seed", range(3))
def test_terms_are_those_of_the_slow_version(weights: PriorLoss, seed: int) -> None:
    counts = np.random.default_rng(50 + seed).integers(0, 5, 3).tolist()
    outputs, targets = _batch(seed, counts, dtype=torch.float64)
    targets["complete"][1] = 0
    terms = _terms((outputs, targets), weights, ODD_SIZE)
    slow = prior_loss.terms(
        outputs["stages"].detach().numpy(), targets["lanes"].numpy(), targets["complete"].numpy(), ODD_SIZE, weights
    )
    for name in LANE_TERMS:
        assert terms[name].item() == pytest.approx(slow[name], rel=1e-9)


@pytest.mark.parametrize("weights", [PriorLoss(), CLRERNET])
def test_a_batch_is_the_mean_of_its_images(weights: PriorLoss) -> None:
    outputs, targets = _batch(3, [2, 4, 0, 1])
    both = _terms((outputs, targets), weights)
    alone = [
        _terms(
            (
                {name: each[:, i : i + 1] if name == "stages" else each[i : i + 1] for name, each in outputs.items()},
                {name: each[i : i + 1] for name, each in targets.items()},
            ),
            weights,
        )
        for i in range(4)
    ]
    for name in LANE_TERMS:
        assert both[name].item() == pytest.approx(sum(each[name].item() for each in alone) / 4, rel=1e-5)


@pytest.mark.parametrize("counts", [[0, 0], [1, 0], [1, 1], [4, 4]])
@pytest.mark.parametrize("weights", [PriorLoss(), CLRERNET])
def test_terms_and_gradients_are_numbers_for_any_number_of_lanes(counts: list[int], weights: PriorLoss) -> None:
    outputs, targets = _batch(4, counts)
    terms = _terms((outputs, targets), weights)
    gradient = _gradient(terms, outputs)
    assert all(bool(torch.isfinite(term)) for term in terms.values())
    assert bool(torch.isfinite(gradient).all())
    assert float(gradient[..., :2].abs().amin()) > 0  # every prior learns whether it is a lane
    assert (float(gradient[..., 2:].abs().sum()) > 0) == (sum(counts) > 0)


def test_pictures_without_lanes_teach_that_nothing_is_a_lane_and_no_more() -> None:
    outputs, targets = _batch(5, [0, 0])
    terms = _terms((outputs, targets))
    assert terms["regression"].item() == terms["iou"].item() == 0
    gradient = _gradient(terms, outputs)
    assert bool((gradient[..., 1] > 0).all())
    assert bool((gradient[..., 0] < 0).all())


def test_a_scene_that_is_not_complete_teaches_its_lanes_but_no_absence() -> None:
    outputs, targets = _batch(6, [3, 2])
    whole = _gradient(_terms((outputs, targets)), outputs)
    targets["complete"] = torch.tensor([0.0, 1.0])
    part = _gradient(_terms((outputs, targets)), outputs)
    assert torch.equal(part[:, 1], whole[:, 1])
    assert torch.equal(part[:, 0, :, 2:], whole[:, 0, :, 2:])
    positive = part[:, 0, :, 1] < 0
    assert torch.equal(part[:, 0][positive], whole[:, 0][positive])
    assert bool((part[:, 0, :, :2][~positive] == 0).all())
    assert 0 < int(positive.sum()) < positive.numel()


def test_weights_scale_their_terms() -> None:
    batch = _batch(7, [3, 1])
    one, other = _terms(batch), _terms(batch, PriorLoss(classification=6.0, regression=0.5, iou=8.0, segmentation=0.5))
    ratios = {"classification": 3.0, "regression": 2.5, "iou": 4.0, "segmentation": 0.5}
    assert set(one) == set(ratios)
    for name, ratio in ratios.items():
        assert other[name].item() == pytest.approx(ratio * one[name].item(), rel=1e-5)


def test_a_prediction_that_says_the_targets_costs_next_to_nothing() -> None:
    outputs, targets = _batch(8, [4, 2], stages=1)
    lanes = targets["lanes"]
    exact = torch.nan_to_num(lanes).repeat(1, 4, 1)  # four priors on each lane
    exact[..., :2] = 20 * exact[..., :2] - 10
    terms = _terms(({"stages": exact.unsqueeze(0), "segmentation": outputs["segmentation"]}, targets))
    for name in LANE_TERMS:
        assert terms[name].item() == pytest.approx(0, abs=1e-4)


def test_a_lane_that_starts_higher_is_to_be_as_much_shorter() -> None:
    outputs, targets = _batch(9, [1], stages=1)
    goal = torch.nan_to_num(targets["lanes"][0, targets["lanes"][0, :, 1] == 1])[0]
    moved = goal.clone()
    moved[2] += 5 / 71
    moved[5] -= 5 / 71
    shorter, same = moved.clone(), moved.clone()
    same[5] = goal[5]
    found = [_terms(({"priors": each.expand(1, 1, 78)}, targets))["regression"].item() for each in (shorter, same)]
    assert found[0] == pytest.approx(0.2 * 4.5 / 4, rel=1e-4)  # the start alone is wrong, by 5 rows
    assert found[1] == pytest.approx(0.2 * 9.0 / 4, rel=1e-4)  # and the length by as much
    assert set(_terms(({"priors": shorter.expand(1, 1, 78)}, targets))) == set(LANE_TERMS)
    assert outputs["stages"].shape[0] == 1


@pytest.mark.parametrize("weights", [PriorLoss(), CLRERNET])
def test_big_values_in_float32_stay_numbers(weights: PriorLoss) -> None:
    outputs, targets = _batch(10, [3, 2])
    with torch.no_grad():
        outputs["stages"][..., 6:] *= 1e8
        outputs["stages"][..., :2] *= 1e8
        outputs["stages"][:, :, ::3, 2:6] *= -1e8
    terms = _terms((outputs, targets), weights)
    assert all(bool(torch.isfinite(term)) for term in terms.values())
    assert bool(torch.isfinite(_gradient(terms, outputs)).all())


def test_a_prior_without_a_lane_may_be_anything() -> None:
    outputs, targets = _batch(11, [2, 3])
    before = _gradient(_terms((outputs, targets)), outputs)
    free = (before[..., 2:].abs().sum(dim=-1) == 0).nonzero()[0].tolist()
    with torch.no_grad():
        outputs["stages"][*free, 6] = torch.inf
    terms = _terms((outputs, targets))
    assert terms["iou"].item() == terms["iou"].item()
    assert bool(torch.isfinite(torch.stack(list(terms.values()))).all())


def test_half_precision_outputs_are_compared_in_float32() -> None:
    outputs, targets = _batch(12, [2, 3])
    half = {name: each.detach().to(torch.bfloat16) for name, each in outputs.items()}
    wide = {name: each.float() for name, each in half.items()}
    have, want = _terms((half, targets)), _terms((wide, targets))
    for name in LANE_TERMS:
        assert have[name].dtype == torch.float32
        assert have[name].item() == want[name].item()


def test_a_wider_input_with_the_same_shares_has_the_same_losses() -> None:
    batch = _batch(13, [3, 2], dtype=torch.float64)
    for weights in (PriorLoss(), replace(CLRERNET, assignment="distances")):
        one, other = _terms(batch, weights, (800, 320)), _terms(batch, weights, (1600, 640))
        for name in LANE_TERMS:
            assert other[name].item() == pytest.approx(one[name].item(), rel=2e-3)  # width - 1 is not quite twice


@pytest.mark.parametrize("weights", [PriorLoss(), CLRERNET])
def test_going_down_the_loss_leads_priors_onto_every_lane_and_no_others_say_that_they_are_lanes(
    weights: PriorLoss,
) -> None:
    rng = np.random.default_rng(14)
    goals = prior_batch.lanes(rng, [3, 1])
    targets = {"lanes": torch.from_numpy(goals), "complete": torch.ones(2)}
    rows = torch.from_numpy(prior_batch.stages(rng, goals, 1, noise=0.0)).requires_grad_(True)
    logits = torch.zeros(1, 2, 40, 2, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([{"params": [rows], "lr": 0.002}, {"params": [logits], "lr": 0.1}])
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 200)
    for _ in range(200):
        stages = torch.cat([logits, rows[..., 2:]], dim=-1)
        terms = _terms(({"stages": stages}, targets), weights)
        optimizer.zero_grad()
        torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    said = (logits[0, ..., 1] > logits[0, ..., 0]).detach()
    for image in range(2):
        lanes = targets["lanes"][image, targets["lanes"][image, :, 1] == 1]
        iou = line_iou(799 * rows[0, image, :, None, 6:], 799 * lanes[None, :, 6:], half_width=15)[said[image]]
        assert bool((iou.amax(dim=0) > 0.85).all())
        assert bool((iou.amax(dim=1) > 0.8).all())
