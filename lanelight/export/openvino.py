"""An exported ONNX file as OpenVINO's own format."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lanelight.errors import ModelError
from lanelight.export.draft import check_alone
from lanelight.formats.text import cannot_write
from lanelight.runtime.external_data import check_in_one_piece
from lanelight.runtime.manifest import Manifest
from lanelight.runtime.openvino import read_graph

SUFFIX = ".xml"


def export_openvino(exported: str | Path, out: str | Path, *, half: bool = False) -> Manifest:
    """Convert an exported ONNX file, and write its manifest beside it.

    Args:
        exported: the .onnx file with its manifest.
        out: the .xml file; its weights get the same stem with .bin, its manifest with .json.
        half: keep weights as float16, in half of the room; lanes move.

    Returns:
        The manifest as written.

    Raises:
        ModelError: the file is no network, or OpenVINO knows an operation of it not, or `out` has the name of another.
        OutputError: the place cannot be written.
    """
    import openvino

    exported, out = Path(exported), Path(out)
    if out.suffix.lower() != SUFFIX:
        raise ModelError(f"{out}: expected a name that ends in {SUFFIX} for OpenVINO, got {out.suffix or 'no suffix'}")
    check_alone(out)
    manifest = Manifest.load(exported)
    check_in_one_piece(exported)
    try:
        graph = read_graph(exported)
    except Exception as error:  # its exception classes share no public parent but Exception
        reason = " ".join(str(error).split())[-120:]
        raise ModelError(f"{exported}: expected a network that OpenVINO knows, got: {reason}") from error
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        openvino.save_model(graph, str(out), compress_to_fp16=half)
    except (OSError, RuntimeError) as error:  # OpenVINO's own errors are the latter
        raise cannot_write(out, OSError(str(error).splitlines()[0])) from error
    return replace(manifest, backend="openvino").save(out)
