"""Comparisons of evaluations over the API."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from web.api.requests import Number, Query
from web.context import current_settings, reading
from web.results.comparing.compared import load_compared
from web.results.comparing.comparison import ComparedLine
from web.results.comparing.parameters import ParameterLine
from web.text.queries import MOST_JOBS, read_base, read_jobs


class ComparisonQuery(Query):
    """Which evaluations."""

    job: Annotated[tuple[Number, ...], Field(min_length=1, max_length=MOST_JOBS)] = Field(
        description="The evaluate and crf jobs."
    )
    base: Number | None = Field(None, description="The one that others are compared with; by default the first.")


@dataclass(frozen=True)
class Comparison:
    """Evaluations, and how they differ from one of them."""

    jobs: Sequence[int]
    base: int  # one of them
    not_comparable: Mapping[int, Sequence[str]]  # why, by job
    older: Sequence[int]  # jobs of older versions, of which it is not certain whether they are comparable
    no_intervals: Mapping[int, str]  # why, by job
    parameters: Sequence[ParameterLine]  # in which they differ
    scores: Sequence[ComparedLine]
    classes: Sequence[ComparedLine]


def compare_evaluations(query: ComparisonQuery) -> Comparison:
    """Compare evaluations: their scores, differences to the base, and the 95 % intervals of these."""
    job_ids = read_jobs()
    with reading() as session:
        compared = load_compared(session, current_settings(), job_ids, read_base(job_ids), with_intervals=True)
    return Comparison(
        jobs=compared.job_ids,
        base=compared.job_ids[compared.base],
        not_comparable=compared.obstacles,
        older=compared.older,
        no_intervals=compared.without_intervals,
        parameters=compared.parameters,
        scores=compared.score_lines(),
        classes=compared.class_lines(),
    )
