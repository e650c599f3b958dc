"""PReLU with one slope is LeakyReLU, which ONNX Runtime computes far faster, together with the convolution before."""

from __future__ import annotations

from typing import Any

from onnx import helper, numpy_helper


def with_leaky_relu(network: Any) -> int:
    """Replace each PReLU whose slope is one constant number by LeakyReLU, which is the same function.

    Args:
        network: an ONNX model, changed in place.

    Returns:
        How many were replaced.
    """
    graph = network.graph
    constants = {item.name: item for item in graph.initializer}
    replaced = 0
    for node in graph.node:
        if node.op_type != "PRelu" or node.input[1] not in constants:
            continue
        slopes = numpy_helper.to_array(constants[node.input[1]])
        if slopes.size == 1:
            node.op_type = "LeakyRelu"
            node.attribute.append(helper.make_attribute("alpha", float(slopes.item())))
            del node.input[1]
            replaced += 1
    used = {name for node in graph.node for name in node.input} | {item.name for item in graph.output}
    left = [item for item in graph.initializer if item.name in used]
    del graph.initializer[:]
    graph.initializer.extend(left)
    return replaced
