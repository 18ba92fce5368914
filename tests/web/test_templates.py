from pathlib import Path

import web


def test_lines_of_templates_fit_a_screen() -> None:
    folder = Path(web.__file__).parent / "templates"
    lines = [(path.name, line) for path in folder.glob("*.html") for line in path.read_text("utf-8").splitlines()]
    assert len(lines) > 500
    assert [(name, line) for name, line in lines if len(line) >= 140] == []
