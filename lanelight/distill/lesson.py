"""`Lesson`: what a teacher says of a batch, reduced to what its student is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from lanelight.distill.teacher import TeacherDistillation
from lanelight.geometry import Scene


class Wanted(NamedTuple):
    """What a lesson is made of.

    Attributes:
        attention: taps whose attention maps (`lanelight.losses.transfer.unit_attention`).
        taps: taps whose features.
        outputs: outputs.
        scenes: the lanes too.
    """

    attention: tuple[str, ...] = ()
    taps: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    scenes: bool = False

    @classmethod
    def of(cls, settings: TeacherDistillation) -> Wanted:
        """Return what the terms need, each once."""
        names: dict[str, list[str]] = {"attention": [], "features": [], "lines": [], "response": [], "scene": []}
        for term in settings.named.values():
            names[term.kind] += [teacher for _, teacher in term.pairs]
        scenes = any(term.kind == "scene" for term in settings.named.values())
        taps = names["features"] + names["lines"]
        return cls(_each(names["attention"]), _each(taps), _each(names["response"]), scenes)


class Lesson(NamedTuple):
    """What a teacher says of the pictures of a batch.

    Attributes:
        attention: tap -> (B, h, w) float32.
        taps: tap -> (B, ...) float32.
        outputs: name -> (B, ...) float32.
        scenes: the lanes of each picture, in px of the picture; none where none were wanted.
    """

    attention: dict[str, Tensor]
    taps: dict[str, Tensor]
    outputs: dict[str, Tensor]
    scenes: list[Scene]


def joined(lessons: Sequence[Lesson], device: torch.device) -> Lesson:
    """Return the lesson of a batch from those of its pictures, on a device."""
    return Lesson(
        _joined([lesson.attention for lesson in lessons], device),
        _joined([lesson.taps for lesson in lessons], device),
        _joined([lesson.outputs for lesson in lessons], device),
        [scene for lesson in lessons for scene in lesson.scenes],
    )


def _joined(parts: Sequence[dict[str, Tensor]], device: torch.device) -> dict[str, Tensor]:
    return {name: torch.cat([part[name].to(device) for part in parts]) for name in parts[0]}


def _each(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names)))
