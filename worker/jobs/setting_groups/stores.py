"""The settings of where everything lies: database, broker, files, and the secrets that open them."""

import os
import re
from functools import cached_property
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import quote

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode

from deeplab.files import real_path
from worker.jobs import named_places, secret_files, urls

_SECRET_FILES = (
    "database_url_file",
    "database_password_file",
    "broker_url_file",
    "broker_password_file",
    "secret_key_file",
)
_OWN_FOLDERS = ("jobs", "logs", "valkey")  # of a home; see worker.jobs.storage


class StoreSettings(BaseSettings):
    """Where database, broker and files are."""

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

    @field_validator(*_SECRET_FILES, mode="before")
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
    def embedded_broker(self) -> bool:
        """Whether the broker is the Valkey server that this platform starts itself."""
        return not self.broker

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
