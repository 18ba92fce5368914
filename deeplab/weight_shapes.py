"""The names and shapes of the tensors in a file of weights, without loading them. Torch-free.

A pickle is read by an unpickler that makes nothing but dictionaries, lists and shapes, whatever the file asks for.
"""

import json
import pickle
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from deeplab.weight_files import is_safetensors

_LARGEST_PICKLE = 64_000_000  # bytes of names and shapes; the numbers of the tensors lie beside them
_DEEPEST = 4  # dictionaries in each other

Shape = tuple[int, ...]


def read_shapes(path: Path) -> dict[str, Shape]:
    """Read names and shapes; of a dictionary within a dictionary as "model.layer1.weight".

    Returns:
        Nothing for a file of another kind, of PyTorch's old format, or one that cannot be understood: those who load it
        say what is wrong with it.

    Raises:
        OSError: if the file cannot be read.
    """
    if is_safetensors(path):
        return _of_safetensors(path)
    if not zipfile.is_zipfile(path):
        return {}
    try:
        with zipfile.ZipFile(path) as archive:
            names = [each for each in archive.infolist() if each.filename.rpartition("/")[2] == "data.pkl"]
            if len(names) != 1 or names[0].file_size > _LARGEST_PICKLE:
                return {}
            with archive.open(names[0]) as pickled:
                return dict(_flatten(_ShapeUnpickler(pickled).load(), "", _DEEPEST))
    except Exception:  # half a file, or a pickle made to be strange: unpicklers raise nearly anything
        return {}


def _of_safetensors(path: Path) -> dict[str, Shape]:
    with path.open("rb") as file:
        (n_bytes,) = struct.unpack("<Q", file.read(8))
        try:
            header = json.loads(file.read(n_bytes)) if n_bytes <= _LARGEST_PICKLE else {}
        except ValueError:
            return {}
    entries = header.items() if isinstance(header, dict) else ()
    return {name: tuple(each["shape"]) for name, each in entries if isinstance(each, dict) and "shape" in each}


def _flatten(content: object, prefix: str, levels: int) -> Iterator[tuple[str, Shape]]:
    if not isinstance(content, Mapping) or not levels:
        return
    for name, value in content.items():
        if isinstance(value, _Tensor):
            yield f"{prefix}{name}", value.shape
        elif isinstance(name, str):
            yield from _flatten(value, f"{prefix}{name}.", levels - 1)


class _Tensor:
    """What a tensor becomes."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape


class _Dictionary(dict[Any, Any]):
    """What a dictionary with attributes becomes, as state dicts are."""


class _Nothing:
    """What everything else becomes that a pickle makes: it takes whatever it is given, and keeps none of it."""

    def __init__(self, *_arguments: object, **_keywords: object) -> None:
        pass

    def __call__(self, *_arguments: object) -> "_Nothing":
        return self

    def __setstate__(self, _state: object) -> None:
        pass


class _ShapeUnpickler(pickle.Unpickler):
    """Calls nothing that a file names."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file)

    def find_class(self, module: str, name: str, /) -> Any:
        """Give stand-ins for what PyTorch's files name."""
        return _STAND_INS.get((module, name), _Nothing)

    def persistent_load(self, _pid: Any, /) -> None:
        """Storages: the numbers are not looked at."""
        return


def _rebuild(_storage: object, _offset: object, shape: Shape, *_rest: object) -> _Tensor:
    return _Tensor(tuple(shape))


def _keep(tensor: object, *_rest: object) -> object:
    return tensor


_STAND_INS: dict[tuple[str, str], Callable[..., Any]] = {
    ("collections", "OrderedDict"): _Dictionary,
    ("torch._utils", "_rebuild_tensor"): _rebuild,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild,
    ("torch._utils", "_rebuild_parameter"): _keep,
}
