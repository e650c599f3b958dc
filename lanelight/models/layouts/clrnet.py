"""CLRNet and CLRKDNet: the layout of Turoad/CLRNet, which weiqingq/CLRKDNet shares, and ours."""

from __future__ import annotations

import logging
import re

import torch
from torch import Tensor

from lanelight.errors import ModelError
from lanelight.models.clrnet import first_lines
from lanelight.models.layouts.base import Converted, Rules, State, renamed

log = logging.getLogger(__name__)

_OURS: Rules = (
    (r"^backbone\.model\.", "backbone."),
    (r"^neck\.lateral_convs\.(\d)\.conv\.", r"neck.lateral.\1."),
    (r"^neck\.fpn_convs\.(\d)\.conv\.", r"neck.smooth.\1."),
    (r"^heads\.prior_embeddings\.weight$", "table"),
    (r"^heads\.seg_decoder\.conv\.", "segment.1."),
    (r"^heads\.cls_modules\.(\d)\.", r"classify.\1."),
    (r"^heads\.reg_modules\.(\d)\.", r"regress.\1."),
    (r"^heads\.cls_layers\.", "classify.4."),
    (r"^heads\.reg_layers\.", "regress.4."),
    (r"^heads\.roi_gather\.convs\.(\d)\.conv\.", r"gather.convolutions.\1.0."),
    (r"^heads\.roi_gather\.convs\.(\d)\.bn\.", r"gather.convolutions.\1.1."),
    (r"^heads\.roi_gather\.catconv\.(\d)\.conv\.", r"gather.merges.\1.0."),
    (r"^heads\.roi_gather\.catconv\.(\d)\.bn\.", r"gather.merges.\1.1."),
    (r"^heads\.roi_gather\.f_key\.conv\.", "gather.key.0."),
    (r"^heads\.roi_gather\.f_key\.bn\.", "gather.key.1."),
    (r"^heads\.roi_gather\.f_value\.", "gather.value."),
    (r"^heads\.roi_gather\.f_query\.0\.", "gather.query_"),
    (r"^heads\.roi_gather\.W\.", "gather.context_"),
    (r"^heads\.roi_gather\.fc\.", "gather.reduce."),
    (r"^heads\.roi_gather\.fc_norm\.", "gather.norm."),
)

_CONSTANTS = ("sample_x_indexs", "prior_feat_ys", "prior_ys", "priors_on_featmap", "criterion.weight")
_DEAD = re.compile(r"backbone\.model\.level[34]\.project\.")  # computed by DLA's authors, and never used
_PRIORS = "heads.priors"


def read_clrnet(state: State) -> Converted:
    """Convert the layout of the CLRNet reference, or inspect ours."""
    return _read(state, 3)


def read_clrkdnet(state: State) -> Converted:
    """Convert the layout of the CLRKDNet reference, or inspect ours."""
    return _read(state, 1)


def clrnet_name(key: str) -> str:
    """Return our name for a tensor of the CLRNet reference."""
    return renamed(key, _OURS)


def _read(state: State, stages: int) -> Converted:
    """Convert a released file of so many stages, or inspect ours, which may have any."""
    if _PRIORS not in state:
        return _own(state)
    dropped = [key for key in state if key.startswith("heads.") and key.removeprefix("heads.") in _CONSTANTS]
    dropped += [_PRIORS, *(key for key in state if _DEAD.match(key))]
    lines = _trained_lines(state)
    ours = {clrnet_name(key): _ours(key, tensor) for key, tensor in state.items() if key not in dropped}
    ours["table"] = lines
    parts = _own(ours).parts
    if parts["stages"] != stages:
        raise ModelError(
            f"expected the {stages} stages of {'CLRNet' if stages > 1 else 'CLRKDNet'}, got {parts['stages']}; "
            f"name it as a {'CLRKDNet' if stages > 1 else 'CLRNet'} (clrkdnet_* has one stage, clrnet_* has three)"
        )
    # All of CLRKDNet's and CLRNet's published weights were trained on pictures in OpenCV's order, divided by 255.
    return Converted(ours, {**parts, "normalize": "bgr"}, tuple(dropped))


def _own(state: State) -> Converted:
    """Say what tensors in our names tell."""
    if "table" not in state or "segment.1.weight" not in state:
        raise ModelError(
            f"expected a CLRNet or CLRKDNet checkpoint (ours, Turoad's or weiqingq's), got tensors such as "
            f"{', '.join(sorted(state)[:3])}"
        )
    stages = len([key for key in state if re.fullmatch(r"neck\.lateral\.\d\.weight", key)])
    classes = int(state["segment.1.weight"].shape[0])
    lanes = 5 if classes == 7 else 4  # seven classes are TuSimple's, with five lanes at most
    return Converted(state, {"stages": stages, "classes": classes, "lanes": lanes, "normalize": "imagenet"})


def _ours(key: str, tensor: Tensor) -> Tensor:
    """Return a tensor in our shape."""
    if re.search(r"roi_gather\.(?:convs|catconv)\.\d\.conv\.weight$", key):
        return tensor.transpose(2, 3).contiguous()  # along the points of a prior: (9, 1) there, (1, 9) here
    if re.search(r"roi_gather\.(?:f_query\.0|W)\.(?:weight|bias)$", key):
        return tensor.reshape(-1, 1)
    return tensor


def _trained_lines(state: State) -> Tensor:
    """Return the lines that the network is to begin with, (192, 3).

    The reference has them twice: in the table that is trained, and in buffers that training fills from it and that
    inference reads. The two are one step apart at most, except in files of runs on several GPUs, where the buffers
    stay as they began: such a network is used with the table that it was trained with.
    """
    lines, table = state[_PRIORS][:, 2:5].float(), state["heads.prior_embeddings.weight"].float()
    gap = float((lines - table).abs().max())
    first = first_lines()
    if lines.shape == first.shape and torch.allclose(lines, first, atol=1e-6) and gap > 1e-3:
        log.warning(
            "the priors of this file are those that training began with, up to %.3g from the trained ones: it was "
            "trained on several GPUs, where the reference loses them; taken: the trained ones",
            gap,
        )
        return table
    return lines
