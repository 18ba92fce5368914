"""The roles of users. Light to import, because `--help` lists them."""

VIEWER = "viewer"  # sees everything
OPERATOR = "operator"  # submits jobs, and cancels own ones
ADMIN = "admin"  # cancels the jobs of others, and manages users
ROLES = (VIEWER, OPERATOR, ADMIN)  # each may do what those before it may

LOCAL = "local"  # the built-in account of whoever started the platform: an admin without a password


def allows(role: str, least: str) -> bool:
    """Whether a role may do what takes another one at least."""
    return ROLES.index(role) >= ROLES.index(least)


def lesser(first: str, second: str) -> str:
    """The role of two that may do less."""
    return min(first, second, key=ROLES.index)
