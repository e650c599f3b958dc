from __future__ import annotations

import pytest
import torch

from lanelight.losses.attention import Function, attention_map, compare_attention

FUNCTIONS: tuple[Function, ...] = ("sum", "mean", "max")


def _spike(row: int, column: int) -> torch.Tensor:
    features = torch.zeros(1, 2, 6, 8)
    features[0, :, row, column] = 50.0
    return features


def _noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_the_reference_form_of_disjoint_one_hot_maps_is_two_over_the_positions() -> None:
    loss = compare_attention(_spike(1, 1), _spike(4, 6), form="reference").loss
    assert float(loss) == pytest.approx(2 / 48, rel=1e-6)
    assert float(compare_attention(_spike(1, 1), _spike(1, 1), form="reference").loss) == 0


def test_the_normalised_form_does_not_depend_on_the_scale_of_features() -> None:
    features = _noise(2, 16, 6, 8)
    for function in FUNCTIONS:
        small, large = (attention_map(scale * features, function=function) for scale in (1, 30))
        assert torch.allclose(small, large, atol=1e-6)
    saturated = attention_map(30 * features, form="reference")
    assert float(saturated.max(dim=1).values.min()) > 0.99  # why the reference form teaches nothing


def test_a_map_is_the_softmax_of_what_the_channels_have_at_each_position() -> None:
    features = torch.tensor([[[[1.0, -2.0]], [[3.0, 0.5]]]])  # two channels, one row of two positions
    for function, power, energy in (
        ("sum", 2.0, (10.0, 4.25)),
        ("mean", 2.0, (5.0, 2.125)),
        ("max", 2.0, (9.0, 4.0)),
        ("sum", 1.0, (4.0, 2.5)),
        ("max", 3.0, (27.0, 8.0)),
    ):
        wanted = torch.tensor([energy]).softmax(dim=1)
        have = attention_map(features, function=function, power=power, form="reference")  # type: ignore[arg-type]
        assert torch.allclose(have, wanted, atol=1e-6)
        warm = attention_map(features, function=function, power=power, form="reference", temperature=4.0)  # type: ignore[arg-type]
        assert torch.allclose(warm, (torch.tensor([energy]) / 4).softmax(dim=1), atol=1e-6)


def test_divided_by_its_mean_the_sum_over_channels_is_the_same_as_the_mean() -> None:
    features = _noise(2, 16, 6, 8)
    assert torch.allclose(attention_map(features), attention_map(features, function="mean"), atol=1e-7)


@pytest.mark.parametrize(
    ("form", "detach", "reaches"),
    [("normalized", None, False), ("reference", None, True), ("normalized", False, True), ("reference", True, False)],
)
def test_a_gradient_reaches_the_teacher_only_where_it_is_asked_for(
    form: str, detach: bool | None, reaches: bool
) -> None:
    student = (0.3 * _noise(1, 4, 12, 16)).requires_grad_()
    teacher = (0.3 * _noise(1, 8, 6, 8, seed=1)).requires_grad_()
    compare_attention(student, teacher, form=form, detach=detach).loss.backward()  # type: ignore[arg-type, no-untyped-call]
    assert student.grad is not None
    assert float(student.grad.abs().sum()) > 0
    assert (teacher.grad is not None) is reaches


@pytest.mark.parametrize("size", [(12, 16), (11, 9), (3, 4), (6, 8)])
def test_the_deeper_map_is_brought_to_the_size_of_the_other(size: tuple[int, int]) -> None:
    big = attention_map(torch.rand(1, 3, 6, 8), size=size)
    assert big.shape == (1, size[0] * size[1])
    assert float(big.sum()) == pytest.approx(1, abs=1e-5)
    constant = compare_attention(torch.rand(2, 3, *size), torch.ones(2, 5, 6, 8))
    assert torch.isfinite(constant.loss)


def test_twice_the_size_is_the_reference_s_way_to_enlarge() -> None:
    features = 0.3 * _noise(2, 3, 6, 8)
    energy = features.square().sum(dim=1, keepdim=True)
    wanted = torch.nn.functional.interpolate(energy, scale_factor=2.0, mode="bilinear", align_corners=False)
    have = attention_map(features, size=(12, 16), form="reference")
    assert torch.equal(have, wanted.flatten(1).softmax(dim=1))


def test_the_peak_tells_saturated_maps_from_flat_ones() -> None:
    assert float(compare_attention(_spike(1, 1), torch.ones(1, 2, 6, 8), form="reference").peak) == pytest.approx(1)
    flat = compare_attention(torch.ones(1, 2, 6, 8), torch.ones(1, 4, 3, 4))
    assert float(flat.peak) == pytest.approx(1 / 48)
    assert not flat.peak.requires_grad


def test_gradients_are_finite_where_features_are_zero() -> None:
    for function in FUNCTIONS:
        for power in (1.0, 1.5, 2.0, 4.0):
            student = torch.zeros(1, 4, 6, 8, requires_grad=True)
            compare_attention(student, _noise(1, 4, 6, 8), function=function, power=power).loss.backward()  # type: ignore[no-untyped-call]
            assert student.grad is not None
            assert torch.isfinite(student.grad).all()
