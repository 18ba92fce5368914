"""Output folders and inputs of jobs, pinned checkpoints, and deleted jobs

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "output_folder",
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name="fk_output_folder_job_id_job"),
        sa.PrimaryKeyConstraint("path", name="pk_output_folder"),
    )
    op.create_index("ix_output_folder_job_id", "output_folder", ["job_id"])
    op.create_table(
        "input_pin",
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("stamp", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name="fk_input_pin_job_id_job"),
        sa.PrimaryKeyConstraint("job_id", "name", name="pk_input_pin"),
    )
    op.create_index("ix_input_pin_path_stamp", "input_pin", ["path", "stamp"])
    op.create_table(
        "deleted_job",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("deleted_at", sa.Double(), nullable=False),
        sa.Column("folders", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name="fk_deleted_job_user_id_user"),
        sa.PrimaryKeyConstraint("id", name="pk_deleted_job"),
    )
    op.add_column("checkpoint", sa.Column("pinned", sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    op.drop_column("checkpoint", "pinned")
    op.drop_table("deleted_job")
    op.drop_table("input_pin")
    op.drop_table("output_folder")
