"""In which parameters jobs or evaluations differ."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deeplab.config import values_by_key
from web.text.describe import parameter_title
from web.text.formats import DASH
from worker.jobs.jobs import Job
from worker.jobs.records.checkpoint_ref import CheckpointRef
from worker.jobs.records.evaluations import Evaluation
from worker.jobs.requests.specs import SCHEDULING

Parameters = Mapping[str, Any]  # by title, or by the path of a configuration key

_ELSEWHERE = ("INFERENCE.", "CRF.")  # of an evaluation its settings say what was used, the configuration what could be
_IN_CONFIGURATION = ("config", "overrides")  # fields of a request that end up in the configuration


@dataclass(frozen=True)
class ParameterLine:
    """A parameter that is not the same for all."""

    title: str
    texts: Sequence[str]  # a value each; a dash for one that lacks the parameter


def differing_of_jobs(jobs: Sequence[Job]) -> list[ParameterLine]:
    """The fields of requests, and the keys of resolved configurations, in which jobs differ."""
    return _differing([_of_job(job) for job in jobs])


def differing_of_evaluations(
    evaluations: Sequence[Evaluation], configs: Sequence[Mapping[str, Any]]
) -> list[ParameterLine]:
    """The conditions of evaluations, and the keys of their jobs' resolved configurations, in which they differ."""
    return _differing([_of_evaluation(each, config) for each, config in zip(evaluations, configs, strict=True)])


def _of_job(job: Job) -> Parameters:
    asked = {
        parameter_title(job, name): value
        for name, value in job.spec.items()
        if name not in (*_IN_CONFIGURATION, *SCHEDULING) and value not in (None, "", [])
    }
    return {"Kind": job.kind, **asked, **values_by_key(job.config)}


def _of_evaluation(evaluation: Evaluation, config: Mapping[str, Any]) -> Parameters:
    keys = values_by_key(config)
    return {
        "Checkpoint": str(CheckpointRef.parse(evaluation.checkpoint)),
        "Dataset": evaluation.dataset,
        "Split": evaluation.split,
        **values_by_key(evaluation.settings.get("inference", {}), "INFERENCE."),
        **values_by_key(evaluation.settings.get("crf", {}), "CRF."),
        **{path: value for path, value in keys.items() if not path.startswith(_ELSEWHERE)},
    }


def _differing(all_parameters: Sequence[Parameters]) -> list[ParameterLine]:
    titles = dict.fromkeys(title for parameters in all_parameters for title in parameters)
    lines = (ParameterLine(title, [_text(each, title) for each in all_parameters]) for title in titles)
    return [line for line in lines if len(set(line.texts)) > 1]


def _text(parameters: Parameters, title: str) -> str:
    value = parameters.get(title)
    if value is None:
        return DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value)
