"""docker-compose.yml is not run here, but what it asks of our program must exist."""

from typing import Any

import click
import pytest
import yaml

from tests.paths import ROOT
from worker.cli import main
from worker.jobs.settings import Settings

_SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
_OURS = {name: service for name, service in _SERVICES.items() if "build" in service}


def parse(arguments: list[str]) -> None:
    """Parse a command line without running it. Our groups of commands have no options of their own."""
    command: click.Command | None = main
    rest = list(arguments)
    while isinstance(command, click.Group):
        command = command.get_command(click.Context(command), rest.pop(0))
    assert command is not None
    command.make_context(command.name, rest, click.Context(main, **main.context_settings))  # whose -h a command keeps


def test_has_every_part_of_the_platform() -> None:
    assert _SERVICES.keys() == {"postgres", "valkey", "upgrade", "web", "gpu-worker", "cpu-worker"}


@pytest.mark.parametrize("name", list(_OURS))
def test_commands_and_settings_are_ours(name: str) -> None:
    parse(_OURS[name]["command"])
    known = {f"DEEPLAB_{field.upper()}" for field in Settings.model_fields}
    assert _OURS[name]["environment"].keys() <= known


@pytest.mark.parametrize("name", sorted(_SERVICES.keys() - {"upgrade"}))
def test_every_service_that_stays_has_a_health_check(name: str) -> None:
    test = _SERVICES[name]["healthcheck"]["test"]
    if test[1] == "deeplab":
        parse(test[2:])


def test_postgres_is_healthy_only_when_others_can_reach_it() -> None:
    """While its image sets up the database, a temporary server answers on the socket, and is then stopped."""
    check = _SERVICES["postgres"]["healthcheck"]["test"]
    assert check[check.index("--host") + 1] == "127.0.0.1"
    assert _SERVICES["upgrade"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}


def test_valkey_is_asked_with_the_password_that_it_demands() -> None:
    """valkey-cli 8 reads it from REDISCLI_AUTH alone, 9 from there too."""
    valkey = _SERVICES["valkey"]
    assert valkey["command"][-2:] == ["--requirepass", valkey["environment"]["REDISCLI_AUTH"]]


def test_image_copies_only_what_there_is() -> None:
    for line in (ROOT / "Dockerfile").read_text().splitlines():
        if line.startswith("COPY ") and "--from" not in line:
            for source in line.split()[1:-1]:
                assert (ROOT / source).exists(), source
