"""Loss and assignment of the CLR family against the reference implementation: terms, pairs, gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from golden.reference import golden
from torch import Tensor

from lanelight.geometry.priors import STRIPS, Priors
from lanelight.losses.assign import LINE_HALF_WIDTH, Pairs, assign, distance_pairs
from lanelight.losses.focal import focal_cost, softmax_focal
from lanelight.losses.line_iou import gaps_to_iou, line_iou, row_gaps
from lanelight.models.lane_priors import PriorLoss, prior_terms

SIZE = (800, 320)
WIDTH = SIZE[0] - 1
CASES = [(stage, image) for stage in range(3) for image in range(2)]


def _load() -> tuple[Any, Tensor, Tensor]:
    """Return the golden, its predictions (3, 2, 192, 78), and its lanes (2, 4, 78) in our units."""
    z = golden("loss_clrnet")
    lanes = torch.from_numpy(z["lane_line"]).clone()
    present = lanes[..., 1] == 1
    xs = lanes[..., 6:]
    xs[(xs < 0) | (xs >= SIZE[0])] = torch.nan
    lanes[..., 3] /= WIDTH
    lanes[..., 5] /= STRIPS
    lanes[..., 6:] /= WIDTH
    lanes[~present] = 0
    lanes[..., 0][~present] = 1
    lanes[..., 6:][~present] = torch.nan
    return z, torch.from_numpy(z["predictions"]), lanes


def _near(have: Tensor, want: Any, relative: float = 1e-4) -> None:
    assert np.abs(have.detach().numpy() - want).max() <= relative * np.abs(want).max()


def test_terms_and_gradients_are_those_of_the_reference() -> None:
    z, predictions, lanes = _load()
    predictions.requires_grad_(True)
    rng = np.random.default_rng(31)
    logits = torch.from_numpy(rng.normal(size=(2, 5, 320, 800)).astype(np.float32)).requires_grad_(True)
    labels = torch.from_numpy(rng.integers(0, 5, (2, 320, 800)))
    terms = prior_terms(
        {"stages": predictions, "segmentation": logits},
        {"lanes": lanes, "segmentation": labels, "complete": torch.ones(2)},
        size=SIZE,
        weights=PriorLoss(conflicts="reference"),
    )
    names = {"classification": "cls", "regression": "reg_xytl", "iou": "iou", "segmentation": "seg"}
    for ours, theirs in names.items():
        assert terms[ours].item() == pytest.approx(float(z[f"stat_{theirs}_loss"]), rel=1e-5)
    total = torch.stack(list(terms.values())).sum()
    assert total.item() == pytest.approx(float(z["stat_loss"]), rel=1e-5)
    total.backward()  # type: ignore[no-untyped-call]
    assert predictions.grad is not None
    assert logits.grad is not None
    _near(predictions.grad.double().flatten(1).norm(dim=1), z["grad_stage_norm"], 1e-5)
    _near(predictions.grad[0], z["grad_stage0"])
    assert float(logits.grad.double().norm()) == pytest.approx(float(z["grad_seg_norm"]), rel=1e-5)


@pytest.mark.parametrize(("stage", "image"), CASES)
def test_priors_are_assigned_as_in_the_reference(stage: int, image: int) -> None:
    z, predictions, lanes = _load()
    found = assign(predictions, lanes, size=SIZE, conflicts="reference")[stage, image]
    rows = torch.nonzero(found >= 0)[:, 0]
    assert rows.tolist() == z[f"assign_row_{stage}_{image}"].tolist()
    assert found[rows].tolist() == z[f"assign_col_{stage}_{image}"].tolist()


@pytest.mark.parametrize(("stage", "image"), CASES)
def test_what_goes_into_the_assignment_is_that_of_the_reference(stage: int, image: int) -> None:
    z, predictions, lanes = _load()
    case = f"{stage}_{image}"
    priors, some = Priors(predictions[stage, image]), Priors(lanes[image, : z[f"pair_iou_{case}"].shape[1]])
    gaps, rows = row_gaps(WIDTH * priors.xs[:, None], WIDTH * some.xs[None])
    _near(gaps / rows, z[f"distance_cost_{case}"])
    iou = gaps_to_iou(gaps, rows, half_width=LINE_HALF_WIDTH * SIZE[0])
    _near(iou, z[f"pair_iou_{case}"])
    pairs = distance_pairs(priors.rows, some.rows, size=SIZE)
    assert isinstance(pairs, Pairs)
    assert torch.equal(pairs.iou, iou)
    _near(focal_cost(priors.logits[:, 1])[:, None].expand_as(gaps), z[f"focal_cost_{case}"])


@pytest.mark.parametrize(("stage", "image"), CASES)
def test_losses_of_single_priors_are_those_of_the_reference(stage: int, image: int) -> None:
    z, predictions, lanes = _load()
    case = f"{stage}_{image}"
    priors = Priors(predictions[stage, image])
    prior, lane = torch.from_numpy(z[f"assign_row_{case}"]), torch.from_numpy(z[f"assign_col_{case}"])
    labels = torch.zeros(192, dtype=torch.int64).scatter(0, prior, 1)
    _near(softmax_focal(priors.logits, labels), z[f"focal_{case}"])
    iou = line_iou(WIDTH * priors.xs[prior], WIDTH * Priors(lanes[image]).xs[lane], half_width=15)
    assert float((1 - iou).mean()) == pytest.approx(float(z[f"liou_loss_matched_{case}"]), rel=1e-5)
