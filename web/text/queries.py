"""Queries of addresses: what comparisons read from them, and how links change them."""

from collections.abc import Sequence
from urllib.parse import urlencode

from flask import abort, request

from worker.jobs.catalog import parse_integer

MOST_JOBS = 50  # of a comparison: more than anybody looks at


def change_query(**changes: object) -> str:
    """The query of this page with some parameters changed, "?job=3&sort=name"; None takes one away.

    A parameter that occurs several times, such as ?job=3&job=5, is kept as it is, or replaced by a list.
    """
    parameters = {name: request.args.getlist(name) for name in request.args}
    for name, value in changes.items():
        parameters[name] = (
            [] if value is None else [str(each) for each in value] if isinstance(value, list) else [str(value)]
        )
    return f"?{urlencode(parameters, doseq=True)}"


def read_jobs() -> list[int]:
    """Read ?job=3&job=5, each once.

    Raises:
        BadRequest: if there are none, too many, or something else than numbers.
    """
    texts = request.args.getlist("job")
    numbers = [parse_integer(text) for text in texts]
    if None in numbers:
        abort(400, f"job must be the number of a job, got {texts[numbers.index(None)]!r}.")
    job_ids = [number for number in dict.fromkeys(numbers) if number is not None]
    if not job_ids:
        abort(400, "Select at least one job to compare.")
    if len(job_ids) > MOST_JOBS:
        abort(400, f"At most {MOST_JOBS} jobs can be compared at once, got {len(job_ids)}.")
    return job_ids


def read_base(job_ids: Sequence[int]) -> int:
    """Read ?base=3, one of the jobs that are compared; the first of them if it is not given.

    Raises:
        BadRequest: if it is none of them.
    """
    text = request.args.get("base", str(job_ids[0]))
    base = parse_integer(text)
    if base is None or base not in job_ids:
        abort(400, f"base must be one of the jobs {', '.join(map(str, job_ids))}, got {text!r}.")
    return base
