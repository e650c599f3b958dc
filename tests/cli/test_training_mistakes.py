"""What users get wrong when they train: one line, exit code 1, and nothing half written."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import painted_splits
import pytest
import torch

from lanelight.cli import main
from lanelight.models import checkpoints
from lanelight.models.enet_sad import EnetSad

Refuses = Callable[..., None]


@pytest.fixture
def refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Refuses:
    """Return a check that `lanelight train` with some words ends with a line that says something, and no folder."""

    def check(*words: str, says: str) -> None:
        out = tmp_path / "runs" / "mine"
        before = sorted(tmp_path.rglob("*"))
        assert main(["train", *words, "--out", str(out)]) == 1
        told = capsys.readouterr().err
        assert told.startswith("error: ")
        assert told.count("\n") == 1, told
        assert says in told
        assert sorted(tmp_path.rglob("*")) == before

    return check


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return painted_splits.write("culane", tmp_path / "data")


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("optimm.lr=1", "did you mean 'optim'"),
        ("optim.momentumm=1", "did you mean 'momentum'"),
        ("distillation.start=3", "did you mean 'start_step'"),
        ("distillation.power=0.5", "distillation.power: expected at least 1, got 0.5"),
        ("distillation.function=median", "distillation"),
        ("augment=enet_sad_culan", "did you mean 'enet_sad_culane'"),
        ("parts.chanels=1", "did you mean 'channels'"),
        ("parts.channels=3", "expected 5 channels (four slots) or 1 (lane or not), got 3"),
        ("network=enet_sat", "did you mean 'enet_sad'"),
        ('distillation.pairs=[["encoder2", "encoder5"]]', "distillation.pairs: unknown tap of enet_sad 'encoder5'"),
    ],
)
def test_a_wrong_key_or_value_of_a_recipe(setting: str, says: str, root: Path, refuses: Refuses) -> None:
    refuses("enet_sad_culane", "--set", f"data.root={root}", "--set", setting, says=says)


def test_a_missing_root_of_the_data(tmp_path: Path, refuses: Refuses) -> None:
    missing = str(tmp_path / "CULane")
    refuses(
        "enet_sad_culane",
        "--set",
        f"data.root={missing}",
        says="found none; name yours, for example --set data.root=DIR",
    )
    refuses("enet_sad_culane", "--set", f"data.root={missing}", says=missing)


@pytest.mark.parametrize(
    ("kind", "train", "val"),
    [
        ("culane", "list/train.txt", "list/val.txt"),
        ("tusimple", "label_data_0313.json", "label_data_0531.json"),
        ("bdd100k", "list/train_gt_bdd.txt", "list/val_gt_bdd.txt"),
    ],
)
def test_a_data_set_without_the_split(kind: str, train: str, val: str, tmp_path: Path, refuses: Refuses) -> None:
    root = painted_splits.write(kind, tmp_path / "data")
    words = [f"enet_{kind}", "--set", f"data.root={root}"]
    for missing in (val, train):
        (root / missing).unlink()
        # CULane has two names for each list, the first of which is what it asks for.
        refuses(*words, says=missing.replace(".txt", "_gt.txt") if kind == "culane" else missing)
    refuses(*words, "--set", "data.0.split=trian", says="'trian'")


def test_a_split_that_weights_may_not_be_chosen_on(root: Path, refuses: Refuses) -> None:
    words = ["enet_culane", "--set", f"data.root={root}", "--set"]
    refuses(*words, "validation.split=test", says="expected a validation split")
    refuses(*words, "validation.split=train", says="expected validation frames that are not trained on")


def test_masks_do_not_teach_a_network_with_slots(tmp_path: Path, refuses: Refuses) -> None:
    root = painted_splits.write("bdd100k", tmp_path / "data")
    refuses("enet_bdd100k", "--set", f"data.root={root}", "--set", "parts={}", says="--set parts.channels=1")


def test_weights_of_another_network_to_start_from(tmp_path: Path, root: Path, refuses: Refuses) -> None:
    other = tmp_path / "other.pth"
    torch.save({"state_dict": torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3)).state_dict()}, other)
    words = ["enet_culane", "--set", f"data.root={root}", "--init"]
    refuses(*words, str(other), says=f"{other}: expected an ENet-SAD checkpoint")
    refuses(*words, str(tmp_path / "none.safetensors"), says="none.safetensors: expected a checkpoint file, found none")
    damaged = checkpoints.save(EnetSad((128, 72)), tmp_path / "cut.safetensors", network="enet_sad")
    damaged.write_bytes(damaged.read_bytes()[:5000])
    refuses(*words, str(damaged), says="cut.safetensors: not a readable checkpoint")


def test_a_missing_torch_is_named_by_the_verb_that_needs_it() -> None:
    code = (
        "import sys\n"
        "sys.modules['torch'] = None\n"
        "from lanelight.cli import main\n"
        "assert main(['recipes']) == 0\n"
        "sys.exit(main(['recipes', 'enet_sad_culane']))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "enet_sad_culane" in done.stdout
    assert done.stderr == "error: lanelight recipes needs torch: pip install 'lanelight[train]'\n"
