"""How often each fault is tried, from what its details are drawn, and the platforms that trials share."""

import random
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.acceptance.conftest import images, platform, sample, weights
from tests.conftest import TIMES
from tests.faults.scene import Inputs, Scene
from worker.jobs.settings import Settings, load_settings

__all__ = ["images", "platform", "sample", "weights"]  # fixtures

_numbers = count(1)  # of databases


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    is_short = not config.getoption("--trials")
    for item in items:
        if item.get_closest_marker("faults") is None:
            continue
        item.add_marker(pytest.mark.timeout(900))
        if is_short:
            item.add_marker(pytest.mark.skip(reason="belongs to the long form: make faults"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each trial a generator of its own; its number in the test's name repeats it."""
    if "rng" in metafunc.fixturenames:
        first = metafunc.config.getoption("--fault-seed")
        seeds = range(first, first + max(1, metafunc.config.getoption("--trials")))
        metafunc.parametrize("rng", [random.Random(seed) for seed in seeds], ids=[f"seed{seed}" for seed in seeds])


def fresh_settings(request: pytest.FixtureRequest, home: Path, kind: str, **fields: object) -> Settings:
    """Settings of a platform with a database of its own, which the server of the other tests may hold."""
    if kind == "postgresql":
        server = request.getfixturevalue("postgresql_server")
        name = f"faults_{next(_numbers)}"
        server.psql(f"CREATE DATABASE {name}")
        fields["database_url"] = server.get_uri(database=name)
    return load_settings(home=home, **{**TIMES, "shard_images": 10, **fields})


@pytest.fixture(scope="package", params=["sqlite", "postgresql"])
def shared_scene(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, sample: Path, weights: Path, images: Path
) -> Iterator[Scene]:
    folder, poisons = tmp_path_factory.mktemp("scene"), tmp_path_factory.mktemp("poisons")
    inputs = Inputs(sample / "config.yaml", weights, images)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("PYTHONPATH", str(Path(__file__).with_name("poison")))
        monkeypatch.setenv("TEST_POISONS", str(poisons))
        with Scene(fresh_settings(request, folder / "home", request.param), inputs, poisons) as scene:
            yield scene


@pytest.fixture
def scene(shared_scene: Scene, rng: random.Random) -> Iterator[Scene]:
    """One that is whole; after the trial all its jobs have to end, and what must hold is looked at."""
    shared_scene.mend()
    yield shared_scene
    shared_scene.mend()
    shared_scene.settle()


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh(request: pytest.FixtureRequest, tmp_path: Path, rng: random.Random) -> Settings:
    """Settings of a platform that a trial has for itself."""
    return fresh_settings(request, tmp_path / "home", request.param)


@pytest.fixture
def inputs(sample: Path, weights: Path, images: Path) -> Inputs:
    return Inputs(sample / "config.yaml", weights, images)


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say how to repeat this run."""
    if not (trials := config.getoption("--trials")):
        return []
    return [f"faults: {trials} trials of each, --fault-seed {config.getoption('--fault-seed')}"]
