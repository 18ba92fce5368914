"""Read again after an error that may pass, as those of a network disk do. Torch-free."""

import errno
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from deeplab.errors import DeepLabError

Item = TypeVar("Item")

PAUSES = (1.0, 3.0)  # seconds before the second and the third try
# What a disk or its network reports, and never a damaged file, for which decoders raise errors without a number.
_PASSING = frozenset(
    number
    for name in (
        *("EIO", "ESTALE", "ETIMEDOUT", "EAGAIN", "EINTR", "EBUSY", "ENODEV", "ENXIO"),
        *("EREMOTEIO", "ENOLINK", "ECOMM", "ENONET", "ENOTCONN", "ESHUTDOWN", "EHOSTDOWN", "EHOSTUNREACH"),
        *("ENETDOWN", "ENETUNREACH", "ENETRESET", "ECONNABORTED", "ECONNREFUSED", "ECONNRESET", "EPIPE"),
        *("EMFILE", "ENFILE", "ENOBUFS"),
    )
    if (number := getattr(errno, name, None)) is not None  # not every system has them all
)

_log = logging.getLogger(__name__)


def read_patiently(read: Callable[[], Item], pauses: Sequence[float] = PAUSES) -> Item:
    """Call a function that reads files; after an error that may pass call it again, once after each pause.

    Raises:
        DeepLabError: of the last call; an error of another kind, such as a damaged file, is raised at once.
    """
    for pause in pauses:
        try:
            return read()
        except DeepLabError as error:
            if not may_pass(error):
                raise
            _log.warning("%s Trying again in %g s.", error, pause)
            time.sleep(pause)
    return read()


def may_pass(error: BaseException) -> bool:
    """Whether an error, or what caused it, is one that a disk or its network reports for a while."""
    return any(isinstance(each, TimeoutError) or getattr(each, "errno", None) in _PASSING for each in _causes(error))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
