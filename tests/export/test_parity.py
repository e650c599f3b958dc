from __future__ import annotations

from lanelight.export.parity import Parity


def _parity(*, same: int = 3, apart: float = 0.1, other: float | None = None) -> Parity:
    return Parity("onnxruntime", 3, {"lanes": 0.0}, {"lanes": 0.0}, same, apart, other)


def test_parity_holds_for_the_same_lanes_within_half_a_pixel() -> None:
    assert _parity().holds
    assert not _parity(same=2).holds
    assert not _parity(apart=0.6).holds


def test_parity_of_classes_holds_where_one_pixel_in_a_thousand_differs_at_most() -> None:
    assert _parity(other=0.001).holds
    assert not _parity(other=0.002).holds
