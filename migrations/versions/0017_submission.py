"""Experiments, presets, and the memory of workers

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "experiment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False, server_default=""),
        sa.Column("tags", sa.Text(), nullable=False, server_default=""),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_experiment_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_experiment")),
        sa.UniqueConstraint("name", name=op.f("uq_experiment_name")),
    )
    op.create_table(
        "preset",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("config", sa.Text(), nullable=False),
        sa.Column("overrides", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_preset_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_preset")),
        sa.UniqueConstraint("user_id", "name", name=op.f("uq_preset_user_id_name")),
    )
    # Written out: SQLite adds no constraint to a table, but a column that has one.
    op.execute(
        "ALTER TABLE job ADD COLUMN experiment_id INTEGER"
        " CONSTRAINT fk_job_experiment_id_experiment REFERENCES experiment (id)"
    )
    op.create_index(op.f("ix_job_experiment_id"), "job", ["experiment_id"])
    op.add_column("worker", sa.Column("memory_bytes", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("worker", "memory_bytes")
    op.drop_index(op.f("ix_job_experiment_id"), "job")
    op.drop_column("job", "experiment_id")
    op.drop_table("preset")
    op.drop_table("experiment")
