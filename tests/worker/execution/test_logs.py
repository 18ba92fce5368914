import json
import logging
from pathlib import Path

import pytest

from worker.execution.logs import append_line, configure_logging

FORGED = "val\n2026-11-25 22:36:48 INFO    Job 1: succeeded \x1b[31m\u202e"


@pytest.fixture(autouse=True)
def _logging_as_before() -> object:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers, root.level = handlers, level
    logging.captureWarnings(False)


def test_a_message_cannot_pass_for_another_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging()
    logging.getLogger("x").info("The split %s is missing.", FORGED)
    first, second = capsys.readouterr().err.splitlines()
    assert first.endswith("INFO    The split val")
    assert second == r"    2026-11-25 22:36:48 INFO    Job 1: succeeded \x1b[31m\u202e is missing."


def test_a_line_of_the_supervisor_cannot_either(tmp_path: Path) -> None:
    append_line(tmp_path / "log.txt", FORGED)
    _, second = (tmp_path / "log.txt").read_text().splitlines()
    assert second == r"    2026-11-25 22:36:48 INFO    Job 1: succeeded \x1b[31m\u202e"


def test_all_lines_of_a_log_are_json_if_that_is_wanted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(as_json=True)
    logging.getLogger("x").warning("The split %s is missing.", FORGED)
    append_line(tmp_path / "log.txt", FORGED)
    lines = [*capsys.readouterr().err.splitlines(), *(tmp_path / "log.txt").read_text().splitlines()]
    assert [json.loads(line)["message"] for line in lines] == [f"The split {FORGED} is missing.", FORGED]
