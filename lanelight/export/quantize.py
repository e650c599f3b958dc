"""Convolutions of an ONNX file in 8 bits: ONNX Runtime's static quantisation, with ranges seen on real pictures."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static

from lanelight.errors import ModelError
from lanelight.export.leaky import with_leaky_relu
from lanelight.runtime.session import Array

KIND = "Conv"  # what is computed in 8 bits; it is nearly all of the work
EARLY = 1 / 3  # share of the convolutions that the most cautious way leaves in float: errors of early ones add up


@dataclass(frozen=True)
class Choice:
    """A way to quantise a network.

    Attributes:
        in_float: names of the convolutions that stay in float32.
        shifted: activations from the smallest to the largest value in 256 steps, so that zero is anywhere between
            them: more exact where one sign prevails. Else both signs have 127 steps, which is computed faster.
    """

    in_float: tuple[str, ...] = ()
    shifted: bool = False


def choices(prepared: Path, names: Sequence[str]) -> list[Choice]:
    """Return the ways to quantise a network, the fastest first.

    Args:
        prepared: as `prepare` wrote it.
        names: of all convolutions.
    """
    ends = outer(prepared, names)
    early = tuple(name for place, name in enumerate(names) if name in ends or place < EARLY * len(names))
    ways = [Choice(), Choice(shifted=True), Choice(ends), Choice(ends, shifted=True), Choice(early, shifted=True)]
    return [way for place, way in enumerate(ways) if way not in ways[:place] and len(way.in_float) < len(names)]


def prepare(model: Path, out: Path) -> tuple[str, ...]:
    """Write a network as it is quantised, batch norm folded and constants computed, and return its convolutions.

    Args:
        model: .onnx file in float32.
        out: the file to write.

    Returns:
        Names of the convolutions, each its own, from the input to the outputs.

    Raises:
        ModelError: the file cannot be read, or has no convolutions.
    """
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC  # more is for one processor
    options.optimized_model_filepath = str(out)
    options.log_severity_level = 4  # its own lines would stand beside our error message
    try:
        onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its exception classes share no public parent but Exception
        reason = str(error).splitlines()[0]
        raise ModelError(f"{model}: expected an ONNX network, got a corrupted or foreign file ({reason})") from error
    network = onnx.load(str(out))
    with_leaky_relu(network)
    names = []
    for place, node in enumerate(network.graph.node):
        if node.op_type == KIND:
            node.name = f"conv_{place}"  # the exporter's are unique, those of others need not be there
            names.append(node.name)
    if not names:
        raise ModelError(f"{model}: expected a network with convolutions, got none; --int8 does nothing for it")
    onnx.save(network, str(out))
    return tuple(names)


def quantize(prepared: Path, out: Path, images: Iterable[Array], choice: Choice, *, input_name: str = "images") -> None:
    """Write a network with convolutions in 8 bits.

    Weights have a scale for each output channel, activations one each, from the values that they take on the pictures.

    Args:
        prepared: as `prepare` wrote it.
        out: the file to write.
        images: what the network is shown, each (1, 3, H, W) float32 RGB in [0, 1].
        choice: what is computed how.
        input_name: name of the input.

    Raises:
        ModelError: ONNX Runtime cannot quantise the network.
    """
    try:
        with _quiet():
            quantize_static(
                str(prepared),
                str(out),
                _Reader(input_name, images),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=[KIND],
                nodes_to_exclude=list(choice.in_float),
                per_channel=True,
                activation_type=QuantType.QUInt8 if choice.shifted else QuantType.QInt8,
                weight_type=QuantType.QInt8,
                calibrate_method=CalibrationMethod.MinMax,
                extra_options={
                    "ActivationSymmetric": not choice.shifted,
                    "WeightSymmetric": True,
                    "CalibMovingAverage": True,  # mean of the frames' ranges: one frame's outlier costs all their steps
                },
            )
    except Exception as error:  # ValueError, RuntimeError, and ONNX Runtime's own
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"{prepared.name}: ONNX Runtime cannot quantise the network ({reason})") from error
    _strip(out)


def outer(prepared: Path, names: Collection[str]) -> tuple[str, ...]:
    """Return the convolutions at the ends of a network: those that some way leads to without passing another one.

    Ways begin at the input and at the outputs. Where sums carry what was seen past the convolutions, as in the
    bottlenecks of ENet, these are also the ones that read and write such sums, whose ranges are wide.

    Args:
        prepared: as `prepare` wrote it.
        names: of all convolutions.
    """
    graph = onnx.load(str(prepared)).graph
    known = set(names)
    ahead = _reached(graph.node, [item.name for item in graph.input], known, backwards=False)
    behind = _reached(graph.node, [item.name for item in graph.output], known, backwards=True)
    return tuple(name for name in names if name in ahead | behind)


def _reached(nodes: Any, start: list[str], stops: set[str], *, backwards: bool) -> set[str]:
    """Return the first nodes of `stops` on every way through the graph."""
    found: set[str] = set()
    open_names = set(start)
    for node in reversed(nodes) if backwards else nodes:  # the order of the file is one in which they can run
        ends, others = (node.output, node.input) if backwards else (node.input, node.output)
        if not open_names & set(ends):
            continue
        if node.name in stops:
            found.add(node.name)
        else:
            open_names |= set(others)
    return found


def _strip(path: Path) -> None:
    """Take notes of the exporter out of a file: they are a good part of a small network, and name folders."""
    network = onnx.load(str(path))
    graph = network.graph
    del graph.value_info[:]
    for part in (network, graph, *graph.node, *graph.initializer, *graph.input, *graph.output):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    onnx.save(network, str(path))


class _Reader(CalibrationDataReader):  # type: ignore[misc]  # a class without types
    """Hands the pictures to ONNX Runtime."""

    def __init__(self, input_name: str, images: Iterable[Array]) -> None:
        self._input = input_name
        self._images = iter(images)

    def get_next(self) -> dict[str, Array] | None:
        """Return the next picture as an input, None after the last."""
        image = next(self._images, None)
        return None if image is None else {self._input: image}


@contextmanager
def _quiet() -> Iterator[None]:
    """Leave out what ONNX Runtime logs by Python's root logger, hints about preparing that is done."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
