"""Networks run by OpenVINO, in float32 or, where it is asked for, in bfloat16."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lanelight.errors import ModelError
from lanelight.runtime.denormals import SUPPORTED, flushed
from lanelight.runtime.session import Array, Precision, checked_outputs
from lanelight.runtime.signal_stack import signal_stack_kept


class OpenVinoSession:
    """An ONNX file or OpenVINO IR on the processor.

    Args:
        model: .onnx file, or .xml with its .bin beside it.
        threads: of all calls together.
        input_name: name of the input.
        outputs: names of the outputs to return; empty takes all.
        precision: "bf16" computes in bfloat16.
        size: (width, height) that a file which takes many is prepared for; None leaves it open.
        at_once: how many threads may call it at the same time.

    Raises:
        ModelError: the file is no network, or lacks the named input or outputs, or the processor computes no bfloat16.
    """

    backend = "openvino"
    device = "cpu"

    def __init__(
        self,
        model: Path,
        *,
        threads: int,
        input_name: str = "images",
        outputs: Sequence[str] = (),
        precision: Precision = "float32",
        size: tuple[int, int] | None = None,
        at_once: int = 1,
    ) -> None:
        import openvino

        if precision == "bf16":
            check_bf16(model)
        settings = {
            # By itself OpenVINO computes in bfloat16 where the processor can: lanes then move and appear.
            "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32",
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": at_once,
            "INFERENCE_NUM_THREADS": threads,
            "CPU_DENORMALS_OPTIMIZATION": SUPPORTED,  # where its change of the calling thread can be put back
            "ENABLE_CPU_PINNING": False,  # pinned threads wait for a core that the video encoder holds
        }
        try:
            with signal_stack_kept(), flushed():
                graph = read_graph(model)
                if size is not None and graph.input(input_name).partial_shape[2:].is_dynamic:
                    graph.reshape({input_name: [-1, 3, size[1], size[0]]})
                self._compiled: Any = openvino.Core().compile_model(graph, "CPU", settings)
        except Exception as error:  # its exception classes share no public parent but Exception
            reason = " ".join(str(error).split())[-120:]
            raise ModelError(
                f"{model}: expected a network, got a corrupted or foreign file (OpenVINO: {reason})"
            ) from error
        self.threads, self.precision, self.at_once = threads, precision, at_once
        names = [port.get_any_name() for port in self._compiled.inputs]
        if names != [input_name]:
            raise ModelError(f"{model}: expected one input {input_name!r}, got {', '.join(names)}; export it again")
        found = [port.get_any_name() for port in self._compiled.outputs]
        self._places = {name: found.index(name) for name in checked_outputs(model, outputs, found)}
        self._requests: Any = SimpleQueue()  # the free ones
        for _ in range(at_once):
            self._requests.put(self._compiled.create_infer_request())

    def __call__(self, images: NDArray[Any]) -> dict[str, Array]:
        """Run the network on float32 (B, 3, H, W), or an end-to-end graph on uint8 (H, W, 3)."""
        request = self._requests.get()
        try:
            with flushed():
                request.infer([images], share_inputs=True)
            return {
                name: np.array(request.get_output_tensor(place).data, dtype=np.float32)  # a copy: the tensor is reused
                for name, place in self._places.items()
            }
        finally:
            self._requests.put(request)

    def close(self) -> None:
        """Free the network."""
        self._requests = self._compiled = None


def check_bf16(model: Path | str) -> None:
    """Make sure that the processor computes in bfloat16.

    Where it does not, OpenVINO goes on in float32 without a word, or imitates bfloat16, which is slower than float32.

    Args:
        model: for the message.

    Raises:
        ModelError: it does not.
    """
    if not computes_bf16():
        raise ModelError(
            f"{model}: expected a processor with AVX512_BF16 or AMX for precision bf16, this one has neither; "
            "leave the precision out"
        )


def computes_bf16() -> bool:
    """Say whether the processor has instructions for bfloat16, as OpenVINO sees it."""
    import openvino

    return "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def read_graph(model: Path) -> Any:
    """Return the graph of an .onnx or .xml file as OpenVINO's own; what it raises is of no common class."""
    import openvino
    from openvino.frontend import FrontEndManager

    if model.suffix.lower() != ".onnx":
        return openvino.Core().read_model(str(model))
    # `Core.read_model` would try every format on a damaged file, and one of the readers writes to stderr.
    reader = FrontEndManager().load_by_framework("onnx")
    return reader.convert(reader.load(str(model)))
