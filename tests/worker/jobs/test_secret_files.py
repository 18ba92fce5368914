from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import make_url

from worker.jobs import urls
from worker.jobs.settings import SettingsError, load_settings

AWKWARD = "p@s:s/w#o?r%d [é]"
SetVariables = Callable[..., None]


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SetVariables:
    """Sets variables of settings; those that end in FILE name a file with this content."""
    monkeypatch.setenv("DEEPLAB_HOME", str(tmp_path / "home"))

    def set_variables(**values: str) -> None:
        for name, value in values.items():
            if name.endswith("_FILE"):
                (tmp_path / name.lower()).write_text(value)
                value = str(tmp_path / name.lower())
            monkeypatch.setenv(f"DEEPLAB_{name}", value)

    return set_variables


def test_passwords_of_any_characters_come_from_files(variables: SetVariables) -> None:
    variables(
        DATABASE_URL="postgresql://me@host:5432/name?sslmode=verify-full",
        DATABASE_PASSWORD_FILE=f"{AWKWARD}\n",
        BROKER_URL="rediss://host:6379/0",
        BROKER_PASSWORD_FILE=f"{AWKWARD}\r\n",
    )
    settings = load_settings()
    url = make_url(settings.database)
    assert (url.username, url.password, url.host, url.database) == ("me", AWKWARD, "host", "name")
    assert url.query == {"sslmode": "verify-full"}
    urls.check_broker_url(settings.broker)
    assert settings.broker.startswith("rediss://:p%40s%3As")
    assert (settings.embedded_broker, settings.embedded_database) == (False, None)


def test_urls_and_the_key_of_cookies_come_from_files(variables: SetVariables) -> None:
    variables(
        DATABASE_URL_FILE="postgresql://me:secret@host/name\n",
        BROKER_URL_FILE="redis://:secret@host:6379/0\n",
        SECRET_KEY_FILE="k" * 32,
    )
    settings = load_settings()
    assert settings.database == "postgresql://me:secret@host/name"
    assert settings.broker == "redis://:secret@host:6379/0"
    assert settings.secret_key == "k" * 32


def test_a_child_is_told_the_files_and_no_secret(variables: SetVariables, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = {"DATABASE_PASSWORD_FILE": "s3cret", "SECRET_KEY_FILE": "s3cret" * 8}
    variables(DATABASE_URL="postgresql://me@host/name", **secrets)
    settings = load_settings()
    environment = settings.environment()
    assert "s3cret" not in str(environment)
    monkeypatch.setattr("os.environ", environment)
    assert load_settings().database == settings.database == "postgresql://me:s3cret@host/name"


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"DATABASE_URL": "postgresql://h/n", "DATABASE_URL_FILE": "x"}, "DATABASE_URL_FILE: .*is set, too"),
        ({"DATABASE_URL_FILE": "mysql://me:s3cret@h/n"}, "DATABASE_URL_FILE: .*begins with mysql://"),
        ({"DATABASE_PASSWORD_FILE": "s3cret"}, "DATABASE_PASSWORD_FILE: expected DEEPLAB_DATABASE_URL"),
        ({"BROKER_PASSWORD_FILE": "s3cret"}, "BROKER_PASSWORD_FILE: expected DEEPLAB_BROKER_URL"),
        (
            {"BROKER_URL": "redis://:s3cret@h/0", "BROKER_PASSWORD_FILE": "s3cret"},
            "BROKER_PASSWORD_FILE: DEEPLAB_BROKER_URL has a password, too",
        ),
        (
            {"DATABASE_URL": "postgresql://h/n?password=s3cret", "DATABASE_PASSWORD_FILE": "s3cret"},
            "DATABASE_PASSWORD_FILE: DEEPLAB_DATABASE_URL has a password, too",
        ),
        ({"DATABASE_URL": "sqlite:////x", "DATABASE_PASSWORD_FILE": "s3cret"}, "PASSWORD_FILE: .*names a file"),
        ({"DATABASE_URL_FILE": ""}, "DATABASE_URL_FILE: expected one line"),
        ({"BROKER_URL_FILE": "redis://h/0\nredis://h/1\n"}, "BROKER_URL_FILE: expected one line"),
        ({"SECRET_KEY_FILE": "s3cret"}, "SECRET_KEY_FILE: .*has 6 characters; expected 32 or more"),
        ({"SECRET_KEY_FILE": "k" * 5000}, "SECRET_KEY_FILE: expected one line of at most"),
    ],
)
def test_what_cannot_be_used_is_named_and_not_shown(
    variables: SetVariables, values: dict[str, str], sentence: str
) -> None:
    variables(**values)
    with pytest.raises(SettingsError, match=f"^DEEPLAB_.*{sentence}") as caught:
        load_settings()
    assert "s3cret" not in str(caught.value)


def test_files_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff" * 40)
    (tmp_path / "home" / "data").mkdir(parents=True)
    (tmp_path / "home" / "data" / "key").write_text("k" * 32)
    monkeypatch.setenv("DEEPLAB_HOME", str(tmp_path / "home"))
    for name, reason in {
        "missing": "cannot be read: No such file",
        ".": "cannot be read: Is a directory",
        "bytes": "is not text",
        "home/data/key": "lies in a data root",
    }.items():
        monkeypatch.setenv("DEEPLAB_SECRET_KEY_FILE", str(tmp_path / name))
        with pytest.raises(SettingsError, match=f"DEEPLAB_SECRET_KEY_FILE: .*{reason}"):
            load_settings()


def test_a_url_in_a_call_wins_over_files(variables: SetVariables, tmp_path: Path) -> None:
    variables(DATABASE_URL_FILE="postgresql://me:secret@host/name", BROKER_URL_FILE="redis://host/0")
    settings = load_settings(database_url="", broker_url="redis://other/0")
    assert settings.database == f"sqlite:///{tmp_path}/home/deeplab.sqlite"
    assert settings.broker == "redis://other/0"
