"""A run of a few minutes that shows whether training works on a machine, from nothing but what is installed."""

from __future__ import annotations

from dataclasses import replace

from lanelight.datasets.augment import AUGMENTS
from lanelight.geometry import ViewportPolicy
from lanelight.models.slot_masks import MaskLoss
from lanelight.train.recipe import DataPart, Optimizer, Recipe

SIZE = (288, 104)  # the aspect of CULane's frames


def smoke() -> Recipe:
    """Return the recipe: ENet-SAD's network on the easiest rendered roads, scored as CULane is.

    Validation roads are drawn at 1640x590 with at most four lanes. The weights are of use for nothing else.
    """
    return Recipe(
        name="smoke",
        size=SIZE,
        width_px=5,  # 30 px in 1640
        viewport=ViewportPolicy(target=SIZE, fit="stretch"),
        data=(DataPart(kind="synthetic", seed=1, world="plain", pool=1200),),
        validation=DataPart(kind="synthetic", seed=1_000_003, world="plain", size=(1640, 590)),
        val_frames=60,
        loss=MaskLoss(iou=0.5),
        optim=Optimizer(lr=3e-3, linear_lr=0.3, warmup_steps=40),
        augment=replace(AUGMENTS["none"], flip=0.5),
        steps=500,
        batch=8,
        val_every=500,
        exported="last",
        workers=1,
    )
