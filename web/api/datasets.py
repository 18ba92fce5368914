"""Datasets over the API."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import url_for
from pydantic import Field

from web.actions.dataset_check import check
from web.actions.registration import register
from web.api.endpoint import Created
from web.api.requests import Body, Limit, Nothing, Query
from web.context import current_settings, reading, signed_in
from worker.jobs import datasets
from worker.jobs.datasets import Dataset


class DatasetsQuery(Query):
    """Which datasets."""

    after: str = Field("", description="`next_after` of another answer, whose list this one continues.")
    limit: Limit = 50


@dataclass(frozen=True)
class DatasetPage:
    """Some datasets, by name."""

    datasets: Sequence[Dataset]
    next_after: str | None  # continues the list; None at its end


class Registration(Body):
    """A folder that gets a name."""

    name: str = Field("", description="Of letters, digits, dots, dashes and underscores.")
    root: str = Field("", description="The folder, under a data root.")
    labels: str | None = Field(None, description="The labels file; by default labels.txt in the folder.")


@dataclass(frozen=True, kw_only=True)
class RegisteredDataset(Dataset):
    """A dataset that was registered just now."""

    passed_over: Mapping[str, Mapping[str, int]]  # files that are not read, by folder and kind
    other_texts: Mapping[str, str]  # text files that are no split lists, and why


def list_datasets(query: DatasetsQuery) -> DatasetPage:
    """List datasets, by name."""
    with reading() as session:
        found = datasets.list_datasets(session, after=query.after, limit=query.limit + 1)
    return DatasetPage(found[: query.limit], found[query.limit - 1].name if len(found) > query.limit else None)


def register_dataset(body: Registration) -> Created[RegisteredDataset]:
    """Register a folder as a dataset."""
    user_id = signed_in().user_id
    dataset, folder = register(current_settings(), body.name, body.root, body.labels, user_id=user_id)
    made = RegisteredDataset(**vars(dataset), passed_over=folder.passed_over, other_texts=folder.other_texts)
    return Created(made, url_for("api.list_datasets"))


def check_dataset(name: str, body: Nothing) -> dict[str, Any]:
    """Check a dataset: what `deeplab dataset check --json` says, of what ten seconds allow to read."""
    return check(name).as_json()
