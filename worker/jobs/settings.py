"""The platform's settings, all of which come from environment variables DEEPLAB_*."""

import os
import re
from typing import Self

from pydantic import ValidationError
from pydantic_settings import SettingsConfigDict

from deeplab.errors import DeepLabError
from worker.jobs import named_places
from worker.jobs.setting_groups.client import ClientSettings
from worker.jobs.setting_groups.notices import NoticeSettings
from worker.jobs.setting_groups.pages import PageSettings
from worker.jobs.setting_groups.runs import RunSettings
from worker.jobs.setting_groups.stores import StoreSettings


class SettingsError(DeepLabError):
    """An environment variable has a value that cannot be used."""


# Fields come in the order from the last class to the first.
class Settings(ClientSettings, NoticeSettings, RunSettings, PageSettings, StoreSettings):
    """The platform's settings; each is read from DEEPLAB_<NAME IN CAPITALS>."""

    model_config = SettingsConfigDict(env_prefix="DEEPLAB_", frozen=True)

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
