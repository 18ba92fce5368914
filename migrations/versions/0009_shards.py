"""Lists of items in chunks, sums over the shards of a job, and indexes that find the free ones

Revision ID: 0009
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0007"
branch_labels = None
depends_on = None

_INDEXES = (("ix_shard_queued", "number", "state = 'queued'"), ("ix_shard_running", "lease_until", "state = 'running'"))


def upgrade() -> None:
    op.create_table(
        "item_list",
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("n_items", sa.Integer(), nullable=False),
        sa.Column("n_shards", sa.Integer(), nullable=False),
        sa.Column("work", sa.BigInteger(), nullable=False),
        sa.Column("has_videos", sa.Boolean(), nullable=False),
        sa.Column("passed_over", sa.JSON(), nullable=False),
        sa.Column("n_finished", sa.Integer(), nullable=False),
        sa.Column("work_done", sa.BigInteger(), nullable=False),
        sa.Column("n_ok", sa.Integer(), nullable=False),
        sa.Column("n_error", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_item_list_job_id_job")),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_item_list")),
    )
    op.add_column("shard", sa.Column("chunk", sa.Text(), nullable=True))
    op.add_column("shard", sa.Column("offset", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("shard", sa.Column("work", sa.Integer(), nullable=False, server_default="0"))
    for name, column, where in _INDEXES:
        op.create_index(name, "shard", ["job_id", column], sqlite_where=sa.text(where), postgresql_where=sa.text(where))
    # Earlier jobs listed all their items before they were split; what a video is worth is not known here.
    op.execute("UPDATE shard SET work = last - first")
    op.execute(
        "INSERT INTO item_list (job_id, complete, n_items, n_shards, work, has_videos, passed_over,"
        " n_finished, work_done, n_ok, n_error)"
        " SELECT job_id, true, max(last), count(*), max(last), false, '{}',"
        " count(*) FILTER (WHERE state = 'succeeded'),"
        " coalesce(sum(last - first) FILTER (WHERE state = 'succeeded'), 0), sum(n_ok), sum(n_error)"
        " FROM shard GROUP BY job_id"
    )


def downgrade() -> None:
    for name, _, _ in _INDEXES:
        op.drop_index(name, "shard")
    for column in ("work", "offset", "chunk"):
        op.drop_column("shard", column)
    op.drop_table("item_list")
