"""Aliases of checkpoints with their history, and by which alias a job's request named its checkpoint

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "alias",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("checkpoint_id", sa.Integer(), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["checkpoint_id"], ["checkpoint.id"], name="fk_alias_checkpoint_id_checkpoint"),
        sa.PrimaryKeyConstraint("name", name="pk_alias"),
    )
    op.create_index("ix_alias_checkpoint_id", "alias", ["checkpoint_id"])
    op.create_table(
        "alias_move",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("from_id", sa.Integer(), nullable=True),
        sa.Column("to_id", sa.Integer(), nullable=True),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name="fk_alias_move_user_id_user"),
        sa.PrimaryKeyConstraint("id", name="pk_alias_move"),
    )
    op.create_index("ix_alias_move_name", "alias_move", ["name"])
    op.add_column("job", sa.Column("alias", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("job", "alias")
    op.drop_table("alias_move")
    op.drop_table("alias")
