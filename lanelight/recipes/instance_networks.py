"""Lane instances by an embedding, SegNet and ENet: on TuSimple, and on rendered roads."""

from __future__ import annotations

from dataclasses import replace

from lanelight.datasets.augment import AUGMENTS
from lanelight.geometry import ViewportPolicy
from lanelight.models.lane_instances import InstanceLoss
from lanelight.recipes.tusimple import TRAIN_FRAMES, VAL_FRAMES
from lanelight.train.recipe import DataPart, Optimizer, Recipe

SIZE = (512, 256)
WIDTH_PX = 6  # 15 px in 1280 px
BATCH = 16
ROAD_SIZE, ROAD_WIDTH_PX = (384, 216), 5


def enet_instance_tusimple(root: str = "data/TuSimple") -> Recipe:
    """Return the recipe of ENet.

    Sources: jaeoh2/Road-Lane-Instance-Segmentation-PyTorch: Adam, no weight decay and no warm-up, rate 1e-4 for 16
    frames a step and 100 epochs (its readme; its script's defaults are 1e-5 and 10 frames), the rate times 0.9 at
    epochs 20, 30, ... 80; an embedding of five channels, both losses with weight 1, the term for the centres with
    0.001; no augmentation. Input 512x256 and lines of 15 px in 1280 are those of the LaneNet paper and of the
    reference's mask.

    Differs: the margins of the loss are the paper's, 0.5 and 1.5, where it has 0.1 and 0.6, and lanes count that there
    are, where it takes every frame for one of five (``lanelight.models.lane_instances.REFERENCE`` has its loss). One
    width of line for both maps, drawn at the size of the input, where it draws 15 and 7 px at 1280x720 and shrinks both
    by cubic interpolation, to 224x224. Classes of the mask are weighted by 1 / ln(1.02 + share), where lanes, 5 % of
    the pixels, count like all others. Normalised pictures, where it feeds bytes after CLAHE. 0313 and 0601 train and
    0531 validates, where it trains on all frames and takes the weights of the lowest training loss. All lanes of a
    frame are learnt, up to eight.

    Args:
        root: folder that holds ``clips/`` and the label files.
    """
    return Recipe(
        name="enet_instance_tusimple",
        network="enet_instance",
        size=SIZE,
        width_px=WIDTH_PX,
        viewport=ViewportPolicy(target=SIZE, fit="stretch"),
        data=(DataPart(kind="tusimple", frames=root, split="train"),),
        order="shuffled",
        validation=DataPart(kind="tusimple", frames=root, split="val"),
        val_frames=VAL_FRAMES,
        loss=InstanceLoss(),
        optim=Optimizer(
            lr=1e-4,
            reference_batch=BATCH,
            linear_lr=1.0,
            weight_decay=0.0,
            warmup_steps=0,
            decay="step",
            milestones=(0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8),
            gamma=0.9,
            clip=0.0,
        ),
        augment=AUGMENTS["none"],
        steps=100 * TRAIN_FRAMES // BATCH,
        batch=BATCH,
        log_every=20,
        val_every=1000,
        workers=4,
    )


def segnet_instance_tusimple(root: str = "data/TuSimple") -> Recipe:
    """Return the recipe of SegNet.

    Sources: the same repository's notebook: 200 epochs, the rate times 0.9 at epochs 20, 40, ... 180, one decoder, an
    encoder trained on ImageNet; else as `enet_instance_tusimple`.

    Differs: as that does; and the encoder takes the weights of VGG16 with batch norm, where the reference takes those
    without, of its last three layers by mistake those one earlier.

    Args:
        root: as there.
    """
    base = enet_instance_tusimple(root)
    return replace(
        base,
        name="segnet_instance_tusimple",
        network="segnet_instance",
        parts={"pretrained_backbone": True},
        optim=replace(base.optim, milestones=tuple(share / 10 for share in range(1, 10))),
        steps=2 * base.steps,
    )


def enet_instance_road() -> Recipe:
    """Return a recipe of ENet for rendered motorways that a processor of two cores runs in an hour.

    No recipe is published. Differs from `enet_instance_tusimple`: a short run with AdamW at a rate of 3e-3 and a cosine
    decay, augmented frames of 384x216; other motorways validate.
    """
    roads = DataPart(kind="synthetic", seed=1, world="highway", pool=2000)
    return Recipe(
        name="enet_instance_road",
        network="enet_instance",
        size=ROAD_SIZE,
        width_px=ROAD_WIDTH_PX,
        viewport=ViewportPolicy(target=ROAD_SIZE, fit="stretch"),
        data=(roads,),
        validation=replace(roads, seed=1_000_003, pool=0),
        metric="tusimple",
        loss=InstanceLoss(),
        optim=Optimizer(lr=3e-3, linear_lr=1.0, warmup_steps=50),
        augment=AUGMENTS["road"],
        steps=2000,
        batch=8,
        val_every=250,
        exported="last",  # of a rate that ends at zero
        workers=1,
        precision="bf16-mixed",
        compile=True,
    )
