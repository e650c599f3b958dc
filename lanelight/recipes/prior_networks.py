"""What the recipes for CLRNet and CLRKDNet have in common, on any of the benchmarks; no recipe of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from lanelight.datasets.augment import AUGMENTS
from lanelight.distill.teacher import TeacherDistillation
from lanelight.geometry import ViewportPolicy
from lanelight.models.lane_priors import PriorLoss
from lanelight.train.recipe import DataPart, Optimizer, Recipe

SIZE = (800, 320)


def clrnet(
    name: str, network: str, kind: Literal["culane", "tusimple"], root: str, *, top: float, width_px: int
) -> Recipe:
    """Return what all of them share.

    Of the authors' code: input 800x320 below a cut of the frame's top, AdamW with a weight decay of 0.01 and a cosine
    from the first step to zero, no clipping, ImageNet weights, the augmentation, and the loss.

    Differs: weights are chosen by their score on the validation split, where the authors report the last ones (CLRNet)
    or choose on the test split (CLRKDNet); weight decay is for weights of convolutions and linear layers alone;
    pictures are RGB, normalised as the ImageNet weights expect, where the authors feed BGR divided by 255
    (``parts.normalize=bgr``); every sample of every epoch is augmented by a draw of its own, where theirs repeat;
    pictures are shrunk by areas, not bicubically; the rate follows the frames a step (`Optimizer.reference_batch`).
    Faults of theirs that are mended: targets of lanes that leave the frame at its top, and priors that several lanes
    claim (``loss.conflicts=reference`` has theirs).

    Args:
        name: of the recipe.
        network: a name in `lanelight.models.MODELS`.
        kind: of the data set.
        root: its folder.
        top: share of the frame's height that is cut off above.
        width_px: width of the lines of the auxiliary mask, px of the input.
    """
    return Recipe(
        name=name,
        network=network,
        parts={"pretrained_backbone": True},
        size=SIZE,
        width_px=width_px,
        viewport=ViewportPolicy(target=SIZE, fit="stretch", top=top),
        data=(DataPart(kind=kind, frames=root, split="train"),),
        order="shuffled",
        validation=DataPart(kind=kind, frames=root, split="val"),
        val_frames=1000,
        loss=PriorLoss(),
        optim=Optimizer(
            name="adamw",
            lr=6e-4,
            reference_batch=24,
            linear_lr=1.0,
            weight_decay=0.01,
            warmup_steps=0,
            decay="cosine",
            clip=0.0,
        ),
        augment=AUGMENTS["clrnet"],
        steps=55_545,
        batch=24,
        log_every=50,
        val_every=2000,
        workers=8,
    )


def at_batch(recipe: Recipe, name: str, network: str, *, lr: float, batch: int, steps: int) -> Recipe:
    """Return the recipe of another network, with the rate of that many frames a step and its own number of steps."""
    optim = replace(recipe.optim, lr=lr, reference_batch=batch)
    return replace(recipe, name=name, network=network, optim=optim, steps=steps, batch=batch)


def taught(recipe: Recipe, network: str, file: str = "") -> Recipe:
    """Return a recipe that learns from a CLRNet too, by the three terms of CLRKDNet.

    Differs from the authors' code: their attention term is a mean over positions of maps of unit norm, a thousandth of
    the other terms (and of weight 0 for DLA-34); here it is the sum, which the paper that it comes from has.
    `lanelight.distill.teacher.REFERENCE_TERMS` has their weights and form.

    Args:
        recipe: without.
        network: of the teacher.
        file: the teacher's run or weights; ``lanelight train --teacher`` names it.
    """
    return replace(recipe, teacher=TeacherDistillation(file=file, network=network))
