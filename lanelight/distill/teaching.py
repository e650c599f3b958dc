"""`Teacher`: a frozen network beside the student, and the terms that it adds to the student's loss."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from lanelight.distill.lesson import Lesson, Wanted, joined
from lanelight.distill.teacher import TeacherDistillation, TeacherTerm
from lanelight.distill.teacher_cache import LessonCache
from lanelight.distill.teacher_network import ExportedTeacher, TeacherNetwork, open_network
from lanelight.errors import ModelError, unknown_name
from lanelight.geometry import Scene, Viewport
from lanelight.losses.transfer import (
    attention_transfer,
    feature_distance,
    line_distance,
    response_divergence,
    unit_attention,
)
from lanelight.models import LaneModel
from lanelight.nn.taps import tapped

Tensors = Mapping[str, Tensor]


class Teacher:
    """What a student learns from a network that stays as it is.

    Args:
        settings: the terms.
        network: the teacher.
        student: its network, in any mode.

    Raises:
        ModelError: a tap or an output that a network does not have, or features that cannot be compared.
        OutputError: the folder of the cache cannot be made.
    """

    def __init__(self, settings: TeacherDistillation, network: TeacherNetwork, student: LaneModel) -> None:
        self.settings, self.network = settings, network
        self.taps = settings.taps
        self._wanted = Wanted.of(settings)
        self._target, self._loss = student.target, student.loss
        _check_names(settings, network, student)
        self._check_shapes(student)
        folder = settings.cache
        self._cache = None if folder is None else LessonCache(Path(folder), network.digest, self._wanted)

    @classmethod
    def open(cls, settings: TeacherDistillation, student: LaneModel) -> Self:
        """Open the network that the settings name; what does not fit the student is told at once.

        Raises:
            LanelightError: no file is named or there, its network is not known, or it cannot teach the student.
        """
        return cls(settings, open_network(settings, student.size), student)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Return the teacher itself: it does not change, so an average of the student's weights needs no second one."""
        return self

    def lesson(self, images: Tensor) -> tuple[Lesson, float]:
        """Return what the teacher says of pictures, and the share of them whose lessons were in the cache.

        With a cache the teacher sees one picture at a time. What it says then does not depend on the others of a batch,
        and a run that reads it has the same losses as the one that stored it, bit for bit.

        Args:
            images: (B, 3, H, W) uint8 RGB as the student sees them.
        """
        if self._cache is None:
            return self.network.lesson(images, self._wanted), 0.0
        how = f"{images.device.type} {_precision(images.device.type)}"
        lessons, known = [], 0
        for number, array in enumerate(images.cpu().numpy()):
            path = self._cache.path(array, how)
            lesson = self._cache.read(path)
            known += lesson is not None
            if lesson is None:
                lesson = self.network.lesson(images[number : number + 1], self._wanted)
                self._cache.write(path, lesson)
            lessons.append(lesson)
        return joined(lessons, images.device), known / len(images)

    def terms(self, lesson: Lesson, outputs: Tensors, features: Tensors, step: int) -> dict[str, Tensor]:
        """Return the weighted terms that count at an optimiser step, by name.

        Args:
            lesson: of the batch.
            outputs: of the student, in training mode.
            features: tap -> tensor, of the student.
            step: of the optimiser.
        """
        named = self.settings.named.items()
        weights = {name: term.weight_at(step) for name, term in named}
        return {
            name: weights[name] * self._term(term, lesson, outputs, features) for name, term in named if weights[name]
        }

    def _term(self, term: TeacherTerm, lesson: Lesson, outputs: Tensors, features: Tensors) -> Tensor:
        """Return a term without its weight."""
        if term.kind == "scene":
            return self._scene_loss(lesson.scenes, outputs)
        if term.kind == "attention":
            ours = [unit_attention(features[student]) for student, _ in term.pairs]
            return attention_transfer(ours, [lesson.attention[name] for _, name in term.pairs], form=term.form)
        shown, told = (outputs, lesson.outputs) if term.kind == "response" else (features, lesson.taps)
        terms = []
        for student, teacher in term.pairs:
            _check_alike(term.kind, (student, shown[student]), (teacher, told[teacher]))
            terms.append(_difference(term, shown[student], told[teacher]))
        return torch.stack(terms).mean()

    def _scene_loss(self, scenes: list[Scene], outputs: Tensors) -> Tensor:
        """Return the student's own loss where the lanes that the teacher found are the target."""
        device = next(iter(outputs.values())).device
        targets = [self._target(scene, Viewport.whole(scene.size)) for scene in scenes]
        arrays = {name: np.stack([target[name] for target in targets]) for name in targets[0]}
        batch = {name: torch.from_numpy(array).to(device) for name, array in arrays.items()}
        return torch.stack(list(self._loss(outputs, batch).values())).sum()

    def _check_shapes(self, student: LaneModel) -> None:
        """Compare the networks on one grey picture, so that what does not fit is told before training."""
        training = [module for module in student.modules() if module.training]
        width, height = student.size
        images = torch.full((1, 3, height, width), 128, dtype=torch.uint8)
        lesson = self.network.lesson(images, self._wanted._replace(scenes=False))
        with torch.no_grad(), tapped(student.eval(), self.taps) as features:
            outputs = student(images.float() / 255)
        for module in training:
            module.training = True
        for term in self.settings.named.values():
            if term.kind != "scene":  # what it needs, every network has
                self._term(term, lesson, outputs, features)


def _difference(term: TeacherTerm, student: Tensor, teacher: Tensor) -> Tensor:
    if term.kind == "response":
        return response_divergence(student, teacher, temperature=term.temperature)
    return line_distance(student, teacher) if term.kind == "lines" else feature_distance(student, teacher)


def _check_names(settings: TeacherDistillation, network: TeacherNetwork, student: LaneModel) -> None:
    """Make sure that both networks see the same picture and show what is to be compared."""
    if network.preprocess != student.preprocess:
        wanted, given = ([step.to_dict() for step in one.preprocess] for one in (student, network))
        raise ModelError(
            f"teacher {network.name}: expected the student's preprocess steps {wanted}, got {given}: both see one "
            "picture; set the student's parts.preprocess"
        )
    for term in settings.named.values():
        responds = term.kind == "response"
        if term.pairs and not responds and isinstance(network, ExportedTeacher):
            raise ModelError(
                f"teacher.terms: {term.kind}: expected a teacher with features, got the exported network "
                f"{network.name}, which shows none; name its training run or weights, or use kind scene"
            )
        for pair in term.pairs:
            own = student.OUTPUTS if responds else student.TAPS
            theirs = network.outputs if responds else network.taps
            for whose, name, known in (("the student", pair[0], own), (f"teacher {network.name}", pair[1], theirs)):
                if name not in known:
                    told = unknown_name(f"{'output' if responds else 'tap'} of {whose}", name, known)
                    raise ModelError(f"teacher.terms: {term.kind}: {told}")


def _check_alike(kind: str, student: tuple[str, Tensor], teacher: tuple[str, Tensor]) -> None:
    """Make sure that two tensors can be compared: maps but for their size, all others exactly."""
    (ours, one), (theirs, other) = student, teacher
    maps = one.ndim == 4 and other.ndim == 4
    if kind == "response" and one.ndim == 3:
        raise ModelError(
            f"teacher.terms: response: expected class logits, got {ours} of shape {_shape(one)}, whose rows are no "
            "answers to one question in both networks; use kind scene"
        )
    if one.shape[1:2] != other.shape[1:2] or not (maps or one.shape == other.shape):
        raise ModelError(
            f"teacher.terms: {kind}: expected alike shapes, got {_shape(one)} of the student's {ours} and "
            f"{_shape(other)} of the teacher's {theirs}; choose other taps or another teacher, or leave the term out"
        )


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape[1:]))


def _precision(device: str) -> str:
    return str(torch.get_autocast_dtype(device)) if torch.is_autocast_enabled(device) else "float32"
