"""A platform after years of use: rows written straight into the tables, as `benchmarks.dashboard` asks for them."""

import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, insert, text

from deeplab.config import parse_config
from worker.jobs import storage
from worker.jobs.database import engine_for, open_session, upgrade
from worker.jobs.requests.specs import parse_spec
from worker.jobs.results import merging, parts
from worker.jobs.results.parts import Part
from worker.jobs.results.writer import copy_tables, writing
from worker.jobs.settings import Settings
from worker.jobs.tables import CheckpointRow, EvaluationRow, JobRow

_CHUNK = 2000  # rows of an INSERT
_PART = 20_000  # images whose rows are made up at a time
_CLASSES = 182
_SEED = 0


@dataclass(frozen=True)
class Sizes:
    """How much there is."""

    jobs: int = 20_000
    checkpoints: int = 18_000
    evaluations: int = 200
    metric_values: int = 5_000_000  # of one job
    curves: int = 20  # jobs with ...
    curve_values: int = 100_000  # ... so many values each
    images: int = 1_000_000  # of one segment job
    evaluated_images: int = 5_000  # of the first two evaluations


@dataclass(frozen=True)
class Seeded:
    """The numbers of the jobs that are asked about."""

    trained: int  # with the most metric values
    segmented: int  # with the most images
    evaluated: Sequence[int]
    curves: Sequence[int]


def seed(settings: Settings, sizes: Sizes) -> Seeded:
    """Fill a home whose database is empty."""
    upgrade(settings)
    config = parse_config({"DATASET": {"ROOT": "street", "N_CLASSES": _CLASSES}}, "benchmark").model_dump(mode="json")
    with engine_for(settings.database).begin() as connection:
        _insert(connection, JobRow, _jobs(sizes.jobs, config))
        trains = list(range(1, sizes.jobs + 1, 4))
        _insert(connection, CheckpointRow, _checkpoints(sizes.checkpoints, trains))
        evaluated = list(range(2, 2 + 4 * sizes.evaluations, 4))
        _insert(connection, EvaluationRow, _evaluations(evaluated))
        curves = trains[-sizes.curves - 1 : -1]
        for job_id in curves:
            _add_metrics(connection, job_id, sizes.curve_values)
        _add_metrics(connection, trains[-1], sizes.metric_values)
    segmented = sizes.jobs // 4 * 4
    _add_images(settings, segmented, sizes.images, evaluated=False)
    for job_id in evaluated[:2]:
        _add_images(settings, job_id, sizes.evaluated_images, evaluated=True)
    return Seeded(trains[-1], segmented, evaluated, curves)


def _insert(connection: Connection, table: Any, rows: Iterator[dict[str, Any]]) -> None:
    chunk: list[dict[str, Any]] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == _CHUNK:
            connection.execute(insert(table), chunk)
            chunk = []
    if chunk:
        connection.execute(insert(table), chunk)


def _jobs(n: int, config: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Train, evaluate, crf and segment in turn; the newest ones wait, some have failed."""
    specs: dict[str, dict[str, Any]] = {
        "train": {"config": "configs/street.yaml", "dataset": "street"},
        "evaluate": {"checkpoint": "1"},
        "crf": {"evaluate_job": 2},
        "segment": {"checkpoint": "1", "input": "street/unlabelled"},
    }
    kinds = [(kind, parse_spec(kind, fields)) for kind, fields in specs.items()]
    now = time.time()
    for number in range(1, n + 1):
        kind, spec = kinds[(number - 1) % 4]
        state = "failed" if number % 50 == 1 else "queued" if 0 < n - number < 200 else "succeeded"
        ended = state != "queued"
        yield {
            "kind": kind,
            "state": state,
            "queue": spec.chosen_queue(),
            "spec": spec.model_dump(mode="json"),
            "config": config,
            "model": config["MODEL"]["NAME"],
            "dataset": None if kind == "segment" else "street",
            "checkpoint": "1" if kind in ("evaluate", "segment") else None,
            "evaluate_job": 2 if kind == "crf" else None,
            "fence": int(ended),
            "attempts": int(ended),
            "max_attempts": 3,
            "done": 100 * ended,
            "total": 100 * ended,
            "unit": "image",
            "result": {"mean_iou": 0.5, "n_ok": 100, "n_error": 0, "output": "out"} if state == "succeeded" else None,
            "error": "street/masks/7.png: holds class 190; DATASET.N_CLASSES is 182." if state == "failed" else None,
            "published_at": now,
            "created_at": now - 60 * (n - number),
            "started_at": now - 60 * (n - number) if ended else None,
            "finished_at": now - 60 * (n - number) + 50 if ended else None,
        }


def _checkpoints(n: int, trains: Sequence[int]) -> Iterator[dict[str, Any]]:
    for number in range(n):
        job_id, iteration = trains[number % len(trains)], 1000 * (1 + number // len(trains))
        yield {
            "job_id": job_id,
            "fence": 1,
            "iteration": iteration,
            "path": f"jobs/{job_id}/1/checkpoint_{iteration}.pth",
            "sha256": "0" * 64,
            "n_bytes": 170_000_000,
            "created_at": time.time(),
        }


def _evaluations(job_ids: Sequence[int]) -> Iterator[dict[str, Any]]:
    random = np.random.default_rng(_SEED)
    labels = [f"class {index}" for index in range(_CLASSES)]
    for job_id in job_ids:
        confusion = (random.pareto(1.0, (_CLASSES, _CLASSES)) * 20).astype(np.int64)
        confusion += np.diag(random.integers(0, 2_000_000, _CLASSES))
        hits = np.diag(confusion)
        iou = hits / (confusion.sum(0) + confusion.sum(1) - hits)
        scores = {
            "pixel_accuracy": float(hits.sum() / confusion.sum()),
            "mean_accuracy": float((hits / confusion.sum(1)).mean()),
            "mean_iou": float(iou.mean()),
            "frequency_weighted_iou": float(iou.mean()),
            "class_iou": [float(each) for each in iou],
            "n_images": 5000,
            "labels": labels,
        }
        yield {
            "job_id": job_id,
            "checkpoint": "1",
            "dataset": "street",
            "split": "val",
            "settings": {"inference": {"MODE": "whole", "SCALES": [1.0], "FLIP": False}},
            "mean_iou": scores["mean_iou"],
            "scores": scores,
            "confusion": confusion.tolist(),
            "created_at": time.time(),
        }


_SERIES = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :n)",
    "postgresql": "WITH n(i) AS (SELECT generate_series(1, :n))",
}


def _add_metrics(connection: Connection, job_id: int, n_values: int) -> None:
    """A falling, noisy loss and a learning rate, half of the values each."""
    series = _SERIES[connection.dialect.name]
    for name, value in (("loss", "2.0 / (1 + i * 0.001) + 0.05 * ((i * 7919) % 101)"), ("lr/group0", "0.001 / i")):
        connection.execute(
            text(
                f"INSERT INTO metric (job_id, name, iteration, value) {series}"  # noqa: S608
                f" SELECT :job, :name, i, {value} FROM n"
            ),
            {"n": n_values // 2, "job": job_id, "name": name},
        )


def _add_images(settings: Settings, job_id: int, n: int, *, evaluated: bool) -> None:
    """Rows of images with eight classes each, merged into one part as a job does in the end."""
    folder, draft = storage.merged_part_dir(settings, job_id, 1, 0), storage.job_dir(settings, job_id) / "draft"
    starts = range(0, n, _PART)
    drafts = [Part(start, draft / str(start), min(_PART, n - start), level=0) for start in starts]
    for each in drafts:
        _write_part(each, evaluated=evaluated)
    merging.merge(drafts, folder)
    shutil.rmtree(draft)
    with open_session(settings) as session:
        parts.add(session, job_id, folder, n)


def _write_part(part: Part, *, evaluated: bool) -> None:
    """Write the rows of some images, numbered from the part's id on, which DuckDB itself makes up."""
    known = "random()::FLOAT" if evaluated else "NULL::FLOAT"
    pixels = "(random() * 20000)::BIGINT" if evaluated else "NULL::BIGINT"
    numbers = f"range({part.id}, {part.id + part.n_images}) numbers(i)"
    with writing(part.folder) as connection:
        connection.execute(f"""CREATE TEMP TABLE images AS SELECT
            hash(i)::UBIGINT AS "key", printf('folder%03d/image_%07d.jpg', i % 500, i) AS path, NULL::BLOB AS raw_path,
            640 AS width, 480 AS height, CASE WHEN i % 997 = 0 THEN 'error' ELSE 'ok' END AS status,
            CASE WHEN i % 997 = 0 THEN 'The file is cut short.' ELSE '' END AS error, random()::FLOAT AS seconds,
            NULL::INTEGER AS frames, random()::FLOAT AS confidence, {known} AS label_quality,
            {known} AS pixel_accuracy, {known} AS mean_iou FROM {numbers}""")  # noqa: S608
        connection.execute(f"""CREATE TEMP TABLE classes AS SELECT * FROM (SELECT
            "key", (random() * random() * {_CLASSES - 1})::USMALLINT AS class, (random() * 40000)::BIGINT AS pixels,
            random()::FLOAT AS share, {pixels} + 20000 AS true_pixels, {pixels} + 20000 AS labelled_pixels,
            {pixels} AS hits, {known} AS iou, random()::FLOAT AS confidence, {known} AS label_quality,
            NULL::BIGINT AS boundary_hits, NULL::BIGINT AS boundary_union FROM images, range(8) WHERE status = 'ok')
            QUALIFY row_number() OVER (PARTITION BY "key", class) = 1""")  # noqa: S608
        connection.execute(f"""CREATE TEMP TABLE cells AS SELECT class AS true_class,
            (random() * {_CLASSES - 1})::USMALLINT AS predicted_class, "key", (random() * 9999)::BIGINT AS pixels
            FROM classes WHERE {str(evaluated).lower()}""")  # noqa: S608
        copy_tables(connection, part.folder)
