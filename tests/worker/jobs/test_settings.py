import os
from ipaddress import ip_network
from pathlib import Path

import pytest

from worker.jobs.settings import Settings, SettingsError, load_settings


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DEEPLAB_HOME", str(tmp_path))
    monkeypatch.setenv("DEEPLAB_DATA_ROOTS", f"{tmp_path}/a{os.pathsep}{tmp_path}/b")
    monkeypatch.setenv("DEEPLAB_ALLOWED_HOSTS", "one.example, two.example,")
    monkeypatch.setenv("DEEPLAB_TRUSTED_PROXIES", "192.0.2.1, 2001:db8::/32,")
    monkeypatch.setenv("DEEPLAB_LEASE_SECONDS", "7")
    settings = load_settings(port=9)
    assert (settings.home, settings.port, settings.lease_seconds) == (tmp_path, 9, 7)
    assert settings.roots == (tmp_path / "a", tmp_path / "b")
    assert settings.allowed_hosts == ("one.example", "two.example")
    assert [str(network) for network in settings.trusted_proxies] == ["192.0.2.1/32", "2001:db8::/32"]


def test_the_embedded_parts_are_the_default(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path)
    assert settings.database == f"sqlite:///{tmp_path}/deeplab.sqlite"
    assert settings.embedded_broker
    assert settings.roots == (tmp_path / "data",)
    elsewhere = load_settings(home=tmp_path, database_url="postgresql://a/b", broker_url="redis://c")
    assert elsewhere.database == "postgresql://a/b"
    assert not elsewhere.embedded_broker


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("PORT", "many", "DEEPLAB_PORT: input should be a valid integer.* got 'many'"),
        ("PORT", "0", "DEEPLAB_PORT: input should be greater than or equal to 1, got '0'"),
        ("AUTH", "of", "DEEPLAB_AUTH: input should be 'auto', 'required', 'proxy' or 'off', got 'of'"),
        ("TRUSTED_PROXIES", "10.0.0.0/8,nginx", "DEEPLAB_TRUSTED_PROXIES: .*got 'nginx'"),
        ("PROXY_ROLE", "root", "DEEPLAB_PROXY_ROLE: input should be '', 'viewer', 'operator' or 'admin', got 'root'"),
        ("LEASE_SECONDS", "-1", "DEEPLAB_LEASE_SECONDS: input should be greater than 0, got '-1'"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(f"DEEPLAB_{name}", value)
    with pytest.raises(SettingsError, match=sentence):
        load_settings()


def test_a_child_gets_exactly_these_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = Settings(
        home=tmp_path,
        data_roots=(tmp_path / "a", tmp_path / "b"),
        allowed_hosts=("x", "y"),
        auth="proxy",
        trusted_proxies=(ip_network("192.0.2.0/24"), ip_network("2001:db8::/32")),
        lease_seconds=2.5,
    )
    monkeypatch.setattr(os, "environ", settings.environment())
    assert load_settings() == settings
