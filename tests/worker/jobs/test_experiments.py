import pytest

from tests.worker.store import add_checkpoint, submit, submit_and_claim
from worker.jobs import experiments, jobs
from worker.jobs.database import open_session
from worker.jobs.experiments import ExperimentError, ExperimentNotFoundError
from worker.jobs.records import aliases
from worker.jobs.requests.label import Label
from worker.jobs.settings import Settings
from worker.jobs.watching.job_list import JobFilter, list_jobs
from worker.jobs.watching.search import search


def test_a_job_that_names_an_experiment_begins_it(store: Settings) -> None:
    with open_session(store) as session:
        first, second = submit(session, store), submit(session, store)
        for job in (first, second):
            assert jobs.relabel(session, job.id, Label(experiment="wide lens")).experiment == "wide lens"
        (known,) = experiments.list_experiments(session)
        assert (known.name, known.n_jobs, known.tags) == ("wide lens", 2, [])
        assert [job.id for job in list_jobs(session, JobFilter(experiment="wide lens"))] == [second.id, first.id]
        assert jobs.relabel(session, first.id, Label()).experiment is None
        assert experiments.get(session, known.id).n_jobs == 1


def test_an_experiment_has_notes_and_tags(store: Settings) -> None:
    with open_session(store) as session:
        number = experiments.find_or_begin(session, "a", None)
        assert number is not None
        assert experiments.find_or_begin(session, "a", None) == number
        changed = experiments.change(session, number, notes=" long ", tags="winter, street street")
        assert (changed.name, changed.notes, changed.tags) == ("a", "long", ["street", "winter"])
        for text in ("WINT", "lon", str(number)):
            assert [each.id for each in experiments.list_experiments(session, text)] == [number]
        assert experiments.list_experiments(session, "%") == []
        with pytest.raises(ExperimentNotFoundError):
            experiments.change(session, number + 1, notes="b")
    for wrong in (
        {"name": ""},
        {"name": "a\nb"},
        {"tags": "a/b"},
        {"notes": "\0"},
        {"tags": " ".join("abcdefghijklmnopqrstu")},
    ):
        with pytest.raises(ExperimentError), open_session(store) as session:
            experiments.change(session, number, **wrong)
    with open_session(store) as session:
        experiments.find_or_begin(session, "b", None)
    with pytest.raises(ExperimentError, match="already an experiment named 'b'"), open_session(store) as session:
        experiments.change(session, number, name="b")


def test_everything_is_searched(store: Settings) -> None:
    with open_session(store) as session:
        job = submit_and_claim(session, store)
        checkpoint = add_checkpoint(session, store, job)
        jobs.relabel(session, job.id, Label(name="Night drive", experiment="night"))
        aliases.move(session, "nightly", checkpoint, None)
        found = search(session, "NIGHT")
        assert [each.id for each in found.jobs] == [job.id]
        assert [each.id for each in found.checkpoints] == [checkpoint]
        assert [each.name for each in found.experiments] == ["night"]
        assert search(session, " ").is_empty
        assert search(session, "elephant").is_empty
        assert [each.id for each in search(session, str(checkpoint)).checkpoints] == [checkpoint]
