"""One graph from the pixels of a source frame to its lanes: for programs that have nothing but an ONNX runtime."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lanelight.decode import ClassDecoder, Decoder, EndToEndClasses, EndToEndLanes, MaskDecoder, PriorDecoder
from lanelight.errors import ModelError
from lanelight.export.graph_classes import GraphClasses
from lanelight.export.graph_masks import GraphMasks
from lanelight.export.graph_priors import GraphPriors
from lanelight.export.graph_view import GraphView
from lanelight.export.onnx import write_graph
from lanelight.export.parity import OTHER_CLASS_AT_MOST
from lanelight.geometry import Viewport, ViewportPolicy
from lanelight.models import LaneModel
from lanelight.runtime.differences import Differences
from lanelight.runtime.manifest import Manifest, found_by
from lanelight.runtime.predictor import Detector, network_input

INPUT = "frame"
LANE_PX_AT_MOST = 1.0  # px of the source frame


class EndToEnd(nn.Module):
    """A network between the parts that see and decode.

    Args:
        model: the network.
        view: its view of the frame.

    Raises:
        ModelError: a step before the network, or its decoder, cannot be part of a graph.
    """

    def __init__(self, model: LaneModel, view: Viewport) -> None:
        super().__init__()
        if model.preprocess:
            steps = ", ".join(str(step.to_dict()["kind"]) for step in model.preprocess)
            raise ModelError(
                f"--end-to-end: expected a network without steps before it, this one needs {steps}, which no ONNX "
                "operator computes; export it without --end-to-end"
            )
        self.view = GraphView(view)
        self.model = model
        self.decode = graph_decoder(model.decoder, view)

    def forward(self, frame: Tensor) -> tuple[Tensor, ...]:
        """Map (H, W, 3) uint8 RGB to what the decoder's part gives."""
        found: tuple[Tensor, ...] = self.decode(self.model(self.view(frame)))
        return tuple(found)


def graph_decoder(decoder: Decoder, view: Viewport) -> nn.Module:
    """Return the part of a graph that does what a decoder does.

    Raises:
        ModelError: there is none for this decoder.
    """
    if isinstance(decoder, MaskDecoder):
        return GraphMasks(decoder, view)
    if isinstance(decoder, PriorDecoder):
        return GraphPriors(decoder, view)
    if isinstance(decoder, ClassDecoder):
        return GraphClasses(view)
    kind = decoder.to_dict()["kind"]
    reason = "clusters, whose number no fixed shape holds" if kind == "embedding" else "steps that no graph has"
    raise ModelError(
        f"--end-to-end: expected a decoder of masks, priors or classes, this network has {kind!r}, which needs "
        f"{reason}; export it without --end-to-end"
    )


def export_end_to_end(
    model: LaneModel,
    out: str | Path,
    *,
    name: str,
    source_size: tuple[int, int],
    version: str = "1",
    viewport: ViewportPolicy | None = None,
    licence: str = "",
    data: Any = "",
    recipe: Any = "",
) -> Manifest:
    """Export a network with crop, resize, decoding and NMS, and write its manifest beside it.

    The graph takes ``frame``, uint8 (H, W, 3) RGB of the source size. Of lanes it gives ``points`` float32 (L, P, 2),
    ``counts`` int32 (L,), ``scores`` float32 (L,) and ``slots`` int32 (L,), as `GraphLanes` describes them; of classes
    ``classes`` uint8 (H, W). All shapes are fixed.

    Args:
        model: in evaluation mode or not; exported as for evaluation.
        out: the .onnx file; its manifest has the same stem.
        name: of the network, for the manifest.
        source_size: (width, height) of the frames, px.
        version: of the weights.
        viewport: how frames are shown to the network; by default a band in its size.
        licence: of the weights.
        data: what they were trained on.
        recipe: the resolved recipe, or its name.

    Returns:
        The manifest as written.

    Raises:
        ModelError: the network cannot be exported so.
        OutputError: the file cannot be written.
    """
    policy = viewport or ViewportPolicy(target=model.size)
    graph = EndToEnd(model, policy.view(source_size))
    reader = _reader(model.decoder)
    width, height = source_size
    frame = torch.zeros(height, width, 3, dtype=torch.uint8)
    write_graph(graph, frame, Path(out), inputs=[INPUT], outputs=reader.OUTPUTS)
    manifest = Manifest(
        name=name,
        version=version,
        viewport=policy,
        decoder=reader.to_dict(),
        outputs=reader.OUTPUTS,
        **found_by(model.decoder),
        input=INPUT,
        source=source_size,
        licence=licence,
        data=data,
        recipe=recipe,
    )
    return manifest.save(out)


@dataclass(frozen=True)
class Agreement:
    """How far an end-to-end graph is from the trained network with the decoder of lanelight, over some frames.

    Attributes:
        frames: number of frames.
        lanes: that the trained network found on them.
        same_lanes: frames on which both found lanes in the same slots, and as many without one.
        lane_px: largest distance between the two in x, px of the source frame, over lanes found by both.
        other_class: largest share of a frame's pixels in which their classes differ; None for a network of lanes.
    """

    frames: int
    lanes: int
    same_lanes: int
    lane_px: float
    other_class: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)

    @property
    def holds(self) -> bool:
        """Say whether the lanes are the same: same slots everywhere, nowhere more than a pixel apart."""
        same = self.same_lanes == self.frames and self.lane_px <= LANE_PX_AT_MOST
        return same and (self.other_class or 0.0) <= OTHER_CLASS_AT_MOST


def agreement(
    model: LaneModel, exported: str | Path, frames: Sequence[NDArray[np.uint8]], *, threads: int | None = None
) -> Agreement:
    """Run a trained network with its decoder, and the end-to-end graph, on the same frames.

    Args:
        model: the trained network, in evaluation mode.
        exported: its end-to-end file.
        frames: (H, W, 3) uint8 RGB of the size that the file is for.
        threads: of the runtime.
    """
    lanes, scenes = 0, Differences()
    with Detector.load(exported, backend="onnxruntime", threads=threads) as detector:
        for frame in frames:
            view = detector.manifest.viewport.view((frame.shape[1], frame.shape[0]))
            with torch.inference_mode():
                outputs = model(torch.from_numpy(network_input(frame, view)))
            (first,) = model.decode(outputs, [view])
            lanes += len(first.lanes)
            scenes.add(first, detector.predict(frame))
    return Agreement(len(frames), lanes, scenes.same_lanes, scenes.lane_px, scenes.other_class)


def _reader(decoder: Decoder) -> EndToEndLanes | EndToEndClasses:
    if isinstance(decoder, ClassDecoder):
        return EndToEndClasses(decoder.names)
    return EndToEndLanes()
