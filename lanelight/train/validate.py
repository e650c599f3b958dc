"""Scores during training, by the metrics and the rules of `lanelight eval`: the figures are those that it prints."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from lanelight.datasets import BDD100K, BDD100KMasks, CULane, Native, TuSimple
from lanelight.datasets.base import FrameDataset, LabelledPictures
from lanelight.decode import LaneAreaDecoder
from lanelight.errors import FormatError, LanelightError
from lanelight.geometry import Scene, Viewport
from lanelight.metrics import BDD100KLane, TuSimpleAccuracy
from lanelight.metrics.any_size import count_any_size
from lanelight.metrics.base import Figures
from lanelight.models import LaneModel
from lanelight.runtime.predictor import network_input
from lanelight.runtime.scoring import BDD100KRule, TuSimpleRule
from lanelight.runtime.scoring_lines import CULaneRule, LineCounts, NativeRule
from lanelight.train.class_scores import CLASS_METRICS, Counter, check_metric, class_counter
from lanelight.train.recipe import LABELLED, DataPart, Recipe
from lanelight.train.sources import frames_of, open_labelled

log = logging.getLogger(__name__)

SLOTS = range(4)
# metric -> the figure by which weights are chosen; names are those of `lanelight score --json`, joined by /
FIGURES = {
    "culane": "iou_0.5/f1",
    "tusimple": "f1",
    "bdd100k": "iou",
    **dict.fromkeys(CLASS_METRICS, "class_miou"),
}


class Sample(NamedTuple):
    """A frame to validate on: its number, (H, W, 3) uint8 RGB, and what is true of it."""

    number: int
    frame: NDArray[np.uint8]
    gold: Scene


class Shown(NamedTuple):
    """A validation frame as it is drawn: (H, W, 3) uint8 RGB, what is true of it, and what was found in it."""

    frame: NDArray[np.uint8]
    gold: Scene
    pred: Scene


class ValidationFrames:
    """The first frames of a data set, and a network's score on them.

    A data set is scored by its own rule where the metric is its own. Other frames, rendered roads among them, are
    scored in their own size, and of their true lanes only those in slots count.

    Attributes:
        metric: a key of `FIGURES`.
        figure: name of the figure by which weights are chosen; larger is better.
        shown: `Recipe.pictures` frames of the last score.

    Args:
        recipe: says which frames, how many, how they are shown to the network, and which metric.

    Raises:
        LanelightError: the data are missing, have no such split, or have nothing that the metric can count.
    """

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.metric = recipe.validated_by
        self.figure = FIGURES[self.metric]
        self._part = recipe.validation or DataPart(seed=recipe.val_seed)
        self.shown: list[Shown] = []
        self._frames: FrameDataset
        if self.metric in CLASS_METRICS:
            self._own, self._frames = None, frames_of(self._part, recipe.size, "classes")
            check_metric(recipe, self._frames)
        elif self._part.kind in LABELLED:
            labelled = open_labelled(self._part)
            self._own = _own_rule(self.metric, labelled)
            self._frames = labelled if self._own else frames_of(self._part, recipe.size)
            if isinstance(labelled, BDD100KMasks) and not self._own:
                raise LanelightError(
                    f"recipe {recipe.name}: expected metric bdd100k for lane masks, got {self.metric}, which "
                    "compares lanes as lines; set metric=bdd100k"
                )
        else:
            self._own, self._frames = None, frames_of(self._part, recipe.size)
        if not len(self._frames):
            raise FormatError(f"recipe: expected validation frames in {self._part.frames!r}, found none")

    def check(self, model: LaneModel) -> None:
        """Make sure that the metric can count what a network finds.

        Raises:
            LanelightError: it finds no single lanes, and the metric compares them; or classes where lanes are
                compared, or lanes where classes are.
        """
        if (model.LABELS == "classes") != (self.metric in CLASS_METRICS):
            finds = "one class per pixel" if model.LABELS == "classes" else "lanes"
            raise LanelightError(
                f"recipe {self.recipe.name}: expected a metric of what {self.recipe.network} finds, {finds}, got "
                f"{self.metric}; set metric=null for that of the data"
            )
        if isinstance(model.decoder, LaneAreaDecoder) and self.metric != "bdd100k":
            raise LanelightError(
                f"recipe {self.recipe.name}: expected metric bdd100k for a network that says where lanes are but not "
                f"which, got {self.metric}; set metric=bdd100k"
            )

    @torch.inference_mode()
    def score(self, model: LaneModel) -> dict[str, float]:
        """Return the figures of the network as it is, in evaluation mode; one of them is named `figure`.

        Names are those of `lanelight score --json`; figures inside others are joined by /, as in ``iou_0.5/f1``, and
        counts stay whole numbers. A frame that cannot be read is logged and left out.

        Raises:
            LanelightError: no frame can be read.
        """
        device = next(model.parameters()).device
        done = 0
        self.shown = []
        with self._notice():
            counter = self._counter(model)
            for samples in self._batches():
                views = [self._view(sample.gold.size) for sample in samples]
                images = np.concatenate(
                    [
                        network_input(sample.frame, view, model.preprocess)
                        for sample, view in zip(samples, views, strict=True)
                    ]
                )
                preds = model.decode(model(torch.from_numpy(images).to(device)), views)
                for sample, pred in zip(samples, preds, strict=True):
                    counter.count(sample.number, pred, sample.gold)
                    if sample.number in self._to_show:
                        self.shown.append(Shown(sample.frame, sample.gold, pred))
                done += len(samples)
        if not done:
            raise LanelightError(f"recipe {self.recipe.name}: expected validation frames, none could be read")
        return dict(flat(counter.figures()))

    @cached_property
    def _to_show(self) -> frozenset[int]:
        """Return the numbers of the frames that are drawn: far from each other, as neighbours look alike."""
        frames, pictures = min(self.recipe.val_frames, len(self._frames)), self.recipe.pictures
        return frozenset(number * frames // pictures for number in range(pictures))

    def _counter(self, model: LaneModel) -> Counter:
        if self.metric in CLASS_METRICS:
            return class_counter(self.metric, self._frames, model)
        return self._own() if self._own else OTHERS[self.metric]()

    def samples(self) -> Iterator[Sample]:
        """Yield the frames that can be read; pictures of data sets are read anew each time."""
        if self._part.kind == "synthetic":
            yield from self._roads
            return
        for index in range(min(self.recipe.val_frames, len(self._frames))):
            try:
                _, frame, gold = self._frames[index]
            except LanelightError as error:
                log.warning("not validated on: %s", error)
            else:
                yield Sample(index, frame, gold)

    @cached_property
    def _roads(self) -> list[Sample]:
        """Rendered frames; rendering takes longer than the network, and they are few."""
        count = min(self.recipe.val_frames, len(self._frames))
        return [Sample(index, *self._frames[index][1:]) for index in range(count)]

    def _batches(self) -> Iterator[list[Sample]]:
        batch: list[Sample] = []
        for sample in self.samples():
            batch.append(sample)
            if len(batch) == self.recipe.batch:
                yield batch
                batch = []
        if batch:
            yield batch

    def _view(self, size: tuple[int, int]) -> Viewport:
        """Return what the network sees of a frame: of a road rendered in its own size, all."""
        rendered = self._part.kind == "synthetic" and size == self.recipe.size
        return Viewport.whole(size) if rendered else self.recipe.viewport.view(size)

    def _notice(self) -> AbstractContextManager[None]:
        if self.metric != "culane":  # the others are not compiled
            return nullcontext()
        from lanelight.compiled import when_compiling

        return when_compiling(lambda: log.info("compiling the metric for this machine, about 15 s, once ..."))


def flat(figures: Figures, within: str = "") -> Iterator[tuple[str, float]]:
    """Yield name and value of each number, names of figures inside others joined by /; None is left out."""
    for name, value in figures.items():
        if isinstance(value, dict):
            yield from flat(value, f"{within}{name}/")
        elif value is not None:
            yield f"{within}{name}", value


def balance(scores: Figures) -> float:
    """Return the harmonic mean of 1 - fp and 1 - fn of a TuSimple score, 0 where both are 0."""
    right, found = 1 - scores["fp"], 1 - scores["fn"]
    return 2 * right * found / (right + found) if right + found > 0 else 0.0


def _own_rule(metric: str, data: LabelledPictures) -> Callable[[], Counter] | None:
    """Return what makes a data set's own rule, or None where the metric is that of other data."""
    if metric == "culane" and isinstance(data, CULane):
        return lambda: CULaneRule(data, LineCounts())
    if metric == "culane" and isinstance(data, Native):
        return lambda: NativeRule(data, LineCounts())
    if metric == "tusimple" and isinstance(data, TuSimple):
        return lambda: _Balanced(TuSimpleRule(data))
    if metric == "bdd100k" and isinstance(data, BDD100K | BDD100KMasks):
        return lambda: BDD100KRule(data)
    return None


class _Balanced:
    """The TuSimple score with the figure that weights are chosen by."""

    def __init__(self, rule: TuSimpleRule) -> None:
        self._rule = rule
        self.count = rule.count

    def figures(self) -> Figures:
        found = self._rule.figures()
        return {**found, "f1": balance(found)}


class _Lines:
    """The rule of CULane on any frames."""

    def __init__(self) -> None:
        self._counts = LineCounts()

    def count(self, index: int, pred: Scene, gold: Scene) -> None:
        self._counts.add(index, Scene(pred.size, pred.lanes), _in_slots(gold))

    def figures(self) -> Figures:
        return {**self._counts.figures(), "frames": len(self._counts)}


class _Points:
    """The rule of TuSimple on any frames."""

    def __init__(self) -> None:
        self._metric = TuSimpleAccuracy()

    def count(self, index: int, pred: Scene, gold: Scene) -> None:  # noqa: ARG002  # every frame counts alike
        count_any_size(self._metric, pred, gold)

    def figures(self) -> Figures:
        found = self._metric.compute()
        return {**found, "frames": self._metric.frames, "f1": balance(found)}


class _Pixels:
    """The rule of BDD100K on any frames."""

    def __init__(self) -> None:
        self._metric = BDD100KLane()

    def count(self, index: int, pred: Scene, gold: Scene) -> None:  # noqa: ARG002  # every frame counts alike
        self._metric.update(pred, _in_slots(gold))

    def figures(self) -> Figures:
        return self._metric.compute()


def _in_slots(scene: Scene) -> Scene:
    """Return the lanes in slots without their missing points, and no classes."""
    lanes = [
        lane.with_points(lane.points[np.isfinite(lane.points).all(axis=1)])
        for lane in scene.lanes
        if lane.slot in SLOTS
    ]
    return Scene(scene.size, lanes)


OTHERS: dict[str, Callable[[], Counter]] = {"culane": _Lines, "tusimple": _Points, "bdd100k": _Pixels}
