"""Which evaluations are compared, for the page, its CSV and the API."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import abort, request
from sqlalchemy.orm import Session

from web.context import current_settings
from web.results.comparison import ComparedLine, compare_line, intervals_of
from web.results.intervals import Verdict, judge
from web.results.scores import ScoreLine
from worker.jobs.catalog import parse_integer
from worker.jobs.records import comparability, evaluations
from worker.jobs.records.evaluations import Evaluation

_MOST = 50  # of a comparison: more columns than anybody reads


@dataclass(frozen=True)
class Compared:
    """Evaluations, one of which is the base that the others are compared with."""

    evaluations: Sequence[Evaluation]
    base: int  # its place
    verdicts: Sequence[Verdict]  # by place, on the difference to the base

    @property
    def job_ids(self) -> list[int]:
        """The jobs of the evaluations."""
        return [each.job_id for each in self.evaluations]

    @property
    def obstacles(self) -> dict[int, list[str]]:
        """Why jobs are not comparable with the base; without those that are."""
        base = self.evaluations[self.base]
        found = {each.job_id: comparability.find_obstacles(base, each) for each in self.evaluations}
        return {job_id: sentences for job_id, sentences in found.items() if sentences}

    @property
    def unknowns(self) -> list[str]:
        """What is not known of them, and would decide whether they are comparable."""
        base = self.evaluations[self.base]
        return list(
            dict.fromkeys(
                sentence
                for place, each in enumerate(self.evaluations)
                if place != self.base
                for sentence in comparability.find_unknowns(base, each)
            )
        )

    @property
    def without_intervals(self) -> dict[int, str]:
        """Why jobs have no intervals; without those that have, and the base."""
        judged = zip(self.job_ids, self.verdicts, strict=True)
        return {job_id: verdict.reason for job_id, verdict in judged if verdict.reason}

    def lines(self, lines: Sequence[ScoreLine]) -> list[ComparedLine]:
        """Compare lines of scores with the base."""
        comparable = [each.job_id not in self.obstacles for each in self.evaluations]
        comparisons = [verdict.comparison for verdict in self.verdicts]
        return [compare_line(line, self.base, comparable, intervals_of(line, comparisons)) for line in lines]


def read_compared(session: Session, *, with_intervals: bool) -> Compared:
    """Read the evaluations of ?job=3&job=5&base=3 in the query; without a base it is the first.

    Raises:
        BadRequest: if the query names none, too many, or another base.
        NotFound: if a job has no evaluation.
    """
    job_ids = read_jobs(_MOST, "Select at least one evaluation to compare.")
    found = evaluations.find_all(session, job_ids)
    for job_id in job_ids:
        if job_id not in found:
            abort(404, f"Job {job_id} has no evaluation.")
    base = parse_integer(request.args.get("base") or str(job_ids[0]))
    if base not in job_ids:
        abort(400, f"base must be one of the jobs {', '.join(map(str, job_ids))}, got {request.args['base']!r}.")
    compared = [found[job_id] for job_id in job_ids]
    verdicts = [_judge(session, found[base], each) if with_intervals else Verdict(None) for each in compared]
    return Compared(compared, job_ids.index(base), verdicts)


def read_jobs(most: int, if_none: str) -> list[int]:
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
        abort(400, if_none)
    if len(job_ids) > most:
        abort(400, f"At most {most} can be compared at once, got {len(job_ids)}.")
    return job_ids


def _judge(session: Session, base: Evaluation, other: Evaluation) -> Verdict:
    return Verdict(None) if other is base else judge(session, current_settings(), base, other)
