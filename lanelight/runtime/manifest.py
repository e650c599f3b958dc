"""`Manifest`: what a network file needs beside it to be used - viewport, decoder, origin - as NAME.json."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Self

from lanelight.decode import (
    BenchmarkPriorDecoder,
    ClassDecoder,
    Decoder,
    EndToEndClasses,
    LaneAreaDecoder,
    decoder_from_dict,
)
from lanelight.errors import ModelError
from lanelight.formats.text import NO_NAME, NOT_JSON, write_json
from lanelight.frames.preprocess import steps_from
from lanelight.geometry import InputSizes, ViewportPolicy
from lanelight.geometry.viewport import LARGEST_SIDE

FORMAT = "lanelight-model/1"
CHUNK = 1 << 20
LARGEST = 1 << 24  # bytes of a manifest; real ones have some thousand
LONGEST, MOST = 200, 255  # letters of a name, names in a list: ids of classes are bytes
SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Manifest:
    """Everything about an exported network that its file does not say.

    The network's input is float32 (B, 3, H, W) RGB in [0, 1], with (W, H) the target of the viewport policy; where
    `source` is given it is a whole frame of that size, uint8 (H, W, 3) RGB, and the graph crops and resizes itself.

    Attributes:
        name: short name of the network.
        version: version of these weights.
        viewport: what the network sees of a frame.
        decoder: kind and thresholds, as `lanelight.decode.decoder_from_dict` reads them.
        outputs: names of the outputs, in order.
        slots: number of lane slots, counted from the left; 0 where the network has none.
        classes: names of its per-pixel classes by id; empty where it has none.
        preprocess: steps between the viewport and the network, each ``{"kind": ...}``; see `frames.preprocess`.
        input: name of the input.
        source: (width, height) of the frames that an end-to-end graph takes, px; None for a network alone.
        sizes: of input that the file takes beside the viewport's target; None: that one alone.
        backend: the faster runtime for this network, ``"onnxruntime"`` or ``"openvino"``.
        int8: of a network in 8 bits, how that was judged: number of ``frames``, ``measure``, ``drop`` and its
            ``limit``, ``convolutions`` and how many of them stayed ``in_float``; None for a network in float32.
        licence: SPDX name of the licence of the weights.
        data: what it was trained on.
        recipe: the resolved recipe of the training run, or its name.
        sha256: of the model file; `save` fills it in.
        lanelight: version of lanelight that wrote the manifest.

    Raises:
        ModelError: a preprocess step or backend that this version does not know, or a name, size or number that cannot
            be.
    """

    name: str
    version: str
    viewport: ViewportPolicy
    decoder: Mapping[str, Any]
    outputs: Sequence[str]
    slots: int = 4
    classes: Sequence[str] = ()
    preprocess: Sequence[Mapping[str, Any]] = ()
    input: str = "images"
    source: tuple[int, int] | None = None
    sizes: InputSizes | None = None
    backend: str = "onnxruntime"
    int8: Mapping[str, Any] | None = None
    licence: str = ""
    data: Any = ""
    recipe: Any = ""
    sha256: str = ""
    lanelight: str = ""
    path: Path | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        _check_names(self)
        if self.int8 is not None and not isinstance(self.int8, Mapping):
            raise ModelError(f"model {self.name!r}: expected int8 as an object, got {self.int8!r:.40}")
        steps_from(self.preprocess, f"model {self.name!r}")
        if self.source is not None and not (min(self.source) >= 1 and max(self.source) <= LARGEST_SIDE):
            raise ModelError(
                f"model {self.name!r}: expected a source size of 1 to {LARGEST_SIDE} px a side, got {self.source}"
            )
        if self.sizes is not None:
            self.sizes.check(f"model {self.name!r}", self.viewport.target)
        if self.backend not in ("onnxruntime", "openvino"):
            raise ModelError(f"model {self.name!r}: expected backend onnxruntime or openvino, got {self.backend!r}")

    @classmethod
    def load(cls, model: Path | str) -> Self:
        """Read the manifest beside a model file and check that it belongs to that file.

        Raises:
            ModelError: the manifest is missing, damaged or of a newer version, or the model file is corrupted.
        """
        model = Path(model)
        path = manifest_path(model)
        try:
            entry = json.loads(_text(path))
        except FileNotFoundError as error:
            raise ModelError(
                f"{model}: expected its manifest {path.name} beside it, found none; "
                "copy it along, or make both with `lanelight export`"
            ) from error
        except (OSError, *NOT_JSON) as error:
            raise ModelError(f"{path}: expected a JSON manifest, got: {error}") from error
        try:
            manifest = cls._from_dict(entry, path)
            decoder_from_dict(manifest.decoder)  # here, so that no command gets as far as making its outputs
        except ModelError as error:
            raise error if str(path) in str(error) else ModelError(f"{path}: {error}") from error
        found = digest(model)
        if found != manifest.sha256:
            raise ModelError(
                f"{model}: the model file is corrupted: expected sha256 {manifest.sha256[:12]}..., "
                f"got {found[:12]}...; fetch or export it again"
            )
        return manifest

    def save(self, model: Path | str) -> Self:
        """Write the manifest beside a finished model file, with the file's sha256, and return it so completed.

        Raises:
            OutputError: the place cannot be written.
            ModelError: the model file is missing.
        """
        from lanelight import __version__

        model = Path(model)
        path = manifest_path(model)
        full = replace(self, sha256=digest(model), lanelight=__version__, path=path)
        write_json(path, full.to_dict())
        return full

    def to_dict(self) -> dict[str, Any]:
        """Return the manifest as its file has it."""
        values = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "path"}
        values["viewport"] = self.viewport.to_dict()
        values["sizes"] = None if self.sizes is None else self.sizes.to_dict()
        for key in ("source", "sizes", "int8"):  # only where it is so: versions before these entries read the others
            if values[key] is None:
                del values[key]
        return {"format": FORMAT, **values}

    def at_size(self, size: tuple[int, int]) -> Self:
        """Return the manifest of the same network with another size of input; the view of a frame changes with it.

        Args:
            size: (width, height) px.

        Raises:
            ModelError: the file does not take this size.
        """
        own = self.viewport.target
        if size == own:
            return self
        if self.sizes is None:
            raise ModelError(
                f"model {self.name!r}: expected an input of {own[0]}x{own[1]}, which is fixed in this file, "
                f"got size {size[0]}x{size[1]}; leave the size out, or export the network with --dynamic-size"
            )
        self.sizes.check(f"model {self.name!r}", size)
        return replace(self, viewport=replace(self.viewport, target=size))

    @classmethod
    def _from_dict(cls, entry: Any, path: Path) -> Self:
        _check_format(entry, path)
        names = {item.name for item in fields(cls)} - {"path"}
        values = {key: value for key, value in entry.items() if key in names}
        try:
            values["viewport"] = ViewportPolicy.from_dict(values["viewport"])
            values["outputs"] = values["outputs"] if isinstance(values["outputs"], str) else tuple(values["outputs"])
            values["decoder"] = dict(values["decoder"])
            if not SHA256.fullmatch(values["sha256"]):
                raise ValueError("sha256 has 64 digits and letters a to f")
            if values.get("source") is not None:
                width, height = values["source"]
                values["source"] = (int(width), int(height))
            if values.get("sizes") is not None:
                values["sizes"] = InputSizes(**values["sizes"])
            return cls(**values, path=path)
        except (KeyError, TypeError, ValueError) as error:
            needed = "name, version, viewport, decoder, outputs, sha256"
            raise ModelError(
                f"{path}: expected a manifest with {needed} ({error!r}); export the model again"
            ) from error


def found_by(decoder: Decoder) -> dict[str, Any]:
    """Return the manifest's entries on what a decoder finds: classes of pixels, lanes without slots, or in slots."""
    if isinstance(decoder, LaneAreaDecoder):
        return {"slots": 0, "classes": decoder.CLASSES}
    if isinstance(decoder, ClassDecoder | EndToEndClasses):
        return {"slots": 0, "classes": decoder.names}
    return {"slots": 0} if isinstance(decoder, BenchmarkPriorDecoder) else {}


def manifest_path(model: Path | str) -> Path:
    """Return where the manifest of a model file lies."""
    return Path(model).with_suffix(".json")


def digest(model: Path | str) -> str:
    """Return the sha256 of a model file; of an OpenVINO IR, of its .xml followed by its .bin.

    Raises:
        ModelError: the file cannot be read.
    """
    model = Path(model)
    total = hashlib.sha256()
    for part in (model, model.with_suffix(".bin")) if model.suffix == ".xml" else (model,):
        try:
            with part.open("rb") as file:
                while chunk := file.read(CHUNK):
                    total.update(chunk)
        except OSError as error:
            raise ModelError(f"{part}: the model file cannot be read: {error.strerror}") from error
    return total.hexdigest()


def _text(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise ModelError(f"{path}: expected a manifest of at most {LARGEST} bytes, got more; export the model again")
    return content.decode("utf-8")


def _check_names(manifest: Manifest) -> None:
    """Make sure that names are names: they become names of folders, lines on a terminal, and labels in pictures."""
    own = {"name": manifest.name, "version": manifest.version, "input": manifest.input, "licence": manifest.licence}
    for key, value in own.items():
        if not _is_name(value):
            raise ModelError(f"expected {key} as a text of one line and {LONGEST} letters, got {value!r:.80}")
    if "/" in manifest.name or "\\" in manifest.name or manifest.name in ("", ".", ".."):
        raise ModelError(f"expected a name that is no path, got {manifest.name!r:.80}")
    for key, names in (("outputs", manifest.outputs), ("classes", manifest.classes)):
        if isinstance(names, str) or len(names) > MOST or not all(map(_is_name, names)):
            raise ModelError(f"expected {key} as a list of at most {MOST} names, got {names!r:.80}")
    if not isinstance(manifest.slots, int) or not 0 <= manifest.slots <= MOST:
        raise ModelError(f"expected 0 to {MOST} slots, got {manifest.slots!r:.40}")


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST and not NO_NAME.search(value)


def _check_format(entry: Any, path: Path) -> None:
    found = entry.get("format") if isinstance(entry, dict) else None
    version = re.fullmatch(r"lanelight-model/(\d+)", str(found))
    if version is None:
        raise ModelError(f'{path}: expected a manifest with "format": "{FORMAT}", got {found!r}')
    if found != FORMAT:
        raise ModelError(
            f"{path}: the manifest has format {found}, this lanelight reads {FORMAT}; "
            "upgrade lanelight (pip install --upgrade lanelight)"
        )
