"""What the tests of the core share: the original's numbers."""

from pathlib import Path
from types import ModuleType

import pytest

from tests.golden import GOLDEN, fill


@pytest.fixture(scope="session")
def golden() -> Path:
    """The folder of numbers that the original implementation produced."""
    return GOLDEN


@pytest.fixture(scope="session")
def recipe() -> ModuleType:
    """The module that makes the weights and inputs of the golden numbers."""
    return fill
