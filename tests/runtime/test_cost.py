"""What a network costs is counted from its graph: by hand for every kind of product."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fake_network
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from lanelight.runtime.cost import Cost, graph_cost

SIZE = (16, 8)  # (width, height)
PIXELS = SIZE[0] * SIZE[1]


def one_node(path: Path, kind: str, weights: NDArray[Any], out: list[int], **settings: Any) -> Path:
    """Write a graph of one product with its weights."""
    graph = helper.make_graph(
        [helper.make_node(kind, ["images", "w"], ["out"], **settings)],
        "one",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 3, SIZE[1], SIZE[0]])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, ["batch", *out])],
        [numpy_helper.from_array(weights.astype(np.float32), "w")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), str(path))
    return path


@pytest.mark.parametrize(
    ("kind", "shape", "out", "settings", "operations"),
    [
        ("Conv", (7, 3, 3, 3), [7, 8, 16], {"pads": [1] * 4}, 2 * 7 * PIXELS * 3 * 9),
        ("Conv", (7, 3, 3, 3), [7, 4, 8], {"pads": [1] * 4, "strides": [2, 2]}, 2 * 7 * PIXELS // 4 * 3 * 9),
        ("Conv", (6, 1, 3, 3), [6, 8, 16], {"pads": [1] * 4, "group": 3}, 2 * 6 * PIXELS * 9),
        ("ConvTranspose", (3, 5, 2, 2), [5, 16, 32], {"strides": [2, 2]}, 2 * 3 * PIXELS * 5 * 4),
        ("ConvTranspose", (3, 2, 2, 2), [6, 16, 32], {"strides": [2, 2], "group": 3}, 2 * 3 * PIXELS * 2 * 4),
        ("MatMul", (16, 10), [3, 8, 10], {}, 2 * 3 * 8 * 16 * 10),
    ],
)
def test_products_and_weights_are_counted(
    tmp_path: Path, *, kind: str, shape: tuple[int, ...], out: list[int], settings: dict[str, Any], operations: int
) -> None:
    model = one_node(tmp_path / "one.onnx", kind, np.ones(shape), out, **settings)
    cost = graph_cost(model, SIZE)
    assert cost.parameters == np.prod(shape)
    assert cost.gflop == pytest.approx(operations / 1e9)


def test_a_whole_network_is_counted_for_one_picture(tmp_path: Path) -> None:
    width, height = fake_network.TARGET
    numbers = 5 * 3 + 5 + 1 + 1  # weights, biases, and the two numbers of the existence logits
    assert graph_cost(fake_network.write_model(tmp_path), fake_network.TARGET) == Cost(
        numbers, 2 * 5 * 3 * width * height / 1e9
    )
