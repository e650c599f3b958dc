"""The networks that come with the package, and how a name or path leads to a model file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lanelight.errors import ModelError, unknown_name

WEIGHTS = Path(__file__).resolve().parent.parent / "weights"
SUFFIXES = (".onnx", ".xml")


@dataclass(frozen=True)
class Bundled:
    """A network of the package.

    Attributes:
        stem: file name in `WEIGHTS` without suffix.
        summary: one line for tables.
    """

    stem: str
    summary: str


_ENET_SAD_ROAD = Bundled("enet_sad_road", "ENet-SAD, four lane slots, trained on rendered and real roads")

BUNDLED: dict[str, Bundled] = {
    "default": _ENET_SAD_ROAD,
    "enet_sad_road": _ENET_SAD_ROAD,
}


def find_model(name_or_path: str | Path) -> Path:
    """Return the model file that a bundled name or a path means.

    Raises:
        ModelError: an unknown name, a missing file, or a file that is no exported model.
    """
    text = str(name_or_path)
    if isinstance(name_or_path, str) and text in BUNDLED:
        return _bundled_file(text)
    path = Path(name_or_path)
    if path.suffix.lower() == ".json":  # the manifest was named: the model lies beside it
        path = next((path.with_suffix(end) for end in SUFFIXES if path.with_suffix(end).is_file()), path)
    if path.is_file():
        if path.suffix.lower() in SUFFIXES:
            return path
        raise ModelError(
            f"{path}: expected an exported model (.onnx or OpenVINO .xml), got {path.suffix or 'no suffix'}; "
            "make one with `lanelight export`"
        )
    if path.suffix or path.parent != Path():
        raise ModelError(f"{path}: no such model file; bundled names: {', '.join(sorted(BUNDLED))}")
    raise ModelError(unknown_name("model", text, BUNDLED))


def _bundled_file(name: str) -> Path:
    for suffix in SUFFIXES:
        path = WEIGHTS / f"{BUNDLED[name].stem}{suffix}"
        if path.is_file():
            return path
    raise ModelError(
        f"model {name!r}: expected its weights {BUNDLED[name].stem}.onnx in {WEIGHTS}, found none; "
        "install lanelight again, or name an exported model file"
    )
