"""Chains, priority, holds and pauses of queues

Revision ID: 0013
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0011"
branch_labels = None
depends_on = None

_READY = "state = 'queued' AND NOT awaits_others AND held_at IS NULL AND not_before IS NULL"
_INDEXES = {
    "ix_job_ready": (("queue", "gpus", "rank", "id"), _READY),
    "ix_job_ready_of_user": (("queue", "gpus", "user_id", "rank", "id"), _READY),
    "ix_job_running": (("queue", "user_id"), "state = 'running'"),
    "ix_job_awaits_others": (("id",), "awaits_others"),
    "ix_job_not_before": (("not_before",), "not_before IS NOT NULL"),
}


def upgrade() -> None:
    op.add_column("job", sa.Column("gpus", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("job", sa.Column("rank", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("job", sa.Column("awaits_others", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("job", sa.Column("held_at", sa.Double(), nullable=True))
    job = sa.table("job", sa.column("gpus", sa.Integer()), sa.column("spec", sa.JSON()))
    op.execute(sa.update(job).values(gpus=sa.func.coalesce(job.c.spec["gpus"].as_integer(), 1)))
    for name, (columns, where) in _INDEXES.items():
        op.create_index(name, "job", columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
    op.create_table(
        "awaited_job",
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("awaited_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_awaited_job_job_id_job")),
        sa.ForeignKeyConstraint(["awaited_id"], ["job.id"], name=op.f("fk_awaited_job_awaited_id_job")),
        sa.PrimaryKeyConstraint("job_id", "awaited_id", name=op.f("pk_awaited_job")),
    )
    op.create_index(op.f("ix_awaited_job_awaited_id"), "awaited_job", ["awaited_id"])
    op.create_table(
        "queue_pause",
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_queue_pause_user_id_user")),
        sa.PrimaryKeyConstraint("queue", name=op.f("pk_queue_pause")),
    )


def downgrade() -> None:
    op.drop_table("queue_pause")
    op.drop_table("awaited_job")
    for name in _INDEXES:
        op.drop_index(name, "job")
    for name in ("held_at", "awaits_others", "rank", "gpus"):
        op.drop_column("job", name)
