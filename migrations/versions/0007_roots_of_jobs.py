"""What jobs that were submitted over HTTP may open

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("job", sa.Column("roots", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("job", "roots")
