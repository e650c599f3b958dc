"""Time of a training step (forward, loss, backward) against the straightforward way to write the same network.

python benchmarks/training.py [enet_sad scnn ...] [--rounds 12] [--compile] [--threads N]

Both ways have the same weights, the same pictures and the same terms of the loss, and take turns step by step; before
anything is timed, losses and gradients are compared. Straightforward is, for ENet-SAD, max-pooling with indices and
`max_unpool2d`, and losses as one would first write them; for SCNN message passing as a loop over the slices of the
features. "compiled" is ours by `torch.compile`, as the recipes' `compile` has it, ENet-SAD alone; its first step, which
takes a minute or two, is left out.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import time
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from record import record
from torch import Tensor, nn
from torch.nn import functional as F

from lanelight.distill.self_attention import SelfAttentionDistillation
from lanelight.machine import usable_processors
from lanelight.models import MODELS, LaneModel
from lanelight.models.slot_masks import MaskLoss
from lanelight.nn.bottleneck import DownBottleneck, UpBottleneck
from lanelight.nn.message_passing import MessagePassing
from lanelight.nn.taps import tapped

Outputs = Mapping[str, Tensor]
LOSS = MaskLoss(iou=0.1, exist=0.1, background=0.4, iou_form="reference")
CLOSE = 1e-3  # of losses and of gradients, relative: float32, other orders of sums
COMPILED_CLOSE = 0.1  # fused operations round differently, so that max-pooling picks other ones of all but equal pixels


class Case(NamedTuple):
    """A network to train."""

    size: tuple[int, int]
    batch: int
    sad: SelfAttentionDistillation | None
    plain: Callable[[LaneModel], None]
    compiles: bool = True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", choices=[*CASES, []], default=[])
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--compile", action="store_true", help="also time ours compiled; needs a C++ compiler")
    parser.add_argument("--threads", type=int, default=usable_processors())
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    for name in args.networks or CASES:
        rows = measured(name, args)
        for row in rows:
            print(row)
        record("training", rows)


def measured(name: str, args: argparse.Namespace) -> list[dict[str, Any]]:
    """Return a row for each way to train a network."""
    case = CASES[name]
    torch.manual_seed(0)
    ours = MODELS[name](size=case.size, loss_terms=LOSS)
    for module in ours.modules():
        if isinstance(module, nn.Dropout | nn.Dropout2d):
            module.p = 0.0  # both ways would draw other channels; the time is the same
    straight = copy.deepcopy(ours)
    case.plain(straight)
    ways: dict[str, Step] = {"straightforward": Step(straight, case, plain_losses), "ours": Step(ours, case)}
    compare(ways["straightforward"], ways["ours"])
    if args.compile and case.compiles:
        ways["compiled"] = Step(copy.deepcopy(ours), case, compiled=True)
        compare(ways["ours"], ways["compiled"], COMPILED_CLOSE)
    times: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
    for turn in range(args.rounds + 2):
        for way, step in ways.items():
            took = step()
            if turn > 1:  # the first two warm up
                times[way].append(took)
    base = statistics.median(sum(both) for both in times["straightforward"])
    return [
        {
            "network": name,
            "size": f"{case.size[0]}x{case.size[1]}",
            "batch": case.batch,
            "way": way,
            "threads": args.threads,
            "rounds": args.rounds,
            "forward_ms": round(1000 * statistics.median(both[0] for both in took), 1),
            "backward_ms": round(1000 * statistics.median(both[1] for both in took), 1),
            "step_ms": round(1000 * statistics.median(sum(both) for both in took), 1),
            "step_ms_min": round(1000 * min(sum(both) for both in took), 1),
            "speedup": round(base / statistics.median(sum(both) for both in took), 2),
        }
        for way, took in times.items()
    ]


class Step:
    """Forward, loss and backward of one batch.

    Args:
        model: the network.
        case: size, batch and distillation.
        losses: (outputs, targets, features, case) -> loss; None takes lanelight's.
        compiled: by `torch.compile`.
    """

    def __init__(
        self,
        model: LaneModel,
        case: Case,
        losses: Callable[[Outputs, Outputs, Outputs, Case], Tensor] | None = None,
        *,
        compiled: bool = False,
    ) -> None:
        self.model, self.case, self.losses = model, case, losses or self._ours
        self._forward = torch.compile(self._features) if compiled else self._features
        rng = torch.Generator().manual_seed(1)
        width, height = case.size
        self.images = torch.rand(case.batch, 3, height, width, generator=rng)
        labels = torch.zeros(case.batch, height, width, dtype=torch.int64)
        for slot in range(4):
            for row in range(height // 3, height):
                x = width // 2 + (slot * 2 - 3) * (row - height // 3) * width // (5 * height)
                labels[:, row, max(0, x) : max(0, x) + 6] = slot + 1
        self.targets = {"lanes": labels, "exist": torch.ones(case.batch, 4)}
        self.loss = torch.zeros(())

    def __call__(self) -> tuple[float, float]:
        """Return the seconds of forward and loss, and of backward."""
        self.model.zero_grad(set_to_none=True)
        start = time.perf_counter()
        outputs, features = self._forward(self.images)
        self.loss = self.losses(outputs, self.targets, features, self.case)
        middle = time.perf_counter()
        torch.autograd.backward(self.loss)
        return middle - start, time.perf_counter() - middle

    def _features(self, images: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        with tapped(self.model, self.case.sad.taps if self.case.sad else ()) as features:
            outputs = self.model(images)
        return outputs, dict(features)

    def _ours(self, outputs: Outputs, targets: Outputs, features: Outputs, case: Case) -> Tensor:
        terms = self.model.loss(outputs, targets)
        if case.sad is not None:
            terms["sad"] = case.sad.loss(features)
        return torch.stack(list(terms.values())).sum()


def compare(one: Step, other: Step, close: float = CLOSE) -> None:
    """Stop where two ways do not compute the same."""
    one(), other()
    pairs = [(one.loss.detach(), other.loss.detach())]
    for ours, theirs in zip(one.model.parameters(), other.model.parameters(), strict=True):
        if ours.grad is not None and theirs.grad is not None and ours.ndim > 1:
            pairs.append((ours.grad, theirs.grad))
    largest = max(float(a.norm()) for a, _ in pairs)
    for a, b in pairs:
        gap = float((a - b).norm())
        if gap > close * max(float(a.norm()), 1e-3 * largest):
            raise SystemExit(f"the two ways differ: {gap:.3g} of {float(a.norm()):.3g} in shape {tuple(a.shape)}")


# --- the straightforward ways ----------------------------------------------------------------------------------------


def plain_losses(outputs: Outputs, targets: Outputs, features: Outputs, case: Case) -> Tensor:
    """Return the loss as one would first write it."""
    logits, labels = outputs["lanes"], targets["lanes"]
    weight = torch.ones(logits.shape[1])
    weight[0] = LOSS.background
    loss = F.cross_entropy(logits, labels, weight=weight, ignore_index=255)
    p = torch.softmax(logits, dim=1)[:, 1:]
    wanted = F.one_hot(labels, logits.shape[1]).permute(0, 3, 1, 2)[:, 1:].float()
    shared = (p * wanted).sum(dim=(2, 3))
    union = (p + wanted - p * wanted).sum(dim=(2, 3))
    loss = loss + LOSS.iou * (1 - (shared / union)[:, 0].mean())
    loss = loss + LOSS.exist * F.binary_cross_entropy(torch.sigmoid(outputs["exist"]), targets["exist"])
    if case.sad is not None:
        for student, teacher in case.sad.pairs:
            loss = loss + case.sad.weight * F.mse_loss(plain_map(features[student]), plain_map(features[teacher]))
    return loss


def plain_map(x: Tensor) -> Tensor:
    """Return the attention map: the softmax over positions of the sum of squares."""
    return torch.softmax(x.pow(2).sum(dim=1).flatten(1), dim=1)


class IndexedDown(DownBottleneck):
    """Pools with indices."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the smaller map and the indices."""
        pooled, index = F.max_pool2d(x, 2, return_indices=True)
        added = self.dropout(self.expand(self.middle(self.reduce(x))))
        zeros = torch.zeros(x.shape[0], self.widen, *pooled.shape[2:])
        return self.act(torch.cat([pooled, zeros], dim=1) + added), index


class IndexedUp(UpBottleneck):
    """Unpools with the indices."""

    def forward(self, x: Tensor, corner: Tensor) -> Tensor:
        """Return the larger map."""
        main = F.max_unpool2d(self.main(x), corner, [2, 2])
        out: Tensor = self.act(main + self.dropout(self.expand(self.middle(self.reduce(x)))))
        return out


def with_indices(model: LaneModel) -> None:
    """Let a network pool and unpool with indices."""
    for module in model.modules():
        if type(module) is DownBottleneck:
            module.__class__ = IndexedDown
        elif type(module) is UpBottleneck:
            module.__class__ = IndexedUp


class SlicedMessages(MessagePassing):
    """Passes messages from slice to slice."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the map after the four passes."""
        passes = ((self.down, 2, False), (self.up, 2, True), (self.right, 3, False), (self.left, 3, True))
        for conv, dim, back in passes:
            slices = list(torch.split(x, 1, dim))
            order = range(len(slices))
            for before, now in pairwise(reversed(order) if back else order):
                slices[now] = slices[now] + F.relu(conv(slices[before]))
            x = torch.cat(slices, dim)
        return x


def with_slices(model: LaneModel) -> None:
    """Let a network pass messages from slice to slice."""
    for module in model.modules():
        if type(module) is MessagePassing:
            module.__class__ = SlicedMessages


_PAIRS = (("encoder2", "encoder3"), ("encoder3", "encoder4"))
CASES: dict[str, Case] = {
    "enet_sad": Case((400, 144), 4, SelfAttentionDistillation(pairs=_PAIRS, form="reference"), with_indices),
    "scnn": Case((400, 144), 4, None, with_slices, compiles=False),
}

if __name__ == "__main__":
    main()
