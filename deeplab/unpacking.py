"""Whether packed bytes unpack to as much as they should, found out in little memory. Torch-free."""

import lzma
import zlib
from collections.abc import Callable, Mapping
from typing import Protocol

_STEP = 2**20  # bytes that are unpacked at a time


class _Unpacker(Protocol):
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class _Deflated:
    """zlib's unpacker with the interface of that of lzma, which keeps what it has not come to."""

    def __init__(self) -> None:
        self._unpacker = zlib.decompressobj()

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        return self._unpacker.decompress(self._unpacker.unconsumed_tail + data, max_length)


UNPACKERS: Mapping[str, Callable[[], _Unpacker]] = {"deflate": _Deflated, "lzma": lzma.LZMADecompressor}


def require_at_most(packed: bytes, kind: str, most: int) -> None:
    """Refuse what unpacks to more than it may: a thousandth of that can be enough to fill a machine's memory.

    Args:
        packed: bytes.
        kind: one of UNPACKERS.
        most: bytes.

    Raises:
        ValueError: if there are more.
    """
    unpacker, n_bytes = UNPACKERS[kind](), 0
    try:
        while part := unpacker.decompress(packed, _STEP):
            packed, n_bytes = b"", n_bytes + len(part)
            if n_bytes > most:
                raise ValueError(
                    f"its data, packed by {kind}, unpack to more than the {most:,} bytes that belong there"
                )
    except (zlib.error, lzma.LZMAError, EOFError):  # whoever unpacks it to use it says what is wrong
        return
