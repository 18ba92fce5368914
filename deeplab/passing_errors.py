"""Which errors of the system pass: what a disk, a network or a limit reports for a while. Torch-free.

Damaged files are not among them: decoders raise errors without a number for these.
"""

import errno
import socket
import ssl
from collections.abc import Iterator

_NAMES = (
    *("EIO", "ESTALE", "ETIMEDOUT", "EAGAIN", "EINTR", "EBUSY", "ENODEV", "ENXIO"),
    *("EREMOTEIO", "ENOLINK", "ECOMM", "ENONET", "ENOTCONN", "ESHUTDOWN", "EHOSTDOWN", "EHOSTUNREACH"),
    *("ENETDOWN", "ENETUNREACH", "ENETRESET", "ECONNABORTED", "ECONNREFUSED", "ECONNRESET", "EPIPE", "EPROTO"),
    *("EMFILE", "ENFILE", "ENOBUFS"),
)
_NUMBERS = frozenset(number for name in _NAMES if (number := getattr(errno, name, None)) is not None)
# A name that cannot be resolved is the network's, too; a connection with TLS can be cut like any other.
_KINDS = (TimeoutError, socket.gaierror, ssl.SSLEOFError, ssl.SSLZeroReturnError)


def may_pass(error: BaseException) -> bool:
    """Whether an error, or what caused it, is one that a disk or its network reports for a while."""
    return any(isinstance(each, _KINDS) or getattr(each, "errno", None) in _NUMBERS for each in _causes(error))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
