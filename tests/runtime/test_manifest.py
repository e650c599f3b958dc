"""Manifests: they come back as saved, and every kind of wrong one says what to do."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import fake_network
import pytest

from lanelight import __version__
from lanelight.decode import (
    DECODERS,
    BenchmarkMaskDecoder,
    BenchmarkPriorDecoder,
    ClassDecoder,
    Decoder,
    EmbeddingDecoder,
    EndToEndClasses,
    EndToEndLanes,
    LaneAreaDecoder,
    MaskDecoder,
    PriorDecoder,
    decoder_from_dict,
)
from lanelight.errors import ModelError
from lanelight.geometry import InputSizes
from lanelight.runtime import Manifest, find_model
from lanelight.runtime.manifest import found_by
from lanelight.runtime.predictor import SCORE_FIELDS, decoder_of

EXAMPLES: tuple[Decoder, ...] = (
    MaskDecoder(row_step=2),
    BenchmarkMaskDecoder("tusimple"),
    LaneAreaDecoder(0.3),
    PriorDecoder(nms_px=24.0, max_lanes=5),
    BenchmarkPriorDecoder.of("llamas"),
    ClassDecoder(("road", "other")),
    EmbeddingDecoder(radius=0.6),
    EndToEndLanes(score_threshold=0.2),
    EndToEndClasses(("road", "other")),
)
SLOTTED = (MaskDecoder, BenchmarkMaskDecoder, PriorDecoder, EmbeddingDecoder, EndToEndLanes)
decoders = pytest.mark.parametrize("decoder", EXAMPLES, ids=lambda decoder: decoder.to_dict()["kind"])


def changed(model: Path, **values: Any) -> None:
    """Overwrite entries of the manifest beside a model; None removes one."""
    path = model.with_suffix(".json")
    entry = json.loads(path.read_text()) | values
    path.write_text(json.dumps({key: value for key, value in entry.items() if value is not None}))


def test_a_manifest_comes_back_as_saved(tmp_path: Path) -> None:
    model = fake_network.write_model(tmp_path)
    manifest = Manifest.load(model)
    plain = fake_network.manifest()
    assert (manifest.viewport, manifest.decoder, manifest.outputs) == (plain.viewport, plain.decoder, plain.outputs)
    assert (manifest.name, manifest.slots, manifest.licence) == ("markers", 4, "Apache-2.0")
    assert manifest.lanelight == __version__
    assert len(manifest.sha256) == 64
    assert json.loads((tmp_path / "markers.json").read_text())["format"] == "lanelight-model/1"


def test_there_is_an_example_of_every_decoder() -> None:
    assert {type(decoder) for decoder in EXAMPLES} == set(DECODERS.values())


@decoders
def test_a_decoder_comes_back_from_a_manifest(tmp_path: Path, decoder: Decoder) -> None:
    model = fake_network.write_model(tmp_path)
    replace(fake_network.manifest(), decoder=decoder.to_dict(), **found_by(decoder)).save(model)
    assert decoder_from_dict(Manifest.load(model).decoder) == decoder


@decoders
def test_a_manifest_says_how_many_slots_its_decoder_fills(decoder: Decoder) -> None:
    manifest = replace(fake_network.manifest(), **found_by(decoder))
    fills_slots = isinstance(decoder, SLOTTED)
    assert manifest.slots == (4 if fills_slots else 0)
    assert bool(manifest.classes) == isinstance(decoder, LaneAreaDecoder | ClassDecoder | EndToEndClasses)


@decoders
def test_a_score_replaces_the_threshold_of_lanes_alone(decoder: Decoder) -> None:
    entry = decoder.to_dict()
    manifest = replace(fake_network.manifest(), decoder=entry)
    assert decoder_of(manifest) == decoder
    if isinstance(decoder, LaneAreaDecoder | ClassDecoder | EndToEndClasses):
        with pytest.raises(ModelError, match="expected a network that finds single lanes, got model 'markers'"):
            decoder_of(manifest, 0.7)
    else:
        assert decoder_of(manifest, 0.7).to_dict() == {**entry, SCORE_FIELDS[entry["kind"]]: 0.7}


def test_allowed_sizes_come_back_and_absurd_ones_are_refused(tmp_path: Path) -> None:
    model = fake_network.write_model(tmp_path)
    replace(fake_network.manifest(), sizes=InputSizes(32, 64)).save(model)
    manifest = Manifest.load(model)
    assert manifest.sizes == InputSizes(32, 64)
    other = manifest.at_size((512, 96))
    assert other.viewport == replace(manifest.viewport, target=(512, 96))
    with pytest.raises(ModelError, match="model 'markers': expected a size in multiples of 32, at least 64x64"):
        manifest.at_size((512, 100))
    for sizes, says in (
        ({"multiple": 0, "least": 0}, "sizes of input"),
        ({"multiple": 48, "least": 48}, "expected a size in multiples of 48, at least 48x48, got 256x128"),
        ({"multiple": 8}, "expected a manifest with"),
        ("all", "expected a manifest with"),
    ):
        changed(model, sizes=sizes)
        with pytest.raises(ModelError, match=says):
            Manifest.load(model)


def test_a_newer_version_asks_for_an_upgrade(tmp_path: Path) -> None:
    model = fake_network.write_model(tmp_path)
    changed(model, format="lanelight-model/2")
    with pytest.raises(ModelError, match=r"lanelight-model/2.*upgrade lanelight"):
        Manifest.load(model)


def test_an_entry_that_this_version_does_not_know_is_no_obstacle(tmp_path: Path) -> None:
    model = fake_network.write_model(tmp_path)
    changed(model, remark="made on a Sunday")
    assert Manifest.load(model).name == "markers"


def test_an_unknown_preprocess_step_or_backend_is_named(tmp_path: Path) -> None:
    model = fake_network.write_model(tmp_path)
    changed(model, preprocess=[{"kind": "dehaze"}])
    with pytest.raises(ModelError, match="unknown preprocess step 'dehaze'"):
        Manifest.load(model)
    changed(model, preprocess=[], backend="abacus")
    with pytest.raises(ModelError, match="abacus"):
        Manifest.load(model)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"format": None}, 'expected a manifest with "format"'),
        ({"viewport": None}, "viewport"),
        ({"outputs": None}, "outputs"),
        ({"sha256": None}, "sha256"),
        ({"viewport": {"target": [1]}}, "viewport policy"),
    ],
)
def test_a_damaged_manifest_names_what_is_wrong(tmp_path: Path, values: dict[str, Any], told: str) -> None:
    model = fake_network.write_model(tmp_path)
    changed(model, **values)
    with pytest.raises(ModelError, match=told):
        Manifest.load(model)


def test_no_manifest_or_one_that_is_no_json_is_an_error(tmp_path: Path) -> None:
    model = fake_network.write_model(tmp_path)
    model.with_suffix(".json").write_text("{")
    with pytest.raises(ModelError, match="expected a JSON manifest"):
        Manifest.load(model)
    model.with_suffix(".json").unlink()
    with pytest.raises(ModelError, match=r"expected its manifest markers\.json beside it"):
        Manifest.load(model)


def test_a_changed_byte_in_the_model_file_is_found(tmp_path: Path) -> None:
    model = fake_network.write_model(tmp_path)
    data = bytearray(model.read_bytes())
    data[len(data) // 2] ^= 1
    model.write_bytes(bytes(data))
    with pytest.raises(ModelError, match="corrupted"):
        Manifest.load(model)


def test_a_model_is_found_by_its_file_or_its_manifest(tmp_path: Path) -> None:
    model = fake_network.write_model(tmp_path)
    assert find_model(model) == model
    assert find_model(str(model)) == model
    assert find_model(tmp_path / "markers.json") == model


def test_a_misspelt_name_suggests_the_nearest_one() -> None:
    with pytest.raises(ModelError, match="unknown model 'defualt': did you mean 'default'"):
        find_model("defualt")


def test_a_missing_file_or_a_checkpoint_is_no_exported_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such model file"):
        find_model(tmp_path / "missing.onnx")
    (tmp_path / "net.pth").write_bytes(b"")
    with pytest.raises(ModelError, match="lanelight export"):
        find_model(tmp_path / "net.pth")
