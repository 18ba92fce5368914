"""Datasets over the API."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import abort, url_for
from pydantic import Field

from web.actions import registration
from web.api.endpoint import Created
from web.api.requests import After, Body, Limit, Nothing, Query
from web.context import current_settings, reading, signed_in
from worker.jobs import dataset_versions, datasets
from worker.jobs.dataset_reports import find_newest, read_report
from worker.jobs.dataset_versions import Version
from worker.jobs.datasets import Dataset


class DatasetsQuery(Query):
    """Which datasets."""

    after: After = ""
    limit: Limit = 50


@dataclass(frozen=True)
class DatasetPage:
    """Some datasets, by name."""

    datasets: Sequence[Dataset]
    next_after: str | None  # continues the list; None at its end


@dataclass(frozen=True, kw_only=True)
class UsedVersion(Version):
    """A version, and how many jobs used it."""

    n_jobs: int


@dataclass(frozen=True, kw_only=True)
class WholeDataset(Dataset):
    """A dataset, and what it was before."""

    versions: Sequence[UsedVersion]  # the newest first
    n_jobs: int  # that work on it, whatever version


class Registration(Body):
    """A folder that gets a name."""

    name: str = Field("", description="Of letters, digits, dots, dashes and underscores.")
    root: str = Field("", description="The folder, under a data root.")
    labels: str | None = Field(None, description="The labels file; by default labels.txt in the folder.")
    layout: str = Field("folder", description="How the files lie: a DATASET.NAME.")
    category_ids: str | None = Field(None, description="Of the layout coco: original or contiguous.")


class DatasetChanges(Body):
    """What changes of a dataset."""

    name: str = Field(description="The new name.")


@dataclass(frozen=True, kw_only=True)
class SurveyedDataset(Dataset):
    """A dataset that was read just now."""

    version: str  # a hash of its lists, sizes and labels
    doubts: Sequence[str]  # sentences about what may be wrong
    passed_over: Mapping[str, Mapping[str, int]]  # files that are not read, by folder and kind
    other_texts: Mapping[str, str]  # text files that are no split lists, and why


@dataclass(frozen=True, kw_only=True)
class RefreshedDataset(SurveyedDataset):
    """A dataset that was read anew."""

    is_new_version: bool


@dataclass(frozen=True)
class RemovedDataset:
    """A dataset that is no longer registered."""

    removed: str  # its name
    root: str  # its files stay
    n_jobs: int  # that refer to it
    jobs: Sequence[int]  # the newest of them


def list_datasets(query: DatasetsQuery) -> DatasetPage:
    """List datasets, by name."""
    with reading() as session:
        found = datasets.list_datasets(session, after=query.after, limit=query.limit + 1)
    return DatasetPage(found[: query.limit], found[query.limit - 1].name if len(found) > query.limit else None)


def show_dataset(name: str) -> WholeDataset:
    """Show a dataset with its versions, and how many jobs used each."""
    with reading() as session:
        dataset = datasets.get_by_name(session, name)
        versions = dataset_versions.list_versions(session, dataset.id)
        uses = dataset_versions.count_uses(session, dataset.names)
    used = [UsedVersion(**vars(each), n_jobs=uses.get(each.digest, 0)) for each in versions]
    return WholeDataset(**vars(dataset), versions=used, n_jobs=sum(uses.values()))


def register_dataset(body: Registration) -> Created[SurveyedDataset]:
    """Register a folder as a dataset."""
    user_id = signed_in().user_id
    dataset, surveyed = registration.register(current_settings(), **body.model_dump(), user_id=user_id)
    made = SurveyedDataset(**vars(dataset), **surveyed.as_json())
    return Created(made, url_for("api.show_dataset", name=dataset.name))


def refresh_dataset(name: str, body: Nothing) -> RefreshedDataset:
    """Read the splits and classes of a dataset anew."""
    dataset, surveyed, is_new = registration.refresh(current_settings(), name, user_id=signed_in().user_id)
    return RefreshedDataset(**vars(dataset), **surveyed.as_json(), is_new_version=is_new)


def rename_dataset(name: str, body: DatasetChanges) -> Dataset:
    """Rename a dataset; it is still found by its former name."""
    return registration.rename(current_settings(), name, body.name, signed_in())


def remove_dataset(name: str) -> RemovedDataset:
    """Unregister a dataset; its files stay."""
    dataset, uses, n_jobs = registration.remove(current_settings(), name, signed_in())
    return RemovedDataset(dataset.name, dataset.root, n_jobs, [use.job_id for use in uses])


def show_report(name: str) -> dict[str, Any]:
    """Show what the newest check of all splits found, as `deeplab dataset check --json` does.

    `job` made it, of the `version`; of each kind of finding it names at most a thousand, and `n_problems` counts all.
    """
    with reading() as session:
        stored = find_newest(session, datasets.get_by_name(session, name).names)
    if stored is None:
        abort(404, f"{name} was not checked yet; POST /datasets/{name}/check does it.")
    report, n_problems = read_report(stored.path)
    return {"job": stored.job_id, "version": stored.version, "n_problems": n_problems, **report.as_json()}
