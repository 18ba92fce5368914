from pathlib import Path

import pytest

from worker.jobs.database import open_session, upgrade
from worker.jobs.settings import SettingsError, load_settings
from worker.jobs.urls import check_broker_url, check_database_url, with_verification, without_password


@pytest.mark.parametrize(
    "url",
    [
        "redis://broker",
        "redis://:secret@broker:6379/0",
        "redis://user:p%23s%2Fs@broker:6379/2",
        "rediss://broker:6380",
        "rediss://broker/0?ssl_ca_certs=/etc/ca.crt&ssl_check_hostname=false",
        "redis://[::1]:6379/0",
        "redis+socket://:secret@/run/valkey.sock",
    ],
)
def test_urls_of_brokers(url: str) -> None:
    check_broker_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://database/deeplab",
        "postgresql+psycopg://user:p%40ss@database:5432/deeplab",
        "postgresql://user:p#ss@database/deeplab",  # SQLAlchemy's parser is not URL's own
        "postgresql:///deeplab",
        "postgresql://user@/deeplab?host=/run/postgresql",
        "sqlite:////data/jobs.sqlite",
    ],
)
def test_urls_of_databases(url: str) -> None:
    check_database_url(url)


@pytest.mark.parametrize("character", "#/?[")
def test_a_password_that_is_not_encoded_is_explained_and_never_shown(
    monkeypatch: pytest.MonkeyPatch, character: str
) -> None:
    monkeypatch.setenv("DEEPLAB_BROKER_URL", f"redis://:p{character}ss@127.0.0.1:6379/0")
    with pytest.raises(SettingsError, match=f"DEEPLAB_BROKER_URL: .*{character.encode().hex().upper()}") as caught:
        load_settings()
    assert f"p{character}ss" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "url", "reason"),
    [
        ("BROKER", "127.0.0.1:6379", "begins otherwise"),
        ("BROKER", "amqp://here", "begins with amqp://"),
        ("BROKER", "redis://", "expected a URL"),
        ("BROKER", "redis://:s3cret", "expected a URL"),
        ("BROKER", "redis://here:6379/zero", "must be a number"),
        ("BROKER", "redis://:s3cret@here/0?ssl_ca_certs=/etc/ca.crt", "expected no options after '\\?' but"),
        ("BROKER", "rediss://:s3cret@here/0?ssl_ca_cert=/etc/ca.crt", "ssl_ca_certs, ssl_certfile"),
        ("BROKER", "rediss://:s3cret@here/0?ssl_cert_reqs=always", "ssl_cert_reqs: expected required or optional"),
        ("DATABASE", "nonsense", "begins otherwise"),
        ("DATABASE", "postgres://user:s3cret@here/name", "begins with postgres://"),
        ("DATABASE", "postgresql+psycopg2://user:s3cret@here/name", r"begins with postgresql\+psycopg2://"),
        ("DATABASE", "mysql://user:s3cret@here/name", "begins with mysql://"),
        ("DATABASE", "postgresql://user:s3cret@here:port/name", "percent-encoded"),
        ("DATABASE", "postgresql://user:s3cret@here", "name of the database"),
        ("DATABASE", "sqlite://", "a file that all processes share"),
    ],
)
def test_urls_that_cannot_be_used_are_refused_without_their_passwords(
    monkeypatch: pytest.MonkeyPatch, name: str, url: str, reason: str
) -> None:
    monkeypatch.setenv(f"DEEPLAB_{name}_URL", url)
    with pytest.raises(SettingsError, match=f"DEEPLAB_{name}_URL: .*{reason}") as caught:
        load_settings()
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "redis://:s3@c/r#et@here/0",
        "postgresql://user:s3cret@here/name",
        "postgresql://here/name?user=x&password=s3cret",
    ],
)
def test_passwords_are_never_shown(url: str) -> None:
    shown = without_password(url)
    assert "***" in shown
    assert not {"s3", "r#et", "s3cret"} & set(shown.replace("@", ":").split(":"))
    assert "here" in shown


def test_a_broker_with_tls_must_prove_who_it_is_unless_told_otherwise() -> None:
    assert with_verification("rediss://here/0") == "rediss://here/0?ssl_cert_reqs=required"
    assert with_verification("rediss://here/0?ssl_ca_certs=/ca").endswith("?ssl_ca_certs=/ca&ssl_cert_reqs=required")
    assert with_verification("rediss://here/0?ssl_cert_reqs=none") == "rediss://here/0?ssl_cert_reqs=none"
    assert with_verification("redis://here/0") == "redis://here/0"
    assert load_settings(broker_url="rediss://here/0").broker == "rediss://here/0?ssl_cert_reqs=required"


@pytest.mark.parametrize("name", ["h%41b", "h?q", "h#q", "h b", "hä"])
def test_a_home_folder_may_have_any_name(tmp_path: Path, name: str) -> None:
    settings = load_settings(home=tmp_path / name)
    upgrade(settings)
    with open_session(settings):
        pass
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name / "deeplab.sqlite").exists()
