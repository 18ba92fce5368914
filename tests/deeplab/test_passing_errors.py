import errno
import socket
import ssl

import pytest

from deeplab.errors import DatasetError, ImageError
from deeplab.passing_errors import may_pass


@pytest.mark.parametrize(
    "error",
    [
        *(OSError(number, "text") for number in (errno.ENETDOWN, errno.ENETRESET, errno.EHOSTDOWN, errno.ENETUNREACH)),
        OSError(errno.ESTALE, "text"),
        TimeoutError(),
        ConnectionResetError(errno.ECONNRESET, "text"),
        socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"),
        ssl.SSLEOFError(ssl.SSL_ERROR_EOF, "EOF occurred in violation of protocol"),
    ],
)
def test_outages_of_a_network_pass(error: OSError) -> None:
    assert may_pass(error)


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError(errno.ENOENT, "text"),
        PermissionError(errno.EACCES, "text"),
        ssl.SSLCertVerificationError(1, "certificate verify failed"),
        OSError("image file is truncated"),
        ValueError("text"),
    ],
)
def test_what_another_try_does_not_change_stays(error: Exception) -> None:
    assert not may_pass(error)


def test_causes_are_found_at_any_depth() -> None:
    inner, outer = ImageError("inner"), DatasetError("outer")
    inner.__cause__, outer.__cause__ = TimeoutError(), inner
    assert may_pass(outer)
    assert not may_pass(DatasetError("alone"))
