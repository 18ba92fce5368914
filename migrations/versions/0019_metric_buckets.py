"""Where the values of a metric are lowest, highest and last within each bucket of iterations

Revision ID: 0019
Revises: 0018
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_BUCKET = 256
_FILL = f"""
    INSERT INTO metric_bucket (job_id, name, start, lowest, lowest_at, highest, highest_at, last_at)
    SELECT DISTINCT job_id, name, start,
        first_value(value) OVER (PARTITION BY job_id, name, start ORDER BY value, iteration),
        first_value(iteration) OVER (PARTITION BY job_id, name, start ORDER BY value, iteration),
        first_value(value) OVER (PARTITION BY job_id, name, start ORDER BY value DESC, iteration),
        first_value(iteration) OVER (PARTITION BY job_id, name, start ORDER BY value DESC, iteration),
        max(iteration) OVER (PARTITION BY job_id, name, start)
    FROM (SELECT *, iteration - iteration % {_BUCKET} AS start FROM metric WHERE name NOT LIKE 'resource/%') AS placed
"""  # noqa: S608


def upgrade() -> None:
    op.create_table(
        "metric_bucket",
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("start", sa.Integer(), nullable=False),
        sa.Column("lowest", sa.Double(), nullable=False),
        sa.Column("lowest_at", sa.Integer(), nullable=False),
        sa.Column("highest", sa.Double(), nullable=False),
        sa.Column("highest_at", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name="fk_metric_bucket_job_id_job"),
        sa.PrimaryKeyConstraint("job_id", "name", "start", name="pk_metric_bucket"),
    )
    op.execute(_FILL)


def downgrade() -> None:
    op.drop_table("metric_bucket")
