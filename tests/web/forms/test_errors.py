import pytest

from web.forms.errors import as_sentence


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        ("is required.", "Seed is required."),
        ("must be a name.", "Seed must be a name."),
        ("input should be a number.", "Input should be a number."),
        ("/data/a.yaml is missing.", "/data/a.yaml is missing."),
        ("", ""),
    ],
)
def test_an_error_becomes_a_sentence(error: str, sentence: str) -> None:
    assert as_sentence("Seed", error) == sentence
