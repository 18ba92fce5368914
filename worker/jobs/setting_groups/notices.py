"""The settings of notices, checked as soon as they are read: an address alone is no use without what it needs."""

import re
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings

from worker.jobs.setting_groups.listed import Listed

_SHORTEST_SECRET = 32  # characters


class NoticeSettings(BaseSettings):
    """Who is told of the ends of jobs, and how."""

    public_url: str = Field(
        default="", description="Address at which people open the dashboard, such as https://deeplab.example.org."
    )
    notify_states: Listed[Literal["succeeded", "failed", "cancelled"]] = Field(
        default=("succeeded", "failed", "cancelled"),
        description="Ends of jobs that webhooks and mail tell of, separated by ','.",
    )
    webhook_secret: str = Field(
        default="", repr=False, description="What webhooks are signed with: 32 characters or more."
    )
    webhook_urls: Listed[str] = Field(
        default=(), description="Addresses that are told when a job has ended, separated by ','."
    )
    smtp_url: str = Field(
        default="",
        repr=False,
        description="Mail server: smtp://[USER:PASSWORD@]HOST[:PORT], with STARTTLS where it can, or smtps://.",
    )
    mail_from: str = Field(default="", description="Sender of mail.")
    mail_to: Listed[str] = Field(
        default=(), description="Addresses that get a mail when a job has ended, separated by ','."
    )

    @field_validator("public_url", "webhook_urls", "webhook_secret", "smtp_url", "mail_from", "mail_to", mode="after")
    @classmethod
    def _check_notices(cls, value: Any, field: ValidationInfo) -> Any:
        """Each is checked with those before it: what notices need has to be there before an address is."""
        return _check(str(field.field_name), value, field.data)


def _check(name: str, value: Any, before: Mapping[str, Any]) -> Any:
    """Check one of them, and return it as it is used.

    Args:
        name: of the setting.
        value: of the setting.
        before: the settings that were checked before it.

    Raises:
        ValueError: if it cannot be used; without the value, which may hold a password.
    """
    if name == "public_url" and value:
        _require_url(value, ("http", "https"), "https://deeplab.example.org")
        return value.rstrip("/")
    if name == "webhook_secret" and value and len(value) < _SHORTEST_SECRET:
        raise ValueError(f"has {len(value)} characters; expected {_SHORTEST_SECRET} or more")
    if name == "webhook_urls" and value:
        for url in value:
            _require_url(url, ("http", "https"), "https://example.org/hook")
        if not before.get("webhook_secret"):
            raise ValueError("webhooks are signed; set DEEPLAB_WEBHOOK_SECRET, too")
    if name == "smtp_url" and value:
        _require_url(value, ("smtp", "smtps"), "smtps://user:PASSWORD@mail.example.org")
    if name == "mail_to" and value and not (before.get("smtp_url") and before.get("mail_from")):
        raise ValueError("mail takes a server and a sender; set DEEPLAB_SMTP_URL and DEEPLAB_MAIL_FROM, too")
    if name in ("mail_to", "mail_from"):
        _require_addresses([value] if isinstance(value, str) else value)
    return value


def _require_url(url: str, schemes: tuple[str, ...], example: str) -> None:
    try:
        parts = urlsplit(url)
        fits = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(f"expected a URL such as {example}")


def _require_addresses(addresses: tuple[str, ...] | list[str]) -> None:
    for address in addresses:
        if address and not re.fullmatch(r"[^@\s<>,]+@[^@\s<>,]+", address):
            raise ValueError("expected an address such as team@example.org")
