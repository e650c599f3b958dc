"""`Recipe`: everything that decides a training run, as frozen dataclasses of plain values."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from lanelight.datasets.augment import AUGMENTS, Augment, augment_entry
from lanelight.distill.self_attention import SelfAttentionDistillation
from lanelight.errors import FormatError, LanelightError, unknown_name
from lanelight.geometry import ViewportPolicy
from lanelight.models.enet_sad import MaskLoss


@dataclass(frozen=True)
class DataPart:
    """One source of training frames.

    Attributes:
        kind: "synthetic" (rendered roads), "clips" (videos with line maps), "stills" (pictures with line maps), or a
            data set of labelled lanes: "native", "culane", "tusimple" or "bdd100k".
        share: share of the training frames drawn from it; shares are normalised to 1.
        seed: of rendered roads; other data ignore it.
        pool: number of different rendered roads, each rendered once; 0 renders a new one every time.
        frames: folder of clips or pictures, or the root of a data set.
        split: part of a data set, for example "train"; None takes all there is.
        maps: folder of line maps.
        masks: folder of road masks, or None.
        aspect: true aspect of pictures that were stretched, or None.
    """

    kind: Literal["synthetic", "clips", "stills", "native", "culane", "tusimple", "bdd100k"] = "synthetic"
    share: float = 1.0
    seed: int = 0
    pool: int = 0
    frames: str = ""
    maps: str = ""
    masks: str | None = None
    aspect: float | None = None
    split: str | None = None


@dataclass(frozen=True)
class Optimizer:
    """AdamW with warm-up and a decay to zero.

    Attributes:
        lr: peak learning rate.
        linear_lr: factor of the learning rate for fully connected layers. One of 2,000 inputs of equal sign moves its
            units by 2,000 small steps at once: at the full rate of a convolution they die within a few steps.
        weight_decay: on weights of convolutions and linear layers; not on norms, biases and slopes.
        warmup_steps: steps of linear warm-up.
        decay: "cosine", or "poly" (power 0.9).
        clip: largest gradient norm.
    """

    lr: float = 2e-3
    linear_lr: float = 0.1
    weight_decay: float = 1e-4
    warmup_steps: int = 100
    decay: Literal["cosine", "poly"] = "cosine"
    clip: float = 5.0


@dataclass(frozen=True)
class Recipe:
    """A complete training run.

    Attributes:
        name: of the run and of the exported network.
        network: a name in `lanelight.models.MODELS`.
        size: (width, height) of the network's input, px.
        width_px: width of the lanes drawn for training, px of the input.
        viewport: how frames of any size are shown to the network.
        data: where training frames come from.
        val_seed: seed of the rendered validation roads, different from every training seed.
        val_frames: how many of them.
        loss: weights and forms of the loss.
        distillation: self attention distillation, or None.
        optimizer: see `Optimizer`.
        augment: see `Augment`; in a file or a setting also the name of a preset in `AUGMENTS`.
        steps: optimiser steps.
        batch: frames a step.
        val_every: steps between validations.
        seed: of weights, order and augmentation.
        workers: processes that prepare frames.
        precision: "32-true", or "bf16-mixed".
        compile: compile the training step (a minute or two at the start, a third faster afterwards on a CPU).
        init: file of weights to start from, or None.
        reset: parts of the network (such as "existence") that start anew all the same.
    """

    name: str
    network: str = "enet_sad"
    size: tuple[int, int] = (512, 224)
    width_px: int = 6
    viewport: ViewportPolicy = field(default_factory=lambda: ViewportPolicy(target=(512, 224)))
    data: tuple[DataPart, ...] = (DataPart(),)
    val_seed: int = 1_000_003
    val_frames: int = 64
    loss: MaskLoss = field(default_factory=MaskLoss)
    distillation: SelfAttentionDistillation | None = None
    optimizer: Optimizer = field(default_factory=Optimizer)
    augment: Augment = AUGMENTS["road"]
    steps: int = 1000
    batch: int = 8
    val_every: int = 250
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
            recipe = parser.instantiate(parser.parse_object({"recipe": plain})).recipe
        except LanelightError:
            raise
        except Exception as error:  # jsonargparse has its own error type; the text is what matters
            raise FormatError(f"recipe: {' '.join(str(error).split())}") from error
        assert isinstance(recipe, cls)
        return recipe

    @classmethod
    def read(cls, path: Path) -> Recipe:
        """Read a recipe that a run saved.

        Raises:
            FormatError: the file is missing or not a recipe.
        """
        try:
            return cls.from_dict(json.loads(path.read_text()))
        except (OSError, ValueError) as error:
            raise FormatError(f"{path}: expected a recipe saved by a training run ({error})") from error

    def override(self, settings: Sequence[str]) -> Recipe:
        """Return the recipe with ``key=value`` settings applied, for example ``optimizer.lr=0.01``.

        Raises:
            LanelightError: a setting without "=", an unknown key or a value of the wrong type.
        """
        entry = self.to_dict()
        for setting in settings:
            key, equals, text = setting.partition("=")
            if not equals:
                raise LanelightError(f"--set: expected key=value, got {setting!r}")
            place: Any = entry
            *path, last = key.split(".")
            for name in path:
                place = _entry(place, name, key)
            _entry(place, last, key)
            value = _plain(text)
            if isinstance(place, list):
                place[int(last)] = value
            else:
                place[last] = value
        return Recipe.from_dict(entry)


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
