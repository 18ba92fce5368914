"""Files of an export, before they are written: where, and what they hold."""

import io
import json
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deeplab import remote

_CHUNK = 2**18  # bytes
_IN_MEMORY = 2**20  # bytes of what is put aside; more goes to a file


@dataclass(frozen=True)
class Member:
    """One file of an export."""

    name: str  # `/` between the parts; may contain surrogate escapes
    content: Iterable[bytes]  # is read once, when the file is written
    is_text: bool = False  # worth compressing


def text(name: str, content: str) -> Member:
    """A text file."""
    return Member(name, [content.encode("utf-8", "surrogateescape")], is_text=True)


def copy_of(name: str, path: Path) -> Member:
    """A file as it is."""

    def read() -> Iterator[bytes]:
        with remote.fetch(path).open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk

    return Member(name, read())


def as_png(image: Image.Image) -> bytes:
    """Encode an image as PNG."""
    file = io.BytesIO()
    image.save(file, format="PNG")
    return file.getvalue()


def coloured(label_map: NDArray[np.uint8], colours: NDArray[np.uint8]) -> bytes:
    """Encode a label map as a PNG of colours: (H, W) indices, (256, 3) RGB by index."""
    return as_png(Image.fromarray(colours[label_map]))


def as_json(value: Any) -> bytes:
    """Encode a value as JSON in one line."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True).encode()


def listed(items: Iterable[bytes]) -> Iterator[bytes]:
    """The items as a JSON array, one a line."""
    yield b"["
    for place, item in enumerate(items):
        yield (b",\n" if place else b"\n") + item
    yield b"\n]"


class Aside:
    """Lines that are put aside while others are written, in a file if they are many."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115  (closed by __exit__)

    def add(self, line: bytes) -> None:
        """Put a line aside."""
        self._file.write(line + b"\n")

    def lines(self) -> Iterator[bytes]:
        """Yield the lines again, in order."""
        self._file.seek(0)
        for line in self._file:
            yield line.rstrip(b"\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()
