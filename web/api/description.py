"""The API's description of itself: a small index, the OpenAPI document, and a page of it for people."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from flask import render_template, url_for

from web.api.endpoint import Endpoint
from web.api.endpoints import ENDPOINTS
from web.api.openapi import build_document


@dataclass(frozen=True)
class Index:
    """Where to go on."""

    openapi: str
    documentation: str
    jobs: str
    checkpoints: str
    evaluations: str
    datasets: str
    workers: str
    queues: str


def show_index() -> Index:
    """Name the lists of the API, and what describes it."""
    lists = ("jobs", "checkpoints", "evaluations", "datasets", "workers", "queues")
    return Index(
        openapi=url_for("api.show_openapi"),
        documentation=url_for("api.show_documentation"),
        **{name: url_for(f"api.list_{name}") for name in lists},
    )


def show_openapi() -> dict[str, Any]:
    """Describe the API as an OpenAPI document."""
    return document(url_for("api.show_index"))


def show_documentation() -> str:
    """Show the document to people; the page takes nothing from elsewhere and no script."""
    return render_template("api.html", document=show_openapi())


WHOLE = (Endpoint("GET", "", show_index), Endpoint("GET", "/openapi.json", show_openapi), *ENDPOINTS)


@cache
def document(server: str) -> dict[str, Any]:
    """The OpenAPI document of an API at an address."""
    return build_document(WHOLE, server)
