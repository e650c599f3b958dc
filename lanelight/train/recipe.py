"""`Recipe`: everything that decides a training run, as frozen dataclasses of plain values."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

from lanelight.datasets.augment import AUGMENTS, Augment, augment_entry
from lanelight.distill.self_attention import SelfAttentionDistillation
from lanelight.distill.teacher import TeacherDistillation
from lanelight.errors import FormatError, LanelightError, unknown_name
from lanelight.geometry import ViewportPolicy
from lanelight.models.class_maps import ClassLoss
from lanelight.models.lane_instances import InstanceLoss
from lanelight.models.lane_priors import PriorLoss
from lanelight.models.slot_masks import MaskLoss

Metric = Literal["culane", "tusimple", "bdd100k", "cityscapes", "camvid", "classes"]

# of kinds of data that networks learn lanes, or classes, from; of others "culane", or "classes"
OWN_METRICS: dict[str, Metric] = {"tusimple": "tusimple", "bdd100k": "bdd100k"}
OWN_CLASS_METRICS: dict[str, Metric] = {"cityscapes": "cityscapes", "camvid": "camvid"}
LABELLED = ("native", "culane", "tusimple", "bdd100k")  # kinds of data with a root and lanes that people drew
ROOTED = (*LABELLED, "cityscapes", "camvid", "masks")  # kinds of data with a root


@dataclass(frozen=True)
class DataPart:
    """One source of training frames.

    Attributes:
        kind: "synthetic" (rendered roads), "clips" (videos with line maps), "stills" (pictures with line maps), or a
            data set of labelled lanes: "native", "culane", "tusimple" or "bdd100k". Networks with one class per pixel
            learn from "cityscapes", "camvid", "masks" (a folder of pictures and one of class maps), from rendered roads
            (0 other, 1 road, 2 marking), and from the class maps of "native" and "bdd100k".
        share: share of the training frames drawn from it; shares are normalised to 1.
        seed: of rendered roads; other data ignore it.
        pool: number of different rendered roads, each rendered once; 0 renders a new one every time.
        world: of rendered roads, a name in `lanelight.datasets.synthetic.WORLDS`.
        size: (width, height) in which roads are rendered, px; None is that of the network's input.
        frames: folder of clips or pictures, or the root of a data set.
        split: part of a data set, for example "train"; None takes all there is.
        lists: list or label files of a data set in place of a split, below its root or elsewhere.
        maps: folder of line maps.
        masks: folder of road masks, or None; of "masks" that of the class maps.
        aspect: true aspect of pictures that were stretched, or None.
        select: patterns of the pictures' names, such as ``0001TP_*``, of "camvid" and "masks"; without any, all.
        white: of "masks", the class that 255 stands for; None: pixels without a label.
    """

    kind: Literal[
        "synthetic", "clips", "stills", "native", "culane", "tusimple", "bdd100k", "cityscapes", "camvid", "masks"
    ] = "synthetic"
    share: float = 1.0
    seed: int = 0
    pool: int = 0
    frames: str = ""
    maps: str = ""
    masks: str | None = None
    aspect: float | None = None
    select: tuple[str, ...] = ()
    white: int | None = None
    split: str | None = None
    lists: tuple[str, ...] = ()
    world: str = "mixed"
    size: tuple[int, int] | None = None


@dataclass(frozen=True)
class Optimizer:
    """AdamW or SGD, with warm-up and a decay.

    Attributes:
        name: "adamw", or "sgd" (Nesterov).
        lr: peak learning rate, of `reference_batch` where that is given.
        reference_batch: frames a step that `lr` is meant for. The rate grows with the frames that all processes
            together have in a step: for SGD as global / reference (Goyal et al. 2017), for AdamW as the square root
            of that (Malladi et al. 2022). None: `lr` is used as it is.
        momentum: of SGD.
        linear_lr: factor of the learning rate for fully connected layers. One of 2,000 inputs of equal sign moves its
            units by 2,000 small steps at once: at the full rate of a convolution they die within a few steps.
        weight_decay: on weights of convolutions and linear layers; not on norms, biases and slopes.
        decay_depthwise: whether it is on depthwise convolutions too, which MobileNets train without.
        warmup_steps: steps of linear warm-up.
        decay: "cosine" or "poly", both to zero, or "step".
        power: of "poly".
        milestones: of "step": shares of the run at which the rate falls.
        gamma: of "step": what the rate is multiplied with there.
        clip: largest gradient norm; 0 does not clip.
    """

    name: Literal["adamw", "sgd"] = "adamw"
    lr: float = 2e-3
    reference_batch: int | None = None
    momentum: float = 0.9
    linear_lr: float = 0.1
    weight_decay: float = 1e-4
    decay_depthwise: bool = True
    warmup_steps: int = 100
    decay: Literal["cosine", "poly", "step"] = "cosine"
    power: float = 0.9
    milestones: tuple[float, ...] = (0.6, 0.85)
    gamma: float = 0.1
    clip: float = 5.0


@dataclass(frozen=True)
class Recipe:
    """A complete training run.

    Attributes:
        name: of the run and of the exported network.
        network: a name in `lanelight.models.MODELS`.
        parts: arguments of the network's own, for example ``{"channels": 1}`` for lane or not.
        size: (width, height) of the network's input, px.
        width_px: width of the lanes drawn for training, px of the input.
        viewport: how frames of any size are shown to the network.
        crop: (width, height) of training samples, px, of networks that take frames of any size; None is `size`. What
            of a frame they show, the augmentation's window says; validation sees frames as `viewport` does.
        data: where training frames come from.
        order: "drawn": each sample's part and frame are drawn by chance; "shuffled": every frame of a part comes once,
            in an order of its own for each epoch, before any comes again.
        val_seed: seed of the rendered validation roads, different from every training seed.
        validation: what the network is scored on during the run; None renders roads of `val_seed`.
        val_frames: the first so many frames of it; 0 does not validate.
        metric: what they are scored by, as `lanelight eval` does: "culane" (best by F1 at an IoU of 0.5, lines of 30 px
            in 1640, in other frames scaled with the width), "tusimple" (harmonic mean of 1 - fp and 1 - fn), "bdd100k"
            (pixel IoU); of networks with one class per pixel "cityscapes" (the benchmark's figures), "camvid" or
            "classes" (IoU of the network's own), best by the mean IoU of classes. None: the data set's own; of native
            data, pictures with line maps and rendered roads "culane" or "classes".
        loss: weights and forms of the loss: `MaskLoss` for networks with masks, `PriorLoss` for the CLR family,
            `InstanceLoss` for networks with an embedding, `ClassLoss` for networks with one class per pixel.
        distillation: self attention distillation, or None.
        teacher: what is learnt from a trained network, or None; ``lanelight train --teacher FILE`` names its file.
        optim: see `Optimizer`.
        augment: see `Augment`; in a file or a setting also the name of a preset in `AUGMENTS`.
        steps: optimiser steps.
        batch: frames that one process takes through the network at once.
        accumulate: passes whose gradients are averaged before a step; batch x accumulate x processes frames a step.
        ema: decay of a moving average of the weights (Lightning's `EMAWeightAveraging`), which is validated and
            exported in place of them; None has none.
        log_every: steps between rows of ``metrics.csv``.
        val_every: steps between validations.
        pictures: so many validation frames are drawn at each validation (frame, truth, prediction), evenly spread over
            all, into ``pictures/step_NNNNNN.jpg``; 0 draws none.
        save_every: steps between saved states, from which an ended run goes on; None saves with each validation.
        exported: which weights are the result: "best" on the validation frames (by `metric`; the last where nothing was
            validated), or "last".
        seed: of weights, order and augmentation.
        workers: processes that prepare frames.
        precision: "32-true", or "bf16-mixed".
        compile: compile the training step (a minute or two at the start, a third faster afterwards on a CPU).
        init: file of weights to start from, or None.
        reset: parts of the network (such as "existence") that start anew all the same.
    """

    name: str
    network: str = "enet_sad"
    parts: dict[str, Any] = field(default_factory=dict)
    size: tuple[int, int] = (512, 224)
    width_px: int = 6
    viewport: ViewportPolicy = field(default_factory=lambda: ViewportPolicy(target=(512, 224)))
    crop: tuple[int, int] | None = None
    data: tuple[DataPart, ...] = (DataPart(),)
    order: Literal["drawn", "shuffled"] = "drawn"
    val_seed: int = 1_000_003
    validation: DataPart | None = None
    val_frames: int = 64
    metric: Metric | None = None
    loss: MaskLoss | PriorLoss | InstanceLoss | ClassLoss = field(default_factory=MaskLoss)
    distillation: SelfAttentionDistillation | None = None
    teacher: TeacherDistillation | None = None
    optim: Optimizer = field(default_factory=Optimizer)
    augment: Augment = AUGMENTS["road"]
    steps: int = 1000
    batch: int = 8
    accumulate: int = 1
    ema: float | None = None
    log_every: int = 10
    val_every: int = 250
    pictures: int = 4
    save_every: int | None = None
    exported: Literal["best", "last"] = "best"
    seed: int = 0
    workers: int = 1
    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    compile: bool = False
    init: str | None = None
    reset: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.size != self.viewport.target:
            raise LanelightError(
                f"recipe {self.name}: expected viewport.target to be the network's size {self.size}, "
                f"got {self.viewport.target}; set both"
            )
        for name in ("steps", "batch", "accumulate", "log_every", "val_every", "save_every"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise LanelightError(f"recipe {self.name}: expected {name} of at least 1, got {value}")
        if self.pictures < 0:
            raise LanelightError(f"recipe {self.name}: expected pictures of 0 or more, got {self.pictures}")
        if self.ema is not None and not 0 < self.ema < 1:
            raise LanelightError(f"recipe {self.name}: expected ema between 0 and 1, for example 0.999, got {self.ema}")
        if self.validation is not None and self.validation.split == "test":
            raise LanelightError(
                f"recipe {self.name}: expected a validation split, got 'test'; weights chosen on a test split "
                "have no honest score on it; set validation.split=val"
            )
        if self.validation is not None and self.validation in [replace(part, share=1.0) for part in self.data]:
            raise LanelightError(
                f"recipe {self.name}: expected validation frames that are not trained on, got a part of data again; "
                "name another split or other lists"
            )

    @property
    def validated_by(self) -> Metric:
        """The metric: `metric`, or the one of the validation data."""
        kind = "synthetic" if self.validation is None else self.validation.kind
        if isinstance(self.loss, ClassLoss):
            return self.metric or OWN_CLASS_METRICS.get(kind, "classes")
        return self.metric or OWN_METRICS.get(kind, "culane")

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe as plain values."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return plain

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any]) -> Recipe:
        """Build a recipe from plain values; types are checked.

        Raises:
            FormatError: a missing, unknown or ill-typed entry.
        """
        from jsonargparse import ArgumentParser

        parser = ArgumentParser(exit_on_error=False)
        parser.add_argument("--recipe", type=cls)
        try:
            plain = dict(entry)
            if "augment" in plain:
                plain["augment"] = augment_entry(plain["augment"])
            if isinstance(plain.get("loss"), Mapping):
                plain["loss"] = _loss_entry(plain["loss"])
            recipe = parser.instantiate(parser.parse_object({"recipe": plain})).recipe
        except LanelightError:
            raise
        except Exception as error:  # jsonargparse has its own error type; the text is what matters
            raise _ours(error) or FormatError(f"recipe: {' '.join(str(error).split())}") from error
        assert isinstance(recipe, cls)
        return recipe

    @classmethod
    def read(cls, path: Path) -> Recipe:
        """Read a recipe that a run saved: its ``recipe.json`` or its ``run.json``.

        Raises:
            FormatError: the file is missing or not a recipe.
        """
        try:
            entry = json.loads(path.read_text())
            return cls.from_dict(entry["recipe"] if isinstance(entry, dict) and "recipe" in entry else entry)
        except (OSError, ValueError) as error:
            raise FormatError(f"{path}: expected a recipe saved by a training run ({error})") from error

    def override(self, settings: Sequence[str]) -> Recipe:
        """Return the recipe with ``key=value`` settings applied, for example ``optim.lr=0.01``.

        ``data.root=DIR`` stands for the root of every labelled data set in it, those of validation included; the
        folders of pictures and of class maps keep their names below it.

        Raises:
            LanelightError: a setting without "=", an unknown key or a value of the wrong type.
        """
        entry = self.to_dict()
        for setting in settings:
            key, equals, text = setting.partition("=")
            if not equals:
                raise LanelightError(f"--set: expected key=value, got {setting!r}")
            if key == "data.root":
                _set_root(entry, text)
                continue
            place: Any = entry
            *path, last = key.split(".")
            for name in path:
                place = _entry(place, name, key)
            if path != ["parts"]:  # which ones there are, the network knows: see `lanelight.train.run.build`
                _entry(place, last, key)
            value = _plain(text)
            if isinstance(place, list):
                place[int(last)] = value
            else:
                place[last] = value
        return Recipe.from_dict(entry)


def _ours(error: BaseException | None) -> LanelightError | None:
    """Return the error of ours that another one wraps, whose text would be half about types, or None."""
    while error is not None and not isinstance(error, LanelightError):
        error = error.__cause__ or error.__context__
    return error


def _loss_entry(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entry of a loss with the class whose names it has, and with all of its values.

    jsonargparse tries the default's class alone, and takes what is missing from the default where names are the same.
    """
    kinds = (MaskLoss, PriorLoss, InstanceLoss, ClassLoss)
    fits = max(kinds, key=lambda kind: len(entry.keys() & {one.name for one in fields(kind)}))
    return {"class_path": f"{fits.__module__}.{fits.__name__}", "init_args": {**asdict(fits()), **entry}}


def _set_root(entry: dict[str, Any], root: str) -> None:
    """Name the root of all labelled data sets of a recipe's plain values."""
    parts = [part for part in [*entry["data"], entry["validation"]] if part and part["kind"] in ROOTED]
    if not parts:
        raise LanelightError(
            f"--set data.root: recipe {entry['name']} has no labelled data set; name folders by data.N.frames"
        )
    for part in parts:
        if part["kind"] == "masks":  # two folders, of which the root is the parent
            part["frames"], part["masks"] = (f"{root}/{Path(part[name] or name).name}" for name in ("frames", "masks"))
        else:
            part["frames"] = root


def _plain(text: str) -> Any:
    """Read a value as JSON where it is JSON, else as the text it is."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _entry(place: Any, name: str, key: str) -> Any:
    """Return place[name] of plain values, or fail naming the nearest entry."""
    if isinstance(place, dict) and name in place:
        return place[name]
    if isinstance(place, list) and name.isdigit() and int(name) < len(place):
        return place[int(name)]
    known = place if isinstance(place, dict) else [str(i) for i in range(len(place))] if isinstance(place, list) else []
    raise LanelightError(f"--set {key}: {unknown_name('entry', name, known)}")
