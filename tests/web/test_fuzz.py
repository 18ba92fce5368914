"""No request is answered by an internal error; `--fuzz 20000 --fuzz-seed 7` sends more of them, and others."""

import pytest
from werkzeug.test import Client

from tests.web.fuzzing import Fuzzer
from tests.web.population import Population
from web import create_app
from worker.jobs.results.record import item_key
from worker.jobs.settings import Settings


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_no_request_is_an_internal_error(store: Settings, request: pytest.FixtureRequest) -> None:
    """From somebody who may do everything, and every tenth from nobody."""
    settings = store.model_copy(update={"requests_per_minute": 0, "auth": "off"})
    population = Population(settings)
    app = create_app(settings)
    app.config["WTF_CSRF_ENABLED"] = False  # else no form would be read
    weights = population.root / "weights.pth"
    weights.write_bytes(b"\x80\x02.")
    inside = (population.root, population.dataset, population.dataset / "config.yaml", population.folder, weights)
    keys = [item_key(path.name) for path in population.folder.iterdir()]
    fuzzer = Fuzzer(app, request.config.getoption("--fuzz-seed"), [*map(str, inside), *keys])
    admin, nobody = Client(app), Client(create_app(settings.model_copy(update={"auth": "auto"})))
    for number in range(request.config.getoption("--fuzz")):
        drawn, client = fuzzer.draw(), nobody if number % 10 == 9 else admin
        with client.open(
            drawn.address, method=drawn.method, data=drawn.data, content_type=drawn.content_type
        ) as response:
            response.get_data()
        if not drawn.address.startswith("/readyz"):  # which says truly that there is no broker here
            assert response.status_code < 500, str(drawn)
