"""Evaluations that are compared with one of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy.orm import Session

from web.results.comparing.comparison import ComparedLine, compare_line, intervals_of
from web.results.comparing.intervals import Verdict, judge
from web.results.comparing.parameters import ParameterLine, differing_of_evaluations
from web.results.comparing.scores import ScoreLine, class_lines, score_lines
from worker.jobs import jobs
from worker.jobs.jobs import Job
from worker.jobs.records import comparability, evaluations
from worker.jobs.records.evaluations import Evaluation
from worker.jobs.results.job_files import class_colours
from worker.jobs.settings import Settings


@dataclass(frozen=True)
class Compared:
    """Evaluations, one of which is the base that the others are compared with."""

    jobs: Sequence[Job]
    evaluations: Sequence[Evaluation]  # by place, of the jobs
    base: int  # its place
    verdicts: Sequence[Verdict]  # by place, on the difference to the base

    @property
    def job_ids(self) -> list[int]:
        """The jobs of the evaluations."""
        return [each.id for each in self.jobs]

    @cached_property  # which every line of scores and the page ask for
    def obstacles(self) -> dict[int, list[str]]:
        """Why jobs are not comparable with the base; without those that are."""
        base = self.evaluations[self.base]
        found = {each.job_id: comparability.find_obstacles(base, each) for each in self.evaluations}
        return {job_id: sentences for job_id, sentences in found.items() if sentences}

    @property
    def older(self) -> list[int]:
        """The jobs of older versions, of which it is not certain whether they are comparable."""
        several = len(self.evaluations) > 1
        return [each.job_id for each in self.evaluations if several and comparability.is_older(each)]

    @property
    def without_intervals(self) -> dict[int, str]:
        """Why jobs have no intervals; without those that have, and the base."""
        judged = zip(self.job_ids, self.verdicts, strict=True)
        return {job_id: verdict.reason for job_id, verdict in judged if verdict.reason}

    @property
    def parameters(self) -> list[ParameterLine]:
        """The conditions and configuration keys in which the evaluations differ."""
        return differing_of_evaluations(self.evaluations, [job.config for job in self.jobs])

    def score_lines(self) -> list[ComparedLine]:
        """The summary scores, compared with those of the base."""
        return self._compare(score_lines(self.evaluations))

    def class_lines(self) -> list[ComparedLine]:
        """The IoU of each class, compared with that of the base."""
        return self._compare(class_lines(self.evaluations, [class_colours(job) for job in self.jobs]))

    def _compare(self, lines: Sequence[ScoreLine]) -> list[ComparedLine]:
        comparable = [each.job_id not in self.obstacles for each in self.evaluations]
        comparisons = [verdict.comparison for verdict in self.verdicts]
        return [compare_line(line, self.base, comparable, intervals_of(line, comparisons)) for line in lines]


def load_compared(
    session: Session, settings: Settings, job_ids: Sequence[int], base: int, *, with_intervals: bool
) -> Compared:
    """Read the evaluations of jobs, to be compared with that of the job `base`, which is one of them.

    Raises:
        JobNotFoundError: if there is no such job.
        EvaluationNotFoundError: if a job has no evaluation.
        OutputError: if the rows that intervals are computed from cannot be read.
    """
    found = [evaluations.get(session, job_id) for job_id in job_ids]
    place = job_ids.index(base)
    verdicts = [
        judge(session, settings, found[place], each) if with_intervals and each is not found[place] else Verdict(None)
        for each in found
    ]
    return Compared([jobs.get(session, job_id) for job_id in job_ids], found, place, verdicts)
