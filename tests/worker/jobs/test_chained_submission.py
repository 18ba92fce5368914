from typing import Any

import pytest

from tests.configs import write_config
from worker.jobs.chained_submission import Step, parse_steps, prepare_chain, submit_chain
from worker.jobs.database import open_session
from worker.jobs.jobs import Job
from worker.jobs.requests.label import Label
from worker.jobs.requests.spec_error import SpecError
from worker.jobs.requests.specs import parse_spec
from worker.jobs.scheduling import chains
from worker.jobs.settings import Settings
from worker.jobs.watching.job_list import list_jobs


def submit(store: Settings, *steps: Step, **fields: Any) -> list[Job]:
    spec = parse_spec("train", {"config": str(write_config(store.home)), **fields})
    return submit_chain(store, prepare_chain(store, spec, steps), label=Label(experiment="night"))


def test_each_job_waits_for_the_one_before_it(store: Settings) -> None:
    trained, evaluated, refined = submit(store, "evaluate", {"kind": "crf", "grid": ["BI_W=2,4"]}, priority=3)
    assert (evaluated.checkpoint, refined.evaluate_job) == (f"job:{trained.id}", evaluated.id)
    assert (evaluated.config["DATASET"], refined.spec["grid"]) == (trained.config["DATASET"], ["BI_W=2,4"])
    assert [job.priority for job in (trained, evaluated, refined)] == [3, 3, 3]
    assert {job.experiment for job in (trained, evaluated, refined)} == {"night"}
    with open_session(store, reads_only=True) as session:
        awaited = chains.list_open(session, [trained.id, evaluated.id, refined.id])
    assert awaited == {evaluated.id: [trained.id], refined.id: [evaluated.id]}


@pytest.mark.parametrize(
    ("steps", "sentence"),
    [
        (["crf"], "then: crf: kind: follows a job of kind evaluate, and not one of kind train."),
        (["evaluate", "evaluate"], "then: evaluate: kind: follows a job of kind train"),
        ([{"kind": "evaluate", "split": "tset"}], r"then: evaluate: split: .*tset.txt: the split list does not exist"),
        ([{"kind": "evaluate", "save_logits": False}, "crf"], "then: crf: evaluate_job: .* saves no logits"),
        ([{"kind": "evaluate", "checkpoint": "3"}], "then: evaluate: checkpoint: is that of the job before."),
    ],
)
def test_nothing_is_submitted_if_one_of_them_is_refused(
    sqlite_store: Settings, steps: list[Step], sentence: str
) -> None:
    with pytest.raises(SpecError, match=sentence):
        submit(sqlite_store, *steps)
    with open_session(sqlite_store, reads_only=True) as session:
        assert list_jobs(session) == []


@pytest.mark.parametrize("value", ["evaluate", [3], [["evaluate"]], ["train"], ["evaluate"] * 3, {"kind": "crf"}])
def test_what_is_no_list_of_jobs_is_refused(value: object) -> None:
    with pytest.raises(SpecError, match=r"^then: must"):
        parse_steps(value)
