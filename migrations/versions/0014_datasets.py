"""Layouts, former names and versions of datasets

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("dataset", sa.Column("layout", sa.Text(), nullable=False, server_default="folder"))
    op.add_column("dataset", sa.Column("category_ids", sa.Text(), nullable=True))
    op.add_column("dataset", sa.Column("former_names", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("job", sa.Column("dataset_version", sa.Text(), nullable=True))
    op.create_table(
        "dataset_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("class_names", sa.JSON(), nullable=False),
        sa.Column("splits", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["dataset_id"], ["dataset.id"], name=op.f("fk_dataset_version_dataset_id_dataset")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_dataset_version_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dataset_version")),
        sa.UniqueConstraint("dataset_id", "number", name=op.f("uq_dataset_version_dataset_id_number")),
    )
    op.create_index(op.f("ix_dataset_version_digest"), "dataset_version", ["digest"])


def downgrade() -> None:
    op.drop_table("dataset_version")
    op.drop_column("job", "dataset_version")
    for name in ("former_names", "category_ids", "layout"):
        op.drop_column("dataset", name)
