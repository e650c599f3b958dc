"""A trained network with all that is needed to use it: of a run, converted from a published checkpoint, or bundled."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lanelight.decode import decoder_from_dict
from lanelight.errors import ModelError
from lanelight.geometry import ViewportPolicy
from lanelight.models import LaneModel, checkpoints
from lanelight.runtime.bundled import BUNDLED, WEIGHTS, find_model
from lanelight.runtime.manifest import Manifest
from lanelight.train.recipe import Recipe
from lanelight.train.run import RECIPE_FILE, WEIGHTS_FILE, load_run


@dataclass(frozen=True, eq=False)
class Trained:
    """A network in evaluation mode and how it is used.

    Attributes:
        name: for a manifest.
        model: the network.
        viewport: how frames are shown to it.
        recipe: of its training, as plain values, or a line that says where the weights come from.
        seed: of the rendered roads that it was not trained on.
        licence: of the weights, where it is known.
        data: what they were trained on, where it is known.
    """

    name: str
    model: LaneModel
    viewport: ViewportPolicy
    recipe: Any
    seed: int = Recipe("converted").val_seed
    licence: str = ""
    data: Any = ""


def load_trained(path: str | Path) -> Trained:
    """Read a trained network.

    Args:
        path: a bundled name, a run's folder, one of the files of weights in it, or a file that `lanelight convert`
            wrote.

    Raises:
        LanelightError: it is none of these, or damaged.
    """
    if str(path) in BUNDLED:
        return _bundled(str(path))
    path = Path(path)
    if path.resolve().parent == WEIGHTS:
        return _bundled(path.stem)
    weights = path if path.is_file() else path / WEIGHTS_FILE
    if (weights.parent / RECIPE_FILE).is_file() or not path.is_file():
        recipe, model = load_run(path)
        return Trained(recipe.name, model, recipe.viewport, recipe.to_dict(), recipe.val_seed)
    facts = checkpoints.metadata(path)
    viewport = checkpoints.viewport_told(path, facts)
    if viewport is None or "network" not in facts:
        raise ModelError(
            f"{path}: expected a training run, which holds {RECIPE_FILE} beside its weights, or weights written by "
            "`lanelight convert`, found neither; name the run's folder, or an exported model"
        )
    model = checkpoints.load(path, facts["network"], size=viewport.target)
    return Trained(path.stem, model.eval(), viewport, facts.get("origin", ""))


def _bundled(name: str) -> Trained:
    """Return a network of the package, whose weights lie beside the exported file."""
    exported = find_model(name)
    manifest = Manifest.load(exported)
    network = manifest.recipe["network"]
    model = checkpoints.load(exported.with_suffix(".safetensors"), network, size=manifest.viewport.target)
    model.decoder = decoder_from_dict(manifest.decoder)
    return Trained(
        manifest.name,
        model.eval(),
        manifest.viewport,
        manifest.recipe,
        licence=manifest.licence,
        data=manifest.data,
    )
