import lzma
import zlib
from collections.abc import Callable

import pytest

from deeplab.unpacking import require_at_most

PACK = {"deflate": zlib.compress, "lzma": lzma.compress}


@pytest.mark.parametrize(("kind", "pack"), PACK.items())
def test_what_unpacks_to_more_is_refused(kind: str, pack: Callable[[bytes], bytes]) -> None:
    packed = pack(bytes(5_000_000))
    require_at_most(packed, kind, 5_000_000)
    with pytest.raises(ValueError, match="unpack to more than the 4,999,999 bytes that belong there"):
        require_at_most(packed, kind, 4_999_999)


@pytest.mark.parametrize(("kind", "pack"), PACK.items())
def test_what_is_damaged_is_left_to_others(kind: str, pack: Callable[[bytes], bytes]) -> None:
    packed = pack(bytes(5_000_000))
    for damaged in (b"", b"nothing", packed[:100], packed[:50] + b"xxxx" + packed[54:], packed + b"more"):
        require_at_most(damaged, kind, 5_000_000)
