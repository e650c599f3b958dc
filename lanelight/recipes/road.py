"""The bundled network: ENet-SAD for forward cameras on marked roads, in two stages."""

from __future__ import annotations

from dataclasses import replace

from lanelight.distill.self_attention import SelfAttentionDistillation
from lanelight.geometry import ViewportPolicy
from lanelight.models.slot_masks import MaskLoss
from lanelight.train.recipe import DataPart, Optimizer, Recipe

SIZE = (512, 224)


def road(data: str = "../shared/data") -> Recipe:
    """Return the recipe.

    Differs from the paper's: AdamW with a cosine decay (a short run on a CPU), a heavier IoU term (lanes are few
    pixels and the run is short), rendered roads in place of CULane, and the normalised form of SAD.

    Args:
        data: folder with ``udacity_clips``, ``roboflow_road`` and ``twinlitenet_outputs``.
    """
    maps = f"{data}/twinlitenet_outputs"
    return Recipe(
        name="road",
        size=SIZE,
        width_px=6,
        viewport=ViewportPolicy(target=SIZE),
        data=(
            DataPart(kind="synthetic", share=0.74, seed=1, pool=8000),
            DataPart(kind="clips", share=0.16, frames=f"{data}/udacity_clips", maps=f"{maps}/udacity_clips"),
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
        loss=MaskLoss(iou=0.5, exist=0.1, background=0.4),
        distillation=SelfAttentionDistillation(weight=0.1, start_step=2000),
        optim=Optimizer(lr=3e-3, linear_lr=1.0, warmup_steps=100),
        steps=3400,
        batch=8,
        val_every=250,
        exported="last",  # of a rate that ends at zero; and rendered validation roads do not stand for real frames
        precision="bf16-mixed",
        compile=True,
    )


def road_finish(data: str = "../shared/data") -> Recipe:
    """Return the second stage: a short run at a low rate from the weights of `road`.

    At the full rate of `road` the hidden units of the existence branch die, and it says the same of every picture. It
    starts anew here, with `linear_lr` at its default; everything else goes on.

    Args:
        data: as for `road`.
    """
    first = road(data)
    return replace(
        first,
        name="enet_sad_road",
        distillation=SelfAttentionDistillation(weight=0.1, start_step=0),
        optim=Optimizer(lr=1e-3, warmup_steps=50),
        steps=750,
        seed=1,
        init="runs/road/weights.safetensors",
        reset=("existence",),
    )
