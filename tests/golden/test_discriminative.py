"""The discriminative loss against the reference implementation and the paper's formulas: every term, and gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from golden.reference import golden, meta
from torch import Tensor

from lanelight.losses.discriminative import Discriminative, discriminative

MARGINS = {"default": (0.5, 1.5), "train": (0.1, 0.6)}  # of the reference's class, and of its training script
CENTRE = 0.001  # weight of the term

every_case = pytest.mark.parametrize("case", range(4))
every_margin = pytest.mark.parametrize("margins", MARGINS)


def _terms(z: Any, case: int, margins: str, **form: Any) -> tuple[Discriminative, Tensor]:
    pull, push = MARGINS[margins]
    embedding = torch.from_numpy(z[f"case{case}_emb"]).requires_grad_()
    instances = torch.from_numpy(z[f"case{case}_label"]).long()
    return discriminative(embedding, instances, pull_margin=pull, push_margin=push, **form), embedding


def _total(terms: Discriminative) -> Tensor:
    return terms.pull + terms.push + CENTRE * terms.centre


@every_case
@every_margin
@pytest.mark.parametrize(("form", "name"), [("paper", "paper"), ("reference", "seed")])
def test_every_term_is_the_recorded_one(case: int, margins: str, form: str, name: str) -> None:
    z = golden("loss_discriminative")
    terms, _ = _terms(z, case, margins, form=form)
    want = z[f"case{case}_{margins}_{name}_var_dist_reg"]
    assert [float(term.detach()) for term in terms] == pytest.approx(want.tolist(), rel=1e-6, abs=1e-7)


@every_case
@every_margin
def test_gradients_of_the_reference_form_are_those_of_the_reference(case: int, margins: str) -> None:
    z = golden("loss_discriminative")
    terms, embedding = _terms(z, case, margins, form="reference")
    total = _total(terms)
    total.backward()  # type: ignore[no-untyped-call]
    assert total.item() == pytest.approx(float(z[f"case{case}_{margins}_seed_total"]), rel=1e-6)
    grad = embedding.grad
    assert grad is not None
    assert float(grad.double().norm()) == pytest.approx(float(z[f"case{case}_{margins}_seed_grad_norm"]), rel=1e-6)
    want = z[f"case{case}_{margins}_seed_grad_sub"]
    have = grad.flatten()[::17].numpy()[:2000]
    assert np.abs(have - want).max() <= 1e-5 * np.abs(want).max()


@every_case
@every_margin
def test_a_fixed_number_of_clusters_has_the_numbers_of_the_training_script(case: int, margins: str) -> None:
    z = golden("loss_discriminative")
    clusters = meta(z)["cases"][case]["max_n_clusters"]
    terms, _ = _terms(z, case, margins, form="reference", clusters=clusters)
    assert _total(terms).item() == pytest.approx(float(z[f"case{case}_{margins}_seed_total_fixedK"]), rel=1e-6)
