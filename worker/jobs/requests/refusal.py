"""What pydantic finds wrong with a request, as one sentence for each field."""

from collections.abc import Sequence

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from deeplab.files import printable
from deeplab.formats import shortened
from worker.jobs.requests.spec_error import SpecError

_MOST_FIELDS = 100  # that an answer names
_KINDS = {  # what a value must be, by the first word of the type of the error
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "text",
    "list": "a list",
    "tuple": "a list",
    "dict": "an object",
}
_TEMPLATES = {  # by the type of the error, of its limits and the value
    "missing": "is required.",
    "string_too_short": "is required.",
    "string_too_long": "must have at most {max_length:,} characters, got {n:,}.",
    "too_long": "must have at most {max_length:,} values, got {n:,}.",
    "too_short": "must have at least {min_length:,} values, got {n:,}.",
    "greater_than_equal": "must be at least {ge}, got {given}.",
    "less_than_equal": "must be at most {le}, got {given}.",
    "literal_error": "must be one of {expected}, got {given}.",
    "string_unicode": "must be plain text.",
    "invalid_key": "must be plain text.",
    "value_error": "{error}",  # from our own validators, whose text is a sentence
}


def refusal(error: ValidationError, unknown: str, kind: type[SpecError] = SpecError) -> SpecError:
    """The wrong fields of a request, each with a sentence about it; no more than a page can show.

    Args:
        error: of the model of the request.
        unknown: what is said of a field that the model does not have.
        kind: the exception to make.
    """
    fields: dict[str, str] = {}
    paths: dict[str, Sequence[str | int]] = {}
    for item in error.errors(include_url=False)[:_MOST_FIELDS]:
        # The name of a field may be no text.
        name, *inside = [part if isinstance(part, int) else printable(part) for part in item["loc"]] or ["request"]
        if name not in fields:
            fields[str(name)] = unknown if item["type"] == "extra_forbidden" else _sentence(item)
            paths[str(name)] = (name, *inside)
    return kind(fields, paths)


def _sentence(item: ErrorDetails) -> str:
    error_type, given = item["type"], item["input"]
    if (template := _TEMPLATES.get(error_type)) is not None:
        limits = {name: _plainly(value) for name, value in item.get("ctx", {}).items()}
        n = len(given) if hasattr(given, "__len__") else 1
        return template.format(n=n, given=shortened(given), **limits)
    if (what := _KINDS.get(error_type.partition("_")[0])) is not None:
        return f"must be {what}, got {shortened(given)}."
    return f"{item['msg'][0].lower()}{item['msg'][1:]}, got {shortened(given)}."


def _plainly(limit: object) -> object:
    """Pydantic's "'a', 'b' or 'c'" as "a, b, c"."""
    return limit.replace("' or '", "', '").replace("'", "") if isinstance(limit, str) else limit
