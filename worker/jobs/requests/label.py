"""What people call a job and note about it: the same fields for all kinds, which change at any time and run nothing."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from worker.jobs.requests.refusal import refusal

_LONGEST_NAME = 120  # characters
_LONGEST_NOTES = 10_000


def _check_line(text: str) -> str:
    if not all(each.isprintable() for each in text):
        raise ValueError("must be one line of plain text.")
    return text


def _check_text(text: str) -> str:
    if "\0" in text:  # PostgreSQL cannot store it
        raise ValueError("must be plain text.")
    return text


class Label(BaseModel):
    """A name, notes and the experiment that the job belongs to; all may be empty."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    name: Annotated[str, AfterValidator(_check_line)] = Field(
        "", max_length=_LONGEST_NAME, title="Name", description="What to call the job in lists."
    )
    notes: Annotated[str, AfterValidator(_check_text)] = Field(
        "", max_length=_LONGEST_NOTES, title="Notes", description="Whatever is worth remembering about the job."
    )
    experiment: Annotated[str, AfterValidator(_check_line)] = Field(
        "",
        max_length=_LONGEST_NAME,
        title="Experiment",
        description="Name of the experiment that the job belongs to; a new name begins one.",
    )


NO_LABEL = Label()


def parse_label(mapping: Mapping[str, Any]) -> Label:
    """Validate a name, notes and an experiment; what is left out is empty.

    Raises:
        SpecError: naming every field that is unknown, too long or no plain text.
    """
    try:
        return Label.model_validate(mapping)
    except ValidationError as error:
        raise refusal(error, "is not one of name, notes and experiment.") from None
