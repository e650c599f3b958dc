"""The runtimes that lanelight can use, by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from lanelight.errors import ModelError, unknown_name
from lanelight.machine import usable_processors
from lanelight.runtime.external_data import check_in_one_piece
from lanelight.runtime.session import PRECISIONS, Precision, Session


def open_session(
    model: Path,
    backend: str,
    *,
    threads: int | None = None,
    input_name: str = "images",
    outputs: Sequence[str] = (),
    precision: Precision = "float32",
) -> Session:
    """Load a model file into a runtime.

    Args:
        model: .onnx file, or .xml of an OpenVINO IR.
        backend: a key of `BACKENDS`.
        threads: threads of the network; None takes every processor this process may use.
        input_name: name of the input.
        outputs: names of the outputs that are wanted; empty takes all.
        precision: "bf16" is faster where the processor computes it, and moves lanes; ONNX Runtime has it not.

    Raises:
        ModelError: an unknown backend or precision, or a file that the backend cannot load or that keeps weights
            elsewhere, or other inputs or outputs than named.
    """
    if backend == "torch":
        raise ModelError(
            f"{model}: backend torch runs training checkpoints (extra: pip install 'lanelight[train]'), not exported "
            "models; use --backend onnxruntime or openvino"
        )
    if backend not in BACKENDS:
        raise ModelError(unknown_name("backend", backend, (*BACKENDS, "auto", "torch")))
    check_precision(precision, backend, model)
    if model.suffix.lower() == ".onnx":
        check_in_one_piece(model)
    count = threads or usable_processors()
    return BACKENDS[backend](model, count, input_name, tuple(outputs), precision)


def check_precision(precision: str, backend: str, model: Path | str) -> None:
    """Make sure that a backend can compute in a precision; whether the processor can is told where it is loaded.

    Raises:
        ModelError: it cannot, or there is no such precision.
    """
    if precision not in PRECISIONS:
        raise ModelError(unknown_name("precision", precision, PRECISIONS))
    if precision not in PRECISIONS_OF.get(backend, PRECISIONS):
        raise ModelError(
            f"{model}: expected precision float32, got {precision}: ONNX Runtime has no kernels for it on "
            "processors; use --backend openvino, or leave --precision out"
        )


def _open_onnxruntime(model: Path, threads: int, input_name: str, outputs: Sequence[str], _: Precision) -> Session:
    from lanelight.runtime.onnxruntime import OnnxRuntimeSession

    return OnnxRuntimeSession(model, threads=threads, input_name=input_name, outputs=outputs)


def _open_openvino(model: Path, threads: int, input_name: str, outputs: Sequence[str], precision: Precision) -> Session:
    from lanelight.runtime.openvino import OpenVinoSession

    return OpenVinoSession(model, threads=threads, input_name=input_name, outputs=outputs, precision=precision)


BACKENDS: dict[str, Callable[[Path, int, str, Sequence[str], Precision], Session]] = {
    "onnxruntime": _open_onnxruntime,
    "openvino": _open_openvino,
}
PRECISIONS_OF: dict[str, tuple[Precision, ...]] = {"onnxruntime": ("float32",)}  # others have all
