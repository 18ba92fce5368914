"""The run lengths of Label Studio's brush labels: bits, as the package @thi.ng/rle-pack writes them.

A header of 32 bits says how many words there are, 5 how many bits a word has (minus 1), and four times 4 how many bits
each kind of length has (minus 1). Then follow runs: a bit 1, two bits that name the kind of length, the length minus 1,
and the word. Label Studio packs the four channels of an image, so that each pixel is four words.

Source: https://github.com/thi-ng/umbrella/tree/develop/packages/rle-pack
"""

import numpy as np
from numpy.typing import NDArray

_WORD_BITS = 8
_LENGTH_BITS = np.array([3, 4, 8, 16])
_LONGEST = 2**16
_CHANNELS = 4


def pack(inside: NDArray[np.bool_]) -> list[int]:
    """Pack the pixels of a brush label, (H, W): painted ones are 255, others 0.

    Returns:
        Bytes.
    """
    words = np.where(inside.ravel(), 255, 0)
    begins = np.flatnonzero(np.concatenate([[True], words[1:] != words[:-1]]))
    lengths = _CHANNELS * np.diff(np.append(begins, len(words)))
    lengths, values = _split(lengths, words[begins])
    kinds = np.searchsorted(2**_LENGTH_BITS, lengths)
    n_bits = _LENGTH_BITS[kinds]
    # 1, the kind in 2 bits, the length, the word
    runs = (((4 + kinds) << n_bits | (lengths - 1)) << _WORD_BITS) | values
    bits = np.concatenate([_header(_CHANNELS * len(words)), _bits(runs, 3 + n_bits + _WORD_BITS)])
    packed: list[int] = np.packbits(bits).tolist()
    return packed


def _split(lengths: NDArray[np.int64], values: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Split runs that are longer than a length can say."""
    times = -(-lengths // _LONGEST)
    is_last = np.zeros(times.sum(), np.bool_)
    is_last[np.cumsum(times) - 1] = True
    rest = (lengths - (times - 1) * _LONGEST).repeat(times)
    return np.where(is_last, rest, _LONGEST), values.repeat(times)


def _header(n_words: int) -> NDArray[np.uint8]:
    numbers = np.array([n_words, _WORD_BITS - 1, *(_LENGTH_BITS - 1)])
    return _bits(numbers, np.array([32, 5, 4, 4, 4, 4]))


def _bits(numbers: NDArray[np.int64], n_bits: NDArray[np.int64]) -> NDArray[np.uint8]:
    """The lowest bits of each number, the highest first, one after the other."""
    places = np.arange(int(n_bits.max()))[::-1]
    bits = (numbers[:, None] >> places) & 1
    chosen: NDArray[np.uint8] = bits[places < n_bits[:, None]].astype(np.uint8)
    return chosen
