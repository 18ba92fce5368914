import re

import pytest

from tests.paths import ROOT
from tests.worker.client.conftest import Served
from worker.client import Client, RefusedError, UnreachableError
from worker.client.http import iterate_jobs
from worker.client.store_jobs import StoreJobs
from worker.jobs.cleaning.deletion import Loss
from worker.jobs.plain_json import as_json
from worker.jobs.preflight.preflight import Outlook
from worker.jobs.requests.spec_error import SpecError
from worker.jobs.watching.job_list import JobFilter


def test_the_example_of_the_documentation_runs(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    page = (ROOT / "docs/api.md").read_text(encoding="utf-8")
    [example] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names = {"url": served.url, "token": served.token, "config": str(served.dataset / "config.yaml")}
    exec(compile(example, "docs/api.md", "exec"), names)  # noqa: S102  (our own page)
    assert "1 train queued" in capsys.readouterr().out


def test_it_tells_what_the_store_tells(served: Served) -> None:
    with Client(served.url, served.token) as client:
        heard: list[Outlook] = []
        fields = {"config": str(served.dataset / "config.yaml")}
        job, evaluated = client.submit("train", fields, {"name": "First"}, then=["evaluate"], hear=heard.append)
        assert evaluated.awaits_others
        assert "broker cannot be reached" in heard[0].notices[0]
        store = StoreJobs(served.settings)
        assert as_json(client.show(job.id)) == as_json(store.show(job.id))
        assert as_json(client.list_jobs()) == as_json(store.list_jobs(JobFilter()))
        assert client.edit(job.id, {"notes": "wide", "priority": 3}).priority == 3
        assert client.pause(job.id).held_at is not None
        assert client.resume(job.id).held_at is None
        assert client.cancel(job.id).state == "cancelled"
        assert client.wait(job.id).state == "cancelled"
        copies = [client.retry(job.id), client.clone(job.id, {"seed": 4})]
        assert [each.parent_id for each in copies] == [job.id, job.id]
        assert [each.id for each in iterate_jobs(client)] == [copies[1].id, copies[0].id, evaluated.id, job.id]
        assert [each.id for each in client.list_jobs(limit=2)] == [copies[1].id, copies[0].id]
        assert client.read_log(job.id).log == ""
        with pytest.raises(RefusedError, match="cancel it before"):
            client.delete(copies[0].id)
        client.cancel(copies[0].id)
        assert client.delete(copies[0].id) == Loss(copies[0].id, 0, 0, 0, has_scores=False, stays=None)


def test_refusals_are_errors_with_the_fields(served: Served) -> None:
    with Client(served.url, served.token) as client:
        with pytest.raises(SpecError) as wrong:
            client.submit("train", {"seed": -1})
        assert wrong.value.fields == {"config": "is required.", "seed": "must be at least 0, got -1."}
        with pytest.raises(RefusedError, match="There is no job 77") as missing:
            client.show(77)
        assert missing.value.status == 404
    with Client(served.url) as stranger, pytest.raises(RefusedError, match="Sign in") as refused:
        stranger.list_jobs()
    assert refused.value.status == 401


def test_an_address_without_a_platform_is_a_sentence(served: Served) -> None:
    with Client("http://127.0.0.1:1") as nowhere, pytest.raises(UnreachableError, match="no platform answers"):
        nowhere.list_jobs()
    with Client(f"{served.url}/static") as elsewhere, pytest.raises(UnreachableError, match="as no platform does"):
        elsewhere.list_jobs()
