"""The URLs of the settings: checked as soon as they are read, and shown without their passwords.

Each check raises ValueError with a sentence that leaves out the URL itself, since its password may stand where no
parser expects it.
"""

import re
from urllib.parse import SplitResult, parse_qsl, quote, urlsplit

_ENCODING = "in user names and passwords some characters are written percent-encoded: " + ", ".join(
    f"{character} as %{ord(character):02X}" for character in "#/?@[]%:"
)


_BROKER_OPTIONS = {  # of rediss://, by the values that they may have; a path where there are none
    "ssl_ca_certs": (),
    "ssl_certfile": (),
    "ssl_keyfile": (),
    "ssl_cert_reqs": ("required", "optional", "none"),
    "ssl_check_hostname": ("true", "false"),
}


class HasPasswordError(ValueError):
    """A URL has a password already, or can have none."""


def check_broker_url(url: str) -> None:
    """Check that Celery can use the URL of a broker: redis://[[USER]:PASSWORD@]HOST[:PORT][/NUMBER], rediss: with TLS.

    After rediss://.../NUMBER? may follow options of TLS.

    Raises:
        ValueError: if it cannot.
    """
    expected = "expected a URL such as redis://:PASSWORD@host:6379/0"
    parts = _split(url, ("redis", "rediss", "redis+socket"), expected)
    if parts.scheme == "redis+socket":
        return
    if parts.fragment or not _has_host_and_port(parts):
        raise ValueError(f"{expected}; {_ENCODING}")
    if not re.fullmatch(r"/?[0-9]*", parts.path):
        raise ValueError(f"{expected}; the database at its end must be a number, and {_ENCODING}")
    _check_broker_options(parts)


def check_database_url(url: str) -> None:
    """Check that SQLAlchemy can use the URL of a database: PostgreSQL through psycopg, or a file of SQLite.

    Raises:
        ValueError: if it cannot.
    """
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    expected = "expected a URL such as postgresql://user:PASSWORD@host:5432/name"
    scheme = _split(url, ("postgresql", "postgresql+psycopg", "sqlite"), expected).scheme
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # the latter of a port that is no number
        raise ValueError(f"{expected}; {_ENCODING}") from None
    if scheme == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise ValueError("expected a file that all processes share, such as sqlite:////data/deeplab.sqlite")
    if scheme != "sqlite" and (not parsed.database or re.search(r"[/@#]", parsed.database)):
        raise ValueError(f"{expected}, with the name of the database at its end; {_ENCODING}")


def with_verification(url: str) -> str:
    """A broker's URL by which a server that speaks TLS must prove who it is, unless the URL says otherwise."""
    if not url.startswith("rediss://") or "ssl_cert_reqs=" in url:
        return url
    return f"{url}{'&' if '?' in url else '?'}ssl_cert_reqs=required"


def with_password(url: str, password: str) -> str:
    """A well-formed URL, with a password that may hold any character.

    Raises:
        HasPasswordError: if it has one already, or names a file.
    """
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        raise HasPasswordError("names a file, which has no password")
    user, _, host = parts.netloc.rpartition("@")
    if ":" in user or re.search("(?i)(?:^|&)password=", parts.query):
        raise HasPasswordError("has a password, too; expected one of them")
    # Not geturl(), which would drop the slashes of a URL without a host.
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{user}:{quote(password, safe='')}@{host}{rest.removeprefix(parts.netloc)}"


def without_password(url: str) -> str:
    """A URL as sentences and logs may show it, whether it is well-formed or not."""
    shown = re.sub(r"(?<=://)(.*?):.*@", r"\1:***@", url, flags=re.DOTALL)
    return re.sub(r"(?i)(?<=[?&]password=)[^&]*", "***", shown)


def _split(url: str, schemes: tuple[str, ...], expected: str) -> SplitResult:
    scheme = url.partition("://")[0] if "://" in url else ""
    if scheme not in schemes:
        given = f"begins with {scheme}://" if re.fullmatch("[A-Za-z0-9+.-]+", scheme) else "begins otherwise"
        raise ValueError(f"{expected}, with one of {', '.join(f'{each}://' for each in schemes)}; this one {given}")
    try:
        return urlsplit(url)
    except ValueError:  # a bracket that is not part of an IPv6 address
        raise ValueError(f"{expected}; {_ENCODING}") from None


def _check_broker_options(parts: SplitResult) -> None:
    known = _BROKER_OPTIONS if parts.scheme == "rediss" else {}
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name not in known:
            raise ValueError(f"expected no options after '?' but those of rediss://: {', '.join(_BROKER_OPTIONS)}")
        if known[name] and value not in known[name]:
            raise ValueError(f"{name}: expected {' or '.join(known[name])}")


def _has_host_and_port(parts: SplitResult) -> bool:
    try:
        return bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, such as the beginning of a password
        return False
