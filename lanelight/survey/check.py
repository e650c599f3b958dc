"""Look for faults in a data set: pictures, labels, and what frames have to do with each other.

Every picture is read once. What is remembered of a frame are its size, 16 bytes of fingerprint and, where several lists
are compared, 576 bytes of thumbnail: some 20 MB for 100,000 frames of one list, 80 MB of several.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np

from lanelight.datasets import LabelledPictures
from lanelight.errors import LanelightError
from lanelight.frames import read_image
from lanelight.geometry import Scene
from lanelight.survey.classes import UNLABELLED
from lanelight.survey.findings import KINDS, Finding, Tally
from lanelight.survey.labels import LabelPlace, label_place, text_faults
from lanelight.survey.lanes import LaneFault, lane_faults
from lanelight.survey.likeness import fingerprint, near_identical, thumbnail, thumbs
from lanelight.survey.threads import Watch, in_order

NO_SIZE = -1

Size = tuple[int, int]
Parts = Mapping[str, LabelledPictures]


@dataclass
class Health:
    """What a check found.

    Attributes:
        frames: number of frames of each part.
        sizes: number of readable pictures of each (width, height).
        tally: the findings.
    """

    frames: dict[str, int] = field(default_factory=dict)
    sizes: Counter[Size] = field(default_factory=Counter)
    tally: Tally = field(default_factory=Tally)

    def entry(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        counts = self.tally.counts
        kinds = {
            kind: {"title": row.title, "fault": row.fault, "count": counts[kind]}
            for kind, row in KINDS.items()
            if counts[kind]
        }
        findings = [finding.entry() for finding in self.tally]
        return {
            "frames": self.frames,
            "sizes": {f"{width}x{height}": number for (width, height), number in self.sizes.most_common()},
            "faults": self.tally.faults,
            "kinds": kinds,
            "findings": findings,
            "findings_left_out": sum(counts.values()) - len(findings),
        }


def check(
    parts: Parts, *, threads: int | None = None, watch: Watch | None = None, found: Iterable[Finding] = ()
) -> Health:
    """Check the frames of some lists of one data set, and the lists against each other.

    Args:
        parts: name of a split or list -> its frames.
        threads: that read pictures; None takes one for each processor.
        watch: called with the number of frames done.
        found: what opening the lists has shown already.
    """
    health = Health(frames={name: len(data) for name, data in parts.items()})
    health.tally.add(found)
    memory = _Memory(several=len(parts) > 1)
    everything = ((name, data, index) for name, data in parts.items() for index in range(len(data)))
    for seen in in_order(lambda item: _seen(*item, small=memory.several), everything, threads=threads, watch=watch):
        memory.add(seen)
        health.tally.add(seen.findings)
        health.tally.add(memory.repeated(parts, seen))
    health.sizes.update(memory.sizes.elements())
    health.tally.add(_odd_sizes(parts, memory))
    health.tally.add(_laneless(parts, memory))
    health.tally.add(_shared(parts, memory))
    return health


@dataclass(frozen=True)
class _Seen:
    """What is kept of one frame once its picture is forgotten."""

    part: str
    index: int
    size: Size | None = None
    print: bytes = b""
    thumb: bytes = b""
    lanes: int | None = None  # None where the labels could not be read
    findings: tuple[Finding, ...] = ()


class _Memory:
    """What is remembered of all frames."""

    def __init__(self, several: bool) -> None:
        self.several = several
        self.sizes: Counter[Size] = Counter()
        self.frame_sizes: dict[str, array[int]] = {}
        self.lane_counts: dict[str, array[int]] = {}
        self.thumbs: dict[str, bytearray] = {}
        self.thumb_frames: dict[str, array[int]] = {}
        self._size_ids: dict[Size, int] = {}
        self._prints: dict[str, dict[bytes, int]] = {}
        self._keys: dict[str, dict[str, int]] = {}

    def add(self, seen: _Seen) -> None:
        size_id = NO_SIZE if seen.size is None else self._size_ids.setdefault(seen.size, len(self._size_ids))
        self.frame_sizes.setdefault(seen.part, array("i")).append(size_id)
        self.lane_counts.setdefault(seen.part, array("i")).append(-1 if seen.lanes is None else seen.lanes)
        if seen.size is not None:
            self.sizes[seen.size] += 1
        if seen.thumb:
            self.thumbs.setdefault(seen.part, bytearray()).extend(seen.thumb)
            self.thumb_frames.setdefault(seen.part, array("i")).append(seen.index)

    def size_of(self, part: str, index: int) -> Size | None:
        size_id = self.frame_sizes[part][index]
        return None if size_id == NO_SIZE else list(self._size_ids)[size_id]

    def repeated(self, parts: Parts, seen: _Seen) -> Iterator[Finding]:
        """Yield a finding where a frame, or one with the same pixels, was there before in its list."""
        data = parts[seen.part]
        key = data.keys[seen.index]
        listed = self._keys.setdefault(seen.part, {}).setdefault(key, seen.index)
        if listed != seen.index:
            yield _twin(seen, key, "the frame is listed twice", listed)
            return
        if not seen.print:
            return
        first = self._prints.setdefault(seen.part, {}).setdefault(seen.print, seen.index)
        if first != seen.index:
            yield _twin(seen, str(data.picture(seen.index)), f"the same pixels as {data.keys[first]}", first)


def _twin(seen: _Seen, file: str, message: str, first: int) -> Finding:
    return Finding("duplicate_frame", file, message, part=seen.part, index=seen.index, other=(seen.part, first))


def _seen(part: str, data: LabelledPictures, index: int, *, small: bool) -> _Seen:
    """Look at one frame."""
    try:
        path, place = data.picture(index), label_place(data, index)
    except LanelightError as error:  # the name leads out of the root
        return _Seen(
            part, index, findings=(_finding("unusable_labels", LabelPlace(data.keys[index]), error, part, index),)
        )
    if not path.is_file():
        message = "listed, but there is no such file"
        return _Seen(part, index, findings=(Finding("missing_image", str(path), message, part=part, index=index),))
    try:
        frame = read_image(path)
    except LanelightError as error:
        return _Seen(part, index, findings=(_finding("unreadable_image", LabelPlace(str(path)), error, part, index),))
    size = (frame.shape[1], frame.shape[0])
    scene, findings = _labels(part, data, index, size, place)
    lanes = None if scene is None else len(scene.lanes)
    thumb = thumbnail(frame) if small else b""
    return _Seen(part, index, size, fingerprint(frame), thumb, lanes, tuple(findings))


def _labels(
    part: str, data: LabelledPictures, index: int, size: Size, place: LabelPlace
) -> tuple[Scene | None, list[Finding]]:
    """Return the scene of a frame, and what is wrong with it."""
    try:
        scene = data.scene(index, size)
    except LanelightError as error:
        return None, [_finding("unusable_labels", place, error, part, index)]
    faults = lane_faults(scene, ordered=place.ordered)
    faults += text_faults(
        data, index, {fault.lane for fault in faults if fault.lane is not None and KINDS[fault.kind].fault}
    )
    misread = {fault.lane for fault in faults if fault.kind == "label_text"}
    faults = [fault for fault in faults if fault.kind != "pointless_lane" or fault.lane not in misread]
    faults += _class_faults(scene, len(data.class_names))
    return scene, [
        Finding(
            fault.kind,
            place.file,
            fault.message,
            place.line_of(fault.lane),
            None if fault.lane is None else fault.lane + 1,
            part=part,
            index=index,
            points=fault.points,
        )
        for fault in faults
    ]


def _finding(kind: str, place: LabelPlace, error: Exception, part: str, index: int) -> Finding:
    """Return the finding of an error, whose message need not name the file again."""
    return Finding(kind, place.file, str(error).removeprefix(f"{place.file}: "), place.line, part=part, index=index)


def _class_faults(scene: Scene, classes: int) -> Iterator[LaneFault]:
    if scene.classes is None or classes == 0:
        return
    number = np.bincount(scene.classes.ravel(), minlength=256)
    wrong = [int(value) for value in np.flatnonzero(number) if classes <= value != UNLABELLED]
    if wrong:
        rows, columns = np.nonzero(np.isin(scene.classes, wrong))
        message = (
            f"{len(rows)} px have class {', '.join(map(str, wrong))}; known are 0 to {classes - 1} and {UNLABELLED}"
        )
        yield LaneFault("class_range", message, None, ((float(np.median(columns)), float(np.median(rows))),))


def _odd_sizes(parts: Parts, memory: _Memory) -> Iterator[Finding]:
    """Yield the pictures of another size than most."""
    if len(memory.sizes) < 2:
        return
    (usual, number), *_ = memory.sizes.most_common(1)
    if 2 * number <= memory.sizes.total():
        message = f"{len(memory.sizes)} sizes, the most frequent is {usual[0]}x{usual[1]} in {number} pictures"
        yield Finding("mixed_sizes", str(next(iter(parts.values())).root), message)
        return
    for part, data in parts.items():
        for index in range(len(memory.frame_sizes.get(part, ()))):
            size = memory.size_of(part, index)
            if size is not None and size != usual:
                message = f"{size[0]}x{size[1]} px, {number} other pictures have {usual[0]}x{usual[1]}"
                yield Finding("picture_size", str(data.picture(index)), message, part=part, index=index)


def _laneless(parts: Parts, memory: _Memory) -> Iterator[Finding]:
    """Yield the frames without lanes, where others have some."""
    if not any(count > 0 for counts in memory.lane_counts.values() for count in counts):
        return
    for part, counts in memory.lane_counts.items():
        for index, count in enumerate(counts):
            if count == 0:
                place = label_place(parts[part], index)
                yield Finding("no_lanes", place.file, "the label holds no lane", place.line, part=part, index=index)


def _shared(parts: Parts, memory: _Memory) -> Iterator[Finding]:
    """Yield the frames of a list that are near-identical to one of a list before it."""
    for first, second in combinations(memory.thumbs, 2):
        pairs = near_identical(thumbs(memory.thumbs[first]), thumbs(memory.thumbs[second]))
        for pair in pairs:
            index = memory.thumb_frames[second][pair.second]
            other = memory.thumb_frames[first][pair.first]
            message = (
                f"in {second}, and in {first} as {parts[first].keys[other]} (they differ by {pair.difference:.2f})"
            )
            file = str(parts[second].picture(index))
            yield Finding("shared_frame", file, message, part=second, index=index, other=(first, other))
