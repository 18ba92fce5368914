import pytest
from click.shell_completion import ShellComplete

from tests.worker.jobs.preflight.mistakes import make_mistakes
from worker.cli import main
from worker.jobs import jobs
from worker.jobs.database import open_session
from worker.jobs.records import aliases
from worker.jobs.requests.label import Label
from worker.jobs.settings import Settings


def offered(*words: str, begun: str = "") -> list[str]:
    completion = ShellComplete(main, {}, "deeplab", "_DEEPLAB_COMPLETE")
    return [item.value for item in completion.get_completions(list(words), begun)]


def test_a_shell_completes_ids_and_names(home: Settings) -> None:
    make_mistakes(home, home.home.parent / "data")
    with open_session(home) as session:
        jobs.relabel(session, 1, Label(experiment="night drive"))
        aliases.move(session, "champion", 1)
    assert offered("job", "show") == ["2", "1"]
    assert offered("job", "submit", "evaluate", "--checkpoint") == ["champion", "2", "1"]
    assert offered("job", "submit", "evaluate", "--checkpoint", begun="job:") == ["job:1"]
    assert offered("job", "submit", "crf", "--evaluate-job") == ["2"]
    assert offered("job", "submit", "train", "--dataset", begun="l") == ["lost"]
    assert offered("job", "submit", "train", "--preset", begun="f") == ["fast-cpu"]
    assert offered("job", "submit", "train", "--experiment") == ["night drive"]
    assert offered("experiment", "show") == ["1"]
    assert offered("dataset", "check", begun="s") == ["street"]
    assert offered("checkpoint", "show", begun="ch") == ["champion"]


def test_where_there_is_no_platform_nothing_is_offered(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPLAB_HOME", str(settings.home / "none"))
    assert offered("job", "show") == []
    assert not (settings.home / "none").exists()
