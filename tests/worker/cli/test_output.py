from pathlib import Path

import pytest

from worker.cli.output import print_json, print_table


def test_json_is_readable_and_keeps_letters(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"file": Path("a/ü")})
    assert capsys.readouterr().out == '{\n  "file": "a/ü"\n}\n'


def test_table_aligns_numbers_to_the_right(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("NAME", "N", "SCORE"), [("a", 5, "0.25"), ("long name", 12, "")], "nothing")
    assert capsys.readouterr().out == "NAME        N  SCORE\na           5   0.25\nlong name  12\n"


def test_empty_table_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("A",), [], "There is nothing.")
    assert capsys.readouterr().out == "There is nothing.\n"
