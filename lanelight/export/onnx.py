"""Write a network as ONNX, with its manifest."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import Tensor, nn

from lanelight.decode import ClassDecoder
from lanelight.errors import ModelError
from lanelight.export.leaky import with_leaky_relu
from lanelight.formats.text import cannot_write, part_name
from lanelight.geometry import InputSizes, ViewportPolicy
from lanelight.models import LaneModel
from lanelight.runtime.manifest import Manifest, found_by
from lanelight.runtime.session import SIDES

OPSET = 20  # read by ONNX Runtime from 1.17 and OpenVINO from 2024


def export_onnx(
    model: LaneModel,
    out: str | Path,
    *,
    name: str,
    version: str = "1",
    viewport: ViewportPolicy | None = None,
    backend: str = "onnxruntime",
    licence: str = "",
    data: Any = "",
    recipe: Any = "",
    dynamic_size: bool = False,
) -> Manifest:
    """Export a network and write its manifest beside it.

    The graph takes float32 (B, 3, H, W) RGB in [0, 1] with any batch size B and the network's own H and W, or, where
    the size is dynamic, any that its `SIZES` allow. Of a network that a `ClassDecoder` decodes, ``classes`` is the
    likeliest class of each pixel, uint8 (B, H, W): the graph chooses, so that the logits, hundreds of megabytes of a
    large picture, never leave it.

    Args:
        model: in evaluation mode or not; exported as for evaluation.
        out: the .onnx file; its manifest has the same stem.
        name: of the network, for the manifest.
        version: of the weights.
        viewport: how frames are shown to the network; by default a band in its size.
        backend: the faster runtime.
        licence: of the weights.
        data: what they were trained on.
        recipe: the resolved recipe, or its name.
        dynamic_size: leave the size of the input open.

    Returns:
        The manifest as written.

    Raises:
        ModelError: an open size was asked for, and the network has one size alone.
        OutputError: the file cannot be written.
    """
    out = Path(out)
    if dynamic_size and model.SIZES is None:
        raise ModelError(
            f"--dynamic-size: expected a network that takes many sizes, got {name}, whose layers are made for "
            f"{model.size[0]}x{model.size[1]}; leave it out"
        )
    sizes = model.SIZES if dynamic_size else None
    example = torch.zeros(2, 3, *_example_shape(model.size, sizes))
    axes = {0: torch.export.Dim("batch", min=1)} | _open_sides(sizes)
    graph = _Positional(model)
    write_graph(graph, example, out, inputs=["images"], outputs=model.OUTPUTS, dynamic_shapes={"images": axes})
    manifest = Manifest(
        name=name,
        version=version,
        viewport=viewport or ViewportPolicy(target=model.size),
        decoder=model.decoder.to_dict(),
        outputs=model.OUTPUTS,
        preprocess=[step.to_dict() for step in model.preprocess],
        **found_by(model.decoder),
        sizes=sizes,
        backend=backend,
        licence=licence,
        data=data,
        recipe=recipe,
    )
    return manifest.save(out)


def write_graph(
    graph: nn.Module,
    example: Tensor,
    out: Path,
    *,
    inputs: Sequence[str],
    outputs: Sequence[str],
    dynamic_shapes: dict[str, Any] | None = None,
) -> None:
    """Write a module as an ONNX file.

    Args:
        graph: gives a tuple of tensors; exported as for evaluation.
        example: its input.
        out: the file.
        inputs: name of the input.
        outputs: names of what it gives.
        dynamic_shapes: as `torch.onnx.export` takes them; None: all shapes are fixed.

    Raises:
        OutputError: the file cannot be written.
    """
    was_training = [(part, part.training) for part in graph.modules()]
    graph.eval()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the exporter warns about its own internals
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        program = torch.onnx.export(
            graph,
            (example,),
            dynamo=True,
            opset_version=OPSET,
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_shapes=dynamic_shapes,
            verbose=False,
        )
    for part, training in was_training:
        part.training = training
    assert program is not None
    temporary = part_name(out)
    _name_sides(program.model)
    _without_traces(program.model)
    network = program.model_proto
    with_leaky_relu(network)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        onnx.save(network, str(temporary))
        temporary.replace(out)
    except OSError as error:
        raise cannot_write(out, error) from error


def _open_sides(sizes: InputSizes | None) -> dict[int, Any]:
    """Return the open axes of height and width, as `torch.onnx.export` takes them."""
    if sizes is None:
        return {}
    count = sizes.multiple
    sides = [torch.export.Dim(side, min=sizes.least // count) for side in SIDES]
    return {2 + place: side if count == 1 else count * side for place, side in enumerate(sides)}


def _example_shape(size: tuple[int, int], sizes: InputSizes | None) -> tuple[int, int]:
    """Return (H, W) of an example; where they are open, so large that no inner map has a side of 1."""
    width, height = size
    least = 0 if sizes is None else 3 * sizes.least
    return max(height, least), max(width, least)


def _without_traces(network: Any) -> None:
    """Drop what the exporter notes of every node: lines of source code, and where it lies on this machine."""
    for node in network.graph.all_nodes():
        node.metadata_props.clear()


def _name_sides(model: Any) -> None:
    """Call the open sides of an exported model's pictures by their names; the exporter writes ``8*height``."""
    shape = [str(length) for length in model.graph.inputs[0].shape]
    names = {length: side for length, side in zip(shape[2:], SIDES, strict=False) if not length.isdigit()}
    for value in (*model.graph.inputs, *model.graph.outputs):
        for axis, length in enumerate(value.shape):
            if str(length) in names:
                value.shape[axis] = names[str(length)]


def chosen_in_graph(model: LaneModel) -> tuple[str, ...]:
    """Return the outputs of a network that are logits of classes, of which the exported graph gives the largest's id.

    What the decoder is decides: `ClassDecoder` takes ids as well as logits, no other does.
    """
    return ("classes",) if isinstance(model.decoder, ClassDecoder) else ()


class _Positional(nn.Module):
    """The network with its outputs in order, as the exporter wants them, and of logits of classes the largest."""

    def __init__(self, model: LaneModel) -> None:
        super().__init__()
        self.model = model
        self.chosen = chosen_in_graph(model)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        outputs = self.model(images)
        return tuple(
            outputs[name].argmax(dim=1).to(torch.uint8) if name in self.chosen else outputs[name]
            for name in self.model.OUTPUTS
        )
