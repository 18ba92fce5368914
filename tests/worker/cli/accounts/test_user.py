import json
from concurrent.futures import ThreadPoolExecutor, wait

import pytest
from click.testing import CliRunner, Result

from tests.worker.cli.conftest import Deeplab
from tests.worker.jobs.accounts.people import PASSWORD
from worker.cli import main
from worker.jobs import storage
from worker.jobs.accounts import login_links, passwords, sessions, tokens, users
from worker.jobs.accounts.roles import ADMIN, LOCAL, VIEWER
from worker.jobs.database import open_session
from worker.jobs.settings import Settings


def piped(text: str, *arguments: str) -> Result:
    """A command with something on its standard input, as a script sends a password."""
    return CliRunner().invoke(main, arguments, input=text, prog_name="deeplab")


def test_people_are_added_changed_and_listed(home: Settings, deeplab: Deeplab) -> None:
    assert piped(f"{PASSWORD}\n", "user", "add", "anna", "--role", "admin").output == "anna is admin.\n"
    assert piped("", "user", "add", "bea", "--no-password").output == "bea is operator.\n"
    listed = json.loads(deeplab("user", "list", "--json").output)
    assert [(each["name"], each["role"], each["has_password"]) for each in listed] == [
        ("anna", "admin", True),
        ("bea", "operator", False),
    ]
    assert deeplab("user", "role", "anna", "viewer").output == "anna is viewer.\n"
    assert deeplab("user", "disable", "bea").output == "bea is disabled.\n"
    lines = deeplab("user", "list").output.splitlines()
    assert lines[1].split() == ["anna", "viewer", "yes"]
    assert lines[2].split() == ["bea", "operator", "no", "disabled"]
    assert deeplab("user", "enable", "bea").exit_code == 0
    assert "password" not in json.dumps(listed).replace("has_password", "")


def test_a_password_is_changed_and_signs_out(home: Settings) -> None:
    piped(f"{PASSWORD}\n", "user", "add", "anna")
    with open_session(home) as session:
        secret = sessions.start(session, users.get(session, "anna").id)
    assert piped("another long password\n", "user", "passwd", "anna").output == "The password of anna is changed.\n"
    with open_session(home, reads_only=True) as session:
        assert passwords.matches(users.find_password_hash(session, "anna"), "another long password")
        assert sessions.find_user(session, secret) is None


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("add", "anna"), "A password has from 12 to 1,000 characters; this one has 5."),
        (("add", "a/b", "--no-password"), "A name consists of at most 64 letters"),
        (("passwd", "anna"), "There is no user named 'anna'."),
        (("role", "anna", "viewer"), "There is no user named 'anna'."),
        (("disable", "local"), "'local' is the built-in account, which cannot be changed."),
    ],
)
def test_what_cannot_be_is_said(home: Settings, arguments: tuple[str, ...], sentence: str) -> None:
    ended = piped("short\n", "user", *arguments)
    assert ended.exit_code == 1
    assert ended.stderr.startswith(f"Error: {sentence}")


def test_the_first_user_can_be_added_before_the_platform_ever_ran(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setenv("DEEPLAB_HOME", str(tmp_path_factory.mktemp("new") / "home"))
    assert piped(f"{PASSWORD}\n", "user", "add", "anna", "--role", "admin").exit_code == 0


def test_tokens_are_created_listed_and_revoked(home: Settings, deeplab: Deeplab) -> None:
    piped("", "user", "add", "anna", "--no-password")
    secret = deeplab("token", "create", "nightly", "--user", "anna", "--role", "viewer", "--days", 30).output.strip()
    own = json.loads(deeplab("token", "create", "mine", "--json").output)["token"]
    with open_session(home, reads_only=True) as session:
        found = [tokens.find_bearer(session, each) for each in (secret, own)]
    assert [(each.user.name, each.role) for each in found if each] == [("anna", VIEWER), (LOCAL, ADMIN)]
    (listed,) = json.loads(deeplab("token", "list", "--user", "anna", "--json").output)
    assert secret not in json.dumps(listed)
    assert deeplab("token", "list").output.splitlines()[2].split()[:4] == ["1", "anna", "nightly", "viewer"]
    assert deeplab("token", "revoke", listed["id"]).output == f"Token {listed['id']} is revoked.\n"
    with open_session(home, reads_only=True) as session:
        assert tokens.find_bearer(session, secret) is None
    assert "There is no token 77" in deeplab("token", "revoke", 77).stderr
    refused = deeplab("token", "create", "x", "--user", "anna", "--role", "admin")
    assert "A token cannot be admin: its user anna is operator." in refused.stderr


def test_a_link_signs_in_the_built_in_account(
    home: Settings, deeplab: Deeplab, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = deeplab("login-link")
    assert ended.stdout.startswith("http://127.0.0.1:8000/login?once=")
    assert "No platform is running" in ended.stderr
    with open_session(home) as session:
        user = login_links.use(session, ended.stdout.strip().partition("once=")[2])
    assert user is not None
    assert user.name == LOCAL
    monkeypatch.setenv("DEEPLAB_AUTH", "required")
    assert deeplab("login-link").stderr == "Error: DEEPLAB_AUTH is required: no link signs anybody in.\n"


def test_a_link_needs_a_platform(
    deeplab: Deeplab, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("none")
    monkeypatch.setenv("DEEPLAB_HOME", str(home))
    assert "There is no platform in" in deeplab("login-link").stderr
    assert not storage.token_path(Settings(home=home)).exists()


@pytest.mark.parametrize(
    "arguments",
    [("user", "role", "anna", "viewer"), ("user", "disable", "anna"), ("token", "create", "new", "--user", "anna")],
)
def test_a_change_waits_for_another_writer(home: Settings, arguments: tuple[str, ...]) -> None:
    with open_session(home) as session:
        users.add(session, "anna", ADMIN, None)
    with ThreadPoolExecutor() as pool:
        with open_session(home) as session:
            users.add(session, "bea", VIEWER, None)
            change = pool.submit(piped, "", *arguments)
            wait([change], timeout=0.5)  # until it has begun
        assert change.result().exit_code == 0, change.result().output
