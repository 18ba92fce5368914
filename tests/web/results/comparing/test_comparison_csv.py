import csv

import pytest

from web.results.comparing.comparison import Cell, Change, ComparedLine
from web.results.comparing.comparison_csv import as_csv
from worker.jobs.results.comparison import Difference

CELLS = (Cell(0.5, None, is_best=False), Cell(0.25, Change(-0.25, Difference(-0.25, -0.5, 0.125)), is_best=True))


def test_a_job_beside_the_base_has_its_difference_and_interval() -> None:
    assert as_csv([7, 8], 0, [ComparedLine("disc", CELLS)]).splitlines() == [
        "score,job 7,job 8,job 8 difference,job 8 low,job 8 high",
        "disc,0.5,0.25,-0.25,-0.5,0.125",
    ]


@pytest.mark.parametrize("title", ["=1+1", "@SUM(1)", "+1", "-1", "'=1"])
def test_no_name_of_a_class_is_a_formula(title: str) -> None:
    row = list(csv.reader(as_csv([7, 8], 0, [ComparedLine(title, CELLS)]).splitlines()))[1]
    assert row[0] == f"'{title}"
