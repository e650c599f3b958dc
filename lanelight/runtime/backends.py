"""The runtimes that lanelight can use, by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

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
    size: tuple[int, int] | None = None,
    at_once: int = 1,
) -> Session:
    """Load a model file into a runtime.

    Args:
        model: .onnx file, or .xml of an OpenVINO IR.
        backend: a key of `BACKENDS`.
        threads: threads of the network; None takes every processor this process may use.
        input_name: name of the input.
        outputs: names of the outputs that are wanted; empty takes all.
        precision: "bf16" is faster where the processor computes it, and moves lanes; ONNX Runtime has it not.
        size: (width, height) of all inputs, px, for which a file that takes many sizes is prepared, and then is as fast
            as one for that size alone; None leaves it open.
        at_once: how many threads may call it at the same time, at most `threads`. Two frames beside each other, each on
            one processor, take less time than one after the other, each on two; a single one takes longer.

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
    options = _Options(count, input_name, tuple(outputs), precision, size, min(at_once, count))
    return BACKENDS[backend](model, options)


def runtimes_of(model: Path) -> tuple[str, ...]:
    """Return the names of the runtimes that read a model file."""
    return ("openvino",) if model.suffix.lower() == ".xml" else tuple(BACKENDS)


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


class _Options(NamedTuple):
    threads: int
    input_name: str
    outputs: Sequence[str]
    precision: Precision
    size: tuple[int, int] | None
    at_once: int


def _open_onnxruntime(model: Path, options: _Options) -> Session:
    from lanelight.runtime.onnxruntime import OnnxRuntimeSession

    given = options._asdict()
    del given["precision"]  # it has float32 alone
    return OnnxRuntimeSession(model, **given)


def _open_openvino(model: Path, options: _Options) -> Session:
    from lanelight.runtime.openvino import OpenVinoSession

    return OpenVinoSession(model, **options._asdict())


BACKENDS: dict[str, Callable[[Path, _Options], Session]] = {
    "onnxruntime": _open_onnxruntime,
    "openvino": _open_openvino,
}
PRECISIONS_OF: dict[str, tuple[Precision, ...]] = {"onnxruntime": ("float32",)}  # others have all
