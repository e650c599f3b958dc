"""Taps: read named inner features of a network while it runs, without a second kind of `forward`.

A network marks each public feature with an `nn.Identity` named ``tap_NAME``; hooks on these see every pass, also
where stages share their weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from torch import Tensor, nn

from lanelight.errors import ModelError, unknown_name


@contextmanager
def tapped(model: nn.Module, names: Sequence[str]) -> Iterator[dict[str, Tensor]]:
    """Collect the named features of every forward pass made inside the ``with`` block.

    Args:
        model: a network with ``tap_NAME`` modules.
        names: which features.

    Yields:
        A dict that each forward pass fills with name -> (B, C, H, W), gradients attached.

    Raises:
        ModelError: the network has no such tap.
    """
    taps = {name[4:]: module for name, module in model.named_children() if name.startswith("tap_")}
    for name in names:
        if name not in taps:
            raise ModelError(unknown_name("tap", name, taps))
    features: dict[str, Tensor] = {}

    def keeper(name: str) -> nn.Module:
        def keep(_module: nn.Module, _args: tuple[Tensor, ...], output: Tensor) -> None:
            features[name] = output

        return keep  # type: ignore[return-value]  # torch types a hook as any callable

    handles = [taps[name].register_forward_hook(keeper(name)) for name in names]
    try:
        yield features
    finally:
        for handle in handles:
            handle.remove()
