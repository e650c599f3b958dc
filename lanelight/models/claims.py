"""What a foreign checkpoint asks for, looked through before anything of it is opened.

``torch.load(weights_only=True)`` runs nothing of a file, but it believes the sizes that the file claims: a few hundred
bytes can ask for terabytes. Here the pickle is gone through with nothing behind its names, its storages are added up,
and a file that claims more than it holds is refused.
"""

from __future__ import annotations

import mmap
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from torch import Tensor, strided

from lanelight.errors import ModelError

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001  # what files begin with that torch wrote before 1.6
BEFORE, BEHIND = 3, 1  # pickles in such a file around that of the tensors, all of plain values
# bytes of a value by the name of its storage; an untyped one counts bytes
STORAGES = {
    "BoolStorage": 1, "ByteStorage": 1, "CharStorage": 1, "UntypedStorage": 1,
    "ShortStorage": 2, "HalfStorage": 2, "BFloat16Storage": 2,
    "IntStorage": 4, "FloatStorage": 4, "LongStorage": 8, "DoubleStorage": 8,
}  # fmt: skip
# Of the names that torch allows in a pickle those that tensors and counters need: `bytearray` can claim any size.
HARMLESS = {
    ("torch._utils", "_rebuild_tensor"),
    ("torch._utils", "_rebuild_tensor_v2"),
    ("torch._utils", "_rebuild_parameter"),
    ("torch", "Size"),
    ("torch", "device"),
    ("_codecs", "encode"),
    ("collections", "Counter"),
    ("collections", "defaultdict"),
    *(("torch", name) for name in ("float16", "bfloat16", "float32", "float64", "int32", "int64", "uint8", "bool")),
}


def check_claims(path: Path) -> None:
    """Make sure that a file of torch holds what it claims, and nothing but tensors and plain values.

    Args:
        path: of the file; nothing in it is called.

    Raises:
        ModelError: it holds other objects, is packed, or claims more than it holds.
        Exception: it is damaged; the pickle and zip modules raise many types.
    """
    with path.open("rb") as file:
        if zipfile.is_zipfile(file):
            _check_archive(path, file)
        else:
            _check_old(path, file)


def check_stored(path: Path, name: str, tensor: Tensor) -> None:
    """Make sure that a tensor is no more than what is stored of it.

    Raises:
        ModelError: it is on no processor, sparse, or repeats the same values over and over.
    """
    if tensor.layout is not strided or tensor.device.type != "cpu":
        raise ModelError(f"{path}: expected dense tensors, got {name} as {tensor.layout} on {tensor.device}")
    if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        raise ModelError(
            f"{path}: {name} claims {tensor.numel()} values of {tuple(tensor.shape)} and stores fewer; the file is "
            "damaged or hostile; fetch it again from its authors"
        )


def _check_archive(path: Path, file: BinaryIO) -> None:
    size = path.stat().st_size
    with zipfile.ZipFile(file) as archive:
        records = {entry.filename: entry.file_size for entry in archive.infolist()}
        root = next(iter(records), "").partition("/")[0]
        if len(records) < len(archive.infolist()) or f"{root}/data.pkl" not in records:
            raise ModelError(f"{path}: expected an archive that torch.save wrote, got a zip file of something else")
        packed = [entry.filename for entry in archive.infolist() if entry.compress_type != zipfile.ZIP_STORED]
        held = sum(records.values())  # entries that lie on one another count more than once
        if packed or held > size:
            what = f"packed entries ({packed[0]})" if packed else "entries on one another"
            raise ModelError(
                f"{path}: expected entries stored one after another, as torch.save writes them, got {what}, "
                f"{held} bytes out of {size}; re-save its state_dict with torch.save"
            )
        with archive.open(f"{root}/data.pkl") as stream:
            survey = _Survey(stream, path)
            survey.load()
    for key, claimed in survey.claims.items():
        stored = records.get(f"{root}/data/{key}", 0)
        if claimed > stored:
            _refuse(path, f"storage {key} claims {claimed} bytes", stored)


def _check_old(path: Path, file: BinaryIO) -> None:
    size = path.stat().st_size
    if not size:
        raise ModelError(f"{path}: expected a checkpoint, got an empty file")
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:  # unlike a file, reads no more than there is
        surveys = []
        for _ in range(BEFORE + 1 + BEHIND):
            surveys.append(_Survey(content, path))
            found = surveys[-1].load()
            if len(surveys) == 1 and found != MAGIC:
                raise ModelError(f"{path}: expected a checkpoint that torch.save wrote, got a pickle of something else")
            if len(surveys) == 2 and found != PROTOCOL:
                raise ModelError(f"{path}: expected a checkpoint of protocol {PROTOCOL}, got {found!r:.40}")
    claimed = sum(sum(survey.claims.values()) for survey in surveys)
    if claimed > size:
        _refuse(path, f"its storages claim {claimed} bytes", size)


def _refuse(path: Path, claim: str, held: int) -> NoReturn:
    raise ModelError(f"{path}: {claim}, and the file holds {held}; it is cut off or hostile; fetch it again")


class _Inert:
    """What every harmless name stands for: it takes anything and does nothing."""

    def __new__(cls, *_values: Any, **_named: Any) -> _Inert:
        return object.__new__(cls)

    def __setstate__(self, state: Any) -> None:
        pass

    def __setitem__(self, key: Any, value: Any) -> None:
        pass


# The Python form: the C form believes the numbers that a file gives its memo, and sets aside room for so many.
class _Survey(pickle._Unpickler):
    """Go through a pickle with nothing behind its names, and note the storages it asks for.

    Attributes:
        claims: key of a storage -> bytes.
    """

    def __init__(self, file: Any, path: Path) -> None:
        super().__init__(file, encoding="utf-8")
        self.path = path
        self.claims: dict[str, int] = {}

    def find_class(self, module: str, name: str) -> Any:
        """Return what stands for a name; a storage is its size, so that it cannot be called."""
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if module in ("torch", "torch.storage") and name in STORAGES:
            return STORAGES[name]
        if (module, name) in HARMLESS:
            return _Inert
        raise ModelError(
            f"{self.path}: expected tensors only, got a pickle with other objects ({module}.{name}); "
            "re-save its state_dict with torch.save and try again"
        )

    def persistent_load(self, pid: Any) -> Any:
        """Note a storage: ("storage", its kind, key, place, number of values, view of another)."""
        match pid:
            case ("storage", int(bytes_each), str(key), str(), int(count), *view) if count >= 0 and len(view) <= 1:
                self.claims[key] = max(self.claims.get(key, 0), bytes_each * count)
                return _Inert()
        raise ModelError(f"{self.path}: expected storages of tensors as torch.save writes them, got {pid!r:.60}")
