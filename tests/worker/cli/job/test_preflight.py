from tests.worker.cli.conftest import Deeplab
from tests.worker.jobs.preflight.mistakes import make_mistakes
from worker.jobs.settings import Settings


def test_what_cannot_succeed_is_refused_with_the_option_and_exit_code_2(deeplab: Deeplab, home: Settings) -> None:
    for name, mistake in make_mistakes(home, home.home.parent / "data").items():
        arguments: list[object] = []
        for field, value in mistake.request.items():
            option = "--set" if field == "overrides" else f"--{field.replace('_', '-')}"
            for each in value if isinstance(value, list) else [value]:
                arguments += [option, each]
        ended = deeplab("job", "submit", mistake.kind, *arguments)
        option = "--set" if mistake.field == "overrides" else f"--{mistake.field.replace('_', '-')}"
        assert ended.exit_code == 2, (name, ended.stderr)
        assert ended.stderr.startswith(f"Error: {option}: "), name
        assert mistake.sentence in ended.stderr, name
        assert ended.stderr.count("\n") == 1, name
