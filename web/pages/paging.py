"""Where in a long list a page is: ?before= and ?after= name the line that it begins behind or ends above."""

from flask import request

from worker.jobs.catalog import parse_integer


def read_place() -> tuple[int | None, int | None]:
    """Read ?before= and ?after=; of both, the first counts."""
    before, after = (parse_integer(request.args.get(name, "")) for name in ("before", "after"))
    return before, after if before is None else None


def read_number(name: str, default: int = 0) -> int:
    """Read a number of the query that every database and file name can hold; the default for anything else."""
    number = parse_integer(request.args.get(name, ""))
    return default if number is None else number
