"""The options that say which images of a job are meant: the filters of the gallery, on the command line."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import click

from worker.jobs.results.filters import Filter

_Command = TypeVar("_Command", bound=Callable[..., Any])
_CLASSES = ("class", "true", "predicted")
_OPTIONS = (
    click.option("--class", metavar="CLASS", multiple=True, help="Images in which it was found; repeatable."),
    click.option("--in-truth", is_flag=True, help="The classes need to be in the ground truth, not in the label map."),
    click.option("--min-share", metavar="P", help="At least so much of the image is the first --class."),
    click.option("--max-share", metavar="P", help="At most so much of it is."),
    click.option("--true", metavar="CLASS", help="With --predicted: images with pixels of this class ..."),
    click.option("--predicted", metavar="CLASS", help="... that were taken for this one."),
    click.option("--name", metavar="TEXT", help="Images whose path contains it, in capital letters or small ones."),
    click.option("--folder", metavar="DIR", help="Images in this folder of the input, at any depth."),
    click.option("--min-confidence", metavar="P", help="Images of which the model is at least so sure."),
    click.option("--max-confidence", metavar="P", help="Images of which it is at most so sure."),
    click.option("--only", metavar="errors", hidden=True),  # of the gallery; an export says that errors have no masks
)


def filter_options(command: _Command) -> _Command:
    """Give a command the options that `read_filter` reads."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def read_filter(values: Mapping[str, Any], names: Sequence[str]) -> Filter:
    """Read the options that were given.

    Args:
        values: of the options, None where one is absent.
        names: of the job's classes.

    Raises:
        RequestError: naming every option that makes no sense.
    """
    from worker.cli.job.spec_options import RequestError
    from worker.jobs.requests.spec_error import SpecError
    from worker.jobs.results.questions import read_question

    try:
        return read_question({name: _texts(name, value, names) for name, value in values.items()}).wanted
    except SpecError as error:
        raise RequestError(error) from None


def _texts(name: str, value: Any, names: Sequence[str]) -> list[str]:
    """The values of an option as an address has them: classes by their numbers."""
    if isinstance(value, bool):
        return ["1"] if value else []
    given = [] if value is None else [value] if isinstance(value, str) else list(value)
    return [_number_of(name, each, names) for each in given] if name in _CLASSES else given


def _number_of(option: str, text: str, names: Sequence[str]) -> str:
    from worker.jobs.requests.spec_error import SpecError

    if text in names:
        return str(names.index(text))
    if text.isascii() and text.isdigit() and int(text) < len(names):
        return text
    raise SpecError({option: f"must be the name or the number of one of the job's {len(names)} classes, got {text!r}."})
