"""Names, notes and what lists show of jobs

Revision ID: 0005
Revises: 0004
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_job = sa.table(
    "job",
    *(sa.column(name, sa.JSON()) for name in ("spec", "config")),
    *(
        sa.column(name)
        for name in ("id", "kind", "parent_id", "is_retry", "model", "dataset", "checkpoint", "evaluate_job")
    ),
)
_INDEXES = {
    "ix_job_kind_state_id": ("job", ["kind", "state", "id"]),
    "ix_job_dataset_id": ("job", ["dataset", "id"]),
    "ix_job_parent_id": ("job", ["parent_id"]),
    "ix_job_checkpoint": ("job", ["checkpoint"]),
    "ix_job_evaluate_job": ("job", ["evaluate_job"]),
    "ix_evaluation_checkpoint": ("evaluation", ["checkpoint"]),
}
_PART = 500  # jobs that are read at a time


def upgrade() -> None:
    op.add_column("job", sa.Column("is_retry", sa.Boolean(), nullable=False, server_default=sa.false()))
    for name in ("name", "notes", "model"):
        op.add_column("job", sa.Column(name, sa.Text(), nullable=False, server_default=""))
    for name in ("dataset", "checkpoint"):
        op.add_column("job", sa.Column(name, sa.Text(), nullable=True))
    op.add_column("job", sa.Column("evaluate_job", sa.Integer(), nullable=True))
    _fill()
    for name, (table, columns) in _INDEXES.items():
        op.create_index(name, table, columns)


def downgrade() -> None:
    for name, (table, _) in _INDEXES.items():
        op.drop_index(name, table)
    for name in ("evaluate_job", "checkpoint", "dataset", "model", "notes", "name", "is_retry"):
        op.drop_column("job", name)


def _fill() -> None:
    """Take from the requests and configurations of earlier jobs what lists show; the oldest jobs first."""
    connection = op.get_bind()
    trained_by = dict(connection.execute(sa.text("SELECT id, job_id FROM checkpoint")).all())
    retries = set(connection.scalars(sa.text("SELECT job_id FROM event WHERE message LIKE 'retry of job %'")))
    known: dict[int, dict[str, Any]] = {}  # what later jobs inherit: dataset and root by job
    columns = (_job.c.id, _job.c.kind, _job.c.spec, _job.c.config)
    last = 0
    while rows := connection.execute(
        sa.select(*columns).where(_job.c.id > last).order_by(_job.c.id).limit(_PART)
    ).all():
        for row in rows:
            facts = _facts(row.kind, row.spec, row.config, trained_by, known)
            connection.execute(sa.update(_job).where(_job.c.id == row.id).values(**facts, is_retry=row.id in retries))
            known[row.id] = {"dataset": facts["dataset"], "root": _dataset_section(row.config).get("ROOT")}
        last = rows[-1].id
    # Evaluations name a registered dataset by its name from now on, as their jobs do.
    connection.execute(
        sa.text(
            "UPDATE evaluation SET dataset = COALESCE("
            "(SELECT job.dataset FROM job WHERE job.id = evaluation.job_id), evaluation.dataset)"
        )
    )


def _facts(
    kind: str,
    spec: dict[str, Any],
    config: dict[str, Any],
    trained_by: dict[int, int],
    known: dict[int, dict[str, Any]],
) -> dict[str, Any]:
    checkpoint = spec.get("resume") if kind == "train" else spec.get("checkpoint")
    checkpoint = None if checkpoint is None else str(checkpoint)
    section = _dataset_section(config)
    source = spec.get("evaluate_job")
    if source is None and checkpoint is not None and checkpoint.isdecimal():
        source = trained_by.get(int(checkpoint))
    inherited = known.get(source or 0, {})
    dataset = spec.get("dataset")
    if dataset is None and inherited.get("root") == section.get("ROOT"):
        dataset = inherited.get("dataset")
    return {
        "model": (config.get("MODEL") or {}).get("NAME") or "",
        "dataset": None if kind == "segment" else dataset or section.get("ROOT") or section.get("NAME"),
        "checkpoint": checkpoint,
        "evaluate_job": spec.get("evaluate_job"),
    }


def _dataset_section(config: dict[str, Any]) -> dict[str, Any]:
    return config.get("DATASET") or {}
