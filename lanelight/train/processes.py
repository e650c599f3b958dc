"""`Processes`: how many processes train together, as the command line or ``torchrun`` has it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from lanelight.errors import LanelightError

RANKS = ("RANK", "LOCAL_RANK", "NODE_RANK", "GROUP_RANK", "SLURM_PROCID")  # set by torchrun, Lightning and Slurm


@dataclass(frozen=True)
class Processes:
    """The processes of a run; each has the whole network and a part of every step's frames.

    Attributes:
        devices: processes on each machine, one for each GPU, or on the processor.
        nodes: machines.
    """

    devices: int = 1
    nodes: int = 1

    def __post_init__(self) -> None:
        if self.devices < 1 or self.nodes < 1:
            raise LanelightError(f"expected at least one device and node, got {self.devices} and {self.nodes}")

    @property
    def count(self) -> int:
        """Processes of all machines together."""
        return self.devices * self.nodes

    @classmethod
    def chosen(cls, devices: int | None, nodes: int | None, environment: Mapping[str, str] | None = None) -> Processes:
        """Return what the user asked for; under ``torchrun``, what that has started.

        Args:
            devices: processes on each machine, or None.
            nodes: machines, or None.
            environment: variables of the process; None takes its own.

        Raises:
            LanelightError: ``torchrun`` has started another number than was asked for.
        """
        variables = os.environ if environment is None else environment
        if "TORCHELASTIC_RUN_ID" not in variables:
            return cls(1 if devices is None else devices, 1 if nodes is None else nodes)
        local = int(variables["LOCAL_WORLD_SIZE"])
        started = cls(local, int(variables["WORLD_SIZE"]) // local)
        if devices not in (None, started.devices) or nodes not in (None, started.nodes):
            raise LanelightError(
                f"torchrun has started {started.devices} processes on {started.nodes} nodes, but --devices and --nodes "
                f"ask for {devices} and {nodes}; leave them out"
            )
        return started


def is_first(environment: Mapping[str, str] | None = None) -> bool:
    """Say whether this is the process that writes the run folder."""
    variables = os.environ if environment is None else environment
    if "RANK" in variables:
        return int(variables["RANK"]) == 0
    return all(int(variables.get(name, "0")) == 0 for name in RANKS)
