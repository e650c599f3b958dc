from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from lanelight.decode import PriorDecoder
from lanelight.export.onnx import export_onnx
from lanelight.export.parity import Parity, measured, with_same_scores
from lanelight.geometry import ViewportPolicy
from lanelight.models import MODELS
from lanelight.runtime import find_model
from lanelight.runtime.differences import lane_distance

SIZE = (800, 320)


def _parity(*, same: int = 3, apart: float = 0.1, other: float | None = None) -> Parity:
    return Parity("onnxruntime", 3, {"lanes": 0.0}, {"lanes": 0.0}, same, apart, other)


def test_parity_holds_for_the_same_lanes_within_half_a_pixel() -> None:
    assert _parity().holds
    assert not _parity(same=2).holds
    assert not _parity(apart=0.6).holds


def test_parity_of_classes_holds_where_one_pixel_in_a_thousand_differs_at_most() -> None:
    assert _parity(other=0.001).holds
    assert not _parity(other=0.002).holds


def test_an_output_is_measured_by_its_largest_value() -> None:
    want = np.array([[-4.0, 2.0]], np.float32)
    ((name, gaps, size),) = measured("exist", want + np.array([[0.0, 0.5]], np.float32), want)
    assert (name, gaps.tolist(), size) == ("exist", [[0.0, 0.5]], 4.0)


def test_xs_of_priors_are_measured_one_by_one_and_do_not_hide_wrong_logits() -> None:
    want = np.zeros((1, 2, 78), np.float32)
    want[0, 0, 6:] = 5000.0  # of a level prior
    want[..., 1] = 2.0
    want[..., 2:6] = 0.5
    have = want.copy()
    have[0, 0, 1] += 0.5
    have[0, 1, 5] += 0.25
    have[0, 0, 6] += 50.01
    have[0, 1, 77] -= 0.1
    parts = {name: (gaps, size) for name, gaps, size in measured("priors", have, want)}
    assert set(parts) == {"priors/logits", "priors/line", "priors/xs"}
    largest = {name: float(gaps.max() / size) for name, (gaps, size) in parts.items()}
    assert largest["priors/logits"] == pytest.approx(0.25)
    assert largest["priors/line"] == pytest.approx(0.5)
    assert largest["priors/xs"] == pytest.approx(0.1)
    assert parts["priors/xs"][0][0, 0, 0] == pytest.approx(0.01, rel=1e-3)


def _rows(*lanes: tuple[float, float]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Return the rows of upright lanes, (1, N, 78), from x (px) and logit."""
    rows = np.zeros((1, len(lanes), 78), np.float32)
    for row, (x, logit) in zip(rows[0], lanes, strict=True):
        row[1], row[5], row[6:] = logit, 1.0, x / (SIZE[0] - 1)
    return rows


def test_of_equally_good_lanes_the_last_bits_do_not_choose() -> None:
    view = ViewportPolicy(target=SIZE, fit="stretch").view(SIZE)
    want = {"priors": _rows((300, 2.0), (304, 2.0 - 1e-6))}
    have = {"priors": _rows((300, 2.0 - 1e-6), (304, 2.0))}
    first, second = (PriorDecoder()({"priors": each["priors"][0]}, view) for each in (want, have))
    assert lane_distance(first, second) == pytest.approx(4)
    alike = with_same_scores(have, want)
    assert lane_distance(first, PriorDecoder()({"priors": alike["priors"][0]}, view)) < 1e-3
    assert have["priors"][0, 1, 1] == 2  # as it was


def test_scores_that_differ_by_more_than_rounding_are_kept() -> None:
    want, have = {"priors": _rows((300, 2.0))}, {"priors": _rows((300, 2.1))}
    assert np.array_equal(with_same_scores(have, want)["priors"], have["priors"])
    other = {"lanes": np.ones((1, 2), np.float32)}
    assert with_same_scores(other, {"lanes": np.zeros((1, 2), np.float32)})["lanes"] is other["lanes"]


def test_an_exported_file_tells_nothing_of_the_machine_that_made_it(tmp_path: Path) -> None:
    out = tmp_path / "network.onnx"
    export_onnx(MODELS["enet_sad"](size=(128, 64)), out, name="markers")
    for file in (out, find_model("default")):
        content = file.read_bytes()
        assert b"stack_trace" not in content
        assert b"lanelight/nn" not in content


def test_slopes_of_one_number_are_exported_as_what_runtimes_compute_fast(tmp_path: Path) -> None:
    out = tmp_path / "network.onnx"
    export_onnx(MODELS["enet_sad"](size=(128, 64)), out, name="slopes")
    for file in (out, find_model("default")):
        kinds = {node.op_type for node in onnx.load(str(file)).graph.node}
        assert "LeakyRelu" in kinds
        assert "PRelu" not in kinds
