"""Every golden network in torch, ONNX Runtime and OpenVINO: what the reference computed, and one set of lanes.

Their weights are drawn but once: what the speed benchmark measures against is held to the goldens here too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from golden.reference import CLR_NETWORKS, NETWORKS, SHARED, golden, network
from numpy.typing import NDArray
from reference_form import as_reference
from torch import Tensor

from lanelight.decode import MaskDecoder, PriorDecoder
from lanelight.decode.priors import best_priors
from lanelight.export import export_onnx
from lanelight.export.onnx import chosen_in_graph
from lanelight.geometry import Viewport
from lanelight.models import LaneModel
from lanelight.runtime.backends import BACKENDS, open_session
from lanelight.runtime.manifest import Manifest
from lanelight.runtime.predictor import decoder_of

Outputs = Mapping[str, NDArray[np.float32]]

# Random weights find no lane worth the name: every row of every mask carries a point, however low its peak.
ALL_ROWS = MaskDecoder(point_threshold=0, exist_threshold=0, max_slope=1000, max_gap=1)

SHARE = 0.999  # of the elements, that have to be within the tolerance
# OpenVINO rounds in another order. Where two values of a pooled window are all but equal, another one is the largest,
# and what is unpooled by it moves: by at most 1.5 % of the largest value here.
SHARES = {("segnet_jaeoh2_224x224", "openvino"): 0.95}

pytestmark = [pytest.mark.slow]


def test_every_network_that_the_reference_ran_is_here() -> None:
    files = sorted((SHARED / "goldens").glob("*.npz"))
    if not files:
        pytest.skip(f"golden arrays are not in {SHARED} (set LANELIGHT_SHARED)")
    assert {file.stem for file in files if "checkpoint" in np.load(file).files} == {*NETWORKS, *CLR_NETWORKS}


@pytest.mark.parametrize("name", NETWORKS)
def test_three_runtimes_give_what_the_reference_gave(name: str, tmp_path: Path) -> None:
    z = golden(name)
    model, images = network(name, tmp_path)
    eager = _eager(model, images)
    _check_arrays(z, name, eager)
    view = Viewport.whole(model.size)
    decoder = ALL_ROWS if isinstance(model.decoder, MaskDecoder) else model.decoder
    for backend, have in zip(BACKENDS, _exported(model, images, tmp_path), strict=True):
        _check_arrays(z, name, have, share=SHARES.get((name, backend), SHARE))
        if (name, backend) in SHARES:
            continue  # clusters of random embeddings hang on the elements that moved
        for b in range(len(images)):
            ours, theirs = (decoder({key: each[b] for key, each in found.items()}, view) for found in (have, eager))
            if "classes" in eager:
                assert ours.classes is not None
                assert theirs.classes is not None
                assert (ours.classes != theirs.classes).mean() <= 1e-3
            if decoder is ALL_ROWS:
                assert len(theirs.lanes) == 4
            assert [lane.slot for lane in ours.lanes] == [lane.slot for lane in theirs.lanes]
            for one, other in zip(ours.lanes, theirs.lanes, strict=True):
                assert one.points.shape == other.points.shape
                assert np.abs(one.points - other.points).max() <= 0.5
    _check_arrays(z, name, _eager(as_reference(model), images))


@pytest.mark.parametrize("name", CLR_NETWORKS)
def test_three_runtimes_keep_the_priors_that_the_reference_kept(name: str, tmp_path: Path) -> None:
    z = golden(name)
    model, images = network(name, tmp_path)
    width, height = model.size
    view = Viewport((1640, 590), (0, 270, 1640, 590), (width, height))
    decoder = model.decoder
    assert isinstance(decoder, PriorDecoder)
    eager = _eager(model, images)
    _check_priors(z, eager)
    for have in _exported(model, images, tmp_path):
        _check_priors(z, have)
        for b in range(len(images)):
            rows, same = have["priors"][b], eager["priors"][b]
            kept, scores = best_priors(rows, decoder, width, "reference")
            assert kept.tolist() == z[f"post_nms_idx_{b}"].tolist()
            assert np.allclose(scores, z["scores"][b][kept], rtol=0, atol=1e-5)
            assert np.array_equal(best_priors(rows, decoder, width)[0], best_priors(same, decoder, width)[0])
            ours, theirs = decoder({"priors": rows}, view), decoder({"priors": same}, view)
            assert len(ours.lanes) == len(theirs.lanes) >= 2
            for one, other in zip(ours.lanes, theirs.lanes, strict=True):
                assert one.slot == other.slot
                assert one.points.shape == other.points.shape
                assert np.array_equal(one.points[:, 1], other.points[:, 1])
                x, y = other.points.T
                # Across the lane: one of these is all but level, 47 px to the side for each px upwards.
                gap = np.abs(one.points[:, 0] - x) / np.hypot(1, np.gradient(x, y))
                assert gap.max() < 0.01
    _check_priors(z, _eager(as_reference(model), images))


def _eager(model: LaneModel, images: Tensor) -> Outputs:
    with torch.no_grad():
        return {name: output.numpy() for name, output in model(images).items()}


def _exported(model: LaneModel, images: Tensor, folder: Path) -> Iterator[Outputs]:
    """Yield what each runtime says of the pictures; of a graph that chooses classes, the logits that it chose from."""
    file = folder / "network.onnx"
    export_onnx(model, file, name="golden")
    manifest = Manifest.load(file)
    assert decoder_of(manifest) == model.decoder
    names = {name: name for name in manifest.outputs}
    if chosen_in_graph(model):
        names["classes"] = _with_logits(file)
    for backend in BACKENDS:
        session = open_session(file, backend, threads=1, outputs=(*manifest.outputs, *(names.values() - names.keys())))
        found = session(images.numpy())
        session.close()
        if chosen_in_graph(model):
            assert np.array_equal(found["classes"], found[names["classes"]].argmax(axis=1))
        yield {name: found[inner] for name, inner in names.items()}


def _with_logits(file: Path) -> str:
    """Let a graph that chooses classes also give what it chooses from; return what that is called."""
    model = onnx.load(str(file))
    (choice,) = [node for node in model.graph.node if node.op_type == "ArgMax"]
    logits = str(choice.input[0])
    model.graph.output.append(onnx.helper.make_tensor_value_info(logits, onnx.TensorProto.FLOAT, None))
    onnx.save(model, str(file))
    return logits


def _check_arrays(z: Any, name: str, outputs: Outputs, share: float = SHARE) -> None:
    """Hold outputs to the golden: 1e-4 of the largest value, on that share of the elements."""
    for theirs, ours in NETWORKS[name][1].items():
        have = outputs[ours]
        assert have.shape == tuple(z[f"{theirs}__shape"])
        known = 1 / (1 + np.exp(-have)) if ours == "exist" else have
        want = z[f"{theirs}__sub"]
        gaps = np.abs(known.reshape(-1)[:: int(z[f"{theirs}__step"])] - want)
        assert (gaps <= 1e-4 * np.abs(want).max()).mean() >= share


def _check_priors(z: Any, outputs: Outputs) -> None:
    """Hold priors to the golden: logits to 1e-4, the line to 1e-5 of the largest value, x to 1e-4 of 1 + |x|."""
    assert int(z["pred__step"]) == 1
    have, want = outputs["priors"].reshape(-1, 78), z["pred__sub"].reshape(-1, 78)
    for columns, bound in ((slice(0, 2), 1e-4), (slice(2, 6), 1e-5)):
        gaps = np.abs(have[:, columns] - want[:, columns])
        assert (gaps <= bound * np.abs(want[:, columns]).max()).mean() >= 0.999
    gaps = np.abs(have[:, 6:] - want[:, 6:]) / (1 + np.abs(want[:, 6:]))  # a nearly level prior has any x
    assert (gaps <= 1e-4).mean() >= 0.99
