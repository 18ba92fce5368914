"""Counts of outcomes and pauses between attempts, a row for each process of a worker, alarms

Revision ID: 0008
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0009"
branch_labels = None
depends_on = None

_COUNTS = ("outages", "lost_leases", "preemptions", "reached")
_TIMES = ("not_before", "quiet_since")
_KEPT = ("name", "queue", "device", "slots", "gpus", "pid", "started_at", "heartbeat_at", "stopped_at")


def upgrade() -> None:
    for name in _COUNTS:
        op.add_column("job", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
    for name in _TIMES:
        op.add_column("job", sa.Column(name, sa.Double(), nullable=True))
    _replace_workers(
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        *_columns_of_workers(),
        sa.Column("process_table", sa.Text(), nullable=True),
        sa.Column("process_start", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_worker")),
    )
    op.create_index(op.f("ix_worker_name"), "worker", ["name"])
    op.create_table(
        "alarm",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("reporter", sa.Text(), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "reporter", name=op.f("pk_alarm")),
    )


def downgrade() -> None:
    op.drop_table("alarm")
    _replace_workers(
        sa.Column("name", sa.Text(), nullable=False),
        *_columns_of_workers(),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_worker")),
    )
    for name in (*_COUNTS, *_TIMES):
        op.drop_column("job", name)


def _columns_of_workers() -> list[sa.Column[object]]:
    return [
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("gpus", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("heartbeat_at", sa.Double(), nullable=False),
        sa.Column("stopped_at", sa.Double(), nullable=True),
    ]


def _replace_workers(*parts: sa.schema.SchemaItem) -> None:
    """Make the table anew, as SQLite cannot change a primary key; of each name the last row stays."""
    columns = ", ".join(_KEPT)
    query = sa.text(f"SELECT {columns} FROM worker ORDER BY started_at")  # noqa: S608  (constants)
    rows = {row.name: row._asdict() for row in op.get_bind().execute(query)}
    op.drop_table("worker")
    table = op.create_table("worker", *parts)
    op.bulk_insert(table, list(rows.values()))
