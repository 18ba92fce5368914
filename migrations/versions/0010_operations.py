"""Paths relative to the home, counters, and notices of jobs that have ended

Revision ID: 0010
Revises: 0008
"""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import context, op

revision = "0010"
down_revision = "0008"
branch_labels = None
depends_on = None

_TEXTS = {
    "job": ("dataset", "checkpoint"),
    "checkpoint": ("path",),
    "dataset": ("root", "labels"),
    "evaluation": ("checkpoint", "dataset"),
    "result_part": ("folder",),
    "shard": ("manifest",),
}
_JSON = {"job": ("spec", "config", "roots", "result"), "evaluation": ("settings",)}
_AT_ONCE = 500  # rows


def upgrade() -> None:
    op.create_table(
        "counter",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_counter")),
    )
    op.create_table(
        "notice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.Double(), nullable=True),
        sa.Column("sent_at", sa.Double(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_notice_job_id_job")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
    )
    op.create_index(op.f("ix_notice_job_id"), "notice", ["job_id"])
    op.create_index(op.f("ix_notice_due_at"), "notice", ["due_at"])
    op.add_column("job", sa.Column("announced", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_index(op.f("ix_job_announced_state"), "job", ["announced", "state"])
    op.execute("UPDATE job SET announced = true WHERE state IN ('succeeded', 'failed', 'cancelled')")
    _rewrite(str(context.config.attributes["home"]), "home:")


def downgrade() -> None:
    _rewrite("home:", str(context.config.attributes["home"]))
    op.drop_index(op.f("ix_job_announced_state"), "job")
    op.drop_column("job", "announced")
    op.drop_table("notice")
    op.drop_table("counter")


def _rewrite(old: str, new: str) -> None:
    """Let every path that lies under one folder lie under another."""

    def moved(text: str) -> str:
        return f"{new}/{text[len(old) + 1 :]}" if text.startswith(f"{old}/") else text

    for name, columns in _TEXTS.items():
        for column in columns:
            table = sa.table(name, sa.column(column, sa.Text()))
            path = table.c[column]
            moved_path = sa.literal(new) + sa.func.substr(path, len(old) + 1)
            op.execute(table.update().where(path.startswith(f"{old}/", autoescape=True)).values({column: moved_path}))
    for name, columns in _JSON.items():
        _rewrite_json(sa.table(name, sa.column("id"), *(sa.column(each, sa.JSON()) for each in columns)), moved)


def _rewrite_json(table: sa.TableClause, moved: Callable[[str], str]) -> None:
    connection, last = op.get_bind(), 0
    names = [column.name for column in table.c if column.name != "id"]
    while rows := connection.execute(
        table.select().where(table.c.id > last).order_by(table.c.id).limit(_AT_ONCE)
    ).all():
        for row in rows:
            given = {name: getattr(row, name) for name in names}
            found = {name: _in_json(value, moved) for name, value in given.items()}
            if changed := {name: value for name, value in found.items() if value != given[name]}:
                connection.execute(table.update().where(table.c.id == row.id).values(changed))
        last = rows[-1].id


def _in_json(value: Any, moved: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return moved(value)
    if isinstance(value, dict):
        return {key: _in_json(each, moved) for key, each in value.items()}
    return [_in_json(each, moved) for each in value] if isinstance(value, list) else value
