"""What the recipes for ENet-SAD and SCNN have in common, on any of the benchmarks; no recipe of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from lanelight.datasets.augment import AUGMENTS
from lanelight.distill.self_attention import SelfAttentionDistillation
from lanelight.geometry import ViewportPolicy
from lanelight.models.slot_masks import MaskLoss
from lanelight.train.recipe import DataPart, Optimizer, Recipe

ENET_PAIRS = (("encoder2", "encoder3"), ("encoder3", "encoder4"))  # the paper's best set of paths
SCNN_PAIRS = (("layer1", "message"),)  # before and after the messages: 128 channels of one size


def published(
    name: str,
    network: str,
    kind: Literal["culane", "tusimple", "bdd100k"],
    root: str,
    *,
    size: tuple[int, int],
    width_px: int,
) -> Recipe:
    """Return what all of them share.

    Of the authors' code for ENet and SCNN: SGD with Nesterov momentum 0.9, rate 0.01 for 12 frames a step, weight decay
    1e-4, a decay by the power 0.9, cross-entropy with weight 0.4 for the background, existence term 0.1, one rate for
    all layers, no clipping. Of the PyTorch reimplementation of ENet-SAD: a warm-up of 50 steps, and turns by up to one
    degree as the only augmentation.

    Differs: weight decay is for weights of convolutions and linear layers alone, as everywhere here; the rate follows
    the frames a step (`Optimizer.reference_batch`); weights are chosen by their score on the validation split, where
    the reimplementation takes the lowest loss; frames are shuffled anew in every epoch, by a function of the seed.

    Args:
        name: of the recipe.
        network: a name in `lanelight.models.MODELS`.
        kind: of the data set.
        root: its folder.
        size: (width, height) of the input, px; whole frames are stretched to it, as the benchmarks' rows need.
        width_px: width of the lines, px of the input.
    """
    return Recipe(
        name=name,
        network=network,
        size=size,
        width_px=width_px,
        viewport=ViewportPolicy(target=size, fit="stretch"),
        data=(DataPart(kind=kind, frames=root, split="train"),),
        order="shuffled",
        validation=DataPart(kind=kind, frames=root, split="val"),
        val_frames=1000,
        loss=MaskLoss(iou=0.0, exist=0.1, background=0.4),
        optim=Optimizer(
            name="sgd",
            lr=0.01,
            reference_batch=12,
            momentum=0.9,
            linear_lr=1.0,
            weight_decay=1e-4,
            warmup_steps=50,
            decay="poly",
            power=0.9,
            clip=0.0,
        ),
        augment=AUGMENTS["enet_sad"],
        steps=60_000,
        batch=12,
        log_every=50,
        val_every=2000,
        workers=4,
    )


def with_sad(recipe: Recipe, name: str, network: str, *, pairs: tuple[tuple[str, str], ...], start_step: int) -> Recipe:
    """Return a recipe with self attention distillation and, as in the paper's loss, the soft IoU, both of weight 0.1.

    Differs from the reimplementation: its maps saturate and its soft IoU is of one lane alone; see
    `lanelight.losses.attention` and `lanelight.losses.mask`. ``distillation.form=reference`` and
    ``loss.iou_form=reference`` have its numbers.

    Args:
        recipe: without.
        name: of the new one.
        network: of the new one.
        pairs: (student tap, teacher tap).
        start_step: from which the term counts.
    """
    assert isinstance(recipe.loss, MaskLoss)
    return replace(
        recipe,
        name=name,
        network=network,
        loss=replace(recipe.loss, iou=0.1),
        distillation=SelfAttentionDistillation(pairs=pairs, weight=0.1, start_step=start_step),
    )
