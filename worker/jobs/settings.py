"""The platform's settings, all of which come from environment variables DEEPLAB_*."""

import ipaddress
import os
import re
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import quote

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from deeplab.errors import DeepLabError
from deeplab.files import real_path
from worker.jobs import urls

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_OWN_FOLDERS = ("jobs", "logs", "valkey")  # of a home; see worker.jobs.storage


class SettingsError(DeepLabError):
    """An environment variable has a value that cannot be used."""


class Settings(BaseSettings):
    """The platform's settings; each is read from DEEPLAB_<NAME IN CAPITALS>."""

    model_config = SettingsConfigDict(env_prefix="DEEPLAB_", frozen=True)

    home: Path = Field(
        default_factory=lambda: Path.home() / ".deeplab",
        description="Folder of the embedded database and broker, logs and job files.",
    )
    database_url: str = Field(
        default="", description="SQLAlchemy URL of the database; empty: SQLite in the home folder."
    )
    database_seconds: float = Field(
        default=30,
        ge=1,
        le=3600,
        description="Seconds after which workers and commands give up on the database: connecting, waiting for a lock,"
        " and each statement.",
    )
    page_seconds: float = Field(
        default=5,
        ge=1,
        le=3600,
        description="The same for the web server: it then answers 503 with a page that tries again by itself.",
    )
    broker_url: str = Field(
        default="", description="redis:// URL of the broker; empty: an embedded Valkey in the home folder."
    )
    data_roots: Annotated[tuple[Path, ...], NoDecode] = Field(
        default=(),
        description="Folders that the dashboard may list and its jobs may use, separated by ':'; empty: HOME/data.",
    )
    host: str = Field(default="127.0.0.1", description="Address that the web server binds to.")
    port: int = Field(default=8000, ge=1, le=65535, description="Port of the web server.")
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Additional host names of the dashboard, separated by ','."
    )
    auth: Literal["auto", "required", "proxy", "off"] = Field(
        default="auto",
        description=(
            "Who may use dashboard and API. auto: users, and on this machine whoever opens the link that `deeplab up`"
            " prints; required: users alone; proxy: whom a proxy names; off: everybody."
        ),
    )
    trusted_proxies: Annotated[tuple[Network, ...], NoDecode] = Field(
        default=(),
        description="Addresses or networks of proxies whose X-Forwarded-* headers count, separated by ','.",
    )
    proxy_header: str = Field(
        default="X-Forwarded-User",
        pattern=r"^[A-Za-z0-9-]+$",
        description="Header in which a trusted proxy names the user (DEEPLAB_AUTH=proxy).",
    )
    proxy_role: Literal["", "viewer", "operator", "admin"] = Field(
        default="",
        description="Role of users whom a proxy names and nobody has added (DEEPLAB_AUTH=proxy); empty: refused.",
    )
    requests_per_minute: int = Field(
        default=6000,
        ge=0,
        description="Requests that the dashboard answers to one client in a minute, a bound against floods; 0: any"
        " number. Behind a proxy all people are one client.",
    )
    output_umask: int | None = Field(
        default=None,
        ge=0,
        le=0o777,
        description="Permissions that masks and tables in a data root lack, such as 022; empty: as in the shell that"
        " starts the platform. Files in the home are for their owner alone.",
    )
    lease_seconds: float = Field(
        default=30, gt=0, le=3600, description="Seconds that a claim holds without a heartbeat."
    )
    reconcile_seconds: float = Field(
        default=5, gt=0, le=3600, description="Seconds between two passes of the reconciler."
    )
    stop_seconds: float = Field(default=5, gt=0, description="Seconds between asking a child to stop and killing it.")
    stall_seconds: float = Field(
        default=1800, gt=0, description="Seconds without progress after which a child is killed."
    )
    shard_images: int = Field(
        default=64,
        ge=1,
        description="Images, or frames of whole videos, of a segment job that a worker claims at a time.",
    )
    max_attempts: int = Field(default=3, ge=1, description="Attempts at a job before it fails for good.")

    tile_cache_mb: int = Field(
        default=2000,
        ge=1,
        description="Megabytes that tiles of images and masks may take in the home folder; the viewer makes them.",
    )

    free_disk_mb: int = Field(
        default=500,
        ge=0,
        description="Megabytes that stay free on disks that jobs write to: with less no job starts, and with less than"
        " twice as many every page says so.",
    )

    @field_validator("home", mode="after")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return Path(os.path.abspath(value.expanduser()))  # noqa: PTH100  (real_path() would follow links away)

    @field_validator("data_roots", mode="before")
    @classmethod
    def _split_paths(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(real_path(Path(part).expanduser()) for part in value.split(os.pathsep) if part)
        return value

    @field_validator("data_roots", mode="after")
    @classmethod
    def _check_roots(cls, value: tuple[Path, ...], field: ValidationInfo) -> tuple[Path, ...]:
        """Secrets, logs and the database must not lie under a root, whose contents people may read."""
        home = real_path(field.data["home"])
        for root in map(real_path, value):
            if home.is_relative_to(root):
                raise ValueError(f"{root} holds the home folder {home}, with its secrets; expected folders of data")
            if any(root.is_relative_to(home / name) for name in _OWN_FOLDERS):
                raise ValueError(f"{root} is the platform's own folder; expected folders of data")
        return value

    @field_validator("output_umask", mode="before")
    @classmethod
    def _octal(cls, value: object) -> object:
        if isinstance(value, str):
            return int(value, 8) if re.fullmatch("[0-7]{1,4}", value) else value or None
        return value

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _split_names(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _split_networks(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("database_url", "broker_url", mode="after")
    @classmethod
    def _check_url(cls, value: str, field: ValidationInfo) -> str:
        if value:
            check = urls.check_database_url if field.field_name == "database_url" else urls.check_broker_url
            check(value)
        return value

    @property
    def embedded_database(self) -> Path | None:
        """The file of SQLite in the home folder; None if DEEPLAB_DATABASE_URL names another database."""
        return None if self.database_url else self.home / "deeplab.sqlite"

    @cached_property
    def database(self) -> str:
        """URL of the database in use."""
        return self.database_url or f"sqlite:///{quote(str(self.embedded_database))}"

    @cached_property
    def roots(self) -> tuple[Path, ...]:
        """Folders that the dashboard may list and that jobs submitted over HTTP may name."""
        return self.data_roots or (self.home / "data",)

    @property
    def embedded_broker(self) -> bool:
        """Whether the broker is the Valkey server that this platform starts itself."""
        return not self.broker_url

    def for_pages(self) -> Self:
        """The same for the web server, whose pages had better say that the database is away than wait for it."""
        return self.model_copy(update={"database_seconds": min(self.page_seconds, self.database_seconds)})

    def environment(self) -> dict[str, str]:
        """The environment for a child process with exactly these settings."""
        values = self.model_dump()
        roots = [str(root) for root in self.data_roots]
        if any(os.pathsep in root for root in roots):
            raise SettingsError(f"A data root's path cannot contain {os.pathsep!r}, which separates data roots.")
        values |= {"data_roots": os.pathsep.join(roots), "allowed_hosts": ",".join(self.allowed_hosts)}
        values |= {"trusted_proxies": ",".join(str(network) for network in self.trusted_proxies)}
        values["output_umask"] = "" if self.output_umask is None else f"{self.output_umask:03o}"
        return os.environ | {f"DEEPLAB_{name.upper()}": str(value) for name, value in values.items()}


def load_settings(**overrides: object) -> Settings:
    """Read the settings from the environment; keyword arguments win.

    Raises:
        SettingsError: if a value cannot be used; the sentence names the variable.
    """
    try:
        return Settings(**{key: value for key, value in overrides.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = f"DEEPLAB_{'_'.join(str(part) for part in first['loc'][:1]).upper()}"
        if reason := first.get("ctx", {}).get("error"):  # of our own checks, which leave passwords out
            raise SettingsError(f"{name}: {reason}.") from None
        raise SettingsError(f"{name}: {first['msg'].lower()}, got {first['input']!r}.") from None
