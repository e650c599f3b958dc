"""Complete runs by name. The table holds no torch; a recipe is built when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from lanelight.errors import LanelightError, unknown_name

if TYPE_CHECKING:
    from lanelight.train.recipe import Recipe

# name -> (module, one-line summary); the module has a function of the same name that returns the Recipe
RECIPES: dict[str, tuple[str, str]] = {
    "smoke": (
        "lanelight.recipes.smoke",
        "ENet at 288x104 on the easiest rendered roads, five minutes on two cores: does training work here?",
    ),
    "road_default": (
        "lanelight.recipes.road",
        "ENet-SAD 512x224, the network `default`: rendered roads and weakly labelled real frames",
    ),
    "road_tiny": (
        "lanelight.recipes.road",
        "ENet-SAD 320x144, the network `tiny`: from the weights of road_default (--init)",
    ),
    "enet_culane": ("lanelight.recipes.culane", "ENet 800x288 on CULane, 60,000 steps"),
    "enet_sad_culane": (
        "lanelight.recipes.culane",
        "ENet-SAD 800x288 on CULane, 60,000 steps, distillation from 40,000",
    ),
    "scnn_culane": ("lanelight.recipes.culane", "SCNN 800x288 on CULane, 60,000 steps"),
    "scnn_sad_culane": (
        "lanelight.recipes.culane",
        "SCNN-SAD 800x288 on CULane, 60,000 steps, distillation from 40,000",
    ),
    "enet_tusimple": ("lanelight.recipes.tusimple", "ENet 640x368 on TuSimple, 1,800 steps"),
    "enet_sad_tusimple": (
        "lanelight.recipes.tusimple",
        "ENet-SAD 640x368 on TuSimple, 1,800 steps, distillation from 1,200",
    ),
    "scnn_tusimple": ("lanelight.recipes.tusimple", "SCNN 512x288 on TuSimple, 1,500 steps"),
    "scnn_sad_tusimple": (
        "lanelight.recipes.tusimple",
        "SCNN-SAD 512x288 on TuSimple, 1,500 steps, distillation from 1,000",
    ),
    "enet_bdd100k": ("lanelight.recipes.bdd100k", "ENet 640x360 on BDD100K, lane or not, 60,000 steps"),
    "enet_sad_bdd100k": (
        "lanelight.recipes.bdd100k",
        "ENet-SAD 640x360 on BDD100K, lane or not, 60,000 steps, distillation from 40,000",
    ),
    "scnn_bdd100k": ("lanelight.recipes.bdd100k", "SCNN 640x360 on BDD100K, lane or not, 60,000 steps"),
    "scnn_sad_bdd100k": (
        "lanelight.recipes.bdd100k",
        "SCNN-SAD 640x360 on BDD100K, lane or not, 60,000 steps, distillation from 40,000",
    ),
    "clrnet_r18_culane": (
        "lanelight.recipes.culane",
        "CLRNet on ResNet-18, 800x320 on CULane, 55,545 steps of 24 frames",
    ),
    "clrnet_r34_culane": (
        "lanelight.recipes.culane",
        "CLRNet on ResNet-34, 800x320 on CULane, 55,545 steps of 24 frames",
    ),
    "clrnet_r101_culane": (
        "lanelight.recipes.culane",
        "CLRNet on ResNet-101, 800x320 on CULane, 148,120 steps of 12 frames",
    ),
    "clrnet_dla34_culane": (
        "lanelight.recipes.culane",
        "CLRNet on DLA-34, 800x320 on CULane, 55,545 steps of 24 frames",
    ),
    "clrkdnet_r18_culane": (
        "lanelight.recipes.culane",
        "CLRKDNet on ResNet-18 on CULane, taught by clrnet_r101 (--teacher), 46,400 steps",
    ),
    "clrkdnet_dla34_culane": (
        "lanelight.recipes.culane",
        "CLRKDNet on DLA-34 on CULane, taught by clrnet_dla34 (--teacher), 46,400 steps",
    ),
    "clrnet_r18_tusimple": (
        "lanelight.recipes.tusimple",
        "CLRNet on ResNet-18, 800x320 on TuSimple, 5,719 steps of 40 frames",
    ),
    "clrnet_r34_tusimple": (
        "lanelight.recipes.tusimple",
        "CLRNet on ResNet-34, 800x320 on TuSimple, 7,148 steps of 32 frames",
    ),
    "clrnet_r101_tusimple": (
        "lanelight.recipes.tusimple",
        "CLRNet on ResNet-101, 800x320 on TuSimple, 22,876 steps of 10 frames",
    ),
    "clrkdnet_r18_tusimple": (
        "lanelight.recipes.tusimple",
        "CLRKDNet on ResNet-18 on TuSimple, taught by clrnet_r101 (--teacher), 5,719 steps",
    ),
    "clrkdnet_dla34_tusimple": (
        "lanelight.recipes.tusimple",
        "CLRKDNet on DLA-34 on TuSimple, taught by clrnet_dla34 (--teacher), 5,719 steps",
    ),
    "enet_instance_tusimple": (
        "lanelight.recipes.instance_networks",
        "ENet with an embedding, 512x256 on TuSimple, 20,425 steps of 16 frames",
    ),
    "segnet_instance_tusimple": (
        "lanelight.recipes.instance_networks",
        "SegNet with an embedding, 512x256 on TuSimple, 40,850 steps of 16 frames",
    ),
    "enet_instance_road": (
        "lanelight.recipes.instance_networks",
        "ENet with an embedding, 384x216, rendered motorways, an hour on two cores",
    ),
    "fast_scnn_cityscapes": (
        "lanelight.recipes.fast_scnn",
        "Fast-SCNN 2048x1024 on Cityscapes as in the paper, 247,916 steps of 12 frames",
    ),
    "fast_scnn_cityscapes_short": (
        "lanelight.recipes.fast_scnn",
        "Fast-SCNN 2048x1024 on Cityscapes, Adam at a constant rate, 24,791 steps of 12 frames",
    ),
    "fast_scnn_camvid": (
        "lanelight.recipes.fast_scnn",
        "Fast-SCNN 480x360 on CamVid by drives, 25 minutes on two cores",
    ),
    "fast_scnn_road": ("lanelight.recipes.fast_scnn", "Fast-SCNN 320x180, road or not, a few minutes on two cores"),
}

__all__ = ["RECIPES", "recipe"]


def recipe(name: str) -> Recipe:
    """Build a recipe by name.

    Raises:
        LanelightError: an unknown name.
    """
    if name not in RECIPES:
        raise LanelightError(unknown_name("recipe", name, RECIPES))
    module = import_module(RECIPES[name][0])
    built: Recipe = getattr(module, name)()
    return built
