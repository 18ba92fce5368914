import pytest

from deeplab.errors import ConfigError
from deeplab.yaml_text import LARGEST, parse_yaml


def doubling(n_levels: int, start: str, level: str) -> str:
    """A section whose every entry repeats the one before it twice."""
    levels = [f"a{number}: &a{number} {level.format(number - 1, number)}" for number in range(1, n_levels)]
    return f"{{{', '.join([f'a0: &a0 {start}', *levels])}}}"


HOSTILE = {
    "merge keys": doubling(40, "{k0: 1}", "{{<<: [*a{0}, *a{0}], k{1}: 1}}"),
    "lists of lists": doubling(60, "[1, 1]", "[*a{0}, *a{0}]"),
    "many repetitions": f"a: &a [1]\nb: [{'*a, ' * 9_000}]",
    "itself": "a: &a [*a]",
    "itself as a section": "&a {b: *a}",
    "nesting": "[" * 2_000,
    "nested blocks": "- " * 2_000,
    "many values": f"[{'[], ' * 50_000}]",
    "length": "x" * (LARGEST + 1),
    "digits": "1" * 5_000,
    "hexadecimal digits": f"0x{'f' * 5_000}",
    "a date": "2001-99-99",
    "an empty number": "!!int ''",
    "a word as truth": "!!bool x",
    "a word as time": "!!timestamp x",
    "no base64": "!!binary é",
    "a surrogate": "\ud800",
    "a zero byte": "a\0",
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_nobody_writes_is_refused_at_once(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_yaml(text, "x.yaml")
    sentence = str(caught.value)
    assert sentence.startswith("x.yaml: ")
    assert sentence.count("\n") == 0
    assert len(sentence) < 300
    assert len(caught.value.discreet) < 60


def test_anchors_serve_a_file_and_not_an_override() -> None:
    text = "a: &a {x: 1}\nb: {<<: *a, y: 2}\nc: *a"
    assert parse_yaml(text, "x.yaml") == {"a": {"x": 1}, "b": {"x": 1, "y": 2}, "c": {"x": 1}}
    for refused in ("[&a 1, *a]", "{<<: {x: 1}}"):
        with pytest.raises(ConfigError, match="not allowed here"):
            parse_yaml(refused, "--set", allows_aliases=False)


def test_a_discreet_sentence_repeats_nothing() -> None:
    for text in ("hunter2: 1\nhunter2: 2", "hunter2: [", "x: !!bool hunter2", "x: *hunter2", "x: 01234567"):
        with pytest.raises(ConfigError) as caught:
            parse_yaml(text, "x.yaml")
        assert "hunter2" not in caught.value.discreet
        assert "1234567" not in caught.value.discreet
