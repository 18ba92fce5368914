from dataclasses import replace

from deeplab.files import write_text
from tests.worker.store import submit
from worker.jobs import storage
from worker.jobs.database import open_session
from worker.jobs.settings import Settings
from worker.jobs.watching import attempt_logs
from worker.jobs.watching.attempt_logs import FoundLine


def test_the_logs_of_all_attempts_can_be_read(sqlite_store: Settings) -> None:
    with open_session(sqlite_store) as session:
        job = replace(submit(session, sqlite_store), fence=2)
    for fence in (1, 2):
        write_text(storage.log_path(sqlite_store, job.id, fence), f"attempt {fence}\n")
    read = [attempt_logs.read_end(attempt_logs.log_of(sqlite_store, job, n), 100) for n in (None, 1, 2)]
    assert read == ["attempt 2\n", "attempt 1\n", "attempt 2\n"]
    assert [attempt_logs.log_of(sqlite_store, job, n) for n in (0, 3)] == [None, None]
    assert attempt_logs.log_of(sqlite_store, replace(job, fence=0)) is None
    assert attempt_logs.read_end(None, 100) == ""


def test_search_finds_lines_in_whatever_case(sqlite_store: Settings) -> None:
    log = sqlite_store.home / "log.txt"
    log.write_bytes(b"Loss 0.5\nnothing\nnew LOSS 0.4 \xff\r\n")
    found = attempt_logs.search(log, "loss")
    assert found == [FoundLine(1, "Loss 0.5"), FoundLine(3, "new LOSS 0.4 \ufffd")]
    assert attempt_logs.search(log, "gain") == []
    assert attempt_logs.search(sqlite_store.home / "missing.txt", "loss") == []
    assert attempt_logs.search(None, "loss") == []


def test_the_last_of_very_many_lines_are_kept(sqlite_store: Settings) -> None:
    log = sqlite_store.home / "log.txt"
    log.write_text("".join(f"line {number}\n" for number in range(1, 1001)))
    found = attempt_logs.search(log, "line")
    assert (len(found), found[0].number, found[-1].number) == (attempt_logs.MOST_FOUND, 501, 1000)
