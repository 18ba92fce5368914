"""Unpack Label Studio's brush labels: run lengths of bits, as the package @thi.ng/rle-pack writes them. Torch-free.

A header of 32 bits says how many words there are, 5 how many bits a word has (minus 1), and four times 4 how many bits
each kind of length has (minus 1). Then follow a bit, two bits that name the kind of length, and the length minus 1:
after a bit 1 one word that is repeated, after a bit 0 so many words. The words are the four channels of each pixel.

Source: https://github.com/thi-ng/umbrella/tree/develop/packages/rle-pack
"""

import numpy as np
from numpy.typing import NDArray

_CHANNELS = 4
_OPACITY = 3  # the channel that says what is painted


def unpack_brush(packed: list[int], height: int, width: int) -> NDArray[np.bool_]:
    """Unpack a brush label.

    Args:
        packed: bytes.
        height: of the image.
        width: of the image.

    Returns:
        (height, width): the painted pixels.

    Raises:
        ValueError: if it is malformed, or of an image of another size.
    """
    bits = _Bits(packed)
    n_words, n_bits = bits.read(32), bits.read(5) + 1
    if n_words != height * width * _CHANNELS:
        raise ValueError(f"its run lengths hold {n_words} values; expected {_CHANNELS} for {width}x{height} pixels")
    length_bits = [bits.read(4) + 1 for _ in range(4)]
    words = np.zeros(n_words, np.bool_)
    done = 0
    while done < n_words:
        is_run, length = bits.read(1), bits.read(length_bits[bits.read(2)]) + 1
        if done + length > n_words:
            raise ValueError("its run lengths hold more values than they announce")
        words[done : done + length] = bits.read(n_bits) > 0 if is_run else bits.read_words(length, n_bits)
        done += length
    return words.reshape(height, width, _CHANNELS)[..., _OPACITY]


class _Bits:
    """Numbers of bits, the highest one first."""

    def __init__(self, packed: list[int]) -> None:
        if not isinstance(packed, list) or not all(type(each) is int and 0 <= each <= 255 for each in packed):
            raise ValueError("its run lengths are not a list of bytes")
        self._bytes = bytes(packed)
        self._at = 0

    def read(self, n_bits: int) -> int:
        """Read a number of up to 32 bits."""
        begin, self._at = self._at, self._at + n_bits
        self._require()
        last = -(-self._at // 8)
        number = int.from_bytes(self._bytes[begin // 8 : last])
        return (number >> (8 * last - self._at)) & ((1 << n_bits) - 1)

    def read_words(self, count: int, n_bits: int) -> NDArray[np.bool_]:
        """Read numbers of a few bits: whether each is more than 0."""
        begin, self._at = self._at, self._at + count * n_bits
        self._require()
        part = np.frombuffer(self._bytes[begin // 8 : -(-self._at // 8)], np.uint8)
        bits = np.unpackbits(part)[begin % 8 :][: count * n_bits]
        return np.asarray(bits.reshape(count, n_bits).any(axis=1), np.bool_)

    def _require(self) -> None:
        if self._at > 8 * len(self._bytes):
            raise ValueError("its run lengths end too early")
