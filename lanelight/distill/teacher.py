"""`TeacherDistillation`: what a student learns from a trained teacher, from when on, and how strongly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lanelight.errors import LanelightError
from lanelight.losses.transfer import TransferForm

Kind = Literal["attention", "features", "lines", "response", "scene"]

# What the networks of the CLR family show; other networks name their own.
TAPS: dict[str, tuple[str, ...]] = {
    "attention": ("map1", "map2", "map3", "map4"),
    "features": ("gathered",),
    "lines": ("line",),
}


@dataclass(frozen=True)
class TeacherTerm:
    """One thing that the student learns.

    Attributes:
        kind: "attention" (where the backbone's maps are active), "features" (the numbers themselves), "lines" (priors
            as start and direction), "response" (class probabilities of an output), or "scene" (the lanes that the
            teacher finds are targets like drawn ones: the student's own loss on them).
        weight: factor of the term; 0 leaves it out.
        start_step: optimiser step from which the term counts.
        ramp_steps: steps over which the weight then rises to its full value; 0 sets in at once.
        student: names of the student's taps, of "response" its outputs; empty: those of the CLR family.
        teacher: the teacher's, in the same order; empty: as the student's.
        form: of "attention": see `lanelight.losses.transfer.attention_transfer`.
        temperature: of "response".

    Raises:
        LanelightError: a value without sense.
    """

    kind: Kind
    weight: float = 1.0
    start_step: int = 0
    ramp_steps: int = 0
    student: tuple[str, ...] = ()
    teacher: tuple[str, ...] = ()
    form: TransferForm = "normalized"
    temperature: float = 1.0

    def __post_init__(self) -> None:
        for name in ("weight", "start_step", "ramp_steps"):
            value = getattr(self, name)
            if not value >= 0:  # a NaN is not either
                raise LanelightError(f"teacher.terms: {self.kind}: expected {name} of at least 0, got {value}")
        if not self.temperature > 0:
            told = f"expected temperature of more than 0, got {self.temperature}"
            raise LanelightError(f"teacher.terms: {self.kind}: {told}")
        if self.kind == "scene" and (self.student or self.teacher):
            raise LanelightError("teacher.terms: scene: expected no taps, because it has the lanes that are found")
        if self.kind == "response" and not self.student:
            raise LanelightError(
                'teacher.terms: response: expected the outputs to compare in student, for example ["lanes"]'
            )
        if len(self.pairs) != len(self.teacher or self.pairs):
            raise LanelightError(
                f"teacher.terms: {self.kind}: expected as many names in teacher as in student, got "
                f"{len(self.teacher)} for {len(self.pairs)}"
            )

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """(student, teacher) names of what is compared; none of "scene"."""
        student = self.student or TAPS.get(self.kind, ())
        return tuple(zip(student, self.teacher or student, strict=False))

    def weight_at(self, step: int) -> float:
        """Return the weight at an optimiser step."""
        if step < self.start_step:
            return 0.0
        return self.weight * min(1.0, (step - self.start_step + 1) / max(1, self.ramp_steps))


# Weights of the reference implementation of CLRKDNet, by backbone of the student. Its attention term is a thousandth of
# the others, and off for DLA-34.
REFERENCE_TERMS: dict[str, tuple[TeacherTerm, ...]] = {
    "r18": (
        TeacherTerm("attention", weight=1.0, form="reference"),
        TeacherTerm("features", weight=5.0),
        TeacherTerm("lines", weight=3.0),
    ),
    "dla34": (
        TeacherTerm("attention", weight=0.0, form="reference"),
        TeacherTerm("features", weight=5.0),
        TeacherTerm("lines", weight=5.0),
    ),
}
CLRKD_TERMS = (
    TeacherTerm("attention", weight=1.0),
    TeacherTerm("features", weight=5.0),
    TeacherTerm("lines", weight=3.0),
)


@dataclass(frozen=True)
class TeacherDistillation:
    """What a student learns from a teacher whose weights stay as they are.

    Attributes:
        file: the teacher: folder of a training run, file of weights (ours or released), or exported network (.onnx or
            .xml), which teaches by its outputs and scenes alone. ``lanelight train --teacher FILE`` sets it.
        network: the teacher's name in `lanelight.models.MODELS`, for released weights. Runs and weights of ours name
            their network themselves, and are believed.
        size: (width, height) of the teacher's input, px; None: the student's. Pictures are resized where it differs.
        terms: what is learnt; the default is CLRKDNet's three, with an attention term that counts.
        cache: folder in which is kept what the teacher says of each picture, for other runs on the same pictures; None
            asks the teacher every time.

    Raises:
        LanelightError: a value without sense.
    """

    file: str = ""
    network: str = ""
    size: tuple[int, int] | None = None
    terms: tuple[TeacherTerm, ...] = CLRKD_TERMS
    cache: str | None = None

    def __post_init__(self) -> None:
        if not self.terms:
            raise LanelightError("teacher.terms: expected at least one term; teacher=null has none")
        if self.size is not None and min(self.size) < 1:
            raise LanelightError(f"teacher.size: expected a positive (width, height), got {self.size}")

    @property
    def named(self) -> dict[str, TeacherTerm]:
        """Terms of some weight by their name in the loss: ``teacher_lines``, of a second one ``teacher_lines2``."""
        found: dict[str, TeacherTerm] = {}
        for term in self.terms:
            if term.weight:
                count = sum(other.kind == term.kind for other in found.values())
                found[f"teacher_{term.kind}{count + 1 if count else ''}"] = term
        return found

    @property
    def taps(self) -> tuple[str, ...]:
        """Names of all the student's taps that the terms need, each once."""
        pairs = [pair for term in self.named.values() if term.kind != "response" for pair in term.pairs]
        return tuple(dict.fromkeys(student for student, _ in pairs))

    def active(self, step: int) -> bool:
        """Say whether any term counts at an optimiser step."""
        return any(term.weight_at(step) for term in self.named.values())
