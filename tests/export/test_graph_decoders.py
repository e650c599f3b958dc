"""What a graph does itself - view, decoding, NMS - is what lanelight does outside of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from lanelight.decode import ClassDecoder, EndToEndLanes, MaskDecoder, PriorDecoder
from lanelight.export.graph_classes import GraphClasses
from lanelight.export.graph_lanes import GraphLanes
from lanelight.export.graph_masks import GraphMasks
from lanelight.export.graph_priors import GraphPriors
from lanelight.export.graph_view import GraphView, nearest
from lanelight.frames import read_image
from lanelight.geometry import Scene, Viewport, ViewportPolicy

Floats = NDArray[np.float32]
SIZES = [(1280, 720), (1640, 590), (640, 360), (97, 61)]


def as_scene(found: GraphLanes, view: Viewport) -> Scene:
    """Read what a graph gives, as the runtime does."""
    return EndToEndLanes()({name: np.asarray(part) for name, part in zip(found._fields, found, strict=True)}, view)


def check_same(graph: Scene, decoder: Scene, px: float = 0.01) -> int:
    """Compare two Scenes point by point and return the number of lanes."""
    assert [lane.slot for lane in graph.lanes] == [lane.slot for lane in decoder.lanes]
    for have, want in zip(graph.lanes, decoder.lanes, strict=True):
        assert have.points.shape == want.points.shape
        assert np.abs(have.points - want.points).max() <= px
        assert have.score == pytest.approx(want.score, abs=1e-5)
    return len(graph.lanes)


def picture(rng: np.random.Generator, size: tuple[int, int]) -> NDArray[np.uint8]:
    return rng.integers(0, 256, (size[1], size[0], 3)).astype(np.uint8)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "policy",
    [
        ViewportPolicy((160, 56)),
        ViewportPolicy((160, 64), fit="stretch", top=0.4),
        ViewportPolicy((320, 180), fit="stretch"),
        ViewportPolicy((200, 200), fit="stretch"),
        ViewportPolicy((160, 56), resample="cubic"),
    ],
    ids=["band", "cut", "halved", "square", "cubic"],
)
def test_a_graph_sees_what_the_viewport_shows_but_for_a_level(policy: ViewportPolicy, size: tuple[int, int]) -> None:
    frame = picture(np.random.default_rng(0), size)
    view = policy.view(size)
    want = view.apply(frame).astype(np.float32)
    have = GraphView(view)(torch.from_numpy(frame))
    assert have.shape == (1, 3, policy.target[1], policy.target[0])
    gaps = np.abs(have[0].permute(1, 2, 0).numpy() * 255 - want)
    assert gaps.max() <= 1.001
    assert gaps.mean() <= 0.2


def test_a_real_frame_is_shrunk_to_the_same_levels(shared: Path) -> None:
    frame = read_image(min((shared / "data/tusimple/clips").glob("*/*/20.jpg")))
    view = ViewportPolicy((800, 288)).view((frame.shape[1], frame.shape[0]))
    have = GraphView(view)(torch.from_numpy(frame))[0].permute(1, 2, 0).numpy() * 255
    other = np.abs(have - view.apply(frame)) > 0.5
    assert other.mean() < 1e-3


def mask_outputs(rng: np.random.Generator, size: tuple[int, int]) -> dict[str, Floats]:
    """Return logits of masks with slanted, broken and doubled lanes, and of noise."""
    width, height = size
    y, x = np.mgrid[:height, :width]
    logits = rng.normal(-4, 0.5, (5, height, width))
    logits[0] = 0
    for slot in range(4):
        for _ in range(rng.integers(1, 4)):
            start, slope = rng.uniform(0, width), rng.uniform(-3, 3)
            low, high = np.sort(rng.uniform(0, height, 2))
            gap = np.abs(x - start - slope * (height - y)) / rng.uniform(2, 9)
            shown = (y >= low) & (y <= high) & (rng.random(height) < 0.8)[:, None]
            logits[slot + 1] = np.maximum(logits[slot + 1], np.where(shown, 5 - gap**2, -9))
    return {"lanes": logits.astype(np.float32), "exist": rng.normal(1, 1, 4).astype(np.float32)}


@pytest.mark.parametrize(
    "decoder",
    [MaskDecoder(), MaskDecoder(row_step=3, blur=1, smooth=0, min_rows=2), MaskDecoder(reach=6, max_gap=0.1, smooth=9)],
    ids=["default", "raw", "narrow"],
)
def test_masks_are_traced_as_outside_the_graph(decoder: MaskDecoder) -> None:
    view = ViewportPolicy((160, 56)).view((640, 360))
    graph = GraphMasks(decoder, view)
    rng = np.random.default_rng(1)
    found = 0
    for _ in range(12):
        outputs = mask_outputs(rng, view.target)
        batch = {name: torch.from_numpy(array)[None] for name, array in outputs.items()}
        found += check_same(as_scene(graph(batch), view), decoder(outputs, view))
    assert found > 12  # else nothing was compared


def test_masks_of_nothing_are_no_lanes() -> None:
    view = ViewportPolicy((160, 56)).view((640, 360))
    lanes = torch.zeros(1, 5, 56, 160)
    lanes[:, 0] = 9
    found = GraphMasks(MaskDecoder(), view)({"lanes": lanes, "exist": torch.ones(1, 4)})
    assert found.counts.tolist() == [0, 0, 0, 0]
    assert found.slots.tolist() == [-1, -1, -1, -1]
    assert found.points.isnan().all()


def prior_rows(rng: np.random.Generator, count: int) -> Floats:
    """Return rows of lanes, many of them near others, some that begin below the input or leave it."""
    rows = np.zeros((count, 78))
    rows[:, :2] = rng.normal(0, 1.5, (count, 2))
    rows[:, 2] = rng.uniform(-0.1, 0.5, count)
    rows[:, 5] = rng.uniform(-0.05, 1.1, count)
    lane = rng.integers(0, 7, count)
    base, slope, bend = rng.uniform(0, 1, 7)[lane], rng.normal(0, 0.6, 7)[lane], rng.normal(0, 0.3, 7)[lane]
    t = np.linspace(0, 1, 72)
    rows[:, 6:] = base[:, None] + slope[:, None] * t + bend[:, None] * t**2 + rng.normal(0, 0.02, (count, 1))
    return rows.astype(np.float32)


@pytest.mark.parametrize("size", [(1280, 720), (1640, 590)])
@pytest.mark.parametrize("decoder", [PriorDecoder(), PriorDecoder(0.6, 25.0, 6, 5)], ids=["default", "strict"])
def test_priors_are_chosen_and_placed_as_outside_the_graph(decoder: PriorDecoder, size: tuple[int, int]) -> None:
    view = ViewportPolicy((800, 320), fit="stretch", top=0.4).view(size)
    graph = GraphPriors(decoder, view)
    rng = np.random.default_rng(2)
    found = 0
    for _ in range(40):
        rows = prior_rows(rng, 60)
        lanes = graph({"priors": torch.from_numpy(rows)[None]})
        found += check_same(as_scene(lanes, view), decoder({"priors": rows}, view), px=0.02)
    assert found > 80


def test_of_equally_good_priors_the_first_is_kept() -> None:
    view = Viewport.whole((800, 320))
    rows = np.zeros((3, 78), np.float32)
    rows[:, 1], rows[:, 5], rows[:, 6:] = 2.0, 1.0, np.array([[0.5], [0.51], [0.2]])
    decoder = PriorDecoder()
    found = as_scene(GraphPriors(decoder, view)({"priors": torch.from_numpy(rows)[None]}), view)
    assert check_same(found, decoder({"priors": rows}, view)) == 2
    assert found.lanes[1].points[5, 0] == pytest.approx(0.5 * 799)


def test_no_prior_above_the_threshold_is_no_lane() -> None:
    view = Viewport.whole((800, 320))
    found = GraphPriors(PriorDecoder(), view)(
        {"priors": torch.full((1, 9, 78), 0.4) * torch.tensor([9.0, *[1.0] * 77])}
    )
    assert found.counts.tolist() == [0, 0, 0, 0]
    assert found.scores.tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("policy", [ViewportPolicy((64, 24)), ViewportPolicy((64, 32), fit="stretch")])
def test_classes_are_brought_to_the_frame_as_outside_the_graph(policy: ViewportPolicy, size: tuple[int, int]) -> None:
    view = policy.view(size)
    logits = np.random.default_rng(3).normal(size=(5, policy.target[1], policy.target[0])).astype(np.float32)
    want = ClassDecoder(tuple("abcde"))({"classes": logits}, view).classes
    (have,) = GraphClasses(view)({"classes": torch.from_numpy(logits)[None]})
    assert have.dtype == torch.uint8
    assert want is not None
    assert np.array_equal(have.numpy(), want)


def test_the_nearest_pixel_is_that_whose_centre_is_nearest() -> None:
    assert nearest(2, 6).tolist() == [0, 0, 0, 1, 1, 1]
    assert nearest(6, 2).tolist() == [1, 4]
