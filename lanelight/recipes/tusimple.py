"""ENet, SCNN, CLRNet and CLRKDNet on TuSimple; four slots, as everywhere here."""

from __future__ import annotations

from dataclasses import replace

from lanelight.models.lane_priors import PriorLoss
from lanelight.recipes.mask_networks import ENET_PAIRS, SCNN_PAIRS, published, with_sad
from lanelight.recipes.prior_networks import at_batch, clrnet, taught
from lanelight.train.recipe import Recipe

ENET_SIZE, SCNN_SIZE = (640, 368), (512, 288)
ENET_WIDTH_PX, SCNN_WIDTH_PX = 8, 6  # the reimplementations draw 15 px in 1280x720: 7.5 and 6 px here
CLR_WIDTH_PX = 9  # 15 px in 1280 px
VAL_FRAMES = 358  # all of label_data_0531
TRAIN_FRAMES = 3268  # of label_data_0313 and label_data_0601
EPOCHS = 70  # CLRNet's
CUT = 160 / 720  # above the rows that CLRNet looks at


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


def clrnet_r18_tusimple(root: str = "data/TuSimple") -> Recipe:
    """Return the recipe of CLRNet on ResNet-18.

    Sources: the authors' code: 70 epochs, 40 frames a step, rate 1e-3, weights 6, 0.5 and 2 of the terms for
    classification, regression and IoU, the top 160 of 720 rows cut off, five lanes; the rest as
    `lanelight.recipes.prior_networks.clrnet` says.

    Differs: as said there. The authors train on all three label files and choose nothing; here 0531 validates, and 70
    epochs of the other two are 5,719 steps. The auxiliary mask has the four slots that everything here has, where
    theirs has six lanes; a fifth lane is ignored in it, and learnt as a prior all the same.

    Args:
        root: folder that holds ``clips/`` and the label files.
    """
    base = clrnet("clrnet_r18_tusimple", "clrnet_r18", "tusimple", root, top=CUT, width_px=CLR_WIDTH_PX)
    return replace(
        base,
        parts={**base.parts, "lanes": 5},
        loss=PriorLoss(classification=6.0, regression=0.5),
        optim=replace(base.optim, lr=1e-3, reference_batch=40),
        steps=TRAIN_FRAMES * EPOCHS // 40,
        batch=40,
        val_frames=VAL_FRAMES,
        log_every=10,
        val_every=200,
    )


def clrnet_r34_tusimple(root: str = "data/TuSimple") -> Recipe:
    """Return the recipe of CLRNet on ResNet-34.

    Sources: the authors' code: 32 frames a step, rate 8e-4; else as `clrnet_r18_tusimple`.

    Differs: as that does.

    Args:
        root: as there.
    """
    base = clrnet_r18_tusimple(root)
    return at_batch(base, "clrnet_r34_tusimple", "clrnet_r34", lr=8e-4, batch=32, steps=TRAIN_FRAMES * EPOCHS // 32)


def clrnet_r101_tusimple(root: str = "data/TuSimple") -> Recipe:
    """Return the recipe of CLRNet on ResNet-101.

    Sources: the authors' code: 10 frames a step, rate 3e-4; else as `clrnet_r18_tusimple`.

    Differs: as that does.

    Args:
        root: as there.
    """
    base = replace(clrnet_r18_tusimple(root), val_every=1000)
    return at_batch(base, "clrnet_r101_tusimple", "clrnet_r101", lr=3e-4, batch=10, steps=TRAIN_FRAMES * EPOCHS // 10)


def clrkdnet_r18_tusimple(root: str = "data/TuSimple") -> Recipe:
    """Return the recipe of CLRKDNet on ResNet-18, with a CLRNet on ResNet-101 as its teacher.

    No recipe is published, only results: data, schedule and loss are those of `clrnet_r18_tusimple`, what is learnt
    from the teacher is that of `lanelight.recipes.culane.clrkdnet_r18_culane`.

    Differs: as those do.

    Args:
        root: as there.
    """
    base = replace(clrnet_r18_tusimple(root), name="clrkdnet_r18_tusimple", network="clrkdnet_r18")
    return taught(base, "clrnet_r101")


def clrkdnet_dla34_tusimple(root: str = "data/TuSimple") -> Recipe:
    """Return the recipe of CLRKDNet on DLA-34, with a CLRNet on DLA-34 as its teacher.

    No recipe is published; differs as `clrkdnet_r18_tusimple`. The teacher is `clrnet_r18_tusimple` with
    ``network=clrnet_dla34``.

    Args:
        root: as there.
    """
    base = replace(clrnet_r18_tusimple(root), name="clrkdnet_dla34_tusimple", network="clrkdnet_dla34")
    return taught(base, "clrnet_dla34")
