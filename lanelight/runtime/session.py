"""`Session`: a loaded network that maps a batch of pictures to named arrays, whatever runs it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lanelight.errors import ModelError, unknown_name

Array = NDArray[np.float32]


class Session(Protocol):
    """A network ready to run.

    Attributes:
        backend: name of the runtime.
        threads: number of threads it computes with.
    """

    backend: str
    threads: int

    def __call__(self, images: Array) -> dict[str, Array]:
        """Run the network.

        Args:
            images: float32 (B, 3, H, W) RGB in [0, 1].

        Returns:
            Output name -> float32 array with the batch first.
        """
        ...

    def close(self) -> None:
        """Free the network."""
        ...


def open_session(
    model: Path, backend: str, *, threads: int | None = None, input_name: str = "images", outputs: Sequence[str] = ()
) -> Session:
    """Load a model file into a runtime.

    Args:
        model: .onnx file, or .xml of an OpenVINO IR.
        backend: a key of `BACKENDS`.
        threads: threads of the network; None takes every processor this process may use.
        input_name: name of the input.
        outputs: names of the outputs that are wanted; empty takes all.

    Raises:
        ModelError: an unknown backend, or a file that it cannot load, or other inputs or outputs than named.
    """
    if backend == "torch":
        raise ModelError(
            f"{model}: backend torch runs training checkpoints (extra: pip install 'lanelight[train]'), not exported "
            "models; use --backend onnxruntime or openvino"
        )
    if backend not in BACKENDS:
        raise ModelError(unknown_name("backend", backend, (*BACKENDS, "auto", "torch")))
    count = threads or usable_processors()
    return BACKENDS[backend](model, count, input_name, tuple(outputs))


def usable_processors() -> int:
    """Return how many processors this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def checked_outputs(model: Path, wanted: Sequence[str], found: Sequence[str]) -> tuple[str, ...]:
    """Return the outputs to compute: the wanted ones, or all where none are named.

    Raises:
        ModelError: the network lacks one.
    """
    missing = [name for name in wanted if name not in found]
    if missing:
        raise ModelError(f"{model}: expected outputs {', '.join(wanted)}, got {', '.join(found)}; export it again")
    return tuple(wanted or found)


def _open_onnxruntime(model: Path, threads: int, input_name: str, outputs: Sequence[str]) -> Session:
    from lanelight.runtime.onnxruntime import OnnxRuntimeSession

    return OnnxRuntimeSession(model, threads=threads, input_name=input_name, outputs=outputs)


def _open_openvino(model: Path, threads: int, input_name: str, outputs: Sequence[str]) -> Session:
    from lanelight.runtime.openvino import OpenVinoSession

    return OpenVinoSession(model, threads=threads, input_name=input_name, outputs=outputs)


BACKENDS: dict[str, Callable[[Path, int, str, Sequence[str]], Session]] = {
    "onnxruntime": _open_onnxruntime,
    "openvino": _open_openvino,
}
