"""ENet and SCNN on BDD100K, lane or not, without and with self attention distillation (SAD)."""

from __future__ import annotations

from dataclasses import replace

from lanelight.models.slot_masks import MaskLoss
from lanelight.recipes.mask_networks import ENET_PAIRS, SCNN_PAIRS, published, with_sad
from lanelight.train.recipe import Recipe

SIZE = (640, 360)
WIDTH_PX = 4  # the training labels have lines of 8 px in 1280x720


def enet_bdd100k(root: str = "data/BDD100K") -> Recipe:
    """Return the recipe of ENet alone, with one channel: lane or not.

    Sources: input 640x360, one channel and 12 frames a step by the PyTorch reimplementation of ENet-SAD; 60,000 steps,
    a background weight of 0.4 and no existence term (the flags of the lists are always 1) by the authors' code; the
    rest as `published` says.

    Differs: the authors' code trains two classes, 4 frames a step, in a frame of 1280x720 that shows the picture half
    as large as it is shown afterwards; here both are of one scale. The reimplementation weighs the background as lanes
    and trains the existence branch on flags that are always 1. With the list files of the SAD release the masks are
    learnt as they are; of BDD100K's own labels the two borders of each marking become its centre line, 4 px wide.
    Without SAD there is no soft IoU; ``loss.iou=0.1`` leaves SAD as the only difference from `enet_sad_bdd100k`.
    Validation takes the first 1000 frames of the split val, by pixel IoU. Of the SAD release that is its list of
    training pictures held back. BDD100K's own split of that name is what the paper tests on: with the JSON labels name
    other label files in ``validation.lists``, else weights that are chosen on it have no honest score there.

    Args:
        root: folder that holds ``images/`` and ``labels/``, or the pictures, labels and ``list/`` of the SAD release.
    """
    base = published("enet_bdd100k", "enet", "bdd100k", root, size=SIZE, width_px=WIDTH_PX)
    assert isinstance(base.loss, MaskLoss)
    return replace(base, parts={"channels": 1}, loss=replace(base.loss, exist=0.0))


def enet_sad_bdd100k(root: str = "data/BDD100K") -> Recipe:
    """Return the recipe of ENet-SAD: `enet_bdd100k` with the soft IoU and, from step 40,000 on, SAD.

    Sources: weights of 0.1 by the reimplementation, whose start at 40,000 of 60,000 steps is the author's for CULane.

    Differs: the reimplementation's soft IoU of one channel is a constant without a gradient; here it is that of the
    sigmoid. Else as `lanelight.recipes.culane.enet_sad_culane`.

    Args:
        root: as for `enet_bdd100k`.
    """
    return with_sad(enet_bdd100k(root), "enet_sad_bdd100k", "enet_sad", pairs=ENET_PAIRS, start_step=40_000)


def scnn_bdd100k(root: str = "data/BDD100K") -> Recipe:
    """Return the recipe of SCNN with one channel.

    No recipe is published: data, size and loss are those of `enet_bdd100k`, rate and steps those of
    `lanelight.recipes.culane.scnn_culane`.

    Args:
        root: as for `enet_bdd100k`.
    """
    base = enet_bdd100k(root)
    return replace(
        base,
        name="scnn_bdd100k",
        network="scnn",
        parts={"channels": 1, "pretrained_backbone": True},
        optim=replace(base.optim, warmup_steps=0),
    )


def scnn_sad_bdd100k(root: str = "data/BDD100K") -> Recipe:
    """Return the recipe of SCNN-SAD: `scnn_bdd100k` with the soft IoU and, from step 40,000 on, SAD.

    No recipe is published; differs as `lanelight.recipes.culane.scnn_sad_culane`.

    Args:
        root: as for `enet_bdd100k`.
    """
    return with_sad(scnn_bdd100k(root), "scnn_sad_bdd100k", "scnn_sad", pairs=SCNN_PAIRS, start_step=40_000)
