"""The networks whose speed `speed.py` compares: their sizes, and where their weights come from.

Speed depends on weights: those of trained networks make denormal numbers, which cost more where they are not flushed,
and clusters or lanes that take time to decode. Trained ones are taken where they are at hand. The others are drawn from
a seed, with the statistics of batch norm set on the frames that are measured: activations neither fade nor grow.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from priors import random_network
from reference_form import as_reference

from lanelight.export import export_onnx
from lanelight.export.parity import measured
from lanelight.frames import Image
from lanelight.geometry import ViewportPolicy
from lanelight.models import MODELS, LaneModel, checkpoints
from lanelight.runtime.backends import BACKENDS, open_session
from lanelight.runtime.bundled import find_model
from lanelight.runtime.manifest import Manifest
from lanelight.runtime.predictor import decoder_of, network_input
from lanelight.train.trained import load_trained

BUNDLED = "default"
CLOSE = 1e-3  # of nearly all of an output, as a share of its largest value, and of the pixels of another class
NEARLY_ALL = 0.999
# SegNet pools five times. Of inputs that are equal but for rounding, one runtime keeps this one, another that one.
TIED = {"segnet_instance": 0.9}
SEEN = 4  # frames that batch norm is set on
CULANE_TOP, TUSIMPLE_TOP = 270 / 590, 160 / 720  # what the priors' published networks cut off above


@dataclass(frozen=True)
class Network:
    """A row of the table.

    Attributes:
        model: its name in `lanelight.models.MODELS`.
        size: (width, height) of its input, px.
        published: file with weights that their authors published; they are converted.
        top: share of the frame's height that is cut off above.
    """

    model: str
    size: tuple[int, int]
    published: str | None = None
    top: float = 0.0


NETWORKS: dict[str, Network] = {
    BUNDLED: Network("enet_sad", (512, 224)),
    "enet_sad": Network("enet_sad", (800, 288)),
    "scnn": Network("scnn", (800, 288)),
    "clrnet_r18": Network("clrnet_r18", (800, 320), top=CULANE_TOP),
    "clrnet_dla34": Network("clrnet_dla34", (800, 320), top=CULANE_TOP),
    "clrkdnet_r18": Network("clrkdnet_r18", (800, 320), top=CULANE_TOP),
    "enet_instance": Network("enet_instance", (224, 224), published="enet_discriminative_tusimple.pth"),
    "segnet_instance": Network("segnet_instance", (512, 256)),
    "enet_semantic": Network("enet_semantic", (480, 360), published="enet_davidtvs_default.pth"),
    "fast_scnn": Network("fast_scnn", (1024, 512)),
    "fast_scnn_full": Network("fast_scnn", (2048, 1024)),
}


@dataclass(frozen=True)
class Prepared:
    """A network ready to be measured.

    Attributes:
        told: where its weights come from, in words.
        weights: converted, for torch.
        exported: the same network as ONNX with its manifest.
    """

    told: str
    weights: Path
    exported: Path


def prepare(
    name: str, frames: Sequence[Image], folder: Path, *, trained: Path | None = None, published: Path | None = None
) -> Prepared:
    """Write a network of `NETWORKS` in the forms that are measured; what a run before wrote is taken again.

    Args:
        name: of the network.
        frames: (H, W, 3) uint8 RGB, that are measured.
        folder: to write to.
        trained: weights to take instead.
        published: folder of published checkpoints; None: there are none.
    """
    note, ready = folder / "weights.txt", Prepared("", folder / f"{name}.safetensors", folder / f"{name}.onnx")
    if note.is_file():
        return replace(ready, told=note.read_text().strip())
    network = NETWORKS[name]
    manifest = Manifest.load(find_model(BUNDLED))
    policy = ViewportPolicy(network.size, fit="stretch", top=network.top)
    seen = manifest.viewport if name == BUNDLED else policy
    model, told = _weighted(name, frames, seen, trained=trained, published=published)
    checkpoints.save(model, ready.weights, network=network.model, facts={"viewport": json.dumps(seen.to_dict())})
    export_onnx(model, ready.exported, name=name, viewport=seen)
    note.write_text(told + "\n")
    return replace(ready, told=told)


def check(ready: Prepared, frames: Sequence[Image]) -> None:
    """Make sure that all ways to run a network say the same of a frame, as far as float32 can."""
    network = load_trained(ready.weights)
    model, frame = network.model, frames[0]
    images = network_input(frame, network.viewport.view((frame.shape[1], frame.shape[0])), model.preprocess)
    with torch.inference_mode():
        ours, reference = (each(torch.from_numpy(images)) for each in (model, as_reference(deepcopy(model))))
    want = {name: output.numpy() for name, output in ours.items()}
    found = {"reference": {name: output.numpy() for name, output in reference.items()}}
    for backend in BACKENDS:
        session = open_session(ready.exported, backend, outputs=model.OUTPUTS)
        found[backend] = session(images)
        session.close()
    for way, outputs in found.items():
        for name in model.OUTPUTS:
            if want[name].ndim != outputs[name].ndim:  # classes that the graph chose
                apart = float((want[name].argmax(axis=1) != outputs[name]).mean())
            else:
                parts = measured(name, outputs[name], want[name])
                share = TIED.get(ready.exported.stem, NEARLY_ALL)
                apart = max(float(np.quantile(gaps, share)) / size for _, gaps, size in parts)
            assert apart < CLOSE, f"{ready.exported.stem}, {way}: {name} differs by {apart:.1e}"


def _weighted(
    name: str, frames: Sequence[Image], seen: ViewportPolicy, *, trained: Path | None, published: Path | None
) -> tuple[LaneModel, str]:
    """Return a network with the best weights at hand, and where they come from."""
    network = NETWORKS[name]
    bundled = find_model(BUNDLED).with_suffix(".safetensors")
    if trained is not None:
        return checkpoints.load(trained, network.model, size=network.size).eval(), "trained"
    if name == BUNDLED:
        decoder = decoder_of(Manifest.load(find_model(BUNDLED)))
        return checkpoints.load(bundled, network.model, size=network.size, parts={"decoder": decoder}).eval(), "shipped"
    if network.model == NETWORKS[BUNDLED].model:
        return _resized(network, bundled), "shipped; existence from a seed"
    if network.published and published is not None:
        model = checkpoints.load(published / network.published, network.model, size=network.size)
        return model.eval(), "published"
    views = [seen.view((frame.shape[1], frame.shape[0])) for frame in frames[:SEEN]]
    images = [network_input(frame, view) for frame, view in zip(frames, views, strict=False)]
    return random_network(network.model, images, size=network.size), "from a seed"


def _resized(network: Network, weights: Path) -> LaneModel:
    """Return a network with the weights of another size; the existence branch alone is bound to its size."""
    torch.manual_seed(0)
    model = MODELS[network.model](size=network.size)
    own = model.state_dict()
    given: Mapping[str, torch.Tensor] = checkpoints.read(weights, network.model).state
    fitting = {key: value for key, value in given.items() if value.shape == own[key].shape}
    assert {key.partition(".")[0] for key in given.keys() - fitting.keys()} == {"existence"}
    model.load_state_dict({**own, **fitting})
    return model.eval()
