"""Accounts: users, their sessions and tokens, and whose doing jobs, events and datasets are

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_OWNED = ("job", "event", "dataset")


def _user_id(table: str) -> sa.Column[int]:
    return sa.Column(
        "user_id", sa.Integer(), sa.ForeignKey("user.id", name=op.f(f"fk_{table}_user_id_user")), nullable=False
    )


def upgrade() -> None:
    op.create_table(
        "user",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("disabled", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user")),
        sa.UniqueConstraint("name", name=op.f("uq_user_name")),
    )
    op.create_table(
        "session",
        sa.Column("hash", sa.Text(), nullable=False),
        _user_id("session"),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("seen_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_session")),
    )
    op.create_table(
        "token",
        sa.Column("id", sa.Integer(), nullable=False),
        _user_id("token"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("used_at", sa.Double(), nullable=True),
        sa.Column("expires_at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_token")),
        sa.UniqueConstraint("hash", name=op.f("uq_token_hash")),
    )
    op.create_table(
        "login_failure",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_failure")),
    )
    op.create_table(
        "login_link",
        sa.Column("hash", sa.Text(), nullable=False),
        _user_id("login_link"),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_login_link")),
    )
    op.create_index(op.f("ix_session_user_id"), "session", ["user_id"])
    op.create_index(op.f("ix_token_user_id"), "token", ["user_id"])
    op.create_index("ix_login_failure_name_address", "login_failure", ["name", "address"])
    op.create_index(op.f("ix_login_failure_at"), "login_failure", ["at"])
    for table in _OWNED:
        # As a text, because Alembic would copy the whole table on SQLite, which can add such a column in place.
        op.execute(
            f'ALTER TABLE {table} ADD COLUMN user_id INTEGER CONSTRAINT fk_{table}_user_id_user REFERENCES "user" (id)'
        )
    op.create_index("ix_job_user_id_id", "job", ["user_id", "id"])


def downgrade() -> None:
    op.drop_index("ix_job_user_id_id", "job")
    for table in _OWNED:
        op.drop_column(table, "user_id")
    for table in ("login_link", "login_failure", "token", "session", "user"):
        op.drop_table(table)
