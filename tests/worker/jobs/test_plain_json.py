import math
from dataclasses import dataclass
from pathlib import Path

from worker.jobs.plain_json import as_json


@dataclass
class Point:
    x: float
    file: Path


def test_values_that_json_does_not_have() -> None:
    value = [Point(math.nan, Path("a/ü")), {1: (1.5, None)}, {"inner": Point(math.inf, Path("b"))}]
    assert as_json(value) == [{"x": None, "file": "a/ü"}, {"1": [1.5, None]}, {"inner": {"x": None, "file": "b"}}]
