import pytest

from worker.jobs.requests.label import NO_LABEL, parse_label
from worker.jobs.requests.spec_error import SpecError


def test_both_are_optional_and_stripped() -> None:
    assert parse_label({}) == NO_LABEL
    label = parse_label({"name": " Größe 2 ", "notes": "one\ntwo\n"})
    assert (label.name, label.notes) == ("Größe 2", "one\ntwo")


@pytest.mark.parametrize(
    ("given", "field", "sentence"),
    [
        ({"name": "a\nb"}, "name", "must be one line of plain text."),
        ({"name": "x" * 121}, "name", "must have at most 120 characters, got 121."),
        ({"notes": "a\0b"}, "notes", "must be plain text."),
        ({"notes": "\ud800"}, "notes", "must be plain text."),
        ({"notes": 5}, "notes", "must be text, got 5."),
        ({"nmae": "x"}, "nmae", "is not one of name, notes and experiment."),
    ],
)
def test_what_is_refused_is_named(given: dict[str, object], field: str, sentence: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_label(given)
    assert caught.value.fields == {field: sentence}
