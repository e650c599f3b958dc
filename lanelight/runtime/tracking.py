"""Which lane of this frame was which lane of the last one, and where it really is.

Lanes are paired with tracks by their distance at common rows, all at once, so that the sum is smallest. A track
predicts where its lane will be; what is seen corrects it (`lane_filter`). The answer of a frame has the rows that the
detector found; only x is smoothed.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from lanelight.errors import LanelightError
from lanelight.geometry import FloatArray, Lane, Scene
from lanelight.geometry.pairing import pair, row_distances, x_on_rows
from lanelight.runtime.lane_filter import SHAPES, Camera, Course, Gains, slopes

NOISE_FLOOR = 0.001  # share of the width: no detector is surer of a row than that
BRIDGED = "bridged"  # attribute of a lane that was not found in this frame: since how many frames


@dataclass(frozen=True)
class TrackerOptions:
    """When tracks begin and end and how they are smoothed; distances are shares of the frame's width.

    Attributes:
        reach: largest mean distance in x between a lane and where its track expects it.
        birth: frames in which a lane must be found before it is shown, but at the start of the video or after a cut.
        patience: frames that a track outlives without a lane.
        bridge: frames without a lane for which a track is still shown.
        fade: by this the score of a bridged lane shrinks from frame to frame.
        twin: nearer to another lane than this, a lane is neither begun nor bridged: it is the same one found twice.
        leap: a lane that jumps farther at once is taken where it was expected; where it stays, it is followed.
        cut: where most lanes jump farther at once, the scene was cut and all tracks end.
        smooth: whether x is smoothed; identities and bridges are the same without.
        gains: of the smoothing.
        rows: number of rows on which lanes are compared and smoothed.
    """

    reach: float = 0.08
    birth: int = 2
    patience: int = 10
    bridge: int = 5
    fade: float = 0.8
    twin: float = 0.015
    leap: float = 0.02
    cut: float = 0.04
    smooth: bool = True
    gains: Gains = field(default_factory=Gains)
    rows: int = 96

    def __post_init__(self) -> None:
        if self.birth < 1 or min(self.patience, self.bridge) < 0 or self.rows < 8 or not 0 <= self.fade <= 1:
            raise LanelightError(
                "TrackerOptions: expected birth >= 1, patience and bridge >= 0, rows >= 8 and fade in [0, 1], got "
                f"{self.birth=}, {self.patience=}, {self.bridge=}, {self.rows=}, {self.fade=}"
            )


class LaneTracker:
    """Gives lanes an identity that lasts over the frames of a video, also through a lane change, and smooths them.

    A number is never used again. The slot of a lane is the one that the detector gave it in this frame: in a lane
    change it moves while the number stays. Short drop-outs are bridged by the track, with a fading score and the
    attribute ``bridged``.
    """

    def __init__(self, options: TrackerOptions | None = None) -> None:
        self.options = options or TrackerOptions()
        self._next = 0
        self._resize((1, 1))  # until the first frame tells

    def reset(self) -> None:
        """Forget all lanes, as at a cut; numbers go on."""
        self._tracks: list[_Track] = []
        self._camera = Camera()

    def update(self, scene: Scene) -> Scene:
        """Return the Scene of the next frame with a track for every lane, smoothed, gaps bridged."""
        if scene.size != self._size:
            self._resize(scene.size)
        lanes = [lane for lane in scene.lanes if len(lane.points) and np.isfinite(lane.points).all(axis=1).any()]
        seen = x_on_rows(lanes, self._rows)
        self._predict()
        found = self._paired(lanes, seen)
        self._follow_camera(found, seen)
        for i, track in found.items():
            track.take(lanes[i], seen[i], self._powers, self.options, self._size[0])
        self._miss(found)
        self._begin(lanes, seen, found)
        shown = {i: self._shown(track, seen[i]) for i, track in sorted(found.items()) if track.is_shown}
        bridges = self._bridges(seen[list(shown)], list(shown.values()))
        self._tracks = [track for track in self._tracks if track.missed <= track.patience(self.options)]
        return Scene(scene.size, _in_order([*shown.values(), *bridges]), scene.classes)

    def _resize(self, size: tuple[int, int]) -> None:
        self._size = size
        self._rows = np.linspace(0.0, size[1] - 1.0, self.options.rows)
        height = np.linspace(-1.0, 1.0, self.options.rows)
        self._powers = np.stack([height**k for k in range(SHAPES)])
        self.reset()

    def _predict(self) -> None:
        """Move every track to where it is expected in this frame."""
        x = self._places()
        steep = slopes(x)
        self._shapes = np.stack([np.ones_like(x), np.broadcast_to(self._powers[1], x.shape), steep])
        for track, shift in zip(self._tracks, self._moved_by(self._camera.velocity), strict=True):
            track.course.x += shift + track.course.drift @ self._powers

    def _moved_by(self, motion: FloatArray) -> FloatArray:
        """Return how far a motion of the camera (3,) moves every row of every track, (N, R) px."""
        return np.asarray((motion @ self._shapes.reshape(3, -1)).reshape(self._shapes.shape[1:]), dtype=np.float64)

    def _paired(self, lanes: list[Lane], seen: FloatArray) -> dict[int, _Track]:
        """Return the track of every lane that has one; a cut ends all tracks."""
        width, options = self._size[0], self.options
        cost = row_distances(self._places(), seen)
        pairs = pair(cost, options.reach * width)
        pairs += self._paired_by_slot(pairs, cost, lanes)
        steady = {t for t, i in pairs if cost[t, i] <= options.cut * width}
        lately = {t for t, track in enumerate(self._tracks) if track.is_shown and track.missed == 0}
        if min(len(lately), len(seen)) >= 2 and 2 * len(lately & steady) < len(lately) and 2 * len(steady) < len(seen):
            self.reset()
            self._predict()
            return {}
        for t, i in pairs:
            self._tracks[t].judge(cost[t, i] / width, options)
        return {i: self._tracks[t] for t, i in pairs}

    def _paired_by_slot(
        self, pairs: list[tuple[int, int]], cost: FloatArray, lanes: list[Lane]
    ) -> list[tuple[int, int]]:
        """Return further pairs: a short lane may come back at other rows, or farther off, in the slot it was in."""
        limit = 2 * self.options.reach * self._size[0]
        tracks, taken = {t for t, _ in pairs}, {i for _, i in pairs}
        more: list[tuple[int, int]] = []
        for t, track in enumerate(self._tracks):
            if t in tracks or track.slot is None or track.missed > self.options.bridge:
                continue
            for i, lane in enumerate(lanes):
                if i not in taken and lane.slot == track.slot and (cost[t, i] <= limit or np.isinf(cost[t, i])):
                    more.append((t, i))
                    taken.add(i)
                    break
        return more

    def _follow_camera(self, found: dict[int, _Track], seen: FloatArray) -> None:
        """Move every track, also those without a lane, by what the lanes tell of the camera's motion."""
        place = {id(track): t for t, track in enumerate(self._tracks)}
        steady = [(i, track) for i, track in found.items() if track.leaps == 0]
        told = [(i, track) for i, track in steady if track.course.hits >= 3] or steady
        if not told:
            return
        of = [place[id(track)] for _, track in told]
        surprise = np.stack([seen[i] - track.course.x for i, track in told])
        noise = np.array([track.course.noise for _, track in told])
        gains = self.options.gains
        motion = self._camera.correct(self._shapes[:, of], surprise, noise, gains, gains.agility * self._size[0])
        for track, shift in zip(self._tracks, self._moved_by(motion), strict=True):
            track.course.x += shift

    def _miss(self, found: dict[int, _Track]) -> None:
        """Count the frame for the tracks without a lane, and move their slots with those of the others."""
        moves = Counter(track.moved for track in found.values() if track.moved is not None)
        move, votes = moves.most_common(1)[0] if moves else (0, 0)
        move = move if 2 * votes > moves.total() else 0
        kept = {id(track) for track in found.values()}
        for track in self._tracks:
            if id(track) not in kept:
                track.missed += 1
                if track.slot is not None:
                    track.slot = track.slot + move if track.slot + move >= 0 else None

    def _begin(self, lanes: list[Lane], seen: FloatArray, found: dict[int, _Track]) -> None:
        """Begin a track for every lane without one, unless it is another lane found twice; the surest lane first."""
        width, options = self._size[0], self.options
        noise = options.leap * width / 4
        first = not self._tracks  # nothing to wait for: the video or the scene begins here
        for i in sorted(set(range(len(lanes))) - set(found), key=lambda i: -lanes[i].score):
            others = seen[list(found)]
            if len(others) and row_distances(seen[i : i + 1], others).min() <= options.twin * width:
                continue
            track = _Track(Course(seen[i], noise), lanes[i], lanes[i].slot, 1 if first else options.birth)
            self._tracks.append(track)
            found[i] = track
        for i in sorted(found):
            if found[i].is_shown and found[i].number is None:
                found[i].number = self._next
                self._next += 1

    def _shown(self, track: _Track, seen: FloatArray) -> Lane:
        """Return what is shown of a lane that was found: its own rows, smoothed x."""
        lane = track.lane
        points = lane.points
        change = track.course.x - seen
        known = np.isfinite(change)
        if self.options.smooth and known.any():
            points = points.copy()
            points[:, 0] += np.interp(points[:, 1], self._rows[known], change[known])
        return Lane(points, lane.score, lane.slot, track.number, lane.attributes)

    def _bridges(self, seen: FloatArray, shown: list[Lane]) -> list[Lane]:
        """Return the lanes that are shown although they were not found."""
        options, (width, height) = self.options, self._size
        slots = {lane.slot for lane in shown} - {None}
        bridges: list[Lane] = []
        for track in self._tracks:
            if not (track.is_shown and 1 <= track.missed <= options.bridge and track.hits >= 3) or track.slot in slots:
                continue
            x = track.course.x
            if len(seen) and row_distances(x[None], seen).min() <= 2 * options.twin * width:
                continue
            y = track.lane.points[:, 1]
            known = np.isfinite(x)
            points = np.stack([np.interp(y, self._rows[known], x[known], left=np.nan, right=np.nan), y], axis=1)
            points = points[(points[:, 0] >= -0.5) & (points[:, 0] <= width - 0.5) & (y <= height - 0.5)]
            if len(points) >= 2:
                score = track.lane.score * options.fade**track.missed
                facts = {**track.lane.attributes, BRIDGED: str(track.missed)}
                bridges.append(Lane(points, score, track.slot, track.number, facts))
                slots.add(track.slot)
        return bridges

    def _places(self) -> FloatArray:
        """Return where the tracks are, (N, R) px."""
        if not self._tracks:
            return np.empty((0, len(self._rows)))
        return np.stack([track.course.x for track in self._tracks])


@dataclass(eq=False)
class _Track:
    """One lane over time.

    Attributes:
        course: where it is.
        lane: as it was found last.
        slot: where it is counted now, also while it is missing.
        needs: hits before it is shown.
        hits: frames in which it was found.
        missed: frames since then.
        leaps: frames for which it has been found far from where it was expected.
        restarts: whether its course begins anew where the lane is found now.
        moved: by how many slots it moved in this frame, None where unknown.
        number: its identity, once shown.
    """

    course: Course
    lane: Lane
    slot: int | None
    needs: int
    hits: int = 1
    missed: int = 0
    leaps: int = 0
    restarts: bool = False
    moved: int | None = None
    number: int | None = None

    @property
    def is_shown(self) -> bool:
        """Tell whether the lane was found often enough."""
        return self.hits >= self.needs

    def patience(self, options: TrackerOptions) -> int:
        """Return the frames that it outlives without a lane; one that was never shown has less."""
        return options.patience if self.is_shown else min(2, options.patience)

    def judge(self, leap: float, options: TrackerOptions) -> None:
        """Decide whether a lane found `leap` of the width from where it was expected is believed."""
        far = self.hits >= 3 and leap > options.leap
        self.leaps = self.leaps + 1 if far else 0
        self.restarts = far and self.leaps > 1 and leap > options.cut

    def take(self, lane: Lane, seen: FloatArray, powers: FloatArray, options: TrackerOptions, width: int) -> None:
        """Take in the lane of this frame; its first leap is not believed."""
        self.moved = None if lane.slot is None or self.slot is None else lane.slot - self.slot
        self.lane, self.slot = lane, lane.slot
        self.hits += 1
        self.missed = 0
        if self.restarts:
            self.course.restart(seen, options.leap * width / 4)
            self.leaps = 0
        elif self.leaps != 1:
            self.course.correct(seen, powers, options.gains, floor=width * NOISE_FLOOR)


def _in_order(lanes: list[Lane]) -> list[Lane]:
    """Return the lanes by slot, where all have one."""
    slots = [lane.slot for lane in lanes]
    if None in slots:
        return lanes
    return [lane for _, lane in sorted(zip(slots, lanes, strict=True), key=lambda item: item[0] or 0)]
