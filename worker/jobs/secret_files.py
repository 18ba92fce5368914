"""Secrets in files that settings name, as containers get them: a URL, the password of a URL, a key.

Each function raises ValueError with a sentence that begins with the variable and holds nothing of the file.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path

from worker.jobs import urls

_SHORTEST_KEY = 32  # characters
_LONGEST = 4096


def resolve_url(
    variable: str, url: str, url_file: Path | None, password_file: Path | None, check: Callable[[str], None]
) -> str:
    """The URL of a setting or of the file that stands in its place, with the password of another file.

    Args:
        variable: name of the setting, such as DEEPLAB_DATABASE_URL.
        url: its value, which is checked already.
        url_file: of <variable>_FILE.
        password_file: of the variable that ends in PASSWORD_FILE.
        check: raises ValueError if the URL cannot be used.

    Raises:
        ValueError: if a file cannot be read, or two settings contradict each other.
    """
    if url_file is not None:
        if url:
            raise ValueError(f"{variable}_FILE: {variable} is set, too; expected one of them")
        url = read_line(f"{variable}_FILE", url_file)
        try:
            check(url)
        except ValueError as error:
            raise ValueError(f"{variable}_FILE: {url_file}: {error}") from None
    if password_file is None:
        return url
    password_variable = f"{variable.removesuffix('URL')}PASSWORD_FILE"
    if not url:
        raise ValueError(f"{password_variable}: expected {variable} or {variable}_FILE, too")
    try:
        return urls.with_password(url, read_line(password_variable, password_file))
    except urls.HasPasswordError as error:
        raise ValueError(f"{password_variable}: {variable} {error}") from None


def read_key(variable: str, path: Path) -> str:
    """Read a key that signs something.

    Raises:
        ValueError: if it cannot be read, or is too short.
    """
    key = read_line(variable, path)
    if len(key) < _SHORTEST_KEY:
        raise ValueError(f"{variable}: {path} has {len(key)} characters; expected {_SHORTEST_KEY} or more")
    return key


@cache
def read_line(variable: str, path: Path) -> str:
    """Read a file of one line, without the end of the line; once, for it may be gone when it is asked for again.

    Raises:
        ValueError: if it cannot be read, or has none or several.
    """
    try:
        with path.open("rb") as file:
            line = file.read(_LONGEST + 1).decode().removesuffix("\n").removesuffix("\r")
    except OSError as error:
        raise ValueError(f"{variable}: {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{variable}: {path} is not text in UTF-8") from None
    if not line.strip() or not line.isprintable() or len(line) > _LONGEST:
        raise ValueError(f"{variable}: expected one line of at most {_LONGEST} characters in {path}")
    return line
