from __future__ import annotations

import pytest
import torch

from lanelight.errors import ModelError
from lanelight.models import MODELS
from lanelight.nn.taps import tapped


@pytest.mark.parametrize("shared", [False, True])
def test_every_tap_yields_its_own_features_also_where_stages_share_weights(shared: bool) -> None:
    model = MODELS["enet_sad"](size=(64, 32), shared_stages=shared).eval()
    images = torch.rand(1, 3, 32, 64, generator=torch.Generator().manual_seed(0))
    with tapped(model, model.TAPS) as features:
        model(images)
    shapes = [tuple(features[name].shape) for name in model.TAPS]
    assert shapes == [(1, 64, 8, 16), *[(1, 128, 4, 8)] * 3]
    assert not torch.equal(features["encoder2"], features["encoder3"])
    assert not torch.equal(features["encoder3"], features["encoder4"])


def test_hooks_are_gone_after_the_block() -> None:
    model = MODELS["enet_sad"](size=(64, 32)).eval()
    with tapped(model, ["encoder2"]) as features:
        pass
    model(torch.rand(1, 3, 32, 64))
    assert features == {}


def test_an_unknown_tap_names_the_nearest() -> None:
    model = MODELS["enet_sad"](size=(64, 32))
    with pytest.raises(ModelError, match="did you mean 'encoder2'"), tapped(model, ["encodr2"]):
        pass
