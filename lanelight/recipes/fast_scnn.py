"""Fast-SCNN on Cityscapes, on CamVid, and for the road alone."""

from __future__ import annotations

from dataclasses import replace

from lanelight.datasets.augment import AUGMENTS
from lanelight.datasets.placement import Window
from lanelight.geometry import ViewportPolicy
from lanelight.models.class_maps import ClassLoss
from lanelight.train.recipe import DataPart, Optimizer, Recipe

SIZE = (2048, 1024)  # of Cityscapes' frames
CAMVID_SIZE, CAMVID_CROP = (576, 432), (320, 240)
# 1 / ln(1.1 + share) of each class among the labelled pixels of the training drives, with a mean of 1
CAMVID_WEIGHTS = (0.612, 0.532, 1.371, 0.437, 0.97, 0.7, 1.375, 1.313, 0.92, 1.381, 1.388)
ROAD_SIZE = (320, 180)
FRAMES = 2975  # of Cityscapes' training split
TRAIN_DRIVES, VAL_DRIVES = ("0001TP_*", "0016E5_*"), ("0006R0_*",)


def fast_scnn_cityscapes(root: str = "data/Cityscapes") -> Recipe:
    """Return the paper's recipe.

    Sources: the paper (arXiv 1902.04502, sec. 4.1): whole frames, SGD with momentum 0.9, rate 0.045 for 12 frames a
    step, a decay by the power 0.9 to zero, weight decay 4e-5 but not on depthwise convolutions, 1000 epochs of 2975
    frames; cross-entropy with auxiliary heads at the end of both branches, weight 0.4; scales from 0.5 to 2, cut,
    flip, noise of colour channels, brightness. Validation on the 500 frames of the split val, whole, best by the mean
    IoU of classes.

    Differs: momentum is Nesterov's, as everywhere here. The paper gives no amounts for colours and no form of the
    auxiliary heads: see the preset ``fast_scnn`` and `lanelight.models.fast_scnn`. Its weights of the coarse labels and
    of ImageNet are not used.

    Args:
        root: folder that holds ``leftImg8bit/`` and ``gtFine/``.
    """
    return Recipe(
        name="fast_scnn_cityscapes",
        network="fast_scnn",
        parts={"auxiliary": True},
        size=SIZE,
        viewport=ViewportPolicy(target=SIZE, fit="stretch"),
        data=(DataPart(kind="cityscapes", frames=root, split="train"),),
        order="shuffled",
        validation=DataPart(kind="cityscapes", frames=root, split="val"),
        val_frames=500,
        loss=ClassLoss(auxiliary=0.4),
        optim=Optimizer(
            name="sgd",
            lr=0.045,
            reference_batch=12,
            momentum=0.9,
            linear_lr=1.0,
            weight_decay=4e-5,
            decay_depthwise=False,
            warmup_steps=0,
            decay="poly",
            power=0.9,
            clip=0.0,
        ),
        augment=AUGMENTS["fast_scnn"],
        steps=1000 * FRAMES // 12,
        batch=12,
        log_every=50,
        val_every=20 * FRAMES // 12,
        workers=8,
    )


def fast_scnn_cityscapes_short(root: str = "data/Cityscapes") -> Recipe:
    """Return the recipe of leftthomas/FastSCNN: a tenth of the paper's epochs.

    Sources: that repository: Adam with a constant rate of 1e-3 and no weight decay, 12 frames a step, 100 epochs, no
    auxiliary heads; scales 0.5 to 2 in steps of 0.25, cut in the size of the frames, flip.

    Differs: weights are chosen by the mean IoU of classes, where it takes the share of right pixels among all, those
    without a label counting as wrong; that share is not comparable with other figures. All draws come from the seed,
    where it mixes two generators. The last batch of an epoch is filled from the next.

    Args:
        root: as for `fast_scnn_cityscapes`.
    """
    return replace(
        fast_scnn_cityscapes(root),
        name="fast_scnn_cityscapes_short",
        parts={},
        loss=ClassLoss(),
        optim=Optimizer(
            lr=1e-3,
            reference_batch=12,
            linear_lr=1.0,
            weight_decay=0.0,
            warmup_steps=0,
            decay="step",
            milestones=(),  # never
            clip=0.0,
        ),
        augment=AUGMENTS["fast_scnn_short"],
        steps=100 * FRAMES // 12,
        val_every=5 * FRAMES // 12,
    )


def fast_scnn_camvid(root: str = "data/CamVid") -> Recipe:
    """Return a recipe for CamVid that a processor of two cores runs in half an hour.

    No recipe is published. Drives 0001TP and 0016E5 are trained on, 0006R0 is validated on: a drive is seen in one of
    the two alone, where neighbouring frames of the published splits are hardly different. Frames of 480x360, seen at
    576x432, 11 classes, auxiliary heads as in the paper; the decay ends where the time does.

    Differs from the paper's for Cityscapes: AdamW (a short run), samples of 320x240 cut from the frame at 0.67 to 1.5
    of the scale at which it is validated on, changes of light and colour, rare classes weigh more, a strong
    weight decay, a moving average of the weights.

    Args:
        root: folder with ``list.txt`` (or SegNet's folders) and pictures whose names begin with the drive.
    """
    preset, whole = AUGMENTS["camvid"], CAMVID_SIZE[1] / CAMVID_CROP[1]
    assert preset.window is not None
    return Recipe(
        name="fast_scnn_camvid",
        network="fast_scnn",
        parts={"classes": 11, "auxiliary": True},
        size=CAMVID_SIZE,
        viewport=ViewportPolicy(target=CAMVID_SIZE, fit="stretch"),
        crop=CAMVID_CROP,
        data=(DataPart(kind="camvid", frames=root, select=TRAIN_DRIVES),),
        order="shuffled",
        validation=DataPart(kind="camvid", frames=root, select=VAL_DRIVES),
        val_frames=101,
        loss=ClassLoss(auxiliary=0.4, weights=CAMVID_WEIGHTS),
        optim=Optimizer(lr=3e-3, linear_lr=1.0, weight_decay=0.1, decay_depthwise=False, warmup_steps=50),
        augment=replace(preset, window=replace(preset.window, scale=(0.67 * whole, 1.5 * whole))),
        steps=6000,
        batch=8,
        ema=0.998,
        val_every=1000,
        workers=1,
    )


def fast_scnn_road(root: str = "data/roboflow_road") -> Recipe:
    """Return a recipe for the road alone, on the pictures of one survey.

    No recipe is published. The frames of the training split of survey p are trained on; those of its other splits,
    which their publisher did not augment, are validated on; another survey is left for a test. The pictures were
    stretched to squares and are brought back to 16:9.

    Differs from the paper's for Cityscapes: AdamW (a short run), two classes, the scales of the preset ``camvid``.

    Args:
        root: folder that holds ``images/`` and ``masks/``, in which 255 is road.
    """
    part = DataPart(
        kind="masks",
        frames=f"{root}/images",
        masks=f"{root}/masks",
        select=("p_train_*",),
        white=1,
        aspect=16 / 9,
    )
    return Recipe(
        name="fast_scnn_road",
        network="fast_scnn",
        parts={"classes": 2, "names": ["other", "road"], "auxiliary": True},
        size=ROAD_SIZE,
        viewport=ViewportPolicy(target=ROAD_SIZE, fit="stretch"),
        data=(part,),
        order="shuffled",
        validation=replace(part, select=("p_orig_*",)),
        val_frames=200,
        loss=ClassLoss(auxiliary=0.4),
        optim=Optimizer(lr=3e-3, linear_lr=1.0, weight_decay=1e-2, decay_depthwise=False, warmup_steps=50),
        augment=replace(AUGMENTS["camvid"], window=Window(scale=(0.9, 1.6), even="share", of="short")),
        steps=800,
        batch=8,
        val_every=200,
        workers=1,
    )
