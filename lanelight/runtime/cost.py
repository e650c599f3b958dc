"""What a network costs on paper: its numbers, and the operations of one picture."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Cost:
    """The size of a network.

    Attributes:
        parameters: of an exported file the numbers that its graph holds, where batch norm is folded into its
            neighbours; of a network in torch its trained parameters.
        gflop: 10^9 operations of one picture, a multiplication with addition being two; convolutions and matrix
            products alone.
    """

    parameters: int
    gflop: float


def graph_cost(model: Path, size: tuple[int, int], input_name: str = "images") -> Cost:
    """Count an exported file.

    Args:
        model: .onnx or OpenVINO .xml.
        size: (width, height) of its input, px, where the file leaves it or the number of pictures open.
        input_name: of its input.

    Raises:
        RuntimeError: OpenVINO, which reads the graph, knows an operation of it not.
    """
    from lanelight.runtime.openvino import read_graph

    graph = read_graph(model)
    if graph.is_dynamic():
        graph.reshape({input_name: [1, 3, size[1], size[0]]})
    parameters, operations = 0, 0
    for node in graph.get_ops():
        kind = node.get_type_name()
        if kind == "Constant" and _is_weight(node):
            parameters += prod(node.get_output_shape(0))
        elif kind in _PRODUCTS:
            operations += 2 * _PRODUCTS[kind](node)
    return Cost(parameters, operations / 1e9)


def _is_weight(node: Any) -> bool:
    """Say whether a constant holds numbers that were learnt: real ones, or those in 8 bits. Others are places."""
    kind = node.get_output_element_type(0)
    return bool(kind.is_real()) or kind.get_type_name() in ("i8", "u8", "i4", "u4")


def _convolution(node: Any) -> int:
    """Each output is a sum over the inputs below the kernel: weights are (C out, C in, kH, kW)."""
    return int(prod(node.get_output_shape(0)) * prod(node.get_input_shape(1)[1:]))


def _group_convolution(node: Any) -> int:
    """Weights are (groups, C out of each, C in of each, kH, kW)."""
    return int(prod(node.get_output_shape(0)) * prod(node.get_input_shape(1)[2:]))


def _transposed(node: Any) -> int:
    """Each input goes to the outputs below the kernel: weights are (C in, C out, kH, kW)."""
    return int(prod(node.get_input_shape(0)) * prod(node.get_input_shape(1)[1:]))


def _group_transposed(node: Any) -> int:
    """Weights are (groups, C in of each, C out of each, kH, kW)."""
    return int(prod(node.get_input_shape(0)) * prod(node.get_input_shape(1)[2:]))


def _matrix_product(node: Any) -> int:
    shape = node.get_input_shape(0)
    inner = shape[-2 if node.get_attributes()["transpose_a"] and len(shape) > 1 else -1]
    return int(prod(node.get_output_shape(0)) * inner)


_PRODUCTS = {
    "Convolution": _convolution,
    "GroupConvolution": _group_convolution,
    "ConvolutionBackpropData": _transposed,
    "GroupConvolutionBackpropData": _group_transposed,
    "MatMul": _matrix_product,
}
