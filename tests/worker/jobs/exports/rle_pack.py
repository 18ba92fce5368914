"""An independent reading of @thi.ng/rle-pack, bit by bit as its documentation says."""

from collections.abc import Sequence


def unpack(packed: Sequence[int]) -> list[int]:
    """The words of a packed array."""
    bits = "".join(f"{byte:08b}" for byte in packed)
    at = 0

    def read(n_bits: int) -> int:
        nonlocal at
        at += n_bits
        assert at <= len(bits)
        return int(bits[at - n_bits : at], 2)

    n_words, word_bits = read(32), read(5) + 1
    length_bits = [read(4) + 1 for _ in range(4)]
    words: list[int] = []
    while len(words) < n_words:
        is_run, length = read(1), read(length_bits[read(2)]) + 1
        words += [read(word_bits)] * length if is_run else [read(word_bits) for _ in range(length)]
    assert len(words) == n_words
    assert len(bits) - at < 8
    return words
