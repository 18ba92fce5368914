"""What arguments ask for, and how the same is written into addresses again."""

from urllib.parse import parse_qs

import pytest

from worker.jobs.requests.spec_error import SpecError
from worker.jobs.results.filters import Filter
from worker.jobs.results.questions import Question, read_question


def read(query: str) -> Question:
    return read_question(parse_qs(query, keep_blank_values=True))


@pytest.mark.parametrize(
    ("query", "wanted", "sort"),
    [
        ("", Filter(), "name"),
        ("class=&name=&min_share=&sort=", Filter(), "name"),  # as an empty form
        ("class=3&class=0&class=3&sort=-share", Filter(classes=(3, 0)), "-share"),
        ("class=3&min_share=12.5&max_share=100", Filter(classes=(3,), min_share=0.125, max_share=1), "name"),
        ("only=errors&name=a%20b&folder=/c/d/", Filter(status="error", name="a b", folder="c/d"), "name"),
        ("min_confidence=0&max_confidence=50", Filter(min_confidence=0, max_confidence=0.5), "name"),
        ("true=1&predicted=2&sort=-pixels", Filter(cell=(1, 2)), "-pixels"),
        ("class=2&in_truth=1", Filter(classes=(2,), in_truth=True), "name"),
    ],
)
def test_addresses_are_read_and_written_alike(query: str, wanted: Filter, sort: str) -> None:
    question = read(query)
    assert question == Question(wanted, sort, None)
    again = {
        name: [str(each) for each in (value if isinstance(value, list) else [value])]
        for name, value in question.as_args().items()
    }
    assert read_question(again) == question


def test_changes_replace_arguments() -> None:
    question = read("class=3&sort=-share&cursor=abc")
    assert question.cursor == "abc"
    assert question.as_args() == {"class": [3], "sort": "-share"}
    assert question.as_args(cursor="x", sort=None) == {"class": [3], "cursor": "x"}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("class=256", "class"),
        ("class=-1", "class"),
        ("class=²", "class"),
        ("&".join(f"class={index}" for index in range(9)), "class"),
        ("class=1&min_share=nan", "min_share"),
        ("class=1&max_share=100.1", "max_share"),
        ("max_share=5", "class"),
        ("predicted=5", "predicted"),
        ("only=all", "only"),
        ("sort=best", "sort"),
    ],
)
def test_what_makes_no_sense_is_refused_by_field(query: str, field: str) -> None:
    with pytest.raises(SpecError) as caught:
        read(query)
    assert list(caught.value.fields) == [field]
