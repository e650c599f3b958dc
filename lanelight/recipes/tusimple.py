"""ENet and SCNN on TuSimple, without and with self attention distillation (SAD); four slots, as everywhere here."""

from __future__ import annotations

from dataclasses import replace

from lanelight.recipes.mask_networks import ENET_PAIRS, SCNN_PAIRS, published, with_sad
from lanelight.train.recipe import Recipe

ENET_SIZE, SCNN_SIZE = (640, 368), (512, 288)
ENET_WIDTH_PX, SCNN_WIDTH_PX = 8, 6  # the reimplementations draw 15 px in 1280x720: 7.5 and 6 px here
VAL_FRAMES = 358  # all of label_data_0531


def enet_tusimple(root: str = "data/TuSimple") -> Recipe:
    """Return the recipe of ENet alone.

    Sources: input 640x368 by the authors' code and the PyTorch reimplementation; 1,800 steps by the paper's author; 12
    frames a step by both; four lanes and the split (0313 and 0601 to train, 0531 to validate) by the reimplementation;
    the rest as `published` says.

    Differs: the authors' code trains seven classes (six lanes) for 50,000 steps, on frames that it enlarges by 1.36 to
    1.41, cuts and always turns by 1.2 to 2.2 degrees, which the network never meets afterwards
    (``augment=enet_sad_tusimple`` has that). Lanes are given slots from the ego pair outwards, where the
    reimplementation sorts them by their angle; of five lanes one is not learnt. Without SAD there is no soft IoU;
    ``loss.iou=0.1`` leaves SAD as the only difference from `enet_sad_tusimple`.

    Args:
        root: folder that holds ``clips/`` and the label files.
    """
    base = published("enet_tusimple", "enet", "tusimple", root, size=ENET_SIZE, width_px=ENET_WIDTH_PX)
    return replace(base, steps=1800, val_frames=VAL_FRAMES, log_every=10, val_every=100)


def enet_sad_tusimple(root: str = "data/TuSimple") -> Recipe:
    """Return the recipe of ENet-SAD: `enet_tusimple` with the soft IoU and, from step 1,200 on, SAD.

    Sources: the start at 1,200 of 1,800 steps by the paper's author; weights of 0.1 by the reimplementation.

    Differs: the reimplementation has the schedule of CULane here, 60,000 steps or 220 epochs; else as
    `lanelight.recipes.culane.enet_sad_culane`.

    Args:
        root: as for `enet_tusimple`.
    """
    return with_sad(enet_tusimple(root), "enet_sad_tusimple", "enet_sad", pairs=ENET_PAIRS, start_step=1200)


def scnn_tusimple(root: str = "data/TuSimple") -> Recipe:
    """Return the recipe of SCNN.

    Sources: a PyTorch reimplementation of SCNN: 512x288, 32 frames a step, rate 0.15, weight decay 1e-4, warm-up of 20
    steps, a decay by the power 0.9 over 1,500 steps, turns by up to one degree, existence term 0.1 (its configuration
    says 0.07, which its code never reads), no soft IoU, a backbone trained on ImageNet.

    Differs: as `published` says; the authors publish no recipe of VGG16 for TuSimple.

    Args:
        root: as for `enet_tusimple`.
    """
    base = published("scnn_tusimple", "scnn", "tusimple", root, size=SCNN_SIZE, width_px=SCNN_WIDTH_PX)
    return replace(
        base,
        parts={"pretrained_backbone": True},
        optim=replace(base.optim, lr=0.15, reference_batch=32, warmup_steps=20),
        steps=1500,
        batch=32,
        val_frames=VAL_FRAMES,
        log_every=10,
        val_every=100,
    )


def scnn_sad_tusimple(root: str = "data/TuSimple") -> Recipe:
    """Return the recipe of SCNN-SAD: `scnn_tusimple` with the soft IoU and, from step 1,000 on, SAD.

    No figures of such a network are published, and no recipe: SAD starts at two thirds of the run, as in
    `enet_sad_tusimple`. Differs as `lanelight.recipes.culane.scnn_sad_culane`.

    Args:
        root: as for `enet_tusimple`.
    """
    return with_sad(scnn_tusimple(root), "scnn_sad_tusimple", "scnn_sad", pairs=SCNN_PAIRS, start_step=1000)
