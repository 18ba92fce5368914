"""The settings of the web server: where it is, and whom it answers."""

import ipaddress
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings

from worker.jobs.setting_groups.listed import Listed

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class PageSettings(BaseSettings):
    """Where the web server is, and whom it answers."""

    host: str = Field(default="127.0.0.1", description="Address that the web server binds to.")
    port: int = Field(default=8000, ge=1, le=65535, description="Port of the web server.")
    page_seconds: float = Field(
        default=5,
        ge=1,
        le=3600,
        description="The same for the web server: it then answers 503 with a page that tries again by itself.",
    )
    allowed_hosts: Listed[str] = Field(
        default=(), description="Additional host names of the dashboard, separated by ','."
    )
    auth: Literal["auto", "required", "proxy", "off"] = Field(
        default="auto",
        description=(
            "Who may use dashboard and API. auto: users, and on this machine whoever opens the link that `deeplab up`"
            " prints; required: users alone; proxy: whom a proxy names; off: everybody."
        ),
    )
    trusted_proxies: Listed[Network] = Field(
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
    upload_mb: int = Field(
        default=10_000,
        ge=1,
        le=10_000_000,
        description="Megabytes that one upload may have; what it unpacks to may be 100 times as much, beyond 1 GB.",
    )
    upload_files: int = Field(
        default=50_000, ge=1, le=1_000_000, description="Files that one upload may have; an archive is one."
    )
