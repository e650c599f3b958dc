"""The networks of the package: ENet-SAD for forward cameras on marked roads, in two sizes."""

from __future__ import annotations

from dataclasses import replace

from lanelight.datasets.augment import AUGMENTS
from lanelight.distill.self_attention import SelfAttentionDistillation
from lanelight.geometry import ViewportPolicy
from lanelight.models.slot_masks import MaskLoss
from lanelight.train.recipe import DataPart, Optimizer, Recipe

SIZE, TINY_SIZE = (512, 224), (320, 144)


def road_default(data: str = "../shared/data") -> Recipe:
    """Return the recipe of `default`.

    Differs from the paper's: AdamW with a cosine decay (a short run on a CPU) and weights that decay, a heavier IoU
    term (lanes are few pixels and the run is short), rendered roads in place of CULane, and the normalised form of SAD.

    Args:
        data: folder with ``udacity_clips``, ``roboflow_road`` and ``twinlitenet_outputs``.
    """
    maps = f"{data}/twinlitenet_outputs"
    return Recipe(
        name="enet_sad_road",
        size=SIZE,
        width_px=6,
        viewport=ViewportPolicy(target=SIZE),
        data=(
            DataPart(kind="synthetic", share=0.76, seed=1, pool=16000),
            DataPart(kind="clips", share=0.14, frames=f"{data}/udacity_clips", maps=f"{maps}/udacity_clips"),
            DataPart(
                kind="stills", share=0.02, frames=f"{data}/udacity_clips/stills", maps=f"{maps}/udacity_clips/stills"
            ),
            DataPart(
                kind="stills",
                share=0.08,
                frames=f"{data}/roboflow_road/images",
                maps=f"{maps}/roboflow_road/images",
                masks=f"{data}/roboflow_road/masks",
                aspect=16 / 9,
            ),
        ),
        augment=AUGMENTS["road_varied"],
        loss=MaskLoss(iou=0.5, exist=0.1, background=0.4),
        distillation=SelfAttentionDistillation(weight=0.1, start_step=3000),
        optim=Optimizer(lr=3e-3, weight_decay=0.02, warmup_steps=200),
        steps=5600,
        batch=8,
        val_every=400,
        exported="last",  # of a rate that ends at zero; and rendered validation roads do not stand for real frames
        precision="bf16-mixed",
        compile=True,
    )


def road_tiny(data: str = "../shared/data") -> Recipe:
    """Return the recipe of `tiny`: the same network on smaller pictures, from the weights of `road_default`.

    The existence branch is bound to the size and starts anew.

    Args:
        data: as for `road_default`.
    """
    first = road_default(data)
    return replace(
        first,
        name="enet_sad_road_tiny",
        size=TINY_SIZE,
        width_px=4,
        viewport=ViewportPolicy(target=TINY_SIZE),
        distillation=SelfAttentionDistillation(weight=0.1),
        optim=Optimizer(lr=1.5e-3, weight_decay=0.02, warmup_steps=100),
        steps=1800,
        seed=1,
        init="runs/enet_sad_road/weights.safetensors",
        reset=("existence",),
    )
