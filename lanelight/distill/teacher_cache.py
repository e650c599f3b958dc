"""`LessonCache`: what a teacher says of each picture, on the disk, named by what it depends on."""

from __future__ import annotations

import hashlib
import logging
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load, save
from torch import Tensor

from lanelight import __version__
from lanelight.distill.lesson import Lesson, Wanted
from lanelight.formats.text import cannot_write, make_folder, part_name
from lanelight.geometry import Lane, Scene

log = logging.getLogger(__name__)

GROUPS = ("attention", "taps", "outputs")
CHECK_BYTES = 16  # of a digest before the content: a file that was cut or damaged is told by it


class LessonCache:
    """A folder of lessons, a file for each picture.

    The name of a file is a digest of the picture as the student sees it, of the teacher, and of what is stored. So a
    changed teacher, picture or augmentation has other names: nothing old is ever found for it.

    Args:
        folder: is made where it is not there.
        teacher: digest of the teacher.
        wanted: what is stored.

    Raises:
        OutputError: the folder cannot be made.
    """

    def __init__(self, folder: Path, teacher: str, wanted: Wanted) -> None:
        make_folder(folder)
        self.folder = folder
        self._about = f"{__version__} {torch.__version__} {teacher} {wanted}"
        self._full = False

    def path(self, image: NDArray[np.uint8], computed: str) -> Path:
        """Return the file of a picture's lesson.

        Args:
            image: (3, H, W) uint8 RGB as the student sees it.
            computed: how, for example on which kind of device: rounding differs.
        """
        name = hashlib.blake2b(f"{self._about} {computed} {image.shape}\0".encode(), digest_size=20)
        name.update(np.ascontiguousarray(image).tobytes())
        digest = name.hexdigest()
        return self.folder / digest[:2] / f"{digest[2:]}.lesson"

    def read(self, path: Path) -> Lesson | None:
        """Return the lesson in a file, None where there is none; a damaged one is reported."""
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            log.warning("%s: cannot be read (%s): asking the teacher again", path, error.strerror)
            return None
        check, payload = content[:CHECK_BYTES], content[CHECK_BYTES:]
        if _check(payload) != check:
            log.warning("%s: is damaged: asking the teacher again", path)
            return None
        return _unpacked(load(payload))

    def write(self, path: Path, lesson: Lesson) -> None:
        """Store the lesson of one picture, whole or not at all.

        Where that fails the run goes on and is told of it once: it only takes longer.
        """
        if self._full:
            return
        payload = save(_packed(lesson))
        part = part_name(path)
        try:
            path.parent.mkdir(exist_ok=True)
            part.write_bytes(_check(payload) + payload)
            part.replace(path)
        except OSError as error:
            self._full = True
            log.warning("%s; nothing more is kept of what the teacher says", cannot_write(path, error))
            with suppress(OSError):  # a file in place of the folder: there is nothing to remove
                part.unlink(missing_ok=True)


def _check(payload: bytes) -> bytes:
    return hashlib.blake2b(payload, digest_size=CHECK_BYTES).digest()


def _packed(lesson: Lesson) -> dict[str, Tensor]:
    """Return a lesson of one picture as tensors with names."""
    groups = zip(GROUPS, (lesson.attention, lesson.taps, lesson.outputs), strict=True)
    packed = {f"{group}/{name}": tensor for group, tensors in groups for name, tensor in tensors.items()}
    for scene in lesson.scenes:
        points = [lane.points for lane in scene.lanes]
        packed |= {
            "scene/size": torch.tensor(scene.size),
            "scene/points": torch.from_numpy(np.concatenate([np.empty((0, 2)), *points])),
            "scene/counts": torch.tensor([len(one) for one in points], dtype=torch.int64),
            "scene/scores": torch.tensor([lane.score for lane in scene.lanes], dtype=torch.float64),
            "scene/slots": torch.tensor([-1 if lane.slot is None else lane.slot for lane in scene.lanes]).long(),
        }
        if scene.classes is not None:
            packed["scene/classes"] = torch.from_numpy(scene.classes)
    return {name: tensor.detach().cpu().contiguous() for name, tensor in packed.items()}


def _unpacked(packed: dict[str, Tensor]) -> Lesson:
    """Return the lesson that `_packed` made tensors of."""
    groups: dict[str, dict[str, Tensor]] = {group: {} for group in GROUPS}
    for key, tensor in packed.items():
        group, _, name = key.partition("/")
        if group in groups:
            groups[group][name] = tensor
    return Lesson(groups["attention"], groups["taps"], groups["outputs"], _scenes(packed))


def _scenes(packed: dict[str, Tensor]) -> list[Scene]:
    if "scene/size" not in packed:
        return []
    width, height = packed["scene/size"].tolist()
    points, lanes, begin = packed["scene/points"].numpy(), [], 0
    facts = (packed[f"scene/{name}"].tolist() for name in ("counts", "scores", "slots"))
    for count, score, slot in zip(*facts, strict=True):
        lanes.append(Lane(points[begin : begin + count], score, None if slot < 0 else slot))
        begin += count
    classes = packed.get("scene/classes")
    return [Scene((width, height), lanes, None if classes is None else classes.numpy())]
