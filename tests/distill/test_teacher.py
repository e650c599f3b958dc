from __future__ import annotations

import copy
import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lanelight.distill.teacher import CLRKD_TERMS, REFERENCE_TERMS, TeacherDistillation, TeacherTerm
from lanelight.distill.teacher_network import open_network, weights_file
from lanelight.distill.teaching import Teacher
from lanelight.errors import LanelightError, ModelError
from lanelight.geometry import Viewport
from lanelight.losses.transfer import attention_transfer, feature_distance, unit_attention
from lanelight.models import MODELS, checkpoints
from lanelight.models.enet_sad import EnetSad
from lanelight.nn.taps import tapped
from lanelight.runtime import find_model
from lanelight.train.recipe import Recipe

SIZE = (128, 56)
ATTENTION = TeacherTerm("attention", student=("encoder2", "encoder3"))
FEATURES = TeacherTerm("features", student=("encoder4",))
RESPONSE = TeacherTerm("response", student=("lanes", "exist"))
SCENE = TeacherTerm("scene")


def _net(seed: int, size: tuple[int, int] = SIZE, **parts: Any) -> EnetSad:
    torch.manual_seed(seed)
    return EnetSad(size, **parts)


def _images(count: int = 2, seed: int = 0) -> Tensor:
    drawn = np.random.default_rng(seed).integers(0, 256, (count, 3, SIZE[1], SIZE[0]), dtype=np.uint8)
    return torch.from_numpy(drawn)


@pytest.fixture
def file(tmp_path: Path) -> str:
    """Return a file of weights of ours."""
    return str(checkpoints.save(_net(1), tmp_path / "teacher.safetensors", network="enet_sad"))


def _pass(student: EnetSad, taps: tuple[str, ...], images: Tensor) -> tuple[Mapping[str, Tensor], Mapping[str, Tensor]]:
    with tapped(student, taps) as features:
        outputs = student(images.float() / 255)
    return outputs, features


def test_the_default_terms_are_those_of_clrkdnet() -> None:
    settings = TeacherDistillation()
    assert settings.taps == ("map1", "map2", "map3", "map4", "gathered", "line")
    assert list(settings.named) == ["teacher_attention", "teacher_features", "teacher_lines"]
    assert [term.weight for term in REFERENCE_TERMS["r18"]] == [1, 5, 3]
    assert [term.weight for term in REFERENCE_TERMS["dla34"]] == [0, 5, 5]
    assert [term.form for term in CLRKD_TERMS] == ["normalized"] * 3
    no_attention = TeacherDistillation(terms=REFERENCE_TERMS["dla34"])
    assert list(no_attention.named) == ["teacher_features", "teacher_lines"]  # a weight of 0 leaves a term out
    assert no_attention.taps == ("gathered", "line")


def test_a_term_starts_at_its_step_and_rises_over_its_ramp() -> None:
    term = TeacherTerm("scene", weight=0.2, start_step=10, ramp_steps=4)
    assert [term.weight_at(step) for step in (9, 10, 11, 13, 99)] == pytest.approx([0, 0.05, 0.1, 0.2, 0.2])
    both = TeacherDistillation(terms=(term, TeacherTerm("scene", start_step=5)))
    assert list(both.named) == ["teacher_scene", "teacher_scene2"]
    assert [both.active(step) for step in (4, 5)] == [False, True]


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"kind": "lines", "weight": -1}, "lines: expected weight of at least 0, got -1"),
        ({"kind": "lines", "weight": float("nan")}, "expected weight of at least 0, got nan"),
        ({"kind": "scene", "start_step": -5}, "expected start_step of at least 0"),
        ({"kind": "response", "student": ("lanes",), "temperature": 0}, "expected temperature of more than 0"),
        ({"kind": "response"}, "expected the outputs to compare"),
        ({"kind": "scene", "student": ("map1",)}, "expected no taps"),
        ({"kind": "lines", "teacher": ("a", "b")}, "as many names in teacher as in student, got 2 for 1"),
    ],
)
def test_values_without_sense_are_refused(entry: dict[str, Any], says: str) -> None:
    with pytest.raises(LanelightError, match=says):
        TeacherTerm(**entry)


def test_a_recipe_keeps_its_teacher_and_settings_reach_it() -> None:
    recipe = Recipe(name="a", teacher=TeacherDistillation(file="x", size=(64, 32), terms=(RESPONSE, SCENE)))
    assert Recipe.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe
    changed = recipe.override(["teacher.terms.1.weight=0.5", "teacher.cache=kept", "teacher.file=y"])
    assert changed.teacher is not None
    assert (changed.teacher.file, changed.teacher.cache, changed.teacher.terms[1].weight) == ("y", "kept", 0.5)
    added = Recipe(name="a").override(['teacher={"terms": [{"kind": "scene"}]}'])
    assert added.teacher == TeacherDistillation(terms=(SCENE,))
    assert Recipe.from_dict({"name": "a"}).teacher is None
    for setting, says in (
        ("teacher.terms=[]", "expected at least one term"),
        ("teacher.terms.0.weight=-1", "expected weight of at least 0"),
        ("teacher.fil=x", "did you mean 'file'"),
    ):
        with pytest.raises(LanelightError, match=says):
            recipe.override([setting])


def test_the_terms_are_the_weighted_formulas_on_what_both_networks_show(file: str) -> None:
    student, images = _net(2), _images()
    settings = TeacherDistillation(file=file, terms=(replace(ATTENTION, weight=2.0), replace(FEATURES, weight=3.0)))
    teacher = Teacher.open(settings, student)
    outputs, features = _pass(student, teacher.taps, images)
    lesson, _ = teacher.lesson(images)
    terms = teacher.terms(lesson, outputs, features, 0)
    _, theirs = _pass(_net(1).eval(), teacher.taps, images)
    ours, maps = ([unit_attention(each[f"encoder{i}"]) for i in (2, 3)] for each in (features, theirs))
    assert list(terms) == ["teacher_attention", "teacher_features"]
    assert torch.isclose(terms["teacher_attention"], 2 * attention_transfer(ours, maps))
    wanted = 3 * feature_distance(features["encoder4"], theirs["encoder4"])
    assert torch.isclose(terms["teacher_features"], wanted)


def test_a_student_that_is_its_teacher_has_nothing_to_learn(file: str) -> None:
    student, images = _net(1).eval(), _images()
    teacher = Teacher.open(TeacherDistillation(file=file, terms=(ATTENTION, FEATURES, RESPONSE)), student)
    outputs, features = _pass(student, teacher.taps, images)
    terms = teacher.terms(teacher.lesson(images)[0], outputs, features, 0)
    assert [float(term.detach()) for term in terms.values()] == pytest.approx([0, 0, 0], abs=1e-6)


def test_the_lanes_that_a_teacher_finds_are_targets_of_the_student_s_own_loss(file: str) -> None:
    student, images = _net(2), _images()
    teacher = Teacher.open(TeacherDistillation(file=file, terms=(replace(SCENE, weight=0.5),)), student)
    lesson, _ = teacher.lesson(images)
    assert [scene.size for scene in lesson.scenes] == [SIZE, SIZE]
    outputs, _ = _pass(student, (), images)
    (term,) = teacher.terms(lesson, outputs, {}, 0).values()
    drawn = [student.target(scene, Viewport.whole(SIZE)) for scene in lesson.scenes]
    targets = {name: torch.from_numpy(np.stack([each[name] for each in drawn])) for name in drawn[0]}
    assert float(term.detach()) == pytest.approx(
        0.5 * sum(float(one.detach()) for one in student.loss(outputs, targets).values())
    )


def test_only_the_student_learns(file: str) -> None:
    student, images = _net(2), _images()
    teacher = Teacher.open(TeacherDistillation(file=file, terms=(ATTENTION, FEATURES, RESPONSE, SCENE)), student)
    outputs, features = _pass(student, teacher.taps, images)
    lesson, _ = teacher.lesson(images)
    before = {name: tensor.clone() for name, tensor in lesson.taps.items()}
    sum(teacher.terms(lesson, outputs, features, 0).values()).backward()  # type: ignore[union-attr]
    assert any(float(p.grad.abs().sum()) > 0 for p in student.parameters() if p.grad is not None)
    assert not any(tensor.requires_grad for tensor in (*lesson.attention.values(), *lesson.taps.values()))
    student.train()
    _pass(student, (), images)
    again, _ = teacher.lesson(images)
    assert all(torch.equal(again.taps[name], tensor) for name, tensor in before.items())


def test_opening_a_teacher_leaves_the_student_and_what_is_drawn_as_they_were(file: str) -> None:
    student = _net(2).train()
    student.down1.eval()
    modes = [module.training for module in student.modules()]
    state = copy.deepcopy(student.state_dict())
    torch.manual_seed(3)
    teacher = Teacher.open(TeacherDistillation(file=file, terms=(FEATURES, SCENE)), student)
    drawn = torch.rand(1)
    torch.manual_seed(3)
    assert torch.equal(drawn, torch.rand(1))
    assert [module.training for module in student.modules()] == modes
    assert all(torch.equal(tensor, state[name]) for name, tensor in student.state_dict().items())
    assert copy.deepcopy(teacher) is teacher  # an average of the student's weights copies no teacher


def test_a_teacher_sees_pictures_in_its_own_size(tmp_path: Path) -> None:
    file = str(checkpoints.save(_net(1, (256, 112)), tmp_path / "t.safetensors", network="enet_sad"))
    student, images = _net(2), _images()
    settings = TeacherDistillation(file=file, size=(256, 112), terms=(ATTENTION, RESPONSE, SCENE))
    teacher = Teacher.open(settings, student)
    outputs, features = _pass(student, teacher.taps, images)
    lesson, _ = teacher.lesson(images)
    assert lesson.attention["encoder2"].shape == (2, 14, 32)
    assert lesson.outputs["lanes"].shape[-2:] == (112, 256)
    assert lesson.scenes[0].size == SIZE
    terms = teacher.terms(lesson, outputs, features, 0)
    assert all(bool(torch.isfinite(term)) for term in terms.values())


def test_a_run_tells_which_network_its_weights_are_of(file: str, tmp_path: Path) -> None:
    run = tmp_path / "run"
    parts: dict[str, Any] = {"shared_stages": True}
    checkpoints.save(_net(1, **parts), run / "weights.safetensors", network="enet_sad")
    entry = Recipe(name="a", network="enet_sad", parts={**parts, "pretrained_backbone": False}).to_dict()
    (run / "recipe.json").write_text(json.dumps(entry))
    assert open_network(TeacherDistillation(file=str(run)), SIZE).name == "enet_sad"
    assert weights_file(str(run)) == run / "weights.safetensors"
    released = tmp_path / "net.pth"
    torch.save({"net": _net(1).state_dict()}, released)
    with pytest.raises(ModelError, match=r"net\.pth: expected a file that names its network; set teacher\.network"):
        open_network(TeacherDistillation(file=str(released)), SIZE)
    same = open_network(TeacherDistillation(file=str(released), network="enet_sad"), SIZE)
    assert same.digest == open_network(TeacherDistillation(file=file), SIZE).digest
    other = checkpoints.save(_net(5), tmp_path / "other.safetensors", network="enet_sad")
    assert open_network(TeacherDistillation(file=str(other)), SIZE).digest != same.digest
    (run / "recipe.json").write_text("{}")
    with pytest.raises(LanelightError, match=r"recipe\.json: expected a recipe saved by a training run"):
        open_network(TeacherDistillation(file=str(run)), SIZE)


def test_weights_that_name_their_network_are_believed(
    file: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert open_network(TeacherDistillation(file=file, network="enet"), SIZE).name == "enet_sad"
        assert not caplog.text  # the same network
        assert open_network(TeacherDistillation(file=file, network="scnn"), SIZE).name == "enet_sad"
    assert "the teacher is enet_sad, not scnn" in caplog.text
    released = tmp_path / "net.pth"
    torch.save({"net": _net(1).state_dict()}, released)
    with pytest.raises(ModelError, match=r"net\.pth: expected an SCNN checkpoint"):  # nothing is loaded in part
        open_network(TeacherDistillation(file=str(released), network="scnn"), SIZE)
    state = _net(1).state_dict()
    state.pop("output.weight")
    torch.save({"net": state}, released)
    with pytest.raises(ModelError, match=r"net\.pth: "):
        open_network(TeacherDistillation(file=str(released), network="enet_sad"), SIZE)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"file": ""}, "name them with --teacher FILE"),
        ({"file": "nowhere"}, "nowhere: expected the weights of a teacher, found none"),
        ({"network": "enet_sat"}, "teacher.network: unknown network 'enet_sat': did you mean 'enet_sad'"),
        ({"terms": (TeacherTerm("lines"),)}, "teacher.terms: lines: unknown tap of the student 'line'"),
        (
            {"terms": (replace(ATTENTION, teacher=("encoder2", "encodr3")),)},
            "unknown tap of teacher enet_sad 'encodr3': did you mean 'encoder3'",
        ),
        ({"terms": (replace(RESPONSE, student=("lane",)),)}, "unknown output of the student 'lane'"),
        (
            {"terms": (replace(FEATURES, teacher=("encoder1",)),)},
            "features: expected alike shapes, got 128x7x16 of the student's encoder4 and 64x14x32 of the teacher's",
        ),
        ({"size": (256, 112)}, "the existence branch was trained for another input size"),
    ],
)
def test_what_cannot_teach_is_told_before_training(changes: dict[str, Any], says: str, file: str) -> None:
    settings = replace(TeacherDistillation(file=file, terms=(FEATURES,)), **changes)
    with pytest.raises(ModelError) as caught:
        Teacher.open(settings, _net(2))
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_exported_network_teaches_by_its_scenes_and_outputs() -> None:
    file, student, images = str(find_model("default")), _net(2), _images(3)
    teacher = Teacher.open(TeacherDistillation(file=file, terms=(SCENE, RESPONSE)), student)
    lesson, _ = teacher.lesson(images)
    assert [scene.size for scene in lesson.scenes] == [SIZE] * 3
    assert lesson.outputs["lanes"].shape == (3, 5, 224, 512)
    outputs, _ = _pass(student, (), images)
    assert list(teacher.terms(lesson, outputs, {}, 0)) == ["teacher_scene", "teacher_response"]
    for changes, says in (
        ({"terms": (ATTENTION,)}, "attention: expected a teacher with features, got the exported network"),
        ({"size": SIZE}, r"expected teacher.size \[512, 224\] or null, got \[128, 56\]"),
    ):
        with pytest.raises(ModelError, match=says):
            Teacher.open(replace(teacher.settings, **changes), student)


def test_clrkdnet_learns_from_clrnet(tmp_path: Path) -> None:
    size = (160, 64)
    torch.manual_seed(0)
    big, student = MODELS["clrnet_r18"](size=size), MODELS["clrkdnet_r18"](size=size)
    file = str(checkpoints.save(big, tmp_path / "big.safetensors", network="clrnet_r18"))
    teacher = Teacher.open(TeacherDistillation(file=file, terms=(*CLRKD_TERMS, SCENE)), student)
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, 3, 64, 160), dtype=np.uint8))
    lesson, _ = teacher.lesson(images)
    with tapped(student.train(), teacher.taps) as features:
        outputs = student(images.float() / 255)
    terms = teacher.terms(lesson, outputs, features, 0)
    assert list(terms) == ["teacher_attention", "teacher_features", "teacher_lines", "teacher_scene"]
    terms["teacher_lines"].backward()  # type: ignore[no-untyped-call]
    learnt = [name for name, p in student.named_parameters() if p.grad is not None and float(p.grad.abs().max()) > 0]
    assert learnt == ["table"]  # the lines that its own stage begins with
    with pytest.raises(ModelError, match="response: expected class logits, got priors of shape 192x78"):
        Teacher.open(TeacherDistillation(file=file, terms=(TeacherTerm("response", student=("priors",)),)), student)
