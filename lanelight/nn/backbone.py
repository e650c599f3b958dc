"""Backbones of timm, and their ImageNet weights: from the cache, the network or a file.

timm is imported inside functions: a network without one of its backbones does not need it.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lanelight.errors import ModelError

# False: weights drawn at random; True: the ImageNet weights that timm publishes; else a file with such weights.
Pretrained = bool | str | Path

_VGG_BLOCKS = {"block1": (0, 6), "block2": (6, 13), "block3": (13, 23), "block4": (23, 33), "block5": (34, 43)}
_VGG_POOLINGS = (6, 13, 23, 33, 43)


def vgg16_bn_stride8(pretrained: Pretrained = False) -> nn.ModuleDict:
    """Return the features of VGG16 with batch norm at stride 8, in five blocks that follow one another.

    The last two poolings are left out; the three convolutions between them have dilation 2 instead, so that their
    ImageNet weights see what they were trained to see (Pan et al. 2018, sec. 3; Simonyan and Zisserman 2015).

    Args:
        pretrained: whether, and from where, weights are loaded.

    Returns:
        ``block1`` to ``block5``: (B, 3, H, W) -> 64, 128, 256, 512, 512 channels at strides 1, 2, 4, 8, 8.

    Raises:
        ModelError: the weights cannot be had, or do not fit.
    """
    layers = _vgg16_bn(pretrained)
    for layer in layers[34:]:
        if isinstance(layer, nn.Conv2d):
            layer.dilation = layer.padding = (2, 2)
    return nn.ModuleDict({name: nn.Sequential(*layers[first:last]) for name, (first, last) in _VGG_BLOCKS.items()})


def vgg16_bn_levels(pretrained: Pretrained = False, *, bias: bool = True) -> nn.ModuleList:
    """Return the features of VGG16 with batch norm in five levels; the poolings between them are left to the caller.

    Args:
        pretrained: whether, and from where, weights are loaded.
        bias: of the convolutions; without, the running means of the batch norms take up loaded biases.

    Returns:
        Five modules: (B, 3, H, W) -> 64, 128, 256, 512, 512 channels, each at the size of its input.

    Raises:
        ModelError: the weights cannot be had, or do not fit.
    """
    layers = _vgg16_bn(pretrained)
    if not bias:
        for layer, norm in pairwise(layers):
            if isinstance(layer, nn.Conv2d) and layer.bias is not None:
                assert isinstance(norm, nn.BatchNorm2d)
                assert norm.running_mean is not None
                norm.running_mean -= layer.bias.detach()
                layer.bias = None
    starts = (0, *(place + 1 for place in _VGG_POOLINGS))
    return nn.ModuleList(nn.Sequential(*layers[first:last]) for first, last in zip(starts, _VGG_POOLINGS, strict=False))


def pyramid(name: str, pretrained: Pretrained = False) -> tuple[nn.Module, tuple[int, ...]]:
    """Return a backbone of timm that gives its maps of strides 4, 8, 16 and 32, and the channels of these.

    Args:
        name: timm's name, with the tag of its weights, such as ``resnet18.tv_in1k``.
        pretrained: whether, and from where, weights are loaded.

    Returns:
        (B, 3, H, W) -> list of four maps, from the shallowest to the deepest; and how many channels each has.

    Raises:
        ModelError: the weights cannot be had, or do not fit.
    """
    import timm

    # timm's ResNets have no map at stride 2 but a stem's, and DLA two: the last four are the same in both.
    backbone: Any = timm.create_model(name, features_only=True, out_indices=(-4, -3, -2, -1))
    if pretrained is not False:
        load_features(backbone, name, pretrained)
    return backbone, tuple(backbone.feature_info.channels())


def vgg16_bn_place(index: int) -> str:
    """Return where layer ``index`` of the published VGG16 lies in `vgg16_bn_stride8`, such as ``block2.1``.

    Raises:
        KeyError: a layer that is left out.
    """
    for name, (first, last) in _VGG_BLOCKS.items():
        if first <= index < last:
            return f"{name}.{index - first}"
    raise KeyError(f"layer {index}")


def load_features(module: nn.Module, name: str, pretrained: Pretrained, *, prefix: str = "") -> None:
    """Load published weights into the part of a network that a backbone uses.

    What the file has beyond that part (the classifier) is left aside; what the part needs must be there.

    Args:
        module: gets the weights.
        name: timm's name of the network.
        pretrained: True for timm's own, else a file.
        prefix: of the part's names in the file.

    Raises:
        ModelError: the weights cannot be had, or do not fit.
    """
    state, source = _published(name) if pretrained is True else _from_file(name, Path(str(pretrained)))
    own = module.state_dict()
    given = {key: state[f"{prefix}{key}"] for key in own if f"{prefix}{key}" in state}
    # Files of the first torch versions do not count batches; nothing reads that number where momentum is given.
    missing = [key for key in own if key not in given and not key.endswith("num_batches_tracked")]
    wrong = [key for key, tensor in given.items() if tensor.shape != own[key].shape]
    if missing or wrong:
        key, what = (missing[0], "missing") if missing else (wrong[0], "of another shape")
        raise ModelError(
            f"{source}: expected ImageNet weights of {name} as timm or torchvision publish them, but {prefix}{key} is "
            f"{what} ({len(missing)} missing, {len(wrong)} of another shape)"
        )
    module.load_state_dict(own | given)


def _vgg16_bn(pretrained: Pretrained) -> nn.Sequential:
    """Return the published list of layers, from the first convolution to the fifth pooling."""
    import timm

    # Its classifier has 120 million weights that are not wanted: nothing is allocated before the features are out.
    layers = timm.create_model("vgg16_bn", device="meta").get_submodule("features").to_empty(device="cpu")
    _draw(layers)
    if pretrained is not False:
        load_features(layers, "vgg16_bn", pretrained, prefix="features.")
    assert isinstance(layers, nn.Sequential)
    return layers


def _draw(layers: nn.Module) -> None:
    for layer in layers.modules():
        if isinstance(layer, nn.Conv2d):  # He et al. 2015, as timm and torchvision draw a VGG
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.BatchNorm2d):
            layer.reset_parameters()


def _published(name: str) -> tuple[dict[str, Tensor], str]:
    """Return timm's weights, and the name of their file: from its cache without a word to the network, or fetched."""
    import timm
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url, try_to_load_from_cache

    facts = timm.get_pretrained_cfg(name)
    assert facts is not None, f"timm publishes no weights of {name}"
    # timm writes "timm/" where the repository has the network's own name.
    repository = f"{facts.hf_hub_id}{name}.{facts.tag}" if facts.hf_hub_id == "timm/" else str(facts.hf_hub_id)
    file = facts.hf_hub_filename or "model.safetensors"
    cached = try_to_load_from_cache(repository, file)
    if not isinstance(cached, str):
        try:
            # One question without retries first: without a connection the download itself asks for 23 s and more.
            get_hf_file_metadata(hf_hub_url(repository, file), timeout=10)
            cached = hf_hub_download(repository, file)
        except Exception as error:  # the libraries below raise a dozen types for "no connection"
            raise ModelError(
                f"{name}: the ImageNet weights are not in timm's cache and cannot be fetched from {repository} "
                f"({type(error).__name__}); connect once, copy a machine's cache (HF_HOME), or give the file: "
                "pretrained_backbone=FILE"
            ) from error
    return _from_file(name, Path(cached))


def _from_file(name: str, path: Path) -> tuple[dict[str, Tensor], str]:
    from timm.models import load_state_dict

    if not path.is_file():
        raise ModelError(f"{path}: expected a file with ImageNet weights of {name}, found none; check the path")
    try:
        state = load_state_dict(str(path), weights_only=True)
    except Exception as error:  # as many types for a damaged file
        raise ModelError(f"{path}: not a readable file of weights of {name} ({type(error).__name__})") from error
    if not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise ModelError(f"{path}: expected a state dict of tensors of {name}; re-save it with torch.save")
    return state, str(path)
