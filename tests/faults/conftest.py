"""How often each fault is tried, and from what its details are drawn."""

import random

import pytest

from tests.acceptance.conftest import images, platform, sample, weights

__all__ = ["images", "platform", "sample", "weights"]  # fixtures


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--trials") > 1:
        return
    for item in items:
        if item.get_closest_marker("faults"):
            item.add_marker(pytest.mark.skip(reason="belongs to the long form: make faults"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each trial a generator of its own; its number in the test's name repeats it."""
    if "rng" in metafunc.fixturenames:
        first = metafunc.config.getoption("--fault-seed")
        seeds = range(first, first + metafunc.config.getoption("--trials"))
        metafunc.parametrize("rng", [random.Random(seed) for seed in seeds], ids=[f"seed{seed}" for seed in seeds])
