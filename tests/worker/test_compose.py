"""docker-compose.yml, its overlay and the Dockerfile are not run here; what they promise and ask of us is held."""

import re
import runpy
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from tests.paths import ROOT
from worker.cli import main
from worker.jobs.settings import Settings


def read(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((ROOT / name).read_text("utf-8"))
    return content


_COMPOSE = read("docker-compose.yml")
_SERVICES: dict[str, dict[str, Any]] = _COMPOSE["services"]
_OURS = {name: service for name, service in _SERVICES.items() if service["image"].startswith("deeplab-")}
_STARTS_AS_ROOT = {"postgres", "valkey"}  # to own their volumes; they become another user then
_TOOL = runpy.run_path(str(ROOT / "tools" / "image_requirements.py"))
_DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")


def parse(arguments: list[str]) -> None:
    """Parse a command line without running it. Our groups of commands have no options of their own."""
    command: click.Command | None = main
    rest = list(arguments)
    while isinstance(command, click.Group):
        command = command.get_command(click.Context(command), rest.pop(0))
    assert command is not None
    command.make_context(command.name, rest, click.Context(main, **main.context_settings))  # whose -h a command keeps


def make_secrets(folder: Path) -> None:
    subprocess.run(["/bin/sh", ROOT / "tools" / "secrets.sh", folder], check=True, capture_output=True)


def seconds(duration: str) -> int:
    assert duration.endswith("s")
    return int(duration.removesuffix("s"))


def test_has_every_part_of_the_platform() -> None:
    assert _SERVICES.keys() == {"postgres", "valkey", "upgrade", "web", "gpu-worker", "cpu-worker"}
    assert _SERVICES.keys() - _OURS.keys() == _STARTS_AS_ROOT


@pytest.mark.parametrize("name", list(_OURS))
def test_commands_and_settings_are_ours(name: str) -> None:
    parse(_OURS[name]["command"])
    known = {f"DEEPLAB_{field.upper()}" for field in Settings.model_fields} | {"NUMBA_CACHE_DIR"}
    assert _OURS[name]["environment"].keys() <= known


@pytest.mark.parametrize("name", sorted(_SERVICES.keys() - {"upgrade"}))
def test_every_service_that_stays_has_a_health_check(name: str) -> None:
    test = _SERVICES[name]["healthcheck"]["test"]
    if test[1] == "deeplab":
        parse(test[2:])


@pytest.mark.parametrize("name", list(_SERVICES))
def test_every_container_is_walled_in(name: str) -> None:
    service = _SERVICES[name]
    assert service["read_only"] is True
    assert service["init"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "/tmp" in service["tmpfs"]  # noqa: S108  (in the container)
    assert service["pids_limit"] > 0
    assert service["mem_limit"]
    assert {"max-size", "max-file"} <= service["logging"]["options"].keys()
    assert service["hostname"] == name  # by which workers are named, also after the next `up`
    assert not {"privileged", "network_mode", "pid", "ipc", "devices"} & service.keys()
    if name in _STARTS_AS_ROOT:
        assert set(service["cap_add"]) == {"CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "SETGID", "SETUID"}
    else:
        assert "cap_add" not in service
        assert service["user"] == "${DEEPLAB_UID:-1000}:${DEEPLAB_GID:-1000}"


def test_no_container_has_a_way_out_and_only_the_dashboard_a_way_in() -> None:
    networks = _COMPOSE["networks"]
    assert networks["internal"] == {"internal": True}
    assert networks["front"]["driver_opts"]["com.docker.network.bridge.enable_ip_masquerade"] == "false"
    attached = {name: service["networks"] for name, service in _SERVICES.items()}
    assert attached.pop("web") == ["internal", "front"]
    assert set(map(tuple, attached.values())) == {("internal",)}
    assert {name for name, service in _SERVICES.items() if "ports" in service} == {"web"}
    assert _SERVICES["web"]["ports"] == ["127.0.0.1:8000:8000"]


def test_secrets_are_files_that_a_script_makes(tmp_path: Path) -> None:
    for _ in range(2):
        make_secrets(tmp_path / "secrets")
    files = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    assert {f"${{DEEPLAB_SECRETS:-./secrets}}/{name}" for name in files} == {
        secret["file"] for secret in _COMPOSE["secrets"].values()
    }
    assert files["valkey.conf"] == f"requirepass {files['valkey_password']}"
    assert len({files["postgres_password"], files["valkey_password"], files["secret_key"]}) == 3
    assert all(len(content.split()[-1]) == 64 for content in files.values())
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700


def test_a_secret_that_exists_is_kept(tmp_path: Path) -> None:
    (tmp_path / "valkey_password").write_text("mine\n")
    make_secrets(tmp_path)
    assert (tmp_path / "valkey_password").read_text() == "mine\n"
    assert (tmp_path / "valkey.conf").read_text() == "requirepass mine\n"


@pytest.mark.parametrize("name", list(_SERVICES))
def test_no_secret_stands_in_an_environment_or_a_command(name: str) -> None:
    service = _SERVICES[name]
    for variable, value in service.get("environment", {}).items():
        if re.search("PASSWORD|SECRET|KEY|TOKEN", variable):
            assert variable.endswith("_FILE"), variable
            assert Path(value).name in service["secrets"], variable
        assert not re.search(r"://[^/]*:[^/@]*@", value), variable
    assert not re.search(r"\$\{[A-Z_]*(PASSWORD|SECRET|_KEY|TOKEN)", str(service))


def test_each_service_gets_only_what_it_needs() -> None:
    secrets = {name: set(service["secrets"]) for name, service in _SERVICES.items()}
    assert secrets["upgrade"] == secrets["postgres"] == {"postgres_password"}
    assert secrets["valkey"] == {"valkey.conf", "valkey_password"}
    assert secrets["gpu-worker"] == secrets["cpu-worker"] == {"postgres_password", "valkey_password"}
    assert {name for name, names in secrets.items() if "secret_key" in names} == {"web"}
    assert _SERVICES["upgrade"]["volumes"] == []
    assert _SERVICES["web"]["volumes"][1]["read_only"] is True
    assert "read_only" not in _SERVICES["gpu-worker"]["volumes"][1]


def test_docker_makes_no_data_folder_as_root() -> None:
    for service in (_SERVICES["web"], _SERVICES["gpu-worker"], _SERVICES["cpu-worker"]):
        assert service["volumes"][1]["bind"] == {"create_host_path": False}


def test_postgres_is_healthy_only_when_others_can_reach_it() -> None:
    """While its image sets up the database, a temporary server answers on the socket, and is then stopped."""
    check = _SERVICES["postgres"]["healthcheck"]["test"]
    assert check[check.index("--host") + 1] == "127.0.0.1"
    assert _SERVICES["upgrade"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}


def test_valkey_refuses_what_does_not_fit_in_place_of_forgetting_jobs() -> None:
    command = _SERVICES["valkey"]["command"]
    assert command[:2] == ["valkey-server", "/run/secrets/valkey.conf"]
    assert "--maxmemory-policy noeviction" in command
    assert any(option.startswith("--maxmemory ") for option in command)


def test_workers_have_longer_to_stop_than_their_jobs_to_save() -> None:
    for name in ("gpu-worker", "cpu-worker"):
        assert seconds(_SERVICES[name]["stop_grace_period"]) > 2 * Settings.model_fields["stop_seconds"].default


def test_gpus_are_an_overlay() -> None:
    assert "deploy" not in str(_COMPOSE)
    overlay = read("compose.gpu.yml")["services"]
    assert overlay.keys() == {"gpu-worker"}
    assert overlay["gpu-worker"].keys() == {"deploy"}
    (device,) = overlay["gpu-worker"]["deploy"]["resources"]["reservations"]["devices"]
    assert device["driver"] == "nvidia"


def test_each_image_is_built_once() -> None:
    built = [service["image"] for service in _SERVICES.values() if "build" in service]
    assert sorted(built) == ["deeplab-web", "deeplab-worker"]
    assert {service["image"] for service in _OURS.values()} == set(built)
    targets = re.findall(r"^FROM \S+ AS (\S+)$", _DOCKERFILE, re.MULTILINE)
    for service in _OURS.values():
        if "build" in service:
            assert service["build"]["target"] in targets


def test_the_dashboards_image_lacks_what_jobs_alone_need() -> None:
    requirements = _TOOL["image_requirements"]()
    assert {re.split("[^a-z]", each)[0] for each in requirements["worker"]} == _TOOL["JOBS_ALONE"]
    assert not [each for each in requirements["web"] if re.match("torch|numba|tensorboard", each)]
    forbidden = re.search(
        r'name = "The dashboard never imports.*?forbidden_modules = \[(.*?)\]',
        (ROOT / "pyproject.toml").read_text("utf-8"),
        re.DOTALL,
    )
    assert forbidden is not None
    assert set(re.findall('"(.*?)"', forbidden[1])) == _TOOL["JOBS_ALONE"]


def test_dependencies_are_installed_before_the_sources_are_copied() -> None:
    """So a change of a source installs nothing anew: stages that install with pip's requirements copy no package."""
    for stage in _DOCKERFILE.split("\nFROM ")[1:]:
        copies = [line for line in stage.splitlines() if re.match(r"COPY (deeplab|worker|web|\.) ", line)]
        installs = [line for line in stage.splitlines() if "--requirement" in line]
        if copies and installs:
            assert stage.index(installs[-1]) < stage.index(copies[0])
        assert not copies or "AS package" in stage


def test_the_image_copies_only_what_there_is_and_runs_as_nobody_special() -> None:
    for line in _DOCKERFILE.splitlines():
        if line.startswith("COPY ") and "--from" not in line:
            for source in line.split()[1:-1]:
                assert (ROOT / source).exists(), source
    assert _DOCKERFILE.count("\nUSER 1000:1000") == 2
    assert not re.search(r"ghcr|docker\.io|https?://", _DOCKERFILE)


def test_the_build_backend_is_pinned() -> None:
    (backend,) = _TOOL["image_requirements"]()["build"]
    assert re.fullmatch(r"hatchling==[0-9.]+", backend)


def admitted(path: str) -> bool:
    """Whether .dockerignore lets a file through; the last line that matches decides, as in Docker."""
    verdict = True
    for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            pattern = line.removeprefix("!")
            expression = re.escape(pattern).replace(r"\*\*/", "(.*/)?").replace(r"\*", "[^/]*")
            if re.fullmatch(rf"{expression}(/.*)?", path):
                verdict = line.startswith("!")
    return verdict


def test_the_build_sees_every_source() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "deeplab", "worker", "web", "migrations", "configs"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert len(listed) > 500
    assert [path for path in listed if not admitted(path)] == []
    for path in ("pyproject.toml", "constraints.txt", "package-lock.json", "README.md", "LICENSE", "tools/vendor.py"):
        assert admitted(path), path


@pytest.mark.parametrize(
    "path",
    [
        *(".env", "web/.env", "web/.env.local", "worker/jobs/.env", "configs/.secret.yaml", "web/static/.htpasswd"),
        *("server.key", "web/tls.key", "web/static/tls.pem", "deeplab/id_rsa", "worker/cert.p12", "secrets/key.txt"),
        *("secrets/postgres_password", "secrets/valkey.conf", "data/photo.jpg", "deeplab/models/weights.pth"),
        *("web/app.pyc", "web/__pycache__/app.cpython-312.pyc", "deeplab.sqlite", "worker/dump.sql", ".git/config"),
        *("web/static/vendor/htmx.min.js", "tests/conftest.py", "docs/cluster.md", "node_modules/a/index.js"),
        *(".netrc", "pip.conf", "web/settings.json", "migrations/backup.tar.gz", "docker-compose.override.yml"),
    ],
)
def test_the_build_sees_nothing_else(path: str) -> None:
    assert not admitted(path)
