"""Secrets that people and programs hold, and of which the database has hashes alone."""

import hashlib
import secrets

_N_BYTES = 32  # 256 random bits: nobody can guess them, so that a fast hash is enough


def new_secret(prefix: str = "") -> str:
    """Make a random text."""
    return prefix + secrets.token_urlsafe(_N_BYTES)


def hash_of(secret: str) -> str:
    """What the database keeps of a secret: 64 hexadecimal digits."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
