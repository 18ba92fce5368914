"""PNG files that are read from top to bottom, in memory that does not grow with their height. Torch-free.

Pillow decodes a PNG as a whole. So a strip of rows is made a small PNG of its own, and Pillow decodes that: it knows
what all the kinds of pixels mean. The rows of a PNG are written as differences from those above them, so each strip
begins with the row before it.
"""

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from deeplab.images.decoding import require_file

_MAGIC = b"\x89PNG\r\n\x1a\n"
_BANDS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by the kind of colour
_COLOURS = (b"PLTE", b"tRNS")  # which say what the numbers of pixels mean
_LARGEST_COLOURS = 768  # bytes
_METADATA = (b"eXIf", b"tEXt", b"zTXt", b"iTXt")  # which may say how an image is turned
_LARGEST_METADATA = 2**20  # bytes; Pillow refuses longer texts
_ROWS = 64  # that are decoded at a time
_READ = 2**16  # bytes of compressed pixels that are read at a time


@dataclass(frozen=True)
class _Header:
    width: int
    height: int
    depth: int  # bits of a number
    colour: int  # the kind of colour: 0 grey, 2 RGB, 3 palette, 4 grey with opacity, 6 RGB with opacity
    interlace: int

    @property
    def row_bytes(self) -> int:
        """Bytes of a row of pixels, without the byte before it that names its filter."""
        return (self.width * self.depth * _BANDS[self.colour] + 7) // 8

    def chunk(self, height: int) -> bytes:
        """The header of an image of the same kind that has another height."""
        return _chunk(b"IHDR", struct.pack(">IIBBBBB", self.width, height, self.depth, self.colour, 0, 0, 0))


class PngStrips:
    """The rows of a PNG, from top to bottom.

    Args:
        path: of a file that `can_read` finds fit for it.

    Raises:
        ValueError: if it is no PNG.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with require_file(path).open("rb") as file:
            self._header = _read_header(file)
            self._colours = [
                _chunk(kind, file.read(n)) for kind, n in _chunks(file) if kind in _COLOURS and n <= _LARGEST_COLOURS
            ]
        self._rewind()

    @staticmethod
    def can_read(path: Path) -> bool:
        """Whether a PNG can be read so: it has up to 8 bits and is not interlaced. Raises ValueError if it is none."""
        with require_file(path).open("rb") as file:
            header = _read_header(file)
        return header.depth <= 8 and not header.interlace

    @property
    def height(self) -> int:
        """Rows of pixels."""
        return self._header.height

    @property
    def width(self) -> int:
        """Columns of pixels."""
        return self._header.width

    def read(self, top: int, n_rows: int) -> Iterator[Image.Image]:
        """Decode rows, few at a time; what lies above the last ones that were read is decoded again from the top.

        Raises:
            ValueError: if the file is damaged or cut off.
        """
        if top < self._next:
            self._rewind()
        while self._next < top:
            self._decode(min(_ROWS, top - self._next))
        while self._next < top + n_rows:
            yield self._decode(min(_ROWS, top + n_rows - self._next))

    def _rewind(self) -> None:
        self._pixels = _inflate(self._path)
        self._rest = b""  # of what was unpacked
        self._above = bytes(self._header.row_bytes)  # the row before the next one
        self._next = 0

    def _decode(self, n_rows: int) -> Image.Image:
        header = self._header
        filtered = b"\0" + self._above + self._take(n_rows * (1 + header.row_bytes))
        image = _open(header.chunk(n_rows + 1), *self._colours, _pixels(filtered))
        plain = image if header.depth == 8 else self._as_bytes(filtered, n_rows + 1)
        self._above = plain.crop((0, n_rows, plain.width, n_rows + 1)).tobytes()
        self._next += n_rows
        return image.crop((0, 1, header.width, n_rows + 1))

    def _take(self, n_bytes: int) -> bytes:
        parts, missing = [self._rest], n_bytes - len(self._rest)
        while missing > 0:
            part = next(self._pixels, None)
            if part is None:
                raise ValueError("the file is truncated")
            parts.append(part)
            missing -= len(part)
        unpacked = b"".join(parts)
        self._rest = unpacked[n_bytes:]
        return unpacked[:n_bytes]

    def _as_bytes(self, filtered: bytes, n_rows: int) -> Image.Image:
        """Rows as they are stored, without their filters: these know bytes alone, in which several pixels may lie."""
        return _open(_Header(self._header.row_bytes, 0, 8, 0, 0).chunk(n_rows), _pixels(filtered))


def is_png(path: Path) -> bool:
    """Whether a file begins as a PNG does. Raises OSError if it cannot be read."""
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def require_intact(path: Path) -> None:
    """Refuse a PNG whose pixels are not those that were written: Pillow does not look at their checksums.

    Raises:
        ValueError: if a checksum is wrong, or it is not a PNG.
    """
    with require_file(path).open("rb") as file:
        _read_header(file)
        for kind, n_left in _chunks(file):
            checksum = zlib.crc32(kind)
            while kind == b"IDAT" and n_left and (part := file.read(min(n_left, _READ))):
                checksum = zlib.crc32(part, checksum)
                n_left -= len(part)
            # Of a file that is cut off, Pillow says whether pixels are missing.
            if kind == b"IDAT" and len(stored := file.read(4)) == 4 and int.from_bytes(stored) != checksum:
                raise ValueError("its checksum is wrong; the file is damaged")


def png_metadata(path: Path) -> Image.Image:
    """An image of one pixel that says of itself what a PNG says: Pillow would decode the whole for that.

    Raises:
        ValueError: if it is not a PNG.
    """
    with require_file(path).open("rb") as file:
        _read_header(file)
        kept = [_chunk(kind, file.read(n)) for kind, n in _chunks(file) if kind in _METADATA and n <= _LARGEST_METADATA]
    return _open(_Header(1, 1, 8, 0, 0).chunk(1), *kept, _pixels(b"\0\0"))


def _read_header(file: BinaryIO) -> _Header:
    head = file.read(len(_MAGIC) + 8 + 13 + 4)
    if len(head) < 33 or head[: len(_MAGIC)] != _MAGIC or head[12:16] != b"IHDR":
        raise ValueError("it is not a PNG")
    width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", head[16:29])
    if not width or not height or colour not in _BANDS:
        raise ValueError("its header is damaged")
    return _Header(width, height, depth, colour, interlace)


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Kind and length of each further chunk; its content may be read from the file before the next one is asked for."""
    place = file.tell()
    while len(head := file.read(8)) == 8 and head[4:] != b"IEND":
        n_bytes = int.from_bytes(head[:4])
        yield head[4:], n_bytes
        place += 8 + n_bytes + 4
        file.seek(place)


def _inflate(path: Path) -> Iterator[bytes]:
    """The unpacked pixels, in pieces."""
    unpack = zlib.decompressobj()
    with path.open("rb") as file:
        _read_header(file)
        for kind, n_left in _chunks(file):
            while kind == b"IDAT" and n_left and (packed := file.read(min(n_left, _READ))):
                n_left -= len(packed)
                while packed:  # a piece of one colour grows a thousandfold
                    yield unpack.decompress(packed, 16 * _READ)
                    packed = unpack.unconsumed_tail


def _open(*chunks: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(_MAGIC + b"".join(chunks) + _chunk(b"IEND", b"")), formats=("PNG",))
    image.load()
    return image


def _pixels(filtered: bytes) -> bytes:
    return _chunk(b"IDAT", zlib.compress(filtered, 0))


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
