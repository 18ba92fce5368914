"""Where in a long list a page is: ?before= and ?after= name the line that it begins behind or ends above."""

from flask import request

from worker.jobs.catalog import LARGEST_INTEGER


def read_place() -> tuple[int | None, int | None]:
    """Read ?before= and ?after=; of both, the first counts."""
    before, after = (_row_number(request.args.get(name, type=int)) for name in ("before", "after"))
    return before, after if before is None else None


def _row_number(value: int | None) -> int | None:
    """A number that every database can compare with."""
    return None if value is None else min(max(value, 0), LARGEST_INTEGER)
