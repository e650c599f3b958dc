"""ENet and SCNN on CULane, without and with self attention distillation (SAD)."""

from __future__ import annotations

from dataclasses import replace

from lanelight.datasets.augment import AUGMENTS
from lanelight.recipes.mask_networks import ENET_PAIRS, SCNN_PAIRS, published, with_sad
from lanelight.train.recipe import Recipe

SIZE = (800, 288)
WIDTH_PX = 8  # the masks of the benchmark have lines of 16 px in 1640 px: 7.8 px here


def enet_culane(root: str = "data/CULane") -> Recipe:
    """Return the recipe of ENet alone.

    Sources: input 800x288 of the whole frame by the PyTorch reimplementation, which attributes it to the paper; 12
    frames a step and 60,000 steps by the same; the rest as `published` says. The augmentation is that of the authors'
    code for whole frames in this size, which is their SCNN: scaled by 0.95 to 1.06, turned by up to one degree, cut.

    Differs: the authors' ENet for CULane has 976x208 below a cut of 240 rows, and 100,000 steps. Without SAD there is
    no soft IoU, as in the reimplementation; ``loss.iou=0.1`` leaves SAD as the only difference from `enet_sad_culane`.
    Lines are drawn from the lane files, not read from the masks. Validation takes the first 1000 of 9675 frames.

    Args:
        root: folder that holds ``driver_*/`` and ``list/``.
    """
    base = published("enet_culane", "enet", "culane", root, size=SIZE, width_px=WIDTH_PX)
    return replace(base, augment=AUGMENTS["scnn_culane"])


def enet_sad_culane(root: str = "data/CULane") -> Recipe:
    """Return the recipe of ENet-SAD: `enet_culane` with the soft IoU and, from step 40,000 on, SAD.

    Sources: the start at 40,000 of 60,000 steps by the paper's author; weights of 0.1 by the reimplementation.

    Differs: the reimplementation also lets block 1 mimic block 2, which the paper found to hurt; its encoder blocks 2
    to 4 share their weights (``parts.shared_stages=true`` has that). The author's own second stage starts from a
    network that was trained without SAD: ``--init`` and ``distillation.start_step=0`` have that.

    Args:
        root: as for `enet_culane`.
    """
    return with_sad(enet_culane(root), "enet_sad_culane", "enet_sad", pairs=ENET_PAIRS, start_step=40_000)


def scnn_culane(root: str = "data/CULane") -> Recipe:
    """Return the recipe of SCNN.

    Sources: the authors' code: 800x288, 12 frames a step, rate 0.01, momentum 0.9, weight decay 1e-4, a decay by the
    power 0.9 without warm-up over 60,000 steps, existence term 0.1, no soft IoU, augmentation as for `enet_culane`, a
    backbone trained on ImageNet.

    Differs: as `published` says; pictures are normalised by the constants of ImageNet, which the backbone was trained
    with, where the authors have those of CULane (``parts.normalize=culane``). A PyTorch reimplementation takes 128
    frames a step for 8,000 steps, with a rate of 0.16 and a weight decay of 1e-3.

    Args:
        root: as for `enet_culane`.
    """
    base = published("scnn_culane", "scnn", "culane", root, size=SIZE, width_px=WIDTH_PX)
    return replace(
        base,
        parts={"pretrained_backbone": True},
        optim=replace(base.optim, warmup_steps=0),
        augment=AUGMENTS["scnn_culane"],
    )


def scnn_sad_culane(root: str = "data/CULane") -> Recipe:
    """Return the recipe of SCNN-SAD: `scnn_culane` with the soft IoU and, from step 40,000 on, SAD.

    No figures of such a network are published, and no recipe: start and weights are those of `enet_sad_culane`.

    Differs from the fork that has SCNN-SAD in its name: there the energy of the logits mimics that of pooled
    probabilities from the first step on, which flattens the logits. Here the features before the messages mimic those
    after them.

    Args:
        root: as for `enet_culane`.
    """
    return with_sad(scnn_culane(root), "scnn_sad_culane", "scnn_sad", pairs=SCNN_PAIRS, start_step=40_000)
