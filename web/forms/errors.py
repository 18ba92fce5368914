"""Errors as forms show them beside their fields."""


def as_sentence(title: str, error: str) -> str:
    """Make an error a sentence of its own: "is required." becomes "Name is required."."""
    return f"{title} {error}" if error.startswith(("is ", "must ")) else error[:1].upper() + error[1:]
