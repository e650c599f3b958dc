"""Fast-SCNN: the layouts of leftthomas/FastSCNN and of Tramac/Fast-SCNN-pytorch, and ours."""

from __future__ import annotations

import torch

from lanelight.errors import ModelError
from lanelight.models.layouts.base import Converted, Rules, State, renamed

_PAPER: Rules = (
    (r"^learning_to_down_sample\.conv\.conv\.", "down.0.0."),
    (r"^learning_to_down_sample\.conv\.bn\.", "down.0.1."),
    (r"^learning_to_down_sample\.dsconv(\d)\.", r"down.\1."),
    (r"^global_feature_extractor\.first_block\.(\d)\.conv\.", r"block1.\1.layers."),
    (r"^global_feature_extractor\.second_block\.(\d)\.conv\.", r"block2.\1.layers."),
    (r"^global_feature_extractor\.third_block\.(\d)\.conv\.", r"block3.\1.layers."),
    (r"^global_feature_extractor\.ppm\.stages\.(\d)\.1\.", r"pyramid.branches.\1."),
    (r"^global_feature_extractor\.ppm\.conv\.", "pyramid.merge."),
    (r"^feature_fusion\.dwconv\.", "fusion.deep."),
    (r"^feature_fusion\.conv_low_res\.", "fusion.low.0."),
    (r"^feature_fusion\.conv_high_res\.", "fusion.high.0."),
    (r"^classifier\.conv\.", "classifier.3."),
    (r"^classifier\.dsconv1\.", "classifier.0."),
    (r"^classifier\.dsconv2\.", "classifier.1."),
    # Its separable convolutions have no activation between their halves, ours a place for one.
    (r"(?<=^down\.[12]\.)3\.", "4."),
    (r"(?<=^down\.[12]\.)2\.", "3."),
    (r"(?<=^classifier\.[01]\.)3\.", "4."),
    (r"(?<=^classifier\.[01]\.)2\.", "3."),
    (r"(?<=^pyramid\.merge\.)conv\.|(?<=^pyramid\.branches\.\d\.)conv\.|(?<=^fusion\.deep\.)conv\.", "0."),
    (r"(?<=^pyramid\.merge\.)bn\.|(?<=^pyramid\.branches\.\d\.)bn\.|(?<=^fusion\.deep\.)bn\.", "1."),
)

_TRAMAC: Rules = (
    (r"^learning_to_downsample\.conv\.conv\.", "down.0."),
    (r"^learning_to_downsample\.dsconv(\d)\.conv\.", r"down.\1."),
    (r"^global_feature_extractor\.bottleneck(\d)\.(\d)\.block\.0\.conv\.", r"block\1.\2.layers."),
    (r"^global_feature_extractor\.bottleneck(\d)\.(\d)\.block\.1\.conv\.0\.", r"block\1.\2.layers.3."),
    (r"^global_feature_extractor\.bottleneck(\d)\.(\d)\.block\.1\.conv\.1\.", r"block\1.\2.layers.4."),
    (r"^global_feature_extractor\.bottleneck(\d)\.(\d)\.block\.2\.", r"block\1.\2.layers.6."),
    (r"^global_feature_extractor\.bottleneck(\d)\.(\d)\.block\.3\.", r"block\1.\2.layers.7."),
    *((rf"^global_feature_extractor\.ppm\.conv{k + 1}\.conv\.", f"pyramid.branches.{k}.") for k in range(4)),
    (r"^global_feature_extractor\.ppm\.out\.conv\.", "pyramid.merge."),
    (r"^feature_fusion\.dwconv\.conv\.", "fusion.deep."),
    (r"^feature_fusion\.conv_lower_res\.", "fusion.low."),
    (r"^feature_fusion\.conv_higher_res\.", "fusion.high."),
    (r"^classifier\.conv\.1\.", "classifier.3."),
    (r"^classifier\.dsconv1\.conv\.", "classifier.0."),
    (r"^classifier\.dsconv2\.conv\.", "classifier.1."),
    (r"^auxlayer\.", "auxiliary.skip."),
)

_MERGE = "pyramid.merge.0.weight"


def read_fast_scnn(state: State) -> Converted:
    """Convert the layout of either Fast-SCNN reference, or inspect ours."""
    if any(key.startswith("learning_to_down_sample.") for key in state):
        state = {renamed(key, _PAPER): tensor for key, tensor in state.items()}
    elif any(key.startswith("learning_to_downsample.") for key in state):
        state = {renamed(key, _TRAMAC): tensor for key, tensor in state.items()}
        # It joins the map and then what was pooled from it; ours, as leftthomas's, begins with what was pooled.
        state[_MERGE] = torch.cat(state[_MERGE].chunk(2, dim=1)[::-1], dim=1)
    if "down.0.0.weight" not in state:
        raise ModelError(
            "expected a Fast-SCNN checkpoint (ours, leftthomas's or Tramac's), got tensors such as "
            f"{', '.join(sorted(state)[:3])}"
        )
    parts = {
        "classes": int(state["classifier.3.weight"].shape[0]),
        "variant": "tramac" if "fusion.low.1.weight" in state else "paper",
        "auxiliary": any(key.startswith("auxiliary.") for key in state),
        "normalize": "imagenet",
    }
    return Converted(state, parts)
