"""Errors as they stand beside the fields of a form."""


def as_sentence(title: str, error: str) -> str:
    """An error as a sentence of its own: "Name is required." for "is required."."""
    return f"{title} {error}" if error.startswith(("is ", "must ")) else error[:1].upper() + error[1:]
