"""A run of about a minute that shows whether training works on a machine."""

from __future__ import annotations

from lanelight.geometry import ViewportPolicy
from lanelight.train.recipe import DataPart, Optimizer, Recipe


def smoke() -> Recipe:
    """Return the recipe: a small picture, few steps, rendered roads only."""
    size = (128, 56)
    return Recipe(
        name="smoke",
        size=size,
        width_px=3,
        viewport=ViewportPolicy(target=size),
        data=(DataPart(kind="synthetic", seed=1),),
        val_frames=8,
        optim=Optimizer(warmup_steps=5),
        steps=40,
        batch=4,
        val_every=20,
        exported="last",  # eight frames cannot tell which of two weights is better
        workers=0,
    )
