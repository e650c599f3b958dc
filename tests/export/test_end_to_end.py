"""End-to-end files run in ONNX Runtime and say what lanelight says, or they are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lanelight.cli import main
from lanelight.decode import ClassDecoder, Decoder, EmbeddingDecoder, LaneAreaDecoder, MaskDecoder, PriorDecoder
from lanelight.errors import LanelightError, ModelError
from lanelight.export import agreement, export_end_to_end
from lanelight.export.end_to_end import Agreement, EndToEnd
from lanelight.frames import read_image
from lanelight.frames.preprocess import Clahe
from lanelight.geometry import Scene, Viewport, ViewportPolicy
from lanelight.models import LaneModel, checkpoints
from lanelight.models.fast_scnn import fast_scnn
from lanelight.runtime import Detector, Manifest, open_session
from lanelight.runtime.bundled import WEIGHTS

Image = NDArray[np.uint8]
SOURCES = [(1280, 720), (640, 360)]


class Columns(LaneModel):
    """A network of one layer whose lanes follow bright columns of the picture: as masks, priors or classes."""

    def __init__(self, size: tuple[int, int], decoder: Decoder, outputs: tuple[str, ...]) -> None:
        super().__init__()
        self.size, self.decoder, self.names = size, decoder, outputs
        self.normalize = nn.Identity()

    @property
    def OUTPUTS(self) -> tuple[str, ...]:  # type: ignore[override]  # noqa: N802
        return self.names

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        light = nn.functional.avg_pool2d(self.normalize(images), 5, stride=1, padding=2)
        red, green, blue = light.unbind(dim=1)
        masks = 9 * torch.stack([red.new_full(red.shape, 0.5), red, green, blue, red - blue], dim=1)
        rows = nn.functional.interpolate(light.mean(dim=1, keepdim=True), (12, 78))[:, 0]
        return {
            "lanes": masks,
            "exist": 4 * light.mean(dim=(2, 3)).repeat(1, 2)[:, :4],
            "priors": rows,
            "classes": masks,
        }

    def target(self, scene: Scene, view: Viewport) -> dict[str, NDArray[Any]]:
        raise NotImplementedError

    def loss(self, outputs: Any, targets: Any) -> dict[str, Tensor]:
        raise NotImplementedError


CASES: dict[str, tuple[Decoder, tuple[str, ...]]] = {
    "masks": (MaskDecoder(exist_threshold=0.1), ("lanes", "exist")),
    "priors": (PriorDecoder(score_threshold=0.45, nms_px=4.0, max_lanes=5), ("priors",)),
    "classes": (ClassDecoder(tuple("abcde")), ("classes",)),
}


def network(kind: str, size: tuple[int, int] = (160, 56)) -> LaneModel:
    decoder, outputs = CASES[kind]
    return Columns(size, decoder, outputs).eval()


def frames(size: tuple[int, int]) -> list[Image]:
    rng = np.random.default_rng(5)
    small = rng.integers(0, 256, (4, 6, 9, 3)).astype(np.uint8)
    return [np.asarray(cv2.resize(each, size, interpolation=cv2.INTER_CUBIC), np.uint8) for each in small]


@pytest.fixture(scope="module", params=[(kind, source) for kind in CASES for source in SOURCES], ids=str)
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    kind, source = request.param
    path = tmp_path_factory.mktemp("end_to_end") / f"{kind}.onnx"
    export_end_to_end(network(kind), path, name=kind, source_size=source)
    return kind, path


def test_the_graph_finds_what_network_and_decoder_find(exported: tuple[str, Path]) -> None:
    kind, path = exported
    source = Manifest.load(path).source
    assert source is not None
    found = agreement(network(kind), path, frames(source), threads=1)
    assert found.holds
    assert found.lane_px <= 0.5
    if kind == "classes":
        assert found.other_class is not None
    else:
        assert found.lanes >= 4  # else nothing was compared


def test_inputs_and_outputs_have_fixed_shapes(exported: tuple[str, Path]) -> None:
    kind, path = exported
    graph = onnx.load(str(path)).graph
    manifest = Manifest.load(path)
    assert manifest.source is not None
    width, height = manifest.source

    def told(item: Any) -> tuple[str, list[int]]:
        kind = item.type.tensor_type
        return onnx.TensorProto.DataType.Name(kind.elem_type), [axis.dim_value for axis in kind.shape.dim]

    assert {item.name: told(item) for item in graph.input} == {"frame": ("UINT8", [height, width, 3])}
    outputs = {item.name: told(item) for item in graph.output}
    assert tuple(outputs) == tuple(manifest.outputs)
    if kind == "classes":
        assert outputs == {"classes": ("UINT8", [height, width])}
        return
    lanes, points = (4, 14) if kind == "masks" else (5, 72)
    assert outputs == {
        "points": ("FLOAT", [lanes, points, 2]),
        "counts": ("INT32", [lanes]),
        "scores": ("FLOAT", [lanes]),
        "slots": ("INT32", [lanes]),
    }


def test_a_frame_of_another_size_is_refused(exported: tuple[str, Path]) -> None:
    with Detector.load(exported[1], threads=1) as detector:
        detector.warm_up()
        with pytest.raises(LanelightError, match="the size it was exported for, got 96x54; export it again with"):
            detector.predict(frames((96, 54))[0])


def test_a_higher_score_leaves_lanes_out(exported: tuple[str, Path]) -> None:
    kind, path = exported
    if kind == "classes":
        with pytest.raises(ModelError, match="expected a network that finds single lanes"):
            Detector.load(path, score=0.9)
        return
    source = Manifest.load(path).source
    assert source is not None
    with Detector.load(path, threads=1) as every, Detector.load(path, score=0.6, threads=1) as sure:
        for frame in frames(source):
            scores = [lane.score for lane in every.predict(frame).lanes]
            assert [lane.score for lane in sure.predict(frame).lanes] == [score for score in scores if score >= 0.6]


def test_a_network_with_steps_before_it_is_refused_with_the_reason() -> None:
    model = network("masks")
    model.preprocess = (Clahe(),)
    with pytest.raises(ModelError, match="expected a network without steps before it, this one needs clahe"):
        EndToEnd(model, Viewport.whole((640, 360), model.size))


@pytest.mark.parametrize(
    ("decoder", "reason"),
    [(LaneAreaDecoder(), "'lane_area', which needs steps"), (EmbeddingDecoder(), "'embedding', which needs clusters")],
)
def test_a_decoder_that_no_graph_can_hold_is_refused(decoder: Decoder, reason: str) -> None:
    model = Columns((160, 56), decoder, ("lanes",))
    with pytest.raises(ModelError, match=f"masks, priors or classes, this network has {reason}"):
        EndToEnd(model, Viewport.whole((640, 360), model.size))


def test_agreement_fails_for_other_lanes_or_classes() -> None:
    assert Agreement(3, 9, 3, 0.9).holds
    assert not Agreement(3, 9, 2, 0.1).holds
    assert not Agreement(3, 9, 3, 1.1).holds
    assert not Agreement(3, 0, 3, 0.0, other_class=0.01).holds


def test_a_source_size_without_end_to_end_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "somewhere", "--out", "x.onnx", "--source-size", "640x360"]) == 1
    assert "--source-size: expected --end-to-end with it" in capsys.readouterr().err


def test_the_verb_writes_graph_manifest_and_agreement(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(0)
    seen = ViewportPolicy((128, 64)).to_dict()
    weights = tmp_path / "city.safetensors"
    checkpoints.save(fast_scnn((128, 64)), weights, network="fast_scnn", facts={"viewport": json.dumps(seen)})
    out, told = tmp_path / "out" / "city.onnx", tmp_path / "agreement.json"
    words = ["--end-to-end", "--source-size", "320x240", "--licence", "MIT", "--json", str(told)]
    assert main(["export", str(weights), "--out", str(out), *words]) == 0
    assert "for frames of 320x240" in capsys.readouterr().out
    assert json.loads(told.read_text())["frames"] == 12
    assert sorted(path.name for path in out.parent.iterdir()) == ["city.json", "city.onnx"]
    with Detector.load(out, threads=1) as detector:
        assert (detector.manifest.source, detector.manifest.licence) == ((320, 240), "MIT")
        assert len(detector.manifest.classes) == 19
        classes = detector.predict(frames((320, 240))[0]).classes
    assert classes is not None
    assert (classes[-1] == 255).all()  # below the band that the network sees
    assert (classes[130] < 19).all()


def test_the_shipped_network_finds_the_same_lanes_on_a_real_frame(shared: Path, tmp_path: Path) -> None:
    policy = Manifest.load(WEIGHTS / "enet_sad_road.onnx").viewport
    model = checkpoints.load(WEIGHTS / "enet_sad_road.safetensors", "enet_sad", size=policy.target).eval()
    path = tmp_path / "road.onnx"
    export_end_to_end(model, path, name="road", source_size=(1280, 720), viewport=policy)
    names = sorted((shared / "data/tusimple/clips").glob("*/*/20.jpg"))[::40]
    found = agreement(model, path, [read_image(name) for name in names], threads=1)
    assert found.holds
    assert found.lanes >= 3 * len(names)
    # No program of lanelight is needed: one array in, four arrays out.
    session = open_session(path, "onnxruntime", threads=1, input_name="frame")
    assert list(session(read_image(names[0]))) == ["points", "counts", "scores", "slots"]
