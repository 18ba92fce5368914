"""The platform's settings, all of which come from environment variables DEEPLAB_*."""

import ipaddress
import math
import os
import re
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import quote

from pydantic import Field, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from deeplab.errors import DeepLabError
from deeplab.files import real_path
from worker.jobs import named_places, notice_settings, secret_files, urls
from worker.jobs.catalog import Kind

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_SECRET_FILES = (
    "database_url_file",
    "database_password_file",
    "broker_url_file",
    "broker_password_file",
    "secret_key_file",
)
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
    storage_url: str = Field(
        default="",
        description="URL under which the files of jobs lie, such as s3://bucket/prefix, for several machines; empty:"
        " in the home folder alone. Credentials come from the environment (AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL ...).",
    )
    storage_seconds: float = Field(
        default=60,
        gt=0,
        le=3600,
        description="Seconds that a job goes on trying while storage at a URL does not answer; then the attempt ends,"
        " and the job waits.",
    )
    storage_cache_mb: int = Field(
        default=20_000,
        ge=10,
        description="Megabytes that copies of files at URLs may take in the home folder: inputs, datasets, files of"
        " jobs. The oldest are deleted.",
    )
    named_roots: Annotated[tuple[tuple[str, Path], ...], NoDecode] = Field(
        default=(),
        description="Folders that lie elsewhere on other machines, as NAME=FOLDER separated by ','; jobs know paths in"
        " them by the name, so that each machine finds its own. A folder may be a URL.",
    )
    database_url_file: Path | None = Field(default=None, description="File that holds DEEPLAB_DATABASE_URL.")
    database_password_file: Path | None = Field(
        default=None, description="File that holds the password of DEEPLAB_DATABASE_URL, which itself has none then."
    )
    broker_url_file: Path | None = Field(default=None, description="File that holds DEEPLAB_BROKER_URL.")
    broker_password_file: Path | None = Field(
        default=None, description="File that holds the password of DEEPLAB_BROKER_URL, which itself has none then."
    )
    secret_key_file: Path | None = Field(
        default=None, description="File that holds the key that signs cookies; empty: HOME/secret_key, made at need."
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
        " number. Behind a proxy that is not in DEEPLAB_TRUSTED_PROXIES all people are one client.",
    )
    waiting_per_user: int = Field(
        default=1000,
        ge=1,
        le=100_000,
        description="Jobs of one user that may wait in the queue; over HTTP a further one is refused.",
    )
    waiting_jobs: int = Field(
        default=10_000,
        ge=1,
        le=1_000_000,
        description="Jobs of all users that may wait in the queue; over HTTP a further one is refused.",
    )
    running_per_queue: int | None = Field(
        default=None,
        ge=1,
        description="Jobs of a queue that run at the same time, at most; empty: as workers have slots.",
    )
    running_per_user: int | None = Field(
        default=None,
        ge=1,
        description="Jobs of a user that run at the same time in a queue, at most; empty: no limit. Those of the"
        " command line count together.",
    )
    output_umask: int | None = Field(
        default=None,
        ge=0,
        le=0o777,
        description="Permissions that masks and tables in a data root lack, such as 022; empty: as in the shell that"
        " starts the platform. Files in the home are for their owner alone.",
    )
    log: Literal["text", "json"] = Field(
        default="text",
        description="How processes and jobs log. json: an object a line, with job, fence, shard, worker and request.",
    )
    lease_seconds: float = Field(
        default=30, gt=0, le=3600, description="Seconds that a claim holds without a heartbeat."
    )
    reconcile_seconds: float = Field(
        default=5, gt=0, le=3600, description="Seconds between two passes of the reconciler."
    )
    stop_seconds: float = Field(default=5, gt=0, description="Seconds between asking a child to stop and killing it.")
    stall_seconds: float = Field(
        default=1800, gt=0, description="Seconds without progress after which a child is killed; a warning at half."
    )
    stall_seconds_by_kind: Annotated[tuple[tuple[Kind, float], ...], NoDecode] = Field(
        default=(), description="The same for some kinds of jobs, such as `train=3600,segment=600`."
    )
    shard_images: int = Field(
        default=64,
        ge=1,
        description="Images, or frames of whole videos, of a segment job that a worker claims at a time.",
    )
    max_attempts: int = Field(
        default=3,
        ge=1,
        description="Attempts in a row that crash, stall or run out of memory without getting further, before a job"
        " fails for good; see [outcomes](outcomes.md).",
    )
    max_outages: int = Field(
        default=20, ge=1, description="Likewise for outages of the database or the storage, such as a full disk."
    )
    max_lost_leases: int = Field(default=20, ge=1, description="Likewise for leases that ran out.")
    max_preemptions: int = Field(
        default=20, ge=1, description="Likewise for preemptions in which nothing new was saved."
    )
    retry_seconds: float = Field(
        default=2,
        ge=0,
        le=3600,
        description="Seconds between a crash and the next attempt; twice as long after each further one, at most 300.",
    )

    public_url: str = Field(
        default="", description="Address at which people open the dashboard, such as https://deeplab.example.org."
    )
    notify_states: Annotated[tuple[Literal["succeeded", "failed", "cancelled"], ...], NoDecode] = Field(
        default=("succeeded", "failed", "cancelled"),
        description="Ends of jobs that webhooks and mail tell of, separated by ','.",
    )
    webhook_secret: str = Field(
        default="", repr=False, description="What webhooks are signed with: 32 characters or more."
    )
    webhook_urls: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Addresses that are told when a job has ended, separated by ','."
    )
    smtp_url: str = Field(
        default="",
        repr=False,
        description="Mail server: smtp://[USER:PASSWORD@]HOST[:PORT], with STARTTLS where it can, or smtps://.",
    )
    mail_from: str = Field(default="", description="Sender of mail.")
    mail_to: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Addresses that get a mail when a job has ended, separated by ','."
    )
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
    def _split_paths(cls, value: object, field: ValidationInfo) -> object:
        if isinstance(value, str):
            home = field.data.get("home", Path())
            return tuple(named_places.folder_of(part, home) for part in re.split(":(?!//)", value) if part)
        return value

    @field_validator("named_roots", mode="before")
    @classmethod
    def _split_roots(cls, value: object, field: ValidationInfo) -> object:
        return named_places.parse(value, field.data["home"]) if isinstance(value, str) else value

    @field_validator("storage_url", mode="after")
    @classmethod
    def _check_storage(cls, value: str) -> str:
        return urls.check_storage_url(value) if value else value

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

    @field_validator(*_SECRET_FILES, "running_per_queue", "running_per_user", mode="before")
    @classmethod
    def _blank_is_none(cls, value: object) -> object:
        return value or None

    @field_validator(*_SECRET_FILES, mode="after")
    @classmethod
    def _absolute_file(cls, value: Path | None) -> Path | None:
        return value and Path(os.path.abspath(value.expanduser()))  # noqa: PTH100  (as of the home)

    @model_validator(mode="after")
    def _read_secret_files(self) -> Self:
        """So that whatever is wrong with one of them is said at the start."""
        for name in _SECRET_FILES:
            path = getattr(self, name)
            if path is not None and any(real_path(path).is_relative_to(real_path(root)) for root in self.roots):
                raise ValueError(f"DEEPLAB_{name.upper()}: {path} lies in a data root, whose files people may read")
        _ = self.database, self.broker, self.secret_key
        return self

    @field_validator("output_umask", mode="before")
    @classmethod
    def _octal(cls, value: object) -> object:
        if isinstance(value, str):
            return int(value, 8) if re.fullmatch("[0-7]{1,4}", value) else value or None
        return value

    @field_validator("stall_seconds_by_kind", mode="before")
    @classmethod
    def _split_pairs(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        pairs = [part.partition("=") for part in value.split(",") if part.strip()]
        return tuple((kind.strip(), seconds.strip()) for kind, _, seconds in pairs)

    @field_validator("stall_seconds_by_kind", mode="after")
    @classmethod
    def _check_positive(cls, value: tuple[tuple[Kind, float], ...]) -> tuple[tuple[Kind, float], ...]:
        if wrong := [kind for kind, seconds in value if not 0 < seconds < math.inf]:
            raise ValueError(f"expected seconds above 0 for {wrong[0]}")
        return value

    @field_validator("allowed_hosts", "notify_states", "webhook_urls", "mail_to", mode="before")
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

    @field_validator("public_url", "webhook_urls", "webhook_secret", "smtp_url", "mail_from", "mail_to", mode="after")
    @classmethod
    def _check_notices(cls, value: Any, field: ValidationInfo) -> Any:
        """Each is checked with those before it: what notices need has to be there before an address is."""
        return notice_settings.check(str(field.field_name), value, field.data)

    @property
    def embedded_database(self) -> Path | None:
        """The file of SQLite in the home folder; None if DEEPLAB_DATABASE_URL names another database."""
        return None if self.database_url or self.database_url_file else self.home / "deeplab.sqlite"

    @property
    def database(self) -> str:
        """URL of the database in use, with its password."""
        url = secret_files.resolve_url(
            "DEEPLAB_DATABASE_URL",
            self.database_url,
            self.database_url_file,
            self.database_password_file,
            urls.check_database_url,
        )
        return url or f"sqlite:///{quote(str(self.embedded_database))}"

    @property
    def broker(self) -> str:
        """URL of the broker, with its password; empty if it is embedded."""
        url = secret_files.resolve_url(
            "DEEPLAB_BROKER_URL",
            self.broker_url,
            self.broker_url_file,
            self.broker_password_file,
            urls.check_broker_url,
        )
        return urls.with_verification(url)

    @property
    def secret_key(self) -> str:
        """The key of DEEPLAB_SECRET_KEY_FILE, which signs cookies; empty if that of the home is meant."""
        return secret_files.read_key("DEEPLAB_SECRET_KEY_FILE", self.secret_key_file) if self.secret_key_file else ""

    @cached_property
    def roots(self) -> tuple[Path, ...]:
        """Folders that the dashboard may list and that jobs submitted over HTTP may name."""
        return self.data_roots or (self.home / "data",)

    @cached_property
    def places(self) -> tuple[tuple[str, str], ...]:
        """Folders by the names that rows know them by (see worker.jobs.places): as they were named, and resolved."""
        folders = [*self.named_roots, ("home", self.home)]
        return tuple((name, str(each)) for name, path in folders for each in dict.fromkeys((path, real_path(path))))

    @property
    def embedded_broker(self) -> bool:
        """Whether the broker is the Valkey server that this platform starts itself."""
        return not self.broker

    def stall_seconds_of(self, kind: Kind) -> float:
        """Seconds without progress after which a child of this kind of job is killed."""
        return dict(self.stall_seconds_by_kind).get(kind, self.stall_seconds)

    def for_pages(self) -> Self:
        """The same for the web server, whose pages had better say that the database is away than wait for it."""
        names = ("database_seconds", "storage_seconds")
        return self.model_copy(update={name: min(self.page_seconds, getattr(self, name)) for name in names})

    def environment(self) -> dict[str, str]:
        """The environment for a child process with exactly these settings. Of secrets in files it names the files."""
        values = {name: "" if value is None else value for name, value in self.model_dump().items()}
        roots = [named_places.text_of(root, self.home) for root in self.data_roots]
        named = [f"{name}={named_places.text_of(folder, self.home)}" for name, folder in self.named_roots]
        if any(re.search(":(?!//)", root) for root in roots):
            raise SettingsError(f"A data root's path cannot contain {os.pathsep!r}, which separates data roots.")
        values |= {
            "named_roots": ",".join(named),
            "data_roots": os.pathsep.join(roots),
            "allowed_hosts": ",".join(self.allowed_hosts),
        }
        lists = ("notify_states", "webhook_urls", "mail_to")
        values |= {name: ",".join(getattr(self, name)) for name in lists}
        values |= {"trusted_proxies": ",".join(str(network) for network in self.trusted_proxies)}
        values["stall_seconds_by_kind"] = ",".join(f"{kind}={n}" for kind, n in self.stall_seconds_by_kind)
        if self.output_umask is not None:
            values["output_umask"] = f"{self.output_umask:03o}"
        return os.environ | {f"DEEPLAB_{name.upper()}": str(value) for name, value in values.items()}


def load_settings(**overrides: object) -> Settings:
    """Read the settings from the environment; keyword arguments win.

    A URL among them also wins over files that hold another one, or its password.

    Raises:
        SettingsError: if a value cannot be used; the sentence names the variable.
    """
    given = {key: value for key, value in overrides.items() if value is not None}
    for name in ("database", "broker"):
        if f"{name}_url" in given:
            given = {f"{name}_url_file": None, f"{name}_password_file": None} | given
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        if not first["loc"]:  # of several settings together, whose sentence names them
            raise SettingsError(f"{first['ctx']['error']}.") from None
        name = f"DEEPLAB_{'_'.join(str(part) for part in first['loc'][:1]).upper()}"
        if reason := first.get("ctx", {}).get("error"):  # of our own checks, which leave passwords out
            raise SettingsError(f"{name}: {reason}.") from None
        raise SettingsError(f"{name}: {first['msg'].lower()}, got {first['input']!r}.") from None
