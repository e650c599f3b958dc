from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from lanelight.distill.lesson import Lesson, Wanted
from lanelight.distill.teacher import TeacherDistillation, TeacherTerm
from lanelight.distill.teacher_cache import LessonCache
from lanelight.distill.teaching import Teacher
from lanelight.errors import OutputError
from lanelight.geometry import Lane, Scene
from lanelight.models import checkpoints
from lanelight.models.enet_sad import EnetSad
from lanelight.nn.taps import tapped

SIZE = (128, 56)
TERMS = (
    TeacherTerm("attention", student=("encoder2", "encoder3")),
    TeacherTerm("features", student=("encoder4",)),
    TeacherTerm("response", student=("lanes", "exist")),
    TeacherTerm("scene"),
)
Make = Callable[..., Teacher]


def _net(seed: int) -> EnetSad:
    torch.manual_seed(seed)
    return EnetSad(SIZE)


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Return a function that opens a teacher, with or without a cache."""

    def opened(*, seed: int = 1, cache: bool = True, terms: tuple[TeacherTerm, ...] = TERMS) -> Teacher:
        file = checkpoints.save(_net(seed), tmp_path / f"{seed}.safetensors", network="enet_sad")
        kept = str(tmp_path / "kept") if cache else None
        return Teacher.open(TeacherDistillation(file=str(file), cache=kept, terms=terms), _net(2))

    return opened


def _images(count: int = 4) -> Tensor:
    rng = np.random.default_rng(0)
    return torch.from_numpy(rng.integers(0, 256, (count, 3, SIZE[1], SIZE[0]), dtype=np.uint8))


def _losses(teacher: Teacher, images: Tensor) -> dict[str, float]:
    student = _net(2).eval()
    with tapped(student, teacher.taps) as features:
        outputs = student(images.float() / 255)
    terms = teacher.terms(teacher.lesson(images)[0], outputs, features, 0)
    return {name: float(term.detach()) for name, term in terms.items()}


def _files(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "kept").rglob("*.lesson"))


def test_losses_are_the_same_bit_for_bit_whether_the_teacher_is_asked_or_the_cache(make: Make, tmp_path: Path) -> None:
    images = _images()
    asked = _losses(make(), images)
    assert len(_files(tmp_path)) == 4
    kept = make()
    assert kept.lesson(images)[1] == 1
    assert _losses(kept, images) == asked
    assert set(asked) == {"teacher_attention", "teacher_features", "teacher_response", "teacher_scene"}
    assert asked == pytest.approx(_losses(make(cache=False), images), rel=1e-5)


def test_what_is_kept_does_not_depend_on_the_other_pictures_of_a_batch(make: Make, tmp_path: Path) -> None:
    images = _images()
    for number in (2, 0, 3, 1):  # one by one, in another order
        make().lesson(images[number : number + 1])
    alone = _losses(make(), images)
    for path in _files(tmp_path):
        path.unlink()
    half = make()
    half.lesson(images[:2])
    assert half.lesson(images)[1] == 0.5
    assert _losses(make(), images) == alone


def test_another_picture_teacher_or_term_finds_nothing_old(make: Make) -> None:
    images = _images(2)
    make().lesson(images)
    assert make().lesson(images)[1] == 1
    changed = images.clone()
    changed[1, 2, 5, 7] ^= 1  # one bit of one pixel
    assert make().lesson(changed)[1] == 0.5
    assert make().lesson(images.flip(3))[1] == 0
    assert make(seed=3).lesson(images)[1] == 0
    other = (replace(TERMS[0], student=("encoder2",)), *TERMS[1:])
    assert make(terms=other).lesson(images)[1] == 0
    weights = tuple(replace(term, weight=5.0, temperature=2.0) for term in TERMS)  # applied to what is kept
    assert make(terms=weights).lesson(images)[1] == 1


@pytest.mark.parametrize("damage", ["cut", "empty", "bit"])
def test_a_damaged_file_is_reported_and_made_anew(
    damage: str, make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    images = _images(2)
    right = _losses(make(), images)
    path = _files(tmp_path)[0]
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    path.write_bytes({"cut": whole[: len(whole) // 2], "empty": b"", "bit": bytes(flipped)}[damage])
    with caplog.at_level(logging.WARNING):
        assert _losses(make(), images) == right
    assert f"{path}: is damaged: asking the teacher again" in caplog.text
    assert path.read_bytes() == whole
    caplog.clear()
    assert make().lesson(images)[1] == 1
    assert not caplog.text


def test_nothing_but_whole_files_is_left(make: Make, tmp_path: Path) -> None:
    make().lesson(_images(3))
    assert all(file.suffix == ".lesson" for file in (tmp_path / "kept").rglob("*") if file.is_file())


def test_lanes_are_kept_as_they_are(tmp_path: Path) -> None:
    classes = np.arange(20, dtype=np.uint8).reshape(4, 5)
    lanes = [
        Lane(np.array([[1 / 3, 2.0], [np.pi, np.e], [3.0, 4.0]]), 0.1, 2),
        Lane(np.empty((0, 2)), 1.0),
        Lane(np.array([[7.0, 8.0]]), 0.25, None),
    ]
    cache = LessonCache(tmp_path / "new" / "kept", "teacher", Wanted(scenes=True))
    for number, scene in enumerate((Scene((5, 4), lanes, classes), Scene((5, 4)))):
        path = cache.path(np.full((3, 4, 5), number, np.uint8), "cpu")
        cache.write(path, Lesson({}, {}, {}, [scene]))
        found = cache.read(path)
        assert found is not None
        (read,) = found.scenes
        assert read.size == scene.size
        assert len(read.lanes) == len(scene.lanes)
        for one, other in zip(read.lanes, scene.lanes, strict=True):
            assert np.array_equal(one.points, other.points)
            assert (one.score, one.slot) == (other.score, other.slot)
        assert (read.classes is None) == (scene.classes is None)
        if read.classes is not None:
            assert np.array_equal(read.classes, classes)


def test_a_folder_that_cannot_be_made_is_told_before_training(make: Make, tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("a file")
    with pytest.raises(OutputError, match=r"cannot write .*kept"):
        make()


def test_a_cache_that_cannot_be_written_is_told_of_once_and_the_run_goes_on(
    make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    images = _images()
    right = _losses(make(), images)
    for path in _files(tmp_path):
        path.unlink()
    for folder in (tmp_path / "kept").iterdir():
        folder.rmdir()
        folder.write_text("in the way")
    teacher = make()
    with caplog.at_level(logging.WARNING):
        assert _losses(teacher, images) == right
    assert caplog.text.count("nothing more is kept") == 1
    assert not _files(tmp_path)
