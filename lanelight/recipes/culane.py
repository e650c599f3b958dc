"""ENet, SCNN, CLRNet and CLRKDNet on CULane."""

from __future__ import annotations

from dataclasses import replace

from lanelight.datasets.augment import AUGMENTS
from lanelight.models.lane_priors import PriorLoss
from lanelight.recipes.mask_networks import ENET_PAIRS, SCNN_PAIRS, published, with_sad
from lanelight.recipes.prior_networks import at_batch, clrnet, taught
from lanelight.train.recipe import Recipe

SIZE = (800, 288)
WIDTH_PX = 8  # the masks of the benchmark have lines of 16 px in 1640 px: 7.8 px here
CUT = 270 / 590  # above the rows that CLRNet looks at
DISTINCT = "list/train_distinct.txt"  # the frames that differ from the one before, as `lanelight data dedup` lists them


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


def clrnet_r18_culane(root: str = "data/CULane") -> Recipe:
    """Return the recipe of CLRNet on ResNet-18.

    Sources: the authors' code: 15 epochs of 88,880 frames, 24 a step, rate 6e-4, the top 270 of 590 rows cut off; the
    rest as `lanelight.recipes.prior_networks.clrnet` says.

    Differs: as said there. Validation takes the first 1000 of 9675 frames; the auxiliary mask has lines as wide as the
    benchmark's.

    Args:
        root: folder that holds ``driver_*/`` and ``list/``.
    """
    return clrnet("clrnet_r18_culane", "clrnet_r18", "culane", root, top=CUT, width_px=WIDTH_PX)


def clrnet_r34_culane(root: str = "data/CULane") -> Recipe:
    """Return the recipe of CLRNet on ResNet-34: `clrnet_r18_culane`, as the authors have it; differs as that does.

    Sources: as there.

    Args:
        root: as there.
    """
    return replace(clrnet_r18_culane(root), name="clrnet_r34_culane", network="clrnet_r34")


def clrnet_dla34_culane(root: str = "data/CULane") -> Recipe:
    """Return the recipe of CLRNet on DLA-34: `clrnet_r18_culane`, as the authors have it; differs as that does.

    Sources: as there.

    Args:
        root: as there.
    """
    return replace(clrnet_r18_culane(root), name="clrnet_dla34_culane", network="clrnet_dla34")


def clrnet_r101_culane(root: str = "data/CULane") -> Recipe:
    """Return the recipe of CLRNet on ResNet-101, the teacher of `clrkdnet_r18_culane`.

    Sources: the authors' code: 20 epochs, 12 frames a step, rate 3e-4; else as `clrnet_r18_culane`.

    Differs: as that does.

    Args:
        root: as there.
    """
    base = replace(clrnet_r18_culane(root), val_every=4000)
    return at_batch(base, "clrnet_r101_culane", "clrnet_r101", lr=3e-4, batch=12, steps=88_880 // 12 * 20)


def clrkdnet_r18_culane(root: str = "data/CULane") -> Recipe:
    """Return the recipe of CLRKDNet on ResNet-18, with a CLRNet on ResNet-101 as its teacher.

    Sources: the authors' code: 20 epochs of the 55,698 frames that differ from the one before by at least 15, 24 a
    step, weights 5 and 3 of the terms for features and lines; else as `clrnet_r18_culane`.

    Differs: as that does, and as `lanelight.recipes.prior_networks.taught` says. The list of frames is the one that
    ``lanelight data dedup culane --root ROOT --split train --out ROOT/list/train_distinct.txt`` writes; the authors'
    code leaves frames out only from its second start on. Their configuration of the teacher builds a ResNet-50 and
    loads weights of a ResNet-101 into it without saying that they do not fit.

    Args:
        root: as there.
    """
    base = clrnet_r18_culane(root)
    student = replace(
        base,
        name="clrkdnet_r18_culane",
        network="clrkdnet_r18",
        data=(replace(base.data[0], split=None, lists=(DISTINCT,)),),
        steps=55_698 // 24 * 20,
    )
    return taught(student, "clrnet_r101")


def clrkdnet_dla34_culane(root: str = "data/CULane") -> Recipe:
    """Return the recipe of CLRKDNet on DLA-34, with a CLRNet on DLA-34 as its teacher.

    Sources: the authors' code: IoU term 3, weights 5 and 5 of the terms for features and lines; else as
    `clrkdnet_r18_culane`. Their teacher was trained on the same list of frames: `clrnet_dla34_culane` with
    ``data.0.lists`` and 15 epochs of it, 34,800 steps.

    Differs: as that does.

    Args:
        root: as there.
    """
    base = clrkdnet_r18_culane(root)
    student = taught(replace(base, name="clrkdnet_dla34_culane", network="clrkdnet_dla34"), "clrnet_dla34")
    assert student.teacher is not None
    terms = tuple(replace(term, weight=5.0) if term.kind == "lines" else term for term in student.teacher.terms)
    return replace(student, loss=PriorLoss(iou=3.0), teacher=replace(student.teacher, terms=terms))
