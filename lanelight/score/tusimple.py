"""Score TuSimple prediction files as the benchmark's own script does.

Both files hold one JSON object a line: the label file `raw_file`, `lanes` and `h_samples`, the prediction file
`raw_file`, `lanes` and `run_time` in ms. The order of the lines does not matter. What the script refuses is refused
here too, by file and line; what it silently scores as it never should is scored the same way, with a warning.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from lanelight.formats.text import inside
from lanelight.formats.tusimple import SIZE, Entry, read_labels, read_predictions, to_scene
from lanelight.geometry import Scene
from lanelight.geometry.ego import ego_indices
from lanelight.metrics.base import Figures
from lanelight.metrics.tusimple import TuSimpleAccuracy, compared, paired
from lanelight.metrics.tusimple_frames import (
    MAX_EXTRA_LANES,
    MAX_RUN_TIME_MS,
    FrameScore,
    has_too_many,
    is_too_slow,
    score_frames,
)
from lanelight.score.base import BenchmarkScore, Watch, short_name

FRAMES_BETWEEN_REPORTS = 512

Pair = tuple[Entry, Entry]  # prediction, label


class TuSimpleScore(BenchmarkScore):
    """The figures of a TuSimple prediction file: means of accuracy, false-positive and false-negative rate.

    Frames stand in the order of the prediction file.

    Args:
        pairs: prediction and label of each frame.
        scores: what each frame scored.
        frames: number of different frames in the label file, by which the benchmark divides.
        warnings: what the user should know.
    """

    def __init__(
        self, pairs: Sequence[Pair], scores: Sequence[FrameScore], frames: int, warnings: Sequence[str]
    ) -> None:
        metric = TuSimpleAccuracy()
        for score in scores:
            metric.add(score)
        self.figures = {**metric.means(frames), "frames": frames}
        self.names = [pred.raw_file for pred, _ in pairs]
        self.warnings = warnings
        self._pairs = pairs
        self._scores = scores

    def frame(self, index: int) -> Figures:
        """Return ``accuracy``, ``fp`` and ``fn`` of one frame."""
        return dict(zip(("accuracy", "fp", "fn"), self._scores[index], strict=True))

    def badness(self, index: int) -> tuple[float, ...]:
        """Return (1 - accuracy, fp + fn)."""
        accuracy, fp, fn = self._scores[index]
        return 1.0 - accuracy, fp + fn

    def caption(self, index: int) -> str:
        """Return the frame's name and its figures."""
        accuracy, fp, fn = self._scores[index]
        return f"{short_name(self.names[index])}  accuracy {accuracy:.3f} fp {fp:.2f} fn {fn:.2f}"

    def scenes(self, index: int) -> tuple[Scene, Scene]:
        """Return one frame's (predicted, true) lanes, at the rows of the label."""
        pred, gold = self._pairs[index]
        return to_scene(replace(pred, rows=gold.rows)), to_scene(gold)

    def picture(self, index: int, images: Path) -> Path | None:
        """Return `raw_file` below the folder, or None where there is no such file.

        Raises:
            FormatError: `raw_file` leads out of the folder.
        """
        file = inside(images, self.names[index], self._pairs[index][0].where)
        return file if file.is_file() else None


def score(
    gold: Path,
    pred: Path,
    *,
    lanes: Literal["all", "ego"] = "all",
    threads: int | None = None,
    watch: Watch | None = None,
) -> TuSimpleScore:
    """Score a prediction file against a label file.

    Args:
        gold: label file.
        pred: prediction file.
        lanes: ``"ego"`` compares only the nearest lane left and the nearest right of the vehicle, of each side; no
            figure of the benchmark, which has all lanes.
        threads: has no effect: reading the text is nearly all of the work, and Python does it in one thread.
        watch: called with the numbers of frames done and in all.

    Raises:
        FormatError: a file is damaged, or the files do not have the same frames and rows; the message names the line.
    """
    del threads
    labels, predictions = read_labels(gold), read_predictions(pred)
    pairs = paired(predictions, labels)
    comparisons = [compared(*pair) for pair in pairs]
    if lanes == "ego":
        pairs = [_ego_only(pair) for pair in pairs]
        comparisons = [compared(*pair) for pair in pairs]
    scores: list[FrameScore] = []
    for start in range(0, len(pairs), FRAMES_BETWEEN_REPORTS):
        scores += score_frames(comparisons[start : start + FRAMES_BETWEEN_REPORTS])
        if watch is not None:
            watch(len(scores), len(pairs))
    warnings = [*_lost(pairs), *_repeated(pred, predictions), *_repeated(gold, labels)]
    return TuSimpleScore(pairs, scores, len({entry.raw_file for entry in labels}), warnings)


def _ego_only(pair: Pair) -> Pair:
    pred, gold = pair
    seen = ego_indices(to_scene(replace(pred, rows=gold.rows)).lanes, SIZE)
    true = ego_indices(to_scene(gold).lanes, SIZE)
    return (
        replace(pred, lanes=tuple(pred.lanes[index] for index in seen)),
        replace(gold, lanes=tuple(gold.lanes[index] for index in true)),
    )


def _lost(pairs: Sequence[Pair]) -> list[str]:
    """Return a warning for each reason for which frames count as lost, whatever their lanes."""
    lost = {
        f"their run_time is over {MAX_RUN_TIME_MS:g} ms": [pred for pred, _ in pairs if is_too_slow(pred.run_time_ms)],
        f"they have over {MAX_EXTRA_LANES} lanes more than their label": [
            pred for pred, gold in pairs if has_too_many(len(pred.lanes), len(gold.lanes))
        ],
    }
    return [
        f"{len(frames)} of {len(pairs)} frames count as wholly missed because {reason} (a rule of the benchmark); "
        f"the first is {frames[0].raw_file} ({frames[0].where})"
        for reason, frames in lost.items()
        if frames
    ]


def _repeated(file: Path, entries: Sequence[Entry]) -> list[str]:
    """Return a warning where a file has several lines for a frame."""
    number = Counter(entry.raw_file for entry in entries)
    again = [name for name, lines in number.items() if lines > 1]
    if not again:
        return []
    return [
        f"{file}: {len(again)} frames have several lines, the first is {again[0]}; the benchmark's script does not "
        "notice: every predicted line counts, of the labels of a frame only the last, so the figures mean little"
    ]
