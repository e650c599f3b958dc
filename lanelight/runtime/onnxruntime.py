"""Networks run by ONNX Runtime."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lanelight.errors import ModelError
from lanelight.runtime.denormals import SUPPORTED, flushed
from lanelight.runtime.session import SIDES, Array, Precision, checked_outputs


class OnnxRuntimeSession:
    """An ONNX file on the processor.

    Args:
        model: .onnx file.
        threads: of all calls together.
        input_name: name of the input.
        outputs: names of the outputs to compute; empty takes all.
        size: (width, height) that a file which takes many is prepared for; None leaves it open.
        at_once: how many threads may call it at the same time.

    Raises:
        ModelError: the file is no ONNX network, or lacks the named input or outputs.
    """

    backend = "onnxruntime"
    device = "cpu"
    precision: Precision = "float32"

    def __init__(
        self,
        model: Path,
        *,
        threads: int,
        input_name: str = "images",
        outputs: Sequence[str] = (),
        size: tuple[int, int] | None = None,
        at_once: int = 1,
    ) -> None:
        import onnxruntime

        if model.suffix.lower() != ".onnx":
            raise ModelError(f"{model}: ONNX Runtime expects an .onnx file; use --backend openvino for OpenVINO IR")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads // at_once  # of each call
        options.inter_op_num_threads = 1
        options.log_severity_level = 4  # its own lines would stand beside our error message
        if SUPPORTED:  # where its change of the calling thread can be put back
            options.add_session_config_entry("session.set_denormal_as_zero", "1")
        # Spinning threads would take the processor from the video decoder and encoder between two calls.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        for side, length in zip(SIDES, reversed(size or ()), strict=False):
            options.add_free_dimension_override_by_name(side, length)
        try:
            with flushed():
                self._session: Any = onnxruntime.InferenceSession(
                    str(model), options, providers=["CPUExecutionProvider"]
                )
        except Exception as error:  # its exception classes share no public parent but Exception
            reason = str(error).splitlines()[0]
            raise ModelError(
                f"{model}: expected an ONNX network, got a corrupted or foreign file ({reason})"
            ) from error
        self.threads, self.at_once = threads, at_once
        names = [item.name for item in self._session.get_inputs()]
        if names != [input_name]:
            raise ModelError(f"{model}: expected one input {input_name!r}, got {', '.join(names)}; export it again")
        self._input = input_name
        self._outputs = checked_outputs(model, outputs, [item.name for item in self._session.get_outputs()])

    def __call__(self, images: NDArray[Any]) -> dict[str, Array]:
        """Run the network on float32 (B, 3, H, W), or an end-to-end graph on uint8 (H, W, 3)."""
        with flushed():
            arrays = self._session.run(list(self._outputs), {self._input: images})
        return {name: np.asarray(array, dtype=np.float32) for name, array in zip(self._outputs, arrays, strict=True)}

    def close(self) -> None:
        """Free the network."""
        self._session = None
