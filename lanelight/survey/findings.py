"""What a check can find: the kinds, one finding, and a tally whose memory is bounded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

MOST_KEPT = 1000  # findings of one kind that are kept in full; the others are counted

Point = tuple[float, float]


class Kind(NamedTuple):
    """A row of `KINDS`.

    Attributes:
        title: short name for tables.
        fault: whether it is a fault; else it is a note, which may well be meant so.
        meaning: what it says, and from which size of a deviation on.
    """

    title: str
    fault: bool
    meaning: str


KINDS: dict[str, Kind] = {
    "missing_image": Kind("picture missing", True, "a frame is listed but its picture file is not there"),
    "unreadable_image": Kind("picture unreadable", True, "the file is empty, cut off, or no picture"),
    "picture_size": Kind(
        "picture of another size", True, "more than half of all pictures have one size, and this one another"
    ),
    "unusable_labels": Kind(
        "labels unusable", True, "the labels of a frame or a list are missing, damaged, or a map of another size"
    ),
    "label_text": Kind("label text misread", True, "a line holds words or numbers that readers of the format drop"),
    "label_size": Kind(
        "labels for another size",
        True,
        "at least half of the points of a frame's lanes lie over 5 % beyond the right or lower edge of its picture",
    ),
    "outside_frame": Kind(
        "lane outside the frame",
        True,
        "no point of the lane is inside the picture, or one lies further outside than 5 % of the picture's width or "
        "height; labels commonly end shortly behind the edge",
    ),
    "lone_point": Kind("lane of one point", True, "a single point gives no line"),
    "repeated_point": Kind("repeated point", True, "a lane has the same point, or the same row, twice"),
    "unsorted_points": Kind(
        "unsorted points", True, "rows do not run one way along a lane, in formats that define their order"
    ),
    "duplicate_lane": Kind(
        "duplicate lane", True, "two lanes have the same points, or run within 2 px of each other over their length"
    ),
    "crossing_lanes": Kind("lanes cross", True, "two lanes change sides, on both by over 1 % of the picture's width"),
    "slot_twice": Kind("slot given twice", True, "two lanes of a frame have the same slot"),
    "class_range": Kind("class out of range", True, "a class map holds ids that the data set does not define"),
    "duplicate_frame": Kind("duplicate frame", True, "the same pixels, or the same name, occur twice in one list"),
    "shared_frame": Kind(
        "frame in two splits",
        True,
        "a frame is near-identical to one of another list: grey pictures of 32x18 differ by at most 2 of 255 on "
        "average and by at most 32 anywhere",
    ),
    "mixed_sizes": Kind("pictures of many sizes", False, "no size is shared by more than half of the pictures"),
    "no_lanes": Kind("frame without lanes", False, "other frames have lanes; the road may really have none here"),
    "pointless_lane": Kind("lane without points", False, "the label lists a lane that is nowhere in the picture"),
}


@dataclass(frozen=True)
class Finding:
    """One fault or note.

    Attributes:
        kind: a key of `KINDS`.
        file: the file to look into.
        message: what is wrong, in words.
        line: line of the file, from 1, where it is known.
        lane: place of the lane among those of the frame, from 1.
        part: name of the split or list the frame is from.
        index: of the frame in that part; None where the finding is about a whole list or data set.
        points: where in the picture, (x, y) px; few.
        other: part and index of a second frame that the finding is about.
    """

    kind: str
    file: str
    message: str
    line: int | None = None
    lane: int | None = None
    part: str = ""
    index: int | None = None
    points: tuple[Point, ...] = ()
    other: tuple[str, int] | None = None

    @property
    def place(self) -> str:
        """Return file, line and lane as one text."""
        line = f" line {self.line}" if self.line is not None else ""
        return f"{self.file}{line}" + (f" lane {self.lane}" if self.lane is not None else "")

    def entry(self) -> dict[str, Any]:
        """Return the finding as plain values for JSON."""
        return {
            "kind": self.kind,
            "fault": KINDS[self.kind].fault,
            "file": self.file,
            "line": self.line,
            "lane": self.lane,
            "part": self.part,
            "message": self.message,
        }


class Tally:
    """Findings by kind: all are counted, the first `most` of each kind are kept."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        self.counts: Counter[str] = Counter()
        self._most = most
        self._kept: dict[str, list[Finding]] = {}

    def add(self, findings: Iterable[Finding]) -> None:
        """Count findings, and keep them where there is room."""
        for finding in findings:
            self.counts[finding.kind] += 1
            if self.counts[finding.kind] <= self._most:
                self._kept.setdefault(finding.kind, []).append(finding)

    def of(self, kind: str) -> list[Finding]:
        """Return the findings of a kind that were kept."""
        return self._kept.get(kind, [])

    def __iter__(self) -> Iterator[Finding]:
        """Yield the findings that were kept, in the order of `KINDS`."""
        for kind in KINDS:
            yield from self.of(kind)

    @property
    def faults(self) -> int:
        """Return the number of faults; notes do not count."""
        return sum(number for kind, number in self.counts.items() if KINDS[kind].fault)
