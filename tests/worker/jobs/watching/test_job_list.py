from sqlalchemy import update
from sqlalchemy.orm import Session

from tests.worker.store import submit, submit_and_claim, submit_segment
from worker.jobs import catalog, jobs, leases
from worker.jobs.database import open_session
from worker.jobs.requests.label import Label
from worker.jobs.settings import Settings
from worker.jobs.tables import JobRow
from worker.jobs.watching.job_list import (
    ORDERS,
    JobFilter,
    count_by_state,
    list_datasets,
    list_fields,
    list_jobs,
    read_job_page,
)


def found_by(session: Session, text: str) -> list[int]:
    return [job.id for job in list_jobs(session, JobFilter(search=text))]


def test_list_filters_and_continues(store: Settings) -> None:
    with open_session(store) as session:
        trains = [submit(session, store).id for _ in range(3)]
        segment = submit_segment(session, store).id  # together with the training that it needs
        assert [job.id for job in list_jobs(session, JobFilter("segment"))] == [segment]
        assert [job.id for job in list_jobs(session, JobFilter("train", catalog.QUEUED))] == trains[::-1]
        assert [job.id for job in list_jobs(session, before=trains[2], limit=1)] == [trains[1]]
        counts = {"queued": 4, "running": 1, "succeeded": 0, "failed": 0, "cancelled": 0}
        assert count_by_state(session) == counts
        assert count_by_state(session, JobFilter("segment", "running"))["queued"] == 1  # in whatever state


def test_a_line_is_the_job_without_its_configuration(store: Settings) -> None:
    with open_session(store) as session:
        job = submit(session, store)
        (line,) = list_jobs(session)
        whole = jobs.get(session, job.id)
        assert {name: getattr(whole, name) for name in line.__dataclass_fields__} == vars(line)
        assert set(whole.__dataclass_fields__) - set(line.__dataclass_fields__) == {"config", "notes", "roots"}
        wanted = ["id", "fraction", "config"]
        assert list_fields(session, wanted, JobFilter(), limit=5) == [
            {"id": job.id, "fraction": 0.0, "config": job.config}
        ]


def test_search_looks_into_name_notes_dataset_error_and_id(store: Settings) -> None:
    with open_session(store) as session:
        named, noted, failed, other = (submit_and_claim(session, store) for _ in range(4))
        jobs.relabel(session, named.id, Label(name="Warm-up 50%", notes=""))
        jobs.relabel(session, noted.id, Label(name="", notes="after the\nflood"))
        leases.finish(session, failed.id, failed.fence, catalog.FAILED, error="Out of GPU memory.")
        session.execute(update(JobRow).where(JobRow.id == other.id).values(dataset="camvid"))
        assert found_by(session, " warm-UP ") == [named.id]
        assert found_by(session, "50%") == [named.id]
        assert found_by(session, "5_%") == []
        assert found_by(session, "flood") == [noted.id]
        assert found_by(session, "gpu") == [failed.id]
        assert found_by(session, "camvid") == [other.id]
        assert found_by(session, str(noted.id)) == [noted.id]
        assert [job.id for job in list_jobs(session, JobFilter(dataset="camvid"))] == [other.id]
        assert "camvid" in list_datasets(session)


def test_pages_lead_both_ways_and_say_where_they_are(store: Settings) -> None:
    with open_session(store) as session:
        ids = [submit(session, store).id for _ in range(7)]
        session.execute(update(JobRow).where(JobRow.id == ids[2]).values(started_at=10.0, finished_at=30.0))
        session.execute(update(JobRow).where(JobRow.id == ids[5]).values(started_at=10.0, finished_at=20.0))
        jobs.relabel(session, ids[4], Label(name="alpha", notes=""))
        jobs.relabel(session, ids[1], Label(name="Beta", notes=""))
        expected = {
            "newest": ids[::-1],
            "oldest": ids,
            "ended": [ids[2], ids[5], *reversed([ids[0], ids[1], ids[3], ids[4], ids[6]])],
            "longest": [ids[2], ids[5], *reversed([ids[0], ids[1], ids[3], ids[4], ids[6]])],
            "name": [ids[4], ids[1], ids[0], ids[2], ids[3], ids[5], ids[6]],
        }
        assert set(expected) == set(ORDERS)
        for order, all_ids in expected.items():
            first = read_job_page(session, order=order, limit=3)
            assert ([job.id for job in first.lines], first.n_before, first.n_all) == (all_ids[:3], 0, 7)
            assert first.has_more
            second = read_job_page(session, order=order, before=all_ids[2], limit=3)
            assert ([job.id for job in second.lines], second.n_before) == (all_ids[3:6], 3)
            last = read_job_page(session, order=order, before=all_ids[5], limit=3)
            assert ([job.id for job in last.lines], last.n_before, last.has_more) == (all_ids[6:], 6, False)
            back = read_job_page(session, order=order, after=all_ids[6], limit=3)
            assert ([job.id for job in back.lines], back.n_before) == (all_ids[3:6], 3)
            top = read_job_page(session, order=order, after=all_ids[2], limit=3)
            assert ([job.id for job in top.lines], top.n_before) == (all_ids[:3], 0)


def test_a_page_behind_a_job_that_is_not_there_is_empty(store: Settings) -> None:
    with open_session(store) as session:
        submit(session, store)
        assert read_job_page(session, order="name", before=99, limit=3).lines == []
        assert [job.id for job in read_job_page(session, before=99, limit=3).lines] == [1]
