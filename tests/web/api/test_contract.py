"""Every answer is one that the OpenAPI document declares; `--fuzz 20000 --fuzz-seed 7` sends more requests."""

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode, checks, openapi
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.web.population import Population
from web import create_app
from worker.jobs.settings import Settings

_CHECKS = [
    checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
_NAMES = st.sampled_from(["shapes", "1", "2", "job:1", "gpu", "cpu", "none"])


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_every_answer_is_declared(sqlite_store: Settings, request: pytest.FixtureRequest) -> None:
    population = Population(sqlite_store.model_copy(update={"requests_per_minute": 0, "auth": "off"}))
    document = openapi.from_wsgi("/api/v1/openapi.json", create_app(population.settings))
    n_each = max(1, request.config.getoption("--fuzz") // 1000)
    statuses: set[tuple[str, int]] = set()
    # This client leaves files open, and waits for the ends of streams.
    for found in document.exclude(path_regex="/(file|stream)$").get_all_operations():
        assert isinstance(found, Ok)
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            statuses |= _statuses_of(found.ok(), mode, n_each, request.config.getoption("--fuzz-seed"))
    assert {("get", 200), ("get", 400), ("get", 404), ("post", 422)} <= statuses


def _statuses_of(operation: Any, mode: GenerationMode, n_requests: int, seed_: int) -> set[tuple[str, int]]:
    """Send requests that fit an operation, or do not, and check their answers."""
    statuses = set()

    @seed(seed_)
    @settings(
        max_examples=n_requests,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), id_=st.integers(0, 14), name=_NAMES)
    def send(case: Any, id_: int, name: str) -> None:
        # Else nearly all answers would be 404.
        case.path_parameters = {each: name if each == "name" else id_ for each in case.path_parameters}
        # Compressed answers are not for this client.
        answer = case.call_and_validate(checks=_CHECKS, headers={"Accept-Encoding": "identity"})
        statuses.add((operation.method, answer.status_code))

    send()
    return statuses
