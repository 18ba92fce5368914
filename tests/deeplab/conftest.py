"""What the tests of the core share: the recipe behind the original's numbers."""

from types import ModuleType

import pytest

from tests.golden import fill


@pytest.fixture(scope="session")
def recipe() -> ModuleType:
    """The module that makes the weights and inputs of the golden numbers."""
    return fill
