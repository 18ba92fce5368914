"""Parts of result tables; an evaluation's policy, data set version and confusion matrix

Revision ID: 0003
Revises: 0002
"""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_evaluation = sa.table(
    "evaluation", sa.column("id", sa.Integer), sa.column("scores", sa.JSON), sa.column("confusion", sa.JSON)
)


def _apart(scores: dict[str, Any], _confusion: Any) -> tuple[dict[str, Any], Any]:
    return {name: value for name, value in scores.items() if name != "confusion"}, scores.get("confusion")


def upgrade() -> None:
    op.create_table(
        "result_part",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("n_images", sa.Integer(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_result_part_job_id_job")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_result_part")),
    )
    op.create_index(op.f("ix_result_part_job_id"), "result_part", ["job_id"])
    op.add_column("evaluation", sa.Column("policy", sa.JSON(), nullable=True))
    op.add_column("evaluation", sa.Column("dataset_version", sa.Text(), nullable=True))
    op.add_column("evaluation", sa.Column("confusion", sa.JSON(), nullable=True))
    _move(_apart)


def downgrade() -> None:
    _move(lambda scores, confusion: ({**scores, "confusion": confusion}, None))
    for column in ("confusion", "dataset_version", "policy"):
        op.drop_column("evaluation", column)
    op.drop_table("result_part")


def _move(split: Callable[[dict[str, Any], Any], tuple[dict[str, Any], Any]]) -> None:
    """Move the confusion matrix between `scores` and a column of its own, one row at a time."""
    connection = op.get_bind()
    for (id_,) in connection.execute(sa.select(_evaluation.c.id)).all():
        row = _evaluation.c.id == id_
        scores, confusion = connection.execute(
            sa.select(_evaluation.c.scores, _evaluation.c.confusion).where(row)
        ).one()
        scores, confusion = split(scores, confusion)
        connection.execute(_evaluation.update().where(row).values(scores=scores, confusion=confusion))
