"""Teachers that are frozen: a network of ours run by torch, or an exported one."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from lanelight.distill.lesson import Lesson, Wanted
from lanelight.distill.teacher import TeacherDistillation
from lanelight.errors import LanelightError, ModelError, unknown_name
from lanelight.frames.preprocess import Step, steps_from
from lanelight.geometry import Viewport
from lanelight.losses.transfer import unit_attention
from lanelight.models import MODELS, LaneModel, checkpoints
from lanelight.nn.taps import tapped
from lanelight.runtime import Manifest, open_session
from lanelight.runtime.predictor import decoder_of, network_input

log = logging.getLogger(__name__)

WEIGHTS_FILE, RECIPE_FILE = "weights.safetensors", "recipe.json"  # of a run's folder
EXPORTED = (".onnx", ".xml")


class TeacherNetwork(Protocol):
    """A network that teaches.

    Attributes:
        name: for messages.
        taps: names of the features it shows.
        outputs: names of its outputs.
        digest: of all that its answers depend on, the picture aside.
        preprocess: steps on the picture that its weights expect.
    """

    name: str
    taps: tuple[str, ...]
    outputs: tuple[str, ...]
    digest: str
    preprocess: tuple[Step, ...]

    def lesson(self, images: Tensor, wanted: Wanted) -> Lesson:
        """Return what the network says of pictures.

        Args:
            images: (B, 3, H, W) uint8 RGB.
            wanted: what of it.
        """
        ...


def open_network(settings: TeacherDistillation, size: tuple[int, int]) -> TeacherNetwork:
    """Open a teacher.

    Args:
        settings: which one.
        size: (width, height) of the student's input, px.

    Raises:
        LanelightError: no file is named or there, or its network is not known or does not fit.
    """
    path = weights_file(settings.file)
    if path.suffix in EXPORTED:
        return ExportedTeacher(path, settings.size)
    told = _told_by_run(path)
    name = _network_name(path, settings.network, told.get("network") or checkpoints.metadata(path).get("network", ""))
    parts = {key: value for key, value in told.get("parts", {}).items() if key != "pretrained_backbone"}
    try:
        with torch.random.fork_rng(devices=[]):  # what the student draws is the same with and without a teacher
            model = checkpoints.load(path, name, size=settings.size or size, parts=parts)
    except ModelError as error:
        if str(path) in str(error):
            raise
        raise ModelError(f"{path}: {error}") from error
    return TorchTeacher(model, name)


def weights_file(file: str) -> Path:
    """Return the file of a teacher's weights: of a run's folder, its result.

    Raises:
        ModelError: none is named, or it is not there.
    """
    if not file:
        raise ModelError("teacher.file: expected the weights of a teacher; name them with --teacher FILE")
    path = Path(file) / WEIGHTS_FILE if Path(file).is_dir() else Path(file)
    if not path.is_file():
        raise ModelError(
            f"{path}: expected the weights of a teacher, found none; name a training run, its weights or an exported "
            "network with --teacher FILE"
        )
    return path


class TorchTeacher:
    """A network of ours: in evaluation mode, without gradients.

    It is no part of the student's module: not of its parameters, nor of its saved state.

    Args:
        model: the network.
        name: in `MODELS`.
    """

    def __init__(self, model: LaneModel, name: str) -> None:
        self.name, self.taps, self.outputs = name, model.TAPS, model.OUTPUTS
        self._model = model.eval().requires_grad_(False)
        self._device = torch.device("cpu")
        self.digest = _digest(model, name)
        self.preprocess = model.preprocess

    @torch.no_grad()
    def lesson(self, images: Tensor, wanted: Wanted) -> Lesson:
        """Return what the network says of pictures; see `TeacherNetwork`."""
        if images.device != self._device:
            self._device = images.device
            self._model.to(images.device)
        height, width = images.shape[-2:]
        with tapped(self._model, sorted({*wanted.attention, *wanted.taps})) as features:
            outputs = self._model(self._seen(images))
        with torch.autocast(images.device.type, enabled=False):
            attention = {name: unit_attention(features[name].float()) for name in wanted.attention}
        view = Viewport.whole((width, height), self._model.size)
        return Lesson(
            attention,
            {name: features[name].float() for name in wanted.taps},
            {name: outputs[name].float() for name in wanted.outputs},
            self._model.decode(outputs, [view] * len(images)) if wanted.scenes else [],
        )

    def _seen(self, images: Tensor) -> Tensor:
        """Return the network's input: (B, 3, h, w) in [0, 1], in its own size."""
        seen, size = images.float() / 255, self._model.size[::-1]
        if images.shape[-2:] == size:
            return seen
        return F.interpolate(seen, size=size, mode="bilinear", align_corners=False, antialias=True)


class ExportedTeacher:
    """An exported network, run as `lanelight predict` runs it, on the processor.

    It sees the whole picture that the student sees: its own choice of a part of a frame was made by the student's.

    Args:
        path: of the .onnx or .xml file; its manifest lies beside it.
        size: that was asked for; the file is bound to its own.

    Raises:
        ModelError: the manifest is missing or damaged, or another size was asked for.
    """

    taps: tuple[str, ...] = ()

    def __init__(self, path: Path, size: tuple[int, int] | None) -> None:
        manifest = Manifest.load(path)
        if manifest.source is not None:
            raise ModelError(
                f"{path}: expected a teacher whose outputs are those of its network, got an end-to-end graph; export "
                "it without --end-to-end"
            )
        self._size = manifest.viewport.target
        if size is not None and size != self._size:
            raise ModelError(f"{path}: expected teacher.size {list(self._size)} or null, got {list(size)}")
        self.name, self.outputs = manifest.name, tuple(manifest.outputs)
        self._decoder = decoder_of(manifest)
        self.preprocess = steps_from(manifest.preprocess, str(path))
        backend = "openvino" if path.suffix == ".xml" else manifest.backend
        self._session = open_session(path, backend, threads=None, input_name=manifest.input, outputs=manifest.outputs)
        self.digest = f"{backend} {manifest.sha256} {json.dumps(dict(manifest.decoder), sort_keys=True)}"

    def lesson(self, images: Tensor, wanted: Wanted) -> Lesson:
        """Return what the network says of pictures; see `TeacherNetwork`."""
        height, width = images.shape[-2:]
        view = Viewport.whole((width, height), self._size)
        frames = np.ascontiguousarray(images.cpu().numpy().transpose(0, 2, 3, 1))
        found = [self._session(network_input(frame, view)) for frame in frames]
        outputs = {
            name: torch.from_numpy(np.concatenate([one[name] for one in found])).to(images.device)
            for name in wanted.outputs
        }
        scenes = [self._decoder({name: array[0] for name, array in one.items()}, view) for one in found]
        return Lesson({}, {}, outputs, scenes if wanted.scenes else [])


def _network_name(path: Path, asked: str, told: str) -> str:
    """Return the name of a teacher's network: what its file tells, else what was asked for."""
    if not asked and not told:
        known = ", ".join(MODELS)
        raise ModelError(f"{path}: expected a file that names its network; set teacher.network, one of: {known}")
    for name in (asked, told):
        if name and name not in MODELS:
            raise ModelError(f"{path}: teacher.network: {unknown_name('network', name, MODELS)}")
    if asked and told and MODELS[asked] is not MODELS[told]:
        log.warning("%s: the teacher is %s, not %s as teacher.network has it", path, told, asked)
    return told or asked


def _told_by_run(path: Path) -> Mapping[str, Any]:
    """Return the recipe of the run that a file of weights lies in, as plain values; nothing elsewhere."""
    recipe = path.parent / RECIPE_FILE
    if not recipe.is_file():
        return {}
    try:
        entry = json.loads(recipe.read_text(encoding="utf-8"))
        return {"network": str(entry["network"]), "parts": dict(entry["parts"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LanelightError(f"{recipe}: expected a recipe saved by a training run ({error!r})") from error


def _digest(model: LaneModel, name: str) -> str:
    """Return a digest of a network: its weights, its input, and how it finds lanes."""
    total = hashlib.blake2b(digest_size=20)
    facts = {"network": name, "size": model.size, "decoder": model.decoder.to_dict(), "form": str(model)}
    total.update(json.dumps(facts, sort_keys=True).encode())
    for key, tensor in sorted(model.state_dict().items()):
        total.update(f"\0{key} {tensor.dtype} {tuple(tensor.shape)}\0".encode())
        total.update(tensor.contiguous().cpu().reshape(-1).view(torch.uint8).numpy().tobytes())
    return total.hexdigest()
